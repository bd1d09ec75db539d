//! A new version of a service is held against the one before it.

use buslane_engine::{ClientId, Compatibility, Notice};
use buslane_protocol::{Framing, Verdict};
use serde_json::{Value, json};

use crate::memory::contracts;
use crate::world::{World, payloads};

fn registration(version: &str, instance: &str, required: &[&str]) -> Value {
    let methods = json!({ "get": { "input": { "required": required } } });
    json!({ "type": "register", "id": "r", "name": "attic", "version": version, "instance": instance, "methods": methods })
}

/// Registers an instance and returns the answer.
fn register(world: &mut World, version: &str, instance: &str, required: &[&str]) -> (ClientId, Value) {
    let id = world.open(Framing::JsonLines);
    world.send(id, registration(version, instance, required));
    (id, world.one(id))
}

fn with(policy: Compatibility) -> World {
    World::with(|config| config.compatibility = policy)
}

/// Connects a client by name, which calls the method.
fn caller(world: &mut World, name: &str) -> ClientId {
    let id = world.open(Framing::JsonLines);
    world.send(id, json!({ "type": "connect", "name": name }));
    call(world, id);
    id
}

fn call(world: &mut World, id: ClientId) {
    world.send(
        id,
        json!({ "type": "request", "id": "q", "to": "attic:get", "payload": { "a": 1, "b": 1 } }),
    );
    world.read(id);
}

#[test]
fn a_version_that_breaks_callers_is_registered_and_says_whom() {
    let mut world = with(Compatibility::Warn);
    let watcher = world.subscriber(Framing::JsonLines, "$bus/incompatible-schema");
    let (_, first) = register(&mut world, "1.0.0", "one", &["a"]);
    assert!(first["compatibility"].is_null(), "{first}");
    caller(&mut world, "shell");
    caller(&mut world, "panel");
    let (_, second) = register(&mut world, "2.0.0", "two", &["a", "b"]);
    let report = &second["compatibility"];
    assert_eq!(second["type"], "registered");
    assert_eq!(
        (&report["verdict"], &report["previous"]),
        (&json!("breaking"), &json!("1.0.0"))
    );
    let contract = &report["contracts"][0];
    assert_eq!(
        (&contract["place"], &contract["affects"], &contract["clients"]),
        (
            &json!("methods.get.input"),
            &json!("callers"),
            &json!(["panel", "shell"])
        )
    );
    let events = payloads(&world.read(watcher));
    let [event] = &events[..] else {
        panic!("{events:#?}")
    };
    assert_eq!(event["compatibility"], *report);
    assert_eq!(
        (
            &event["service"],
            &event["version"],
            &event["refused"],
            &event["count"]
        ),
        (&json!("attic"), &json!("2.0.0"), &json!(false), &json!(1))
    );
    assert!(world.notices.iter().any(|notice| matches!(
        notice,
        Notice::Incompatible { verdict: Verdict::Breaking, refused: false, previous, .. } if previous == "1.0.0"
    )));
}

#[test]
fn a_version_that_breaks_callers_is_refused_where_the_broker_says_so() {
    let mut world = with(Compatibility::Refuse);
    let watcher = world.subscriber(Framing::JsonLines, "$bus/incompatible-schema");
    let (one, _) = register(&mut world, "1.0.0", "one", &[]);
    caller(&mut world, "shell");
    let (_, refusal) = register(&mut world, "2.0.0", "two", &["b"]);
    let error = &refusal["error"];
    assert_eq!(
        (&error["code"], &error["status"], &error["address"]),
        (&json!("incompatible_schema"), &json!(409), &json!("attic"))
    );
    assert_eq!(error["data"]["contracts"][0]["clients"], json!(["shell"]));
    assert!(
        error["detail"].as_str().unwrap().contains("methods.get.input"),
        "{error}"
    );
    assert_eq!(payloads(&world.read(watcher))[0]["refused"], true);
    assert_eq!(world.engine.gauges().instances, 1);
    // What is there goes on, and what breaks nobody joins.
    let shell = caller(&mut world, "other");
    world.nothing(shell);
    assert!(!world.read(one).is_empty());
    let (_, again) = register(&mut world, "1.1.0", "three", &[]);
    assert_eq!(again["type"], "registered");
    world.assert_balanced();
}

