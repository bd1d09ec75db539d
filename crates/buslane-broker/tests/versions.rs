//! A broker of this version that meets clients of later ones, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};

use buslane_broker::RunningBroker;
use buslane_protocol::binary::Preamble;
use buslane_protocol::{BrokerMessage, ClientMessage};
use serde::Deserialize;
use serde_json::{Value, json};
use support::{Frames, Lines, connect, encoded, http, read_to_end, start};

/// What a client says first, and what it is answered. See `schemas/README.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    road: String,
    sends: Option<String>,
    answer: Option<Value>,
    error: Option<String>,
}

fn vectors(road: &str) -> Vec<Vector> {
    let all: Vec<Vector> =
        serde_json::from_str(include_str!("../../../schemas/vectors/versions/broker.json")).unwrap();
    let chosen: Vec<Vector> = all.into_iter().filter(|vector| vector.road == road).collect();
    assert!(!chosen.is_empty());
    chosen
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.as_bytes().chunks(2).collect();
    digits
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Asks for a WebSocket, and returns the answer's head and body.
fn upgrade(broker: &RunningBroker, subprotocols: Option<&str>) -> http::Answer {
    let named = subprotocols.map(|named| format!("sec-websocket-protocol: {named}"));
    let mut headers = vec![
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    headers.extend(named.as_deref());
    let mut connection = http::Connection::open(broker);
    connection.send("GET /ws", &headers, b"");
    connection.receive()
}

#[test]
fn preambles_are_answered_as_the_vectors_say() {
    let broker = start(|_| {});
    for vector in vectors("binary") {
        let mut stream = connect(&broker);
        stream.write_all(&bytes(&vector.sends.unwrap())).unwrap();
        let mut answer = [0; Preamble::LENGTH];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(
            Value::from(hex(&answer)),
            vector.answer.unwrap(),
            "{}",
            vector.name
        );
        if vector.error.is_some() {
            assert!(read_to_end(&mut stream).is_empty(), "{}", vector.name);
        }
    }
}

#[test]
fn first_lines_are_answered_as_the_vectors_say() {
    let broker = start(|_| {});
    for vector in vectors("lines") {
        let mut client = Lines::join(&broker);
        client.send_raw(format!("{}\n", vector.sends.unwrap()).as_bytes());
        let answer = client.receive();
        for (member, wanted) in vector.answer.unwrap().as_object().unwrap() {
            assert_eq!(&answer[member], wanted, "{}: {answer}", vector.name);
        }
        let code = answer["error"]["code"].as_str();
        assert_eq!(code, vector.error.as_deref(), "{}", vector.name);
        match code {
            Some(_) => assert_eq!(client.try_receive(), None, "{}", vector.name),
            None => client.flush(),
        }
    }
}

#[test]
fn subprotocols_are_chosen_as_the_vectors_say() {
    let broker = start(|_| {});
    for vector in vectors("websocket") {
        let answer = upgrade(&broker, vector.sends.as_deref());
        if let Some(code) = vector.error {
            answer.refused(400, &code);
            continue;
        }
        assert_eq!(answer.status, 101, "{}: {answer:?}", vector.name);
        let chosen = answer.header("sec-websocket-protocol");
        assert_eq!(
            chosen,
            vector.answer.as_ref().and_then(Value::as_str),
            "{}",
            vector.name
        );
    }
}

#[test]
fn what_a_refused_client_said_besides_has_no_effect() {
    let broker = start(|_| {});
    let mut listener = Lines::join(&broker);
    listener.send(json!({ "type": "subscribe", "id": "s", "filter": "a" }));
    listener.expect("subscribed");
    let mut later = Lines::join(&broker);
    later.send_raw(b"{\"type\":\"connect\",\"versions\":[2]}\n{\"type\":\"publish\",\"topic\":\"a\"}\n");
    assert_eq!(later.expect_error(), "unsupported_version");
    assert_eq!(later.try_receive(), None);
    listener.flush();
}

#[test]
fn types_of_a_later_version_are_refused_and_the_connection_goes_on() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    for kind in ["ack", "nack", "challenge", "link", "x_mine"] {
        client.send(json!({ "type": kind, "id": "1", "more": [1] }));
        assert_eq!(client.expect_error(), "unknown_type", "{kind}");
    }
    client.flush();
    let mut client = Frames::join(&broker);
    for code in [0, 24, 239, 240, 255] {
        let mut frame = encoded(&ClientMessage::Ping(None));
        frame[4] = code;
        client.stream.write_all(&frame).unwrap();
        client.receive(|message| match message {
            BrokerMessage::Error(refusal) => assert_eq!(refusal.error.code, "unknown_type", "{code}"),
            other => panic!("{other:?}"),
        });
    }
    client.send(&ClientMessage::Ping(None));
    client.receive(|message| assert_eq!(message, BrokerMessage::Pong(None)));
}

#[test]
fn an_api_of_a_later_version_is_not_found() {
    let broker = start(|_| {});
    let mut connection = http::Connection::open(&broker);
    connection.send("GET /api/v2/services", &[], b"");
    let answer = connection.receive();
    assert!(answer.refused(404, "not_found").contains("/api/v1"));
}
