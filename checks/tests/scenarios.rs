//! The scenarios as data: each keeps to the schema, and names only clients, requests and subscriptions that it has.

use std::collections::BTreeSet;
use std::fs;

use buslane_checks::files;
use jsonschema::Validator;
use serde_json::{Value, json};

/// What has to be shown at the least, by file name.
const REQUIRED: &[&str] = &[
    "call",
    "cancel",
    "deadline",
    "no-instance",
    "overflow-gap",
    "presence-snapshot",
    "publish",
    "reconnect",
    "register",
    "retain",
    "scatter",
    "schema-violation",
    "shared",
    "stream",
    "takeover",
];

fn validator() -> Validator {
    jsonschema::validator_for(&document("scenario.schema.json")).expect("it is a schema")
}

/// Reads a file beside the scenarios.
fn document(name: &str) -> Value {
    let text = fs::read_to_string(files::root().join("schemas/scenarios").join(name));
    serde_json::from_str(&text.expect("the file is there")).expect("it is JSON")
}

/// Returns every sentence of the index.
fn sentences(index: &Value) -> impl Iterator<Item = &Value> {
    let sections = index["sections"].as_array().into_iter().flatten();
    sections.flat_map(|section| section["sentences"].as_array().into_iter().flatten())
}

/// Returns the texts of a list.
fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Finds where an index and the scenarios disagree.
fn disagreements(index: &Value, scenarios: &[(String, Value)]) -> Vec<String> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for entry in sentences(index) {
        let sentence = entry["sentence"].as_str().unwrap_or_default();
        if !known.insert(sentence) {
            found.push(format!("twice: {sentence}"));
        }
        let unknown =
            texts(&entry["scenarios"]).filter(|name| scenarios.iter().all(|(file, _)| file != name));
        found.extend(unknown.map(|name| format!("no scenario: {name}")));
    }
    for (file, scenario) in scenarios {
        let shows = |entry: &&Value| texts(&entry["scenarios"]).any(|name| name == file);
        let mut shown = sentences(index).filter(shows).peekable();
        if shown.peek().is_none() {
            found.push(format!("not in the index: {file}"));
        } else if !shown.any(|entry| entry["sentence"] == scenario["promise"]) {
            found.push(format!("the promise is not a sentence that it shows: {file}"));
        }
    }
    found
}

/// Finds tests that an index names and that are not there.
fn missing_tests(index: &Value) -> Vec<&str> {
    let named = sentences(index).flat_map(|entry| texts(&entry["tests"]));
    let is_missing = |test: &&str| {
        let Some((file, function)) = test.split_once("::") else {
            return true;
        };
        let text = fs::read_to_string(files::root().join(file)).unwrap_or_default();
        !text.contains(&format!("fn {function}("))
    };
    named.filter(is_missing).collect()
}

/// Reads every scenario, by file name without its ending.
fn scenarios() -> Vec<(String, Value)> {
    let folder = fs::read_dir(files::root().join("schemas/scenarios")).expect("the folder is there");
    let paths = folder.map(|entry| entry.expect("the folder can be listed").path());
    let mut scenarios: Vec<(String, Value)> = paths
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned();
            let text = fs::read_to_string(&path).expect("the file can be read");
            (!name.ends_with(".schema") && name != "index")
                .then(|| (name, serde_json::from_str(&text).expect("a scenario is JSON")))
        })
        .collect();
    scenarios.sort_by(|one, other| one.0.cmp(&other.0));
    scenarios
}

