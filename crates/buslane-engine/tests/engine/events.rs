//! The broker's own events.

use buslane_engine::ClientId;
use buslane_protocol::Framing;
use serde_json::{Value, json};

use crate::world::{World, topics};

fn about(messages: &[Value]) -> Vec<String> {
    let deliveries = messages.iter().filter(|message| message["type"] == "delivery");
    deliveries
        .map(|message| {
            let kind = message["topic"]
                .as_str()
                .unwrap()
                .trim_start_matches("$bus/service/")
                .to_owned();
            let instance = message["payload"]["instance"].as_str().unwrap_or_default();
            let mark = if message["snapshot"] == true {
                " snapshot"
            } else {
                ""
            };
            format!("{kind} {instance}{mark}")
        })
        .collect()
}

#[test]
fn services_are_announced_as_they_come_and_go() {
    let mut world = World::new();
    let watcher = world.subscriber(Framing::JsonLines, "$bus/service/#");
    world.read(watcher);
    let one = world.service("attic", "one", &["get", "set"]);
    let two = world.service("attic", "two", &["get"]);
    assert_eq!(
        about(&world.read(watcher)),
        ["connect/attic one", "online/attic one", "connect/attic two"]
    );
    world.close(one);
    world.send(two, json!({ "type": "unregister", "name": "attic" }));
    let events = world.read(watcher);
    assert_eq!(
        about(&events),
        [
            "disconnect/attic one",
            "disconnect/attic two",
            "offline/attic two"
        ]
    );
    assert_eq!(
        events[0]["payload"],
        json!({ "service": "attic", "version": "1.0.0", "instance": "one", "groups": [], "methods": ["get", "set"],
            "node": "here", "reason": "end_of_stream", "unix_ms": 1_700_000_001_000_u64 })
    );
    assert_eq!(
        (&events[1]["payload"]["reason"], &events[1]["from"]),
        (&json!("unregistered"), &json!("$bus"))
    );
}

#[test]
fn consumers_come_and_go_unannounced() {
    let mut world = World::new();
    let watcher = world.subscriber(Framing::Binary, "$bus/service/#");
    world.read(watcher);
    let consumer = world.client();
    world.register(consumer, json!({ "name": "watcher", "version": "1" }));
    world.close(consumer);
    world.nothing(watcher);
}

#[test]
fn a_late_subscriber_gets_the_present_state_and_then_its_end() {
    for framing in Framing::ALL {
        let mut world = World::new();
        for (service, instance) in [("cellar", "c"), ("attic", "two"), ("attic", "one")] {
            world.service(service, instance, &["get"]);
        }
        let watcher = world.open(framing);
        world.read(watcher);
        world.send(
            watcher,
            json!({ "type": "subscribe", "filter": "$bus/service/#" }),
        );
        let messages = world.read(watcher);
        assert_eq!(
            about(&messages),
            [
                "online/attic one snapshot",
                "connect/attic one snapshot",
                "connect/attic two snapshot",
                "online/cellar c snapshot",
                "connect/cellar c snapshot",
                "$bus/snapshot-end "
            ]
        );
        assert_eq!(
            messages.last().unwrap()["payload"],
            json!({ "filter": "$bus/service/#" })
        );
        world.service("attic", "three", &["get"]);
        assert_eq!(about(&world.read(watcher)), ["connect/attic three"]);
    }
}

#[test]
fn a_snapshot_holds_what_the_filter_selects() {
    let mut world = World::new();
    world.service("attic", "one", &["get"]);
    world.service("cellar", "c", &["get"]);
    for (filter, expected) in [
        (
            "$bus/service/online/+",
            vec![
                "online/attic one snapshot",
                "online/cellar c snapshot",
                "$bus/snapshot-end ",
            ],
        ),
        (
            "$bus/service/connect/cellar",
            vec!["connect/cellar c snapshot", "$bus/snapshot-end "],
        ),
        ("$bus/service/offline/+", vec!["$bus/snapshot-end "]),
        ("$bus/overflow", vec![]),
    ] {
        let watcher = world.client();
        world.send(watcher, json!({ "type": "subscribe", "filter": filter }));
        assert_eq!(about(&world.read(watcher)), expected, "{filter}");
    }
}

