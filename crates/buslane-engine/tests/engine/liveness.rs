//! Who is asked for a sign of life, and who is given up.

use std::time::Duration;

use buslane_engine::CloseReason;
use buslane_protocol::Framing;
use serde_json::json;

use crate::world::{World, types};

fn spoken(world: &mut World, framing: Framing, loopback: bool) -> buslane_engine::ClientId {
    let id = world.open_as(framing, "tester", loopback);
    world.send(id, json!({ "type": "ping" }));
    world.read(id);
    id
}

#[test]
fn a_silent_client_is_pinged_and_then_given_up() {
    for (framing, ping) in [
        (Framing::Binary, "ping"),
        (Framing::WebSocketBinary, "websocket ping"),
    ] {
        let mut world = World::new();
        let id = spoken(&mut world, framing, true);
        world.pass(Duration::from_millis(14_990));
        world.nothing(id);
        world.pass(Duration::from_millis(20));
        assert_eq!(types(&world.read(id)), [ping]);
        world.pass_seconds(29);
        world.nothing(id);
        assert_eq!(world.closed(id), None);
        world.pass_seconds(1);
        assert_eq!(world.closed(id), Some(CloseReason::HeartbeatTimeout));
        assert_eq!(world.error(id), "heartbeat_timeout");
        world.assert_balanced();
    }
}

#[test]
fn any_bytes_prove_life() {
    let mut world = World::new();
    let id = spoken(&mut world, Framing::Binary, true);
    for _ in 0..20 {
        world.pass_seconds(14);
        world.engine.touch(world.now, id);
    }
    world.nothing(id);
    for _ in 0..5 {
        world.pass_seconds(20);
        assert_eq!(types(&world.read(id)), ["ping"]);
        world.send(id, json!({ "type": "pong" }));
    }
    assert_eq!(world.closed(id), None);
}

#[test]
fn json_lines_from_this_machine_are_not_pinged_unless_they_ask() {
    let mut world = World::new();
    let id = spoken(&mut world, Framing::JsonLines, true);
    world.pass_seconds(1_000);
    world.nothing(id);
    assert_eq!(world.closed(id), None);
    world.send(id, json!({ "type": "connect", "heartbeat_ms": 5000 }));
    assert_eq!(world.one(id)["heartbeat_ms"], 5000);
    world.pass(Duration::from_millis(5_100));
    assert_eq!(types(&world.read(id)), ["ping"]);
    world.pass_seconds(10);
    assert_eq!(world.closed(id), Some(CloseReason::HeartbeatTimeout));
}

#[test]
fn json_lines_from_elsewhere_are_pinged_and_may_be_silent_only_where_that_is_allowed() {
    for (silent_clients, heartbeat) in [(false, 15_000), (true, 0)] {
        let mut world = World::with(|config| config.silent_clients = silent_clients);
        let id = spoken(&mut world, Framing::JsonLines, false);
        world.send(id, json!({ "type": "connect", "heartbeat_ms": 0 }));
        assert_eq!(world.one(id)["heartbeat_ms"], heartbeat);
        world.pass_seconds(16);
        assert_eq!(world.read(id).len(), usize::from(!silent_clients));
    }
}

#[test]
fn the_heartbeat_that_is_asked_for_is_kept_within_bounds() {
    let mut world = World::new();
    let id = spoken(&mut world, Framing::Binary, true);
    for (asked, agreed) in [(0, 15_000), (1, 1_000), (7_000, 7_000), (60_000, 15_000)] {
        world.send(id, json!({ "type": "connect", "heartbeat_ms": asked }));
        assert_eq!(world.one(id)["heartbeat_ms"], agreed);
    }
}

#[test]
fn a_connection_that_says_nothing_is_closed_after_the_handshake_time() {
    for framing in [Framing::Binary, Framing::JsonLines, Framing::WebSocketText] {
        let mut world = World::new();
        let id = world.open(framing);
        world.read(id);
        world.engine.touch(world.now, id);
        world.pass(Duration::from_millis(9_990));
        assert_eq!(world.closed(id), None);
        world.pass(Duration::from_millis(20));
        assert_eq!(world.closed(id), Some(CloseReason::HandshakeTimeout));
        assert_eq!(world.error(id), "handshake_timeout");
    }
}

#[test]
fn a_client_that_has_to_connect_has_the_handshake_time_for_it() {
    let mut world = World::with(|config| config.require_connect = true);
    let id = world.open_as(Framing::Binary, "stranger", false);
    for _ in 0..11 {
        world.pass_seconds(1);
        if world.closed(id).is_none() {
            world.send(id, json!({ "type": "ping" }));
        }
    }
    assert_eq!(world.closed(id), Some(CloseReason::HandshakeTimeout));
}

#[test]
fn a_client_that_vanishes_takes_its_pending_callers_with_an_error() {
    let mut world = World::new();
    let (callee, caller) = (
        world.service("attic", "one", &["get"]),
        world.open(Framing::JsonLines),
    );
    world.send(
        caller,
        json!({ "type": "request", "id": "1", "to": "attic:get", "expires_in_ms": 600_000 }),
    );
    world.pass_seconds(46);
    assert_eq!(world.closed(callee), Some(CloseReason::HeartbeatTimeout));
    assert_eq!(world.error(caller), "outcome_unknown");
}

#[test]
fn a_client_whose_message_waits_for_the_broker_is_not_given_up() {
    let mut world = World::new();
    world.hold_work(true);
    let id = world.client();
    let methods = json!({ "get": { "input": { "type": "object" } } });
    world.send(
        id,
        json!({ "type": "register", "name": "attic", "version": "1", "methods": methods }),
    );
    world.pass_seconds(300);
    assert_eq!(world.closed(id), None);
    world.do_work();
    assert_eq!(world.read(id).last().unwrap()["type"], "registered");
}
