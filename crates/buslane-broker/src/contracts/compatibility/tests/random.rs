//! Schemas and values by chance, from so few words that they often meet.

use serde_json::{Map, Value, json};

/// A stream of numbers that depends on its seed only (SplitMix64).
pub(in crate::contracts) struct Random(u64);

impl Random {
    pub(in crate::contracts) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Returns a number below a limit.
    pub(in crate::contracts) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) % limit as u64) as usize
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn few<T: Clone>(&mut self, from: &[T]) -> Vec<T> {
        let mut taken: Vec<T> = from.to_vec();
        let count = 1 + self.below(from.len());
        while taken.len() > count {
            let index = self.below(taken.len());
            taken.remove(index);
        }
        taken
    }

    /// Makes a value.
    pub(super) fn value(&mut self, depth: usize) -> Value {
        let kinds = if depth == 0 { 5 } else { 9 };
        match self.below(kinds) {
            0 => self.pick(&[json!(null), json!(true), json!(false)]),
            1 | 2 => self.number(),
            3 | 4 => json!(self.pick(&TEXTS)),
            5 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let members =
                    (0..self.below(4)).map(|_| (self.pick(&NAMES).to_owned(), self.value(depth - 1)));
                Value::Object(members.collect())
            }
        }
    }

    fn number(&mut self) -> Value {
        self.pick(&[
            json!(-1),
            json!(0),
            json!(1),
            json!(1.0),
            json!(0.5),
            json!(2),
            json!(3),
            json!(4),
            json!(1e300),
        ])
    }

    /// Makes a schema of a draft: 4, 6, 7, 9 for 2019-09, or 20 for 2020-12.
    pub(in crate::contracts) fn schema(&mut self, depth: usize, draft: u8) -> Value {
        if self.below(12) == 0 && draft > 4 {
            return json!(self.below(4) > 0);
        }
        let mut schema = Map::new();
        for _ in 0..1 + self.below(3) {
            self.add_keyword(&mut schema, depth, draft);
        }
        Value::Object(schema)
    }

    /// Changes a schema in one place.
    pub(super) fn change(&mut self, schema: &Value, depth: usize, draft: u8) -> Value {
        let Value::Object(keywords) = schema else {
            return self.schema(depth, draft);
        };
        let mut keywords = keywords.clone();
        let inner: Vec<String> = keywords
            .keys()
            .filter(|name| HOLDERS.contains(&name.as_str()))
            .cloned()
            .collect();
        if !inner.is_empty() && self.below(2) == 0 {
            let name = self.pick(&inner);
            let changed = self.change_within(&keywords[&name], depth, draft);
            keywords.insert(name, changed);
            return Value::Object(keywords);
        }
        let names: Vec<String> = keywords
            .keys()
            .filter(|name| !name.starts_with('$'))
            .cloned()
            .collect();
        if !names.is_empty() && self.below(2) == 0 {
            keywords.remove(&self.pick(&names));
        }
        if self.below(2) == 0 {
            self.add_keyword(&mut keywords, depth, draft);
        }
        Value::Object(keywords)
    }

    fn change_within(&mut self, value: &Value, depth: usize, draft: u8) -> Value {
        let depth = depth.saturating_sub(1);
        match value {
            Value::Array(items) if !items.is_empty() => {
                let mut items = items.clone();
                let index = self.below(items.len());
                items[index] = self.change(&items[index], depth, draft);
                if self.below(4) == 0 {
                    items.push(self.schema(depth, draft));
                }
                Value::Array(items)
            }
            Value::Object(members)
                if members
                    .keys()
                    .any(|name| NAMES.contains(&name.as_str()) || PATTERNS.contains(&name.as_str())) =>
            {
                let mut members = members.clone();
                let names: Vec<String> = members.keys().cloned().collect();
                let name = self.pick(&names);
                let changed = self.change(&members[&name], depth, draft);
                members.insert(name, changed);
                Value::Object(members)
            }
            other => self.change(other, depth, draft),
        }
    }

    fn schemas(&mut self, depth: usize, draft: u8) -> Value {
        (0..1 + self.below(3))
            .map(|_| self.schema(depth, draft))
            .collect()
    }

    fn members(&mut self, names: &[&str], depth: usize, draft: u8) -> Value {
        let names = self.few(names);
        let members = names
            .into_iter()
            .map(|name| (name.to_owned(), self.schema(depth, draft)));
        Value::Object(members.collect())
    }

    fn add_keyword(&mut self, schema: &mut Map<String, Value>, depth: usize, draft: u8) {
        let keyword = if depth == 0 {
            self.pick(&FLAT)
        } else {
            self.pick(&ALL)
        };
        let below = depth.saturating_sub(1);
        let value = match keyword {
            "type" => match self.below(2) {
                0 => json!(self.pick(&TYPES)),
                _ => json!(self.few(&TYPES)),
            },
            "enum" => {
                let mut values: Vec<Value> = Vec::new();
                for _ in 0..1 + self.below(3) {
                    let value = self.value(1);
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                json!(values)
            }
            "const" => self.value(1),
            "minimum" | "maximum" => self.number(),
            "exclusiveMinimum" | "exclusiveMaximum" if draft == 4 => {
                let bound = if keyword == "exclusiveMinimum" {
                    "minimum"
                } else {
                    "maximum"
                };
                schema.entry(bound).or_insert(json!(1));
                json!(self.below(2) == 0)
            }
            "exclusiveMinimum" | "exclusiveMaximum" => self.number(),
            "multipleOf" => self.pick(&[json!(1), json!(2), json!(3), json!(4), json!(0.5)]),
            "pattern" => json!(self.pick(&PATTERNS)),
            "format" => json!(self.pick(&["email", "date"])),
            "required" => json!(self.few(&NAMES)),
            "uniqueItems" => json!(self.below(3) > 0),
            "$ref" => json!(self.pick(&["#/$defs/one", "#/$defs/two"])),
            "allOf" | "anyOf" | "oneOf" => self.schemas(below, draft),
            "prefixItems" if draft == 20 => self.schemas(below, draft),
            "prefixItems" => {
                schema.insert("items".to_owned(), self.schemas(below, draft));
                return;
            }
            "properties" | "dependentSchemas" => self.members(&NAMES, below, draft),
            "patternProperties" => self.members(&PATTERNS, below, draft),
            "dependentRequired" | "dependencies" => {
                let (name, wanted) = (self.pick(&NAMES), self.few(&NAMES));
                json!({ name: wanted })
            }
            name if name.starts_with("min") || name.starts_with("max") => json!(self.below(4)),
            "if" => {
                schema.insert("then".to_owned(), self.schema(below, draft));
                schema.insert("else".to_owned(), self.schema(below, draft));
                self.schema(below, draft)
            }
            "additionalProperties" | "items" | "unevaluatedProperties" | "additionalItems"
                if self.below(2) == 0 =>
            {
                json!({ "type": self.pick(&TYPES) })
            }
            "additionalProperties" | "unevaluatedProperties" | "unevaluatedItems" | "additionalItems"
                if self.below(2) == 0 =>
            {
                json!(false)
            }
            _ => self.schema(below, draft),
        };
        schema.insert(keyword.to_owned(), value);
    }
}

