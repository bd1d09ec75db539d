//! Contracts over the wire.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{Lines, start};

fn schema() -> Value {
    json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] })
}

/// Registers a service `attic` with a method `get` and these schemas.
fn register(client: &mut Lines, method: Value) {
    client.send(
        json!({ "type": "register", "name": "attic", "version": "1.0.0", "methods": { "get": method } }),
    );
}

#[test]
fn a_request_that_breaks_the_contract_never_reaches_the_service() {
    let broker = start(|_| {});
    let (mut callee, mut caller) = (Lines::join(&broker), Lines::join(&broker));
    register(&mut callee, json!({ "input": schema() }));
    callee.expect("registered");
    caller.send(json!({ "type": "request", "id": "1", "to": "attic:get", "payload": {} }));
    let error = caller.expect("error");
    assert_eq!(error["id"], "1");
    let problem = &error["error"];
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&json!("schema_violation"), &json!(422))
    );
    assert_eq!(
        (&problem["pointer"], &problem["keyword"]),
        (&json!(""), &json!("required"))
    );
    assert_eq!(
        (&problem["expected"], &problem["address"]),
        (&json!(["name"]), &json!("attic:get"))
    );
    caller.send(json!({ "type": "request", "id": "2", "to": "attic:get", "payload": { "name": "x" } }));
    assert_eq!(callee.expect("request")["payload"], json!({ "name": "x" }));
}

#[test]
fn a_reply_that_breaks_the_contract_never_reaches_the_caller() {
    let broker = start(|_| {});
    let (mut callee, mut caller) = (Lines::join(&broker), Lines::join(&broker));
    register(&mut callee, json!({ "output": schema() }));
    callee.expect("registered");
    caller.send(json!({ "type": "request", "id": "1", "to": "attic:get", "payload": 1 }));
    let delivery = callee.expect("request")["delivery"].clone();
    callee.send(json!({ "type": "reply", "delivery": delivery, "payload": { "secret": 1 } }));
    let error = caller.expect("error");
    assert_eq!(error["id"], "1");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(callee.expect_error(), "schema_violation");
}

#[test]
fn a_long_payload_is_validated_elsewhere_and_in_order() {
    let broker = start(|_| {});
    let (mut writer, mut reader) = (Lines::join(&broker), Lines::join(&broker));
    let topics = json!({ "log": { "schema": { "type": "string" } } });
    writer.send(json!({ "type": "register", "name": "logger", "version": "1.0.0", "topics": topics }));
    writer.expect("registered");
    reader.send(json!({ "type": "subscribe", "id": "1", "filter": "log" }));
    reader.expect("subscribed");
    let payloads: Vec<Value> = (0..40)
        .map(|number| {
            json!(format!(
                "{number} {}",
                "x".repeat(if number % 2 == 0 { 0 } else { 30_000 })
            ))
        })
        .collect();
    let lines: String = payloads
        .iter()
        .map(|payload| {
            format!(
                "{}\n",
                json!({ "type": "publish", "topic": "log", "payload": payload })
            )
        })
        .collect();
    writer.send_raw(lines.as_bytes());
    for payload in &payloads {
        assert_eq!(reader.expect("delivery")["payload"], *payload);
    }
    writer.send(json!({ "type": "publish", "id": "p", "topic": "log", "payload": vec![1; 50_000] }));
    assert_eq!(writer.expect_error(), "schema_violation");
}

#[test]
fn a_schema_that_cannot_be_used_refuses_the_registration() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    for (schema, reason) in [
        (json!({ "type": "text" }), "methods.get.input at \"/type\""),
        (
            json!({ "$ref": "https://example.org/other" }),
            "https://example.org/other",
        ),
        (json!({ "pattern": "((x{100}){100}){100}" }), "methods.get.input"),
        (json!({ "$schema": "urn:mine" }), "urn:mine"),
        (json!({ "allOf": [{ "$ref": "#" }] }), "again and again"),
    ] {
        register(&mut client, json!({ "input": schema }));
        let error = client.expect("error");
        assert_eq!(error["error"]["code"], "invalid_schema");
        let detail = error["error"]["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}");
    }
    register(&mut client, json!({ "input": schema() }));
    client.expect("registered");
}

#[test]
fn messages_behind_a_registration_wait_for_it() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    let lines = [
        json!({ "type": "register", "name": "attic", "version": "1.0.0", "methods": { "get": { "input": schema() } } }),
        json!({ "type": "request", "id": "1", "to": "attic:get", "payload": { "name": "x" } }),
        json!({ "type": "ping", "id": "2" }),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    client.send_raw(text.as_bytes());
    client.expect("registered");
    let mut kinds = [client.receive()["type"].clone(), client.receive()["type"].clone()];
    kinds.sort_by_key(|kind| kind.to_string());
    assert_eq!(kinds, ["pong", "request"]);
}
