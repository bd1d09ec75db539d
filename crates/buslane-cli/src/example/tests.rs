//! Examples of many schemas, written and random, each held against its schema by a validator of its own.

use super::*;
use serde_json::json;

fn made(schema: &Value) -> Value {
    let value = example(schema, &BTreeMap::new()).unwrap_or_else(|| panic!("no example of {schema}"));
    assert_valid(schema, &value);
    value
}

#[track_caller]
fn assert_valid(schema: &Value, value: &Value) {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap();
    if let Err(error) = validator.validate(value) {
        panic!("{value} is no {schema}: {error}");
    }
}

#[test]
fn what_the_author_suggests_comes_first() {
    assert_eq!(
        made(&json!({"type": "integer", "examples": [7, 8], "default": 9})),
        json!(7)
    );
    assert_eq!(made(&json!({"type": "integer", "default": 9})), json!(9));
    assert_eq!(made(&json!({"const": {"a": null}})), json!({"a": null}));
    assert_eq!(made(&json!({"enum": ["on", "off"]})), json!("on"));
}

#[test]
fn a_suggestion_that_breaks_the_schema_is_not_taken() {
    assert_eq!(
        made(&json!({"type": "integer", "examples": ["seven"], "default": 0.5, "minimum": 3})),
        json!(3)
    );
    assert_eq!(made(&json!({"enum": ["a", 5], "type": "integer"})), json!(5));
}

#[test]
fn an_object_has_what_is_required_and_what_is_suggested() {
    let schema = json!({
        "type": "object", "required": ["app", "key"],
        "properties": {
            "app": {"type": "string"}, "key": {"type": "string", "minLength": 6},
            "limit": {"type": "integer", "default": 10}, "after": {"type": "string"},
        },
    });
    assert_eq!(
        made(&schema),
        json!({"app": "text", "key": "textte", "limit": 10})
    );
}

#[test]
fn many_suggestions_are_left_out() {
    let properties: serde_json::Map<String, Value> = (0..20)
        .map(|n| (format!("m{n}"), json!({"default": n})))
        .collect();
    let schema = json!({"type": "object", "required": ["m3"], "properties": properties});
    assert_eq!(made(&schema), json!({"m3": 3}));
}

#[test]
fn numbers_are_within_their_bounds() {
    for schema in [
        json!({"type": "integer", "exclusiveMinimum": 4, "multipleOf": 3}),
        json!({"type": "integer", "maximum": -7}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}),
        json!({"type": "number", "multipleOf": 0.1, "minimum": 0.25}),
        json!({"type": "number", "minimum": 1e300}),
        json!({"type": "integer", "minimum": 9_007_199_254_740_000_i64}),
        json!({"minimum": 5, "type": ["null", "integer"]}),
        json!({"allOf": [{"multipleOf": 4}, {"multipleOf": 6}, {"minimum": 13, "type": "integer"}]}),
        json!({"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer", "minimum": 3, "exclusiveMinimum": true}),
    ] {
        made(&schema);
    }
}

#[test]
fn every_format_has_an_example() {
    for format in [
        "date-time",
        "date",
        "time",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "iri",
        "iri-reference",
        "uri-template",
        "uuid",
        "json-pointer",
        "relative-json-pointer",
        "regex",
    ] {
        let one = made(&json!({"type": "string", "format": format}));
        assert_ne!(one, json!("text"), "{format}");
        let several = json!({"type": "array", "items": {"type": "string", "format": format}, "minItems": 5, "uniqueItems": true});
        made(&several);
    }
}

#[test]
fn texts_match_their_patterns_and_lengths() {
    for schema in [
        json!({"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4,}$", "minLength": 12}),
        json!({"type": "string", "pattern": "b"}),
        json!({"type": "string", "pattern": "^(red|green)$"}),
        json!({"type": "string", "maxLength": 0}),
        json!({"type": "string", "minLength": 100, "maxLength": 100}),
        json!({"type": "string", "pattern": "^\\w+\\.json$"}),
        json!({"allOf": [{"type": "string", "pattern": "^a"}, {"pattern": "z$"}, {"minLength": 3}], "examples": ["abz"]}),
    ] {
        made(&schema);
    }
}

