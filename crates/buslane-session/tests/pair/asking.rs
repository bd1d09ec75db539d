//! What tests have sessions do, and how they read what comes of it: the words that the tests are written in.

use buslane_protocol::{Address, Deadline, Filter, Headers, Payload, Targets, Topic};
use buslane_session::{
    DeliveryToken, Event, PublishKey, PublishOptions, RegistrationKey, RequestKey, RequestOptions,
    SubscribeOptions, SubscriptionKey,
};
use serde_json::{Value, json};

use crate::network::{Network, Node};

impl Network {
    /// Adds a session that offers methods, and registers it under a fixed instance name.
    pub(crate) fn add_service(&mut self, name: &str, instance: &str, methods: &[&str]) -> Node {
        let node = self.add();
        self.register(
            node,
            json!({ "name": name, "version": "1.0.0", "instance": instance, "methods": methods }),
        );
        self.drive();
        let events = self.events(node);
        assert!(
            matches!(events.last(), Some(Event::Registered { .. })),
            "{events:#?}"
        );
        node
    }

    /// Makes a network of the service `attic#one` with its method `get`, and of a session that may call it. What it took
    /// is forgotten.
    pub(crate) fn with_attic() -> (Network, Node, Node) {
        let mut network = Network::new();
        let service = network.add_service("attic", "one", &["get"]);
        let caller = network.add();
        network.forget();
        (network, service, caller)
    }

    /// Has a session call `attic:get`, and returns the token with which the service answers.
    #[track_caller]
    pub(crate) fn ask_attic(&mut self, caller: Node, service: Node) -> DeliveryToken {
        self.call(caller, "attic:get", json!({}));
        self.drive();
        self.invoked(service)
    }

    /// Adds a session that subscribes to a filter.
    pub(crate) fn add_subscriber(&mut self, filter: &str) -> (Node, SubscriptionKey) {
        let node = self.add();
        let key = self.subscribe(node, filter, SubscribeOptions::default());
        self.drive();
        let events = self.events(node);
        assert!(
            matches!(events.last(), Some(Event::Subscribed { .. })),
            "{events:#?}"
        );
        (node, key)
    }

    /// Has a session register, given as JSON.
    pub(crate) fn register(&mut self, node: Node, registration: Value) -> RegistrationKey {
        let now = self.now;
        self.session(node)
            .register(now, serde_json::from_value(registration).unwrap())
            .unwrap()
    }

    /// Has a session call an address with the default options.
    pub(crate) fn call(&mut self, node: Node, address: &str, payload: Value) -> RequestKey {
        self.call_with(node, address, payload, RequestOptions::default())
    }

    /// Has a session call an address, or several separated by blanks.
    pub(crate) fn call_with(
        &mut self,
        node: Node,
        addresses: &str,
        payload: Value,
        options: RequestOptions<'_>,
    ) -> RequestKey {
        let mut parsed: Vec<_> = addresses
            .split(' ')
            .map(|address| Address::parse(address).unwrap())
            .collect();
        let to = if parsed.len() == 1 {
            Targets::One(parsed.remove(0))
        } else {
            Targets::Several(parsed)
        };
        let now = self.now;
        self.session(node)
            .request(now, to, payload_of(&payload), options)
            .unwrap()
    }

    /// Has a session subscribe.
    pub(crate) fn subscribe(
        &mut self,
        node: Node,
        filter: &str,
        options: SubscribeOptions,
    ) -> SubscriptionKey {
        self.session(node)
            .subscribe(Filter::parse(filter).unwrap(), options)
            .unwrap()
    }

    /// Has a session publish with the default options.
    pub(crate) fn publish(&mut self, node: Node, topic: &str, payload: Value) {
        self.publish_with(node, topic, payload, PublishOptions::default());
    }

    /// Has a session publish.
    pub(crate) fn publish_with(
        &mut self,
        node: Node,
        topic: &str,
        payload: Value,
        options: PublishOptions<'_>,
    ) -> Option<PublishKey> {
        let now = self.now;
        let topic = Topic::parse(topic).unwrap();
        self.session(node)
            .publish(now, &topic, payload_of(&payload), options)
            .unwrap()
    }

    /// Has a session reply.
    pub(crate) fn reply(&mut self, node: Node, token: DeliveryToken, payload: Value) {
        self.session(node)
            .reply(token, Headers::default(), payload_of(&payload))
            .unwrap();
    }

    /// Takes the one request that must have come in, and returns its token.
    #[track_caller]
    pub(crate) fn invoked(&mut self, node: Node) -> DeliveryToken {
        match self.one(node) {
            Event::Request { token, .. } => token,
            other => panic!("{other:#?}"),
        }
    }
}

/// Returns how a publish is made that asks for an acknowledgement.
pub(crate) fn acked() -> PublishOptions<'static> {
    PublishOptions {
        ack: true,
        ..PublishOptions::default()
    }
}

/// Returns how a request is made that ends after so many milliseconds.
pub(crate) fn within(milliseconds: u32) -> RequestOptions<'static> {
    RequestOptions {
        deadline: Deadline::After(milliseconds),
        ..RequestOptions::default()
    }
}

/// Makes a payload of JSON; `null` stands for none.
pub(crate) fn payload_of(payload: &Value) -> Payload<'static> {
    if payload.is_null() {
        Payload::absent()
    } else {
        Payload::json(payload.to_string().into_bytes())
    }
}

/// Reads a payload as JSON.
pub(crate) fn json_of(payload: &Payload<'_>) -> Value {
    serde_json::from_slice(&payload.bytes).unwrap()
}

/// Returns the codes of the failures among events.
pub(crate) fn failures(events: &[Event<'_>]) -> Vec<String> {
    let code = |event: &Event<'_>| match event {
        Event::Failed { problem, .. } | Event::PublishFailed { problem, .. } => {
            Some(problem.code.to_string())
        }
        _ => None,
    };
    events.iter().filter_map(code).collect()
}

/// Returns the payloads of the deliveries among events.
pub(crate) fn delivered(events: &[Event<'_>]) -> Vec<Value> {
    let payload = |event: &Event<'_>| match event {
        Event::Delivery { delivery, .. } => Some(json_of(&delivery.payload)),
        _ => None,
    };
    events.iter().filter_map(payload).collect()
}
