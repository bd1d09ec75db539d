//! A broker that is broken or hostile: the connection ends with a reason, is made anew, and nothing panics.

use buslane_protocol::Framing;
use buslane_protocol::binary::Preamble;
use buslane_session::{Event, State};
use serde_json::json;

use crate::broker::{Scripted, connected, frame};

#[test]
fn a_wrong_preamble_ends_the_connection() {
    let mut scripted = Scripted::new();
    scripted.session.handle_connected(scripted.now);
    scripted.bytes(b"HTTP/1.1 400 Bad Request\r\n");
    scripted.gave_up("invalid_frame");
}

#[test]
fn a_broken_frame_ends_the_connection() {
    let mut scripted = Scripted::connected();
    scripted.bytes(&[1, 0, 0, 0, 9]);
    scripted.gave_up("invalid_frame");
}

#[test]
fn a_line_that_is_no_json_ends_the_connection() {
    let mut scripted = Scripted::connected_with(|config| config.framing = Framing::JsonLines);
    scripted.bytes(b"hello?\n");
    scripted.gave_up("invalid_json");
}

#[test]
fn a_frame_that_is_too_long_ends_the_connection_before_it_is_there() {
    let mut scripted = Scripted::connected_with(|config| config.frame_bytes = 1_000);
    scripted.bytes(&1_001_u32.to_le_bytes());
    scripted.gave_up("frame_too_large");
}

#[test]
fn a_line_that_does_not_end_ends_the_connection() {
    let mut scripted = Scripted::connected_with(|config| {
        config.framing = Framing::JsonLines;
        config.frame_bytes = 1_000;
    });
    scripted.bytes(&[b' '; 900]);
    assert_eq!(scripted.events(), []);
    scripted.bytes(&[b' '; 101]);
    scripted.gave_up("frame_too_large");
}

#[test]
fn half_a_frame_in_a_websocket_message_ends_the_connection() {
    let mut scripted = Scripted::connected_with(|config| config.framing = Framing::WebSocketBinary);
    let ping = frame(br#"{"type":"ping"}"#);
    scripted
        .session
        .handle_message(scripted.now, &ping[..ping.len() - 1]);
    scripted.gave_up("invalid_frame");
}

#[test]
fn line_breaks_between_the_tokens_of_a_websocket_message_are_white_space() {
    let mut scripted = Scripted::connected_with(|config| config.framing = Framing::WebSocketText);
    scripted
        .session
        .handle_message(scripted.now, b"{\r\n  \"type\":\n\t\"ping\"\n}");
    scripted.events();
    assert_eq!(scripted.written(), [json!({ "type": "pong" })]);
}

#[test]
fn two_objects_in_one_websocket_message_end_the_connection() {
    let mut scripted = Scripted::connected_with(|config| config.framing = Framing::WebSocketText);
    scripted
        .session
        .handle_message(scripted.now, b"{\"type\":\"ping\"}\n{\"type\":\"ping\"}");
    scripted.gave_up("invalid_json");
}

#[test]
fn a_type_of_a_later_version_is_reported_and_passed_over() {
    let mut scripted = Scripted::connected_with(|config| config.framing = Framing::JsonLines);
    scripted.bytes(b"{\"type\":\"weather\"}\n{\"type\":\"ping\"}\n");
    assert!(matches!(scripted.one(), Event::Refused { problem } if problem.code == "unknown_type"));
    assert_eq!(scripted.session.state(), State::Connected);
    assert_eq!(scripted.written().len(), 1);
}

#[test]
fn what_follows_broken_bytes_is_not_read() {
    let mut scripted = Scripted::connected_with(|config| config.framing = Framing::JsonLines);
    scripted.bytes(b"{\"type\":\"ping\"}\nbroken\n{\"type\":\"ping\"}\n");
    scripted.gave_up("invalid_json");
    assert_eq!(
        scripted.session.poll_transmit(),
        None,
        "nothing is left to be written to the next connection"
    );
}

#[test]
fn answers_to_what_was_never_asked_are_counted_and_passed_over() {
    let never = "018bcfe5-6800-7000-8000-000000000001";
    for framing in Framing::ALL {
        let mut scripted = Scripted::connected_with(|config| config.framing = framing);
        scripted.say(json!({ "type": "reply", "id": never, "from": "x#y", "payload": 1 }));
        scripted.say(json!({ "type": "reply", "id": "c", "from": "x#y", "payload": 1 }));
        scripted.say(json!({ "type": "chunk", "id": never, "from": "x#y", "sequence": 0 }));
        scripted.say(json!({ "type": "end", "id": never, "expected": 1, "replied": 1, "failed": 0 }));
        scripted.say(json!({ "type": "ack", "id": never, "receivers": 1 }));
        scripted.say(json!({ "type": "error", "id": never, "error": { "code": "internal", "status": 500 } }));
        scripted.say(json!({ "type": "registered", "id": "r9", "name": "a", "instance": "b", "resume": "", "heartbeat_ms": 0 }));
        scripted.say(json!({ "type": "subscribed", "id": "s9.9", "filter": "a" }));
        scripted.say(json!({ "type": "pong", "id": "f9" }));
        scripted.say(json!({ "type": "cancel", "delivery": 9 }));
        scripted.say(json!({ "type": "credit", "delivery": 9, "count": 1 }));
        scripted.say(json!({ "type": "delivery", "topic": "a", "from": "b" }));
        assert_eq!(scripted.events(), [], "{framing:?}");
        let counters = scripted.session.counters();
        assert_eq!(
            (counters.late_answers, counters.unmatched_deliveries),
            (6, 1),
            "{framing:?}"
        );
    }
}

#[test]
fn no_bytes_make_a_session_panic() {
    for framing in Framing::ALL {
        let mut state: u64 = 7;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let good: Vec<u8> = [connected().to_string().as_bytes(), br#"{"type":"ping","id":"1"}"#]
            .iter()
            .flat_map(|text| match framing {
                Framing::Binary | Framing::WebSocketBinary => frame(text),
                _ => [text, &b"\n"[..]].concat(),
            })
            .collect();
        for _ in 0..2_000 {
            let mut scripted = Scripted::with(|config| config.framing = framing);
            scripted.session.handle_connected(scripted.now);
            let mut bytes = if framing == Framing::Binary {
                Preamble::answer(Some(1)).to_vec()
            } else {
                Vec::new()
            };
            bytes.extend_from_slice(&good);
            for _ in 0..=random() % 4 {
                let place = random() as usize % bytes.len();
                bytes[place] = random() as u8;
            }
            let cut = random() as usize % bytes.len();
            match framing {
                Framing::Binary | Framing::JsonLines => scripted.bytes(&bytes[..cut]),
                _ => scripted.session.handle_message(scripted.now, &bytes[..cut]),
            }
            scripted.events();
            scripted.bytes(&bytes[cut..]);
            scripted.events();
            while scripted.action().is_some() {}
            scripted.pass_ms(60_000);
        }
    }
}
