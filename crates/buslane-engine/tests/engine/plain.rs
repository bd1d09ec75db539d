//! Publishes that ask for nothing but their delivery: the direct way does what the long one does, or nothing.

use buslane_engine::ClientId;
use buslane_protocol::binary::PlainPublish;
use buslane_protocol::{Framing, Payload, Topic};
use serde_json::json;

use crate::world::World;

const TOPIC: &str = "host/load";

/// Hands a publish in by the direct way; tells whether it was taken.
fn hand_in(world: &mut World, id: ClientId, topic: &str, payload: &str) -> bool {
    let publish = PlainPublish {
        topic: Topic::parse(topic).unwrap(),
        payload: Payload::json(payload.as_bytes()),
    };
    world.engine.handle_plain(world.now, id, &publish)
}

/// A world with a publisher that has said something.
fn publisher() -> (World, ClientId) {
    publisher_in(World::new())
}

fn publisher_in(mut world: World) -> (World, ClientId) {
    let id = world.client();
    world.send(id, json!({ "type": "ping" }));
    world.read(id);
    (world, id)
}

/// Asserts that a publish is not taken, and leaves no trace.
#[track_caller]
fn assert_left(world: &mut World, id: ClientId, topic: &str, payload: &str) {
    let before = world.engine.counters().clone();
    assert!(!hand_in(world, id, topic, payload));
    assert_eq!(*world.engine.counters(), before);
    assert_eq!(world.engine.poll_output().map(|_| ()), None);
}

#[test]
fn the_direct_way_delivers_and_counts_like_the_long_one() {
    let worlds = [true, false].map(|direct| {
        let (mut world, id) = publisher();
        let subscriber = world.subscriber(Framing::Binary, "host/+");
        if direct {
            assert!(hand_in(&mut world, id, TOPIC, "0.25"));
        } else {
            // With headers there is only the long way.
            let headers = json!({ "unit": "share" });
            world.send(
                id,
                json!({ "type": "publish", "topic": TOPIC, "payload": 0.25, "headers": headers }),
            );
        }
        let mut delivery = world.one(subscriber);
        let headers = delivery.as_object_mut().unwrap().remove("headers");
        assert_eq!(headers.is_some(), !direct);
        world.assert_balanced();
        let counters = world.engine.counters();
        let counts = (counters.published, counters.deliveries, counters.received);
        (delivery, counts, counters.publish_sizes.clone())
    });
    assert_eq!(worlds[0], worlds[1]);
}

#[test]
fn publishes_of_both_ways_keep_their_order() {
    let (mut world, id) = publisher();
    let subscriber = world.subscriber(Framing::Binary, TOPIC);
    for number in 0..4 {
        let payload = number.to_string();
        if number % 2 == 0 {
            assert!(hand_in(&mut world, id, TOPIC, &payload));
        } else {
            world.send(
                id,
                json!({ "type": "publish", "id": "x", "topic": TOPIC, "payload": number }),
            );
        }
    }
    let payloads: Vec<_> = world
        .read(subscriber)
        .into_iter()
        .map(|message| message["payload"].clone())
        .collect();
    assert_eq!(payloads, [0, 1, 2, 3]);
}

#[test]
fn what_nobody_gets_is_counted_like_by_the_long_way() {
    let counters = [true, false].map(|direct| {
        let (mut world, id) = publisher();
        if direct {
            assert!(hand_in(&mut world, id, TOPIC, "0.25"));
        } else {
            let message = json!({ "type": "publish", "id": "x", "topic": TOPIC, "payload": 0.25 });
            world.send(id, message);
        }
        world.assert_balanced();
        world.engine.counters().clone()
    });
    assert_eq!(counters[0], counters[1]);
    assert_eq!((counters[0].published, counters[0].unhandled_no_receiver), (1, 1));
}

#[test]
fn what_nobody_gets_goes_the_long_way_where_somebody_wants_to_hear_of_it() {
    let (mut world, id) = publisher();
    world.subscriber(Framing::Binary, "$bus/#");
    assert_left(&mut world, id, TOPIC, "1");
}