/// Makes a bus of 60 instances and a subscriber to their presence that has read nothing yet.
fn paced() -> (World, ClientId) {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    for number in 0..60 {
        world.service(&format!("s{number:02}"), "i", &["get"]);
    }
    let watcher = world.client();
    world.narrow(watcher, 0);
    world.send(
        watcher,
        json!({ "type": "subscribe", "filter": "$bus/service/connect/+" }),
    );
    world.send(
        watcher,
        json!({ "type": "subscribe", "filter": "$bus/service/disconnect/+" }),
    );
    world.read(watcher);
    (world, watcher)
}

fn drain(world: &mut World, watcher: ClientId, window: usize) -> Vec<Value> {
    let mut messages = Vec::new();
    for _ in 0..100 {
        world.narrow(watcher, window);
        messages.extend(world.read(watcher));
    }
    messages
}

#[test]
fn a_snapshot_is_paced_by_the_outbox() {
    let (mut world, watcher) = paced();
    assert!(
        world.engine.gauges().queued_control_bytes <= 1_300,
        "half the lane is left to others"
    );
    let events = about(&drain(&mut world, watcher, 500));
    let connects = events.iter().filter(|event| event.starts_with("connect")).count();
    assert_eq!((connects, events.len()), (60, 62), "{events:#?}");
    assert_eq!(world.engine.counters().deliveries_dropped, 0);
    world.assert_balanced();
}

#[test]
fn changes_during_a_snapshot_leave_neither_gap_nor_repetition() {
    let (mut world, watcher) = paced();
    let services: Vec<ClientId> = world
        .connections
        .keys()
        .copied()
        .filter(|id| *id != watcher)
        .collect();
    // The cursor stands near the beginning: the first is behind it, the others are ahead of it.
    world.close(services[0]);
    world.close(services[40]);
    world.service("s59", "another", &["get"]);
    world.service("a", "i", &["get"]);
    let events = about(&drain(&mut world, watcher, 500));
    let count = |wanted: &str| events.iter().filter(|event| event.starts_with(wanted)).count();
    assert_eq!(
        (count("connect/s00"), count("disconnect/s00")),
        (1, 1),
        "told, then gone: {events:#?}"
    );
    assert_eq!(
        (count("connect/s40"), count("disconnect/s40")),
        (0, 0),
        "gone before it was told"
    );
    assert_eq!(
        (
            count("connect/s59 another snapshot"),
            count("connect/s59 another")
        ),
        (1, 1)
    );
    assert_eq!(
        (count("connect/a i snapshot"), count("connect/a i")),
        (0, 1),
        "behind the cursor: live"
    );
    assert_eq!(count("connect"), 61);
    world.assert_balanced();
}

#[test]
fn presence_that_does_not_fit_is_coalesced_not_dropped() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let watcher = world.subscriber(Framing::Binary, "$bus/service/#");
    world.read(watcher);
    let old = world.service("old", "i", &["get"]);
    world.read(watcher);
    world.narrow(watcher, 0);
    for _ in 0..10 {
        for number in 0..10 {
            let id = world.service(&format!("flapping{number}"), "i", &["get"]);
            world.close(id);
        }
    }
    world.close(old);
    world.service("new", "i", &["get"]);
    let messages = drain(&mut world, watcher, 10_000);
    let events = about(&messages);
    assert!(events.len() < 60, "400 events were coalesced: {events:#?}");
    assert!(messages.iter().all(|message| message["type"] != "gap"));
    let mut present = std::collections::BTreeSet::from(["old".to_owned()]);
    for event in &events {
        let (kind, service) = event.split_once(' ').unwrap().0.split_once('/').unwrap();
        match kind {
            "connect" => assert!(present.insert(service.to_owned()), "{service} came twice"),
            "disconnect" => assert!(present.remove(service), "{service} went without having come"),
            _ => {}
        }
    }
    assert_eq!(present.into_iter().collect::<Vec<_>>(), ["new"]);
    assert_eq!(world.engine.counters().deliveries_dropped, 0);
    world.assert_balanced();
}

