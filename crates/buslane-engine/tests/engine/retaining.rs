//! Retained values.

use std::time::Duration;

use buslane_protocol::Framing;
use serde_json::{Value, json};

use crate::wire;
use crate::world::{World, payloads, topics};

fn retain(world: &mut World, id: buslane_engine::ClientId, topic: &str, payload: Value) {
    world.send(
        id,
        json!({ "type": "publish", "topic": topic, "payload": payload, "retain": "set" }),
    );
}

#[test]
fn a_new_subscription_gets_the_retained_values_marked() {
    for framing in Framing::ALL {
        let mut world = World::new();
        let publisher = world.client();
        retain(&mut world, publisher, "host/a", json!(1));
        retain(&mut world, publisher, "host/b", json!(2));
        retain(&mut world, publisher, "host/a", json!(3));
        retain(&mut world, publisher, "other", json!(4));
        let id = world.open(framing);
        world.read(id);
        world.send(id, json!({ "type": "subscribe", "filter": "host/+" }));
        let messages = world.read(id);
        assert_eq!(messages[0]["type"], "subscribed");
        assert_eq!(topics(&messages), ["host/a", "host/b"]);
        assert_eq!(payloads(&messages), [3, 2]);
        assert!(
            messages[1..]
                .iter()
                .all(|message| message["retained"] == true && message["from"] == "client-1")
        );
        assert!(messages[1..].iter().all(|message| message["filter"] == "host/+"));
        world.assert_balanced();
    }
}

#[test]
fn a_live_delivery_of_a_retained_publish_is_not_marked() {
    let mut world = World::new();
    let id = world.subscriber(Framing::Binary, "a");
    retain(&mut world, id, "a", json!(1));
    let message = world.one(id);
    assert_eq!((message.get("retained"), message.get("filter")), (None, None));
}

#[test]
fn clear_removes_the_value_and_null_is_a_value() {
    let mut world = World::new();
    let publisher = world.client();
    retain(&mut world, publisher, "a", Value::Null);
    assert_eq!(world.engine.gauges().retained, 1);
    let id = world.client();
    world.send(id, json!({ "type": "subscribe", "filter": "a" }));
    assert_eq!(payloads(&world.read(id)), [Value::Null]);
    world.send(
        publisher,
        json!({ "type": "publish", "topic": "a", "retain": "clear" }),
    );
    assert_eq!(world.engine.gauges().retained, 0);
}

#[test]
fn a_retained_value_lapses_after_its_lifetime() {
    let mut world = World::new();
    let publisher = world.client();
    world.send(
        publisher,
        json!({ "type": "publish", "topic": "a", "payload": 1, "retain": "set", "retain_ms": 500 }),
    );
    world.pass(Duration::from_millis(499));
    assert_eq!(world.engine.gauges().retained, 1);
    world.pass(Duration::from_millis(2));
    assert_eq!(
        (
            world.engine.gauges().retained,
            world.engine.gauges().retained_bytes
        ),
        (0, 0)
    );
}

#[test]
fn shared_subscriptions_get_no_retained_values() {
    let mut world = World::new();
    let publisher = world.client();
    retain(&mut world, publisher, "a", json!(1));
    let id = world.client();
    world.send(
        id,
        json!({ "type": "subscribe", "filter": "a", "shared": "workers" }),
    );
    assert_eq!(world.one(id)["type"], "subscribed");
}

#[test]
fn past_the_cap_a_value_is_refused_and_nobody_gets_it() {
    let mut world = World::limited(|limits| limits.retained = 4_000);
    let id = world.subscriber(Framing::Binary, "#");
    let mut refused = 0;
    for number in 0..20 {
        world.send(id, json!({ "type": "publish", "topic": format!("t/{number}"), "payload": "x".repeat(500), "retain": "set" }));
        refused += usize::from(world.one(id)["type"] == "error");
    }
    assert!(refused > 10);
    assert_eq!(world.engine.gauges().retained + refused as u64, 20);
    assert!(world.engine.gauges().retained_bytes <= 4_000);
    let topic = "t/0";
    retain(&mut world, id, topic, json!("y".repeat(500)));
    assert_eq!(
        world.one(id)["type"],
        "delivery",
        "a value of the same size takes the place of the old one"
    );
}

