//! A service by hand, over JSON lines, for the requests that come by HTTP.

use buslane_broker::RunningBroker;
use serde_json::{Value, json};

use crate::support::Lines;

/// A client that answers requests.
pub(crate) struct Service(pub(crate) Lines);

impl Service {
    /// Registers an instance of a service with methods.
    pub(crate) fn join(broker: &RunningBroker, name: &str, methods: Value) -> Self {
        Service::register(
            broker,
            json!({ "name": name, "version": "1.0.0", "methods": methods }),
        )
    }

    /// Registers what is given.
    pub(crate) fn register(broker: &RunningBroker, registration: Value) -> Self {
        let mut lines = Lines::join(broker);
        let mut message = registration;
        message["type"] = json!("register");
        lines.send(message);
        lines.expect("registered");
        Service(lines)
    }

    /// Waits for a request.
    pub(crate) fn expect(&mut self) -> Value {
        self.0.expect("request")
    }

    /// Answers a request.
    pub(crate) fn answer(&mut self, request: &Value, kind: &str, more: Value) {
        let mut message = more;
        message["type"] = json!(kind);
        message["delivery"] = request["delivery"].clone();
        self.0.send(message);
    }

    /// Replies to a request.
    pub(crate) fn reply(&mut self, request: &Value, payload: Value) {
        self.answer(request, "reply", json!({ "payload": payload }));
    }
}
