//! A broker that ends while requests over HTTP are in flight.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::service::Service;
use crate::support::http::Connection;
use crate::support::start;

/// Asks whether the broker runs, so that the connection is known to it.
fn healthy(mut connection: Connection) -> Connection {
    connection.send("GET /healthz", &[], b"");
    assert_eq!(connection.receive().status, 200);
    connection
}

#[test]
fn what_is_in_flight_is_finished_and_nothing_new_is_taken() {
    let broker = start(|config| {
        config.drain = Duration::from_secs(60);
        (config.limits.payload, config.limits.outbox) = (2 * LONG, 2 * LONG);
    });
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let mut first = Connection::open(&broker);
    first.send("POST /api/v1/request/s:m", &[], b"1");
    let refused = [
        "POST /api/v1/publish/a",
        "POST /api/v1/request/s:m",
        "GET /api/v1/services",
    ];
    let mut connections = refused.map(|_| healthy(Connection::open(&broker)));
    let request = service.expect();
    let stopping = thread::spawn(|| broker.stop());
    service.0.expect("draining");
    for (first, connection) in refused.iter().zip(&mut connections) {
        // Nobody waits for a body that is not wanted any more.
        let length = if first.starts_with("POST") { 10 } else { 0 };
        connection.write(format!(
            "{first} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n"
        ));
        let answer = connection.receive();
        answer.refused(503, "draining");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    let [.., mut open] = connections;
    service.reply(&request, json!("x".repeat(LONG)));
    assert_eq!(first.receive_head().header("content-length"), Some("16000002"));
    // Nothing is in flight any more but what this reader has not read.
    for _ in 0..500 {
        open = healthy(open);
    }
    assert_eq!(first.take(LONG + 2).len(), LONG + 2);
    assert!(first.is_ended());
    stopping.join().unwrap().unwrap();
}

#[test]
fn a_request_that_nobody_answers_ends_with_the_broker() {
    let broker = start(|config| config.drain = Duration::from_millis(1));
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let mut caller = Connection::open(&broker);
    caller.send("POST /api/v1/request/s:m?timeout=1h", &[], b"1");
    service.expect();
    let stopping = thread::spawn(|| broker.stop());
    caller.receive().refused(502, "outcome_unknown");
    stopping.join().unwrap().unwrap();
}

#[test]
fn a_stream_that_is_open_when_the_broker_ends_says_so() {
    let broker = start(|config| config.drain = Duration::from_millis(1));
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let mut caller = Connection::open(&broker);
    caller.send("POST /api/v1/request/s:m?stream=true&timeout=none", &[], b"1");
    let request = service.expect();
    service.answer(&request, "chunk", json!({ "payload": 1 }));
    let stopping = thread::spawn(|| broker.stop());
    let lines = caller.receive().lines();
    assert_eq!(
        (lines.len(), &lines[1]["type"], &lines[1]["error"]["code"]),
        (2, &json!("error"), &json!("outcome_unknown"))
    );
    stopping.join().unwrap().unwrap();
}

/// Bytes of a reply that are more than what the sockets between take.
const LONG: usize = 16_000_000;