#[test]
fn a_topic_declared_to_retain_does_so_by_default() {
    let mut world = World::new();
    let declarer = world.client();
    world.register(
        declarer,
        json!({ "name": "m", "version": "1", "topics": { "a": { "retain": true } } }),
    );
    world.send(declarer, json!({ "type": "publish", "topic": "a", "payload": 1 }));
    assert_eq!(world.engine.gauges().retained, 1);
    world.send(
        declarer,
        json!({ "type": "publish", "topic": "a", "retain": "clear" }),
    );
    assert_eq!(world.engine.gauges().retained, 0);
}

#[test]
fn many_retained_values_come_paced_by_the_outbox_and_all_of_them() {
    let mut world = World::limited(|limits| limits.outbox = 10_000);
    let publisher = world.client();
    for number in 0..500 {
        retain(
            &mut world,
            publisher,
            &format!("t/{number:03}"),
            json!([number, "x".repeat(200)]),
        );
    }
    let id = world.client();
    world.narrow(id, 0);
    world.send(id, json!({ "type": "subscribe", "filter": "t/#" }));
    world.read(id);
    assert!(
        world.engine.gauges().queued_delivery_bytes <= 6_000,
        "half the lane is left to live messages"
    );
    let mut got = Vec::new();
    for _ in 0..2_000 {
        world.narrow(id, 777);
        got.extend(payloads(&world.read(id)));
    }
    let numbers: Vec<u64> = got.iter().map(|payload| payload[0].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    assert_eq!(world.engine.counters().deliveries_dropped, 0);
    world.assert_balanced();
}

#[test]
fn live_messages_pass_while_retained_values_wait_for_room() {
    let mut world = World::limited(|limits| limits.outbox = 4_000);
    let publisher = world.client();
    for number in 0..100 {
        retain(
            &mut world,
            publisher,
            &format!("t/{number:03}"),
            json!("x".repeat(200)),
        );
    }
    let id = world.client();
    world.narrow(id, 0);
    world.send(id, json!({ "type": "subscribe", "filter": "t/#" }));
    world.read(id);
    world.send(
        publisher,
        json!({ "type": "publish", "topic": "t/live", "payload": "live" }),
    );
    world.narrow(id, usize::MAX);
    let messages = world.read(id);
    assert_eq!(payloads(&messages).len(), 101);
    let live = messages
        .iter()
        .position(|message| message["payload"] == "live")
        .unwrap();
    assert!(live < 50);
    assert_eq!(world.engine.counters().deliveries_dropped, 0);
}

#[test]
fn retained_values_take_credit() {
    let mut world = World::new();
    let publisher = world.client();
    for number in 0..5 {
        retain(&mut world, publisher, &format!("t/{number}"), json!(number));
    }
    let id = world.client();
    world.send(id, json!({ "type": "subscribe", "filter": "t/#", "credit": 2 }));
    assert_eq!(payloads(&world.read(id)), [0, 1]);
    world.send(id, json!({ "type": "credit", "filter": "t/#", "count": 2 }));
    assert_eq!(payloads(&world.read(id)), [2, 3]);
    world.send(id, json!({ "type": "unsubscribe", "filter": "t/#" }));
    world.send(id, json!({ "type": "credit", "filter": "t/#", "count": 2 }));
    assert_eq!(payloads(&world.read(id)), Vec::<Value>::new());
    world.assert_balanced();
}

#[test]
fn a_retained_payload_has_to_be_json_as_it_may_be_read_as_such() {
    let mut world = World::new();
    let id = world.client();
    let frame =
        wire::with_broken_json(&json!({ "type": "publish", "topic": "a", "payload": 11, "retain": "set" }));
    world.send_frame(id, frame);
    assert_eq!(world.error(id), "invalid_payload");
    assert_eq!(world.engine.gauges().retained, 0);
}
