//! Requests, as far as a real broker does not show them.

use buslane_protocol::{Address, Deadline, ErrorCode, Headers, Instant, Payload, Targets};
use buslane_session::{AnswerError, Event, RequestOptions, Withdrawn};
use serde_json::json;

use crate::broker::{Scripted, types};

fn request(scripted: &mut Scripted, to: &[&str], options: RequestOptions<'_>) -> Result<(), ErrorCode> {
    let mut addresses: Vec<_> = to
        .iter()
        .map(|address| Address::parse(*address).unwrap())
        .collect();
    let to = if to.len() == 1 {
        Targets::One(addresses.remove(0))
    } else {
        Targets::Several(addresses)
    };
    let result = scripted
        .session
        .request(scripted.now, to, Payload::absent(), options);
    result.map(|_| ()).map_err(|error| error.code())
}

#[test]
fn parts_that_do_not_go_together_are_refused_at_once() {
    let mut scripted = Scripted::connected();
    let stream = || RequestOptions {
        stream: true,
        ..RequestOptions::default()
    };
    let endless = || RequestOptions {
        deadline: Deadline::Never,
        ..RequestOptions::default()
    };
    assert_eq!(
        request(&mut scripted, &["@group:get"], stream()),
        Err(ErrorCode::InvalidMessage)
    );
    assert_eq!(
        request(&mut scripted, &["*:get"], stream()),
        Err(ErrorCode::InvalidMessage)
    );
    assert_eq!(
        request(&mut scripted, &["a:get", "b:get"], stream()),
        Err(ErrorCode::InvalidMessage)
    );
    assert_eq!(
        request(&mut scripted, &["a:get"], endless()),
        Err(ErrorCode::InvalidMessage)
    );
    assert_eq!(
        request(&mut scripted, &[], RequestOptions::default()),
        Err(ErrorCode::InvalidMessage)
    );
    assert_eq!(scripted.written(), [json!(null); 0]);
    assert_eq!(
        request(
            &mut scripted,
            &["a:get"],
            RequestOptions {
                stream: true,
                ..endless()
            }
        ),
        Ok(())
    );
    assert_eq!(scripted.one_written()["expires_in_ms"], json!(null));
}

#[test]
fn ids_are_those_of_a_uuid_and_lead_back() {
    let mut scripted = Scripted::connected();
    let key = scripted.call("a:get", RequestOptions::default());
    let id = scripted.one_written()["id"].clone();
    assert_eq!(id.as_str().unwrap().as_bytes()[14], b'7');
    scripted.say(json!({ "type": "reply", "id": id, "from": "a#b", "payload": 1 }));
    assert!(matches!(scripted.one(), Event::Reply { key: of, .. } if of == key));
}

#[test]
fn a_payload_over_the_brokers_limit_is_refused_here() {
    let mut scripted = Scripted::new();
    scripted.open();
    let mut accepted = crate::broker::connected();
    accepted["limits"] = json!({ "payload": 10 });
    scripted.say(accepted);
    scripted.events();
    let to = || Targets::One(Address::parse("a:get").unwrap());
    let mut send = |payload: &'static [u8]| {
        scripted.session.request(
            scripted.now,
            to(),
            Payload::json(payload),
            RequestOptions::default(),
        )
    };
    assert_eq!(send(b"\"12345678\"").map(|_| ()), Ok(()));
    assert_eq!(
        send(b"\"123456789\"").unwrap_err().code(),
        ErrorCode::PayloadTooLarge
    );
}

#[test]
fn a_request_may_wait_unsent_beyond_the_end_of_its_connection() {
    let mut scripted = Scripted::connected();
    let key = scripted.call("a:get", RequestOptions::default());
    scripted.lose();
    assert!(matches!(scripted.one(), Event::Disconnected { .. }));
    scripted.dial();
    assert_eq!(types(&scripted.accept()), ["connect"]);
    scripted.events();
    let again = scripted.one_written();
    assert_eq!(again["type"], "request");
    assert!(again["expires_in_ms"].as_u64().unwrap() < 5_000);
    scripted.lose();
    let events = scripted.events();
    assert!(
        matches!(&events[1], Event::Failed { key: of, problem } if *of == key && problem.code == "outcome_unknown")
    );
}

#[test]
fn a_request_that_the_transport_never_took_says_that_it_may_have_been_done() {
    let mut scripted = Scripted::connected();
    scripted.call(
        "a:get",
        RequestOptions {
            deadline: Deadline::After(100),
            ..RequestOptions::default()
        },
    );
    scripted.pass_ms(349);
    assert_eq!(scripted.events(), []);
    scripted.pass_ms(1);
    assert!(matches!(scripted.one(), Event::Failed { problem, .. } if problem.code == "deadline_exceeded"));
    assert_eq!(types(&scripted.written()), ["request", "cancel"]);
}

