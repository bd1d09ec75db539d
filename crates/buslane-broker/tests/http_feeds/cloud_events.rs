//! CloudEvents from one side of the broker to the other.

use serde_json::{Value, json};

use super::reader::Reader;
use super::support::http::{ask, get};
use super::support::{Lines, start};

const STRUCTURED: &str = "content-type: application/cloudevents+json";

#[test]
fn a_structured_event_comes_out_of_a_feed() {
    let broker = start(|_| {});
    let mut reader = Reader::open(&broker, "filter=a&format=cloudevents");
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/shop", "type": "com.example.sold",
        "time": "2026-01-31T10:00:00Z", "subject": "caf\u{e9}", "tenant": "t1", "data": { "price": 3 } });
    let sent = ask(
        &broker,
        "POST /api/v1/publish/a",
        &[STRUCTURED],
        event.to_string().as_bytes(),
    );
    assert_eq!(sent.json()["receivers"], 1);
    let delivered = reader.expect("delivery");
    for (name, value) in event.as_object().unwrap() {
        assert_eq!(&delivered[name], value, "{name}");
    }
    assert_eq!(delivered["buslanetopic"], "a");
}

#[test]
fn the_attributes_of_a_binary_event_are_headers_everywhere() {
    let broker = start(|_| {});
    let mut plain = Lines::join(&broker);
    plain.send(json!({ "type": "subscribe", "id": "s", "filter": "a" }));
    plain.expect("subscribed");
    let headers = [
        "ce-specversion: 1.0",
        "ce-id: 1",
        "ce-source: /shop",
        "ce-type: sold",
        "ce-subject: caf%C3%A9",
        "content-type: text/plain",
    ];
    ask(&broker, "POST /api/v1/publish/a?retain=set", &headers, b"three");
    let delivery = plain.expect("delivery");
    let attributes = json!({ "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "sold",
        "ce-subject": "caf\u{e9}" });
    assert_eq!(
        (&delivery["headers"], &delivery["content_type"]),
        (&attributes, &json!("text/plain"))
    );
    let again = get(&broker, "/api/v1/next?filter=a");
    for line in headers {
        let (name, value) = line.split_once(": ").unwrap();
        assert_eq!(again.header(name), Some(value), "{name}");
    }
    assert_eq!(again.body, b"three");
    assert_eq!(again.header("buslane-header-ce-id"), None);
}

#[test]
fn what_is_no_event_is_refused_by_name() {
    let broker = start(|_| {});
    let publish = |headers: &[&str], body: &Value| {
        ask(
            &broker,
            "POST /api/v1/publish/a",
            headers,
            body.to_string().as_bytes(),
        )
    };
    let missing = publish(
        &[STRUCTURED],
        &json!({ "specversion": "1.0", "id": "1", "source": "/" }),
    );
    let detail = missing.refused(400, "invalid_message");
    assert!(detail.contains("the attribute type is missing"), "{detail}");
    let detail = publish(&["ce-id: 1"], &json!(1)).refused(400, "invalid_message");
    assert!(detail.contains("specversion"), "{detail}");
    publish(&[STRUCTURED], &json!([])).refused(400, "invalid_json");
}

#[test]
fn a_batch_of_events_is_not_taken() {
    let broker = start(|_| {});
    let batch = ["content-type: application/cloudevents-batch+json"];
    let answer = ask(&broker, "POST /api/v1/publish/a", &batch, b"[]");
    let detail = answer.refused(415, "unsupported_media_type");
    assert!(detail.contains("each event in a request of its own"), "{detail}");
}
