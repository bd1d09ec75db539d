//! Who gets an instance's name when two connections want it.

use std::time::Duration;

use buslane_engine::{ClientId, CloseReason, Gauges, Notice};
use buslane_protocol::Framing;
use serde_json::{Value, json};

use crate::world::{World, topics, types};

fn registration() -> Value {
    json!({ "type": "register", "id": "r", "name": "attic", "version": "1", "instance": "one", "methods": ["get"] })
}

fn newcomer(world: &mut World) -> ClientId {
    let id = world.client();
    world.send(id, registration());
    id
}

fn with_secret(world: &mut World) -> (ClientId, Value) {
    let old = world.client();
    let registered = world.register(old, registration());
    (old, registered["resume"].clone())
}

#[test]
fn with_the_secret_the_instance_is_taken_over_at_once() {
    let mut world = World::new();
    let (old, secret) = with_secret(&mut world);
    let (new, caller) = (world.client(), world.client());
    let mut message = registration();
    message["resume"] = secret.clone();
    world.send(new, message);
    let registered = world.one(new);
    assert_eq!(registered["instance"], "one");
    assert_ne!(registered["resume"], secret);
    assert_eq!(world.closed(old), Some(CloseReason::TakenOver));
    assert_eq!(world.error(old), "taken_over");
    world.send(
        caller,
        json!({ "type": "request", "id": "1", "to": "attic#one:get" }),
    );
    assert_eq!(world.one(new)["type"], "request");
    world.close(old);
    world.send(
        caller,
        json!({ "type": "request", "id": "2", "to": "attic#one:get" }),
    );
    assert_eq!(
        world.one(new)["type"],
        "request",
        "the end of the old connection does not remove the new one"
    );
    assert!(
        world
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::TakenOver { from, to, .. } if (*from, *to) == (old, new)))
    );
    world.assert_balanced();
}

#[test]
fn the_secret_alone_says_which_instance_it_is() {
    let mut world = World::new();
    let old = world.client();
    let registered = world.register(
        old,
        json!({ "name": "attic", "version": "1", "methods": ["get"] }),
    );
    let new = world.client();
    let again = world.register(
        new,
        json!({ "name": "attic", "version": "1", "methods": ["get"], "resume": registered["resume"] }),
    );
    assert_eq!(again["instance"], registered["instance"]);
    assert_eq!(world.closed(old), Some(CloseReason::TakenOver));
}

#[test]
fn a_secret_of_an_instance_that_is_gone_registers_anew() {
    let mut world = World::new();
    let (old, secret) = with_secret(&mut world);
    world.close(old);
    let new = world.client();
    let mut message = registration();
    message["resume"] = secret;
    world.send(new, message);
    assert_eq!(world.one(new)["instance"], "one");
}

#[test]
fn without_the_secret_a_living_connection_keeps_its_instance() {
    let mut world = World::new();
    let (old, _) = with_secret(&mut world);
    let new = newcomer(&mut world);
    world.send(new, json!({ "type": "ping", "id": "after" }));
    assert_eq!(types(&world.read(old)), ["ping"]);
    world.nothing(new);
    world.send(old, json!({ "type": "pong" }));
    let answers = world.read(new);
    assert_eq!(types(&answers), ["error", "pong"]);
    assert_eq!(
        (&answers[0]["id"], &answers[0]["error"]["code"]),
        (&json!("r"), &json!("instance_in_use"))
    );
    world.pass_seconds(3);
    assert_eq!(world.closed(old), None);
}

#[test]
fn without_the_secret_a_silent_connection_loses_its_instance() {
    let mut world = World::new();
    let (old, _) = with_secret(&mut world);
    let new = newcomer(&mut world);
    world.pass(Duration::from_millis(999));
    world.nothing(new);
    world.pass(Duration::from_millis(2));
    assert_eq!(world.one(new)["type"], "registered");
    assert_eq!(world.closed(old), Some(CloseReason::TakenOver));
    world.assert_balanced();
}

#[test]
fn a_websocket_is_probed_by_a_ping_of_its_own_protocol() {
    let mut world = World::new();
    let old = world.open(Framing::WebSocketText);
    world.read(old);
    world.register(old, registration());
    let new = newcomer(&mut world);
    assert_eq!(types(&world.read(old)), ["websocket ping"]);
    world.engine.touch(world.now, old);
    world.pump();
    assert_eq!(world.error(new), "instance_in_use");
}

#[test]
fn another_principal_never_takes_over_not_even_with_the_secret() {
    let mut world = World::new();
    let (old, secret) = with_secret(&mut world);
    let thief = world.open_as(Framing::Binary, "thief", true);
    let mut message = registration();
    world.send(thief, message.clone());
    assert_eq!(world.error(thief), "instance_in_use");
    message["resume"] = secret;
    world.send(thief, message);
    assert_eq!(world.error(thief), "instance_in_use");
    world.nothing(old);
}

#[test]
fn a_wrong_secret_counts_as_none() {
    let mut world = World::new();
    let (old, _) = with_secret(&mut world);
    let new = world.client();
    let mut message = registration();
    message["resume"] = json!("0".repeat(32));
    world.send(new, message);
    assert_eq!(types(&world.read(old)), ["ping"]);
}

#[test]
fn when_the_old_connection_ends_meanwhile_the_newcomer_registers_at_once() {
    let mut world = World::new();
    let (old, _) = with_secret(&mut world);
    let new = newcomer(&mut world);
    world.close(old);
    assert_eq!(world.one(new)["type"], "registered");
    world.pass_seconds(3);
    assert_eq!(world.closed(new), None);
    world.assert_balanced();
}

