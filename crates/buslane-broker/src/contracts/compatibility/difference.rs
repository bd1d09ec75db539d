//! What differs between two schemas, word for word, whether it breaks anybody or not. For people who look at a change;
//! nothing is decided by it.

use serde_json::{Map, Value};

use super::finding::escaped;
use super::same::is_silent;

/// A keyword that differs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// JSON Pointer to it.
    pub(crate) pointer: String,
    /// What it was.
    pub(crate) old: Option<Value>,
    /// What it is.
    pub(crate) new: Option<Value>,
}

/// Returns what differs between two schemas, but for what only people read.
pub(crate) fn differences(old: &Value, new: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare(&mut found, String::new(), old, new, Level::Schema);
    found
}

/// Whether members are keywords, or names of properties and definitions.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Schema,
    Names,
    Plain,
}

fn compare(found: &mut Vec<Change>, pointer: String, old: &Value, new: &Value, level: Level) {
    if old == new || found.len() >= MOST {
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) if level != Level::Plain => {
            compare_members(found, &pointer, old, new, level)
        }
        (Value::Array(old), Value::Array(new)) if level == Level::Schema && old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(found, format!("{pointer}/{index}"), old, new, level);
            }
        }
        _ => found.push(Change {
            pointer,
            old: Some(old.clone()),
            new: Some(new.clone()),
        }),
    }
}

fn compare_members(
    found: &mut Vec<Change>,
    pointer: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    level: Level,
) {
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        let silent = level == Level::Schema && is_silent(name) && !matches!(&**name, "$defs" | "definitions");
        if silent {
            continue;
        }
        let pointer = format!("{pointer}/{}", escaped(name));
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => compare(found, pointer, old, new, below(level, name)),
            (old, new) if found.len() < MOST => found.push(Change {
                pointer,
                old: old.cloned(),
                new: new.cloned(),
            }),
            _ => return,
        }
    }
}

fn below(level: Level, name: &str) -> Level {
    match (level, name) {
        (Level::Names, _) => Level::Schema,
        (
            _,
            "properties" | "patternProperties" | "dependentSchemas" | "dependencies" | "$defs"
            | "definitions",
        ) => Level::Names,
        (_, "enum" | "const" | "required" | "type") => Level::Plain,
        _ => Level::Schema,
    }
}

/// How many differences are listed.
const MOST: usize = 1_000;
