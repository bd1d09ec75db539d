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
    let broker = start(|config| config.drain = Duration::from_secs(60));
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
    for (path, connection) in refused.iter().zip(&mut connections) {
        let body: &[u8] = if path.starts_with("POST") { b"1" } else { b"" };
        connection.send(path, &[], body);
        let answer = connection.receive();
        answer.refused(503, "draining");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    let [.., open] = connections;
    drop(healthy(open));
    service.reply(&request, json!("x".repeat(1_000_000)));
    let answer = first.receive();
    assert_eq!((answer.status, answer.body.len()), (200, 1_000_002));
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
