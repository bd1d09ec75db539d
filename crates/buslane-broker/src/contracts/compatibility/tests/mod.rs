//! Pairs of schemas whose relation is known, and pairs that nobody has thought of.

pub(in crate::contracts) mod random;
mod soundness;

use std::collections::BTreeMap;
use std::sync::Arc;

use buslane_engine::Interface;
use buslane_protocol::{Schema, SchemaChange, Verdict};
use serde_json::{Value, json};

use super::{Budget, Direction, Findings, compare, compare_schemas};
use crate::contracts::references::References;
use crate::contracts::schema::Source;

fn source(schema: &Value, references: &[(&str, Value)]) -> Source {
    let text = |value: &Value| Schema::parse(value.to_string()).unwrap();
    let references: BTreeMap<_, _> = references
        .iter()
        .map(|(uri, schema)| ((*uri).to_owned(), text(schema)))
        .collect();
    Source::new(text(schema), &Arc::new(References::parse(references).unwrap()))
}

fn compared(old: &Source, new: &Source, direction: Direction) -> Findings {
    compare_schemas(old, new, direction, &mut Budget::default())
}

fn sending(old: &Value, new: &Value) -> Findings {
    compared(&source(old, &[]), &source(new, &[]), Direction::Sending)
}

fn receiving(old: &Value, new: &Value) -> Findings {
    compared(&source(old, &[]), &source(new, &[]), Direction::Receiving)
}

/// Holds that going from the wide to the narrow schema breaks senders by these keywords, that the way back does not,
/// and that for receivers it is the other way round.
#[track_caller]
fn narrows(wide: Value, narrow: Value, verdict: Verdict, keywords: &[&str]) {
    for (found, turned) in [
        (sending(&wide, &narrow), sending(&narrow, &wide)),
        (receiving(&narrow, &wide), receiving(&wide, &narrow)),
    ] {
        let named: Vec<&str> = found
            .changes
            .iter()
            .map(|change| change.keyword.as_str())
            .collect();
        assert_eq!(
            (found.verdict(), &named[..]),
            (Some(verdict), keywords),
            "{wide} -> {narrow}: {found:#?}"
        );
        assert_eq!(turned, Findings::default(), "{narrow} -> {wide}");
    }
}

/// Holds that going from one schema to the other breaks nobody, in either direction.
#[track_caller]
fn equals(one: Value, other: Value) {
    for (old, new) in [(&one, &other), (&other, &one)] {
        assert_eq!(sending(old, new), Findings::default(), "{old} -> {new}");
        assert_eq!(receiving(old, new), Findings::default(), "{old} -> {new}");
    }
}

#[track_caller]
fn only(found: Findings) -> SchemaChange {
    let [change] = <[SchemaChange; 1]>::try_from(found.changes).expect("there is one change");
    change
}

use Verdict::{Breaking, MayBreak};

#[test]
fn types_narrow_and_widen() {
    let of = |kinds: Value| json!({ "type": kinds });
    narrows(json!(true), of(json!("string")), Breaking, &["type"]);
    narrows(of(json!("number")), of(json!("integer")), Breaking, &["type"]);
    narrows(
        of(json!(["string", "null"])),
        of(json!("string")),
        Breaking,
        &["type"],
    );
    equals(of(json!(["integer", "number"])), of(json!("number")));
    equals(of(json!(["string"])), of(json!("string")));
    assert_eq!(
        only(sending(&of(json!("string")), &of(json!("integer")))).detail,
        "values of type string are refused now"
    );
    assert_eq!(
        only(receiving(&of(json!("string")), &of(json!(["integer", "string"])))).detail,
        "values of type integer may come now"
    );
}

