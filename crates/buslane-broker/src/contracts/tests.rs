//! Tests of contracts as a registration meets them.

use std::collections::BTreeMap;

use buslane_engine::Violation;
use buslane_protocol::{Name, Schema};
use serde_json::{Value, json};

use super::*;

/// Compiles one schema with others to refer to.
pub(super) fn compile(schema: &Value, references: &[(&str, Value)]) -> Result<Arc<CompiledSchema>, Problem> {
    let texts = references
        .iter()
        .map(|(uri, schema)| ((*uri).to_owned(), text(schema)));
    let references =
        References::parse(texts.collect()).map_err(|(uri, error)| problem(&uri, error.into()))?;
    let source = Source::new(text(schema), &Arc::new(references));
    CompiledSchema::compile(source)
        .map(Arc::new)
        .map_err(|error| problem("methods.get.input", error))
}

fn text(schema: &Value) -> Schema {
    Schema::parse(schema.to_string()).unwrap()
}

fn validate(schema: &Value, payload: &str) -> Result<(), Violation> {
    compile(schema, &[]).unwrap().validate(payload.as_bytes())
}

/// The parts of a mismatch: pointer, keyword, expected, detail.
fn mismatch(schema: &Value, payload: &str) -> (String, String, Option<Value>, String) {
    match validate(schema, payload).unwrap_err() {
        Violation::Mismatch {
            pointer,
            keyword,
            expected,
            detail,
        } => (pointer, keyword, expected, detail),
        other => panic!("{other}"),
    }
}

fn refused(schema: &Value) -> Problem {
    let problem = compile(schema, &[]).map(|_| ()).unwrap_err();
    assert_eq!(problem.error_code(), Some(ErrorCode::InvalidSchema));
    problem
}

#[test]
fn a_missing_property_names_all_that_are_required() {
    let schema = json!({ "type": "object", "required": ["name", "age"] });
    let (pointer, keyword, expected, detail) = mismatch(&schema, "{\"name\":\"secret\"}");
    assert_eq!((pointer.as_str(), keyword.as_str()), ("", "required"));
    assert_eq!(expected, Some(json!(["name", "age"])));
    assert_eq!(detail, "missing property \"age\"");
}

#[test]
fn violations_point_at_the_value_and_quote_the_keyword() {
    let schema = json!({
        "properties": {
            "list": { "items": { "type": ["integer", "null"] } },
            "kind": { "enum": ["a", "b"] },
            "size": { "maximum": 10 },
            "name": { "pattern": "^x+$", "maxLength": 3 }
        },
        "additionalProperties": false
    });
    let cases = [
        (
            "{\"list\":[1,\"two\"]}",
            "/list/1",
            "type",
            json!(["integer", "null"]),
        ),
        ("{\"kind\":\"c\"}", "/kind", "enum", json!(["a", "b"])),
        ("{\"size\":11}", "/size", "maximum", json!(10)),
        ("{\"name\":\"y\"}", "/name", "pattern", json!("^x+$")),
        ("{\"name\":\"xxxx\"}", "/name", "maxLength", json!(3)),
        ("{\"other\":1}", "", "additionalProperties", json!(false)),
    ];
    for (payload, pointer, keyword, expected) in cases {
        let found = mismatch(&schema, payload);
        assert_eq!(
            (found.0.as_str(), found.1.as_str(), found.2),
            (pointer, keyword, Some(expected)),
            "{payload}"
        );
    }
    assert_eq!(
        validate(&schema, "{\"list\":[1,null],\"kind\":\"a\",\"name\":\"xx\"}"),
        Ok(())
    );
}

