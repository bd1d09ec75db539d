//! Every message survives both encodings.

use buslane_protocol::{BrokerMessage, ClientMessage, Payload, PayloadKind, binary, json};

use crate::samples;

/// Forgets that JSON was checked, which frames do not say.
pub(crate) fn unchecked_client<'a>(mut message: ClientMessage<'a>) -> ClientMessage<'a> {
    match &mut message {
        ClientMessage::Publish(publish) => uncheck(&mut publish.payload),
        ClientMessage::Request(request) => uncheck(&mut request.payload),
        ClientMessage::Reply(reply) => uncheck(&mut reply.payload),
        ClientMessage::Chunk(chunk) => uncheck(&mut chunk.payload),
        _ => {}
    }
    message
}

/// Forgets that JSON was checked, which frames do not say.
pub(crate) fn unchecked_broker<'a>(mut message: BrokerMessage<'a>) -> BrokerMessage<'a> {
    match &mut message {
        BrokerMessage::Delivery(delivery) => uncheck(&mut delivery.payload),
        BrokerMessage::Request(request) => uncheck(&mut request.payload),
        BrokerMessage::Reply(answer) => uncheck(&mut answer.payload),
        BrokerMessage::Chunk(part) => uncheck(&mut part.payload),
        _ => {}
    }
    message
}

fn uncheck(payload: &mut Payload<'_>) {
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
    for message in samples::client() {
        let mut frame = Vec::new();
        binary::encode_client(&mut frame, &message);
        assert_eq!(binary::frame_length(&frame, usize::MAX), Ok(Some(frame.len())));
        assert_eq!(binary::decode_client(&frame), Ok(unchecked_client(message)));
    }
}

#[test]
fn every_message_of_the_broker_survives_binary_frames() {
    for message in samples::broker() {
        let mut frame = Vec::new();
        binary::encode_broker(&mut frame, &message);
        assert_eq!(binary::frame_length(&frame, usize::MAX), Ok(Some(frame.len())));
        assert_eq!(binary::decode_broker(&frame), Ok(unchecked_broker(message)));
    }
}
