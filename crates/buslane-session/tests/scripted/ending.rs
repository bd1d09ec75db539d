//! The end of a session.

use buslane_protocol::ErrorCode;
use buslane_session::{Action, Event, RequestOptions, State};
use serde_json::json;

use crate::broker::{Scripted, types};

#[test]
fn closing_writes_what_is_queued_and_goodbye() {
    let mut scripted = Scripted::connected();
    scripted.publish("host/a", false);
    let flush = scripted.session.flush().unwrap();
    let now = scripted.now;
    scripted.session.close(now);
    let events = scripted.events();
    assert!(
        matches!(&events[0], Event::FlushFailed { key, problem } if *key == flush && problem.code == "closed")
    );
    assert!(matches!(events[1], Event::Ended { .. }));
    assert_eq!(scripted.action(), Some(Action::Close { flush: true }));
    assert_eq!(types(&scripted.written()), ["publish", "ping", "goodbye"]);
    assert_eq!(scripted.session.counters().dropped_publishes, 0);
}

#[test]
fn closing_twice_is_closing_once() {
    let mut scripted = Scripted::connected();
    let now = scripted.now;
    scripted.session.close(now);
    scripted.events();
    scripted.action();
    scripted.written();
    scripted.session.close(now);
    assert_eq!((scripted.events(), scripted.action()), (vec![], None));
}

#[test]
fn closing_without_a_connection_counts_what_is_lost() {
    let mut scripted = Scripted::new();
    scripted.publish("host/a", false);
    scripted.publish("host/b", false);
    scripted.publish("host/c", true);
    let now = scripted.now;
    scripted.session.close(now);
    let events = scripted.events();
    assert!(matches!(&events[0], Event::PublishFailed { problem, .. } if problem.code == "closed"));
    assert_eq!(scripted.action(), Some(Action::Close { flush: false }));
    assert_eq!(scripted.session.counters().dropped_publishes, 2);
    assert_eq!(scripted.session.queued_bytes(), 0);
}

#[test]
fn a_session_that_was_taken_over_ends_everything() {
    let mut scripted = Scripted::connected();
    let key = scripted.call("a:get", RequestOptions::default());
    scripted.written();
    scripted.say(json!({ "type": "error", "error": { "code": "taken_over", "status": 409 } }));
    let events = scripted.events();
    assert!(
        matches!(&events[0], Event::Failed { key: of, problem } if *of == key && problem.code == "taken_over")
    );
    assert!(matches!(&events[1], Event::Ended { problem } if problem.code == "taken_over"));
    assert_eq!(scripted.action(), Some(Action::Close { flush: false }));
    assert_eq!(
        (scripted.session.state(), scripted.session.poll_timeout()),
        (State::Ended, None)
    );
    scripted.session.handle_disconnected(scripted.now, "closed");
    assert_eq!((scripted.events(), scripted.action()), (vec![], None));
    let refused = scripted.session.flush().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::TakenOver);
}
