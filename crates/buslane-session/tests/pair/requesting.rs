//! Requests: each ends exactly once, as the broker or the session says.

use buslane_protocol::{Framing, Problem};
use buslane_session::{Event, RequestKey};
use serde_json::json;

use crate::asking::{failures, json_of, within};
use crate::network::{Loss, Network};

#[test]
fn a_call_is_answered_over_every_framing() {
    for framing in Framing::ALL {
        let mut network = Network::new();
        let service = network.add_service("attic", "one", &["get"]);
        let caller = network.add_with(|config| config.framing = framing);
        network.forget();
        let key = network.call(caller, "attic:get", json!({ "key": "colour" }));
        network.drive();
        let Event::Request {
            token, invocation, ..
        } = network.one(service)
        else {
            panic!("{framing:?}")
        };
        assert_eq!(json_of(&invocation.payload), json!({ "key": "colour" }));
        assert_eq!(invocation.expires_in_ms, Some(5_000));
        network.reply(service, token, json!("blue"));
        network.drive();
        let Event::Reply { key: replied, answer } = network.one(caller) else {
            panic!("{framing:?}")
        };
        assert_eq!(
            (replied, json_of(&answer.payload), &*answer.from),
            (key, json!("blue"), "attic#one")
        );
    }
}

#[test]
fn nobody_to_answer_is_known_at_once() {
    let mut network = Network::new();
    let caller = network.add();
    network.forget();
    network.call(caller, "attic:get", json!({}));
    network.drive();
    assert_eq!(failures(&network.events(caller)), ["no_instance"]);
}

#[test]
fn an_error_of_the_service_reaches_its_caller() {
    let (mut network, service, caller) = Network::with_attic();
    let token = network.ask_attic(caller, service);
    network
        .session(service)
        .fail(token, Problem::of_service("no_such_key", "there is no such key"))
        .unwrap();
    network.drive();
    let Event::Failed { problem, .. } = network.one(caller) else {
        panic!()
    };
    assert_eq!(
        (&*problem.code, problem.origin),
        ("no_such_key", buslane_protocol::Origin::Service)
    );
}

#[test]
fn a_deadline_ends_both_sides() {
    let (mut network, service, caller) = Network::with_attic();
    network.call_with(caller, "attic:get", json!({}), within(100));
    network.drive();
    let token = network.invoked(service);
    network.pass_ms(100);
    assert_eq!(failures(&network.events(caller)), ["deadline_exceeded"]);
    let Event::Withdrawn { token: withdrawn, .. } = network.one(service) else {
        panic!()
    };
    assert_eq!(withdrawn, token);
    assert!(network.session(service).fail(token, Problem::default()).is_err());
}

#[test]
fn a_session_ends_a_request_itself_when_the_broker_is_silent() {
    let mut network = Network::new();
    let service = network.add_service("attic", "one", &["get"]);
    let caller = network.add();
    network.call_with(caller, "attic:get", json!({}), within(100));
    network.drive();
    network.lose(caller, Loss::Everything);
    network.forget();
    network.pass_ms(349);
    assert_eq!(network.events(caller), []);
    network.pass_ms(1);
    assert_eq!(failures(&network.events(caller)), ["deadline_exceeded"]);
    assert!(matches!(network.one(service), Event::Withdrawn { .. }));
}

#[test]
fn a_cancelled_request_ends_at_once_and_reaches_the_callee() {
    let (mut network, service, caller) = Network::with_attic();
    let key = network.call(caller, "attic:get", json!({}));
    network.drive();
    let token = network.invoked(service);
    network.session(caller).cancel(key);
    network.drive();
    assert!(matches!(network.one(service), Event::Withdrawn { token: withdrawn, .. } if withdrawn == token));
    network.pass_ms(10_000);
    assert_eq!(network.events(caller), []);
}

#[test]
fn a_gathered_request_gives_each_outcome_and_then_its_end() {
    let mut network = Network::new();
    let services = ["one", "two", "three"].map(|instance| {
        let node = network.add();
        let groups = json!(["storage"]);
        network.register(
            node,
            json!({ "name": "attic", "version": "1", "instance": instance, "groups": groups, "methods": ["get"] }),
        );
        node
    });
    let caller = network.add();
    network.forget();
    let key = network.call_with(caller, "@storage:get", json!({}), within(1_000));
    network.drive();
    let [one, two, _] = services.map(|node| network.invoked(node));
    network.reply(services[0], one, json!(1));
    network
        .session(services[1])
        .fail(two, Problem::of_service("no", "no"))
        .unwrap();
    network.drive();
    network.pass_ms(1_000);
    let events = network.events(caller);
    assert_eq!(
        labels(&events),
        [
            "reply attic#one",
            "failure attic#two",
            "failure attic#three",
            "end 3 1 2"
        ]
    );
    assert!(events.iter().all(|event| key_of(event) == Some(key)));
}

#[test]
fn several_addresses_give_several_outcomes() {
    let (mut network, service, caller) = Network::with_attic();
    network.call(caller, "attic:get cellar:get", json!({}));
    network.drive();
    let token = network.invoked(service);
    network.reply(service, token, json!(1));
    network.drive();
    let events = network.events(caller);
    assert_eq!(
        labels(&events),
        ["failure cellar:get", "reply attic#one", "end 2 1 1"]
    );
}

#[test]
fn a_payload_that_breaks_the_schema_is_refused_before_anybody_gets_it() {
    let mut network = Network::new();
    let service = network.add();
    let input = json!({ "input": { "required": ["key"] }, "output": { "required": ["value"] } });
    network.register(
        service,
        json!({ "name": "attic", "version": "1", "instance": "one", "methods": { "get": input } }),
    );
    let caller = network.add();
    network.forget();
    network.call(caller, "attic:get", json!({}));
    network.drive();
    let Event::Failed { problem, .. } = network.one(caller) else {
        panic!()
    };
    assert_eq!(
        (&*problem.code, problem.keyword.as_deref()),
        ("schema_violation", Some("required"))
    );
    assert_eq!(network.events(service), []);
}

#[test]
fn a_reply_that_breaks_the_schema_fails_the_caller() {
    let mut network = Network::new();
    let service = network.add();
    let output = json!({ "output": { "required": ["value"] } });
    network.register(
        service,
        json!({ "name": "attic", "version": "1", "instance": "one", "methods": { "get": output } }),
    );
    let caller = network.add();
    network.forget();
    let token = network.ask_attic(caller, service);
    network.reply(service, token, json!({}));
    network.drive();
    assert_eq!(failures(&network.events(caller)), ["schema_violation"]);
}

#[test]
fn an_instance_that_is_lost_ends_its_callers_requests() {
    let (mut network, service, caller) = Network::with_attic();
    network.call(caller, "attic:get", json!({}));
    network.drive();
    network.cut(service);
    network.drive();
    assert_eq!(failures(&network.events(caller)), ["outcome_unknown"]);
}

fn labels(events: &[Event<'_>]) -> Vec<String> {
    let label = |event: &Event<'_>| match event {
        Event::PartialReply { answer, .. } => format!("reply {}", answer.from),
        Event::PartialFailure { from, .. } => format!("failure {from}"),
        Event::End {
            expected,
            replied,
            failed,
            ..
        } => format!("end {expected} {replied} {failed}"),
        other => panic!("{other:#?}"),
    };
    events.iter().map(label).collect()
}

fn key_of(event: &Event<'_>) -> Option<RequestKey> {
    match event {
        Event::PartialReply { key, .. } | Event::PartialFailure { key, .. } | Event::End { key, .. } => {
            Some(*key)
        }
        _ => None,
    }
}