#[test]
fn a_refused_version_does_not_evict_the_one_that_it_would_replace() {
    let mut world = with(Compatibility::Refuse);
    let (one, first) = register(&mut world, "1.0.0", "one", &[]);
    let id = world.open(Framing::JsonLines);
    let mut wanted = registration("2.0.0", "one", &["b"]);
    wanted["resume"] = first["resume"].clone();
    world.send(id, wanted);
    assert_eq!(world.error(id), "incompatible_schema");
    assert_eq!(world.closed(one), None);
    assert_eq!(world.engine.gauges().instances, 1);
}

#[test]
fn nothing_is_compared_where_the_broker_says_so() {
    let mut world = with(Compatibility::Allow);
    register(&mut world, "1.0.0", "one", &[]);
    let (_, second) = register(&mut world, "2.0.0", "two", &["b"]);
    assert_eq!(
        (&second["type"], &second["compatibility"]),
        (&json!("registered"), &Value::Null)
    );
}

#[test]
fn what_an_instance_that_is_there_declares_too_is_no_change() {
    let mut world = with(Compatibility::Warn);
    register(&mut world, "1.0.0", "one", &["a", "b"]);
    register(&mut world, "2.0.0", "two", &["a"]);
    let (_, third) = register(&mut world, "1.0.0", "three", &["b", "a"]);
    assert!(
        third["compatibility"].is_object(),
        "other words are another schema: {third}"
    );
    let (_, fourth) = register(&mut world, "1.0.1", "four", &["a", "b"]);
    assert!(fourth["compatibility"].is_null(), "{fourth}");
}

#[test]
fn a_service_is_remembered_when_its_last_instance_is_gone() {
    let mut world = with(Compatibility::Refuse);
    let (one, _) = register(&mut world, "1.0.0", "one", &[]);
    world.close(one);
    let (_, refusal) = register(&mut world, "2.0.0", "one", &["b"]);
    assert_eq!(refusal["error"]["code"], "incompatible_schema");
}

#[test]
fn what_was_accepted_before_comes_back_where_others_are_refused() {
    let mut world = with(Compatibility::Refuse);
    let (one, _) = register(&mut world, "1.0.0", "one", &["a"]);
    let (two, second) = register(&mut world, "2.0.0", "two", &[]);
    assert!(second["compatibility"].is_null(), "{second}");
    world.close(one);
    world.close(two);
    let (_, rolled_back) = register(&mut world, "1.0.0", "one", &["a"]);
    assert_eq!(
        (&rolled_back["type"], &rolled_back["compatibility"]["verdict"]),
        (&json!("registered"), &json!("breaking"))
    );
}

#[test]
fn two_versions_that_come_at_once_are_held_against_each_other() {
    let mut world = with(Compatibility::Refuse);
    register(&mut world, "1.0.0", "one", &["a"]);
    world.hold_work(true);
    let (wider, narrower) = (world.open(Framing::JsonLines), world.open(Framing::JsonLines));
    // Both are fine by the first version; the second is not by the third.
    world.send(wider, registration("1.1.0", "two", &[]));
    world.send(narrower, registration("1.2.0", "three", &["a", "a"]));
    world.hold_work(false);
    assert_eq!(world.one(wider)["type"], "registered");
    let refusal = world.one(narrower);
    assert_eq!(
        (&refusal["error"]["code"], &refusal["error"]["data"]["previous"]),
        (&json!("incompatible_schema"), &json!("1.1.0"))
    );
    world.assert_balanced();
}

#[test]
fn a_client_that_leaves_while_its_registration_is_compared_leaves_nothing() {
    let mut world = with(Compatibility::Warn);
    let (one, _) = register(&mut world, "1.0.0", "one", &[]);
    let before = world.engine.gauges().memory;
    world.hold_work(true);
    let id = world.open(Framing::JsonLines);
    world.send(id, registration("2.0.0", "two", &["b"]));
    world.do_work();
    world.close(id);
    world.hold_work(false);
    assert_eq!(world.engine.gauges().memory, before);
    world.close(one);
}