#[test]
fn of_two_newcomers_one_gets_the_instance_of_a_silent_connection() {
    let mut world = World::new();
    let _ = with_secret(&mut world);
    let newcomers = [newcomer(&mut world), newcomer(&mut world)];
    world.pass(Duration::from_millis(1_100));
    assert_eq!(types(&world.read(newcomers[0])), ["registered", "ping"]);
    world.send(newcomers[0], json!({ "type": "pong" }));
    assert_eq!(world.error(newcomers[1]), "instance_in_use");
}

#[test]
fn a_newcomer_that_goes_away_leaves_no_probe() {
    let mut world = World::new();
    let (old, _) = with_secret(&mut world);
    let before = world.engine.gauges().memory;
    let new = newcomer(&mut world);
    world.close(new);
    world.pass_seconds(2);
    assert_eq!(world.closed(old), None);
    world.read(old);
    assert_eq!(world.engine.gauges().memory, before);
}

#[test]
fn the_requests_of_the_old_connection_end_and_are_not_the_new_ones() {
    let mut world = World::new();
    let (old, secret) = with_secret(&mut world);
    let (caller, new) = (world.client(), world.client());
    world.send(caller, json!({ "type": "request", "id": "1", "to": "attic:get" }));
    world.read(old);
    let mut message = registration();
    message["resume"] = secret;
    world.send(new, message);
    world.read(new);
    assert_eq!(world.error(caller), "outcome_unknown");
    world.send(new, json!({ "type": "reply", "delivery": 1 }));
    assert_eq!(world.error(new), "unknown_delivery");
    world.assert_balanced();
}

#[test]
fn a_service_that_is_taken_over_is_never_offline() {
    let mut world = World::new();
    let (_, secret) = with_secret(&mut world);
    let watcher = world.subscriber(Framing::Binary, "$bus/service/#");
    world.read(watcher);
    let new = world.client();
    let mut message = registration();
    message["resume"] = secret;
    world.send(new, message);
    let events = world.read(watcher);
    assert_eq!(
        topics(&events),
        ["$bus/service/disconnect/attic", "$bus/service/connect/attic"]
    );
    assert_eq!(events[0]["payload"]["reason"], "taken_over");
}

#[test]
fn a_connection_that_waits_for_the_broker_itself_keeps_its_instance() {
    let mut world = World::new();
    let (old, _) = with_secret(&mut world);
    world.hold_work(true);
    let methods = json!({ "get": { "input": { "type": "object" } } });
    world.send(
        old,
        json!({ "type": "register", "name": "other", "version": "1", "methods": methods }),
    );
    let new = newcomer(&mut world);
    world.pass_seconds(2);
    assert_eq!(world.error(new), "instance_in_use");
    assert_eq!(world.closed(old), None);
}

#[test]
fn a_newcomer_for_which_there_is_no_memory_takes_nothing_over() {
    let mut world = World::limited(|limits| limits.memory = 60_000);
    let (old, secret) = with_secret(&mut world);
    let (new, caller) = (world.client(), world.client());
    let mut message = registration();
    message["resume"] = secret;
    message["meta"] = json!("x".repeat(40_000));
    world.send(new, message);
    assert_eq!(world.error(new), "memory_full");
    assert_eq!(world.closed(old), None);
    world.send(
        caller,
        json!({ "type": "request", "id": "1", "to": "attic#one:get" }),
    );
    assert_eq!(world.one(old)["type"], "request");
    world.assert_balanced();
}

#[test]
fn a_newcomer_that_is_refused_after_its_wait_takes_nothing_over() {
    let mut world = World::new();
    let (old, _) = with_secret(&mut world);
    let (new, other) = (world.client(), world.client());
    let mut message = registration();
    message["topics"] = json!({ "a": { "retain": true } });
    world.send(new, message);
    world.register(
        other,
        json!({ "name": "other", "version": "1", "topics": { "a": {} } }),
    );
    world.pass_seconds(2);
    assert_eq!(world.error(new), "topic_conflict");
    assert_eq!(world.closed(old), None);
    assert_eq!(world.engine.gauges().instances, 1);
}

#[test]
fn a_full_memory_keeps_nobody_from_taking_over_what_is_as_large() {
    let mut world = World::limited(|limits| limits.memory = 60_000);
    let (old, secret) = with_secret(&mut world);
    let (new, caller) = (world.client(), world.client());
    let mut message = registration();
    let filling = (0..64).take_while(|number| {
        message["name"] = json!(format!("s{number}"));
        world.send(caller, message.clone());
        let answer = world.one(caller);
        assert!(answer["type"] == "registered" || answer["error"]["code"] == "memory_full");
        answer["type"] == "registered"
    });
    assert!(filling.count() < 64);
    (message["name"], message["resume"]) = (json!("attic"), secret);
    world.send(new, message);
    assert_eq!(world.one(new)["type"], "registered");
    assert_eq!(world.closed(old), Some(CloseReason::TakenOver));
    world.assert_balanced();
}

#[test]
fn a_newcomer_that_is_lost_by_the_end_of_the_old_connection_leaves_nothing() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let (old, secret) = with_secret(&mut world);
    let new = world.client();
    world.narrow(new, 0);
    for id in 0..20 {
        world.send(
            new,
            json!({ "type": "request", "id": id.to_string(), "to": "attic:get" }),
        );
        world.read(old);
    }
    let mut message = registration();
    message["resume"] = secret;
    world.send(new, message);
    assert_eq!(world.closed(old), Some(CloseReason::TakenOver));
    assert_eq!(world.closed(new), Some(CloseReason::ControlFull));
    let gauges = world.engine.gauges();
    assert_eq!((gauges.services, gauges.instances), (0, 0));
    let charged = Gauges::MEMORY.into_iter().zip(gauges.memory_used);
    assert!(charged.into_iter().any(|charge| charge == ("registrations", 0)));
    world.assert_balanced();
}
