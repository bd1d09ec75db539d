//! How a connection is made, and what happens when it is not.

use std::time::Duration;

use buslane_protocol::binary::Preamble;
use buslane_protocol::{ErrorCode, Framing};
use buslane_session::{Action, Event, State, SubscribeOptions};
use serde_json::json;

use crate::broker::{Scripted, connected, types};

#[test]
fn everything_known_is_said_at_once_without_waiting_for_an_answer() {
    for framing in Framing::ALL {
        let mut scripted = Scripted::with(|config| {
            config.framing = framing;
            config.name = Some("shell".parse().unwrap());
            config.token = Some("secret".into());
            config.heartbeat_ms = Some(1_000);
        });
        scripted.register(json!({ "name": "attic", "version": "1" }));
        scripted.subscribe("host/#", SubscribeOptions::default());
        let written = scripted.open();
        assert_eq!(
            types(&written),
            ["connect", "register", "subscribe"],
            "{framing:?}"
        );
        let expected = json!({ "type": "connect", "id": "c", "name": "shell", "token": "secret", "heartbeat_ms": 1_000 });
        assert_eq!(written[0], expected, "{framing:?}");
    }
}

#[test]
fn a_raw_binary_connection_begins_with_the_preamble() {
    let mut scripted = Scripted::new();
    scripted.session.handle_connected(scripted.now);
    let transmit = scripted.session.poll_transmit().unwrap();
    assert_eq!(transmit.as_bytes()[..8], Preamble::OURS.encode());
}

#[test]
fn a_session_is_connected_when_the_broker_says_so() {
    let mut scripted = Scripted::new();
    assert_eq!(scripted.session.state(), State::Connecting);
    scripted.open();
    assert_eq!(scripted.session.state(), State::Connecting);
    scripted.say(connected());
    assert!(matches!(scripted.one(), Event::Connected(connected) if connected.client == "client-1"));
    assert_eq!(scripted.session.state(), State::Connected);
    assert_eq!(scripted.session.connected().unwrap().node.as_str(), "here");
}

#[test]
fn what_a_broker_says_after_an_upgrade_is_not_yet_the_answer() {
    let mut scripted = Scripted::with(|config| config.framing = Framing::WebSocketText);
    scripted.open();
    let mut unasked = connected();
    unasked.as_object_mut().unwrap().remove("id");
    scripted.say(unasked);
    assert_eq!(scripted.events(), []);
    scripted.say(connected());
    assert!(matches!(scripted.one(), Event::Connected(_)));
    scripted.say(connected());
    assert_eq!(scripted.events(), []);
}

#[test]
fn a_broker_without_a_common_version_ends_the_session() {
    let mut scripted = Scripted::new();
    scripted.session.handle_connected(scripted.now);
    scripted.bytes(&Preamble::answer(None));
    assert!(matches!(scripted.one(), Event::Ended { problem } if problem.code == "unsupported_version"));
    assert_eq!(scripted.action(), Some(Action::Close { flush: false }));
    assert_eq!(scripted.session.state(), State::Ended);
    assert_eq!(scripted.session.poll_timeout(), None);
}

#[test]
fn a_version_that_was_not_offered_ends_the_session() {
    let ended = |scripted: &mut Scripted| {
        assert!(matches!(scripted.one(), Event::Ended { problem } if problem.code == "unsupported_version"));
        assert_eq!(scripted.action(), Some(Action::Close { flush: false }));
        assert_eq!(scripted.session.poll_timeout(), None);
    };
    let mut scripted = Scripted::new();
    scripted.session.handle_connected(scripted.now);
    scripted.bytes(&Preamble::answer(Some(2)));
    ended(&mut scripted);
    for framing in Framing::ALL {
        let mut scripted = Scripted::with(|config| config.framing = framing);
        scripted.open();
        let mut later = connected();
        later["version"] = 2.into();
        scripted.say(later);
        ended(&mut scripted);
    }
}

#[test]
fn a_broker_of_a_later_version_only_ends_the_session_in_json_too() {
    for id in [json!("c"), json!(null)] {
        let mut scripted = Scripted::with(|config| config.framing = Framing::JsonLines);
        scripted.open();
        let problem = json!({ "code": "unsupported_version", "status": 400 });
        scripted.say(json!({ "type": "error", "id": id, "error": problem }));
        assert!(matches!(scripted.one(), Event::Ended { problem } if problem.code == "unsupported_version"));
    }
}

