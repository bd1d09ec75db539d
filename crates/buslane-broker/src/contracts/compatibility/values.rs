//! Values held against schemas, where a schema allows only a few: `Some` is certain, `None` is not known.

use buslane_protocol::Verdict;
use jsonschema::Draft;
use serde_json::Value;

use super::finding::Miss;
use super::kinds::Kinds;
use super::number::{compare, equal, whole};
use super::part::{Case, Facts, Part, is_known};
use super::scalar::asserts_format;
use super::search::{Outcome, Search};

impl<'a> Search<'a> {
    /// Returns the values that a case allows, if they are few. Some may be among them that it does not allow.
    fn candidates(&mut self, facts: &Facts<'a>) -> Option<Vec<&'a Value>> {
        static FEW: [Value; 3] = [Value::Null, Value::Bool(false), Value::Bool(true)];
        let enumerated = facts
            .each("enum")
            .filter_map(|(_, values)| values.as_array())
            .min_by_key(|values| values.len());
        let constant = facts.each("const").map(|(_, value)| value).next();
        let all: Vec<&'a Value> = match (constant, enumerated) {
            (Some(constant), _) => vec![constant],
            (None, Some(values)) if values.len() <= MOST_VALUES => values.iter().collect(),
            (None, None) if facts.kinds.without(Kinds::NULL.or(Kinds::BOOLEAN)).is_empty() => {
                FEW.iter().collect()
            }
            _ => return None,
        };
        let mut kept = Vec::new();
        for value in all {
            let excluded = !Kinds::of_value(value).meets(facts.kinds)
                || facts
                    .parts
                    .iter()
                    .any(|part| self.holds(part, value, 0) == Some(false));
            if !excluded {
                kept.push(value);
            }
        }
        Some(kept)
    }

    /// Tells whether a case allows no value that is known to be one of few.
    pub(super) fn has_no_candidate(&mut self, facts: &Facts<'a>) -> bool {
        self.candidates(facts).is_some_and(|values| values.is_empty())
    }

