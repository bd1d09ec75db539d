//! Clients that were welcome and then send what is no message, or none that is known.

use crate::attacker::{
    Attacker, BINARY, CONNECT, Fate, PUBLISH, REGISTER, REPLY, REQUEST, SUBSCRIBE, TEXT, Way, frame,
    websocket_frame,
};
use crate::bystander::Bystander;
use crate::cases::{Case, broken, lost, play, refused};
use crate::figures::{Figures, expect_blame};
use crate::support::start;

#[test]
fn garbage_in_place_of_a_message_is_told_and_costs_nobody_else_anything() {
    play(
        &[Way::Lines, Way::WebSocketText],
        &[
            broken("words", "invalid_json", |attacker| attacker.send(b"hello")),
            broken("an array", "invalid_message", |attacker| attacker.send(b"[1,2]")),
            broken("control characters", "invalid_json", |attacker| {
                attacker.send(b"{\x00\x01}")
            }),
            broken("two objects", "invalid_json", |attacker| {
                attacker.send(br#"{"type":"ping"}{"type":"ping"}"#);
            }),
            broken("half an object", "invalid_json", |attacker| {
                attacker.send(br#"{"type":"pi"#)
            }),
        ],
    );
    play(
        &[Way::Frames, Way::WebSocketBinary],
        &[
            lost("a length under the header's", "invalid_frame", 1007, |attacker| {
                attacker.send(&[23, 0, 0, 0]);
            }),
            lost("parts beyond the frame", "invalid_frame", 1007, |attacker| {
                let mut frame = frame(PUBLISH, "", "a", b"", b"1");
                frame[10] = 200;
                attacker.send(&frame);
            }),
        ],
    );
}

#[test]
fn half_frames_have_no_effect() {
    let broker = start(|_| {});
    let bystander = Bystander::join(&broker);
    for way in Way::ALL {
        let name = format!("{way:?}");
        let mut attacker = Attacker::join(&broker, way);
        let before = Figures::of(&broker);
        let message = match way.is_text() {
            true => br#"{"type":"publish","topic":"half","payload":1}"#.to_vec(),
            false => frame(PUBLISH, "", "half", b"", b"1"),
        };
        let wrapped = attacker.wrapped(&message);
        attacker.write(&wrapped[..wrapped.len() - 2]);
        attacker.hang_up();
        let errors: &[&str] = if way.is_websocket() {
            &[]
        } else {
            &["invalid_frame"]
        };
        let expected = Fate::of(errors, way.ended(1000));
        assert_eq!(attacker.fate_so_far(), expected, "{name}");
        let blame: &[_] = match way.is_websocket() {
            true => &[],
            false => &[
                ("malformed_total", 1.0),
                ("refused_total{code=\"invalid_frame\"}", 1.0),
                ("connections_closed_total{reason=\"framing\"}", 1.0),
            ],
        };
        expect_blame(&broker, &before, blame, &name);
        let published = Figures::of(&broker).value("messages_received_total{type=\"publish\"}");
        assert_eq!(published, 0.0, "{name}");
    }
    bystander.ends_well();
}

#[test]
fn huge_lengths_are_refused_before_anything_is_there() {
    play(
        &[Way::Frames, Way::WebSocketBinary],
        &[lost("four gigabytes", "frame_too_large", 1007, |attacker| {
            attacker.send(&u32::MAX.to_le_bytes());
        })],
    );
    play(
        &[Way::WebSocketText, Way::WebSocketBinary],
        &[lost("an endless message", "frame_too_large", 1009, |attacker| {
            attacker.write(&[0x80 | TEXT, 0xff]);
            attacker.write(&u64::MAX.to_be_bytes());
            attacker.write(&[0; 4]);
        })],
    );
    play(
        &[Way::Lines],
        &[lost(
            "a line without an end",
            "frame_too_large",
            1009,
            |attacker| {
                attacker.write(&vec![b'x'; 2 << 20]);
            },
        )],
    );
}

#[test]
fn what_is_no_utf_8_is_refused() {
    play(
        &[Way::Lines],
        &[broken("in a text", "invalid_json", |attacker| {
            attacker.send(b"{\"type\":\"publish\",\"topic\":\"\xff\xfe\",\"payload\":1}");
        })],
    );
    play(
        &[Way::WebSocketText],
        &[Case {
            is_malformed: false,
            ..lost("in a text", "", 1007, |attacker| {
                attacker.send(b"{\"type\":\"publish\",\"topic\":\"\xff\xfe\",\"payload\":1}");
            })
        }],
    );
    play(
        &[Way::Frames, Way::WebSocketBinary],
        &[
            broken("in a topic", "invalid_message", |attacker| {
                let mut frame = frame(PUBLISH, "", "ab", b"", b"1");
                frame[28] = 0xff;
                attacker.send(&frame);
            }),
            broken("in the text of a rare frame", "invalid_json", |attacker| {
                attacker.send(&frame(
                    SUBSCRIBE,
                    "",
                    "",
                    b"",
                    b"{\"type\":\"subscribe\",\"filter\":\"\xff\"}",
                ));
            }),
            broken("in a header", "invalid_message", |attacker| {
                attacker.send(&frame(PUBLISH, "", "a", b"\x01\x01\x00x\xff", b"1"));
            }),
        ],
    );
}

#[test]
fn nesting_is_bounded_where_values_are_built_and_free_in_payloads() {
    play(
        &Way::ALL,
        &[
            broken("in meta", "invalid_message", |attacker| {
                let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
                let deep = String::from_utf8(deep).unwrap();
                attacker.say(
                    REGISTER,
                    &format!(r#"{{"type":"register","name":"a","version":"1.0.0","meta":{{"a":{deep}}}}}"#),
                );
            }),
            Case {
                error: "",
                is_malformed: false,
                ..broken("in a payload", "", |attacker| {
                    let deep = [vec![b'['; 400_000], vec![b']'; 400_000]].concat();
                    match attacker.is_text() {
                        true => {
                            let deep = String::from_utf8(deep).unwrap();
                            attacker.send(
                                format!(r#"{{"type":"publish","topic":"a","payload":{deep}}}"#).as_bytes(),
                            );
                        }
                        false => attacker.send(&frame(PUBLISH, "", "a", b"", &deep)),
                    }
                })
            },
        ],
    );
}

#[test]
fn duplicate_members_are_refused() {
    play(
        &[Way::Lines, Way::WebSocketText],
        &[
            broken("of a publish", "invalid_message", |attacker| {
                attacker.send(br#"{"type":"publish","topic":"a","topic":"b","payload":1}"#);
            }),
            broken("the type", "invalid_message", |attacker| {
                attacker.send(br#"{"type":"ping","type":"goodbye"}"#);
            }),
            broken("headers", "invalid_message", |attacker| {
                attacker.send(br#"{"type":"publish","topic":"a","headers":{"x":"1","x":"2"}}"#);
            }),
        ],
    );
    play(
        &Way::ALL,
        &[broken("of a registration", "invalid_message", |attacker| {
            attacker.say(
                REGISTER,
                r#"{"type":"register","name":"a","version":"1.0.0","methods":{"m":{},"m":{}}}"#,
            );
        })],
    );
}

#[test]
fn duplicate_members_of_a_payload_are_refused_where_a_schema_holds() {
    let text = br#"{"type":"request","id":"1","to":"strict:m","payload":{"a":1,"a":2}}"#;
    let broker = start(|_| {});
    let mut service = crate::support::Lines::join(&broker);
    let methods = serde_json::json!({ "m": { "input": { "type": "object" } } });
    service.send(
        serde_json::json!({ "type": "register", "name": "strict", "version": "1.0.0", "methods": methods }),
    );
    service.expect("registered");
    let bystander = Bystander::join(&broker);
    for way in Way::ALL {
        let mut attacker = Attacker::join(&broker, way);
        let before = Figures::of(&broker);
        match way.is_text() {
            true => attacker.send(text),
            false => attacker.send(&frame(REQUEST, "1", "strict:m", b"", br#"{"a":1,"a":2}"#)),
        }
        assert_eq!(attacker.fate(), Fate::spared(&["invalid_payload"]), "{way:?}");
        let blame = [("refused_total{code=\"invalid_payload\"}", 1.0)];
        expect_blame(&broker, &before, &blame, &format!("{way:?}"));
    }
    bystander.ends_well();
}

#[test]
fn unknown_types_are_answered_and_passed_over() {
    play(
        &[Way::Lines, Way::WebSocketText],
        &[
            broken("a type of tomorrow", "unknown_type", |attacker| {
                attacker.send(br#"{"type":"teleport","id":"1"}"#);
            }),
            broken("no type", "invalid_message", |attacker| attacker.send(b"{}")),
            broken("a type that is no text", "invalid_message", |attacker| {
                attacker.send(br#"{"type":7}"#)
            }),
            broken("a type of the broker's", "unknown_type", |attacker| {
                attacker.send(br#"{"type":"delivery","topic":"a"}"#);
            }),
        ],
    );
    play(
        &[Way::Frames, Way::WebSocketBinary],
        &[
            broken("a type of tomorrow", "unknown_type", |attacker| {
                attacker.send(&frame(99, "1", "", b"", b""));
            }),
            broken("a type of the broker's", "unknown_type", |attacker| {
                attacker.send(&frame(10, "1", "a", b"", b"1"));
            }),
            broken("two types", "invalid_message", |attacker| {
                attacker.send(&frame(CONNECT, "", "", b"", br#"{"type":"goodbye"}"#));
            }),
        ],
    );
}

#[test]
fn answers_that_nobody_asked_for_are_refused() {
    play(
        &Way::ALL,
        &[refused(
            "a reply",
            "unknown_delivery",
            |attacker| match attacker.is_text() {
                true => attacker.send(br#"{"type":"reply","delivery":77,"payload":1}"#),
                false => {
                    let mut frame = frame(REPLY, "", "", b"", b"1");
                    frame[20] = 77;
                    attacker.send(&frame);
                }
            },
        )],
    );
}

#[test]
fn a_websocket_of_the_other_kind_is_closed() {
    let case = |attack| Case {
        is_malformed: false,
        ..lost("the other kind", "", 1003, attack)
    };
    play(
        &[Way::WebSocketText],
        &[case(|attacker| attacker.write(&websocket_frame(BINARY, b"1")))],
    );
    play(
        &[Way::WebSocketBinary],
        &[case(|attacker| attacker.write(&websocket_frame(TEXT, b"1")))],
    );
}
