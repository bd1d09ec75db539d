//! What holding payloads against schemas may cost, over the wire: what explodes is refused, what remains ends soon.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use buslane_broker::RunningBroker;
use serde_json::{Map, Value, json};
use support::{Lines, start};

/// Connects a client, since only who is connected may send long frames.
fn join(broker: &RunningBroker) -> Lines {
    let mut client = Lines::join(broker);
    client.send(json!({ "type": "connect", "name": "shell" }));
    client.expect("connected");
    client
}

/// Registers a service `attic` with a method `get` that takes this, and returns the answer.
fn register(client: &mut Lines, input: &Value) -> Value {
    client.send(
        json!({ "type": "register", "name": "attic", "version": "1", "methods": { "get": { "input": input } } }),
    );
    client.receive()
}

/// Returns why a schema is refused.
fn refusal(schema: &Value) -> String {
    let broker = start(|_| {});
    let answer = register(&mut join(&broker), schema);
    assert_eq!(answer["error"]["code"], "invalid_schema", "{answer}");
    answer["error"]["detail"].as_str().unwrap().to_owned()
}

/// A broker with a service that takes a schema, and somebody to call it.
struct Attic {
    _broker: RunningBroker,
    service: Lines,
    caller: Lines,
}

impl Attic {
    fn open(schema: &Value) -> Attic {
        let broker = start(|_| {});
        let (mut service, caller) = (join(&broker), join(&broker));
        let answer = register(&mut service, schema);
        assert_eq!(answer["type"], "registered", "{answer}");
        Attic {
            _broker: broker,
            service,
            caller,
        }
    }

    /// Sends a payload, and returns the error with which it is refused.
    fn refused(&mut self, payload: &str) -> Value {
        self.send(payload);
        let mut error = self.caller.expect("error");
        error["error"].take()
    }

    /// Sends a payload that reaches the service.
    fn accepted(&mut self, payload: &str) {
        self.send(payload);
        self.service.expect("request");
        self.caller.send(json!({ "type": "cancel", "id": "1" }));
        self.service.expect("cancel");
        self.caller.expect("error");
    }

    fn send(&mut self, payload: &str) {
        let line =
            format!("{{\"type\":\"request\",\"id\":\"1\",\"to\":\"attic:get\",\"payload\":{payload}}}\n");
        self.caller.send_raw(line.as_bytes());
    }
}

/// Definitions of which each applies the one before it twice, by a keyword.
fn doubling(keyword: &str, reference: &str) -> Value {
    let mut definitions = Map::new();
    for index in 0..30 {
        let anchor = format!("d{index}");
        let schema = match index {
            0 => json!({ "$dynamicAnchor": anchor, "type": "string" }),
            _ => {
                let before = match reference {
                    "$ref" => json!({ reference: format!("#/$defs/d{}", index - 1) }),
                    _ => json!({ reference: format!("#d{}", index - 1) }),
                };
                json!({ "$dynamicAnchor": anchor, keyword: [before.clone(), before] })
            }
        };
        definitions.insert(anchor, schema);
    }
    json!({ "$ref": "#/$defs/d29", "$defs": definitions })
}

#[test]
fn a_pattern_that_explodes_when_it_is_compiled_is_refused() {
    assert!(refusal(&json!({ "pattern": "((a{100}){100}){100}" })).contains("methods.get.input"));
    assert!(
        refusal(&json!({ "propertyNames": { "pattern": "(\\p{L}{200}){20}" } }))
            .contains("methods.get.input")
    );
}

#[test]
fn a_pattern_that_explodes_where_engines_backtrack_ends_soon() {
    let mut attic = Attic::open(&json!({ "type": "string", "pattern": "^(a+)+$" }));
    let error = attic.refused(&format!("\"{}!\"", "a".repeat(100_000)));
    assert_eq!(
        (&error["code"], &error["keyword"]),
        (&json!("schema_violation"), &json!("pattern"))
    );
    attic.accepted(&format!("\"{}\"", "a".repeat(100_000)));
}

#[test]
fn more_patterns_than_a_schema_may_have_are_refused() {
    let patterns: Map<_, _> = (0..300)
        .map(|index| (format!("^{index}$"), json!(true)))
        .collect();
    assert!(refusal(&json!({ "patternProperties": patterns })).contains("patterns"));
}

#[test]
fn many_patterns_over_a_long_payload_are_refused_before_they_are_run() {
    let patterns: Map<_, _> = (0..200)
        .map(|index| (format!("(x|y|z){{{}}}", 40 + index), json!(true)))
        .collect();
    let mut attic = Attic::open(&json!({ "type": "object", "patternProperties": patterns }));
    attic.accepted("{\"a\":1}");
    let members: Vec<_> = (0..40_000).map(|index| format!("\"{index:016}\":1")).collect();
    let error = attic.refused(&format!("{{{}}}", members.join(",")));
    assert_eq!(
        (&error["code"], &error["keyword"]),
        (&json!("schema_violation"), &json!("schema"))
    );
    assert!(
        error["detail"].as_str().unwrap().contains("too long a payload"),
        "{error}"
    );
}

