//! Two clients who do nothing wrong, one asking the other, while something goes wrong elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use buslane_broker::RunningBroker;
use serde_json::{Value, json};

use crate::figures::Figures;
use crate::support::Lines;
use crate::support::http::Connection;

/// Two clients who do nothing wrong.
pub(crate) struct Bystander {
    is_over: Arc<AtomicBool>,
    service: JoinHandle<()>,
    caller: JoinHandle<u64>,
}

impl Bystander {
    /// Lets them begin.
    pub(crate) fn join(broker: &RunningBroker) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut service = Lines::join(broker);
        service.send(
            json!({ "type": "register", "name": "bystander", "version": "1.0.0", "methods": ["double"] }),
        );
        service.expect("registered");
        let (mut caller, mut watcher) = (Lines::join(broker), Connection::open(broker));
        Figures::over(&mut watcher).check_memory();
        let told = Arc::clone(&is_over);
        Bystander {
            service: thread::spawn(move || serve(&mut service)),
            caller: thread::spawn(move || {
                let mut asked = 0;
                while !told.load(Ordering::Relaxed) || asked == 0 {
                    ask(&mut caller, asked);
                    if asked % BETWEEN_LOOKS == 0 {
                        Figures::over(&mut watcher).check_memory();
                    }
                    asked += 1;
                }
                caller.send(json!({ "type": "request", "id": "last", "to": "bystander:double" }));
                assert_eq!(caller.expect("reply")["payload"], Value::Null);
                asked
            }),
            is_over,
        }
    }

    /// Ends them, and asserts that each request got its own reply.
    pub(crate) fn ends_well(self) {
        self.is_over.store(true, Ordering::Relaxed);
        assert!(self.caller.join().expect("a bystander lost nothing") > 0);
        self.service.join().expect("a bystander lost nothing");
    }
}

fn ask(caller: &mut Lines, number: u64) {
    let id = number.to_string();
    caller.send(json!({ "type": "request", "id": id, "to": "bystander:double", "payload": number }));
    let reply = caller.expect("reply");
    assert_eq!(
        (&reply["id"], &reply["payload"]),
        (&json!(id), &json!(number * 2))
    );
}

/// Doubles what comes, up to the request without a payload.
fn serve(service: &mut Lines) {
    loop {
        let request = service.expect("request");
        let doubled = request["payload"].as_u64().map(|number| number * 2);
        let delivery = &request["delivery"];
        service.send(json!({ "type": "reply", "delivery": delivery, "payload": doubled }));
        if doubled.is_none() {
            return;
        }
    }
}

/// Requests between two looks at the figures.
const BETWEEN_LOOKS: u64 = 64;