/// Finds names that a scenario uses before it makes them.
fn dangling(scenario: &Value) -> Vec<String> {
    let clients: BTreeSet<&str> = scenario["clients"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut made = BTreeSet::new();
    let mut missing = Vec::new();
    for step in flat_steps(scenario) {
        let client = step["client"].as_str();
        missing.extend(
            client
                .filter(|client| !clients.contains(client))
                .map(|client| format!("client {client}")),
        );
        let used = ["on", "of", "request", "subscription"].map(|member| (client, step[member].as_str()));
        let tallied = step["of"].as_array().into_iter().flatten();
        let tallied = tallied.map(|place| (place["client"].as_str(), place["on"].as_str()));
        for place in used
            .into_iter()
            .chain(tallied)
            .filter(|(_, label)| label.is_some())
        {
            if !made.contains(&place) {
                missing.push(format!(
                    "{} of {}",
                    place.1.unwrap_or_default(),
                    place.0.unwrap_or_default()
                ));
            }
        }
        if step["as"].is_string() && !made.insert((client, step["as"].as_str())) {
            missing.push(format!("{} is made twice", step["as"]));
        }
    }
    missing
}

/// Returns the steps, with those of groups among them.
fn flat_steps(scenario: &Value) -> impl Iterator<Item = &Value> {
    let steps = scenario["steps"].as_array().into_iter().flatten();
    steps.flat_map(|step| match step["any_order"].as_array() {
        Some(group) => group.iter().collect(),
        None => vec![step],
    })
}

#[test]
fn every_scenario_keeps_to_the_schema() {
    let validator = validator();
    for (file, scenario) in scenarios() {
        let errors: Vec<String> = validator
            .iter_errors(&scenario)
            .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
            .collect();
        assert_eq!(errors, [""; 0], "{file}.json");
    }
}

#[test]
fn every_scenario_names_only_what_it_has() {
    for (file, scenario) in scenarios() {
        assert_eq!(dangling(&scenario), [""; 0], "{file}.json");
    }
}

#[test]
fn scenarios_have_different_names() {
    let scenarios = scenarios();
    let names: BTreeSet<&str> = scenarios
        .iter()
        .filter_map(|(_, scenario)| scenario["name"].as_str())
        .collect();
    assert_eq!(names.len(), scenarios.len());
}

#[test]
fn every_promise_that_is_required_has_a_scenario() {
    let scenarios = scenarios();
    for required in REQUIRED {
        assert!(
            scenarios.iter().any(|(file, _)| file == required),
            "{required}.json is missing"
        );
    }
}

#[test]
fn the_schema_refuses_what_no_runner_could_play() {
    let validator = validator();
    let scenario = |step: Value| {
        json!({
            "$schema": "scenario.schema.json", "name": "One", "promise": "It holds.", "clients": ["a"], "steps": [step]
        })
    };
    assert!(validator.is_valid(&scenario(json!({"client": "a", "do": "flush"}))));
    for step in [
        json!({"client": "a", "do": "wait"}),
        json!({"client": "a", "do": "flush", "for_ms": 100}),
        json!({"do": "flush"}),
        json!({"client": "A", "do": "flush"}),
        json!({"client": "a", "do": "publish", "topic": "t", "payload": 1, "payload_bytes": 10}),
        json!({"client": "a", "do": "publish", "topic": "t", "receivers": {"$more_than": 1}}),
        json!({"client": "a", "do": "request", "as": "r", "to": ["only:one"]}),
        json!({"client": "a", "do": "answer", "method": "m", "with": {"reply": 1, "echo": true}}),
        json!({"client": "a", "do": "answer", "method": "m", "with": {"hold": true}}),
        json!({"client": "a", "expect": "reply"}),
        json!({"client": "a", "expect": "error", "of": "r"}),
        json!({"client": "a", "expect": "reply", "of": "r", "after_ms": 100}),
        json!({"any_order": [{"client": "a", "expect": "reply", "of": "r"}]}),
        json!({"any_order": [{"client": "a", "do": "flush"}, {"client": "a", "do": "flush"}]}),
    ] {
        assert!(!validator.is_valid(&scenario(step.clone())), "{step}");
    }
}

#[test]
fn a_name_that_is_used_before_it_is_made_is_found() {
    let scenario = json!({"clients": ["a"], "steps": [
        {"client": "a", "do": "subscribe", "as": "one", "filter": "t"},
        {"client": "b", "do": "flush"},
        {"any_order": [{"client": "a", "expect": "delivery", "on": "two"}]},
        {"expect": "tally", "of": [{"client": "a", "on": "one"}, {"client": "a", "on": "three"}], "total": 1},
        {"client": "a", "do": "subscribe", "as": "one", "filter": "t"},
    ]});
    let expected = ["client b", "two of a", "three of a", "\"one\" is made twice"];
    assert_eq!(dangling(&scenario), expected);
}

#[test]
fn the_index_keeps_to_its_schema() {
    let validator = jsonschema::validator_for(&document("index.schema.json")).expect("it is a schema");
    let index = document("index.json");
    let errors: Vec<String> = validator
        .iter_errors(&index)
        .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
        .collect();
    assert_eq!(errors, [""; 0]);
    let bare = json!({"sections": [{"name": "One", "sentences": [{"sentence": "It holds."}]}]});
    assert!(
        !validator.is_valid(&bare),
        "a sentence has a scenario or a reason"
    );
}

#[test]
fn every_scenario_shows_a_sentence_of_the_index_and_names_it() {
    assert_eq!(disagreements(&document("index.json"), &scenarios()), [""; 0]);
}

#[test]
fn every_test_that_the_index_names_is_there() {
    assert_eq!(missing_tests(&document("index.json")), [""; 0]);
}

#[test]
fn an_index_that_disagrees_with_the_scenarios_is_found() {
    let index = json!({"sections": [{"name": "One", "sentences": [
        {"sentence": "It holds.", "scenarios": ["a", "gone"], "tests": ["checks/tests/scenarios.rs::no_such_test"]},
        {"sentence": "It holds.", "scenarios": ["b"]},
    ]}]});
    let scenario = |name: &str, promise: &str| (name.to_owned(), json!({"promise": promise}));
    let scenarios = [
        scenario("a", "It holds."),
        scenario("b", "Another."),
        scenario("c", "It holds."),
    ];
    let expected = [
        "no scenario: gone",
        "twice: It holds.",
        "the promise is not a sentence that it shows: b",
        "not in the index: c",
    ];
    assert_eq!(disagreements(&index, &scenarios), expected);
    assert_eq!(missing_tests(&index), ["checks/tests/scenarios.rs::no_such_test"]);
}