#[test]
fn lists_have_the_items_that_they_have_to() {
    for schema in [
        json!({"type": "array", "minItems": 3, "uniqueItems": true, "items": {"type": "integer", "minimum": 5, "maximum": 7}}),
        json!({"type": "array", "minItems": 3, "uniqueItems": true, "items": {"enum": ["a", "b", "c"]}}),
        json!({"type": "array", "uniqueItems": true, "minItems": 2, "items": {"type": "boolean"}}),
        json!({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false, "minItems": 2}),
        json!({"type": "array", "contains": {"const": 7}, "minContains": 2, "minItems": 4}),
        json!({"type": "array", "contains": {"type": "string"}, "prefixItems": [{"type": "integer"}]}),
        json!({"type": "array", "maxItems": 0, "items": {"type": "integer"}}),
        json!({"type": "array", "minItems": 2, "uniqueItems": true, "items": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [{"type": "integer"}], "additionalItems": {"type": "null"}, "minItems": 2}),
    ] {
        made(&schema);
    }
}

#[test]
fn objects_keep_every_rule_about_their_members() {
    for schema in [
        json!({"type": "object", "minProperties": 3, "additionalProperties": {"type": "integer"}}),
        json!({"type": "object", "minProperties": 2, "patternProperties": {"^x-": {"type": "boolean"}}, "additionalProperties": false}),
        json!({"type": "object", "minProperties": 1, "propertyNames": {"pattern": "^[A-Z]{3}$"}}),
        json!({"type": "object", "maxProperties": 1, "properties": {"a": {}, "b": {}, "c": {}}, "required": ["c"]}),
        json!({"required": ["a"], "dependentRequired": {"a": ["b"], "b": ["c"]}}),
        json!({"required": ["a"], "dependentSchemas": {"a": {"required": ["d"], "properties": {"d": {"const": 4}}}}}),
        json!({"type": "object", "properties": {"a": false, "b": {"type": "null"}}}),
        json!({"type": "object", "properties": {"a": {"type": "integer"}}, "patternProperties": {"a": {"minimum": 50}}, "required": ["a"]}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "required": ["a"], "dependencies": {"a": ["b"], "b": {"required": ["c"]}}}),
    ] {
        made(&schema);
    }
}

#[test]
fn branches_are_chosen_so_that_all_holds() {
    for schema in [
        json!({"anyOf": [{"type": "string"}, {"type": "integer"}], "type": "integer"}),
        json!({"oneOf": [{"type": "integer"}, {"type": "integer", "minimum": 10}]}),
        json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}),
        json!({"not": {"type": "object"}}),
        json!({"type": "string", "not": {"const": "text"}}),
        json!({
            "properties": {"kind": {"enum": ["circle", "square"]}}, "required": ["kind"],
            "if": {"properties": {"kind": {"const": "circle"}}},
            "then": {"required": ["radius"]}, "else": {"required": ["side"]},
        }),
        json!({
            "oneOf": [
                {"properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"], "additionalProperties": false},
                {"properties": {"kind": {"const": "b"}}, "required": ["kind"], "additionalProperties": false},
            ],
        }),
        json!({"allOf": [{"type": ["integer", "string"]}, {"type": ["string", "null"]}, {"minLength": 9}]}),
        json!({"allOf": [{"properties": {"a": {"minimum": 3}}}, {"properties": {"a": {"maximum": 3}}}], "required": ["a"]}),
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "unevaluatedProperties": false}),
    ] {
        made(&schema);
    }
}

