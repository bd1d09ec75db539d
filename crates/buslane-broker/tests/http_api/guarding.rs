//! Which pages and hosts are heard, on every path of the API.

use crate::support::http::ask;
use crate::support::{Lines, start};

const REQUESTS: [&str; 4] = [
    "POST /api/v1/publish/a",
    "POST /api/v1/request/$bus:ping",
    "GET /api/v1/clients",
    "OPTIONS /api/v1/publish/a",
];

#[test]
fn pages_of_other_origins_do_nothing_and_read_nothing() {
    let broker = start(|_| {});
    let mut listener = Lines::join(&broker);
    listener.send(serde_json::json!({ "type": "subscribe", "id": "s", "filter": "#" }));
    listener.expect("subscribed");
    for header in [
        "origin: https://evil.example",
        "origin: null",
        "host: evil.example",
    ] {
        for first in REQUESTS {
            let body = if first.starts_with("POST") { &b"1"[..] } else { b"" };
            let answer = ask(&broker, first, &[header, "content-type: text/plain"], body);
            answer.refused(403, "forbidden_origin");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    listener.flush();
}

#[test]
fn a_listed_page_is_heard_and_may_read_the_answer() {
    let broker = start(|config| config.origins = vec!["https://app.example.org".to_owned()]);
    let origin = "origin: https://app.example.org";
    for first in REQUESTS {
        let body = if first.starts_with("POST") { &b"1"[..] } else { b"" };
        let answer = ask(
            &broker,
            first,
            &[origin, "access-control-request-headers: buslane-name"],
            body,
        );
        assert!(answer.status < 300, "{first}: {answer:?}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("https://app.example.org")
        );
        assert_eq!(answer.header("vary"), Some("origin"));
        if first.starts_with("OPTIONS") {
            assert_eq!(
                answer.header("access-control-allow-methods"),
                Some("POST, OPTIONS")
            );
            assert_eq!(
                answer.header("access-control-allow-headers"),
                Some("buslane-name")
            );
        }
    }
}
