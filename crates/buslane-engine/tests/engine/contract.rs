//! Payloads are held against schemas before anyone receives them.

use buslane_engine::ClientId;
use buslane_protocol::{ErrorCode, Framing};
use serde_json::{Value, json};

use crate::wire;
use crate::world::{Work, World, types};

fn attic(world: &mut World) -> ClientId {
    let id = world.client();
    let methods = json!({ "get": { "input": { "required": ["key"] }, "output": { "type": "string" } } });
    world.register(
        id,
        json!({ "name": "attic", "version": "1", "instance": "one", "methods": methods }),
    );
    id
}

fn monitor(world: &mut World) -> ClientId {
    let id = world.client();
    let topics = json!({ "host/load": { "schema": { "type": "number", "minimum": 0 } } });
    world.register(id, json!({ "name": "monitor", "version": "1", "topics": topics }));
    id
}

fn ask(world: &mut World, caller: ClientId, payload: Value) {
    world.send(
        caller,
        json!({ "type": "request", "id": "q", "to": "attic:get", "payload": payload }),
    );
}

#[test]
fn a_request_that_breaks_the_input_schema_never_reaches_the_service() {
    let mut world = World::new();
    let (callee, caller) = (attic(&mut world), world.open(Framing::JsonLines));
    ask(&mut world, caller, json!({}));
    let error = world.one(caller)["error"].clone();
    assert_eq!(
        (&error["code"], &error["address"]),
        (&json!("schema_violation"), &json!("attic:get"))
    );
    assert_eq!(
        (&error["pointer"], &error["keyword"], &error["expected"]),
        (&json!(""), &json!("required"), &json!(["key"]))
    );
    world.nothing(callee);
    ask(&mut world, caller, json!({ "key": 1 }));
    assert_eq!(world.one(callee)["type"], "request");
    assert_eq!(world.engine.counters().schema_rejections, 1);
}

#[test]
fn a_reply_that_breaks_the_output_schema_is_refused_and_ends_the_request() {
    let mut world = World::new();
    let (callee, caller) = (attic(&mut world), world.client());
    ask(&mut world, caller, json!({ "key": 1 }));
    world.read(callee);
    world.send(callee, json!({ "type": "reply", "delivery": 1, "payload": 7 }));
    let refusal = world.one(callee);
    assert_eq!(
        (&refusal["delivery"], &refusal["error"]["keyword"]),
        (&json!(1), &json!("type"))
    );
    let error = world.one(caller);
    assert_eq!(
        (&error["id"], &error["error"]["code"]),
        (&json!("q"), &json!("schema_violation"))
    );
    assert_eq!(world.engine.counters().failed, 1);
    world.assert_balanced();
}

#[test]
fn chunks_are_held_against_the_output_schema_too() {
    let mut world = World::new();
    let (callee, caller) = (attic(&mut world), world.client());
    world.send(
        caller,
        json!({ "type": "request", "id": "q", "to": "attic:get", "payload": {"key": 1}, "stream": true }),
    );
    world.read(callee);
    world.send(
        callee,
        json!({ "type": "chunk", "delivery": 1, "payload": "good" }),
    );
    world.send(callee, json!({ "type": "chunk", "delivery": 1, "payload": 7 }));
    assert_eq!(types(&world.read(caller)), ["chunk", "error"]);
    assert_eq!(world.error(callee), "schema_violation");
}

#[test]
fn a_publish_that_breaks_the_topics_contract_reaches_nobody_whoever_sends_it() {
    let mut world = World::new();
    monitor(&mut world);
    let id = world.subscriber(Framing::JsonLines, "host/#");
    for payload in [json!(-1), json!("high"), Value::Null] {
        world.send(id, json!({ "type": "publish", "id": "p", "topic": "host/load", "payload": payload, "retain": "set" }));
        assert_eq!(world.error(id), "schema_violation");
    }
    assert_eq!(world.engine.gauges().retained, 0);
    world.send(
        id,
        json!({ "type": "publish", "topic": "host/load", "payload": 0.5 }),
    );
    assert_eq!(world.one(id)["payload"], 0.5);
}

