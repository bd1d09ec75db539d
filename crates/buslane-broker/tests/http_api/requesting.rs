//! `POST /api/v1/request/{address}` and `POST /api/v1/request?to=`, where one answer comes.

use std::thread;

use serde_json::json;

use crate::service::Service;
use crate::support::http::{Connection, ask, post};
use crate::support::start;

#[test]
fn a_reply_is_the_body() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "greeter", json!({ "hello": {} }));
    thread::scope(|scope| {
        let asked = scope.spawn(|| post(&broker, "/api/v1/request/greeter:hello", r#"{"name":"Ada"}"#));
        let request = service.expect();
        assert_eq!(request["payload"], json!({ "name": "Ada" }));
        assert_eq!(request["to"], "greeter:hello");
        service.answer(
            &request,
            "reply",
            json!({
                "payload": { "text": "hello Ada" },
                "headers": { "colour": "green", "traceparent": "00-1-2-01" },
                "schema": "greeting/1",
            }),
        );
        let answer = asked.join().unwrap();
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({ "text": "hello Ada" }))
        );
        assert!(answer.header("buslane-from").unwrap().starts_with("greeter#"));
        assert_eq!(answer.header("buslane-header-colour"), Some("green"));
        assert_eq!(answer.header("buslane-schema"), Some("greeting/1"));
        assert_eq!(answer.header("traceparent"), Some("00-1-2-01"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(
            answer
                .header("content-security-policy")
                .unwrap()
                .contains("sandbox")
        );
    });
}

#[test]
fn a_reply_of_bytes_has_their_type_and_none_has_no_body() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let answers = [
        (
            json!({ "payload": "iVBORw==", "encoding": "base64", "content_type": "image/png" }),
            Some("image/png"),
            &b"\x89PNG"[..],
        ),
        (
            json!({ "payload": "AA==", "encoding": "base64" }),
            Some("application/octet-stream"),
            b"\0",
        ),
        (
            json!({ "payload": [1], "content_type": "application/vnd.x+json" }),
            Some("application/vnd.x+json"),
            b"[1]",
        ),
        (json!({ "payload": null }), Some("application/json"), b"null"),
        (json!({}), None, b""),
    ];
    for (reply, content_type, body) in answers {
        thread::scope(|scope| {
            let asked = scope.spawn(|| post(&broker, "/api/v1/request/s:m", ""));
            let request = service.expect();
            assert_eq!(request.get("payload"), None);
            service.answer(&request, "reply", reply.clone());
            let answer = asked.join().unwrap();
            assert_eq!(
                (
                    answer.status,
                    answer.header("content-type"),
                    answer.body.as_slice()
                ),
                (200, content_type, body)
            );
        });
    }
}

#[test]
fn an_error_of_the_service_is_a_problem_with_its_status() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let errors = [
        (
            json!({ "code": "no_such_user", "status": 404, "title": "no such user", "data": { "id": 7 } }),
            404,
        ),
        (json!({ "code": "odd", "status": 200 }), 500),
        (json!({ "code": "odd" }), 500),
    ];
    for (error, status) in errors {
        thread::scope(|scope| {
            let asked = scope.spawn(|| post(&broker, "/api/v1/request/s:m", "1"));
            let request = service.expect();
            service.answer(&request, "error", json!({ "error": error }));
            let answer = asked.join().unwrap();
            answer.refused(status, error["code"].as_str().unwrap());
            assert_eq!(answer.problem()["origin"], "service");
            assert_eq!(answer.problem().get("data"), error.get("data"));
        });
    }
}

#[test]
fn an_instance_is_addressed_with_an_encoded_hash() {
    let broker = start(|_| {});
    let registration = json!({ "name": "s", "version": "1.0.0", "instance": "one", "methods": { "m": {} } });
    let mut service = Service::register(&broker, registration);
    thread::scope(|scope| {
        let asked = scope.spawn(|| post(&broker, "/api/v1/request/s%23one:m", "1"));
        let request = service.expect();
        assert_eq!(request["to"], "s#one:m");
        service.reply(&request, json!(2));
        assert_eq!(asked.join().unwrap().json(), 2);
    });
    let lost = post(&broker, "/api/v1/request/s", "1");
    assert!(lost.refused(400, "invalid_address").contains("%23"));
}

#[test]
fn addresses_that_are_none_are_refused() {
    let broker = start(|_| {});
    for path in ["s:", ":m", "a%20b:m", "s@1:m", "a/b/c:m", "s:m/", "%40:m"] {
        let answer = post(&broker, &format!("/api/v1/request/{path}"), "1");
        answer.refused(400, "invalid_address");
    }
    post(&broker, "/api/v1/request/nobody:m", "1").refused(404, "no_instance");
    post(&broker, "/api/v1/request/elsewhere/s:m", "1").refused(404, "unknown_node");
    let nobody = post(&broker, "/api/v1/request", "1");
    assert!(nobody.refused(400, "invalid_message").contains("?to="));
    let targets: String = (0..65).map(|n| format!("to=s{n}:m&")).collect();
    let many = post(&broker, &format!("/api/v1/request?{targets}"), "1");
    assert!(many.refused(400, "invalid_message").contains("64"));
}

