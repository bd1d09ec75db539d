//! Subscriptions: what one wire copy feeds, what is retained, shared, present, missing.

use buslane_protocol::{Overflow, Retain};
use buslane_session::{Event, PublishOptions, SubscribeOptions, SubscriptionKey};
use serde_json::json;

use crate::asking::{delivered, json_of};
use crate::network::{Network, Node};

fn retained() -> PublishOptions<'static> {
    PublishOptions {
        retain: Retain::Set,
        ..PublishOptions::default()
    }
}

fn topics(events: &[Event<'_>]) -> Vec<String> {
    let topic = |event: &Event<'_>| match event {
        Event::Delivery { delivery, .. } => Some(delivery.topic.to_string()),
        _ => None,
    };
    events.iter().filter_map(topic).collect()
}

/// Returns the keys of each delivery.
fn keys(events: &[Event<'_>]) -> Vec<Vec<SubscriptionKey>> {
    let keys = |event: &Event<'_>| match event {
        Event::Delivery { keys, .. } => Some(keys.to_vec()),
        _ => None,
    };
    events.iter().filter_map(keys).collect()
}

fn shared(name: &str) -> SubscribeOptions {
    SubscribeOptions {
        shared: Some(name.parse().unwrap()),
        ..SubscribeOptions::default()
    }
}

#[test]
fn one_wire_copy_feeds_every_subscription_that_selects_it() {
    let mut network = Network::new();
    let (listener, exact) = network.add_subscriber("host/a/cpu");
    let wild = network.subscribe(listener, "host/+/cpu", SubscribeOptions::default());
    let twin = network.subscribe(listener, "host/+/cpu", SubscribeOptions::default());
    network.subscribe(listener, "host/+/memory", SubscribeOptions::default());
    let publisher = network.add();
    network.drive();
    network.forget();
    network.publish(publisher, "host/a/cpu", json!(1));
    network.publish(publisher, "host/b/cpu", json!(2));
    network.drive();
    assert_eq!(
        keys(&network.events(listener)),
        [vec![exact, wild, twin], vec![wild, twin]]
    );
}

#[test]
fn the_last_of_equal_subscriptions_ends_the_brokers() {
    let mut network = Network::new();
    let (listener, one) = network.add_subscriber("host/#");
    let two = network.subscribe(listener, "host/#", SubscribeOptions::default());
    network.drive();
    network.forget();
    network.session(listener).unsubscribe(one);
    network.publish(listener, "host/a", json!(1));
    network.drive();
    assert_eq!(keys(&network.events(listener)), [vec![two]]);
    network.session(listener).unsubscribe(two);
    network.publish(listener, "host/a", json!(2));
    network.drive();
    assert_eq!(network.events(listener), []);
    assert_eq!(network.engine.gauges().subscriptions, 0);
}

#[test]
fn a_retained_value_comes_to_each_new_subscription() {
    let mut network = Network::new();
    let publisher = network.add();
    network.publish_with(publisher, "config/colour", json!("blue"), retained());
    network.drive();
    let (listener, _) = network.add_subscriber_ending_in_delivery("config/#");
    let late = network.subscribe(listener, "config/+", SubscribeOptions::default());
    network.drive();
    let events = network.events(listener);
    assert!(
        matches!(events[0], Event::Subscribed { key } if key == late),
        "{events:#?}"
    );
    let Event::Delivery { keys, delivery } = &events[1] else {
        panic!("{events:#?}")
    };
    assert!(delivery.retained);
    assert_eq!(**keys, [late]);
}

#[test]
fn a_shared_subscription_gives_each_message_to_one_member() {
    let mut network = Network::new();
    let members = [network.add(), network.add()];
    let keys_of = members.map(|member| network.subscribe(member, "jobs/#", shared("workers")));
    let publisher = network.add();
    network.drive();
    network.forget();
    for number in 0..10 {
        network.publish(publisher, "jobs/new", json!(number));
    }
    network.drive();
    let events = members.map(|member| network.events(member));
    assert_eq!(events.each_ref().map(|events| events.len()), [5, 5]);
    for (events, key) in events.iter().zip(keys_of) {
        assert!(keys(events).iter().all(|keys| *keys == [key]));
    }
}

#[test]
fn a_shared_copy_goes_to_the_shared_subscription_alone() {
    let mut network = Network::new();
    let (listener, plain) = network.add_subscriber("jobs/#");
    let workers = network.subscribe(listener, "jobs/#", shared("workers"));
    network.drive();
    network.forget();
    network.publish(listener, "jobs/new", json!(1));
    network.drive();
    let mut found = keys(&network.events(listener));
    found.sort();
    assert_eq!(found, [vec![plain], vec![workers]]);
}