#[test]
fn no_violation_repeats_the_payload() {
    let schema = json!({
        "properties": {
            "a": { "type": "integer" },
            "b": { "const": 1 },
            "c": { "oneOf": [{ "type": "integer" }, { "type": "null" }] },
            "d": { "not": { "type": "string" } },
            "e": { "format": "email" },
            "f": { "pattern": "^x$" },
        },
        "propertyNames": { "maxLength": 9 },
        "maxProperties": 2,
        "$schema": "http://json-schema.org/draft-07/schema#"
    });
    for member in ["a", "b", "c", "d", "e", "f", "TOPSECRET0"] {
        let violation = validate(&schema, &json!({ member: "TOPSECRET" }).to_string()).unwrap_err();
        assert!(!violation.to_string().contains("TOPSECRET"), "{violation}");
    }
    let violation = validate(&schema, "{\"TOPSECRET\":1,\"TOPSECRET\":2}").unwrap_err();
    assert!(!violation.to_string().contains("TOPSECRET"), "{violation}");
}

#[test]
fn what_is_not_one_json_value_is_said_to_be_none() {
    for payload in ["", "{", "1 2", "{\"a\":1,\"a\":2}"] {
        assert!(
            matches!(validate(&json!(true), payload), Err(Violation::NotJson { .. })),
            "{payload}"
        );
    }
}

#[test]
fn the_draft_is_the_one_that_the_schema_names() {
    // In draft 4 `exclusiveMaximum` is a boolean, later a number.
    let draft4 = json!({ "$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": true });
    assert_eq!(mismatch(&draft4, "3").1, "exclusiveMaximum");
    let draft6 = json!({ "$schema": "http://json-schema.org/draft-06/schema#", "exclusiveMaximum": 3 });
    assert_eq!(mismatch(&draft6, "3").1, "exclusiveMaximum");
    let draft7 = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "if": true, "then": false });
    assert!(validate(&draft7, "3").is_err());
    // `prefixItems` came with 2020-12; before, an array of `items` said the same.
    let items = |draft: &str| json!({ "$schema": draft, "items": [{ "type": "null" }] });
    assert!(validate(&items("https://json-schema.org/draft/2019-09/schema"), "[1]").is_err());
    refused(&items("https://json-schema.org/draft/2020-12/schema"));
    assert!(validate(&json!({ "prefixItems": [{ "type": "null" }] }), "[1]").is_err());
}

#[test]
fn an_unknown_draft_is_refused_by_name() {
    let problem = refused(&json!({ "$schema": "https://example.org/mine" }));
    assert!(problem.detail.unwrap().contains("\"https://example.org/mine\""));
}

#[test]
fn references_lead_into_the_schema_and_the_registration() {
    let schema = json!({
        "properties": { "a": { "$ref": "#/$defs/a" }, "b": { "$ref": "https://example.org/b#/$defs/x" }, "c": { "$ref": "c.json" } },
        "$defs": { "a": { "type": "integer" } }
    });
    let references = [
        (
            "https://example.org/b",
            json!({ "$defs": { "x": { "required": ["y", "z"] } } }),
        ),
        ("c.json", json!({ "$ref": "https://example.org/b" })),
    ];
    let compiled = compile(&schema, &references).unwrap();
    assert_eq!(
        compiled.validate(b"{\"a\":1,\"b\":{\"y\":1,\"z\":1},\"c\":1}"),
        Ok(())
    );
    assert!(compiled.validate(b"{\"a\":\"1\"}").is_err());
    let Err(Violation::Mismatch {
        pointer,
        keyword,
        expected,
        ..
    }) = compiled.validate(b"{\"b\":{}}")
    else {
        panic!("it does not match");
    };
    assert_eq!(
        (pointer.as_str(), keyword.as_str(), expected),
        ("/b", "required", Some(json!(["y", "z"])))
    );
}

#[test]
fn a_reference_that_leads_outside_is_refused_by_name() {
    for reference in [
        "https://example.org/other",
        "file:///etc/passwd",
        "other.json",
        "#/$defs/none",
    ] {
        let problem = refused(&json!({ "properties": { "a": { "$ref": reference } } }));
        let detail = problem.detail.unwrap();
        assert!(detail.starts_with("methods.get.input"), "{detail}");
        assert!(detail.contains(reference.trim_start_matches('#')), "{detail}");
    }
}

