//! Subscriptions, with and without credit.

use buslane_engine::ClientId;
use buslane_protocol::Framing;
use serde_json::{Value, json};

use crate::world::{World, payloads, types};

fn publish(world: &mut World, from: ClientId, topic: &str, payload: Value) {
    world.send(
        from,
        json!({ "type": "publish", "topic": topic, "payload": payload }),
    );
}

#[test]
fn subscribed_and_unsubscribed_are_confirmed() {
    let mut world = World::new();
    let id = world.client();
    world.send(
        id,
        json!({ "type": "subscribe", "id": "s", "filter": "a/+", "shared": "workers" }),
    );
    assert_eq!(
        world.one(id),
        json!({ "type": "subscribed", "id": "s", "filter": "a/+", "shared": "workers" })
    );
    world.send(
        id,
        json!({ "type": "unsubscribe", "id": "u", "filter": "a/+", "shared": "workers" }),
    );
    assert_eq!(world.one(id), json!({ "type": "ack", "id": "u", "receivers": 0 }));
    assert_eq!(world.engine.gauges().subscriptions, 0);
}

#[test]
fn after_unsubscribing_nothing_comes() {
    let mut world = World::new();
    let id = world.subscriber(Framing::Binary, "a");
    world.send(id, json!({ "type": "unsubscribe", "filter": "a" }));
    publish(&mut world, id, "a", json!(1));
    world.nothing(id);
}

#[test]
fn unsubscribing_what_is_not_subscribed_is_refused() {
    let mut world = World::new();
    let id = world.subscriber(Framing::Binary, "a");
    world.send(id, json!({ "type": "unsubscribe", "filter": "b" }));
    assert_eq!(world.error(id), "not_subscribed");
    world.send(
        id,
        json!({ "type": "unsubscribe", "filter": "a", "shared": "workers" }),
    );
    assert_eq!(world.error(id), "not_subscribed");
}

#[test]
fn subscriptions_and_wildcards_past_the_limits_are_refused() {
    let mut world = World::limited(|limits| {
        limits.subscriptions = 2;
        limits.wildcards = 1;
    });
    let id = world.client();
    world.send(id, json!({ "type": "subscribe", "filter": "+/+" }));
    assert_eq!(world.error(id), "invalid_filter");
    for filter in ["a", "b"] {
        world.send(id, json!({ "type": "subscribe", "filter": filter }));
        assert_eq!(world.one(id)["type"], "subscribed");
    }
    world.send(id, json!({ "type": "subscribe", "filter": "c" }));
    assert_eq!(world.error(id), "too_many_subscriptions");
    world.send(id, json!({ "type": "subscribe", "filter": "a" }));
    assert_eq!(
        world.one(id)["type"],
        "subscribed",
        "the same one again is no further one"
    );
    assert_eq!(world.engine.gauges().subscriptions, 2);
}

#[test]
fn credit_limits_the_deliveries_that_are_outstanding() {
    let mut world = World::new();
    let (id, publisher) = (world.client(), world.client());
    world.send(id, json!({ "type": "subscribe", "filter": "a", "credit": 2 }));
    for number in 0..5 {
        publish(&mut world, publisher, "a", json!(number));
    }
    assert_eq!(payloads(&world.read(id)), [0, 1]);
    world.send(id, json!({ "type": "credit", "filter": "a", "count": 1 }));
    assert_eq!(payloads(&world.read(id)), [2]);
    world.send(id, json!({ "type": "credit", "filter": "a", "count": 10 }));
    assert_eq!(payloads(&world.read(id)), [3, 4]);
    publish(&mut world, publisher, "a", json!(5));
    assert_eq!(payloads(&world.read(id)), [5]);
    world.assert_balanced();
}

#[test]
fn what_waits_for_credit_is_bounded_and_leaves_a_gap_that_names_the_subscription() {
    for (policy, expected) in [
        ("drop_oldest", vec![0, 6, 7, 8, 9]),
        ("drop_newest", vec![0, 1, 2, 3, 4]),
    ] {
        let mut world = World::limited(|limits| limits.outbox = 1_100);
        let (id, publisher) = (world.client(), world.client());
        world.send(
            id,
            json!({ "type": "subscribe", "filter": "a", "credit": 1, "overflow": policy }),
        );
        for number in 0..10 {
            publish(&mut world, publisher, "a", json!([number, "x".repeat(200)]));
        }
        world.send(id, json!({ "type": "credit", "filter": "a", "count": 20 }));
        let messages = world.read(id);
        let numbers: Vec<u64> = payloads(&messages)
            .iter()
            .map(|payload| payload[0].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, expected, "{policy}");
        let gap = messages
            .iter()
            .position(|message| message["type"] == "gap")
            .unwrap();
        assert_eq!(
            (&messages[gap]["count"], &messages[gap]["filter"]),
            (&json!(5), &json!("a"))
        );
        assert_eq!(
            gap,
            if policy == "drop_oldest" { 2 } else { 6 },
            "the gap stands in place"
        );
        assert_eq!(world.engine.counters().deliveries_dropped, 5);
        world.assert_balanced();
    }
}

#[test]
fn a_message_that_another_subscription_without_credit_selects_comes_at_once() {
    let mut world = World::new();
    let (id, publisher) = (world.client(), world.client());
    world.send(id, json!({ "type": "subscribe", "filter": "a", "credit": 0 }));
    world.send(id, json!({ "type": "subscribe", "filter": "#" }));
    world.read(id);
    publish(&mut world, publisher, "a", json!(1));
    assert_eq!(payloads(&world.read(id)), [1]);
    world.send(id, json!({ "type": "credit", "filter": "a", "count": 5 }));
    world.nothing(id);
}

#[test]
fn credit_for_what_has_none_is_refused() {
    let mut world = World::new();
    let id = world.subscriber(Framing::Binary, "a");
    world.send(id, json!({ "type": "credit", "filter": "a", "count": 1 }));
    assert_eq!(world.error(id), "not_subscribed");
    world.send(id, json!({ "type": "credit", "filter": "b", "count": 1 }));
    assert_eq!(world.error(id), "not_subscribed");
    world.send(id, json!({ "type": "credit", "id": "ended", "count": 1 }));
    world.nothing(id);
}

#[test]
fn what_waits_for_credit_is_counted_as_lost_when_the_subscription_ends() {
    let mut world = World::new();
    let (id, publisher) = (world.client(), world.client());
    world.send(id, json!({ "type": "subscribe", "filter": "a", "credit": 0 }));
    publish(&mut world, publisher, "a", json!(1));
    world.send(id, json!({ "type": "unsubscribe", "id": "u", "filter": "a" }));
    assert_eq!(types(&world.read(id)), ["subscribed", "ack"]);
    assert!(world.engine.counters().delivery_bytes_lost > 0);
    world.assert_balanced();
}

#[test]
fn credit_moves_what_waits_only_as_the_outbox_drains() {
    let mut world = World::limited(|limits| limits.outbox = 4_000);
    let (id, publisher) = (world.client(), world.client());
    world.send(id, json!({ "type": "subscribe", "filter": "a", "credit": 0 }));
    world.read(id);
    for number in 0..15 {
        publish(&mut world, publisher, "a", json!([number, "x".repeat(200)]));
    }
    world.narrow(id, 0);
    world.send(id, json!({ "type": "credit", "filter": "a", "count": 100 }));
    world.read(id);
    assert!(world.engine.gauges().queued_delivery_bytes > 3_000);
    world.narrow(id, usize::MAX);
    assert_eq!(payloads(&world.read(id)).len(), 15);
    world.assert_balanced();
}
