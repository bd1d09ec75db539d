//! Publishing and who receives.

use buslane_protocol::Framing;
use serde_json::{Value, json};

use crate::wire;
use crate::world::{World, payloads};

#[test]
fn a_publish_reaches_subscribers_of_every_framing() {
    for framing in Framing::ALL {
        let mut world = World::new();
        let subscribers = Framing::ALL.map(|framing| world.subscriber(framing, "host/+/cpu"));
        let publisher = world.open(framing);
        world.read(publisher);
        let publish = json!({ "type": "publish", "id": "p", "topic": "host/a/cpu", "payload": {"load": 0.5},
            "headers": {"unit": "share"}, "ack": true });
        world.send(publisher, publish);
        for subscriber in subscribers {
            assert_eq!(
                world.one(subscriber),
                json!({ "type": "delivery", "id": "p", "topic": "host/a/cpu", "from": "client-5", "payload": {"load": 0.5},
                    "headers": {"unit": "share"} })
            );
        }
        assert_eq!(
            world.one(publisher),
            json!({ "type": "ack", "id": "p", "receivers": 4 })
        );
        world.assert_balanced();
    }
}

#[test]
fn no_receivers_is_no_error() {
    let mut world = World::new();
    let publisher = world.client();
    world.send(
        publisher,
        json!({ "type": "publish", "id": "p", "topic": "a", "ack": true }),
    );
    assert_eq!(world.one(publisher)["receivers"], 0);
    world.send(publisher, json!({ "type": "publish", "topic": "a" }));
    world.nothing(publisher);
}

