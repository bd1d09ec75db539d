//! Clients that send or read too slowly. Limits are short, and nothing is measured: a broker that waited longer would
//! leave a test without an answer until its patience ends.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use serde_json::json;
use socket2::SockRef;

use crate::service::Service;
use crate::support::http::{Connection, get};
use crate::support::{eventually, read_to_end, start};

const SHORT: Duration = Duration::from_millis(300);

/// Sends a byte every so often until the broker ends the connection. Returns what it said.
fn dribble(connection: &mut Connection, bytes: impl Iterator<Item = u8>) -> String {
    let pause = Some(Duration::from_millis(10));
    connection.stream.set_read_timeout(pause).unwrap();
    let mut answer = Vec::new();
    for byte in bytes {
        // Once the broker has ended the connection, writing fails.
        let _sent = connection.stream.write_all(&[byte]);
        let mut read = [0; 4096];
        match connection.stream.read(&mut read) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&read[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_head_that_is_dribbled_is_refused() {
    let broker = start(|config| config.limits.handshake = SHORT);
    let mut connection = Connection::open(&broker);
    connection.write("POST /api/v1/publish/a HTTP/1.1\r\n");
    let answer = dribble(&mut connection, std::iter::repeat_n(b'x', 1_000));
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("handshake_timeout"),
        "{answer}"
    );
}

#[test]
fn the_head_of_a_later_request_has_its_own_time() {
    let broker = start(|config| config.limits.handshake = SHORT);
    let mut connection = Connection::open(&broker);
    connection.send("GET /healthz", &[], b"");
    assert_eq!(connection.receive().status, 200);
    connection.write("GET /healthz HTTP/1.1\r\n");
    assert_eq!(read_to_end(&mut connection.stream), b"");
}

#[test]
fn a_body_that_is_dribbled_is_refused() {
    let broker = start(|config| config.limits.handshake = SHORT);
    for head in ["content-length: 100000", "transfer-encoding: chunked"] {
        let mut connection = Connection::open(&broker);
        connection.write(format!(
            "POST /api/v1/publish/a HTTP/1.1\r\nhost: localhost\r\n{head}\r\n\r\n"
        ));
        let bytes: Box<dyn Iterator<Item = u8>> = match head.starts_with("content") {
            true => Box::new(std::iter::repeat_n(b'1', 1_000)),
            false => Box::new(b"1\r\n1\r\n".repeat(200).into_iter()),
        };
        let answer = dribble(&mut connection, bytes);
        assert!(
            answer.starts_with("HTTP/1.1 408 ") && answer.contains("too slowly"),
            "{answer}"
        );
    }
}

#[test]
fn a_reader_who_does_not_read_a_stream_is_left_and_the_stream_withdrawn() {
    let broker = start(|config| {
        config.limits.gone_after = SHORT;
        config.limits.ping_after = SHORT / 3;
    });
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let mut caller = Connection::open(&broker);
    caller.send("POST /api/v1/request/s:m?stream=true&timeout=none", &[], b"1");
    let request = service.expect();
    let long = "x".repeat(900_000);
    // The sockets between take some megabytes, the credit covers as many chunks as are sent here.
    for _ in 0..16 {
        service.answer(&request, "chunk", json!({ "payload": long }));
    }
    eventually(|| {
        let message = service.0.receive();
        match message["type"].as_str().unwrap() {
            "cancel" => return true,
            "ping" => service.0.send(json!({ "type": "pong" })),
            "credit" => {}
            other => panic!("{other}: {message}"),
        }
        false
    });
}

#[test]
fn a_reader_who_does_not_read_a_reply_is_left() {
    let broker = start(|config| {
        config.limits.gone_after = SHORT;
        config.limits.payload = 16 << 20;
        config.limits.outbox = 16 << 20;
    });
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let mut caller = Connection::open(&broker);
    SockRef::from(&caller.stream)
        .set_recv_buffer_size(1 << 10)
        .unwrap();
    caller.send("POST /api/v1/request/s:m", &[], b"1");
    let request = service.expect();
    service.reply(&request, json!("x".repeat(8 << 20)));
    eventually(|| {
        let metrics = get(&broker, "/metrics");
        let mut lines = metrics.text().lines();
        lines.any(|line| line.starts_with("buslane_http_stalled") && line.ends_with(" 1"))
    });
    drop(caller);
}

#[test]
fn clients_who_abort_leave_nothing_behind() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    for cut in [
        b"POST /api/v1/req".as_slice(),
        b"POST /api/v1/request/s:m HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n12",
    ] {
        let mut connection = Connection::open(&broker);
        connection.write(cut);
    }
    let mut caller = Connection::open(&broker);
    caller.send("POST /api/v1/request/s:m", &[], b"1");
    service.expect();
    drop(caller);
    service.0.expect("cancel");
    eventually(|| {
        let statistics = get(&broker, "/api/v1/statistics").json();
        let gauges = &statistics["gauges"];
        assert_eq!(gauges["requests"], 0);
        gauges["clients"] == 2
    });
}
