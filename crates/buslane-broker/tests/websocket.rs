//! WebSocket, with a client that somebody else wrote, and with one that breaks the rules.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use buslane_broker::RunningBroker;
use buslane_protocol::binary;
use buslane_protocol::{BrokerMessage, ClientMessage, Register};
use serde_json::{Value, json};
use support::{connect, encoded, read_to_end, start};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

type Client = WebSocket<TcpStream>;

/// Messages that may come before a close that is due; heartbeats would come for ever.
const MOST_BEFORE_CLOSE: usize = 3;

fn try_join(broker: &RunningBroker, subprotocols: &str) -> Result<(Client, Option<String>), u16> {
    let stream = connect(broker);
    let mut request = format!("ws://{}/ws", stream.peer_addr().unwrap())
        .into_client_request()
        .unwrap();
    if !subprotocols.is_empty() {
        request
            .headers_mut()
            .insert("sec-websocket-protocol", subprotocols.parse().unwrap());
    }
    match client(request, stream) {
        Ok((client, response)) => {
            let chosen = response.headers().get("sec-websocket-protocol");
            Ok((client, chosen.map(|chosen| chosen.to_str().unwrap().to_owned())))
        }
        Err(tokio_tungstenite::tungstenite::HandshakeError::Failure(Error::Http(response))) => {
            Err(response.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}

/// What is done, the status that it leads to, and how to do it.
type Case<'a> = (&'a str, u16, &'a dyn Fn(&mut Client));

/// Joins in JSON text, past the `connected` that the broker begins with.
fn join(broker: &RunningBroker) -> Client {
    let (mut client, _) = try_join(broker, "").unwrap();
    assert_eq!(receive(&mut client)["type"], "connected");
    client
}

fn join_binary(broker: &RunningBroker) -> Client {
    let (mut client, chosen) = try_join(broker, "buslane.bin.v1").unwrap();
    assert_eq!(chosen.as_deref(), Some("buslane.bin.v1"));
    assert!(matches!(receive_frames(&mut client)[..], [Kind::Connected]));
    client
}

fn send(client: &mut Client, message: Value) {
    client.send(Message::text(message.to_string())).unwrap();
}

fn receive(client: &mut Client) -> Value {
    match client.read().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[derive(Debug, PartialEq)]
enum Kind {
    Connected,
    Pong,
    Error(String),
    Other,
}

fn receive_frames(client: &mut Client) -> Vec<Kind> {
    let Message::Binary(bytes) = client.read().unwrap() else {
        panic!("it is no binary message")
    };
    let (mut rest, mut kinds) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let length = binary::frame_length(rest, usize::MAX).unwrap().unwrap();
        kinds.push(match binary::decode_broker(&rest[..length]).unwrap() {
            BrokerMessage::Connected(_) => Kind::Connected,
            BrokerMessage::Pong(_) => Kind::Pong,
            BrokerMessage::Error(refusal) => Kind::Error(refusal.error.code.to_string()),
            _ => Kind::Other,
        });
        rest = &rest[length..];
    }
    kinds
}

/// Reads until the broker closes, and returns the status it closes with.
fn status(client: &mut Client) -> Option<u16> {
    for _ in 0..MOST_BEFORE_CLOSE {
        match client.read() {
            Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the broker goes on");
}

/// Sends one frame as it is, masked as a client's has to be.
fn send_frame(client: &mut Client, opcode: OpCode, is_final: bool, payload: &[u8]) {
    let header = FrameHeader {
        is_final,
        opcode,
        mask: Some([1, 2, 3, 4]),
        ..FrameHeader::default()
    };
    let mut bytes = Vec::new();
    Frame::from_payload(header, payload.to_vec().into())
        .format(&mut bytes)
        .unwrap();
    client.get_mut().write_all(&bytes).unwrap();
}

#[test]
fn text_is_the_easy_protocol() {
    let broker = start(|_| {});
    let (mut callee, mut caller) = (join(&broker), join(&broker));
    send(
        &mut callee,
        json!({ "type": "register", "name": "echo", "version": "1.0.0", "methods": ["say"] }),
    );
    assert_eq!(receive(&mut callee)["type"], "registered");
    send(
        &mut caller,
        json!({ "type": "request", "id": "1", "to": "echo:say", "payload": "ä" }),
    );
    let request = receive(&mut callee);
    assert_eq!(request["payload"], "ä");
    send(
        &mut callee,
        json!({ "type": "reply", "delivery": request["delivery"], "payload": "ö" }),
    );
    assert_eq!(receive(&mut caller)["payload"], "ö");
}

#[test]
fn subprotocols_choose_the_encoding() {
    let broker = start(|_| {});
    assert_eq!(
        try_join(&broker, "buslane.json.v1").unwrap().1.as_deref(),
        Some("buslane.json.v1")
    );
    assert_eq!(
        try_join(&broker, "other, buslane.bin.v1").unwrap().1.as_deref(),
        Some("buslane.bin.v1")
    );
    assert_eq!(try_join(&broker, "other").err(), Some(400));
}

#[test]
fn one_binary_message_may_hold_many_frames() {
    let broker = start(|_| {});
    let mut client = join_binary(&broker);
    let ping = encoded(&ClientMessage::Ping(None));
    client.send(Message::binary(ping.repeat(100))).unwrap();
    let mut pongs = 0;
    while pongs < 100 {
        let frames = receive_frames(&mut client);
        assert!(frames.iter().all(|kind| *kind == Kind::Pong));
        pongs += frames.len();
    }
}

#[test]
fn frames_behind_a_registration_wait_for_it_within_their_message() {
    let broker = start(|_| {});
    let mut client = join_binary(&broker);
    let registration =
        json!({ "name": "a", "version": "1.0.0", "methods": { "m": { "input": { "type": "string" } } } });
    let register = ClientMessage::Register(Box::new(Register {
        id: None,
        resume: None,
        registration: serde_json::from_value(registration).unwrap(),
    }));
    let mut message = encoded(&register);
    message.extend(encoded(&ClientMessage::Ping(None)).repeat(3));
    client.send(Message::binary(message)).unwrap();
    let mut kinds = Vec::new();
    while kinds.len() < 4 {
        kinds.extend(receive_frames(&mut client));
    }
    assert_eq!(kinds, [Kind::Other, Kind::Pong, Kind::Pong, Kind::Pong]);
}

#[test]
fn a_binary_message_ends_where_a_frame_ends() {
    let broker = start(|_| {});
    let mut client = join_binary(&broker);
    let ping = encoded(&ClientMessage::Ping(None));
    client
        .send(Message::binary(ping[..ping.len() - 1].to_vec()))
        .unwrap();
    assert_eq!(
        receive_frames(&mut client),
        [Kind::Error("invalid_frame".to_owned())]
    );
    assert_eq!(status(&mut client), Some(1007));
}

#[test]
fn fragments_are_put_together_with_pings_between_them() {
    let broker = start(|_| {});
    let mut client = join(&broker);
    let text = json!({ "type": "ping", "id": "fragments" }).to_string();
    let (head, tail) = text.as_bytes().split_at(7);
    send_frame(&mut client, OpCode::Data(Data::Text), false, head);
    send_frame(&mut client, OpCode::Control(Control::Ping), true, b"between");
    send_frame(&mut client, OpCode::Data(Data::Continue), false, b"");
    send_frame(&mut client, OpCode::Data(Data::Continue), true, tail);
    let answers = [client.read().unwrap(), client.read().unwrap()];
    assert!(
        answers.contains(&Message::Pong(b"between".as_slice().into())),
        "{answers:?}"
    );
    assert!(
        answers.contains(&Message::text("{\"type\":\"pong\",\"id\":\"fragments\"}")),
        "{answers:?}"
    );
}

#[test]
fn frames_that_come_in_pieces_are_put_together() {
    let broker = start(|_| {});
    let mut client = join(&broker);
    send(
        &mut client,
        json!({ "type": "subscribe", "id": "s", "filter": "a" }),
    );
    assert_eq!(receive(&mut client)["type"], "subscribed");
    for length in [10, 200, 70_000, 500_000] {
        let payload = "x".repeat(length);
        send(
            &mut client,
            json!({ "type": "publish", "topic": "a", "payload": payload }),
        );
        assert_eq!(receive(&mut client)["payload"], json!(payload));
    }
}

#[test]
fn a_close_is_answered_with_its_status() {
    let broker = start(|_| {});
    let mut client = join(&broker);
    client
        .close(Some(CloseFrame {
            code: CloseCode::Away,
            reason: "bye".into(),
        }))
        .unwrap();
    assert_eq!(status(&mut client), Some(1001));
    assert!(matches!(client.read(), Err(Error::ConnectionClosed)));
}

#[test]
fn broken_rules_end_the_connection_with_their_status() {
    let text = OpCode::Data(Data::Text);
    let more = OpCode::Data(Data::Continue);
    let broker = start(|_| {});
    let cases: [Case; 6] = [
        ("not masked", 1002, &|client| {
            client.get_mut().write_all(&[0x81, 2, b'{', b'}']).unwrap()
        }),
        ("nothing to continue", 1002, &|client| {
            send_frame(client, more, true, b"x")
        }),
        ("begun twice", 1002, &|client| {
            send_frame(client, text, false, b"x");
            send_frame(client, text, true, b"x");
        }),
        ("binary where text was agreed", 1003, &|client| {
            client.send(Message::binary(vec![1])).unwrap();
        }),
        ("no UTF-8", 1007, &|client| {
            send_frame(client, text, true, b"{\"type\":\"\xff\"}")
        }),
        ("a reserved opcode", 1002, &|client| {
            send_frame(client, OpCode::Data(Data::Reserved(5)), true, b"x")
        }),
    ];
    for (what, expected, break_rule) in cases {
        let mut client = join(&broker);
        break_rule(&mut client);
        assert_eq!(status(&mut client), Some(expected), "{what}");
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_there() {
    let broker = start(|_| {});
    let mut client = join(&broker);
    let mut header = vec![0x81, 0x80 | 127];
    header.extend(u64::MAX.to_be_bytes());
    header.extend([1, 2, 3, 4]);
    client.get_mut().write_all(&header).unwrap();
    assert_eq!(receive(&mut client)["error"]["code"], "frame_too_large");
    assert_eq!(status(&mut client), Some(1009));
}

#[test]
fn endless_fragments_are_refused() {
    let broker = start(|config| {
        config.limits.payload = 1_000;
        config.limits.registration = 1_000;
    });
    let mut client = join(&broker);
    send_frame(&mut client, OpCode::Data(Data::Text), false, &[b' '; 10_000]);
    for _ in 0..4 {
        send_frame(&mut client, OpCode::Data(Data::Continue), false, &[b' '; 10_000]);
    }
    assert_eq!(status(&mut client), Some(1009));
}

#[test]
fn a_bad_message_is_answered_and_the_connection_stays() {
    let broker = start(|_| {});
    let mut client = join(&broker);
    client.send(Message::text("")).unwrap();
    assert_eq!(receive(&mut client)["error"]["code"], "invalid_json");
    send(&mut client, json!({ "type": "ping", "id": "1" }));
    assert_eq!(receive(&mut client)["type"], "pong");
}

#[test]
fn frames_may_follow_the_upgrade_at_once() {
    let broker = start(|_| {});
    let mut stream = connect(&broker);
    let mut bytes = b"GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    let header = FrameHeader {
        opcode: OpCode::Data(Data::Text),
        mask: Some([9; 4]),
        ..FrameHeader::default()
    };
    let ping = json!({ "type": "ping", "id": "early" }).to_string();
    Frame::from_payload(header, ping.into())
        .format(&mut bytes)
        .unwrap();
    bytes.extend([0x88, 0x80, 0, 0, 0, 0]);
    stream.write_all(&bytes).unwrap();
    let answer = read_to_end(&mut stream);
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{text}");
    assert!(
        text.contains("\"connected\"") && text.contains("\"early\""),
        "{text}"
    );
}

#[test]
fn a_pong_is_a_sign_of_life() {
    let broker = start(|_| {});
    let mut client = join(&broker);
    send_frame(&mut client, OpCode::Control(Control::Pong), true, b"unasked");
    send(&mut client, json!({ "type": "ping", "id": "1" }));
    assert_eq!(receive(&mut client)["type"], "pong");
    let mut nothing = [0; 1];
    client.get_mut().set_nonblocking(true).unwrap();
    assert!(client.get_mut().read(&mut nothing).is_err());
}
