//! Connecting, registering, unregistering.

use std::time::Duration;

use buslane_engine::{CloseReason, Notice, Peer, Principal};
use buslane_protocol::Framing;
use serde_json::json;

use crate::world::{World, types};

#[test]
fn connect_is_answered_with_limits_and_a_client_id_in_every_framing() {
    for framing in [Framing::Binary, Framing::JsonLines] {
        let mut world = World::new();
        let id = world.open(framing);
        world.nothing(id);
        world.send(id, json!({ "type": "connect", "id": "c", "name": "shell" }));
        let connected = world.one(id);
        assert_eq!(
            (&connected["type"], &connected["id"], &connected["node"]),
            (&json!("connected"), &json!("c"), &json!("here"))
        );
        assert_eq!(
            (&connected["version"], &connected["client"]),
            (&json!(1), &json!("client-1"))
        );
        assert_eq!(connected["limits"]["payload"], 1 << 20);
    }
}

#[test]
fn a_websocket_gets_connected_at_once() {
    for framing in [Framing::WebSocketBinary, Framing::WebSocketText] {
        let mut world = World::new();
        let id = world.open(framing);
        let connected = world.one(id);
        assert_eq!(
            (&connected["type"], connected.get("id")),
            (&json!("connected"), None)
        );
    }
}

#[test]
fn a_client_on_loopback_needs_no_connect() {
    let mut world = World::with(|config| config.require_connect = true);
    let id = world.open(Framing::JsonLines);
    world.send(id, json!({ "type": "ping", "id": "1" }));
    assert_eq!(world.one(id), json!({ "type": "pong", "id": "1" }));
}

#[test]
fn a_client_from_elsewhere_must_connect_first_where_that_is_required() {
    let mut world = World::with(|config| config.require_connect = true);
    let id = world.open_as(Framing::Binary, "stranger", false);
    world.send(id, json!({ "type": "request", "id": "1", "to": "$bus:ping" }));
    assert_eq!(world.error(id), "unauthenticated");
    world.send(id, json!({ "type": "connect", "token": "secret" }));
    assert_eq!(world.one(id)["type"], "connected");
    world.send(id, json!({ "type": "request", "id": "1", "to": "$bus:ping" }));
    assert_eq!(world.one(id)["type"], "reply");
}

#[test]
fn a_client_without_a_common_version_is_refused_and_ends() {
    let mut world = World::new();
    for versions in [json!([2]), json!([2, 255]), json!([])] {
        let id = world.open(Framing::JsonLines);
        world.send(id, json!({ "type": "connect", "id": "c", "versions": versions }));
        assert_eq!(world.error(id), "unsupported_version");
        assert_eq!(world.closed(id), Some(CloseReason::Unsupported));
    }
}

#[test]
fn a_client_that_also_speaks_later_versions_is_told_the_one_in_use() {
    let mut world = World::new();
    let id = world.open(Framing::JsonLines);
    world.send(id, json!({ "type": "connect", "versions": [1, 2] }));
    let connected = world.one(id);
    assert_eq!(
        (&connected["type"], &connected["version"]),
        (&json!("connected"), &json!(1))
    );
}

#[test]
fn a_client_that_requires_an_unknown_feature_is_refused_and_ends() {
    let mut world = World::new();
    let id = world.open(Framing::Binary);
    world.send(
        id,
        json!({ "type": "connect", "id": "c", "requires": ["durable"] }),
    );
    assert_eq!(world.error(id), "not_supported");
    assert_eq!(world.closed(id), Some(CloseReason::Unsupported));
}