#[test]
fn enumerations_narrow_and_widen() {
    narrows(
        json!({ "enum": ["a", "b"] }),
        json!({ "enum": ["a"] }),
        Breaking,
        &["enum"],
    );
    narrows(
        json!({ "type": "string" }),
        json!({ "const": "a" }),
        Breaking,
        &["const"],
    );
    narrows(
        json!({ "enum": [1, 20] }),
        json!({ "maximum": 10, "enum": [1, 20] }),
        Breaking,
        &["maximum"],
    );
    equals(json!({ "enum": ["a", "b"] }), json!({ "enum": ["b", "a"] }));
    equals(json!({ "enum": [1] }), json!({ "const": 1.0 }));
    equals(
        json!({ "type": "boolean" }),
        json!({ "enum": [true, false], "type": "boolean" }),
    );
    equals(
        json!({ "enum": ["a", "b"], "maxLength": 1 }),
        json!({ "enum": ["a", "b"] }),
    );
    let change = only(sending(&json!({ "enum": ["a", "b"] }), &json!({ "enum": ["a"] })));
    assert_eq!(
        (
            change.pointer.as_str(),
            change.old,
            change.new,
            change.detail.as_str()
        ),
        (
            "/enum",
            Some(json!(["a", "b"])),
            Some(json!(["a"])),
            "\"b\" is refused now"
        )
    );
}

#[test]
fn bounds_lengths_and_multiples_narrow_and_widen() {
    let integer = |keyword: &str, value: i64| json!({ "type": "integer", keyword: value });
    narrows(
        integer("minimum", 0),
        integer("minimum", 1),
        Breaking,
        &["minimum"],
    );
    narrows(
        json!({ "maximum": 10 }),
        json!({ "exclusiveMaximum": 10 }),
        Breaking,
        &["exclusiveMaximum"],
    );
    equals(integer("minimum", 1), integer("exclusiveMinimum", 0));
    narrows(
        integer("multipleOf", 2),
        integer("multipleOf", 6),
        Breaking,
        &["multipleOf"],
    );
    for (least, most) in [
        ("minLength", "maxLength"),
        ("minItems", "maxItems"),
        ("minProperties", "maxProperties"),
    ] {
        narrows(json!({ least: 1 }), json!({ least: 2 }), Breaking, &[least]);
        narrows(json!({ most: 2 }), json!({ most: 1 }), Breaking, &[most]);
        equals(json!({ least: 0 }), json!({}));
        equals(
            json!({ "type": "null", least: 5, most: 7 }),
            json!({ "type": "null" }),
        );
    }
    narrows(
        json!({}),
        json!({ "uniqueItems": true }),
        Breaking,
        &["uniqueItems"],
    );
}

#[test]
fn patterns_and_formats_are_compared_word_for_word() {
    narrows(
        json!({ "type": "string" }),
        json!({ "type": "string", "pattern": "^a" }),
        Breaking,
        &["pattern"],
    );
    let found = sending(&json!({ "pattern": "^a" }), &json!({ "pattern": "^a*" }));
    assert_eq!(only(found).verdict, MayBreak);
    // The later drafts only describe by `format`, the older ones demand it.
    equals(json!({ "format": "email" }), json!({ "format": "uuid" }));
    let draft7 =
        |format: &str| json!({ "$schema": "http://json-schema.org/draft-07/schema#", "format": format });
    assert_eq!(only(sending(&draft7("email"), &draft7("uri"))).verdict, MayBreak);
}

#[test]
fn properties_are_compared_by_name() {
    let old = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] });
    let mut new = old.clone();
    new["required"] = json!(["a", "b"]);
    narrows(old.clone(), new, Breaking, &["required"]);
    let mut new = old.clone();
    new["properties"]["a"]["type"] = json!(["string", "null"]);
    narrows(new, old.clone(), Breaking, &["type"]);
    let mut closed = old.clone();
    closed["additionalProperties"] = json!(false);
    narrows(old.clone(), closed.clone(), Breaking, &["additionalProperties"]);
    // Who sends a property that nobody described does so at random.
    let mut more = old.clone();
    more["properties"]["b"] = json!({ "type": "integer" });
    narrows(old.clone(), more.clone(), MayBreak, &[""]);
    assert_eq!(only(sending(&old, &more)).pointer, "/properties/b");
    more["additionalProperties"] = json!(false);
    narrows(more, closed, Breaking, &["additionalProperties"]);
}

