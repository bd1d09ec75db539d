//! Tells whether two schemas say the same: word for word but for what only people read, with references followed.

use serde_json::{Map, Value};

use super::part::Part;
use super::search::Search;

impl<'a> Search<'a> {
    /// Tells whether two schemas say the same. `false` also where that cannot be told.
    pub(super) fn same(&mut self, one: &Part<'a>, other: &Part<'a>) -> bool {
        self.settled(|search| search.same_schema(one, other))
    }

    /// Tells whether a keyword says the same in two schemas, or stands in neither.
    pub(super) fn same_at(&mut self, keyword: &str, one: &Part<'a>, other: &Part<'a>) -> bool {
        match (one.keyword(keyword), other.keyword(keyword)) {
            (Some(first), Some(second)) => {
                self.settled(|search| search.same_keyword(keyword, (one, first), (other, second)))
            }
            (None, None) => true,
            _ => false,
        }
    }

    /// Keeps what was taken for the same while a comparison went on only if it held.
    fn settled(&mut self, compare: impl FnOnce(&mut Self) -> bool) -> bool {
        let same = compare(self);
        for pair in std::mem::take(&mut self.assumed) {
            if !same {
                self.same.remove(&pair);
            }
        }
        same
    }

    fn same_schema(&mut self, one: &Part<'a>, other: &Part<'a>) -> bool {
        let pair = (one.place(), other.place());
        if pair.0 == pair.1 || self.same.contains(&pair) {
            return true;
        }
        if self.differ.contains(&pair) || !self.spend(1) {
            return false;
        }
        let (Some(one), Some(other)) = (one.entered(), other.entered()) else {
            return false;
        };
        let (Some(first), Some(second)) = (one.keywords(), other.keywords()) else {
            return one.schema == other.schema;
        };
        self.same.insert(pair);
        self.assumed.push(pair);
        self.depth += 1;
        let same = self.depth < Self::MOST_DEPTH
            && one.draft == other.draft
            && self.same_keywords(&one, first, &other, second);
        self.depth -= 1;
        if !same {
            self.differ.insert(pair);
        }
        same
    }

    fn same_keywords(
        &mut self,
        one: &Part<'a>,
        first: &'a Map<String, Value>,
        other: &Part<'a>,
        second: &'a Map<String, Value>,
    ) -> bool {
        let hidden = |part: &Part<'a>, keywords: &Map<String, Value>| {
            part.reference_hides() && keywords.contains_key("$ref")
        };
        let is_meant = |name: &str, hidden: bool| match hidden {
            true => name == "$ref",
            false => !is_silent(name),
        };
        let (first_hidden, second_hidden) = (hidden(one, first), hidden(other, second));
        let count = |keywords: &Map<String, Value>, hidden| {
            keywords.keys().filter(|name| is_meant(name, hidden)).count()
        };
        if count(first, first_hidden) != count(second, second_hidden) {
            return false;
        }
        let mut meant = first.iter().filter(|(name, _)| is_meant(name, first_hidden));
        meant.all(|(name, value)| match second.get(name) {
            Some(matching) if is_meant(name, second_hidden) => {
                self.same_keyword(name, (one, value), (other, matching))
            }
            _ => false,
        })
    }

    fn same_keyword(
        &mut self,
        keyword: &str,
        (one, first): (&Part<'a>, &'a Value),
        (other, second): (&Part<'a>, &'a Value),
    ) -> bool {
        let referred = |part: &Part<'a>, value: &Value| part.referred(value.as_str()?);
        match keyword {
            "$ref" => match (referred(one, first), referred(other, second)) {
                (Some(first), Some(second)) => self.same_schema(&first, &second),
                _ => false,
            },
            // Where these lead depends on the way by which one came.
            "$dynamicRef" | "$recursiveRef" => false,
            _ if MAPS.contains(&keyword) => self.same_members((one, first), (other, second)),
            _ if SCHEMAS.contains(&keyword) => self.same_schemas((one, first), (other, second)),
            "required" | "enum" | "type" => same_set(first, second),
            _ => super::number::equal(first, second),
        }
    }

    /// Compares schemas, arrays of schemas and objects of schemas.
    fn same_schemas(
        &mut self,
        (one, first): (&Part<'a>, &'a Value),
        (other, second): (&Part<'a>, &'a Value),
    ) -> bool {
        if let (Value::Array(first), Value::Array(second)) = (first, second) {
            return first.len() == second.len()
                && first
                    .iter()
                    .zip(second)
                    .all(|(first, second)| self.same_schema(&one.inner(first), &other.inner(second)));
        }
        self.same_schema(&one.inner(first), &other.inner(second))
    }

    /// Compares objects of schemas by name.
    fn same_members(
        &mut self,
        (one, first): (&Part<'a>, &'a Value),
        (other, second): (&Part<'a>, &'a Value),
    ) -> bool {
        let (Value::Object(first), Value::Object(second)) = (first, second) else {
            return false;
        };
        let mut same = |name: &str, schema: &'a Value| match second.get(name) {
            // `dependencies` may hold names in place of a schema.
            Some(matching) if schema.is_array() => same_set(schema, matching),
            Some(matching) => self.same_schema(&one.inner(schema), &other.inner(matching)),
            None => false,
        };
        first.len() == second.len() && first.iter().all(|(name, schema)| same(name, schema))
    }
}

/// Tells whether a keyword says nothing about values.
pub(super) fn is_silent(keyword: &str) -> bool {
    SILENT.contains(&keyword)
}

/// Compares arrays whose order says nothing, and anything else.
fn same_set(one: &Value, other: &Value) -> bool {
    let (Value::Array(one), Value::Array(other)) = (one, other) else {
        return super::number::equal(one, other);
    };
    let within = |one: &[Value], other: &[Value]| {
        one.iter()
            .all(|item| other.iter().any(|same| super::number::equal(item, same)))
    };
    one.len() <= MOST_COMPARED && other.len() <= MOST_COMPARED && within(one, other) && within(other, one)
}

/// What only people read, and what is looked at where it is referred to.
const SILENT: [&str; 17] = [
    "$comment",
    "$schema",
    "$id",
    "id",
    "$anchor",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "$vocabulary",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];
/// Keywords whose value is an object of schemas.
const MAPS: [&str; 4] = [
    "properties",
    "patternProperties",
    "dependentSchemas",
    "dependencies",
];
/// Keywords whose value is a schema or an array of schemas.
const SCHEMAS: [&str; 15] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
];
/// Items of arrays that are compared regardless of their order.
const MOST_COMPARED: usize = 200;
