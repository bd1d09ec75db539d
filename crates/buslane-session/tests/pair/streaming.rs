//! Streams: chunks in order, paced by credit, ended once.

use buslane_protocol::{Deadline, Headers};
use buslane_session::{AnswerError, DeliveryToken, Event, RequestKey, RequestOptions};
use serde_json::{Value, json};

use crate::asking::{failures, json_of, payload_of};
use crate::network::{Network, Node};

fn stream(credit: u32) -> RequestOptions<'static> {
    RequestOptions {
        stream: true,
        credit,
        deadline: Deadline::After(1_000),
        ..RequestOptions::default()
    }
}

/// Begins a stream, and returns the network, both nodes, the request and its token.
fn begun(credit: u32) -> (Network, Node, Node, RequestKey, DeliveryToken) {
    let mut network = Network::new();
    let service = network.add_service("attic", "one", &["watch"]);
    let caller = network.add();
    network.forget();
    let key = network.call_with(caller, "attic:watch", json!({}), stream(credit));
    network.drive();
    let token = network.invoked(service);
    (network, service, caller, key, token)
}

fn chunk(
    network: &mut Network,
    node: Node,
    token: DeliveryToken,
    value: Value,
    last: bool,
) -> Result<(), AnswerError> {
    let now = network.now;
    network
        .session(node)
        .chunk(now, token, Headers::default(), payload_of(&value), last)
}

#[test]
fn chunks_come_in_order_and_then_the_end() {
    let (mut network, service, caller, key, token) = begun(0);
    for number in 0..5 {
        chunk(&mut network, service, token, json!(number), false).unwrap();
    }
    chunk(&mut network, service, token, Value::Null, true).unwrap();
    network.drive();
    let events = network.events(caller);
    for (number, event) in events[..5].iter().enumerate() {
        let Event::Chunk { key: of, part } = event else {
            panic!("{event:#?}")
        };
        assert_eq!(
            (*of, part.sequence, json_of(&part.payload)),
            (key, number as u64, json!(number))
        );
    }
    assert_eq!(
        events[5..],
        [Event::End {
            key,
            expected: 1,
            replied: 1,
            failed: 0
        }]
    );
}

#[test]
fn credit_holds_the_callee_until_the_program_has_consumed() {
    let (mut network, service, caller, key, token) = begun(4);
    for number in 0..4 {
        chunk(&mut network, service, token, json!(number), false).unwrap();
    }
    assert_eq!(
        chunk(&mut network, service, token, json!(4), false),
        Err(AnswerError::NoCredit)
    );
    network.drive();
    assert_eq!(network.events(caller).len(), 4);
    network.session(caller).consumed(key, 1);
    network.drive();
    assert_eq!(network.events(service), [], "one chunk is not worth a message");
    network.session(caller).consumed(key, 1);
    network.drive();
    assert_eq!(network.one(service), Event::Credit { token, count: 2 });
    chunk(&mut network, service, token, json!(4), true).unwrap();
    network.drive();
    assert_eq!(network.events(caller).len(), 2);
}

#[test]
fn the_deadline_covers_each_pause_and_not_the_whole_stream() {
    let (mut network, service, caller, _, token) = begun(0);
    for number in 0..5 {
        network.pass_ms(900);
        chunk(&mut network, service, token, json!(number), false).unwrap();
        network.drive();
    }
    assert_eq!(network.events(caller).len(), 5);
    network.pass_ms(1_000);
    assert_eq!(failures(&network.events(caller)), ["deadline_exceeded"]);
    assert!(matches!(network.one(service), Event::Withdrawn { .. }));
}

#[test]
fn a_stream_without_a_bound_lasts() {
    let mut network = Network::new();
    let service = network.add_service("attic", "one", &["watch"]);
    let caller = network.add();
    network.forget();
    let options = RequestOptions {
        stream: true,
        deadline: Deadline::Never,
        ..RequestOptions::default()
    };
    network.call_with(caller, "attic:watch", json!({}), options);
    network.drive();
    let Event::Request {
        token, invocation, ..
    } = network.one(service)
    else {
        panic!()
    };
    assert_eq!(invocation.expires_in_ms, None);
    network.pass(std::time::Duration::from_secs(7_200));
    assert_eq!(network.events(caller), []);
    chunk(&mut network, service, token, json!("at last"), true).unwrap();
    network.drive();
    assert_eq!(network.events(caller).len(), 2);
}

#[test]
fn a_stream_may_be_answered_by_one_reply() {
    let (mut network, service, caller, key, token) = begun(0);
    network.reply(service, token, json!("all at once"));
    network.drive();
    assert!(matches!(network.one(caller), Event::Reply { key: of, .. } if of == key));
}

#[test]
fn a_cancelled_stream_withdraws_the_callee() {
    let (mut network, service, caller, key, token) = begun(0);
    chunk(&mut network, service, token, json!(1), false).unwrap();
    network.session(caller).cancel(key);
    network.drive();
    assert_eq!(network.events(caller), []);
    assert!(matches!(network.one(service), Event::Withdrawn { .. }));
    assert_eq!(
        chunk(&mut network, service, token, json!(2), false),
        Err(AnswerError::NotAwaited)
    );
}
