//! Nothing happens uncounted: one story for each kind of thing, and every counter moves in one of them.

use std::collections::BTreeSet;
use std::time::Duration;

use buslane_engine::{ClientId, CloseReason, Compatibility, Counters, Gauges};
use buslane_protocol::Framing;
use serde_json::{Value, json};

use crate::world::World;

type Story = (fn() -> World, &'static [&'static str]);

/// What happens, and the counters that have to move.
const STORIES: &[Story] = &[
    (
        talking,
        &[
            "opened",
            "closed",
            "bytes_out",
            "registrations",
            "requests_accepted",
            "replied",
            "gathered",
            "streamed",
            "published",
            "deliveries",
            "delivery_bytes",
            "delivery_bytes_sent",
            "events_broadcast",
        ],
    ),
    (
        coming_and_going,
        &[
            "announcements",
            "snapshots",
            "takeovers",
            "events_connect",
            "events_online",
            "events_disconnect",
            "events_offline",
        ],
    ),
    (
        failing,
        &[
            "malformed",
            "failed",
            "expired",
            "cancelled",
            "lost",
            "abandoned",
            "late",
            "unhandled",
            "unhandled_no_receiver",
            "unhandled_no_instance",
            "unhandled_unknown_node",
            "unhandled_deadline_exceeded",
            "events_unhandled",
        ],
    ),
    (
        dropping,
        &[
            "deliveries_dropped",
            "dropped_oldest",
            "dropped_newest",
            "dropped_disconnect",
            "delivery_bytes_dropped",
            "delivery_bytes_lost",
            "overflowed",
            "events_overflow",
        ],
    ),
    (
        breaking_contracts,
        &[
            "schema_rejections",
            "validated_inline",
            "validated_aside",
            "events_schema_rejection",
        ],
    ),
    (
        breaking_users,
        &[
            "registrations_breaking",
            "registrations_may_break",
            "events_incompatible_schema",
        ],
    ),
    (letting_time_pass, &["pings", "retained_expired"]),
    (
        holding_presence,
        &[
            "announcements_held",
            "announcements_coalesced",
            "snapshots_restarted",
        ],
    ),
];

#[test]
fn every_counter_moves_when_its_thing_happens() {
    let mut moved = BTreeSet::new();
    for (story, names) in STORIES {
        let world = story();
        world.assert_balanced();
        let numbers: Vec<(&str, u64)> = world.engine.counters().numbers().collect();
        for name in *names {
            let number = numbers.iter().find(|(known, _)| known == name);
            assert!(
                number.is_some_and(|(_, number)| *number > 0),
                "{name} of {numbers:?}"
            );
            moved.insert(*name);
        }
    }
    let all: BTreeSet<&str> = Counters::default().numbers().map(|(name, _)| name).collect();
    assert_eq!(moved, all);
}

#[test]
fn connections_are_counted_by_the_reason_of_their_end() {
    let mut world = World::new();
    let (polite, other) = (world.client(), world.client());
    world.send(polite, json!({ "type": "goodbye" }));
    world.close(polite);
    world.close(other);
    let closed = &world.engine.counters().closed_for;
    assert_eq!(
        (
            closed.of(CloseReason::Goodbye),
            closed.of(CloseReason::EndOfStream)
        ),
        (1, 1)
    );
    for (index, reason) in CloseReason::ALL.iter().enumerate() {
        assert_eq!(*reason as usize, index, "the order is that of the declaration");
    }
}

#[test]
fn durations_and_sizes_fall_into_their_buckets() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    world.send(caller, json!({ "type": "request", "id": "1", "to": "attic:get" }));
    world.pass(Duration::from_millis(20));
    world.send(callee, json!({ "type": "reply", "delivery": 1, "payload": 1 }));
    world.send(
        caller,
        json!({ "type": "publish", "topic": "a", "payload": "x".repeat(98) }),
    );
    let counters = world.engine.counters();
    let took = counters.request_durations.cumulated();
    let below = Counters::REQUEST_MICROS.partition_point(|bound| *bound < 20_000);
    assert_eq!((took[below - 1], took[below]), (0, 1));
    assert_eq!(counters.request_durations.sum(), 20_000);
    assert_eq!(counters.publish_sizes.cumulated()[..2], [0, 1]);
    assert_eq!(counters.publish_sizes.sum(), 100);
}

#[test]
fn memory_is_told_by_what_it_is_for() {
    let mut world = World::new();
    world.subscriber(Framing::Binary, "a");
    world.service("attic", "one", &["get"]);
    let gauges = world.engine.gauges();
    let of = |name: &str| gauges.memory_used[Gauges::MEMORY.iter().position(|known| *known == name).unwrap()];
    assert!(of("subscriptions") > 0 && of("registrations") > 0 && of("clients") > 0);
    assert_eq!(gauges.memory_used.iter().sum::<u64>(), gauges.memory);
}

fn ask(world: &mut World, caller: ClientId, id: &str, to: &str) {
    world.send(
        caller,
        json!({ "type": "request", "id": id, "to": to, "expires_in_ms": 1000 }),
    );
}

fn publish(world: &mut World, id: ClientId, topic: &str, payload: Value) {
    world.send(
        id,
        json!({ "type": "publish", "topic": topic, "payload": payload }),
    );
}

