//! Compares what came with what a scenario expects.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Tells whether a value, or the lack of one, is what a matcher asks for.
pub(crate) fn matches(expected: &Value, found: Option<&Value>) -> bool {
    if let Some((kind, argument)) = special(expected) {
        return match (kind, found) {
            ("$any", _) => true,
            ("$subset", Some(Value::Object(found))) => argument
                .as_object()
                .is_some_and(|wanted| is_subset(wanted, found)),
            ("$contains", Some(Value::Array(found))) => {
                found.iter().any(|found| matches(argument, Some(found)))
            }
            ("$at_least", Some(found)) => found.as_f64() >= argument.as_f64() && found.is_number(),
            ("$between", Some(found)) => argument.as_array().is_some_and(|bounds| {
                found.is_number()
                    && found.as_f64() >= bounds[0].as_f64()
                    && found.as_f64() <= bounds[1].as_f64()
            }),
            ("$starts_with", Some(Value::String(found))) => {
                argument.as_str().is_some_and(|start| found.starts_with(start))
            }
            _ => false,
        };
    }
    match (expected, found) {
        (Value::Object(expected), Some(Value::Object(found))) => {
            expected.len() == found.len() && is_subset(expected, found)
        }
        (Value::Array(expected), Some(Value::Array(found))) => {
            let pairs = expected.iter().zip(found);
            expected.len() == found.len()
                && pairs
                    .into_iter()
                    .all(|(expected, found)| matches(expected, Some(found)))
        }
        (Value::Number(expected), Some(Value::Number(found))) => expected.as_f64() == found.as_f64(),
        (expected, Some(found)) => expected == found,
        (_, None) => false,
    }
}

/// Finds the members that are not as expected, as `name: expected ..., found ...`.
pub(crate) fn differences(expected: &BTreeMap<String, Value>, found: &Map<String, Value>) -> Vec<String> {
    let wrong = expected
        .iter()
        .filter(|(name, expected)| !matches(expected, found.get(*name)));
    wrong
        .map(|(name, expected)| match found.get(name) {
            Some(found) => format!("{name}: expected {expected}, found {found}"),
            None => format!("{name}: expected {expected}, found none"),
        })
        .collect()
}

fn special(expected: &Value) -> Option<(&str, &Value)> {
    let object = expected.as_object().filter(|object| object.len() == 1)?;
    let (kind, argument) = object.iter().next()?;
    kind.starts_with('$').then_some((kind, argument))
}

fn is_subset(wanted: &Map<String, Value>, found: &Map<String, Value>) -> bool {
    wanted
        .iter()
        .all(|(name, wanted)| matches(wanted, found.get(name)))
}

/// Shows the matchers what they must take and what they must refuse.
pub(crate) fn matchers_tell_what_fits_from_what_does_not() {
    use serde_json::json;

    let cases = [
        (json!(1), json!(1.0), json!(2)),
        (
            json!({"a": [1, null]}),
            json!({"a": [1, null]}),
            json!({"a": [1, null], "b": 1}),
        ),
        (json!([1]), json!([1]), json!([1, 2])),
        (json!(null), json!(null), json!(0)),
        (json!({"$any": true}), json!({}), Value::Null),
        (
            json!({"$subset": {"a": 1}}),
            json!({"a": 1, "b": 2}),
            json!({"b": 2}),
        ),
        (json!({"$contains": 1}), json!([2, 1]), json!([2])),
        (json!({"$at_least": 2}), json!(2), json!(1)),
        (json!({"$between": [2, 4]}), json!(4), json!(5)),
        (json!({"$between": [2, 4]}), json!(2), json!(1)),
        (json!({"$starts_with": "a#"}), json!("a#1"), json!("b#1")),
        (json!({"a": {"$at_least": 1}}), json!({"a": 1}), json!({"a": "1"})),
    ];
    for (matcher, good, bad) in cases {
        assert!(matches(&matcher, Some(&good)), "{matcher} takes {good}");
        assert!(
            !matches(&matcher, Some(&bad)) || matcher == json!({"$any": true}),
            "{matcher} refuses {bad}"
        );
    }
    assert!(
        !matches(&json!(null), None),
        "null is a value, and nothing is none"
    );
}
