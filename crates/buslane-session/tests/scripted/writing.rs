//! What a driver gets to write, and how it stands in WebSocket messages.

use buslane_protocol::{ErrorCode, Framing, HeadersBuf, Limits, Payload, Topic};
use buslane_session::PublishOptions;

use serde_json::json;

use crate::broker::{Scripted, connected};

fn publish(scripted: &mut Scripted, bytes: usize) {
    let text = format!("\"{}\"", "x".repeat(bytes));
    let topic = Topic::parse("host/a").unwrap();
    let payload = Payload::json(text.into_bytes());
    scripted
        .session
        .publish(scripted.now, &topic, payload, PublishOptions::default())
        .unwrap();
}

/// Publishes in the shortest way; tells whether it was one.
fn publish_plain(scripted: &mut Scripted, bytes: usize) -> bool {
    let text = format!("\"{}\"", "x".repeat(bytes));
    let topic = Topic::parse("host/a").unwrap();
    scripted
        .session
        .publish_plain(&topic, &Payload::json(text.into_bytes()))
}

#[test]
fn the_shortest_way_of_a_publish_writes_what_the_long_one_does() {
    for framing in [Framing::Binary, Framing::WebSocketBinary] {
        let written = [true, false].map(|short| {
            let mut scripted = Scripted::connected_with(|config| config.framing = framing);
            if short {
                assert!(publish_plain(&mut scripted, 100));
            } else {
                publish(&mut scripted, 100);
            }
            scripted.session.poll_transmit().unwrap().as_bytes().to_vec()
        });
        assert_eq!(written[0], written[1], "{framing:?}");
    }
}

#[test]
fn the_shortest_way_of_a_publish_is_left_where_anything_is_unusual() {
    let mut waiting = Scripted::new();
    let mut text = Scripted::connected_with(|config| config.framing = Framing::JsonLines);
    let mut ended = Scripted::connected();
    ended.session.close(ended.now);
    while ended.session.poll_transmit().is_some() {}
    for scripted in [&mut waiting, &mut text, &mut ended] {
        assert!(!publish_plain(scripted, 10));
        assert_eq!(
            (scripted.session.queued_bytes(), scripted.session.poll_transmit()),
            (0, None)
        );
    }
    let mut scripted = Scripted::connected();
    assert!(!publish_plain(&mut scripted, Limits::default().payload));
    assert!(publish_plain(&mut scripted, Limits::default().payload - 2));
}

#[test]
fn messages_are_written_together() {
    for framing in Framing::ALL {
        let mut scripted = Scripted::connected_with(|config| config.framing = framing);
        (0..10).for_each(|_| publish(&mut scripted, 10));
        let transmit = scripted.session.poll_transmit().unwrap();
        let expected = if framing == Framing::WebSocketText { 10 } else { 1 };
        assert_eq!(transmit.messages().count(), expected, "{framing:?}");
        assert_eq!(scripted.session.poll_transmit(), None);
    }
}

#[test]
fn a_websocket_message_holds_whole_frames_and_stays_short() {
    let mut scripted = Scripted::connected_with(|config| config.framing = Framing::WebSocketBinary);
    for length in [10_000, 10_000, 20_000, 100_000, 10] {
        publish(&mut scripted, length);
    }
    let transmit = scripted.session.poll_transmit().unwrap();
    let lengths: Vec<_> = transmit.messages().map(<[u8]>::len).collect();
    assert_eq!(lengths.len(), 4, "{lengths:?}");
    assert!(
        lengths[0] < 32 << 10 && lengths[1] > 20_000 && lengths[2] > 100_000,
        "{lengths:?}"
    );
    assert_eq!(lengths.iter().sum::<usize>(), transmit.as_bytes().len());
}

#[test]
fn a_buffer_that_was_handed_back_is_used_again() {
    let mut scripted = Scripted::connected();
    publish(&mut scripted, 1_000);
    let transmit = scripted.session.poll_transmit().unwrap();
    let place = transmit.as_bytes().as_ptr();
    scripted.session.recycle(transmit);
    publish(&mut scripted, 10);
    let other = scripted.session.poll_transmit().unwrap();
    publish(&mut scripted, 10);
    let again = scripted.session.poll_transmit().unwrap();
    assert!(
        [&other, &again]
            .iter()
            .any(|transmit| transmit.as_bytes().as_ptr() == place)
    );
}

#[test]
fn a_payload_that_is_no_json_is_refused_where_it_would_become_text() {
    let topic = Topic::parse("host/a").unwrap();
    for framing in Framing::ALL {
        let mut scripted = Scripted::connected_with(|config| config.framing = framing);
        let payload = Payload::json(&b"1}{"[..]);
        let result = scripted
            .session
            .publish(scripted.now, &topic, payload, PublishOptions::default());
        let refused = result.map_err(|error| error.code()) == Err(ErrorCode::InvalidPayload);
        assert_eq!(
            refused,
            matches!(framing, Framing::JsonLines | Framing::WebSocketText),
            "{framing:?}"
        );
    }
}

#[test]
fn members_that_only_the_broker_sets_are_refused() {
    let mut scripted = Scripted::connected();
    let mut headers = HeadersBuf::new();
    headers.push(":shared", "workers").unwrap();
    let topic = Topic::parse("host/a").unwrap();
    let options = PublishOptions {
        headers: headers.finish(),
        ..PublishOptions::default()
    };
    let refused = scripted
        .session
        .publish(scripted.now, &topic, Payload::absent(), options)
        .unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidMessage);
}

#[test]
fn a_publish_that_cannot_fail_is_one_of_the_payloads_that_the_broker_takes_while_connected() {
    let mut scripted = Scripted::new();
    assert_eq!(scripted.session.publishable_bytes(), 0);
    scripted.open();
    assert_eq!(scripted.session.publishable_bytes(), 0);
    let mut accepted = connected();
    accepted["limits"] = json!({ "payload": 10 });
    scripted.say(accepted);
    scripted.events();
    assert_eq!(scripted.session.publishable_bytes(), 10);
    let topic = Topic::parse("a").unwrap();
    let mut publish = |length| {
        let bytes = vec![b' '; length];
        let options = PublishOptions::default();
        scripted
            .session
            .publish(scripted.now, &topic, Payload::json(bytes), options)
    };
    assert_eq!(publish(10), Ok(None));
    assert_eq!(publish(11).unwrap_err().code(), ErrorCode::PayloadTooLarge);
    scripted.lose();
    assert_eq!(scripted.session.publishable_bytes(), 0);
}

#[test]
fn no_publish_is_sure_where_the_session_checks_that_text_is_json() {
    let scripted = Scripted::connected_with(|config| config.framing = Framing::JsonLines);
    assert_eq!(scripted.session.publishable_bytes(), 0);
}