#[test]
fn from_is_the_instance_else_the_consumer_else_the_connect_name_else_the_number() {
    let mut world = World::new();
    let listener = world.subscriber(Framing::Binary, "t");
    let id = world.client();
    let from = |world: &mut World| {
        world.send(id, json!({ "type": "publish", "topic": "t", "payload": 1 }));
        world.one(listener)["from"].clone()
    };
    assert_eq!(from(&mut world), "client-2");
    world.send(id, json!({ "type": "connect", "name": "shell" }));
    world.read(id);
    assert_eq!(from(&mut world), "shell");
    world.register(id, json!({ "name": "watcher", "version": "1" }));
    assert_eq!(from(&mut world), "watcher");
    world.register(
        id,
        json!({ "name": "attic", "version": "1", "instance": "one", "methods": ["get"] }),
    );
    assert_eq!(from(&mut world), "watcher", "the first registration counts");
    world.send(id, json!({ "type": "unregister", "name": "watcher" }));
    assert_eq!(from(&mut world), "attic#one");
    world.send(id, json!({ "type": "unregister", "name": "attic" }));
    assert_eq!(from(&mut world), "shell");
}

#[test]
fn registered_names_the_instance_and_hands_out_a_secret() {
    for framing in Framing::ALL {
        let mut world = World::new();
        let id = world.open(framing);
        world.read(id);
        world.send(
            id,
            json!({ "type": "register", "id": "r", "name": "attic", "version": "1", "methods": ["get"] }),
        );
        let registered = world.one(id);
        assert_eq!(
            (&registered["type"], &registered["id"], &registered["name"]),
            (&json!("registered"), &json!("r"), &json!("attic"))
        );
        assert_eq!(
            registered["instance"].as_str().unwrap().as_bytes()[14],
            b'7',
            "a UUIDv7"
        );
        assert_eq!(registered["resume"].as_str().unwrap().len(), 32);
    }
}

#[test]
fn one_client_registers_an_instance_once() {
    let mut world = World::new();
    let id = world.service("attic", "one", &["get"]);
    world.send(
        id,
        json!({ "type": "register", "id": "r", "name": "attic", "version": "1", "instance": "one" }),
    );
    assert_eq!(world.error(id), "already_registered");
}

#[test]
fn registrations_past_the_limit_are_refused() {
    let mut world = World::limited(|limits| limits.registrations = 2);
    let id = world.client();
    for _ in 0..2 {
        world.register(id, json!({ "name": "attic", "version": "1", "methods": ["get"] }));
    }
    world.send(id, json!({ "type": "register", "name": "attic", "version": "1" }));
    assert_eq!(world.error(id), "too_many_registrations");
}

#[test]
fn a_registration_over_the_limits_is_refused() {
    let mut world = World::limited(|limits| {
        limits.declarations = 2;
        limits.schema = 20;
        limits.registration = 200;
    });
    let id = world.client();
    for registration in [
        json!({ "methods": ["a", "b", "c"] }),
        json!({ "methods": { "a": { "input": { "type": "object", "minimum": 100000 } } } }),
        json!({ "meta": "x".repeat(200) }),
    ] {
        let mut message = registration;
        message["type"] = json!("register");
        message["name"] = json!("attic");
        message["version"] = json!("1");
        world.send(id, message);
        assert_eq!(world.error(id), "registration_too_large");
    }
}

#[test]
fn a_registration_cannot_declare_a_topic_of_the_broker() {
    let mut world = World::new();
    let id = world.client();
    world.send(
        id,
        json!({ "type": "register", "name": "a", "version": "1", "topics": { "$bus/x": {} } }),
    );
    assert_eq!(world.error(id), "reserved_topic");
}

#[test]
fn unregister_ends_the_registration_and_its_requests() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    world.send(caller, json!({ "type": "request", "id": "1", "to": "attic:get" }));
    world.read(callee);
    world.send(
        callee,
        json!({ "type": "unregister", "id": "u", "name": "attic" }),
    );
    assert_eq!(types(&world.read(callee)), ["cancel", "ack"]);
    assert_eq!(world.error(caller), "outcome_unknown");
    world.send(caller, json!({ "type": "request", "id": "2", "to": "attic:get" }));
    assert_eq!(world.error(caller), "no_instance");
    world.assert_balanced();
}