    /// Asks a schema value by value, where a case allows few of them and each is certain to match or not; `None` where
    /// it has to be asked otherwise.
    pub(super) fn covers_few(
        &mut self,
        case: &Case<'a>,
        facts: &Facts<'a>,
        whole: &Part<'a>,
    ) -> Option<Outcome> {
        if whole.keyword("$ref").is_some() && whole.reference_hides() {
            return None;
        }
        let values = self.candidates(facts)?;
        let mut failed: Vec<(&'a str, Vec<&Value>)> = Vec::new();
        for (keyword, expected) in whole.keywords()? {
            let mut refused = Vec::new();
            for value in &values {
                if !self.holds_keyword(whole, keyword, expected, value, 0)? {
                    refused.push(*value);
                }
            }
            if !refused.is_empty() {
                failed.push((keyword, refused));
            }
        }
        let mut worst = None;
        for (keyword, refused) in failed {
            worst = worst.max(self.refuses(case, facts, whole, keyword, &refused));
        }
        Some(worst)
    }

    fn refuses(
        &mut self,
        case: &Case<'a>,
        facts: &Facts<'a>,
        whole: &Part<'a>,
        keyword: &'a str,
        refused: &[&Value],
    ) -> Outcome {
        let deeper = match keyword {
            "$ref" => whole
                .keyword("$ref")
                .and_then(Value::as_str)
                .and_then(|reference| whole.referred(reference))
                .and_then(|target| self.covers(case, &target)),
            "allOf" => {
                let branches = whole.items("allOf");
                branches.iter().fold(None, |worst: Outcome, branch| {
                    worst.max(self.covers(case, branch))
                })
            }
            _ => None,
        };
        if deeper.is_some() {
            return deeper;
        }
        let shown = shown(refused);
        let of_few = facts.each("enum").chain(facts.each("const")).next();
        self.miss(Miss {
            verdict: Verdict::Breaking,
            keyword,
            part: whole,
            other: of_few.map(|(part, _)| part),
            narrowed: format!("{shown} is refused now"),
            widened: format!("{shown} may come now"),
        })
    }

    /// Asks `enum` and `const` of what allows many values.
    pub(super) fn covers_values(&mut self, facts: &Facts<'a>, whole: &Part<'a>) -> Outcome {
        let mut worst = None;
        for keyword in ["enum", "const"] {
            if whole.keyword(keyword).is_none() {
                continue;
            }
            worst = worst.max(self.miss(Miss {
                verdict: Verdict::Breaking,
                keyword,
                part: whole,
                other: facts.parts.first(),
                narrowed: "only some values are accepted now".to_owned(),
                widened: "any value may come now, not only some".to_owned(),
            }));
        }
        worst
    }

    /// Holds a value against a schema.
    pub(super) fn holds(&mut self, part: &Part<'a>, value: &Value, level: u32) -> Option<bool> {
        if level > MOST_LEVELS || !self.spend(1) {
            return None;
        }
        let part = part.entered()?;
        let Some(keywords) = part.keywords() else {
            return part.schema.as_bool();
        };
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str)
            && part.reference_hides()
        {
            return self.holds(&part.referred(reference)?, value, level + 1);
        }
        let mut certain = Some(true);
        for (keyword, expected) in keywords {
            match self.holds_keyword(&part, keyword, expected, value, level + 1) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => certain = None,
            }
        }
        certain
    }

    fn holds_keyword(
        &mut self,
        part: &Part<'a>,
        keyword: &str,
        expected: &'a Value,
        value: &Value,
        level: u32,
    ) -> Option<bool> {
        if !is_known(keyword, part.draft) {
            return Some(true);
        }
        match keyword {
            "$ref" => {
                let target = part.referred(expected.as_str()?)?;
                self.holds(&target, value, level)
            }
            "$dynamicRef" | "$recursiveRef" | "unevaluatedProperties" | "unevaluatedItems" => {
                (expected == &Value::Bool(true)).then_some(true)
            }
            "type" => {
                let (allowed, kinds) = (Kinds::of_keyword(expected, part.draft), Kinds::of_value(value));
                match kinds.without(allowed).is_empty() {
                    true => Some(true),
                    false => (!kinds.meets(allowed)).then_some(false),
                }
            }
            "enum" => Some(expected.as_array()?.iter().any(|allowed| equal(allowed, value))),
            "const" => Some(equal(expected, value)),
            "allOf" | "anyOf" | "oneOf" => self.holds_branches(part, keyword, value, level),
            "not" => self
                .holds(&part.inner(expected), value, level)
                .map(|holds| !holds),
            _ => match value {
                Value::Number(number) => holds_number(part, keyword, expected, number),
                Value::String(text) => self.holds_text(part, keyword, expected, text),
                Value::Array(_) | Value::Object(_) => {
                    self.holds_structure(part, keyword, expected, value, level)
                }
                _ => holds_any(keyword),
            },
        }
    }

    fn holds_branches(&mut self, part: &Part<'a>, keyword: &str, value: &Value, level: u32) -> Option<bool> {
        let (mut hold, mut unknown, mut fail) = (0, 0, 0);
        for branch in part.items(keyword) {
            match self.holds(&branch, value, level) {
                Some(true) => hold += 1,
                Some(false) => fail += 1,
                None => unknown += 1,
            }
        }
        match keyword {
            "allOf" if fail > 0 => Some(false),
            "allOf" => (unknown == 0).then_some(true),
            "anyOf" if hold > 0 => Some(true),
            "anyOf" => (unknown == 0).then_some(false),
            _ if hold > 1 => Some(false),
            _ => (unknown == 0).then_some(hold == 1),
        }
    }

    fn holds_text(
        &mut self,
        part: &Part<'a>,
        keyword: &str,
        expected: &'a Value,
        text: &str,
    ) -> Option<bool> {
        let length = || text.chars().count() as i128;
        match keyword {
            "minLength" => Some(length() >= limit(expected)?),
            "maxLength" => Some(length() <= limit(expected)?),
            "pattern" => self.matches(expected.as_str()?, text),
            "format" if asserts_format(part.draft) => None,
            "contentEncoding" | "contentMediaType" if asserts_format(part.draft) => None,
            _ => holds_any(keyword),
        }
    }

    fn holds_structure(
        &mut self,
        part: &Part<'a>,
        keyword: &str,
        expected: &'a Value,
        value: &Value,
        level: u32,
    ) -> Option<bool> {
        let count = match value {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        } as i128;
        match (keyword, value) {
            ("minItems", Value::Array(_)) | ("minProperties", Value::Object(_)) => {
                Some(count >= limit(expected)?)
            }
            ("maxItems", Value::Array(_)) | ("maxProperties", Value::Object(_)) => {
                Some(count <= limit(expected)?)
            }
            ("required", Value::Object(members)) => {
                let named = |name: &Value| name.as_str().is_some_and(|name| members.contains_key(name));
                Some(expected.as_array()?.iter().all(named))
            }
            ("properties", Value::Object(members)) => {
                let mut certain = Some(true);
                for (name, schema) in part.members("properties") {
                    let Some(member) = members.get(name) else { continue };
                    match self.holds(&schema, member, level) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => certain = None,
                    }
                }
                certain
            }
            // The rest is seldom met in an `enum`.
            (_, Value::Array(_)) if OF_ARRAYS.contains(&keyword) => None,
            (_, Value::Object(_)) if OF_OBJECTS.contains(&keyword) => None,
            _ => holds_any(keyword),
        }
    }
}