#[test]
fn subscribers_of_a_topic_and_readers_of_replies_are_named() {
    let mut world = with(Compatibility::Warn);
    let declare = |version: &str, output: &[&str], schema: &[&str]| {
        json!({ "type": "register", "name": "monitor", "version": version,
            "methods": { "get": { "output": { "required": output } } },
            "topics": { "load": { "schema": { "required": schema } } } })
    };
    let first = world.open(Framing::JsonLines);
    world.send(first, declare("1", &["a"], &["a"]));
    world.read(first);
    let reader = world.open(Framing::JsonLines);
    world.send(reader, json!({ "type": "connect", "name": "reader" }));
    world.send(
        reader,
        json!({ "type": "request", "id": "q", "to": "monitor:get" }),
    );
    let subscriber = world.open(Framing::JsonLines);
    world.send(subscriber, json!({ "type": "connect", "name": "watcher" }));
    world.send(
        subscriber,
        json!({ "type": "subscribe", "filter": "+", "shared": "all" }),
    );
    world.read(subscriber);
    let second = world.open(Framing::JsonLines);
    world.send(second, declare("2", &[], &[]));
    let registered = world.one(second);
    let told: Vec<_> = registered["compatibility"]["contracts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|contract| (contract["affects"].clone(), contract["clients"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!("readers"), json!(["reader"])),
            (json!("subscribers"), json!(["watcher"]))
        ]
    );
    // The report stays readable.
    world.read(reader);
    world.send(
        reader,
        json!({ "type": "request", "id": "d", "to": "$bus:describe", "payload": { "service": "monitor" } }),
    );
    let description = world.one(reader);
    let instances = description["payload"]["instances"].as_array().unwrap();
    assert!(
        instances
            .iter()
            .any(|instance| instance["compatibility"] == registered["compatibility"])
    );
}

#[test]
fn callers_beyond_those_that_are_kept_are_said_to_be_more() {
    let mut world = with(Compatibility::Warn);
    register(&mut world, "1.0.0", "one", &[]);
    let gone = caller(&mut world, "gone");
    world.close(gone);
    let callers: Vec<_> = (0..20)
        .map(|index| caller(&mut world, &format!("c{index:02}")))
        .collect();
    let (_, second) = register(&mut world, "2.0.0", "two", &["b"]);
    let contract = &second["compatibility"]["contracts"][0];
    let named = contract["clients"].as_array().unwrap();
    assert_eq!((named.len(), &contract["more_clients"]), (16, &json!(true)));
    assert!(!named.contains(&json!("gone")));
    assert_eq!(callers.len(), 20);
}

#[test]
fn what_is_remembered_of_services_is_bounded() {
    let mut world = World::with(|config| config.limits.memory = 4 << 20);
    for index in 0..400 {
        let id = world.open(Framing::JsonLines);
        let text = "x".repeat(1_000);
        let methods = json!({ "get": { "input": { "required": [text] } } });
        world.send(
            id,
            json!({ "type": "register", "name": format!("s{index}"), "version": "1", "methods": methods }),
        );
        assert_eq!(world.one(id)["type"], "registered");
        world.close(id);
    }
    let kept = contracts(&mut world);
    assert!(kept > 50_000 && kept <= (4 << 20) / 32, "{kept}");
    // The last ones are remembered, the first ones are not.
    let (first, last) = (world.open(Framing::JsonLines), world.open(Framing::JsonLines));
    for (id, name) in [(first, "s0"), (last, "s399")] {
        world.send(
            id,
            json!({ "type": "register", "name": name, "version": "2", "methods": { "set": {} } }),
        );
    }
    assert!(world.one(first)["compatibility"].is_null());
    assert_eq!(world.one(last)["compatibility"]["verdict"], "breaking");
}
