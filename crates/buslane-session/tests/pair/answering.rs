//! Answers: given once, on the connection that the request came by.

use buslane_protocol::{Headers, Problem};
use buslane_session::{AnswerError, Event, Withdrawn};
use serde_json::json;

use crate::asking::{failures, payload_of};
use crate::network::Network;

#[test]
fn a_second_answer_is_refused() {
    let (mut network, service, caller) = Network::with_attic();
    let token = network.ask_attic(caller, service);
    network.reply(service, token, json!(1));
    assert_eq!(
        network.session(service).fail(token, Problem::default()),
        Err(AnswerError::NotAwaited)
    );
    network.drive();
    assert!(matches!(network.one(caller), Event::Reply { .. }));
}

#[test]
fn an_answer_for_an_earlier_connection_is_never_sent_to_the_new_one() {
    let (mut network, service, caller) = Network::with_attic();
    let token = network.ask_attic(caller, service);
    network.cut(service);
    network.pass_ms(200);
    let events = network.events(service);
    assert!(
        events.contains(&Event::Withdrawn {
            token,
            reason: Withdrawn::ConnectionLost
        }),
        "{events:#?}"
    );
    // The new connection has a request of the same number.
    network.forget();
    network.call(caller, "attic:get", json!({}));
    network.drive();
    let fresh = network.invoked(service);
    assert_eq!(fresh.parts().1, token.parts().1);
    let answer = network
        .session(service)
        .reply(token, Headers::default(), payload_of(&json!("for another")));
    assert_eq!(answer, Err(AnswerError::ConnectionGone));
    network.drive();
    assert_eq!(network.events(caller), []);
}

#[test]
fn a_caller_that_goes_away_withdraws_its_requests() {
    let (mut network, service, caller) = Network::with_attic();
    let token = network.ask_attic(caller, service);
    network.cut(caller);
    network.drive();
    assert_eq!(
        network.one(service),
        Event::Withdrawn {
            token,
            reason: Withdrawn::Cancelled
        }
    );
    assert_eq!(failures(&network.events(caller)), ["outcome_unknown"]);
}

#[test]
fn a_chunk_where_none_was_asked_for_is_refused_and_a_reply_still_possible() {
    let (mut network, service, caller) = Network::with_attic();
    let token = network.ask_attic(caller, service);
    let now = network.now;
    let chunk = network
        .session(service)
        .chunk(now, token, Headers::default(), payload_of(&json!(1)), false);
    assert_eq!(chunk, Err(AnswerError::NoStream));
    network.reply(service, token, json!(1));
    network.drive();
    assert!(matches!(network.one(caller), Event::Reply { .. }));
}
