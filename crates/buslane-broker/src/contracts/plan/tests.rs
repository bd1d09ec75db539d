//! A plan answers what the general validator answers, or nothing.

use serde_json::{Value, json};

use crate::contracts::tests::compile;

/// What the plan of a schema says to a payload, and what is right; the plan says nothing if there is none.
fn verdicts(schema: &Value, payload: &str) -> (Option<bool>, bool) {
    compile(schema, &[]).unwrap().verdicts(payload.as_bytes())
}

#[test]
fn schemas_of_usual_keywords_have_a_plan_that_is_right() {
    let schema = json!({
        "type": "object",
        "required": ["id", "kind"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "integer", "minimum": 1, "exclusiveMaximum": 100, "multipleOf": 3 },
            "kind": { "enum": ["a", "b", null, 1] },
            "name": { "type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-zä]+$" },
            "list": { "type": "array", "items": { "$ref": "#/$defs/item" }, "maxItems": 3, "uniqueItems": true },
            "pair": { "prefixItems": [{ "type": "null" }], "items": { "type": "boolean" }, "minItems": 1 },
            "some": { "contains": { "const": 1 }, "maxContains": 2 },
            "one": { "oneOf": [{ "type": "integer" }, { "minimum": 2 }] },
            "any": { "anyOf": [{ "type": "string" }, { "required": ["x"] }] },
            "not": { "not": { "const": 0 } },
            "if": { "if": { "type": "string" }, "then": { "minLength": 1 }, "else": { "type": "null" } },
            "tags": {
                "patternProperties": { "^x-": { "type": "string" } },
                "additionalProperties": { "type": "number" },
                "propertyNames": { "maxLength": 5 },
                "maxProperties": 2,
                "dependentRequired": { "a": ["b"] }
            }
        },
        "$defs": { "item": { "type": ["string", "integer"] } }
    });
    let compiled = compile(&schema, &[]).unwrap();
    for (member, matches) in [
        ("\"x\":1", false),
        ("\"name\":\"ab\"", true),
        ("\"name\":\"ää\\u00e4\"", true),
        ("\"name\":\"a\"", false),
        ("\"name\":\"ääääa\"", false),
        ("\"name\":\"aB\"", false),
        ("\"list\":[]", true),
        ("\"list\":[1,\"1\",2]", true),
        ("\"list\":[1,1.0]", false),
        ("\"list\":[\"a\",\"\\u0061\"]", false),
        ("\"list\":[1.5]", false),
        ("\"list\":[1,2,3,4]", false),
        ("\"pair\":[null,true,false]", true),
        ("\"pair\":[null,1]", false),
        ("\"pair\":[]", false),
        ("\"some\":[0,1,1.0]", true),
        ("\"some\":[1,1,1]", false),
        ("\"some\":[2]", false),
        ("\"one\":1", true),
        ("\"one\":2.5", true),
        ("\"one\":2", false),
        ("\"any\":{\"x\":0}", true),
        ("\"any\":{}", false),
        ("\"not\":1", true),
        ("\"not\":0.0", false),
        ("\"if\":null", true),
        ("\"if\":\"\"", false),
        ("\"if\":1", false),
        ("\"tags\":{\"x-a\":\"\",\"c\":1}", true),
        ("\"tags\":{\"x-a\":1}", false),
        ("\"tags\":{\"c\":\"\"}", false),
        ("\"tags\":{\"toolong\":1}", false),
        ("\"tags\":{\"a\":1}", false),
        ("\"tags\":{\"a\":1,\"b\":1}", true),
        ("\"tags\":{\"c\":1,\"d\":1,\"e\":1}", false),
    ] {
        let payload = format!("{{\"kind\":null,\"id\":3,{member}}}");
        assert_eq!(
            compiled.verdicts(payload.as_bytes()),
            (Some(matches), matches),
            "{payload}"
        );
    }
    for (payload, matches) in [
        ("{\"id\":99,\"kind\":1.0}", true),
        ("{\"id\":4,\"kind\":\"a\"}", false),
        ("{\"id\":0,\"kind\":\"a\"}", false),
        ("{\"id\":102,\"kind\":\"a\"}", false),
        ("{\"id\":3,\"kind\":\"c\"}", false),
        ("{\"id\":3}", false),
        ("[]", false),
    ] {
        assert_eq!(
            compiled.verdicts(payload.as_bytes()),
            (Some(matches), matches),
            "{payload}"
        );
    }
}

#[test]
fn keywords_that_a_plan_does_not_know_are_left_to_the_other() {
    for schema in [
        json!({ "unevaluatedProperties": false }),
        json!({ "properties": { "a": { "$dynamicRef": "#x" } }, "$defs": { "x": { "$dynamicAnchor": "x" } } }),
        json!({ "$schema": "http://json-schema.org/draft-07/schema#", "format": "email" }),
        json!({ "$schema": "http://json-schema.org/draft-04/schema#", "type": "integer" }),
        json!({ "enum": [[1]] }),
        json!({ "multipleOf": 0.5 }),
    ] {
        assert_eq!(verdicts(&schema, "{}").0, None, "{schema}");
    }
    // What only describes hinders nobody.
    let described = json!({ "title": "x", "format": "email", "x-unit": "m", "contentEncoding": "base64", "type": "string" });
    assert_eq!(verdicts(&described, "\"no address\""), (Some(true), true));
}

