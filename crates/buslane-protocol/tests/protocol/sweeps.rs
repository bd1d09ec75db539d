//! Damaged input never panics, and what still decodes means the same in both encodings.

use buslane_protocol::{BrokerMessage, ClientMessage, DecodeError, binary, json};

use crate::round_trips::{unchecked_broker, unchecked_client};
use crate::samples;

/// Bytes that have a meaning somewhere: JSON's punctuation, controls, wildcards, halves of UTF-8.
const MEANINGFUL: &[u8] = b"\x00\x01\x1f\"\\/{}[]:,0-9ntf .+#@*$\n\x7f\x80\xc2\xff";

/// Calls `check` with every damaged form of the bytes: cut after each byte, and each byte replaced.
fn damage(bytes: &[u8], mut check: impl FnMut(&[u8])) {
    for length in 0..bytes.len() {
        check(&bytes[..length]);
    }
    let mut damaged = bytes.to_vec();
    for index in 0..bytes.len() {
        let flipped = (0..8).map(|bit| bytes[index] ^ (1 << bit));
        for byte in flipped.chain(MEANINGFUL.iter().copied()) {
            damaged[index] = byte;
            check(&damaged);
        }
        damaged[index] = bytes[index];
    }
}

/// What decodes from a frame is written to the same meaning, and JSON text can say it.
fn check_client_frame(frame: &[u8]) {
    let Ok(message) = binary::decode_client(frame) else {
        return;
    };
    let mut again = Vec::new();
    binary::encode_client(&mut again, &message);
    assert_eq!(
        binary::decode_client(&again).as_ref(),
        Ok(&unchecked_client(message.clone()))
    );
    let mut text = Vec::new();
    json::encode_client(&mut text, &message);
    assert!(
        json::decode_client(&text).is_ok(),
        "{message:?} became {}",
        String::from_utf8_lossy(&text)
    );
}

fn check_broker_frame(frame: &[u8]) {
    let Ok(message) = binary::decode_broker(frame) else {
        return;
    };
    let mut again = Vec::new();
    binary::encode_broker(&mut again, &message);
    assert_eq!(
        binary::decode_broker(&again).as_ref(),
        Ok(&unchecked_broker(message.clone()))
    );
    let mut text = Vec::new();
    json::encode_broker(&mut text, &message);
    assert!(
        json::decode_broker(&text).is_ok(),
        "{message:?} became {}",
        String::from_utf8_lossy(&text)
    );
}

/// What decodes from a text is written to the same meaning, and a frame can say it.
fn check_client_text(text: &[u8]) {
    let Ok(message) = json::decode_client(text) else {
        return;
    };
    let mut again = Vec::new();
    json::encode_client(&mut again, &message);
    let shown = || String::from_utf8_lossy(text).into_owned();
    assert_eq!(
        json::decode_client(&again).as_ref(),
        Ok(&without_line_breaks(&message)),
        "{}",
        shown()
    );
    let mut frame = Vec::new();
    binary::encode_client(&mut frame, &message);
    assert_eq!(
        binary::decode_client(&frame),
        Ok(unchecked_client(message.clone())),
        "{}",
        shown()
    );
}

fn check_broker_text(text: &[u8]) {
    let Ok(message) = json::decode_broker(text) else {
        return;
    };
    let mut frame = Vec::new();
    binary::encode_broker(&mut frame, &message);
    let shown = || String::from_utf8_lossy(text).into_owned();
    assert_eq!(
        binary::decode_broker(&frame),
        Ok(unchecked_broker(message.clone())),
        "{}",
        shown()
    );
}

/// Payloads lose their raw line breaks when they are written as JSON text.
fn without_line_breaks<'a>(message: &ClientMessage<'a>) -> ClientMessage<'a> {
    let mut message = message.clone();
    let payload = match &mut message {
        ClientMessage::Publish(publish) => &mut publish.payload,
        ClientMessage::Request(request) => &mut request.payload,
        ClientMessage::Reply(reply) => &mut reply.payload,
        ClientMessage::Chunk(chunk) => &mut chunk.payload,
        _ => return message,
    };
    if payload.is_json() {
        payload.bytes.to_mut().retain(|byte| *byte != b'\n');
    }
    message
}

#[test]
fn damaged_frames_of_a_client_never_panic() {
    for message in samples::client() {
        let mut frame = Vec::new();
        binary::encode_client(&mut frame, &message);
        damage(&frame, check_client_frame);
    }
}

#[test]
fn damaged_frames_of_the_broker_never_panic() {
    for message in samples::broker() {
        let mut frame = Vec::new();
        binary::encode_broker(&mut frame, &message);
        damage(&frame, check_broker_frame);
    }
}

#[test]
fn damaged_texts_of_a_client_never_panic() {
    for message in samples::client() {
        let mut text = Vec::new();
        json::encode_client(&mut text, &message);
        damage(&text, check_client_text);
    }
}

#[test]
fn damaged_texts_of_the_broker_never_panic() {
    for message in samples::broker() {
        let mut text = Vec::new();
        json::encode_broker(&mut text, &message);
        damage(&text, check_broker_text);
    }
}

#[test]
fn a_cut_frame_is_an_error_that_ends_the_connection() {
    for message in samples::client() {
        let mut frame = Vec::new();
        binary::encode_client(&mut frame, &message);
        for length in 0..frame.len() {
            let error = binary::decode_client(&frame[..length]).unwrap_err();
            assert!(
                matches!(error, DecodeError::Frame { .. }) && error.is_fatal(),
                "{error:?}"
            );
        }
    }
}

#[test]
fn a_cut_text_is_no_json() {
    for message in samples::broker() {
        let mut text = Vec::new();
        json::encode_broker(&mut text, &message);
        for length in 0..text.len() {
            let refused = json::decode_broker(&text[..length]);
            assert!(matches!(refused, Err(DecodeError::Json { .. })), "{refused:?}");
        }
    }
}

#[test]
fn frames_of_one_side_never_panic_the_other() {
    let mut frames = Vec::new();
    for message in samples::client() {
        frames.push(Vec::new());
        binary::encode_client(frames.last_mut().unwrap(), &message);
    }
    for message in samples::broker() {
        frames.push(Vec::new());
        binary::encode_broker(frames.last_mut().unwrap(), &message);
    }
    for frame in frames {
        check_client_frame(&frame);
        check_broker_frame(&frame);
        let _: Result<BrokerMessage<'_>, _> = json::decode_broker(&frame);
    }
}