#[test]
fn what_several_get_goes_the_long_way() {
    let (mut world, id) = publisher();
    world.subscriber(Framing::Binary, TOPIC);
    assert!(hand_in(&mut world, id, TOPIC, "1"));
    world.subscriber(Framing::Binary, TOPIC);
    assert_left(&mut world, id, TOPIC, "1");
}

#[test]
fn what_its_own_sender_gets_goes_the_long_way() {
    let (mut world, id) = publisher();
    world.send(id, json!({ "type": "subscribe", "filter": TOPIC }));
    world.read(id);
    assert_left(&mut world, id, TOPIC, "1");
}

#[test]
fn receivers_with_credit_with_json_or_in_a_group_take_the_long_way() {
    for (framing, more) in [
        (Framing::JsonLines, json!({})),
        (Framing::WebSocketText, json!({})),
        (Framing::Binary, json!({ "credit": 5 })),
        (Framing::Binary, json!({ "shared": "workers" })),
    ] {
        let (mut world, id) = publisher();
        let subscriber = world.open(framing);
        let mut subscribe = json!({ "type": "subscribe", "filter": TOPIC });
        subscribe
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        world.send(subscriber, subscribe);
        world.read(subscriber);
        assert_left(&mut world, id, TOPIC, "1");
    }
}

/// Lets a service declare the topic.
fn declare(world: &mut World, declaration: serde_json::Value) {
    let service = world.client();
    let topics = json!({ TOPIC: declaration });
    world.register(
        service,
        json!({ "name": "monitor", "version": "1", "topics": topics }),
    );
    world.pump();
}

#[test]
fn reserved_topics_and_those_whose_contract_asks_for_more_go_the_long_way() {
    for declaration in [json!({ "retain": true }), json!({ "refuse": true })] {
        let (mut world, id) = publisher();
        world.subscriber_of_everything(Framing::Binary);
        assert!(hand_in(&mut world, id, TOPIC, "1"));
        assert_left(&mut world, id, "$bus/broadcast/x", "1");
        declare(&mut world, declaration);
        assert_left(&mut world, id, TOPIC, "1");
    }
}

#[test]
fn what_matches_the_schema_of_its_topic_takes_the_direct_way_and_what_does_not_the_long_one() {
    let (mut world, id) = publisher_in(World::limited(|limits| limits.validate_inline = 100));
    let subscriber = world.subscriber(Framing::Binary, TOPIC);
    declare(&mut world, json!({ "schema": { "type": "string" } }));
    assert!(hand_in(&mut world, id, TOPIC, "\"text\""));
    assert_eq!(world.engine.counters().validated_inline, 1);
    assert_eq!(world.read(subscriber).len(), 1);
    let long = format!("\"{}\"", "x".repeat(100));
    for payload in ["1", "", "\"", &long] {
        assert_left(&mut world, id, TOPIC, payload);
    }
    world.assert_balanced();
}

#[test]
fn what_breaks_a_limit_goes_the_long_way() {
    let world = World::limited(|limits| (limits.payload, limits.outbox) = (1_024, 8_192));
    let (mut world, id) = publisher_in(world);
    let subscriber = world.subscriber(Framing::Binary, TOPIC);
    assert_left(&mut world, id, TOPIC, &"1".repeat(1_025));
    let payload = format!("\"{}\"", "x".repeat(998));
    let taken = (0..9)
        .take_while(|_| hand_in(&mut world, id, TOPIC, &payload))
        .count();
    assert_eq!(taken, 7);
    assert_left(&mut world, id, TOPIC, &payload);
    assert_eq!(world.read(subscriber).len(), taken);
    world.assert_balanced();
}

#[test]
fn a_client_that_is_to_be_greeted_goes_the_long_way() {
    let mut world = World::new();
    world.subscriber(Framing::Binary, TOPIC);
    let id = world.client();
    assert_left(&mut world, id, TOPIC, "1");
    world.send(id, json!({ "type": "ping" }));
    assert!(hand_in(&mut world, id, TOPIC, "1"));
    world
        .engine
        .close(world.now, id, buslane_engine::CloseReason::EndOfStream);
    assert!(!hand_in(&mut world, id, TOPIC, "1"));
}