#[test]
fn an_ack_needs_an_id() {
    let mut world = World::new();
    let publisher = world.open(Framing::JsonLines);
    world.send_frame(publisher, br#"{"type":"publish","topic":"a","ack":true}"#.into());
    assert_eq!(world.error(publisher), "invalid_message");
}

#[test]
fn one_client_gets_one_copy_however_many_of_its_filters_match() {
    let mut world = World::new();
    let subscriber = world.subscriber(Framing::Binary, "a/b");
    for filter in ["a/+", "a/#", "#"] {
        world.send(subscriber, json!({ "type": "subscribe", "filter": filter }));
    }
    world.read(subscriber);
    let publisher = world.client();
    world.send(
        publisher,
        json!({ "type": "publish", "id": "p", "topic": "a/b", "payload": 1, "ack": true }),
    );
    assert_eq!(world.one(publisher)["receivers"], 1);
    assert_eq!(world.read(subscriber).len(), 1);
}

#[test]
fn a_publisher_gets_its_own_unless_it_excludes_itself() {
    let mut world = World::new();
    let id = world.subscriber(Framing::Binary, "a");
    world.send(id, json!({ "type": "publish", "topic": "a", "payload": 1 }));
    assert_eq!(world.one(id)["payload"], 1);
    world.send(id, json!({ "type": "publish", "id": "p", "topic": "a", "payload": 2, "exclude_self": true, "ack": true }));
    assert_eq!(world.one(id)["receivers"], 0);
}

#[test]
fn topics_of_the_broker_are_refused_except_broadcasts() {
    let mut world = World::new();
    let id = world.subscriber(Framing::Binary, "$bus/broadcast/#");
    for topic in [
        "$bus/service/online/attic",
        "$SYS/load",
        "$bus/broadcast",
        "$bus/overflow",
    ] {
        world.send(id, json!({ "type": "publish", "topic": topic }));
        assert_eq!(world.error(id), "reserved_topic", "{topic}");
    }
    world.send(
        id,
        json!({ "type": "publish", "topic": "$bus/broadcast/all", "payload": "hello" }),
    );
    assert_eq!(world.one(id)["payload"], "hello");
}

#[test]
fn a_wildcard_at_the_first_level_does_not_match_topics_of_the_broker() {
    let mut world = World::new();
    let id = world.subscriber(Framing::Binary, "#");
    world.send(
        id,
        json!({ "type": "publish", "topic": "$bus/broadcast/all", "payload": 1 }),
    );
    world.nothing(id);
}

#[test]
fn publishes_of_one_client_arrive_in_order() {
    let mut world = World::new();
    let subscriber = world.subscriber(Framing::JsonLines, "#");
    let publisher = world.client();
    for number in 0..100 {
        world.send(
            publisher,
            json!({ "type": "publish", "topic": format!("t/{}", number % 7), "payload": number }),
        );
    }
    assert_eq!(
        payloads(&world.read(subscriber)),
        (0..100).map(Value::from).collect::<Vec<_>>()
    );
}

#[test]
fn a_payload_that_is_no_json_is_refused_before_anybody_gets_it_if_one_receiver_reads_json() {
    let mut world = World::new();
    let binary = world.subscriber(Framing::Binary, "a");
    let publisher = world.client();
    let frame = wire::with_broken_json(&json!({ "type": "publish", "id": "p", "topic": "a", "payload": 11 }));
    world.send_frame(publisher, frame.clone());
    assert_eq!(
        world.read(binary).len(),
        1,
        "between binary clients it is nobody's concern"
    );
    let text = world.subscriber(Framing::JsonLines, "a");
    world.send_frame(publisher, frame.clone());
    assert_eq!(world.error(publisher), "invalid_payload");
    world.nothing(binary);
    world.close(text);
    let member = world.open(Framing::JsonLines);
    world.send(
        member,
        json!({ "type": "subscribe", "filter": "a", "shared": "workers" }),
    );
    world.read(member);
    world.send_frame(publisher, frame);
    assert_eq!(world.error(publisher), "invalid_payload");
    world.nothing(binary);
}

#[test]
fn a_payload_that_is_no_json_concerns_only_those_who_would_get_it() {
    let mut world = World::new();
    let binary = world.subscriber(Framing::Binary, "a");
    let text = world.subscriber(Framing::WebSocketText, "b");
    let publisher = world.client();
    for (topic, refused) in [("a", false), ("b", true)] {
        let publish = json!({ "type": "publish", "topic": topic, "payload": 11 });
        let frame = wire::with_broken_json(&publish);
        world.send_frame(publisher, frame);
        assert_eq!(world.read(publisher).len(), usize::from(refused), "{topic}");
    }
    assert_eq!(world.read(binary).len(), 1);
    world.nothing(text);
}

#[test]
fn json_is_forwarded_verbatim() {
    let mut world = World::new();
    let id = world.subscriber(Framing::Binary, "a");
    let publisher = world.open(Framing::JsonLines);
    world.send_frame(
        publisher,
        br#"{"type":"publish","topic":"a","payload":{ "n" : 1.50e+2 , "big":12345678901234567890123 }}"#
            .into(),
    );
    let mut bytes = Vec::new();
    world
        .engine
        .transmit(world.now, id, |slices| {
            slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
            Ok(slices.iter().map(|slice| slice.len()).sum())
        })
        .unwrap();
    let text = r#"{ "n" : 1.50e+2 , "big":12345678901234567890123 }"#;
    assert!(bytes.ends_with(text.as_bytes()));
}

#[test]
fn a_large_payload_is_shared_between_the_outboxes_and_arrives_whole() {
    let mut world = World::new();
    let subscribers: Vec<_> = (0..50).map(|_| world.subscriber(Framing::Binary, "a")).collect();
    let publisher = world.client();
    let before = world.engine.gauges().memory;
    let payload = "x".repeat(100_000);
    world.send(
        publisher,
        json!({ "type": "publish", "topic": "a", "payload": payload }),
    );
    let growth = world.engine.gauges().memory - before;
    assert!(growth < 300_000, "50 copies would be 5 MB, this is {growth}");
    for subscriber in subscribers {
        assert_eq!(world.one(subscriber)["payload"], payload);
    }
    world.assert_balanced();
}

#[test]
fn a_publish_that_would_examine_too_many_filters_is_refused() {
    let mut world = World::limited(|limits| limits.matches = 3);
    let id = world.client();
    for filter in [
        "a/b/c/d", "a/+/c/d", "a/b/+/d", "+/b/c/d", "+/+/c/d", "+/b/+/d", "a/+/+/d",
    ] {
        world.send(id, json!({ "type": "subscribe", "filter": filter }));
    }
    world.read(id);
    world.send(id, json!({ "type": "publish", "id": "p", "topic": "a/b/c/d", "ack": true, "retain": "set", "payload": 1 }));
    assert_eq!(world.error(id), "match_limit");
    assert_eq!(world.engine.gauges().retained, 0);
}
