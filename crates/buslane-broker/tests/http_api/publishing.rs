//! `POST /api/v1/publish/{topic}`.

use serde_json::{Value, json};

use crate::support::http::{ask, post};
use crate::support::{Lines, eventually, start};

fn subscriber(broker: &buslane_broker::RunningBroker, filter: &str) -> Lines {
    let mut lines = Lines::join(broker);
    lines.send(json!({ "type": "subscribe", "id": "s", "filter": filter }));
    lines.expect("subscribed");
    lines
}

#[test]
fn a_publish_is_delivered_and_its_receivers_are_counted() {
    let broker = start(|_| {});
    let mut subscriber = subscriber(&broker, "host/+/cpu");
    let answer = post(&broker, "/api/v1/publish/host/a/cpu", r#"{"load":0.5}"#);
    assert_eq!((answer.status, answer.json()), (200, json!({ "receivers": 1 })));
    let delivery = subscriber.expect("delivery");
    assert_eq!(delivery["topic"], "host/a/cpu");
    assert_eq!(delivery["payload"], json!({ "load": 0.5 }));
    assert!(delivery["id"].is_string());
    let nobody = post(&broker, "/api/v1/publish/nobody/listens", "1");
    assert_eq!(nobody.json(), json!({ "receivers": 0 }));
}

#[test]
fn a_topic_may_be_percent_encoded_as_a_whole() {
    let broker = start(|_| {});
    let mut subscriber = subscriber(&broker, "#");
    for (path, topic) in [
        ("a%2Fb%20c", "a/b c"),
        ("%C3%BC/x", "\u{fc}/x"),
        ("a/b%23", "a/b#"),
    ] {
        let answer = post(&broker, &format!("/api/v1/publish/{path}"), "1");
        if answer.status == 200 {
            assert_eq!(subscriber.expect("delivery")["topic"], topic);
        } else {
            assert!(answer.refused(400, "invalid_topic").contains("topic"), "{path}");
        }
    }
}

#[test]
fn who_wants_no_receipt_gets_none_but_hears_of_a_refusal() {
    let broker = start(|_| {});
    let mut subscriber = subscriber(&broker, "a");
    let answer = post(&broker, "/api/v1/publish/a?ack=false", "1");
    assert_eq!((answer.status, answer.text()), (202, ""));
    subscriber.expect("delivery");
    let answer = post(&broker, "/api/v1/publish/$bus/mine?ack=false", "1");
    answer.refused(403, "reserved_topic");
}

#[test]
fn a_retained_value_is_set_and_cleared() {
    let broker = start(|_| {});
    post(&broker, "/api/v1/publish/last?retain=set", "{\"n\":1}");
    let retained = subscriber(&broker, "last").expect("delivery");
    assert_eq!(
        (&retained["payload"]["n"], &retained["retained"]),
        (&json!(1), &json!(true))
    );
    let cleared = post(&broker, "/api/v1/publish/last?retain=clear", "");
    assert_eq!(cleared.status, 200);
    let mut late = subscriber(&broker, "last");
    late.flush();
}

#[test]
fn a_retained_value_ends_after_its_time() {
    let broker = start(|_| {});
    let mut watcher = subscriber(&broker, "x/y");
    let answer = post(&broker, "/api/v1/publish/x/y?retain=set&retain_ms=1", "1");
    assert_eq!(answer.status, 200);
    watcher.expect("delivery");
    eventually(|| subscriber(&broker, "x/y").flushed().is_none());
}

#[test]
fn headers_name_and_id_travel_with_the_message() {
    let broker = start(|_| {});
    let mut subscriber = subscriber(&broker, "a");
    let headers = [
        "buslane-name: shell",
        "buslane-id: order-7",
        "buslane-header-colour: gr\u{fc}n",
        "buslane-reply-to: answers/7",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ];
    let answer = ask(&broker, "POST /api/v1/publish/a", &headers, b"1");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let delivery = subscriber.expect("delivery");
    assert_eq!(
        (&delivery["from"], &delivery["id"]),
        (&json!("shell"), &json!("order-7"))
    );
    assert_eq!(delivery["reply_to"], "answers/7");
    assert_eq!(delivery["headers"]["colour"], "gr\u{fc}n");
    assert!(delivery["headers"]["traceparent"].is_string());
}

#[test]
fn a_body_is_what_its_type_says() {
    let broker = start(|_| {});
    let mut subscriber = subscriber(&broker, "a");
    let mut publish = |content_type: &str, body: &[u8]| {
        let header = format!("content-type: {content_type}");
        let answer = ask(&broker, "POST /api/v1/publish/a", &[&header], body);
        assert_eq!(answer.status, 200, "{content_type}: {}", answer.text());
        subscriber.expect("delivery")
    };
    for json_type in [
        "application/json",
        "application/json; charset=UTF-8",
        "application/x-www-form-urlencoded",
    ] {
        let delivery = publish(json_type, b"{\"a\":1}");
        assert_eq!(
            (&delivery["payload"], delivery.get("content_type")),
            (&json!({ "a": 1 }), None)
        );
    }
    let delivery = publish("application/vnd.example+json", b"[1]");
    assert_eq!(
        (&delivery["payload"], &delivery["content_type"]),
        (&json!([1]), &json!("application/vnd.example+json"))
    );
    let delivery = publish("image/png", b"\x89PNG");
    assert_eq!(
        (
            &delivery["payload"],
            &delivery["encoding"],
            &delivery["content_type"]
        ),
        (&json!("iVBORw=="), &json!("base64"), &json!("image/png"))
    );
    assert_eq!(publish("application/json", b"").get("payload"), None);
}

#[test]
fn a_cloud_event_is_published_in_either_mode() {
    let broker = start(|_| {});
    let mut subscriber = subscriber(&broker, "a");
    let binary = [
        "ce-specversion: 1.0",
        "ce-id: 1",
        "ce-source: /x",
        "ce-type: t",
        "content-type: application/json",
    ];
    assert_eq!(
        ask(&broker, "POST /api/v1/publish/a", &binary, b"{\"n\":1}").status,
        200
    );
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/x", "type": "t", "data": { "n": 1 } });
    let structured = ["content-type: application/cloudevents+json"];
    let body = event.to_string();
    assert_eq!(
        ask(&broker, "POST /api/v1/publish/a", &structured, body.as_bytes()).status,
        200
    );
    let deliveries: Vec<Value> = (0..2).map(|_| subscriber.expect("delivery")).collect();
    for delivery in deliveries {
        assert_eq!(
            (&delivery["payload"], &delivery["headers"]["ce-id"]),
            (&json!({ "n": 1 }), &json!("1"))
        );
    }
}

#[test]
fn a_contract_holds_for_what_comes_by_http() {
    let broker = start(|_| {});
    let topics = json!({ "host/cpu": { "schema": { "type": "object", "required": ["load"] } } });
    let mut owner = Lines::join(&broker);
    owner.send(json!({ "type": "register", "name": "meter", "version": "1.0.0", "topics": topics }));
    owner.expect("registered");
    for path in ["/api/v1/publish/host/cpu", "/api/v1/publish/host/cpu?ack=false"] {
        let answer = post(&broker, path, "{}");
        answer.refused(422, "schema_violation");
        let problem = answer.problem();
        assert_eq!(
            (&problem["keyword"], &problem["expected"]),
            (&json!("required"), &json!(["load"]))
        );
        assert_eq!(problem["type"], "https://buslane.dev/errors/schema-violation");
        assert_eq!(problem["address"], "host/cpu");
    }
    // Long payloads are held against it elsewhere.
    let long = json!({ "load": "x".repeat(100_000) }).to_string();
    assert_eq!(post(&broker, "/api/v1/publish/host/cpu", &long).status, 200);
}