#[test]
fn patterns_of_properties_are_compared_with_the_names_that_match() {
    let old = json!({ "patternProperties": { "^x-": { "type": "string" } }, "additionalProperties": false });
    let mut new = old.clone();
    new["patternProperties"]["^x-"]["maxLength"] = json!(5);
    narrows(old.clone(), new, Breaking, &["maxLength"]);
    let named = json!({ "properties": { "x-a": { "type": "string" } }, "additionalProperties": false });
    narrows(old, named, Breaking, &["additionalProperties"]);
}

#[test]
fn items_are_compared_place_by_place() {
    let of = |rest: Value| json!({ "prefixItems": [{ "type": "string" }], "items": rest });
    narrows(
        of(json!({ "type": "number" })),
        of(json!({ "type": "integer" })),
        Breaking,
        &["type"],
    );
    equals(
        json!({ "prefixItems": [{ "type": "string" }], "items": false }),
        json!({ "items": { "type": "string" }, "maxItems": 1 }),
    );
    narrows(
        json!({}),
        json!({ "contains": { "const": 1 } }),
        Breaking,
        &["contains"],
    );
    equals(
        json!({ "contains": { "const": 1 } }),
        json!({ "contains": { "enum": [1] }, "minItems": 1 }),
    );
}

#[test]
fn alternatives_are_compared_each_with_all() {
    let any = |names: &[&str]| {
        let branches: Vec<Value> = names.iter().map(|name| json!({ "type": name })).collect();
        json!({ "anyOf": branches })
    };
    narrows(
        any(&["string", "null", "array"]),
        any(&["null", "string"]),
        Breaking,
        &["anyOf"],
    );
    equals(any(&["string", "null"]), json!({ "type": ["null", "string"] }));
    let kind = |names: &[&str]| {
        let branch = |name: &&str| json!({ "type": "object", "properties": { "kind": { "const": name }, *name: { "type": "string" } }, "required": ["kind"] });
        json!({ "oneOf": names.iter().map(branch).collect::<Vec<_>>() })
    };
    let found = sending(&kind(&["a", "b"]), &kind(&["a"]));
    assert_eq!(found.verdict(), Some(Breaking), "{found:#?}");
    assert_eq!(sending(&kind(&["a"]), &kind(&["a", "b"])), Findings::default());
    assert_eq!(
        sending(&kind(&["b", "a"]), &kind(&["a", "c", "b"])),
        Findings::default()
    );
    equals(
        json!({ "allOf": [{ "minimum": 1 }, { "type": "integer" }] }),
        json!({ "type": "integer", "minimum": 1 }),
    );
}

#[test]
fn what_cannot_be_decided_is_never_called_compatible() {
    for (old, new, keyword) in [
        (
            json!({ "not": { "minLength": 3 } }),
            json!({ "not": { "minLength": 2 } }),
            "not",
        ),
        (
            json!({ "if": { "minimum": 3 }, "then": { "maximum": 9 } }),
            json!({ "if": { "minimum": 2 }, "then": { "maximum": 9 } }),
            "if",
        ),
        (
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "properties": { "x": true } } }, "unevaluatedProperties": false }),
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "properties": { "y": true } } }, "unevaluatedProperties": false }),
            "unevaluatedProperties",
        ),
        (
            json!({ "$dynamicRef": "#a", "$defs": { "a": { "$dynamicAnchor": "a", "type": "string" } } }),
            json!({ "$dynamicRef": "#a", "$defs": { "a": { "$dynamicAnchor": "a", "type": "null" } } }),
            "$dynamicRef",
        ),
    ] {
        let found = sending(&old, &new);
        assert!(
            found
                .changes
                .iter()
                .any(|change| change.keyword == keyword && change.verdict == MayBreak),
            "{found:#?}"
        );
    }
    assert_eq!(
        sending(
            &json!({ "not": { "minLength": 2 } }),
            &json!({ "not": { "minLength": 3 } })
        ),
        Findings::default()
    );
}