#[test]
fn a_client_that_proves_nothing_ends() {
    let mut scripted = Scripted::new();
    scripted.open();
    scripted
        .say(json!({ "type": "error", "id": "c", "error": { "code": "unauthenticated", "status": 401 } }));
    assert!(matches!(scripted.one(), Event::Ended { problem } if problem.code == "unauthenticated"));
    let refused = scripted.session.flush().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unauthenticated);
}

#[test]
fn a_broker_without_room_is_asked_again_later() {
    let mut scripted = Scripted::new();
    scripted.open();
    scripted.say(json!({ "type": "error", "error": { "code": "too_many_connections", "status": 503 } }));
    assert_eq!(scripted.events(), []);
    scripted.session.handle_disconnected(scripted.now, "closed");
    assert!(
        matches!(scripted.one(), Event::Disconnected { problem, .. } if problem.code == "too_many_connections")
    );
    scripted.dial();
}

#[test]
fn a_dial_that_takes_too_long_is_given_up() {
    let mut scripted = Scripted::new();
    scripted.pass(Duration::from_secs(10));
    scripted.gave_up("unreachable");
}

#[test]
fn a_broker_that_does_not_answer_the_introduction_is_given_up() {
    let mut scripted = Scripted::new();
    scripted.open();
    scripted.pass(Duration::from_secs(10));
    scripted.gave_up("unreachable");
}

#[test]
fn a_transport_that_opens_too_late_is_ignored() {
    let mut scripted = Scripted::new();
    scripted.pass(Duration::from_secs(10));
    scripted.events();
    scripted.session.handle_connected(scripted.now);
    assert_eq!(scripted.session.state(), State::Waiting);
    assert_eq!(scripted.session.poll_transmit(), None);
}

#[test]
fn the_pauses_between_attempts_grow() {
    let mut scripted = Scripted::new();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        scripted.session.handle_disconnected(scripted.now, "refused");
        let Event::Disconnected { retry_at, .. } = scripted.one() else {
            panic!()
        };
        pauses.push((retry_at - scripted.now).as_millis());
        scripted.dial();
    }
    assert!(pauses[0] <= 100, "{pauses:?}");
    assert!(
        pauses[..8].windows(2).all(|pair| pair[0] <= pair[1]),
        "{pauses:?}"
    );
    assert!(
        pauses[10] >= 15_000 && pauses.iter().all(|pause| *pause <= 30_000),
        "{pauses:?}"
    );
}

#[test]
fn the_session_answers_pings_by_itself() {
    for framing in Framing::ALL {
        let mut scripted = Scripted::connected_with(|config| config.framing = framing);
        scripted.say(json!({ "type": "ping", "id": "x1" }));
        scripted.say(json!({ "type": "ping" }));
        assert_eq!(scripted.events(), []);
        assert_eq!(
            scripted.written(),
            [json!({ "type": "pong", "id": "x1" }), json!({ "type": "pong" })]
        );
    }
}

#[test]
fn a_silent_broker_is_pinged_and_half_a_frame_proves_life() {
    let mut scripted = Scripted::connected();
    scripted.pass(Duration::from_secs(15));
    assert_eq!(scripted.written(), [json!({ "type": "ping" })]);
    scripted.bytes(&[40, 0, 0]);
    scripted.events();
    scripted.pass(Duration::from_secs(14));
    assert_eq!(scripted.written(), [json!(null); 0]);
    scripted.pass(Duration::from_secs(1));
    assert_eq!(scripted.written(), [json!({ "type": "ping" })]);
    scripted.pass(Duration::from_secs(30));
    scripted.gave_up("heartbeat_timeout");
}

#[test]
fn a_broker_that_takes_no_clients_says_why() {
    let mut scripted = Scripted::new();
    scripted.open();
    scripted.say(json!({ "type": "error", "error": { "code": "draining", "status": 503 } }));
    scripted.events();
    scripted.session.handle_disconnected(scripted.now, "closed");
    assert!(matches!(scripted.one(), Event::Disconnected { problem, .. } if problem.code == "draining"));
}

#[test]
fn silence_is_counted_from_the_connections_beginning() {
    let mut scripted = Scripted::new();
    for _ in 0..30 {
        scripted.session.handle_disconnected(scripted.now, "refused");
        scripted.dial();
    }
    scripted.session.handle_connected(scripted.now);
    scripted.written_after_preamble();
    scripted.pass_ms(9_999);
    assert_eq!(scripted.written(), [json!(null); 0]);
}
