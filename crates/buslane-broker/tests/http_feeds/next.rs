//! Waiting for one message.

use serde_json::{Value, json};

use super::reader::{figure, wait_until};
use super::support::http::{Connection, ask, get, post};
use super::support::{Lines, start};

#[test]
fn the_next_message_is_the_answer() {
    let broker = start(|_| {});
    let mut waiting = Connection::open(&broker);
    waiting.send("GET /api/v1/next?filter=a/%2B&timeout=1m", &[], b"");
    wait_until("the subscription", || figure(&broker, "subscriptions") == 1);
    let mut writer = Lines::join(&broker);
    writer.send(
        json!({ "type": "publish", "id": "p-1", "topic": "a/b", "payload": { "x": 1 },
        "headers": { "colour": "red" }, "ack": true }),
    );
    assert_eq!(writer.expect("ack")["receivers"], 1);
    let answer = waiting.receive();
    assert_eq!(answer.json(), json!({ "x": 1 }));
    for (name, value) in [
        ("buslane-topic", "a/b"),
        ("buslane-header-colour", "red"),
        ("ce-specversion", "1.0"),
        ("ce-id", "p-1"),
        ("ce-type", "a.b"),
        ("ce-buslanetopic", "a/b"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let from = answer.header("buslane-from").unwrap();
    assert!(answer.header("ce-source").unwrap().ends_with(&format!("/{from}")));
    wait_until("the end of the client", || figure(&broker, "clients") == 1);
}

#[test]
fn nothing_in_time_is_no_content() {
    let broker = start(|_| {});
    let answer = get(&broker, "/api/v1/next?filter=a&timeout=1ms");
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

#[test]
fn the_answer_may_be_a_structured_event() {
    let broker = start(|_| {});
    post(&broker, "/api/v1/publish/a?retain=set", "[1]");
    let accept = ["accept: application/cloudevents+json"];
    let answer = ask(&broker, "GET /api/v1/next?filter=a", &accept, b"");
    assert_eq!(
        answer.header("content-type"),
        Some("application/cloudevents+json")
    );
    let event: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (&event["specversion"], &event["data"]),
        (&json!("1.0"), &json!([1]))
    );
}

#[test]
fn bytes_come_as_they_are() {
    let broker = start(|_| {});
    let headers = ["content-type: image/png"];
    ask(&broker, "POST /api/v1/publish/a?retain=set", &headers, b"\x89PNG");
    let answer = get(&broker, "/api/v1/next?filter=a");
    assert_eq!(
        (answer.header("content-type"), &answer.body[..]),
        (Some("image/png"), &b"\x89PNG"[..])
    );
}

#[test]
fn who_goes_away_waits_no_longer() {
    let broker = start(|_| {});
    let mut waiting = Connection::open(&broker);
    waiting.send("GET /api/v1/next?filter=a&timeout=1h", &[], b"");
    wait_until("the subscription", || figure(&broker, "subscriptions") == 1);
    drop(waiting);
    wait_until("the end of the subscription", || {
        figure(&broker, "subscriptions") == 0
    });
}
