//! Every message survives both encodings.

use buslane_protocol::{BrokerMessage, ClientMessage, PayloadKind, binary, json};

mod samples;

/// Frames do not say that their JSON was checked.
fn unchecked_client(message: &mut ClientMessage<'_>) {
    let payload = match message {
        ClientMessage::Publish(publish) => &mut publish.payload,
        ClientMessage::Request(request) => &mut request.payload,
        ClientMessage::Reply(reply) => &mut reply.payload,
        ClientMessage::Chunk(chunk) => &mut chunk.payload,
        _ => return,
    };
    if payload.kind == PayloadKind::CheckedJson {
        payload.kind = PayloadKind::Json;
    }
}

/// Frames do not say that their JSON was checked.
fn unchecked_broker(message: &mut BrokerMessage<'_>) {
    let payload = match message {
        BrokerMessage::Delivery(delivery) => &mut delivery.payload,
        BrokerMessage::Request(request) => &mut request.payload,
        BrokerMessage::Reply(answer) => &mut answer.payload,
        BrokerMessage::Chunk(part) => &mut part.payload,
        _ => return,
    };
    if payload.kind == PayloadKind::CheckedJson {
        payload.kind = PayloadKind::Json;
    }
}

#[test]
fn every_message_of_a_client_survives_json_text() {
    for message in samples::client() {
        let mut text = Vec::new();
        json::encode_client(&mut text, &message);
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(json::decode_client(&text).as_ref(), Ok(&message), "{shown}");
    }
}

#[test]
fn every_message_of_the_broker_survives_json_text() {
    for message in samples::broker() {
        let mut text = Vec::new();
        json::encode_broker(&mut text, &message);
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(json::decode_broker(&text).as_ref(), Ok(&message), "{shown}");
    }
}

#[test]
fn every_message_of_a_client_survives_binary_frames() {
    for mut message in samples::client() {
        let mut frame = Vec::new();
        binary::encode_client(&mut frame, &message);
        assert_eq!(binary::frame_length(&frame, usize::MAX), Ok(Some(frame.len())));
        unchecked_client(&mut message);
        assert_eq!(binary::decode_client(&frame).as_ref(), Ok(&message));
    }
}

#[test]
fn every_message_of_the_broker_survives_binary_frames() {
    for mut message in samples::broker() {
        let mut frame = Vec::new();
        binary::encode_broker(&mut frame, &message);
        assert_eq!(binary::frame_length(&frame, usize::MAX), Ok(Some(frame.len())));
        unchecked_broker(&mut message);
        assert_eq!(binary::decode_broker(&frame).as_ref(), Ok(&message));
    }
}