#[test]
fn a_request_is_withdrawn_when_its_time_is_over_here() {
    let mut scripted = Scripted::connected();
    scripted.say(json!({
        "type": "request", "delivery": 1, "from": "x", "to": "a:get", "expires_in_ms": 50, "attempt": 1,
    }));
    let Event::Request { token, .. } = scripted.one() else {
        panic!()
    };
    scripted.pass_ms(50);
    assert_eq!(
        scripted.one(),
        Event::Withdrawn {
            token,
            reason: Withdrawn::Expired
        }
    );
    let late = scripted
        .session
        .reply(token, Headers::default(), Payload::absent());
    assert_eq!(late, Err(AnswerError::NotAwaited));
}

#[test]
fn an_answer_that_the_broker_refuses_is_reported() {
    let mut scripted = Scripted::connected();
    scripted.say(json!({ "type": "request", "delivery": 7, "from": "x", "to": "a:get", "expires_in_ms": 50, "attempt": 1 }));
    let Event::Request { token, .. } = scripted.one() else {
        panic!()
    };
    scripted
        .session
        .reply(token, Headers::default(), Payload::absent())
        .unwrap();
    let refusal = json!({ "code": "schema_violation", "status": 422 });
    scripted.say(json!({ "type": "error", "delivery": 7, "error": refusal }));
    assert!(matches!(scripted.one(), Event::AnswerRefused { token: of, .. } if of == token));
}

#[test]
fn a_late_answer_to_a_cancelled_request_is_counted() {
    let mut scripted = Scripted::connected();
    let key = scripted.call("a:get", RequestOptions::default());
    let id = scripted.one_written()["id"].clone();
    scripted.session.cancel(key);
    assert_eq!(scripted.one_written(), json!({ "type": "cancel", "id": id }));
    scripted.say(json!({ "type": "reply", "id": id, "from": "a#b", "payload": 1 }));
    assert_eq!(scripted.events(), []);
    assert_eq!(scripted.session.counters().late_answers, 1);
}

#[test]
fn a_request_that_waits_survives_attempts_that_come_to_nothing() {
    let mut scripted = Scripted::connected();
    let key = scripted.call("a:get", RequestOptions::default());
    for _ in 0..3 {
        scripted.lose();
        assert!(matches!(scripted.one(), Event::Disconnected { .. }));
        scripted.dial();
        scripted.open();
    }
    scripted.lose();
    scripted.events();
    scripted.pass_ms(5_000);
    assert!(
        matches!(scripted.one(), Event::Failed { key: of, problem } if of == key && problem.code == "not_sent")
    );
}

#[test]
fn an_answer_without_a_connection_says_so() {
    let mut scripted = Scripted::connected();
    scripted.say(json!({ "type": "request", "delivery": 1, "from": "x", "to": "a:get", "expires_in_ms": 50, "attempt": 1 }));
    let Event::Request { token, .. } = scripted.one() else {
        panic!()
    };
    scripted.lose();
    let answer = scripted
        .session
        .reply(token, Headers::default(), Payload::absent());
    assert_eq!(answer, Err(AnswerError::ConnectionGone));
}

#[test]
fn the_end_of_a_stream_needs_no_credit_and_is_final() {
    let mut scripted = Scripted::connected();
    scripted.say(json!({
        "type": "request", "delivery": 1, "from": "x", "to": "a:get", "expires_in_ms": 50, "attempt": 1,
        "stream": true, "credit": 1,
    }));
    let Event::Request { token, .. } = scripted.one() else {
        panic!()
    };
    let now = scripted.now;
    let mut chunk = |payload, last| {
        scripted
            .session
            .chunk(now, token, Headers::default(), payload, last)
    };
    assert_eq!(chunk(Payload::json(&b"1"[..]), false), Ok(()));
    assert_eq!(chunk(Payload::json(&b"2"[..]), true), Err(AnswerError::NoCredit));
    assert_eq!(chunk(Payload::absent(), true), Ok(()));
    assert_eq!(chunk(Payload::absent(), true), Err(AnswerError::NotAwaited));
}

#[test]
fn a_clock_that_was_set_back_brings_the_end_of_a_stream_no_nearer() {
    let mut scripted = Scripted::connected();
    scripted.pass_ms(10_000);
    let options = RequestOptions {
        deadline: Deadline::After(1_000),
        stream: true,
        ..RequestOptions::default()
    };
    let key = scripted.call("a:watch", options);
    let id = scripted.one_written()["id"].clone();
    let asked_at = scripted.now;
    scripted.now = Instant::ZERO;
    scripted.say(json!({ "type": "chunk", "id": id, "from": "a#one", "sequence": 0, "payload": 1 }));
    assert!(matches!(scripted.one(), Event::Chunk { .. }));
    scripted.now = asked_at;
    scripted.pass_ms(1_249);
    assert_eq!(scripted.events(), []);
    scripted.pass_ms(1);
    assert!(matches!(scripted.one(), Event::Failed { key: failed, .. } if failed == key));
}