fn holds_number(
    part: &Part<'_>,
    keyword: &str,
    expected: &Value,
    number: &serde_json::Number,
) -> Option<bool> {
    let order = || match expected {
        Value::Number(limit) => Some(compare(number, limit)),
        _ => None,
    };
    let flag = |name: &str| {
        part.draft == Draft::Draft4 && part.keyword(name).and_then(Value::as_bool).unwrap_or_default()
    };
    match keyword {
        "minimum" if flag("exclusiveMinimum") => Some(order()?.is_gt()),
        "maximum" if flag("exclusiveMaximum") => Some(order()?.is_lt()),
        "minimum" => Some(order()?.is_ge()),
        "maximum" => Some(order()?.is_le()),
        "exclusiveMinimum" | "exclusiveMaximum" if expected.is_boolean() => Some(true),
        "exclusiveMinimum" => Some(order()?.is_gt()),
        "exclusiveMaximum" => Some(order()?.is_lt()),
        "multipleOf" => match (whole(number), whole(expected.as_number()?)) {
            (Some(number), Some(of)) if of != 0 => Some(number % of == 0),
            _ => None,
        },
        _ => holds_any(keyword),
    }
}

/// What a keyword says of a value that it is not about, which is nothing; but conditions are not looked into.
fn holds_any(keyword: &str) -> Option<bool> {
    (!matches!(keyword, "if" | "then" | "else")).then_some(true)
}

fn limit(value: &Value) -> Option<i128> {
    whole(value.as_number()?)
}

fn shown(values: &[&Value]) -> String {
    let mut shown: Vec<String> = Vec::new();
    for value in values.iter().take(VALUES_SHOWN) {
        let text = value.to_string();
        shown.push(match text.char_indices().nth(VALUE_SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        });
    }
    let mut text = shown.join(", ");
    if values.len() > VALUES_SHOWN {
        text.push_str(&format!(" and {} more", values.len() - VALUES_SHOWN));
    }
    text
}

const OF_ARRAYS: [&str; 8] = [
    "items",
    "prefixItems",
    "additionalItems",
    "contains",
    "minContains",
    "maxContains",
    "uniqueItems",
    "unevaluatedItems",
];
const OF_OBJECTS: [&str; 7] = [
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedProperties",
];
/// Values of an `enum` that are looked at one by one.
const MOST_VALUES: usize = 1_000;
const MOST_LEVELS: u32 = 40;
const VALUES_SHOWN: usize = 4;
const VALUE_SHOWN: usize = 40;
