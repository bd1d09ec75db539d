//! What cannot be subscribed to, and how that is told.

use super::reader::{Reader, figure};
use super::support::http::{ask, get};
use super::support::start;

#[test]
fn a_filter_that_is_none_is_refused() {
    let broker = start(|_| {});
    for path in ["subscribe", "next"] {
        for filter in [
            "",
            "a//b",
            "a%2Fb%2B",
            "%23/a",
            "%2B/%2B/%2B/%2B/%2B",
            &"x".repeat(513),
        ] {
            let answer = get(&broker, &format!("/api/v1/{path}?filter={filter}"));
            answer.refused(400, "invalid_filter");
        }
        let detail = get(&broker, &format!("/api/v1/{path}")).refused(400, "invalid_message");
        assert!(detail.contains("filter is missing"), "{detail}");
    }
    assert_eq!(figure(&broker, "clients"), 0);
}

#[test]
fn a_word_for_overflow_that_is_none_is_refused() {
    let broker = start(|_| {});
    let detail = get(&broker, "/api/v1/subscribe?filter=a&overflow=block").refused(400, "invalid_message");
    assert!(
        detail.contains("drop_oldest, drop_newest or disconnect"),
        "{detail}"
    );
}

#[test]
fn other_wrong_parameters_are_refused_by_name() {
    let broker = start(|_| {});
    for (path, code, told) in [
        (
            "subscribe?filter=a&format=xml",
            "invalid_message",
            "envelope or cloudevents",
        ),
        ("subscribe?filter=a&shared=a%20b", "invalid_name", ""),
        ("subscribe?filter=a&shared=", "invalid_name", ""),
        ("subscribe?filters=a", "invalid_message", "did you mean filter?"),
        (
            "subscribe?filter=a&format=envelope&format=envelope",
            "invalid_message",
            "twice",
        ),
        ("next?filter=a&timeout=soon", "invalid_message", "timeout"),
        ("next?filter=a&timeout=0", "invalid_message", "timeout"),
        ("next?filter=a&timeout=2h", "invalid_message", "timeout"),
        ("next?filter=a&shared=s", "invalid_message", "shared"),
    ] {
        let detail = get(&broker, &format!("/api/v1/{path}")).refused(400, code);
        assert!(detail.contains(told), "{path}: {detail}");
    }
}

#[test]
fn a_last_event_id_that_is_none_is_refused() {
    let broker = start(|_| {});
    let long = "9".repeat(5_000);
    for id in ["7", "x-1", "-", &format!("{}-x", "0".repeat(32)), &long] {
        let header = format!("last-event-id: {id}");
        let answer = ask(&broker, "GET /api/v1/subscribe?filter=a", &[&header], b"");
        answer.refused(400, "invalid_id");
    }
    let answer = get(&broker, "/api/v1/subscribe?filter=a&last_event_id=7");
    answer.refused(400, "invalid_id");
    // Browsers send no header where there was no id; an empty one means the same.
    let header = ["last-event-id:"];
    assert_eq!(ask(&broker, "HEAD /healthz", &header, b"").status, 200);
    assert_eq!(
        Reader::open(&broker, "filter=a&last_event_id=").answer.status,
        200
    );
}

#[test]
fn a_form_that_the_feed_has_not_is_refused() {
    let broker = start(|_| {});
    for accept in ["accept: application/json", "accept: text/event-stream;q=0"] {
        let answer = ask(&broker, "GET /api/v1/subscribe?filter=a", &[accept], b"");
        let detail = answer.refused(406, "not_acceptable");
        assert!(detail.contains("text/event-stream"), "{detail}");
    }
}

#[test]
fn feeds_answer_to_get_alone() {
    let broker = start(|_| {});
    for path in ["subscribe", "next"] {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = ask(&broker, &format!("{method} /api/v1/{path}?filter=a"), &[], b"");
            assert_eq!(answer.header("allow"), Some("GET, OPTIONS"));
            answer.refused(405, "method_not_allowed");
        }
        // The head alone would cost a feed, or a message.
        let head = ask(&broker, &format!("HEAD /api/v1/{path}?filter=a"), &[], b"");
        assert_eq!((head.status, head.header("allow")), (405, Some("GET, OPTIONS")));
    }
    assert_eq!(figure(&broker, "clients"), 0);
}

#[test]
fn a_body_is_refused() {
    let broker = start(|_| {});
    let answer = ask(&broker, "GET /api/v1/subscribe?filter=a", &[], b"{}");
    answer.refused(400, "invalid_message");
}

#[test]
fn more_subscriptions_than_the_limit_are_refused() {
    let broker = start(|config| config.limits.subscriptions = 2);
    let answer = get(&broker, "/api/v1/subscribe?filter=a&filter=b&filter=c");
    answer.refused(429, "too_many_subscriptions");
    assert_eq!(
        (figure(&broker, "clients"), figure(&broker, "subscriptions")),
        (0, 0)
    );
}

#[test]
fn more_feeds_than_connections_are_refused() {
    let broker = start(|config| config.limits.connections = 3);
    let _readers: Vec<_> = (0..3).map(|_| Reader::open(&broker, "filter=a")).collect();
    let answer = get(&broker, "/api/v1/subscribe?filter=a");
    answer.refused(503, "too_many_connections");
}