#[test]
fn dependencies_narrow_and_widen() {
    narrows(
        json!({}),
        json!({ "dependentRequired": { "a": ["b"] } }),
        Breaking,
        &["dependentRequired"],
    );
    narrows(
        json!({ "dependentRequired": { "a": ["b"] } }),
        json!({ "required": ["b"] }),
        Breaking,
        &["required"],
    );
    equals(
        json!({ "dependentRequired": { "a": ["b"] } }),
        json!({ "dependencies": { "a": ["b"] } }),
    );
}

#[test]
fn boolean_schemas_accept_everything_or_nothing() {
    narrows(json!(true), json!(false), Breaking, &[""]);
    narrows(json!({ "type": "string" }), json!(false), Breaking, &[""]);
    equals(json!(true), json!({}));
    equals(
        json!(false),
        json!({ "type": "string", "minLength": 2, "maxLength": 1 }),
    );
}

#[test]
fn what_people_read_changes_nothing() {
    equals(
        json!({ "type": "string", "title": "a", "description": "b", "default": "c", "examples": ["d"], "x-mine": 1 }),
        json!({ "type": "string", "$comment": "e", "deprecated": true }),
    );
}

#[test]
fn references_are_followed_within_the_registration() {
    let schema = json!({ "properties": { "a": { "$ref": "urn:a" } } });
    let of = |kind: &str| source(&schema, &[("urn:a", json!({ "items": { "type": kind } }))]);
    let found = compared(&of("number"), &of("integer"), Direction::Sending);
    assert_eq!(only(found).pointer, "urn:a#/items/type");
    assert_eq!(
        compared(&of("integer"), &of("number"), Direction::Sending),
        Findings::default()
    );
}

#[test]
fn references_in_circles_end() {
    let tree = |kind: &str| {
        json!({ "$ref": "#/$defs/node", "$defs": { "node": {
            "type": "object",
            "properties": { "value": { "type": kind }, "children": { "type": "array", "items": { "$ref": "#/$defs/node" } } }
        } } })
    };
    narrows(tree("number"), tree("integer"), Breaking, &["type"]);
    let unrolled = json!({ "type": "object", "properties": {
        "value": { "type": "number" }, "children": { "type": "array", "items": tree("number") } } });
    let mut unrolled = unrolled;
    unrolled["properties"]["children"]["items"] = json!({ "$ref": "#/$defs/node" });
    unrolled["$defs"] = tree("number")["$defs"].clone();
    equals(tree("number"), unrolled);
}

#[test]
fn what_was_believed_on_a_way_that_failed_is_not_believed_on_another() {
    let old =
        json!({ "type": "object", "properties": { "next": { "$ref": "#" }, "value": { "type": "number" } } });
    // The first alternative fails by `value`, after `x` was found to hold if the alternative does.
    let new = json!({
        "type": "object",
        "properties": {
            "next": { "anyOf": [{ "$ref": "#/$defs/m" }, { "properties": { "next": { "$ref": "#/$defs/x" } } }] },
            "value": { "type": "number" }
        },
        "$defs": {
            "m": { "properties": { "next": { "$ref": "#/$defs/x" }, "value": { "type": "string" } } },
            "x": { "properties": { "next": { "$ref": "#/$defs/m" } } }
        }
    });
    let value = json!({ "next": { "value": 1, "next": { "next": { "value": 1 } } } });
    assert!(jsonschema::is_valid(&old, &value) && !jsonschema::is_valid(&new, &value));
    assert!(sending(&old, &new).verdict().is_some());
}