#[test]
fn a_reference_that_goes_in_circles_on_one_value_is_refused() {
    for schema in [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#/$defs/a" }], "$defs": { "a": { "anyOf": [{ "$ref": "#" }] } } }),
        json!({ "$dynamicAnchor": "x", "not": { "$ref": "#x" } }),
    ] {
        assert!(refusal(&schema).contains("again and again"), "{schema}");
    }
}

#[test]
fn a_dynamic_reference_that_goes_down_is_followed_and_ends() {
    let schema =
        json!({ "$dynamicAnchor": "x", "type": "object", "additionalProperties": { "$dynamicRef": "#x" } });
    let mut attic = Attic::open(&schema);
    let nested = |inner: &str| "{\"a\":".repeat(100) + inner + &"}".repeat(100);
    attic.accepted(&nested("{}"));
    assert_eq!(attic.refused(&nested("1"))["code"], "schema_violation");
}

#[test]
fn alternatives_that_double_with_each_definition_are_refused() {
    for keyword in ["anyOf", "oneOf", "allOf"] {
        for reference in ["$ref", "$dynamicRef"] {
            assert!(
                refusal(&doubling(keyword, reference)).contains("more than"),
                "{keyword} {reference}"
            );
        }
    }
}

#[test]
fn alternatives_that_double_with_each_level_of_a_payload_end_soon() {
    let branches = json!([{ "$ref": "#" }, { "$ref": "#" }]);
    for keyword in ["anyOf", "oneOf"] {
        let mut attic =
            Attic::open(&json!({ "type": "object", "properties": { "a": { keyword: branches } } }));
        let nested = "{\"a\":".repeat(90) + "1" + &"}".repeat(90);
        assert_eq!(attic.refused(&nested)["code"], "schema_violation");
    }
}

#[test]
fn a_schema_longer_than_a_schema_may_be_is_refused() {
    let properties: Map<_, _> = (0..20_000)
        .map(|index| (format!("property{index}"), json!({})))
        .collect();
    let broker = start(|_| {});
    let answer = register(&mut join(&broker), &json!({ "properties": properties }));
    assert_eq!(answer["type"], "error", "{answer}");
}

#[test]
fn a_schema_nested_more_deeply_than_values_may_be_is_refused() {
    let mut schema = json!({});
    for _ in 0..80 {
        schema = json!({ "properties": { "a": schema } });
    }
    let broker = start(|_| {});
    assert_eq!(register(&mut join(&broker), &schema)["type"], "error");
}

#[test]
fn a_payload_nested_too_deeply_is_no_payload() {
    let mut attic = Attic::open(&json!({ "items": { "$ref": "#" } }));
    attic.accepted(&("[".repeat(100) + &"]".repeat(100)));
    attic.send(&("[".repeat(10_000) + &"]".repeat(10_000)));
    let error = attic.caller.receive();
    assert_eq!(error["type"], "error", "{error}");
}

#[test]
fn a_large_enumeration_is_searched_soon() {
    let options: Vec<_> = (0..10_000).map(|index| format!("option {index}")).collect();
    let mut attic = Attic::open(&json!({ "items": { "enum": options } }));
    let payload = json!(options.iter().rev().collect::<Vec<_>>()).to_string();
    attic.accepted(&payload);
    assert_eq!(
        attic.refused(&payload.replace("option 9999", "other"))["keyword"],
        "enum"
    );
}

#[test]
fn a_large_enumeration_against_many_values_is_refused_before_it_is_searched() {
    let options: Vec<_> = (0..10_000).map(|index| json!([index])).collect();
    let mut attic = Attic::open(&json!({ "items": { "enum": options } }));
    attic.accepted("[[1],[9999]]");
    let error = attic.refused(&json!(vec![json!([1]); 150_000]).to_string());
    assert!(
        error["detail"].as_str().unwrap().contains("too long a payload"),
        "{error}"
    );
}

#[test]
fn many_alternatives_against_many_values_are_refused_before_they_are_tried() {
    let choices: Vec<_> = (0..2_000).map(|index| json!({ "const": index })).collect();
    let mut attic = Attic::open(&json!({ "items": { "oneOf": choices } }));
    attic.accepted("[1,2]");
    let error = attic.refused(&json!(vec![1; 100_000]).to_string());
    assert!(
        error["detail"].as_str().unwrap().contains("too long a payload"),
        "{error}"
    );
}

#[test]
fn items_of_a_large_array_are_compared_soon() {
    let mut attic = Attic::open(&json!({ "uniqueItems": true }));
    let mut items: Vec<_> = (0..40_000).map(|index| json!([index, { "a": index }])).collect();
    attic.accepted(&json!(items).to_string());
    items.push(json!([7, { "a": 7.0 }]));
    assert_eq!(attic.refused(&json!(items).to_string())["keyword"], "uniqueItems");
}

#[test]
fn the_names_of_many_members_are_looked_at_soon() {
    let schema = json!({
        "propertyNames": { "maxLength": 10, "pattern": "^n[0-9]+$" },
        "dependentRequired": { "n0": ["n1", "n69999"] }
    });
    let mut attic = Attic::open(&schema);
    let members: Vec<_> = (0..70_000).map(|index| format!("\"n{index}\":0")).collect();
    attic.accepted(&format!("{{{}}}", members.join(",")));
    let error = attic.refused(&format!("{{{}}}", members[..60_000].join(",")));
    assert_eq!(error["code"], "schema_violation");
}