#[test]
fn unregister_with_drain_is_acknowledged_when_the_last_request_ended() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    world.send(caller, json!({ "type": "request", "id": "1", "to": "attic:get" }));
    let delivery = world.one(callee)["delivery"].clone();
    world.send(
        callee,
        json!({ "type": "unregister", "id": "u", "name": "attic", "drain": true }),
    );
    world.nothing(callee);
    for to in ["attic:get", "attic#one:get"] {
        world.send(caller, json!({ "type": "request", "id": "2", "to": to }));
        assert_eq!(world.error(caller), "draining");
    }
    world.send(
        callee,
        json!({ "type": "reply", "delivery": delivery, "payload": 1 }),
    );
    assert_eq!(world.one(caller)["type"], "reply");
    assert_eq!(
        world.one(callee),
        json!({ "type": "ack", "id": "u", "receivers": 0 })
    );
    assert_eq!(world.engine.gauges().instances, 0);
    world.assert_balanced();
}

#[test]
fn unregister_of_what_is_not_registered_is_refused() {
    let mut world = World::new();
    let id = world.service("attic", "one", &["get"]);
    world.send(id, json!({ "type": "unregister", "name": "cellar" }));
    assert_eq!(world.error(id), "not_registered");
    world.send(
        id,
        json!({ "type": "unregister", "name": "attic", "instance": "two" }),
    );
    assert_eq!(world.error(id), "not_registered");
    let other = world.client();
    world.send(other, json!({ "type": "unregister", "name": "attic" }));
    assert_eq!(world.error(other), "not_registered");
}

#[test]
fn unregister_must_say_which_of_several_instances() {
    let mut world = World::new();
    let id = world.service("attic", "one", &["get"]);
    world.register(
        id,
        json!({ "name": "attic", "version": "1", "instance": "two", "methods": ["get"] }),
    );
    world.send(id, json!({ "type": "unregister", "name": "attic" }));
    assert_eq!(world.error(id), "invalid_message");
    world.send(
        id,
        json!({ "type": "unregister", "id": "u", "name": "attic", "instance": "two" }),
    );
    assert_eq!(world.one(id)["type"], "ack");
}

#[test]
fn goodbye_closes_and_takes_everything() {
    let mut world = World::new();
    let id = world.service("attic", "one", &["get"]);
    world.send(id, json!({ "type": "subscribe", "filter": "a/#" }));
    world.send(id, json!({ "type": "goodbye" }));
    assert_eq!(world.closed(id), Some(CloseReason::Goodbye));
    let gauges = world.engine.gauges();
    assert_eq!(
        (gauges.clients, gauges.instances, gauges.subscriptions),
        (0, 0, 0)
    );
    world.close(id);
    world.assert_balanced();
    assert!(world.notices.contains(&Notice::Closed {
        client: id,
        reason: CloseReason::Goodbye
    }));
}

#[test]
fn connections_past_the_limit_are_refused_and_their_ids_are_never_used_again() {
    let mut world = World::limited(|limits| limits.connections = 1);
    let first = world.client();
    let peer = || Peer {
        framing: Framing::Binary,
        principal: Principal::anonymous(),
        loopback: true,
        address: String::new(),
    };
    let refused = world.engine.open(world.now, peer()).unwrap_err();
    assert_eq!(refused.code, "too_many_connections");
    world.close(first);
    let second = world.client();
    assert_eq!((first.slot(), first == second), (second.slot(), false));
}

#[test]
fn a_draining_broker_tells_everybody_and_takes_nothing_new() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    world.send(caller, json!({ "type": "request", "id": "1", "to": "attic:get" }));
    let delivery = world.one(callee)["delivery"].clone();
    world.engine.drain(world.now, Duration::from_secs(5));
    assert_eq!(
        world.one(caller),
        json!({ "type": "draining", "closes_in_ms": 5000 })
    );
    assert_eq!(world.one(callee)["type"], "draining");
    world.send(caller, json!({ "type": "request", "id": "2", "to": "attic:get" }));
    assert_eq!(world.error(caller), "draining");
    world.send(
        caller,
        json!({ "type": "register", "name": "late", "version": "1" }),
    );
    assert_eq!(world.error(caller), "draining");
    world.send(
        callee,
        json!({ "type": "reply", "delivery": delivery, "payload": 1 }),
    );
    assert_eq!(world.one(caller)["type"], "reply");
    world.pass_seconds(5);
    assert_eq!(world.closed(caller), Some(CloseReason::Shutdown));
}