#[test]
fn an_invalid_schema_names_place_pointer_and_reason() {
    let problem = refused(&json!({ "properties": { "a": { "type": "text" } } }));
    assert_eq!(problem.pointer.as_deref(), Some("/properties/a/type"));
    let detail = problem.detail.unwrap();
    assert!(
        detail.starts_with("methods.get.input at \"/properties/a/type\": "),
        "{detail}"
    );
    refused(&json!({ "pattern": "(" }));
    refused(&json!(3));
}

#[test]
fn the_place_of_a_schema_is_that_in_the_registration() {
    let name = |text| Name::parse(text).unwrap();
    let request = |output: &Value, reference: &str| CompileRequest {
        service: name("attic"),
        schemas: vec![
            (Place::Input(name("get")), text(&json!(true))),
            (Place::Output(name("get")), text(output)),
        ],
        references: BTreeMap::from([("urn:x".to_owned(), Schema::parse(reference.to_owned()).unwrap())]),
    };
    let compiler = Compiler::new();
    let detail = |request| compiler.compile(request).unwrap_err().detail.unwrap();
    assert!(detail(request(&json!({ "type": 1 }), "{}")).starts_with("methods.get.output at "));
    assert!(detail(request(&json!(true), "{\"a\":1,\"a\":2}")).starts_with("schemas.urn:x: "));
    assert!(
        compiler
            .compile(request(&json!({ "$ref": "urn:x" }), "{}"))
            .is_ok()
    );
}

#[test]
fn patterns_are_bounded_in_size_and_time() {
    refused(&json!({ "pattern": "((a{100}){100}){100}" }));
    // This one takes exponential time where the engine backtracks.
    let schema = json!({ "pattern": "^(a+)+$" });
    assert_eq!(
        mismatch(&schema, &format!("\"{}!\"", "a".repeat(10_000))).1,
        "pattern"
    );
    // References back and looking around need an engine that backtracks.
    refused(&json!({ "pattern": "^(a)\\1$" }));
    refused(&json!({ "pattern": "(?=a)" }));
}

#[test]
fn schemas_whose_work_explodes_are_refused() {
    let problem = refused(&json!({ "allOf": [{ "$ref": "#" }] }));
    assert!(problem.detail.unwrap().contains("again and again"));
}

#[test]
fn a_deep_payload_against_a_deep_schema_ends_soon() {
    let branches = json!([{ "$ref": "#" }, { "$ref": "#" }]);
    let schema = json!({ "type": "object", "properties": { "a": { "oneOf": branches } } });
    let nested = "{\"a\":".repeat(100) + "{}" + &"}".repeat(100);
    let (_, keyword, ..) = mismatch(&schema, &nested);
    assert_eq!(keyword, "schema");
    assert_eq!(mismatch(&schema, "{\"a\":{}}").1, "oneOf");
}

#[test]
fn the_stack_is_deep_enough_for_all_that_is_allowed() {
    let link = |index: usize| {
        (
            format!("d{index}"),
            json!({ "allOf": [{ "$ref": format!("#/$defs/d{}", index + 1) }] }),
        )
    };
    let mut definitions: serde_json::Map<_, _> = (0..14).map(link).collect();
    definitions.insert(
        "d14".to_owned(),
        json!({ "type": "array", "items": { "$ref": "#" } }),
    );
    let compiled = compile(&json!({ "$ref": "#/$defs/d0", "$defs": definitions }), &[]).unwrap();
    let run = move || {
        assert_eq!(
            compiled.validate(("[".repeat(127) + &"]".repeat(127)).as_bytes()),
            Ok(())
        );
        assert!(
            compiled
                .validate(("[".repeat(126) + "1" + &"]".repeat(126)).as_bytes())
                .is_err()
        );
    };
    std::thread::Builder::new()
        .stack_size(crate::STACK_SIZE)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn a_long_pointer_and_a_long_keyword_are_shortened() {
    let long = "x".repeat(100_000);
    let schema = json!({ "additionalProperties": { "const": long } });
    let (pointer, _, expected, _) = mismatch(&schema, &json!({ long: 1 }).to_string());
    assert!(pointer.len() < 1_000);
    assert_eq!(expected, None);
}
