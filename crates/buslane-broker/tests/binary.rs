//! Raw binary, over raw sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};

use buslane_protocol::binary::{self, Preamble};
use buslane_protocol::{
    BrokerMessage, ClientMessage, Connect, Filter, Headers, Id, Overflow, Payload, Publish, Retain,
    Subscribe, Topic,
};
use support::{Frames, connect, encoded, read_to_end, start};

fn subscribe(filter: &str) -> ClientMessage<'static> {
    ClientMessage::Subscribe(Subscribe {
        id: Some(Id::parse("s").unwrap()),
        filter: Filter::parse(filter.to_owned()).unwrap(),
        shared: None,
        overflow: Overflow::default(),
        credit: None,
    })
}

fn publish(topic: &str, payload: &[u8]) -> ClientMessage<'static> {
    ClientMessage::Publish(Publish {
        id: None,
        topic: Topic::parse(topic.to_owned()).unwrap(),
        headers: Headers::default(),
        payload: Payload::bytes(payload.to_vec()),
        ack: false,
        retain: Retain::Keep,
        retain_ms: None,
        exclude_self: false,
    })
}

fn payload_of(message: BrokerMessage<'_>) -> Vec<u8> {
    match message {
        BrokerMessage::Delivery(delivery) => delivery.payload.bytes.into_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn preamble_and_first_frame_may_come_at_once() {
    let broker = start(|_| {});
    let mut stream = connect(&broker);
    let mut bytes = Preamble::OURS.encode().to_vec();
    bytes.extend(encoded(&ClientMessage::Connect(Connect::default())));
    stream.write_all(&bytes).unwrap();
    let mut answer = [0; Preamble::LENGTH];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, Preamble::answer(Some(1)));
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut frame = length.to_vec();
    frame.resize(4 + u32::from_le_bytes(length) as usize, 0);
    stream.read_exact(&mut frame[4..]).unwrap();
    assert!(matches!(
        binary::decode_broker(&frame),
        Ok(BrokerMessage::Connected(_))
    ));
}

#[test]
fn what_is_published_is_delivered() {
    let broker = start(|_| {});
    let (mut reader, mut writer) = (Frames::join(&broker), Frames::join(&broker));
    reader.send(&subscribe("host/+/cpu"));
    reader.receive(|message| assert!(matches!(message, BrokerMessage::Subscribed(_)), "{message:?}"));
    let messages: Vec<u8> = (0..1_000u32)
        .flat_map(|number| encoded(&publish("host/a/cpu", &number.to_le_bytes())))
        .collect();
    writer.stream.write_all(&messages).unwrap();
    for number in 0..1_000u32 {
        assert_eq!(reader.receive(payload_of), number.to_le_bytes());
    }
}

#[test]
fn a_frame_longer_than_a_read_arrives_whole() {
    let broker = start(|_| {});
    let mut client = Frames::join(&broker);
    client.send(&subscribe("a"));
    client.receive(|message| assert!(matches!(message, BrokerMessage::Subscribed(_)), "{message:?}"));
    let payload: Vec<u8> = (0..900_000u32).map(|index| index as u8).collect();
    for _ in 0..3 {
        client.send(&publish("a", &payload));
        assert!(client.receive(payload_of) == payload);
    }
}

#[test]
fn versions_without_one_in_common_are_refused() {
    let broker = start(|_| {});
    for preamble in [
        [0xb5, b'B', b'U', b'S', 2, 9, 0, 0],
        [0xb5, b'X', 0, 0, 0, 0, 0, 0],
    ] {
        let mut stream = connect(&broker);
        stream.write_all(&preamble).unwrap();
        assert_eq!(read_to_end(&mut stream), Preamble::answer(None));
    }
}

#[test]
fn a_huge_length_ends_the_connection_with_an_error() {
    let broker = start(|_| {});
    for first in [true, false] {
        let mut client = Frames::join(&broker);
        if !first {
            client.send(&ClientMessage::Ping(None));
            client.receive(|message| assert_eq!(message, BrokerMessage::Pong(None)));
        }
        client.stream.write_all(&u32::MAX.to_le_bytes()).unwrap();
        client.stream.write_all(&[9; 100]).unwrap();
        client.receive(|message| match message {
            BrokerMessage::Error(refusal) => assert_eq!(refusal.error.code, "frame_too_large"),
            other => panic!("{other:?}"),
        });
        assert_eq!(client.receive_frame(), None);
    }
}

#[test]
fn a_broken_frame_ends_the_connection_with_an_error() {
    let broker = start(|_| {});
    let mut client = Frames::join(&broker);
    client.stream.write_all(&[3, 0, 0, 0, 1, 2, 3]).unwrap();
    client.receive(|message| match message {
        BrokerMessage::Error(refusal) => assert_eq!(refusal.error.code, "invalid_frame"),
        other => panic!("{other:?}"),
    });
    assert_eq!(client.receive_frame(), None);
}