pub(super) const NAMES: [&str; 4] = ["a", "b", "ab", "c"];
const TEXTS: [&str; 6] = ["", "a", "b", "ab", "abc", "2020-01-01"];
const PATTERNS: [&str; 3] = ["^a", "b$", "^[abc]$"];
const TYPES: [&str; 7] = [
    "null", "boolean", "object", "array", "string", "integer", "number",
];
/// Keywords without schemas in them.
const FLAT: [&str; 20] = [
    "type",
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "required",
    "minProperties",
    "maxProperties",
    "minItems",
    "maxItems",
    "uniqueItems",
    "dependentRequired",
];
/// Keywords that a schema may have where others may be in it.
const ALL: [&str; 32] = [
    "type",
    "type",
    "enum",
    "minimum",
    "exclusiveMaximum",
    "minLength",
    "required",
    "required",
    "maxItems",
    "dependencies",
    "properties",
    "properties",
    "properties",
    "patternProperties",
    "additionalProperties",
    "additionalProperties",
    "propertyNames",
    "dependentSchemas",
    "unevaluatedProperties",
    "prefixItems",
    "items",
    "additionalItems",
    "contains",
    "maxContains",
    "unevaluatedItems",
    "allOf",
    "anyOf",
    "oneOf",
    "oneOf",
    "not",
    "if",
    "$ref",
];
/// Keywords that hold schemas.
const HOLDERS: [&str; 21] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "dependentSchemas",
    "unevaluatedProperties",
    "prefixItems",
    "items",
    "additionalItems",
    "contains",
    "unevaluatedItems",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "$defs",
    "one",
    "two",
];
