//! Contracts: any text is compiled or refused within bounds; a compiled schema judges a payload by its meaning; and where
//! the comparison of two versions is silent, nobody breaks.

use buslane_broker::{Contract, Role, SchemaDocument};
use buslane_protocol::Limits;
use serde_json::{Value, json};

/// Takes a schema, a payload and a schema to refer to as `other`, with zeros between them.
pub(crate) fn contract(input: &[u8]) {
    let Some([schema, payload, other]) = texts(input) else {
        return;
    };
    let others = if other.is_empty() {
        None
    } else {
        Some(("other", other))
    };
    let Some(contract) = Contract::compile(schema, others) else {
        return;
    };
    let judged = judge(&contract, payload);
    assert_eq!(
        judge(&contract, payload),
        judged,
        "the same payload is judged the same"
    );
    assert_eq!(
        judge(&contract, &format!(" \n{payload}\t")),
        judged,
        "white space around it means nothing"
    );
    let value = serde_json::from_str::<Value>(payload);
    assert!(!judged || value.is_ok(), "what is accepted is JSON");
    for written in value.iter().flat_map(ways_of_writing) {
        let same = judge(&contract, &written);
        assert!(
            same || !judged,
            "written in another way it is the same: {written}"
        );
    }
}

/// Tells whether a payload is accepted. Both of the broker's ways to find out have to say so.
fn judge(contract: &Contract, payload: &str) -> bool {
    assert!(
        contract.agrees(payload),
        "both ways of judging say the same of {payload} under {contract:?}"
    );
    contract.accepts(payload)
}

/// Writes a value without white space, with as much as is usual, and with every letter of its strings escaped.
fn ways_of_writing(value: &Value) -> [String; 3] {
    [value.to_string(), format!("{value:#}"), escaped(value)]
}

fn escaped(value: &Value) -> String {
    let quoted = |text: &str| {
        let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        format!("\"{units}\"")
    };
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(escaped).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{}:{}", quoted(name), escaped(value));
            let members: Vec<_> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

/// Takes two versions of a schema and a payload, with zeros between them.
pub(crate) fn comparison(input: &[u8]) {
    let Some([old, new, payload]) = texts(input) else {
        return;
    };
    let Some((old_document, old)) = usable(old) else {
        return;
    };
    let Some((new_document, new)) = usable(new) else {
        return;
    };
    let silent = |role| {
        let difference = old_document.compare(&new_document, role);
        difference.is_some_and(|difference| difference.verdict().is_none())
    };
    let (before, after) = (old.accepts(payload), new.accepts(payload));
    assert!(
        !before || after || !silent(Role::Input),
        "it is refused now, and nobody said so"
    );
    assert!(
        before || !after || !silent(Role::Output),
        "it may come now, and nobody said so"
    );
}

/// Schemas with payloads that they take and refuse.
pub(crate) fn seeds_of_contract() -> Vec<Vec<u8>> {
    let with_payloads =
        |schema: &Value| PAYLOADS.map(|payload| format!("{schema}\0{payload}\0{OTHER}").into_bytes());
    schemas().iter().flat_map(with_payloads).collect()
}

/// Each schema against itself and the next one.
pub(crate) fn seeds_of_comparison() -> Vec<Vec<u8>> {
    let schemas = schemas();
    let next = schemas.iter().cycle().skip(1);
    let pairs = schemas.iter().zip(next);
    let seed = |(old, new): (&Value, &Value)| {
        [
            format!("{old}\0{old}\0[1]").into_bytes(),
            format!("{old}\0{new}\0{{\"a\":1}}").into_bytes(),
        ]
    };
    pairs.flat_map(seed).collect()
}

/// Divides an input, which is text, at its zeros.
fn texts(input: &[u8]) -> Option<[&str; 3]> {
    let mut parts = str::from_utf8(input).ok()?.splitn(3, '\0');
    Some([parts.next()?, parts.next()?, parts.next().unwrap_or_default()])
}

/// Compiles a schema that is no registration, as whoever compares has to.
fn usable(text: &str) -> Option<(SchemaDocument, Contract)> {
    let document = SchemaDocument::parse(text).ok()?;
    if document.is_registration() || document.check(&Limits::default()).is_err() {
        return None;
    }
    Some((document, Contract::compile(text, [])?))
}

fn schemas() -> Vec<Value> {
    vec![
        json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "integer", "minimum": 0, "multipleOf": 2 } } }),
        json!({ "properties": { "a": { "type": ["string", "null"], "maxLength": 3, "pattern": "^x+$" } }, "additionalProperties": false }),
        json!({ "prefixItems": [{ "const": 1 }], "items": { "enum": [1, "b", null] }, "uniqueItems": true, "minItems": 1, "contains": { "type": "number" }, "maxContains": 2 }),
        json!({ "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/list" }], "$defs": { "list": { "type": "array", "items": { "$ref": "#" } } } }),
        json!({ "oneOf": [{ "exclusiveMaximum": 5 }, { "required": ["b"] }], "not": { "type": "null" } }),
        json!({ "if": { "required": ["a"] }, "then": { "dependentRequired": { "a": ["b"] } }, "else": false }),
        json!({ "patternProperties": { "^a": { "type": "boolean" } }, "propertyNames": { "minLength": 1 }, "unevaluatedProperties": false }),
        json!({ "allOf": [{ "prefixItems": [true] }], "unevaluatedItems": { "type": "string" }, "format": "date-time" }),
        json!({ "$schema": "http://json-schema.org/draft-07/schema#", "items": [{ "type": "integer" }], "additionalItems": false, "dependencies": { "a": ["b"] } }),
        json!({ "$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": true }),
        json!({ "$ref": "other" }),
        json!({ "$dynamicRef": "#node", "$dynamicAnchor": "node", "minProperties": 1, "maxProperties": 3 }),
        json!(true),
        json!(false),
    ]
}

const OTHER: &str = "{\"type\":\"object\",\"maxProperties\":2}";
const PAYLOADS: [&str; 10] = [
    "5",
    "{\"a\":\"xxxx\"}",
    "[1.0,-0.0,10e-1,18446744073709551616]",
    "{\"a\":\"\\u0078\\ud83d\\ude00\",\"c\":[[],[],true]}",
    "{\"a\":2,\"b\":null}",
    "[1,\"b\",[]]",
    "\"xx\"",
    "4.5e0",
    "null",
    "{\"a\":1,\"a\":2}",
];
