//! HTTP that is broken, too large or too much.

use crate::bystander::Bystander;
use crate::figures::{Figures, wait_for};
use crate::support::http::{Answer, Connection, get};
use crate::support::{eventually, start};

/// Says something over a connection of its own and returns the answer.
fn say(broker: &buslane_broker::RunningBroker, bytes: &[u8]) -> Answer {
    let mut connection = Connection::open(broker);
    let _taken = std::io::Write::write_all(&mut connection.stream, bytes);
    connection.receive()
}

#[test]
fn broken_requests_are_answered_and_counted() {
    let broker = start(|config| config.limits.payload = 1_000);
    let bystander = Bystander::join(&broker);
    let publish = "POST /api/v1/publish/a HTTP/1.1\r\nhost: localhost\r\n";
    let sized = |body: &[u8]| {
        [
            format!("{publish}content-length: {}\r\n\r\n", body.len()).as_bytes(),
            body,
        ]
        .concat()
    };
    let header = format!("buslane-header-x: {}\r\n", "x".repeat(9_000));
    let cases: [(&str, Vec<u8>, u16, &str, &str); 13] = [
        ("garbage", b"GARB\x01GE\r\n\r\n".to_vec(), 400, "", "not_http"),
        ("a version of tomorrow", b"GET / HTTP/7.1\r\n\r\n".to_vec(), 400, "", "not_http"),
        ("too long a head", format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(5_000)).into(), 431, "", "not_http"),
        ("an endless length", format!("{publish}content-length: 99999999999999999999\r\n\r\n").into(), 400, "", "not_http"),
        ("a huge length", format!("{publish}content-length: 9999999999\r\n\r\n").into(), 413, "payload_too_large", "publish"),
        ("too long a body", sized(&vec![b'1'; 1_001]), 413, "payload_too_large", "publish"),
        ("a body that is no UTF-8", sized(b"\"\xff\""), 422, "invalid_payload", "publish"),
        ("a body that is no JSON", sized(b"{"), 422, "invalid_payload", "publish"),
        ("too long a header", format!("{publish}{header}content-length: 1\r\n\r\n1").into(), 413, "headers_too_large", "publish"),
        ("too long a topic", format!("POST /api/v1/publish/{} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\n1", "x".repeat(513)).into(), 400, "invalid_topic", "publish"),
        ("a path of tomorrow", b"GET /api/v2/services HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(), 404, "not_found", "api_unknown"),
        ("a subprotocol of tomorrow", b"GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: buslane.json.v9\r\n\r\n".to_vec(), 400, "", "websocket"),
        ("a page of somebody else's", b"GET /healthz HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example\r\n\r\n".to_vec(), 403, "forbidden_origin", "not_heard"),
    ];
    for (name, said, status, code, route) in cases {
        let sample = format!("http_requests_total{{route=\"{route}\",status=\"4xx\"}}");
        let before = Figures::of(&broker).value(&sample);
        let answer = say(&broker, &said);
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        if !code.is_empty() {
            answer.refused(status, code);
        }
        wait_for(&broker, &sample, before + 1.0);
    }
    bystander.ends_well();
}

#[test]
fn connections_beyond_the_memory_for_http_are_refused_and_others_go_on() {
    let broker = start(|config| {
        config.limits.memory = 1 << 20;
        config.limits.retained = 1 << 10;
        config.limits.outbox = 128 << 10;
    });
    let bystander = Bystander::join(&broker);
    // A quarter of the memory holds eight of them, of which the bystander has one.
    let begun: Vec<_> = (0..7)
        .map(|_| {
            let mut connection = Connection::open(&broker);
            connection.write("GET /healthz HTTP/1.1\r\nhost: ");
            connection
        })
        .collect();
    eventually(|| {
        let mut connection = Connection::open(&broker);
        connection.send("GET /healthz", &[], b"");
        let answer = connection.receive();
        answer.status == 503 && answer.refused(503, "memory_full").contains("HTTP")
    });
    drop(begun);
    eventually(|| get(&broker, "/healthz").status == 200);
    bystander.ends_well();
    let refused = Figures::of(&broker).value("http_requests_total{route=\"not_heard\",status=\"5xx\"}");
    assert!(refused >= 1.0);
}