#[test]
fn drafts_are_read_each_in_its_own_way() {
    let draft4 = |schema: Value| {
        let mut schema = schema;
        schema["$schema"] = json!("http://json-schema.org/draft-04/schema#");
        schema
    };
    equals(
        draft4(json!({ "maximum": 3, "exclusiveMaximum": true })),
        json!({ "exclusiveMaximum": 3 }),
    );
    equals(
        draft4(json!({ "items": [{ "type": "string" }], "additionalItems": false })),
        json!({ "prefixItems": [{ "type": "string" }], "items": false }),
    );
    // Draft 4 does not know `const`, and what stands beside a reference says nothing.
    equals(draft4(json!({ "const": 1 })), json!(true));
    let beside = json!({ "$ref": "#/definitions/a", "type": "string", "definitions": { "a": {} } });
    equals(draft4(beside), json!(true));
    let plain = json!({ "properties": { "a": { "type": "string" } } });
    let hidden = json!({ "properties": { "a": { "$ref": "#/definitions/b", "type": "string" } }, "definitions": { "b": { "not": {} } } });
    assert!(sending(&draft4(plain), &draft4(hidden)).verdict().is_some());
    // 1.0 is an integer in the later drafts only.
    let found = sending(
        &json!({ "type": "integer" }),
        &draft4(json!({ "type": "integer" })),
    );
    assert_eq!(only(found).verdict, MayBreak);
}

#[test]
fn work_without_end_is_given_up_and_said_so() {
    // Each property of each level comes in many alternatives.
    let level = |inner: Value, limit: u64| {
        let branch = |index: u64| {
            let mut branch = inner.clone();
            branch["minProperties"] = json!(index);
            branch["maxProperties"] = json!(limit + index);
            branch
        };
        let branches: Vec<Value> = (0..6).map(branch).collect();
        json!({ "type": "object", "properties": { "a": { "anyOf": branches }, "b": { "anyOf": branches } } })
    };
    let deep = |limit: u64| (0..4).fold(json!({ "type": "object" }), |inner, _| level(inner, limit));
    let found = sending(&deep(8), &deep(7));
    assert!(found.verdict().is_some());
    assert!(found.changes.len() <= 100);
    let chain = |kind: &str| {
        let link = |index: usize| {
            let next = json!({ "properties": { "a": { "$ref": format!("#/$defs/d{}", index + 1) } } });
            (format!("d{index}"), next)
        };
        let mut links: serde_json::Map<_, _> = (0..3_000).map(link).collect();
        links.insert("d3000".to_owned(), json!({ "type": kind }));
        json!({ "$ref": "#/$defs/d0", "$defs": links })
    };
    let found = sending(&chain("number"), &chain("integer"));
    assert_eq!(found.verdict(), Some(MayBreak));
    assert!(only(found).detail.contains("too intricate"));
}

#[test]
fn all_contracts_of_a_registration_share_what_may_be_spent() {
    let interface = |limit: u64| {
        let branch =
            |index: u64| json!({ "minProperties": index, "properties": { "a": { "minimum": limit } } });
        let deep = (0..3).fold(json!({ "minimum": limit }), |inner, _| {
            let branches: Vec<Value> = (0..6)
                .map(|index| {
                    let mut branch = branch(index);
                    branch["properties"]["a"] = inner.clone();
                    branch
                })
                .collect();
            json!({ "anyOf": branches })
        });
        let methods = (0..200).map(|index| (format!("m{index}"), json!({ "input": deep })));
        let methods: serde_json::Map<_, _> = methods.collect();
        let text = json!({ "name": "attic", "version": "1", "methods": methods }).to_string();
        let registration: buslane_protocol::Registration = serde_json::from_str(&text).unwrap();
        Interface {
            version: registration.version,
            methods: registration.methods,
            topics: registration.topics,
            schemas: registration.schemas,
        }
    };
    let compared = compare(&interface(1), &interface(2));
    assert!(
        compared.contracts.len() <= 64 && compared.omitted >= 136,
        "{}",
        compared.omitted
    );
    let told: Vec<&str> = compared
        .contracts
        .iter()
        .flat_map(|(_, contract)| &contract.changes)
        .map(|change| change.detail.as_str())
        .collect();
    // The first are looked into, the last are not any more, and that is said.
    assert!(
        told.iter().any(|detail| !detail.contains("too intricate")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|detail| detail.contains("too intricate")),
        "{told:?}"
    );
    let length: usize = told.iter().map(|detail| detail.len()).sum();
    assert!(length < 64 << 10, "{length}");
}
