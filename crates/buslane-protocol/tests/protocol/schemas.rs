//! The Rust types and the JSON Schemas of `schemas/` agree.

use std::collections::{BTreeMap, BTreeSet};

use buslane_protocol::json;
use jsonschema::{Registry, Validator};
use serde_json::Value;

use crate::files;
use crate::samples;

/// The schemas that others refer to.
const SHARED: [&str; 3] = ["definitions.json", "problem.json", "registration.json"];

/// Builds the validator of a schema; references resolve within `schemas/` only.
pub(crate) fn validator(name: &str) -> Validator {
    let mut registry = Registry::new();
    for shared in SHARED {
        let schema = files::read(shared);
        let uri = schema["$id"].as_str().unwrap().to_owned();
        registry = registry.add(uri, schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let schema = files::read(name);
    jsonschema::options()
        .with_registry(&registry)
        .offline()
        .build(&schema)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns every message of a side that the encoder writes, parsed.
fn written(side: &str) -> Vec<Value> {
    let mut texts = Vec::new();
    if side == "client" {
        for message in samples::client() {
            texts.push(Vec::new());
            json::encode_client(texts.last_mut().unwrap(), &message);
        }
    } else {
        for message in samples::broker() {
            texts.push(Vec::new());
            json::encode_broker(texts.last_mut().unwrap(), &message);
        }
    }
    texts
        .iter()
        .map(|text| serde_json::from_slice(text).unwrap())
        .collect()
}

/// Returns the member names that a schema describes, those of the schemas it builds on included.
pub(crate) fn described(schema: &Value) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    for base in schema["allOf"].as_array().into_iter().flatten() {
        names.extend(described(&resolve(base["$ref"].as_str().unwrap())));
    }
    names
}

fn resolve(reference: &str) -> Value {
    let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
    files::read(file).pointer(pointer).unwrap().clone()
}

/// Returns the members that a side's schema describes, by message type.
fn described_by_type(side: &str) -> BTreeMap<String, BTreeSet<String>> {
    let schema = files::read(&format!("envelope-{side}.json"));
    let typed = schema["oneOf"].as_array().unwrap().iter().filter_map(|message| {
        let kind = message["properties"]["type"]["const"].as_str()?;
        Some((kind.to_owned(), described(message)))
    });
    typed.collect()
}

/// Returns the members that the encoder writes, by message type.
fn written_by_type(side: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in written(side) {
        let members = types
            .entry(message["type"].as_str().unwrap().to_owned())
            .or_default();
        members.extend(message.as_object().unwrap().keys().cloned());
    }
    types
}

/// Checks that every schema beneath a value says what it is for.
fn check_descriptions(place: &str, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    for (name, property) in properties {
        let place = format!("{place}.{name}");
        let referred = property["$ref"].as_str().is_some_and(|reference| {
            reference.contains("properties/")
                || reference.starts_with("#/")
                || !resolve(reference)["description"].is_null()
        });
        assert!(
            property == false || property["description"].is_string() || referred,
            "{place} has no description"
        );
        check_descriptions(&place, property);
    }
}

#[test]
fn every_message_that_is_written_matches_its_schema() {
    for side in ["client", "broker"] {
        let validator = validator(&format!("envelope-{side}.json"));
        for message in written(side) {
            if let Err(error) = validator.validate(&message) {
                panic!("{message}: {error}");
            }
        }
    }
}

#[test]
fn every_member_that_is_written_is_described_and_the_other_way_round() {
    let mut client = described_by_type("client");
    client
        .remove("message")
        .expect("the gist's form is read, never written");
    let shared = shared_members();
    for (mut described, side) in [(client, "client"), (described_by_type("broker"), "broker")] {
        let written = written_by_type(side);
        for (kind, members) in &mut described {
            let written = written.get(kind).unwrap_or_else(|| panic!("no sample of {kind}"));
            members.retain(|member| written.contains(member) || !shared.contains(member));
        }
        assert_eq!(described, written, "{side}");
    }
}

/// Returns the members that several types share; each is written by some of the samples, not in every type.
fn shared_members() -> BTreeSet<String> {
    described(&resolve("definitions.json#/$defs/content"))
}

#[test]
fn every_member_that_types_share_is_written_by_some() {
    let written: BTreeSet<String> = ["client", "broker"]
        .iter()
        .flat_map(|side| written_by_type(side).into_values().flatten())
        .collect();
    assert!(
        shared_members().is_subset(&written),
        "{:?}",
        shared_members().difference(&written)
    );
}

#[test]
fn every_member_has_a_description() {
    for name in [
        "definitions.json",
        "problem.json",
        "registration.json",
        "envelope-client.json",
        "envelope-broker.json",
    ] {
        let schema = files::read(name);
        check_descriptions(name, &schema);
        for message in schema["oneOf"].as_array().into_iter().flatten() {
            check_descriptions(message["title"].as_str().unwrap(), message);
            assert!(message["description"].is_string(), "{message}");
        }
        for (definition, schema) in schema["$defs"].as_object().into_iter().flatten() {
            check_descriptions(definition, schema);
            assert!(schema["description"].is_string(), "{name} {definition}");
        }
    }
}

#[test]
fn registrations_and_problems_match_their_own_schemas() {
    let registration = serde_json::to_value(samples::registration()).unwrap();
    assert!(
        validator("registration.json").is_valid(&registration),
        "{registration}"
    );
    assert_eq!(described(&files::read("registration.json")), keys(&registration));
    let problem = serde_json::to_value(samples::problem()).unwrap();
    assert!(validator("problem.json").is_valid(&problem), "{problem}");
    assert_eq!(described(&files::read("problem.json")), keys(&problem));
}

#[test]
fn contracts_are_described_completely() {
    let registration = serde_json::to_value(samples::registration()).unwrap();
    let schema = files::read("registration.json");
    assert_eq!(
        described(&schema["$defs"]["method"]),
        keys(&registration["methods"]["get"])
    );
    assert_eq!(
        described(&schema["$defs"]["topic"]),
        keys(&registration["topics"]["host/a/cpu"])
    );
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}
