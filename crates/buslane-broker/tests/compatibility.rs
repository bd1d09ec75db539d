//! What a new version breaks, as everybody is told it who asks: in both encodings, over HTTP, in events and refusals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use buslane_broker::{Compatibility, RunningBroker};
use buslane_protocol::{BrokerMessage, ClientMessage, Register, Registration};
use serde_json::{Value, json};
use support::http::get;
use support::{Frames, Lines, start};

/// A version of a service with retained values under a contract.
fn version(version: &str, instance: &str, required: &[&str]) -> Value {
    let schema =
        json!({ "type": "object", "required": required, "properties": { "key": { "$ref": "urn:key" } } });
    json!({
        "name": "attic", "version": version, "instance": instance,
        "methods": { "get": { "input": schema } },
        "topics": { "attic/state": { "schema": schema, "retain": true } },
        "schemas": { "urn:key": { "type": "string" } }
    })
}

fn with_type(mut registration: Value) -> Value {
    registration["type"] = json!("register");
    registration
}

fn register(broker: &RunningBroker, registration: Value) -> (Lines, Value) {
    let mut client = Lines::join(broker);
    client.send(with_type(registration));
    let answer = client.receive();
    (client, answer)
}

/// Makes a broker with the first version, a caller of it and a subscriber with a retained value.
fn populated(policy: Compatibility) -> (RunningBroker, Vec<Lines>) {
    let broker = start(|config| config.compatibility = policy);
    let (mut first, answer) = register(&broker, version("1.0.0", "one", &["key"]));
    assert_eq!(answer["type"], "registered");
    assert!(answer["compatibility"].is_null(), "{answer}");
    let mut shell = Lines::join(&broker);
    shell.send(json!({ "type": "connect", "name": "shell" }));
    shell.expect("connected");
    shell.send(json!({ "type": "publish", "id": "p", "topic": "attic/state", "payload": { "key": "a" }, "ack": true }));
    shell.expect("ack");
    shell.send(json!({ "type": "subscribe", "id": "s", "filter": "attic/#" }));
    shell.expect("subscribed");
    assert_eq!(shell.expect("delivery")["retained"], true);
    shell.send(json!({ "type": "request", "id": "1", "to": "attic:get", "payload": { "key": "a" } }));
    first.expect("request");
    (broker, vec![first, shell])
}

fn affected(report: &Value) -> Vec<(&str, &Value)> {
    let contracts = report["contracts"].as_array().unwrap().iter();
    contracts
        .map(|contract| (contract["affects"].as_str().unwrap(), &contract["clients"]))
        .collect()
}

#[test]
fn both_encodings_the_event_and_http_show_the_same_report() {
    let (broker, _clients) = populated(Compatibility::Warn);
    let mut watcher = Lines::join(&broker);
    watcher.send(json!({ "type": "subscribe", "id": "s", "filter": "$bus/incompatible-schema" }));
    watcher.expect("subscribed");
    let (lines, answer) = register(&broker, version("2.0.0", "two", &["key", "app"]));
    let report = answer["compatibility"].clone();
    assert_eq!(
        affected(&report),
        [("callers", &json!(["shell"])), ("publishers", &Value::Null)]
    );
    assert_eq!(
        watcher.expect("delivery")["payload"]["compatibility"],
        report,
        "the event"
    );
    let listed = get(&broker, "/api/v1/services/attic/instances").json();
    let shown = listed["instances"]
        .as_array()
        .unwrap()
        .iter()
        .find(|instance| instance["instance"] == "two")
        .unwrap();
    assert_eq!(shown["compatibility"], report, "HTTP");
    // Without the JSON one, the binary client brings the same change.
    drop(lines);
    let (broker, _clients) = populated(Compatibility::Warn);
    let mut frames = Frames::join(&broker);
    let registration: Registration =
        serde_json::from_value(version("2.0.0", "two", &["key", "app"])).unwrap();
    let register = Register {
        id: None,
        resume: None,
        registration,
    };
    frames.send(&ClientMessage::Register(Box::new(register)));
    frames.receive(|message| match message {
        BrokerMessage::Registered(registered) => {
            assert_eq!(serde_json::to_value(registered.compatibility).unwrap(), report);
        }
        other => panic!("{other:?}"),
    });
}

#[test]
fn a_refusal_carries_the_report_and_leaves_everything_as_it_was() {
    let (broker, mut clients) = populated(Compatibility::Refuse);
    let (mut second, answer) = register(&broker, version("2.0.0", "two", &["key", "app"]));
    let error = &answer["error"];
    assert_eq!(
        (&error["code"], &error["status"]),
        (&json!("incompatible_schema"), &json!(409))
    );
    assert_eq!(error["data"]["previous"], "1.0.0");
    assert_eq!(affected(&error["data"])[0], ("callers", &json!(["shell"])));
    assert!(
        error["detail"]
            .as_str()
            .unwrap()
            .contains("\"app\" is required now"),
        "{error}"
    );
    // The first version's contracts hold on.
    let shell = &mut clients[1];
    shell.send(json!({ "type": "publish", "id": "q", "topic": "attic/state", "payload": { "key": "b" }, "ack": true }));
    shell.expect("ack");
    assert_eq!(shell.expect("delivery")["payload"], json!({ "key": "b" }));
    // What breaks nobody is welcome from the same connection.
    let mut wider = version("1.1.0", "two", &["key"]);
    wider["methods"]["get"]["input"]["required"] = json!([]);
    second.send(with_type(wider));
    let registered = second.expect("registered");
    assert!(registered["compatibility"].is_null(), "{registered}");
}

#[test]
fn two_versions_at_the_same_time_are_held_against_each_other() {
    let broker = start(|config| config.compatibility = Compatibility::Refuse);
    // Of many that each demand something else, one is let in: whichever was first.
    let mut clients: Vec<Lines> = (0..8).map(|_| Lines::join(&broker)).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        let demanded = format!("property-{index}");
        let methods = json!({ "get": { "input": { "type": "object", "required": [demanded] } } });
        let registration = json!({ "name": "attic", "version": format!("{index}"), "methods": methods });
        client.send(with_type(registration));
    }
    let answers: Vec<Value> = clients.iter_mut().map(Lines::receive).collect();
    let registered = answers
        .iter()
        .filter(|answer| answer["type"] == "registered")
        .count();
    let refused = answers
        .iter()
        .filter(|answer| answer["error"]["code"] == "incompatible_schema")
        .count();
    assert_eq!((registered, refused), (1, 7), "{answers:#?}");
}

#[test]
fn a_method_that_is_gone_and_one_that_is_new_are_told_apart() {
    let (broker, _clients) = populated(Compatibility::Warn);
    let mut next = version("2.0.0", "two", &["key"]);
    next["methods"] = json!({ "set": { "input": { "type": "string" } } });
    let (_client, answer) = register(&broker, next);
    let contracts = &answer["compatibility"]["contracts"];
    assert_eq!(contracts.as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(
        (&contracts[0]["place"], &contracts[0]["verdict"]),
        (&json!("methods.get"), &json!("breaking"))
    );
}