#[test]
fn a_flood_of_other_deliveries_drops_no_presence() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let watcher = world.subscriber(Framing::Binary, "$bus/service/connect/+");
    world.send(watcher, json!({ "type": "subscribe", "filter": "flood" }));
    world.read(watcher);
    let flooder = world.service("attic", "one", &["get"]);
    for _ in 0..50 {
        world.send(
            flooder,
            json!({ "type": "publish", "topic": "flood", "payload": "x".repeat(200) }),
        );
    }
    let messages = world.read(watcher);
    assert!(messages.iter().any(|message| message["type"] == "gap"));
    assert_eq!(about(&messages)[0], "connect/attic one");
    world.assert_balanced();
}

#[test]
fn ending_a_subscription_for_which_presence_is_held_begins_the_others_anew() {
    let mut world = World::new();
    let watcher = world.client();
    world.send(
        watcher,
        json!({ "type": "subscribe", "filter": "$bus/service/connect/+", "credit": 2 }),
    );
    world.send(
        watcher,
        json!({ "type": "subscribe", "filter": "$bus/service/+/attic", "credit": 10 }),
    );
    world.read(watcher);
    for instance in ["one", "two"] {
        world.service("attic", instance, &["get"]);
    }
    world.send(
        watcher,
        json!({ "type": "unsubscribe", "filter": "$bus/service/connect/+" }),
    );
    let messages = world.read(watcher);
    let events = about(&messages);
    assert!(
        events.contains(&"connect/attic two snapshot".to_owned()),
        "{events:#?}"
    );
    assert!(
        messages
            .iter()
            .any(|message| message["type"] == "gap" && message["unknown"] == true)
    );
    world.close(watcher);
    world.assert_balanced();
}

#[test]
fn presence_waits_for_credit() {
    let mut world = World::new();
    let watcher = world.client();
    world.service("attic", "one", &["get"]);
    world.send(
        watcher,
        json!({ "type": "subscribe", "filter": "$bus/service/connect/+", "credit": 1 }),
    );
    assert_eq!(about(&world.read(watcher)), ["connect/attic one snapshot"]);
    world.send(
        watcher,
        json!({ "type": "credit", "filter": "$bus/service/connect/+", "count": 1 }),
    );
    assert_eq!(about(&world.read(watcher)), ["$bus/snapshot-end "]);
    for instance in ["two", "three"] {
        world.service("attic", instance, &["get"]);
    }
    world.nothing(watcher);
    world.send(
        watcher,
        json!({ "type": "credit", "filter": "$bus/service/connect/+", "count": 5 }),
    );
    assert_eq!(
        about(&world.read(watcher)),
        ["connect/attic three", "connect/attic two"]
    );
    world.service("attic", "four", &["get"]);
    assert_eq!(about(&world.read(watcher)), ["connect/attic four"]);
}

#[test]
fn a_change_never_overtakes_an_earlier_one_that_is_held() {
    let mut world = World::new();
    let watcher = world.client();
    world.send(
        watcher,
        json!({ "type": "subscribe", "filter": "$bus/service/#", "credit": 1 }),
    );
    assert_eq!(about(&world.read(watcher)), ["$bus/snapshot-end "]);
    let flicker = world.service("attic", "one", &["get"]);
    world.nothing(watcher);
    world.send(
        watcher,
        json!({ "type": "credit", "filter": "$bus/service/#", "count": 9 }),
    );
    world.close(flicker);
    world.nothing(watcher);
    world.service("attic", "two", &["get"]);
    assert_eq!(
        about(&world.read(watcher)),
        ["connect/attic two", "online/attic two"]
    );
}