#[test]
fn bytes_and_broken_json_are_refused_where_there_is_a_schema() {
    let mut world = World::new();
    monitor(&mut world);
    let id = world.client();
    world.send(
        id,
        json!({ "type": "publish", "topic": "host/load", "payload": "AA==", "encoding": "base64" }),
    );
    assert_eq!(world.error(id), "schema_violation");
    let frame = wire::with_broken_json(&json!({ "type": "publish", "topic": "host/load", "payload": 11 }));
    world.send_frame(id, frame);
    assert_eq!(world.error(id), "invalid_payload");
}

#[test]
fn each_instance_of_a_gathered_request_is_held_against_its_own_schema() {
    let mut world = World::new();
    let strict = attic(&mut world);
    let lax = world.service("cellar", "c", &["get"]);
    let caller = world.client();
    world.send(
        caller,
        json!({ "type": "request", "id": "g", "to": "*:get", "payload": {} }),
    );
    world.nothing(strict);
    world.read(lax);
    world.send(lax, json!({ "type": "reply", "delivery": 1 }));
    let answers = world.read(caller);
    assert_eq!(types(&answers), ["error", "reply", "end"]);
    assert_eq!(answers[0]["error"]["code"], "schema_violation");
    let from = answers[0]["from"].as_str().unwrap_or_default();
    assert!(from.starts_with("attic#"), "the instance that failed: {from}");
    assert_eq!(
        (&answers[2]["replied"], &answers[2]["failed"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn a_registration_waits_for_its_schemas_and_what_follows_it_waits_too() {
    let mut world = World::new();
    world.hold_work(true);
    let id = world.client();
    let registration = json!({ "type": "register", "name": "attic", "version": "1", "methods": {"get": {"input": {"type": "object"}}} });
    world.send(id, registration);
    world.send(id, json!({ "type": "ping", "id": "after" }));
    world.nothing(id);
    assert!(matches!(&world.work[..], [Work::Compile(_, request)] if request.schemas.len() == 1));
    world.do_work();
    assert_eq!(types(&world.read(id)), ["registered", "pong"]);
}

#[test]
fn a_schema_that_cannot_be_compiled_refuses_the_registration() {
    let mut world = World::new();
    let id = world.client();
    let methods = json!({ "get": { "input": { "type": "object", "nonsense": 1 } } });
    world.send(
        id,
        json!({ "type": "register", "id": "r", "name": "attic", "version": "1", "methods": methods }),
    );
    assert_eq!(world.error(id), "invalid_schema");
    assert_eq!(world.engine.gauges().instances, 0);
}

#[test]
fn a_client_that_goes_away_while_its_schemas_compile_leaves_nothing() {
    let mut world = World::new();
    world.hold_work(true);
    let id = world.client();
    let before = world.engine.gauges().memory;
    let methods = json!({ "get": { "input": { "type": "object" } } });
    world.send(
        id,
        json!({ "type": "register", "name": "attic", "version": "1", "methods": methods }),
    );
    assert!(world.engine.gauges().memory > before);
    world.close(id);
    world.do_work();
    assert_eq!(
        (world.engine.gauges().instances, world.engine.gauges().memory),
        (0, 0)
    );
}

#[test]
fn a_long_payload_is_validated_elsewhere_while_its_sender_waits_and_others_go_on() {
    let mut world = World::limited(|limits| limits.validate_inline = 100);
    monitor(&mut world);
    let id = world.subscriber(Framing::Binary, "host/#");
    world.hold_work(true);
    let sender = world.open(Framing::JsonLines);
    let long = format!("1.{}", "0".repeat(200));
    let publish = format!(r#"{{"type":"publish","id":"p","topic":"host/load","payload":{long},"ack":true}}"#);
    world.send_frame(sender, publish.into_bytes());
    world.send(
        sender,
        json!({ "type": "publish", "topic": "host/other", "payload": "second" }),
    );
    world.nothing(id);
    world.send(
        id,
        json!({ "type": "publish", "topic": "host/load", "payload": 2 }),
    );
    assert_eq!(world.one(id)["payload"], 2);
    world.do_work();
    let payloads: Vec<Value> = world
        .read(id)
        .iter()
        .map(|message| message["payload"].clone())
        .collect();
    assert_eq!(payloads, [json!(1.0), json!("second")]);
    assert_eq!(world.one(sender)["receivers"], 1);
}

#[test]
fn a_long_request_and_a_long_reply_are_validated_elsewhere_and_may_fail() {
    let mut world = World::limited(|limits| limits.validate_inline = 100);
    let (callee, caller) = (attic(&mut world), world.client());
    ask(&mut world, caller, json!({ "lock": "x".repeat(200) }));
    assert_eq!(world.error(caller), "schema_violation");
    ask(&mut world, caller, json!({ "key": "x".repeat(200) }));
    assert_eq!(world.one(callee)["delivery"], 1);
    world.send(
        callee,
        json!({ "type": "reply", "delivery": 1, "payload": ["x".repeat(200)] }),
    );
    assert_eq!(
        (world.error(callee), world.error(caller)),
        ("schema_violation".to_owned(), "schema_violation".to_owned())
    );
    world.assert_balanced();
}

#[test]
fn a_request_whose_instance_goes_away_while_it_is_validated_finds_none() {
    let mut world = World::limited(|limits| limits.validate_inline = 100);
    let (callee, caller) = (attic(&mut world), world.client());
    world.hold_work(true);
    ask(&mut world, caller, json!({ "key": "x".repeat(200) }));
    world.close(callee);
    world.do_work();
    assert_eq!(world.error(caller), "no_instance");
    assert_eq!(world.refused(ErrorCode::NoInstance), 1);
}

#[test]
fn a_topic_belongs_to_its_service_while_an_instance_lives() {
    let mut world = World::new();
    let owner = monitor(&mut world);
    let rival = world.client();
    let other = json!({ "type": "register", "name": "rival", "version": "1", "topics": { "host/load": {} } });
    world.send(rival, other.clone());
    assert_eq!(world.error(rival), "topic_conflict");
    let same = json!({ "host/load": { "schema": { "type": "number", "minimum": 0 } } });
    world.register(rival, json!({ "name": "rival", "version": "1", "topics": same }));
    world.send(rival, json!({ "type": "unregister", "name": "rival" }));
    world.close(owner);
    world.send(rival, other);
    assert_eq!(world.one(rival)["type"], "registered");
    world.send(
        rival,
        json!({ "type": "publish", "topic": "host/load", "payload": "anything" }),
    );
    world.nothing(rival);
}

#[test]
fn two_conflicting_registrations_at_once_cannot_both_win() {
    let mut world = World::new();
    world.hold_work(true);
    let clients = ["number", "string"].map(|kind| {
        let id = world.client();
        let topics = json!({ "t": { "schema": { "type": kind } } });
        world.send(
            id,
            json!({ "type": "register", "name": kind, "version": "1", "topics": topics }),
        );
        id
    });
    world.do_work();
    assert_eq!(world.one(clients[0])["type"], "registered");
    assert_eq!(world.error(clients[1]), "topic_conflict");
}

#[test]
fn a_cleared_topic_needs_no_payload() {
    let mut world = World::new();
    let id = monitor(&mut world);
    world.send(
        id,
        json!({ "type": "publish", "topic": "host/load", "payload": 1, "retain": "set" }),
    );
    world.send(
        id,
        json!({ "type": "publish", "topic": "host/load", "retain": "clear" }),
    );
    world.nothing(id);
    assert_eq!(world.engine.gauges().retained, 0);
}
