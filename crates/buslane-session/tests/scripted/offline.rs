//! What waits for a connection.

use buslane_protocol::{Address, Framing, Headers, Payload, Targets};
use buslane_session::{Action, Event, RequestOptions, SessionError};
use serde_json::json;

use crate::broker::{Scripted, types};

#[test]
fn requests_publishes_and_flushes_are_sent_in_order_once_the_broker_accepts() {
    for framing in Framing::ALL {
        let mut scripted = Scripted::with(|config| config.framing = framing);
        scripted.publish("host/a", false);
        scripted.call("a:get", RequestOptions::default());
        scripted.publish("host/b", true);
        scripted.session.flush().unwrap();
        assert_eq!(types(&scripted.open()), ["connect"], "{framing:?}");
        assert!(scripted.session.queued_bytes() > 0);
        scripted.say(crate::broker::connected());
        scripted.events();
        let written = scripted.written();
        assert_eq!(
            types(&written),
            ["publish", "request", "publish", "ping"],
            "{framing:?}"
        );
        assert_eq!(
            (&written[0]["topic"], &written[2]["topic"]),
            (&json!("host/a"), &json!("host/b"))
        );
        assert_eq!(scripted.session.queued_bytes(), 0);
    }
}

#[test]
fn a_request_that_was_cancelled_while_it_waited_is_never_sent() {
    let mut scripted = Scripted::new();
    let key = scripted.call("a:get", RequestOptions::default());
    scripted.session.cancel(key);
    scripted.accept();
    scripted.events();
    assert_eq!(scripted.written(), [json!(null); 0]);
}

#[test]
fn what_was_of_the_lost_connection_only_is_not_kept() {
    for framing in Framing::ALL {
        let mut scripted = Scripted::connected_with(|config| config.framing = framing);
        scripted.say(json!({
            "type": "request", "delivery": 1, "from": "x", "to": "a:get", "expires_in_ms": 500, "attempt": 1,
        }));
        let Event::Request { token, .. } = scripted.one() else {
            panic!("{framing:?}")
        };
        scripted.say(json!({ "type": "ping" }));
        scripted.events();
        scripted
            .session
            .reply(
                token,
                Headers::default(),
                buslane_protocol::Payload::json(&b"1"[..]),
            )
            .unwrap();
        scripted.publish("host/a", true);
        scripted.lose();
        assert!(
            matches!(scripted.one(), Event::Disconnected { .. }),
            "{framing:?}"
        );
        assert!(scripted.session.queued_bytes() < 150, "{framing:?}");
        scripted.dial();
        scripted.accept();
        scripted.events();
        assert_eq!(types(&scripted.written()), ["publish"], "{framing:?}");
    }
}

#[test]
fn what_a_draining_broker_is_not_asked_any_more_comes_after_what_was_unsent() {
    let mut scripted = Scripted::connected();
    scripted.call("a:first", RequestOptions::default());
    scripted.say(json!({ "type": "draining", "closes_in_ms": 1_000 }));
    scripted.events();
    scripted.call("a:second", RequestOptions::default());
    scripted.lose();
    assert!(matches!(scripted.one(), Event::Disconnected { problem, .. } if problem.code == "draining"));
    scripted.dial();
    scripted.accept();
    scripted.events();
    let order: Vec<_> = scripted
        .written()
        .iter()
        .map(|message| message["to"].clone())
        .collect();
    assert_eq!(order, ["a:first", "a:second"]);
}

#[test]
fn a_flush_that_was_answered_is_not_asked_for_again() {
    let mut scripted = Scripted::connected();
    let key = scripted.session.flush().unwrap();
    let ping = scripted.one_written();
    scripted.say(json!({ "type": "pong", "id": ping["id"] }));
    assert_eq!(scripted.one(), Event::Flushed { key });
    scripted.lose();
    scripted.dial();
    scripted.accept();
    scripted.events();
    assert_eq!(scripted.written(), [json!(null); 0]);
}

#[test]
fn a_leaving_broker_is_given_time_to_acknowledge() {
    let mut scripted = Scripted::connected();
    let key = scripted.publish("host/a", true).unwrap();
    let publish = scripted.one_written();
    scripted.say(json!({ "type": "draining", "closes_in_ms": 1_000 }));
    scripted.events();
    assert_eq!(scripted.action(), None);
    scripted.say(json!({ "type": "ack", "id": publish["id"], "receivers": 3 }));
    assert_eq!(scripted.events()[0], Event::Acked { key, receivers: 3 });
    assert_eq!(scripted.action(), Some(Action::Close { flush: true }));
    assert_eq!(types(&scripted.written()), ["goodbye"]);
    scripted.dial();
    scripted.accept();
    scripted.events();
    scripted.call("a:get", RequestOptions::default());
    assert_eq!(
        types(&scripted.written()),
        ["request"],
        "the next broker does not drain"
    );
}

#[test]
fn what_found_no_room_leaves_no_trace() {
    let mut scripted = Scripted::with(|config| config.offline_bytes = 100);
    let to = Targets::One(Address::parse("a:get").unwrap());
    let payload = Payload::json(vec![b'1'; 100]);
    let refused = scripted
        .session
        .request(scripted.now, to, payload, RequestOptions::default())
        .unwrap_err();
    assert_eq!(refused, SessionError::QueueFull { limit: 100 });
    assert_eq!(scripted.session.queued_bytes(), 0);
    scripted.pass_ms(6_000);
    assert_eq!(scripted.events(), []);
}

#[test]
fn a_cancelled_request_makes_room() {
    let mut scripted = Scripted::with(|config| config.offline_bytes = 100);
    for _ in 0..10 {
        let key = scripted.call("a:get", RequestOptions::default());
        scripted.session.cancel(key);
    }
}

#[test]
fn a_publish_that_waits_survives_attempts_that_come_to_nothing() {
    let mut scripted = Scripted::connected();
    let key = scripted.publish("host/a", true).unwrap();
    for _ in 0..2 {
        scripted.lose();
        assert!(matches!(scripted.one(), Event::Disconnected { .. }));
        scripted.dial();
        scripted.open();
    }
    scripted.say(crate::broker::connected());
    scripted.events();
    let publish = scripted.one_written();
    scripted.say(json!({ "type": "ack", "id": publish["id"], "receivers": 1 }));
    assert_eq!(scripted.one(), Event::Acked { key, receivers: 1 });
}