#[test]
fn what_nobody_handles_is_told_at_once_and_then_at_most_once_a_second_with_a_count() {
    let mut world = World::new();
    let watcher = world.subscriber(Framing::Binary, "$bus/unhandled");
    let caller = world.client();
    for id in 0..5 {
        world.send(
            caller,
            json!({ "type": "request", "id": id.to_string(), "to": "attic:get" }),
        );
    }
    world.send(
        caller,
        json!({ "type": "publish", "id": "p", "topic": "nobody", "payload": 1 }),
    );
    let events = world.read(watcher);
    assert_eq!(
        events[0]["payload"],
        json!({ "reason": "no_instance", "address": "attic:get", "from": "client-2", "type": "request", "id": "0", "count": 1 })
    );
    assert_eq!(
        events[1]["payload"],
        json!({ "reason": "no_receiver", "address": "nobody", "from": "client-2", "type": "publish", "id": "p", "count": 1 })
    );
    assert_eq!(events.len(), 2);
    world.pass_seconds(2);
    assert_eq!(world.one(watcher)["payload"]["count"], 4);
    world.pass_seconds(5);
    world.nothing(watcher);
    world.send(caller, json!({ "type": "request", "id": "1", "to": "attic:get" }));
    assert_eq!(world.one(watcher)["payload"]["count"], 1);
    assert_eq!(world.engine.counters().unhandled, 7);
}

#[test]
fn an_unanswered_request_and_an_unknown_node_are_unhandled_too() {
    let mut world = World::new();
    world.service("attic", "one", &["get"]);
    let watcher = world.subscriber(Framing::Binary, "$bus/unhandled");
    let caller = world.client();
    world.send(
        caller,
        json!({ "type": "request", "id": "1", "to": "there/attic:get" }),
    );
    assert_eq!(world.one(watcher)["payload"]["reason"], "unknown_node");
    world.send(caller, json!({ "type": "request", "id": "1", "to": "attic:get" }));
    world.pass_seconds(6);
    let event = world.one(watcher)["payload"].clone();
    assert_eq!(
        (&event["reason"], &event["address"]),
        (&json!("deadline_exceeded"), &json!("attic#one:get"))
    );
}

#[test]
fn traffic_of_the_broker_causes_no_event() {
    let mut world = World::new();
    let watcher = world.subscriber(Framing::Binary, "$bus/unhandled");
    let id = world.client();
    world.send(id, json!({ "type": "publish", "topic": "$bus/broadcast/nobody" }));
    world.send(id, json!({ "type": "request", "id": "1", "to": "$bus:nothing" }));
    world.service("attic", "one", &["get"]);
    world.pass_seconds(2);
    world.nothing(watcher);
}

#[test]
fn rejected_payloads_are_told_with_pointer_and_keyword() {
    let mut world = World::new();
    let watcher = world.subscriber(Framing::Binary, "$bus/schema-rejection");
    let id = world.client();
    world.register(
        id,
        json!({ "name": "m", "version": "1", "topics": { "t": { "schema": { "type": "number" } } } }),
    );
    for _ in 0..3 {
        world.send(id, json!({ "type": "publish", "topic": "t", "payload": "x" }));
    }
    let event = json!({ "address": "t", "from": "m", "pointer": "", "keyword": "type", "count": 1 });
    assert_eq!(world.one(watcher)["payload"], event);
    world.pass_seconds(2);
    assert_eq!(world.one(watcher)["payload"]["count"], 2);
}

#[test]
fn members_of_a_shared_subscription_take_turns_with_events_and_get_no_snapshot() {
    let mut world = World::new();
    world.service("attic", "one", &["get"]);
    let members = [0, 1].map(|_| {
        let id = world.client();
        world.send(
            id,
            json!({ "type": "subscribe", "filter": "$bus/service/connect/+", "shared": "watchers" }),
        );
        assert_eq!(world.one(id)["type"], "subscribed");
        id
    });
    for instance in ["two", "three"] {
        world.service("attic", instance, &["get"]);
    }
    for member in members {
        let messages = world.read(member);
        assert_eq!(topics(&messages), ["$bus/service/connect/attic"]);
        assert_eq!(messages[0]["shared"], "watchers/$bus/service/connect/+");
    }
}
