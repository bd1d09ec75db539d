//! The service `$bus`.

use buslane_engine::ClientId;
use buslane_protocol::Framing;
use serde_json::{Value, json};

use crate::world::World;

fn ask(world: &mut World, id: ClientId, method: &str, payload: Value) -> Value {
    world.send(
        id,
        json!({ "type": "request", "id": "q", "to": format!("$bus:{method}"), "payload": payload }),
    );
    let reply = world.one(id);
    assert_eq!(
        (&reply["type"], &reply["from"]),
        (&json!("reply"), &json!("$bus")),
        "{reply}"
    );
    reply["payload"].clone()
}

#[test]
fn every_framing_can_ask_also_by_the_brokers_node() {
    for framing in Framing::ALL {
        let mut world = World::new();
        let id = world.open(framing);
        world.read(id);
        assert_eq!(ask(&mut world, id, "ping", Value::Null)["node"], "here");
        world.send(
            id,
            json!({ "type": "request", "id": "q", "to": "here/$bus:ping" }),
        );
        assert_eq!(world.one(id)["payload"]["node"], "here");
        world.assert_balanced();
    }
}

#[test]
fn services_lists_what_is_there() {
    let mut world = World::new();
    world.service("attic", "one", &["get"]);
    let id = world.client();
    world.register(
        id,
        json!({ "name": "attic", "version": "2.0.0", "groups": ["storage"], "methods": ["get", "set"] }),
    );
    world.register(id, json!({ "name": "consumer", "version": "1" }));
    assert_eq!(
        ask(&mut world, id, "services", Value::Null),
        json!({ "services": [{ "name": "attic", "versions": ["1.0.0", "2.0.0"], "instances": 2, "groups": ["storage"],
            "methods": ["get", "set"] }] })
    );
}

#[test]
fn long_lists_come_page_by_page() {
    let mut world = World::new();
    for number in 0..25 {
        world.service(&format!("s{number:02}"), "i", &["get"]);
    }
    let id = world.client();
    let (mut names, mut after) = (Vec::new(), None::<Value>);
    loop {
        let page = ask(&mut world, id, "services", json!({ "limit": 10, "after": after }));
        names.extend(
            page["services"]
                .as_array()
                .unwrap()
                .iter()
                .map(|service| service["name"].as_str().unwrap().to_owned()),
        );
        after = page.get("next").cloned();
        if after.is_none() {
            break;
        }
    }
    assert_eq!(
        names,
        (0..25).map(|number| format!("s{number:02}")).collect::<Vec<_>>()
    );
}

#[test]
fn a_list_longer_than_a_payload_may_be_is_cut() {
    let mut world = World::limited(|limits| limits.payload = 2_000);
    for number in 0..100 {
        world.service(&format!("s{number:02}"), "i", &["get"]);
    }
    let id = world.client();
    let page = ask(&mut world, id, "services", Value::Null);
    assert!(page.to_string().len() <= 2_000);
    assert_eq!(
        page["next"],
        page["services"].as_array().unwrap().last().unwrap()["name"]
    );
}

#[test]
fn describe_hands_out_what_was_declared_verbatim() {
    let mut world = World::new();
    let id = world.open(Framing::JsonLines);
    let methods = json!({ "get": { "input": { "type": "object" }, "description": "Finds." } });
    let topics = json!({ "host/load": { "schema": { "type": "number" }, "retain": true } });
    world.register(id, json!({ "name": "attic", "version": "1", "instance": "one", "methods": methods, "topics": topics, "meta": {"team": "a"} }));
    let description = ask(&mut world, id, "describe", json!({ "service": "attic" }));
    assert_eq!(
        (
            &description["methods"],
            &description["topics"],
            &description["meta"]
        ),
        (&methods, &topics, &json!({"team": "a"}))
    );
    assert_eq!(
        (
            &description["instances"][0]["instance"],
            &description["instances"][0]["client"]
        ),
        (&json!("one"), &json!("client-1"))
    );
    let listed = ask(&mut world, id, "topics", Value::Null);
    assert_eq!(
        listed,
        json!({ "topics": [{ "topic": "host/load", "service": "attic", "retain": true, "refuse": false, "schema": {"type": "number"} }] })
    );
}

#[test]
fn what_the_broker_answers_keeps_its_own_schemas() {
    let mut world = World::new();
    let id = world.service("attic", "one", &["get"]);
    let topics = json!({ "host/load": { "schema": { "type": "number" }, "description": "The load." } });
    world.register(
        id,
        json!({ "name": "monitor", "version": "1", "topics": topics, "meta": 7 }),
    );
    let methods = ask(&mut world, id, "describe", json!({ "service": "$bus" }))["methods"].clone();
    let names: Vec<&String> = methods.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["clients", "describe", "ping", "services", "stats", "topics"]
    );
    for (name, method) in methods.as_object().unwrap() {
        let input = json!({ "service": "attic", "limit": 1 });
        assert!(method["description"].is_string(), "{name}");
        assert!(
            method
                .get("input")
                .is_none_or(|schema| jsonschema::is_valid(schema, &input)),
            "{name}"
        );
        let output = ask(&mut world, id, name, input);
        assert_eq!(
            jsonschema::validate(&method["output"], &output).map_err(|error| error.to_string()),
            Ok(())
        );
    }
}

#[test]
fn clients_and_stats_tell_numbers() {
    let mut world = World::new();
    let id = world.subscriber(Framing::Binary, "a");
    world.send(id, json!({ "type": "connect", "name": "shell" }));
    world.read(id);
    let clients = ask(&mut world, id, "clients", Value::Null);
    let first = &clients["clients"][0];
    assert_eq!(
        (&first["client"], &first["from"], &first["subscriptions"]),
        (&json!("client-1"), &json!("shell"), &json!(1))
    );
    let stats = ask(&mut world, id, "stats", Value::Null);
    assert_eq!(
        (&stats["counters"]["opened"], &stats["gauges"]["subscriptions"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(stats["received"]["request"], 2);
}

#[test]
fn what_the_broker_cannot_answer_says_why() {
    let mut world = World::new();
    let id = world.client();
    for (method, payload, code) in [
        ("sing", json!({}), "no_instance"),
        ("describe", json!({}), "schema_violation"),
        ("describe", json!({ "service": "nobody" }), "not_found"),
        ("services", json!({ "limit": "many" }), "schema_violation"),
    ] {
        world.send(
            id,
            json!({ "type": "request", "id": "q", "to": format!("$bus:{method}"), "payload": payload }),
        );
        assert_eq!(world.error(id), code, "{method}");
    }
    world.assert_balanced();
}