#[test]
fn a_late_listener_first_learns_who_is_there() {
    let mut network = Network::new();
    network.add_service("attic", "one", &["get"]);
    let listener = network.add();
    network.forget();
    network.subscribe(listener, "$bus/service/#", SubscribeOptions::default());
    network.drive();
    let events = network.events(listener);
    let expected = [
        "$bus/service/connect/attic",
        "$bus/service/online/attic",
        "$bus/snapshot-end",
    ];
    let mut seen = topics(&events);
    seen.sort();
    assert_eq!(seen, expected);
    let service = network.add_service("cellar", "one", &["get"]);
    network.cut(service);
    network.drive();
    let expected = [
        "connect/cellar",
        "online/cellar",
        "disconnect/cellar",
        "offline/cellar",
    ];
    let seen = topics(&network.events(listener));
    assert_eq!(seen, expected.map(|topic| format!("$bus/service/{topic}")));
}

#[test]
fn the_present_state_comes_to_the_new_listener_alone() {
    let mut network = Network::new();
    network.add_service("attic", "one", &["get"]);
    let listener = network.add();
    let first = network.subscribe(listener, "$bus/service/#", SubscribeOptions::default());
    network.drive();
    network.forget();
    let second = network.subscribe(listener, "$bus/service/#", SubscribeOptions::default());
    network.drive();
    let found = keys(&network.events(listener));
    assert_eq!(found, vec![vec![second]; 3]);
    network.add_service("cellar", "one", &["get"]);
    assert_eq!(keys(&network.events(listener)), vec![vec![first, second]; 2]);
}

#[test]
fn the_present_state_comes_again_after_a_reconnect() {
    let mut network = Network::new();
    network.add_service("attic", "one", &["get"]);
    let listener = network.add();
    let key = network.subscribe(listener, "$bus/service/#", SubscribeOptions::default());
    network.drive();
    network.cut(listener);
    network.forget();
    network.pass_ms(200);
    assert_eq!(keys(&network.events(listener)), vec![vec![key]; 3]);
}

#[test]
fn what_a_slow_listener_misses_stands_as_a_gap() {
    let mut network = Network::limited(|limits| limits.outbox = 16 << 10);
    let (listener, key) = network.add_subscriber("host/#");
    let publisher = network.add();
    network.forget();
    network.narrow(listener, 0);
    for number in 0..200 {
        network.publish(
            publisher,
            "host/a",
            json!({ "number": number, "padding": "x".repeat(200) }),
        );
    }
    network.drive();
    network.narrow(listener, usize::MAX);
    network.drive();
    let events = network.events(listener);
    let missing = |event: &Event<'_>| match event {
        Event::Gap {
            keys,
            count,
            unknown: false,
            ..
        } if **keys == [key] => Some(*count),
        _ => None,
    };
    let missing: u64 = events.iter().filter_map(missing).sum();
    let came = delivered(&events);
    assert!(missing > 0, "{}", came.len());
    assert_eq!(missing + came.len() as u64, 200);
    assert_eq!(came.last().unwrap()["number"], 199);
}

#[test]
fn credit_holds_deliveries_back_until_the_program_allows_more() {
    let mut network = Network::new();
    let listener = network.add();
    let options = SubscribeOptions {
        credit: Some(2),
        overflow: Overflow::DropNewest,
        ..SubscribeOptions::default()
    };
    let key = network.subscribe(listener, "host/#", options);
    network.drive();
    network.forget();
    for number in 0..5 {
        network.publish(listener, "host/a", json!(number));
    }
    network.drive();
    assert_eq!(delivered(&network.events(listener)), [json!(0), json!(1)]);
    network.session(listener).credit(key, 2);
    network.drive();
    assert_eq!(delivered(&network.events(listener)), [json!(2), json!(3)]);
}

#[test]
fn a_refused_filter_is_reported_and_forgotten() {
    let mut network = Network::new();
    let listener = network.add();
    network.forget();
    let key = network.subscribe(listener, "+/+/+/+/#", SubscribeOptions::default());
    network.drive();
    let Event::SubscriptionFailed { key: failed, problem } = network.one(listener) else {
        panic!()
    };
    assert_eq!((failed, &*problem.code), (key, "invalid_filter"));
    network.cut(listener);
    network.pass_ms(200);
    let events = network.events(listener);
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::SubscriptionFailed { .. })),
        "{events:#?}"
    );
}

impl Network {
    /// Adds a session that subscribes to a filter and at once gets a retained value.
    fn add_subscriber_ending_in_delivery(&mut self, filter: &str) -> (Node, SubscriptionKey) {
        let node = self.add();
        let key = self.subscribe(node, filter, SubscribeOptions::default());
        self.drive();
        let events = self.events(node);
        let Some(Event::Delivery { keys, delivery }) = events.last() else {
            panic!("{events:#?}")
        };
        assert!(delivery.retained && **keys == [key]);
        assert_eq!(json_of(&delivery.payload), json!("blue"));
        (node, key)
    }
}
