//! What every path has in common: methods, paths, parameters, media types, names and ids.

use serde_json::json;

use crate::support::http::{ask, get, post};
use crate::support::{Lines, start};

const VIEWS: [&str; 9] = [
    "services",
    "services/$bus",
    "services/$bus/instances",
    "services/$bus/schemas",
    "instances",
    "topics",
    "topics/a/b",
    "clients",
    "statistics",
];
const DEEDS: [&str; 3] = ["publish/a", "request/$bus:ping", "request?to=$bus:ping"];

#[test]
fn a_method_that_a_path_does_not_answer_is_named_with_those_that_it_does() {
    let broker = start(|_| {});
    for (paths, wrong, allowed) in [
        (
            &VIEWS[..],
            ["POST", "PUT", "DELETE", "PATCH"],
            "GET, HEAD, OPTIONS",
        ),
        (&DEEDS[..], ["GET", "PUT", "DELETE", "BREW"], "POST, OPTIONS"),
    ] {
        for path in paths {
            for method in wrong {
                let answer = ask(&broker, &format!("{method} /api/v1/{path}"), &[], b"");
                assert!(
                    answer.refused(405, "method_not_allowed").contains(allowed),
                    "{method} {path}"
                );
                assert_eq!(answer.header("allow"), Some(allowed));
            }
        }
    }
}

#[test]
fn options_tell_the_methods() {
    let broker = start(|_| {});
    for (path, allowed) in [
        ("api/v1/services", "GET, HEAD, OPTIONS"),
        ("api/v1/publish/a", "POST, OPTIONS"),
        ("healthz", "GET, HEAD, OPTIONS"),
    ] {
        let answer = ask(&broker, &format!("OPTIONS /{path}"), &[], b"");
        assert_eq!(
            (answer.status, answer.header("allow"), answer.text()),
            (204, Some(allowed), "")
        );
    }
    assert_eq!(ask(&broker, "OPTIONS /api/v1/nothing", &[], b"").status, 404);
}

#[test]
fn head_is_get_without_the_body() {
    let broker = start(|_| {});
    for path in ["services", "statistics"] {
        let head = ask(&broker, &format!("HEAD /api/v1/{path}"), &[], b"");
        assert_eq!(
            (head.status, head.header("content-type")),
            (200, Some("application/json"))
        );
        assert!(head.header("content-length").unwrap().parse::<u64>().unwrap() > 10);
    }
    assert_eq!(ask(&broker, "HEAD /api/v1/services/nobody", &[], b"").status, 404);
}

#[test]
fn paths_that_lead_nowhere_are_not_found() {
    let broker = start(|_| {});
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/services",
        "/api/v1/publish",
        "/api/v1/services/a/b",
        "/api/v1/%73ervices",
    ] {
        let answer = get(&broker, path);
        answer.refused(404, "not_found");
        assert_eq!(answer.problem()["address"], path);
    }
    let long = format!("/api/{}", "x".repeat(5_000));
    assert_eq!(
        get(&broker, &long).problem()["address"].as_str().unwrap().len(),
        200
    );
}

#[test]
fn unknown_parameters_are_refused_with_the_nearest() {
    let broker = start(|_| {});
    for (path, hint) in [
        ("publish/a?acks=true", "did you mean ack?"),
        ("publish/a?retain_m=1", "did you mean retain_ms?"),
        ("request/$bus:ping?timout=1", "did you mean timeout?"),
        ("request?too=a:b", "did you mean to?"),
        ("publish/a?zzz", "takes ack, retain, retain_ms"),
    ] {
        let answer = post(&broker, &format!("/api/v1/{path}"), "1");
        assert!(answer.refused(400, "invalid_message").ends_with(hint), "{path}");
    }
    assert!(
        get(&broker, "/api/v1/services?limits=1")
            .refused(400, "invalid_message")
            .contains("limit?")
    );
    assert!(
        get(&broker, "/api/v1/statistics?x=1")
            .refused(400, "invalid_message")
            .contains("takes none")
    );
    let twice = post(&broker, "/api/v1/publish/a?ack=true&ack=false", "1");
    assert!(twice.refused(400, "invalid_message").contains("twice"));
}

#[test]
fn parameters_with_values_that_they_do_not_take_are_refused() {
    let broker = start(|_| {});
    let mut listener = Lines::join(&broker);
    listener.send(json!({ "type": "subscribe", "id": "s", "filter": "#" }));
    listener.expect("subscribed");
    for query in [
        "ack",
        "ack=yes",
        "ack=TRUE",
        "retain=keep",
        "retain=",
        "retain_ms=0",
        "retain_ms=4294967296",
        "retain_ms=1",
        "ack=%ff",
        "ack=%",
        "%zz=1",
    ] {
        let answer = post(&broker, &format!("/api/v1/publish/a?{query}"), "1");
        assert!(!answer.refused(400, "invalid_message").is_empty(), "{query}");
    }
    post(&broker, "/api/v1/request/$bus:ping?stream=1", "1").refused(400, "invalid_message");
    listener.flush();
}