#[test]
fn references_lead_where_they_should() {
    for schema in [
        json!({"$ref": "#/$defs/name", "$defs": {"name": {"type": "string", "minLength": 2}}}),
        json!({"$id": "https://example.org/a", "$ref": "b", "$defs": {"b": {"$id": "b", "const": 5}}}),
        json!({"$ref": "#there", "$defs": {"x": {"$anchor": "there", "type": "boolean"}}}),
        json!({"type": "object", "required": ["child"], "properties": {"child": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}),
        json!({"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}, "required": ["children"]}),
    ] {
        made(&schema);
    }
}

#[test]
fn references_lead_to_the_other_schemas_of_a_service() {
    let documents = BTreeMap::from([("point".to_owned(), json!({"type": "integer", "minimum": 40}))]);
    assert_eq!(example(&json!({"$ref": "point"}), &documents), Some(json!(40)));
    assert_eq!(
        example(&json!({"$ref": "https://example.org/elsewhere"}), &documents),
        None
    );
}

#[test]
fn a_recursive_schema_makes_no_deep_example() {
    let schema = json!({
        "$ref": "#/$defs/tree",
        "$defs": {"tree": {"type": "object", "required": ["value"], "properties": {
            "value": {"type": "integer"}, "left": {"$ref": "#/$defs/tree"}, "right": {"$ref": "#/$defs/tree"},
        }}},
    });
    assert!(made(&schema).to_string().len() < 400);
}

#[test]
fn what_cannot_be_has_no_example() {
    for schema in [
        json!(false),
        json!({"type": "integer", "minimum": 3, "maximum": 2}),
        json!({"allOf": [{"type": "string"}, {"type": "integer"}]}),
        json!({"type": "object", "required": ["a"], "properties": {"a": false}}),
        json!({"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}}),
        json!({"type": 5}),
        json!({"$ref": "#/nowhere"}),
        json!({"type": "array", "minItems": 1_000_000_000}),
    ] {
        assert_eq!(example(&schema, &BTreeMap::new()), None, "{schema}");
    }
}

#[test]
fn a_schema_that_asks_for_too_much_ends_too() {
    let mut definitions = serde_json::Map::new();
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        definitions.insert(format!("d{level}"), json!({"allOf": [next.clone(), next]}));
    }
    definitions.insert("d40".to_owned(), json!(false));
    let schema = json!({"$ref": "#/$defs/d0", "$defs": definitions});
    assert_eq!(example(&schema, &BTreeMap::new()), None);
}

#[test]
fn every_schema_of_the_brokers_own_service_has_an_example() {
    let methods: Value = serde_json::from_str(include_str!(
        "../../../buslane-engine/src/bus_service/methods.json"
    ))
    .unwrap();
    for method in methods.as_object().unwrap().values() {
        for direction in ["input", "output"] {
            if let Some(schema) = method.get(direction) {
                made(schema);
            }
        }
    }
}

/// Makes schemas without contradictions, by chance.
struct RandomSchemas(u64);

impl RandomSchemas {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn schema(&mut self, depth: u64) -> Value {
        let kinds = if depth == 0 { 5 } else { 10 };
        match self.below(kinds) {
            0 => json!({"type": "boolean"}),
            1 => {
                let least = self.below(2_000) as i64 - 1_000;
                json!({"type": "integer", "minimum": least, "maximum": least + self.below(50) as i64})
            }
            2 => {
                let least = self.below(2_000) as f64 / 16.0 - 50.0;
                json!({"type": "number", "exclusiveMinimum": least, "maximum": least + 0.25})
            }
            3 => {
                let least = self.below(20);
                json!({"type": "string", "minLength": least, "maxLength": least + self.below(5)})
            }
            4 => json!({"enum": [self.below(9), "x", null, self.below(9).to_string()]}),
            5 => {
                let count = self.below(4);
                json!({"type": "array", "items": self.schema(depth - 1), "minItems": count, "maxItems": count + self.below(3)})
            }
            6 => json!({"anyOf": [self.schema(depth - 1), self.schema(depth - 1)]}),
            7 => {
                json!({"type": "object", "minProperties": self.below(3), "additionalProperties": self.schema(depth - 1)})
            }
            8 => json!({"$ref": "#/$defs/part", "$defs": {"part": {}}}),
            _ => self.object(depth),
        }
    }

    fn object(&mut self, depth: u64) -> Value {
        let names: Vec<String> = (0..self.below(12)).map(|number| format!("m{number}")).collect();
        let properties: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| (name.clone(), self.schema(depth - 1)))
            .collect();
        let required: Vec<&String> = names.iter().filter(|_| self.below(2) == 0).collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": self.below(2) == 0})
    }
}

#[test]
fn random_schemas_have_examples_that_are_valid() {
    for seed in 0..400 {
        let mut schema = RandomSchemas(seed).schema(3);
        schema["$defs"] = json!({"part": {"type": "string"}});
        println!("seed {seed}: {schema}");
        made(&schema);
    }
}
