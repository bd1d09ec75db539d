//! HTTP/1.1 on the one port.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write;

use buslane_broker::RunningBroker;
use serde_json::{Value, json};
use support::{Lines, connect, read_to_end, start};

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn problem(&self) -> Value {
        assert!(
            self.head.contains("content-type: application/problem+json"),
            "{}",
            self.head
        );
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Sends a request with these lines after the first, and reads the answer.
fn request(broker: &RunningBroker, first: &str, headers: &[&str]) -> Answer {
    let mut stream = connect(broker);
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    write!(stream, "{first} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").unwrap();
    let text = String::from_utf8(read_to_end(&mut stream)).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer but {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

fn get(broker: &RunningBroker, path: &str) -> Answer {
    request(broker, &format!("GET {path}"), &["host: localhost"])
}

const UPGRADE: [&str; 4] = [
    "upgrade: websocket",
    "connection: upgrade",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

#[test]
fn health_readiness_and_the_front_page_answer() {
    let broker = start(|_| {});
    for (path, body) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answer = get(&broker, path);
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
    }
    assert!(get(&broker, "/").body.starts_with("Buslane "));
    let head = request(&broker, "HEAD /healthz", &["host: localhost"]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn metrics_count_what_happens() {
    let broker = start(|config| config.node = "tester".parse().unwrap());
    let mut client = Lines::join(&broker);
    client.send(json!({ "type": "subscribe", "id": "s", "filter": "a/b" }));
    client.expect("subscribed");
    client.send(json!({ "type": "publish", "id": "p", "topic": "a/b", "payload": 1, "ack": true }));
    client.receive();
    client.receive();
    let metrics = get(&broker, "/metrics").body;
    for line in [
        "buslane_clients 1",
        "buslane_subscriptions 1",
        "buslane_messages_received_total{type=\"publish\"} 1",
        "buslane_published_total 1",
        "buslane_deliveries_total 1",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} is missing in:\n{metrics}"
        );
    }
    assert!(metrics.contains("node=\"tester\""));
    assert!(metrics.contains("\nbuslane_process_resident_bytes "));
}

#[test]
fn unknown_paths_and_methods_are_problems() {
    let broker = start(|_| {});
    let missing = get(&broker, "/nothing/here");
    assert_eq!(
        (missing.status, &missing.problem()["code"]),
        (404, &json!("not_found"))
    );
    let wrong = request(
        &broker,
        "POST /healthz",
        &["host: localhost", "content-length: 0"],
    );
    assert_eq!(
        (wrong.status, &wrong.problem()["code"]),
        (405, &json!("method_not_allowed"))
    );
    assert!(wrong.head.contains("allow: GET, HEAD"));
    assert_eq!(get(&broker, "/ws").status, 426);
}

#[test]
fn pages_of_other_origins_are_refused() {
    let broker = start(|config| config.origins = vec!["https://app.example.org".to_owned()]);
    let port = connect(&broker).peer_addr().unwrap().port();
    let host = format!("host: localhost:{port}");
    let own = format!("origin: http://localhost:{port}");
    for (origin, status) in [
        ("origin: http://evil.example", 403),
        ("origin: null", 403),
        ("origin: https://app.example.org", 200),
        (own.as_str(), 200),
    ] {
        let answer = request(&broker, "GET /healthz", &[&host, origin]);
        assert_eq!(answer.status, status, "{origin}");
        if status == 403 {
            assert_eq!(answer.problem()["code"], "forbidden_origin");
        }
        let mut headers = vec![host.as_str(), origin];
        headers.extend(UPGRADE);
        let refused = status == 403;
        let first = if refused { "GET /ws" } else { "GET /healthz" };
        assert_eq!(
            request(&broker, first, &headers).status,
            status,
            "an upgrade with {origin}"
        );
    }
}

#[test]
fn on_loopback_a_foreign_host_is_refused() {
    let broker = start(|_| {});
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1"] {
        let answer = request(&broker, "GET /metrics", &[&format!("host: {host}")]);
        assert_eq!(
            (answer.status, &answer.problem()["code"]),
            (403, &json!("forbidden_origin")),
            "{host}"
        );
        let mut headers = vec![format!("host: {host}")];
        headers.extend(UPGRADE.map(str::to_owned));
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        assert_eq!(request(&broker, "GET /ws", &headers).status, 403, "{host}");
    }
    assert_eq!(
        request(&broker, "GET http://evil.example/metrics", &["host: localhost"]).status,
        403
    );
    assert_eq!(
        request(&broker, "GET /healthz", &["host: 127.0.0.1:1"]).status,
        200
    );
}

#[test]
fn several_requests_go_over_one_connection() {
    let broker = start(|_| {});
    let mut stream = connect(&broker);
    let one = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let last = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(format!("{one}{one}{last}").as_bytes()).unwrap();
    let answers = String::from_utf8(read_to_end(&mut stream)).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3);
}

#[test]
fn http_2_is_refused_in_words() {
    let broker = start(|_| {});
    let mut stream = connect(&broker);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let answer = String::from_utf8(read_to_end(&mut stream)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 505 "), "{answer}");
    assert!(answer.contains("unsupported_version"), "{answer}");
}

#[test]
fn broken_requests_get_an_answer_or_an_end() {
    let broker = start(|_| {});
    for broken in [
        "GET\r\n\r\n".to_owned(),
        "BREW / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)),
        format!(
            "GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
            "x: y\r\n".repeat(1_000)
        ),
    ] {
        let mut stream = connect(&broker);
        // The broker may end the connection before it has heard everything.
        let _sent = stream.write_all(broken.as_bytes());
        let mut answer = Vec::new();
        let _ended = std::io::Read::read_to_end(&mut stream, &mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(get(&broker, "/healthz").status, 200);
}