#[test]
fn percent_encoding_that_is_none_is_refused_as_what_it_stands_for() {
    let broker = start(|_| {});
    for (verb, path, code) in [
        ("POST", "publish/a/%", "invalid_topic"),
        ("POST", "publish/%C3%28", "invalid_topic"),
        ("POST", "request/s%2:m", "invalid_address"),
        ("GET", "services/%FF", "invalid_name"),
        ("GET", "topics/%g0", "invalid_topic"),
    ] {
        let answer = ask(&broker, &format!("{verb} /api/v1/{path}"), &[], b"");
        assert!(
            answer.refused(400, code).contains('%') || path.contains("%C3") || path.contains("%FF"),
            "{path}"
        );
    }
}

#[test]
fn topics_that_are_none_are_refused() {
    let broker = start(|_| {});
    for topic in ["a/+/b", "a/%23", "a//b", "/a", "a/", "%00", "a%0Ab"] {
        let answer = post(&broker, &format!("/api/v1/publish/{topic}"), "1");
        if answer.status != 200 {
            assert!(!answer.refused(400, "invalid_topic").is_empty(), "{topic}");
        }
    }
    let long = format!("/api/v1/publish/{}", "x".repeat(2_000));
    post(&broker, &long, "1").refused(400, "invalid_topic");
    post(&broker, "/api/v1/publish/$bus/x", "1").refused(403, "reserved_topic");
}

#[test]
fn names_ids_and_headers_that_are_none_are_refused() {
    let broker = start(|_| {});
    for (header, code) in [
        ("buslane-name: a b", "invalid_name"),
        ("buslane-name:", "invalid_name"),
        ("buslane-id:", "invalid_id"),
        ("buslane-id: a b", "invalid_id"),
        ("buslane-header-: x", "invalid_message"),
        ("buslane-hedder-a: x", "invalid_message"),
        ("buslane-sent-at: soon", "invalid_message"),
        ("buslane-snapshot: true", "invalid_message"),
    ] {
        for path in ["publish/a", "request/$bus:ping"] {
            let answer = ask(&broker, &format!("POST /api/v1/{path}"), &[header], b"1");
            assert!(!answer.refused(400, code).is_empty(), "{header}");
        }
    }
    let long = format!("buslane-id: {}", "x".repeat(65));
    ask(&broker, "POST /api/v1/publish/a", &[&long], b"1").refused(400, "invalid_id");
    for name in ["buslane-name", "buslane-id", "buslane-header-x"] {
        let (one, two) = (format!("{name}: a"), format!("{name}: b"));
        let answer = ask(&broker, "POST /api/v1/publish/a", &[&one, &two], b"1");
        assert!(answer.refused(400, "invalid_message").contains("twice"), "{name}");
    }
}

#[test]
fn headers_of_messages_have_the_limits_of_messages() {
    let broker = start(|config| config.limits.headers = 3);
    let headers: Vec<_> = (0..4)
        .map(|number| format!("buslane-header-h{number}: x"))
        .collect();
    let headers: Vec<_> = headers.iter().map(String::as_str).collect();
    let publish = |headers: &[&str]| ask(&broker, "POST /api/v1/publish/a", headers, b"1");
    publish(&headers).refused(413, "headers_too_large");
    assert_eq!(publish(&headers[..3]).status, 200);
}

#[test]
fn answers_that_are_not_accepted_are_refused_before_anything_is_done() {
    let broker = start(|_| {});
    let mut listener = Lines::join(&broker);
    listener.send(json!({ "type": "subscribe", "id": "s", "filter": "#" }));
    listener.expect("subscribed");
    for accept in ["text/html", "application/xml", "application/json;q=0"] {
        let header = format!("accept: {accept}");
        for view in VIEWS {
            let answer = ask(&broker, &format!("GET /api/v1/{view}"), &[&header], b"");
            assert!(answer.refused(406, "not_acceptable").contains("application/json"));
        }
        ask(&broker, "POST /api/v1/publish/a", &[&header], b"1").refused(406, "not_acceptable");
    }
    assert_eq!(
        ask(
            &broker,
            "POST /api/v1/publish/a",
            &["accept: text/*, */*;q=0.1"],
            b"1"
        )
        .status,
        200
    );
    assert_eq!(listener.expect("delivery")["payload"], 1);
    listener.flush();
}

#[test]
fn a_view_takes_no_body() {
    let broker = start(|_| {});
    let answer = ask(&broker, "GET /api/v1/services", &[], b"{}");
    assert!(answer.refused(400, "invalid_message").contains("no body"));
}