#[test]
fn what_a_plan_is_not_sure_of_is_left_to_the_other() {
    let half = json!({ "multipleOf": 2 });
    assert_eq!(verdicts(&half, "4.0"), (None, true));
    // Doubt is none where the value is only looked at to be excluded, either.
    let not = json!({ "not": { "multipleOf": 2 } });
    assert_eq!(verdicts(&not, "4.0"), (None, false));
    let unique = json!({ "uniqueItems": true });
    assert_eq!(verdicts(&unique, "[[1],[1]]"), (None, false));
    assert_eq!(verdicts(&unique, "[[],[]]"), (None, false));
    assert_eq!(
        verdicts(&unique, &json!((0..1_000).collect::<Vec<_>>()).to_string()),
        (None, true)
    );
}

#[test]
fn the_work_of_a_plan_is_bounded() {
    let branches = json!([{ "$ref": "#" }, { "$ref": "#" }]);
    let schema = json!({ "type": "object", "properties": { "a": { "oneOf": branches } } });
    let nested = |levels: usize| "{\"a\":".repeat(levels) + "{}" + &"}".repeat(levels);
    assert_eq!(verdicts(&schema, &nested(3)).0, Some(false));
    assert_eq!(verdicts(&schema, &nested(100)).0, None);
    // Each of the names is looked for among all members.
    let names: Vec<String> = (0..1_000).map(|index| format!("n{index}")).collect();
    let dependent = json!({ "dependentRequired": { "n0": names } });
    let members: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), json!(1))).collect();
    assert_eq!(
        verdicts(&dependent, &Value::Object(members).to_string()),
        (None, true)
    );
}

#[test]
fn names_are_known_whatever_they_are_and_wherever_they_stand() {
    let mut names: Vec<String> = (0..40)
        .map(|length| "abcdefgh".repeat(5)[..length].to_owned())
        .collect();
    names.extend(["ä", ":", "one head, A, one tail", "one head, B, one tail"].map(str::to_owned));
    let escaped = ["quo\"te", "back\\slash", "line\n", "\u{1}", "a\":"].map(str::to_owned);
    let first: serde_json::Map<_, _> = names
        .iter()
        .chain(&escaped)
        .map(|name| (name.clone(), json!({ "const": name })))
        .collect();
    let schema = json!({ "properties": first, "additionalProperties": false, "required": [&names[3]] });
    let compiled = compile(&schema, &[]).unwrap();
    let check = |payload: &str, verdict: Option<bool>| {
        let right = verdict.unwrap_or(false);
        assert_eq!(
            compiled.verdicts(payload.as_bytes()),
            (verdict, right),
            "{payload}"
        );
    };
    let object = |names: &[String], colon: &str| {
        let member = |name: &String| format!("{}{colon}{}", json!(name), json!(name));
        format!("{{{}}}", names.iter().map(member).collect::<Vec<_>>().join(","))
    };
    let turned: Vec<String> = names.iter().rev().cloned().collect();
    let without: Vec<String> = names.iter().filter(|name| *name != &names[3]).cloned().collect();
    for colon in [":", " :", ": "] {
        for order in [&names, &turned, &names] {
            check(&object(order, colon), Some(true));
            for name in &names {
                check(
                    &object(&[&order[..], std::slice::from_ref(name)].concat(), colon),
                    None,
                );
            }
        }
        check(&object(&without, colon), Some(false));
        for name in &without {
            check(&object(&[name.clone(), names[3].clone()], colon), Some(true));
            check(&object(std::slice::from_ref(name), colon), Some(false));
        }
    }
    check(&object(&[&names[..], &escaped].concat(), ":"), Some(true));
    check("{\"abc\":\"abc\",\"abd\":1}", Some(false));
    check("{\"abc\":\"abc\",\"\\u0061\":\"a\"}", Some(true));
    check("{\"abc\":\"abc\",\"quo\"te\":1}", None);
    let quoted = json!({ "properties": { "quo\"te": true } });
    assert_eq!(verdicts(&quoted, "{\"quo\"te\":1}"), (None, false));
    assert_eq!(verdicts(&quoted, "{\"quo\\\"te\":1}"), (Some(true), true));
}

#[test]
fn members_without_a_schema_may_not_have_one_name_either() {
    let schema = json!({ "properties": { "a": true }, "minProperties": 1, "maxProperties": 40 });
    let many = |count: usize| {
        let members: Vec<String> = (0..count)
            .map(|index| format!("\"n{index}\":[{index}]"))
            .collect();
        members.join(",")
    };
    for (payload, verdict) in [
        (format!("{{\"a\":1,{}}}", many(39)), Some(true)),
        (format!("{{\"a\":1,{}}}", many(40)), Some(false)),
        (format!("{{{},\"a\":1,\"n7\":1}}", many(20)), None),
        ("{\"b\":{\"c\":1,\"c\":1}}".to_owned(), None),
        ("{\"b\":1,\"\\u0062\":1}".to_owned(), None),
        ("{}".to_owned(), Some(false)),
    ] {
        assert_eq!(
            verdicts(&schema, &payload),
            (verdict, verdict.unwrap_or(false)),
            "{payload}"
        );
    }
}
