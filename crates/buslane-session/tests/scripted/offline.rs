//! What waits for a connection.

use buslane_protocol::Headers;
use buslane_session::{Event, RequestOptions};
use serde_json::json;

use crate::broker::{FRAMINGS, Scripted, types};

#[test]
fn requests_publishes_and_flushes_are_sent_in_order_once_the_broker_accepts() {
    for framing in FRAMINGS {
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
    for framing in FRAMINGS {
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
