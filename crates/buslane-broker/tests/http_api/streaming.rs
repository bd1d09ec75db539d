//! Several answers to one request: gathered ones, and streams.

use std::thread;

use serde_json::{Value, json};

use crate::service::Service;
use crate::support::http::{Answer, Connection, ask, post};
use crate::support::start;

fn events(answer: &Answer) -> Vec<(String, Value)> {
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let events = answer.text().split_terminator("\n\n");
    let parsed = events.map(|event| {
        let (name, data) = event.split_once('\n').unwrap();
        let name = name.strip_prefix("event: ").unwrap().to_owned();
        (
            name,
            serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap(),
        )
    });
    parsed.collect()
}

#[test]
fn a_gathered_request_gives_one_line_for_each_outcome() {
    let broker = start(|_| {});
    let methods = json!({ "m": {} });
    let mut one = Service::register(
        &broker,
        json!({ "name": "one", "version": "1.0.0", "groups": ["g"], "methods": methods }),
    );
    let mut two = Service::register(
        &broker,
        json!({ "name": "two", "version": "1.0.0", "groups": ["g"], "methods": methods }),
    );
    thread::scope(|scope| {
        let asked = scope.spawn(|| post(&broker, "/api/v1/request/@g:m", "1"));
        let request = one.expect();
        one.reply(&request, json!("1\n"));
        let request = two.expect();
        two.answer(&request, "error", json!({ "error": { "code": "no" } }));
        let answer = asked.join().unwrap();
        assert_eq!(answer.status, 200);
        let lines = answer.lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        let kinds: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
        assert!(
            kinds.contains(&"reply") && kinds.contains(&"error") && kinds[2] == "end",
            "{kinds:?}"
        );
        let reply = lines.iter().find(|line| line["type"] == "reply").unwrap();
        assert_eq!(reply["payload"], "1\n");
        assert!(reply["from"].as_str().unwrap().starts_with("one#"));
        assert_eq!(
            (&lines[2]["expected"], &lines[2]["replied"], &lines[2]["failed"]),
            (&json!(2), &json!(1), &json!(1))
        );
    });
}

#[test]
fn several_destinations_are_asked_at_once() {
    let broker = start(|_| {});
    let answer = post(&broker, "/api/v1/request?to=$bus:ping&to=nobody:m", "");
    let lines = answer.lines();
    assert_eq!((lines.len(), &lines[2]["type"]), (3, &json!("end")));
    let failed = lines.iter().find(|line| line["type"] == "error").unwrap();
    assert_eq!(
        (&failed["from"], &failed["error"]["code"]),
        (&json!("nobody:m"), &json!("no_instance"))
    );
}

#[test]
fn a_gathered_request_that_reaches_nobody_is_a_problem() {
    let broker = start(|_| {});
    post(&broker, "/api/v1/request/@nobody:m", "1").refused(404, "no_instance");
    post(&broker, "/api/v1/request/*:nothing", "1").refused(404, "no_instance");
}

#[test]
fn a_stream_comes_as_lines_or_as_events() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    for accept in ["application/x-ndjson", "text/event-stream"] {
        let header = format!("accept: {accept}");
        thread::scope(|scope| {
            let asked =
                scope.spawn(|| ask(&broker, "POST /api/v1/request/s:m?stream=true", &[&header], b"1"));
            let request = service.expect();
            assert_eq!(
                (&request["stream"], &request["credit"]),
                (&json!(true), &json!(16))
            );
            service.answer(&request, "chunk", json!({ "payload": 1 }));
            service.answer(
                &request,
                "chunk",
                json!({ "payload": "AA==", "encoding": "base64", "content_type": "a/b" }),
            );
            service.answer(&request, "chunk", json!({ "payload": 3, "last": true }));
            let answer = asked.join().unwrap();
            let messages = match accept {
                "text/event-stream" => events(&answer)
                    .into_iter()
                    .map(|(name, data)| {
                        assert_eq!(name, data["type"]);
                        data
                    })
                    .collect(),
                _ => answer.lines(),
            };
            let payloads: Vec<_> = messages.iter().map(|message| &message["payload"]).collect();
            assert_eq!(payloads, [&json!(1), &json!("AA=="), &json!(3), &Value::Null]);
            assert_eq!(
                (&messages[1]["encoding"], &messages[2]["sequence"]),
                (&json!("base64"), &json!(2))
            );
            assert_eq!(messages[3]["type"], "end");
        });
    }
}