#[test]
fn one_destination_in_the_query_is_one_in_the_path() {
    let broker = start(|_| {});
    let answer = post(&broker, "/api/v1/request?to=$bus:ping", "");
    assert!(answer.json()["node"].is_string());
    assert_eq!(answer.header("buslane-from"), Some("$bus"));
}

#[test]
fn a_deadline_ends_a_request_that_nobody_answers() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    for timeout in ["1", "5ms", "20"] {
        let answer = post(&broker, &format!("/api/v1/request/s:m?timeout={timeout}"), "1");
        answer.refused(504, "deadline_exceeded");
        assert!(service.expect()["expires_in_ms"].as_u64().unwrap() <= 20);
        service.0.expect("cancel");
    }
}

#[test]
fn deadlines_that_are_none_are_refused_before_anybody_is_asked() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    for timeout in [
        "",
        "0",
        "-1",
        "soon",
        "1.5s",
        "2h",
        "3600001",
        "5d",
        "99999999999999999999",
        "1%20s",
    ] {
        let answer = post(&broker, &format!("/api/v1/request/s:m?timeout={timeout}"), "1");
        let detail = answer.refused(400, "invalid_message");
        assert!(detail.contains("timeout") && detail.contains("2s"), "{detail}");
    }
    let never = post(&broker, "/api/v1/request/s:m?timeout=none", "1");
    assert!(never.refused(400, "invalid_message").contains("stream"));
    service.0.flush();
}

#[test]
fn a_caller_who_goes_away_cancels_the_request() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let mut caller = Connection::open(&broker);
    caller.send("POST /api/v1/request/s:m?timeout=1h", &[], b"1");
    let request = service.expect();
    drop(caller);
    assert_eq!(service.0.expect("cancel")["delivery"], request["delivery"]);
}

#[test]
fn a_service_that_is_lost_leaves_a_problem() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    thread::scope(|scope| {
        let asked = scope.spawn(|| post(&broker, "/api/v1/request/s:m", "1"));
        service.expect();
        drop(service);
        asked.join().unwrap().refused(502, "outcome_unknown");
    });
}

#[test]
fn contracts_hold_in_both_directions() {
    let broker = start(|_| {});
    let method = json!({ "m": { "input": { "type": "integer" }, "output": { "type": "string" } } });
    let mut service = Service::join(&broker, "s", method);
    let answer = post(&broker, "/api/v1/request/s:m", "\"x\"");
    answer.refused(422, "schema_violation");
    assert_eq!(answer.problem()["address"], "s:m");
    thread::scope(|scope| {
        let asked = scope.spawn(|| post(&broker, "/api/v1/request/s:m", "1"));
        let request = service.expect();
        service.reply(&request, json!(1));
        asked.join().unwrap().refused(422, "schema_violation");
        service.0.expect("error");
    });
}

#[test]
fn a_reply_that_is_no_json_is_refused() {
    use crate::support::Frames;
    use buslane_protocol::{BrokerMessage, ClientMessage, Headers, Payload, Register, Reply};

    let broker = start(|_| {});
    let mut service = Frames::join(&broker);
    let registration = json!({ "name": "s", "version": "1.0.0", "methods": { "m": {} } });
    service.send(&ClientMessage::Register(Box::new(Register {
        id: None,
        resume: None,
        registration: serde_json::from_value(registration).unwrap(),
    })));
    service.receive(|message| assert!(matches!(message, BrokerMessage::Registered(_))));
    thread::scope(|scope| {
        let asked = scope.spawn(|| post(&broker, "/api/v1/request/s:m", "1"));
        let delivery = service.receive(|message| match message {
            BrokerMessage::Request(request) => request.delivery,
            other => panic!("{other:?}"),
        });
        service.send(&ClientMessage::Reply(Reply {
            delivery,
            headers: Headers::default(),
            payload: Payload::json(&b"{nonsense"[..]),
        }));
        let detail = asked.join().unwrap().refused(422, "invalid_payload");
        assert!(detail.starts_with("the answer of s#"), "{detail}");
    });
}

#[test]
fn the_accept_header_does_not_matter_where_the_service_says_what_it_answers() {
    let broker = start(|_| {});
    let answer = ask(
        &broker,
        "POST /api/v1/request/$bus:ping",
        &["accept: text/html"],
        b"",
    );
    assert_eq!(answer.status, 200);
}