fn talking() -> World {
    let mut world = World::new();
    let listener = world.subscriber(Framing::JsonLines, "a");
    let callee = world.client();
    let registration = json!({ "name": "attic", "version": "1", "groups": ["storage"], "methods": ["get"] });
    world.register(callee, registration);
    let caller = world.client();
    ask(&mut world, caller, "one", "attic:get");
    ask(&mut world, caller, "all", "@storage:get");
    world.send(
        caller,
        json!({ "type": "request", "id": "stream", "to": "attic:get", "stream": true }),
    );
    for delivery in [1, 2] {
        world.send(
            callee,
            json!({ "type": "reply", "delivery": delivery, "payload": 1 }),
        );
    }
    world.send(callee, json!({ "type": "chunk", "delivery": 3, "last": true }));
    publish(&mut world, caller, "a", json!(1));
    publish(&mut world, caller, "$bus/broadcast/hello", json!(1));
    world.read(listener);
    world.close(caller);
    world
}

fn coming_and_going() -> World {
    let mut world = World::new();
    let watcher = world.subscriber(Framing::Binary, "$bus/service/#");
    world.read(watcher);
    let registration = json!({ "name": "attic", "version": "1", "instance": "one", "methods": ["get"] });
    let (old, new) = (world.client(), world.client());
    let mut again = registration.clone();
    again["resume"] = world.register(old, registration)["resume"].clone();
    world.register(new, again);
    world.close(new);
    world
}

fn failing() -> World {
    let mut world = World::new();
    let watcher = world.subscriber(Framing::Binary, "$bus/unhandled");
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    for id in ["failed", "cancelled", "expired"] {
        ask(&mut world, caller, id, "attic:get");
    }
    world.send(
        callee,
        json!({ "type": "error", "delivery": 1, "error": { "code": "empty", "title": "nothing there", "status": 404 } }),
    );
    world.send(caller, json!({ "type": "cancel", "id": "cancelled" }));
    world.pass_seconds(2);
    world.send(callee, json!({ "type": "reply", "delivery": 3, "payload": 1 }));
    ask(&mut world, caller, "nobody", "cellar:get");
    ask(&mut world, caller, "nowhere", "there/attic:get");
    publish(&mut world, caller, "unheard", json!(1));
    ask(&mut world, caller, "lost", "attic:get");
    let impatient = world.client();
    ask(&mut world, impatient, "abandoned", "attic:get");
    world.close(impatient);
    world.close(callee);
    let lines = world.open(Framing::JsonLines);
    world.send_frame(lines, b"this is no message".to_vec());
    world.read(watcher);
    world
}

fn dropping() -> World {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let watcher = world.subscriber(Framing::Binary, "$bus/overflow");
    world.read(watcher);
    for policy in ["drop_oldest", "drop_newest", "disconnect"] {
        let slow = world.client();
        world.send(
            slow,
            json!({ "type": "subscribe", "filter": "a", "overflow": policy }),
        );
    }
    let (callee, caller) = (world.service("attic", "one", &["watch"]), world.client());
    world.send(
        caller,
        json!({ "type": "request", "id": "s", "to": "attic:watch", "stream": true }),
    );
    for _ in 0..20 {
        let long = "x".repeat(200);
        publish(&mut world, callee, "a", json!(long));
        world.send(callee, json!({ "type": "chunk", "delivery": 1, "payload": long }));
    }
    let others: Vec<ClientId> = world.connections.keys().copied().collect();
    for id in others.into_iter().filter(|id| *id != watcher) {
        world.close(id);
    }
    world
}

fn breaking_contracts() -> World {
    let mut world = World::limited(|limits| limits.validate_inline = 100);
    let watcher = world.subscriber(Framing::Binary, "$bus/schema-rejection");
    world.read(watcher);
    let monitor = world.client();
    let topics = json!({ "load": { "schema": { "type": "number" } } });
    world.register(
        monitor,
        json!({ "name": "monitor", "version": "1", "topics": topics }),
    );
    publish(&mut world, monitor, "load", json!("high"));
    publish(&mut world, monitor, "load", json!("x".repeat(200)));
    world
}

fn breaking_users() -> World {
    let mut world = World::with(|config| config.compatibility = Compatibility::Warn);
    let watcher = world.subscriber(Framing::Binary, "$bus/incompatible-schema");
    world.read(watcher);
    let version = |number: &str, input: Value, topic: Value| {
        json!({ "name": "attic", "version": number, "instance": number, "methods": { "get": { "input": input } },
            "topics": { "load": { "schema": topic } } })
    };
    let (none, one) = (json!({}), json!({ "required": ["a"] }));
    for registration in [
        version("1", none.clone(), one.clone()),
        version("2", none.clone(), none.clone()),
        version("3", one, none),
    ] {
        let id = world.client();
        world.register(id, registration);
        world.close(id);
    }
    world
}

fn letting_time_pass() -> World {
    let mut world = World::new();
    let id = world.client();
    world.send(
        id,
        json!({ "type": "publish", "topic": "a", "payload": 1, "retain": "set", "retain_ms": 500 }),
    );
    world.pass_seconds(20);
    world
}

fn holding_presence() -> World {
    let mut world = World::new();
    let watcher = world.client();
    for (filter, credit) in [("$bus/service/connect/+", 2), ("$bus/service/+/attic", 10)] {
        world.send(
            watcher,
            json!({ "type": "subscribe", "filter": filter, "credit": credit }),
        );
    }
    world.read(watcher);
    for instance in ["one", "two", "three"] {
        let id = world.service("attic", instance, &["get"]);
        if instance == "three" {
            world.close(id);
        }
    }
    world.send(
        watcher,
        json!({ "type": "unsubscribe", "filter": "$bus/service/connect/+" }),
    );
    world
}
