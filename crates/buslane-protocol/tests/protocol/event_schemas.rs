//! The schemas of the events under `$bus/`.

use serde_json::{Value, json};

use crate::files;
use crate::samples;
use crate::schemas::validator;

/// An example of each event, by the name of its schema.
fn examples() -> Vec<(&'static str, Value)> {
    let joined = json!({"service": "attic", "version": "1.0.0", "instance": "one", "groups": ["storage"],
        "methods": ["get"], "node": "node-1", "unix_ms": 1_700_000_000_000_u64});
    let mut left = joined.clone();
    left["reason"] = json!("heartbeat_timeout");
    vec![
        ("broadcast", json!({"anything": true})),
        (
            "incompatible-schema",
            json!({"service": "attic", "version": "2.0.0", "from": "attic", "refused": false,
                "compatibility": samples::report(), "count": 1}),
        ),
        (
            "overflow",
            json!({"client": "client-7", "count": 3, "bytes": 300, "policy": "drop_oldest"}),
        ),
        (
            "schema-rejection",
            json!({"address": "attic:get", "from": "shell", "pointer": "", "keyword": "required", "count": 1}),
        ),
        ("service-connect", joined.clone()),
        ("service-disconnect", left.clone()),
        ("service-offline", left),
        ("service-online", joined),
        ("snapshot-end", json!({"filter": "$bus/service/#"})),
        (
            "unhandled",
            json!({"reason": "no_instance", "address": "attic:get", "from": "shell", "type": "request", "id": "1", "count": 2}),
        ),
    ]
}

#[test]
fn every_event_has_an_example_that_matches_and_names_its_members() {
    let names: Vec<_> = examples()
        .iter()
        .map(|(name, _)| format!("events/{name}.json"))
        .collect();
    assert_eq!(files::list("events"), names);
    for (name, example) in examples() {
        let file = format!("events/{name}.json");
        assert!(validator(&file).is_valid(&example), "{name}: {example}");
        let schema = files::read(&file);
        assert_eq!(schema["$id"], format!("https://buslane.dev/schemas/{file}"));
        assert!(
            schema["x-buslane-topic"].as_str().unwrap().starts_with("$bus/"),
            "{name}"
        );
        for (member, described) in schema["properties"].as_object().into_iter().flatten() {
            assert!(!example[member].is_null(), "{name}.{member} is in no example");
            assert!(
                described["description"].is_string() || described["$ref"].is_string(),
                "{name}.{member}"
            );
        }
    }
}

#[test]
fn an_event_without_its_members_does_not_match() {
    for (name, example) in examples().into_iter().filter(|(name, _)| *name != "broadcast") {
        let file = format!("events/{name}.json");
        for required in files::read(&file)["required"].as_array().unwrap() {
            let mut less = example.clone();
            less.as_object_mut().unwrap().remove(required.as_str().unwrap());
            assert!(!validator(&file).is_valid(&less), "{name} without {required}");
        }
    }
}
