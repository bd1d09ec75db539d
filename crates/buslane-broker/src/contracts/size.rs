//! Estimates what a compiled schema holds, since nobody can ask it: rather too much than too little.

use jsonschema::PatternOptions;
use serde_json::{Value, json};

use super::plan::Plan;
use super::schema::PATTERN_SIZE;

/// Estimates the bytes that the compiled forms of some documents hold, with the documents themselves.
pub(super) fn estimate<'a>(documents: impl Iterator<Item = &'a Value>, plan: Option<&Plan>) -> usize {
    documents.map(of_value).sum::<usize>() + plan.map_or(0, Plan::bytes) + BASE
}

/// Estimates what a value stands for.
fn of_value(value: &Value) -> usize {
    match value {
        Value::Object(members) => {
            let inner = members.iter().map(|(name, value)| {
                let pattern = match (name.as_str(), value) {
                    ("pattern", Value::String(pattern)) => of_pattern(pattern),
                    ("patternProperties", Value::Object(patterns)) => {
                        patterns.keys().map(|pattern| of_pattern(pattern)).sum()
                    }
                    _ => 0,
                };
                MEMBER + TEXTS * name.len() + pattern + of_value(value)
            });
            OBJECT + inner.sum::<usize>()
        }
        Value::Array(items) => items.iter().map(of_value).sum::<usize>() + ITEM * items.len(),
        Value::String(text) => TEXTS * text.len(),
        _ => 0,
    }
}

/// Returns the size of each pattern in a document, in one of [`PATTERN_SIZES`] or the largest allowed.
pub(super) fn patterns_of(document: &Value) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut waiting = vec![document];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(pattern)) = members.get("pattern") {
                    sizes.push(size_of_pattern(pattern));
                }
                if let Some(Value::Object(patterns)) = members.get("patternProperties") {
                    sizes.extend(patterns.keys().map(|pattern| size_of_pattern(pattern)));
                }
                waiting.extend(members.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    sizes
}

/// Returns what a pattern holds, and what running it may hold.
pub(super) fn of_pattern(pattern: &str) -> usize {
    RUNNING * size_of_pattern(pattern)
}

/// Finds out into which size a pattern can be compiled.
fn size_of_pattern(pattern: &str) -> usize {
    let schema = json!({ "pattern": pattern });
    let fits = |limit: &&usize| {
        let options = PatternOptions::regex().size_limit(**limit);
        jsonschema::options()
            .with_pattern_options(options)
            .build(&schema)
            .is_ok()
    };
    PATTERN_SIZES.iter().find(fits).copied().unwrap_or(PATTERN_SIZE)
}

/// Bytes of a compiled schema beside what follows from its text.
const BASE: usize = 4 << 10;
/// Bytes of a schema beside its keywords.
const OBJECT: usize = 1 << 10;
/// Bytes of a keyword beside its text.
const MEMBER: usize = 256;
/// Bytes of an item of an array.
const ITEM: usize = 128;
/// How often a text is held: in the document, in the compiled form, in the places that errors name.
const TEXTS: usize = 4;
/// Sizes that are tried for a compiled pattern.
pub(super) const PATTERN_SIZES: [usize; 3] = [8 << 10, 32 << 10, 128 << 10];
/// What a pattern holds when it runs, in sizes of the pattern.
const RUNNING: usize = 3;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use buslane_engine::Validate;
    use buslane_protocol::Schema;

    use super::*;
    use crate::contracts::schema::{CompiledSchema, Source};

    /// Returns what a compiled schema holds, measured and estimated.
    fn held(schema: &Value, payload: &Value) -> (usize, usize) {
        let source = Source::new(Schema::parse(schema.to_string()).unwrap(), &Arc::default());
        let payload = payload.to_string();
        // What is allocated once for all schemas is not to count.
        CompiledSchema::compile(source.clone()).unwrap();
        let mut compiled = None;
        let measured = allocation_counter::measure(|| {
            let made = CompiledSchema::compile(source.clone()).unwrap();
            let _matches = made.validate(payload.as_bytes());
            compiled = Some(made);
        });
        let estimated = compiled.map_or(0, |compiled| compiled.bytes());
        (usize::try_from(measured.bytes_current).unwrap_or(0), estimated)
    }

    #[test]
    fn what_a_compiled_schema_holds_is_estimated_and_not_too_low() {
        let properties = |count: usize| -> Value {
            let property = |index| {
                (
                    format!("property-{index}"),
                    json!({ "type": "string", "maxLength": index }),
                )
            };
            json!({ "type": "object", "properties": (0..count).map(property).collect::<serde_json::Map<_, _>>() })
        };
        let shared: Value = (0..200).map(|_| json!({ "$ref": "#/$defs/big" })).collect();
        let cases = [
            json!(true),
            json!({ "type": "string" }),
            properties(500),
            json!({ "enum": (0..1_000).map(|index| format!("value {index}")).collect::<Vec<_>>() }),
            json!({ "pattern": "^[a-z]+$" }),
            json!({ "pattern": "^\\w{1,30}$" }),
            json!({ "patternProperties": { "^\\p{L}+$": { "pattern": "(a|b){100}" }, "x{50}": true } }),
            json!({ "anyOf": [properties(50), properties(60), { "items": properties(5) }] }),
            json!({ "prefixItems": shared, "$defs": { "big": properties(100) } }),
        ];
        for schema in cases {
            let (measured, estimated) = held(&schema, &json!({ "a": "aaaa" }));
            let shown: String = schema.to_string().chars().take(60).collect();
            assert!(
                measured <= estimated,
                "{shown}: {measured} bytes, estimated {estimated}"
            );
            assert!(
                estimated <= 100 * measured.max(BASE),
                "{shown}: {measured} bytes, estimated {estimated}"
            );
        }
    }
}
