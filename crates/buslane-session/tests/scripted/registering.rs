//! Registrations, as far as a real broker does not show them: refusals and retries.

use buslane_session::Event;
use serde_json::{Value, json};

use crate::broker::{Scripted, types};

fn registered(id: &str) -> Value {
    json!({ "type": "registered", "id": id, "name": "attic", "instance": "one", "resume": "secret", "heartbeat_ms": 0 })
}

fn refused(id: &str, code: &str) -> Value {
    json!({ "type": "error", "id": id, "error": { "code": code, "status": 409 } })
}

/// Makes a session that was registered, lost its connection and is connected again.
fn back_again() -> Scripted {
    let mut scripted = Scripted::connected();
    scripted.register(json!({ "name": "attic", "version": "1" }));
    scripted.say(registered("r1"));
    scripted.events();
    scripted.lose();
    scripted.events();
    scripted.dial();
    let written = scripted.accept();
    assert_eq!(types(&written), ["connect", "register"]);
    assert_eq!(
        (&written[1]["resume"], &written[1]["instance"]),
        (&json!("secret"), &json!("one"))
    );
    scripted.events();
    scripted
}

#[test]
fn a_first_registration_that_is_refused_is_forgotten() {
    let mut scripted = Scripted::connected();
    let key = scripted.register(json!({ "name": "attic", "version": "1" }));
    scripted.say(refused("r1", "instance_in_use"));
    let Event::RegistrationFailed {
        key: failed,
        retry_at: None,
        ..
    } = scripted.one()
    else {
        panic!()
    };
    assert_eq!(failed, key);
    scripted.lose();
    scripted.dial();
    assert_eq!(types(&scripted.open()), ["connect"]);
}

#[test]
fn an_instance_that_is_held_after_a_reconnect_is_asked_for_again() {
    let mut scripted = back_again();
    for _ in 0..3 {
        scripted.say(refused("r1", "instance_in_use"));
        let Event::RegistrationFailed {
            retry_at: Some(retry_at),
            ..
        } = scripted.one()
        else {
            panic!()
        };
        assert_eq!(scripted.session.poll_timeout(), Some(retry_at));
        scripted.pass(retry_at - scripted.now);
        assert_eq!(types(&scripted.written()), ["register"]);
    }
    scripted.say(registered("r1"));
    assert!(matches!(scripted.one(), Event::Registered { again: true, .. }));
}

#[test]
fn a_registration_that_waits_to_be_tried_again_ends_without_a_word_to_the_broker() {
    let mut scripted = back_again();
    scripted.say(refused("r1", "instance_in_use"));
    let Event::RegistrationFailed { key, .. } = scripted.one() else {
        panic!()
    };
    scripted.session.unregister(key, false);
    assert_eq!(scripted.one(), Event::Unregistered { key });
    assert_eq!(
        scripted.written(),
        [json!(null); 0],
        "the instance may be another registration's of this client by now"
    );
    scripted.lose();
    scripted.dial();
    assert_eq!(types(&scripted.open()), ["connect"]);
}

#[test]
fn a_registration_that_can_never_succeed_again_is_reported_and_forgotten() {
    let mut scripted = back_again();
    scripted.say(refused("r1", "topic_conflict"));
    assert!(matches!(
        scripted.one(),
        Event::RegistrationFailed { retry_at: None, .. }
    ));
}

#[test]
fn a_registration_that_meets_a_leaving_broker_is_made_at_the_next() {
    let mut scripted = Scripted::connected();
    scripted.register(json!({ "name": "attic", "version": "1" }));
    scripted.say(refused("r1", "draining"));
    assert!(matches!(
        scripted.one(),
        Event::RegistrationFailed {
            retry_at: Some(_),
            ..
        }
    ));
    scripted.lose();
    scripted.events();
    scripted.dial();
    assert_eq!(types(&scripted.open()), ["connect", "register"]);
}

#[test]
fn a_registration_that_no_broker_knows_ends_at_once() {
    let mut scripted = Scripted::new();
    let key = scripted.register(json!({ "name": "attic", "version": "1" }));
    scripted.session.unregister(key, false);
    assert_eq!(scripted.one(), Event::Unregistered { key });
    assert_eq!(types(&scripted.open()), ["connect"]);
}

#[test]
fn a_registration_that_ends_while_the_connection_is_lost_has_ended() {
    let mut scripted = back_again();
    scripted.say(registered("r1"));
    let Event::Registered { key, .. } = scripted.one() else {
        panic!()
    };
    scripted.session.unregister(key, true);
    assert_eq!(scripted.one_written()["drain"], true);
    scripted.lose();
    assert_eq!(scripted.events().last(), Some(&Event::Unregistered { key }));
    scripted.dial();
    assert_eq!(types(&scripted.open()), ["connect"]);
}

#[test]
fn a_registration_that_is_not_confirmed_yet_ends_after_it_is() {
    let mut scripted = Scripted::connected();
    let key = scripted.register(json!({ "name": "attic", "version": "1" }));
    scripted.written();
    scripted.session.unregister(key, false);
    assert_eq!(
        scripted.written(),
        [json!(null); 0],
        "the broker has not named the instance yet"
    );
    scripted.say(registered("r1"));
    assert_eq!(scripted.events(), []);
    let unregister = json!({ "type": "unregister", "id": "u1", "name": "attic", "instance": "one" });
    assert_eq!(scripted.one_written(), unregister);
    scripted.say(json!({ "type": "ack", "id": "u1", "receivers": 0 }));
    assert_eq!(scripted.one(), Event::Unregistered { key });
}