#[test]
fn a_stream_may_be_answered_by_one_reply() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    thread::scope(|scope| {
        let asked = scope.spawn(|| post(&broker, "/api/v1/request/s:m?stream=true", "1"));
        let request = service.expect();
        service.reply(&request, json!(2));
        let lines = asked.join().unwrap().lines();
        assert_eq!(
            (lines.len(), &lines[0]["type"], &lines[0]["payload"]),
            (1, &json!("reply"), &json!(2))
        );
    });
}

#[test]
fn a_stream_that_fails_before_it_begins_is_a_problem() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    thread::scope(|scope| {
        let asked = scope.spawn(|| post(&broker, "/api/v1/request/s:m?stream=true", "1"));
        let request = service.expect();
        service.answer(
            &request,
            "error",
            json!({ "error": { "code": "no", "status": 418 } }),
        );
        asked.join().unwrap().refused(418, "no");
    });
    post(&broker, "/api/v1/request/nobody:m?stream=true", "1").refused(404, "no_instance");
    let gathered = post(&broker, "/api/v1/request/*:m?stream=true", "1");
    gathered.refused(400, "invalid_message");
}

#[test]
fn a_stream_that_fails_later_ends_with_an_error() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    thread::scope(|scope| {
        let asked = scope.spawn(|| post(&broker, "/api/v1/request/s:m?stream=true&timeout=none", "1"));
        let request = service.expect();
        assert_eq!(request.get("expires_in_ms"), Some(&Value::Null));
        service.answer(&request, "chunk", json!({ "payload": 1 }));
        service.answer(&request, "error", json!({ "error": { "code": "no" } }));
        let lines = asked.join().unwrap().lines();
        assert_eq!(
            (lines.len(), &lines[1]["type"], &lines[1]["error"]["code"]),
            (2, &json!("error"), &json!("no"))
        );
    });
}

#[test]
fn chunks_come_as_they_are_sent_and_are_paid_for_as_they_are_read() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let mut caller = Connection::open(&broker);
    caller.send("POST /api/v1/request/s:m?stream=true", &[], b"1");
    let request = service.expect();
    let mut read = 0;
    for number in 0..100 {
        service.answer(&request, "chunk", json!({ "payload": number }));
        if number == 0 {
            assert_eq!(caller.receive_head().status, 200);
        }
        while read <= number {
            read += caller
                .receive_chunk()
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
        }
    }
    let mut credit = 0;
    while credit < 92 {
        credit += service.0.expect("credit")["count"].as_u64().unwrap();
    }
}

#[test]
fn a_reader_who_goes_away_cancels_the_stream() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let mut caller = Connection::open(&broker);
    caller.send("POST /api/v1/request/s:m?stream=true&timeout=none", &[], b"1");
    let request = service.expect();
    service.answer(&request, "chunk", json!({ "payload": 1 }));
    caller.receive_head();
    drop(caller);
    assert_eq!(service.0.expect("cancel")["delivery"], request["delivery"]);
}

#[test]
fn only_what_several_answers_come_in_is_accepted() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    for path in [
        "/api/v1/request/s:m?stream=true",
        "/api/v1/request/*:m",
        "/api/v1/request?to=a:b&to=c:d",
    ] {
        let answer = ask(
            &broker,
            &format!("POST {path}"),
            &["accept: application/json"],
            b"1",
        );
        let detail = answer.refused(406, "not_acceptable");
        assert!(
            detail.contains("application/x-ndjson or text/event-stream"),
            "{detail}"
        );
    }
    service.0.flush();
}
