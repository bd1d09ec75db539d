//! What stands on a wire, taken apart again: from bytes of any framing to messages as JSON.

use buslane_protocol::binary::{ClientFrames, PlainPublish};
use buslane_protocol::{BrokerMessage, ClientMessage, DecodeError, Framing, binary, json};
use serde_json::Value;

/// Writes a message, given as JSON, as the frame of a framing's encoding.
pub(crate) fn encode(framing: Framing, message: &Value) -> Vec<u8> {
    let text = message.to_string().into_bytes();
    match framing {
        Framing::JsonLines | Framing::WebSocketText => text,
        Framing::Binary | Framing::WebSocketBinary => {
            let mut frame = Vec::new();
            binary::encode_client(
                &mut frame,
                &json::decode_client(&text).expect("a test writes good messages"),
            );
            frame
        }
    }
}

/// Writes a message whose payload is `11` as a binary frame, with a payload in its place that says it is JSON and is not.
pub(crate) fn with_broken_json(message: &Value) -> Vec<u8> {
    let mut frame = encode(Framing::Binary, message);
    assert_eq!(frame.split_off(frame.len() - 2), b"11");
    frame.extend_from_slice(b"1}");
    frame
}

/// Reads a client's frame as the driver does.
pub(crate) fn decode(framing: Framing, frame: &[u8]) -> Result<ClientMessage<'_>, DecodeError> {
    match framing {
        Framing::JsonLines | Framing::WebSocketText => json::decode_client(frame),
        Framing::Binary | Framing::WebSocketBinary => binary::decode_client(frame),
    }
}

/// Reads a client's frame as the driver does first, where frames may be plain publishes.
pub(crate) fn plain_publish(framing: Framing, frame: &[u8]) -> Option<PlainPublish<'_>> {
    match framing {
        Framing::Binary => ClientFrames::default().plain_publish(frame),
        _ => None,
    }
}

/// Takes the whole messages off the front of what a client has read.
pub(crate) fn take_messages(framing: Framing, bytes: &mut Vec<u8>) -> Vec<Value> {
    let mut messages = Vec::new();
    loop {
        let taken = match framing {
            Framing::JsonLines => take_line(bytes, &mut messages),
            Framing::Binary => take_frame(bytes, &mut messages),
            Framing::WebSocketBinary | Framing::WebSocketText => take_websocket(bytes, &mut messages),
        };
        match taken {
            Some(length) => bytes.drain(..length),
            None => return messages,
        };
    }
}

fn take_line(bytes: &[u8], messages: &mut Vec<Value>) -> Option<usize> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    json::decode_broker(&bytes[..end]).expect("the broker writes messages");
    messages.push(serde_json::from_slice(&bytes[..end]).unwrap());
    Some(end + 1)
}

fn take_frame(bytes: &[u8], messages: &mut Vec<Value>) -> Option<usize> {
    let length = binary::frame_length(bytes, usize::MAX).unwrap()?;
    if bytes.len() < length {
        return None;
    }
    messages.push(as_json(
        &binary::decode_broker(&bytes[..length]).expect("the broker writes frames"),
    ));
    Some(length)
}

fn take_websocket(bytes: &[u8], messages: &mut Vec<Value>) -> Option<usize> {
    let (&[first, short], rest) = bytes.split_first_chunk::<2>()?;
    let (length, header) = match short {
        126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*rest.first_chunk()?) as usize, 10),
        short => (usize::from(short), 2),
    };
    let message = bytes.get(header..header + length)?;
    match first {
        0x81 => messages.push(serde_json::from_slice(message).unwrap()),
        0x82 => {
            let mut frames = message.to_vec();
            while let Some(taken) = take_frame(&frames, messages) {
                frames.drain(..taken);
            }
            assert!(frames.is_empty(), "a WebSocket message holds whole frames");
        }
        0x89 => messages.push(serde_json::json!({ "type": "websocket ping" })),
        other => panic!("a server does not send {other:#x}"),
    }
    Some(header + length)
}

fn as_json(message: &BrokerMessage<'_>) -> Value {
    let mut text = Vec::new();
    json::encode_broker(&mut text, message);
    serde_json::from_slice(&text).expect("what the broker sends as binary can be said as JSON")
}
