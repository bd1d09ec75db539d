//! Finds out, before a schema is used, what holding a value against it can cost at worst: a few hundred bytes of
//! schema can otherwise ask for 2^30 comparisons, or for a stack without end.
//!
//! ```text
//!   {"allOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/b"}], "properties": {"child": {"$ref": "#"}}}
//!     └── in place: applied to the same value, so each doubles the work
//!                                                   below: applied to a part of the value ──┘
//! ```

use std::collections::HashMap;

use jsonschema::Draft;
use referencing::Registry;
use serde_json::{Map, Value};

use super::node::Node;

/// What holding one value against a schema costs at worst, in subschemas applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// Subschemas applied to the value itself.
    in_place: u64,
    /// How deeply those are nested in each other.
    nesting: u32,
    /// Subschemas applied to the value and to one of each of its parts, references to what is above left out.
    total: u64,
    /// References to what is above: how much the work can grow from one level of the value to the next.
    growth: u64,
    /// Subschemas applied to any one value, be it the value itself or a part.
    width: u64,
}

/// Why a schema is not worth its cost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooCostly {
    #[error("the schema applies itself to the same value again and again")]
    Endless,
    #[error("the schema applies more than {MOST_IN_PLACE} subschemas to one value")]
    InPlace,
    #[error("the schema nests more than {MOST_NESTING} subschemas that apply to one value")]
    Nesting,
    #[error("the schema has more than {MOST_PATTERNS} patterns")]
    Patterns,
    #[error("{0}")]
    Reference(String),
}

impl Cost {
    /// Measures a schema. The registry holds it and the documents that it may refer to, `documents` names those that
    /// came with it, itself first.
    pub(super) fn of<'a>(
        registry: &'a Registry<'a>,
        documents: &[(&str, &'a Value)],
        draft: Draft,
    ) -> Result<Cost, TooCostly> {
        let mut walk = Walk::default();
        let mut roots = Vec::new();
        for (uri, schema) in documents {
            let base =
                referencing::uri::from_str(uri).map_err(|error| TooCostly::Reference(error.to_string()))?;
            let node = Node::root(schema, registry.resolver(base), draft);
            walk.index_anchors(&node);
            roots.push(node);
        }
        let mut roots = roots.into_iter();
        let Some(root) = roots.next() else { return Ok(LEAF) };
        let place = root.place();
        walk.visit(root, 0)?;
        // Whatever a part of the value is held against is bounded in the same way.
        while let Some(node) = walk.below.pop() {
            walk.visit(node, 0)?;
        }
        let (total, growth) = walk.total(place, 0, &mut HashMap::new());
        let (here, below) = walk.width(place, 0, &mut HashMap::new());
        Ok(Cost {
            total,
            growth,
            width: here.max(below),
            ..LEAF
        })
    }

    /// Returns how many subschemas are applied to one value at most, be it the payload or a part of it. What comes
    /// again with each level of the payload counts once: whether a value matches such a schema is found out once.
    pub(super) fn width(&self) -> u64 {
        self.width
    }

    /// Tells whether the place of a violation can be looked for in a value of this many levels. Whether a value
    /// matches is found out in time that is bounded; where it does not match is not.
    pub(super) fn allows_search(&self, levels: u32) -> bool {
        let growth = self.growth.max(1).checked_pow(levels).unwrap_or(u64::MAX);
        self.total.saturating_mul(growth) <= MOST_SEARCHED
    }
}

/// What a schema applies.
#[derive(Default)]
struct Applied<'a> {
    /// To the same value; with `true` if which one it is depends on how the schema was reached.
    in_place: Vec<(Node<'a>, bool)>,
    /// To parts of the value: any of them.
    below: Vec<Node<'a>>,
    /// To one part of the value each, different ones.
    named: Vec<Node<'a>>,
}

/// What is known about a schema, by its place in memory.
enum Known {
    /// It is being visited: who comes here again goes in circles.
    Open,
    Visited {
        cost: Cost,
        in_place: Vec<usize>,
        below: Vec<usize>,
        named: Vec<usize>,
    },
}

#[derive(Default)]
struct Walk<'a> {
    known: HashMap<usize, Known>,
    /// Where dynamic references may lead, by anchor; those of `$recursiveRef` have none.
    anchors: HashMap<&'a str, Vec<Node<'a>>>,
    /// Schemas found that apply to parts of the value, still to be visited.
    below: Vec<Node<'a>>,
    patterns: usize,
}

impl<'a> Walk<'a> {
    /// Notes every place in a document where a dynamic reference may lead.
    fn index_anchors(&mut self, node: &Node<'a>) {
        let schema = match node.schema {
            Value::Object(schema) => schema,
            Value::Array(items) => return items.iter().for_each(|item| self.index_anchors(&node.part(item))),
            _ => return,
        };
        let node = node.enter().unwrap_or_else(|_| node.clone());
        let recursive = schema.get("$recursiveAnchor").and(Some(""));
        let anchor = schema.get("$dynamicAnchor").and_then(Value::as_str);
        for anchor in anchor.into_iter().chain(recursive) {
            self.anchors.entry(anchor).or_default().push(node.clone());
        }
        schema
            .values()
            .for_each(|value| self.index_anchors(&node.part(value)));
    }

    /// Visits a schema and all that applies to the same value.
    fn visit(&mut self, node: Node<'a>, level: u32) -> Result<Cost, TooCostly> {
        let place = node.place();
        match self.known.get(&place) {
            Some(Known::Visited { cost, .. }) => return Ok(*cost),
            Some(Known::Open) => return Err(TooCostly::Endless),
            None if level > MOST_NESTING => return Err(TooCostly::Nesting),
            None => {}
        }
        let Some(schema) = node.schema.as_object() else {
            return Ok(LEAF);
        };
        self.known.insert(place, Known::Open);
        self.count_patterns(schema)?;
        let applied = self.applied(&node, schema)?;
        let places = |nodes: &[Node<'a>]| nodes.iter().map(Node::place).collect();
        let (below, named) = (places(&applied.below), places(&applied.named));
        self.below.extend(applied.below);
        self.below.extend(applied.named);
        let mut cost = Cost {
            in_place: 1 + options(schema) / OPTIONS,
            ..LEAF
        };
        let mut in_place = Vec::with_capacity(applied.in_place.len());
        for (inner, dynamic) in applied.in_place {
            if dynamic && matches!(self.known.get(&inner.place()), Some(Known::Open)) {
                continue;
            }
            in_place.push(inner.place());
            let inner = self.visit(inner, level + 1)?;
            cost.in_place = cost.in_place.saturating_add(inner.in_place);
            cost.nesting = cost.nesting.max(inner.nesting + 1);
        }
        if cost.in_place > MOST_IN_PLACE {
            return Err(TooCostly::InPlace);
        }
        if level + cost.nesting > MOST_NESTING {
            return Err(TooCostly::Nesting);
        }
        self.known.insert(
            place,
            Known::Visited {
                cost,
                in_place,
                below,
                named,
            },
        );
        Ok(cost)
    }

    /// Finds what a schema applies to the same value, and what to parts of it.
    fn applied(&self, node: &Node<'a>, schema: &'a Map<String, Value>) -> Result<Applied<'a>, TooCostly> {
        let node = node.enter().map_err(refused)?;
        let mut applied = Applied::default();
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            applied
                .in_place
                .push((node.target(reference).map_err(refused)?, false));
            if node.reference_hides() {
                return Ok(applied);
            }
        }
        for keyword in ["$dynamicRef", "$recursiveRef"] {
            let Some(reference) = schema.get(keyword).and_then(Value::as_str) else {
                continue;
            };
            let anchor = reference.rsplit_once('#').map_or("", |(_, anchor)| anchor);
            let anchored = self.anchors.get(anchor).into_iter().flatten().cloned();
            let all = anchored.chain([node.target(reference).map_err(refused)?]);
            applied.in_place.extend(all.map(|node| (node, true)));
        }
        for (keyword, value) in schema {
            let each = |schemas: Vec<&'a Value>| schemas.into_iter().map(|schema| node.part(schema));
            match keyword.as_str() {
                "allOf" | "anyOf" | "oneOf" | "dependentSchemas" | "dependencies" => {
                    applied
                        .in_place
                        .extend(each(parts(value)).map(|node| (node, false)));
                }
                "not" | "if" | "then" | "else" => applied.in_place.push((node.part(value), false)),
                "properties" | "prefixItems" => applied.named.extend(each(parts(value))),
                "items" if value.is_array() => applied.named.extend(each(parts(value))),
                "patternProperties" => applied.below.extend(each(parts(value))),
                "items"
                | "additionalItems"
                | "unevaluatedItems"
                | "contains"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "propertyNames" => applied.below.push(node.part(value)),
                _ => {}
            }
        }
        Ok(applied)
    }

    fn count_patterns(&mut self, schema: &Map<String, Value>) -> Result<(), TooCostly> {
        let named = schema
            .get("patternProperties")
            .and_then(Value::as_object)
            .map_or(0, Map::len);
        self.patterns += named + usize::from(schema.contains_key("pattern"));
        if self.patterns > MOST_PATTERNS {
            Err(TooCostly::Patterns)
        } else {
            Ok(())
        }
    }

    /// Adds up what is applied from a schema on; coming back to what is above counts as growth.
    fn total(&self, place: usize, level: u32, seen: &mut HashMap<usize, Option<(u64, u64)>>) -> (u64, u64) {
        if level > MOST_LEVELS {
            return (u64::MAX, 0);
        }
        match seen.get(&place) {
            Some(Some(known)) => return *known,
            Some(None) => return (1, 1),
            None => {}
        }
        let Some(Known::Visited {
            in_place,
            below,
            named,
            ..
        }) = self.known.get(&place)
        else {
            return (1, 0);
        };
        seen.insert(place, None);
        let mut sum = (1u64, 0u64);
        for inner in in_place.iter().chain(below).chain(named) {
            let (total, growth) = self.total(*inner, level + 1, seen);
            sum = (sum.0.saturating_add(total), sum.1.saturating_add(growth));
        }
        seen.insert(place, Some(sum));
        sum
    }

    /// Finds out how many subschemas a schema applies to one value: to the value itself, and to any of its parts.
    fn width(&self, place: usize, level: u32, seen: &mut HashMap<usize, Option<(u64, u64)>>) -> (u64, u64) {
        if level > MOST_LEVELS {
            return (u64::MAX, 0);
        }
        match seen.get(&place) {
            Some(known) => return known.unwrap_or((1, 0)),
            None => seen.insert(place, None),
        };
        let Some(Known::Visited {
            cost,
            in_place,
            below,
            named,
        }) = self.known.get(&place)
        else {
            return (1, 0);
        };
        let mut any = 0u64;
        for inner in in_place {
            let (_, inner) = self.width(*inner, level + 1, seen);
            any = any.saturating_add(inner);
        }
        let mut one = 0;
        for (inner, is_named) in tagged(below, false).chain(tagged(named, true)) {
            let (here, inner) = self.width(inner, level + 1, seen);
            match is_named {
                true => one = here.max(inner).max(one),
                false => any = any.saturating_add(here.max(inner)),
            }
        }
        let width = (cost.in_place, any.saturating_add(one));
        seen.insert(place, Some(width));
        width
    }
}

fn tagged(places: &[usize], tag: bool) -> impl Iterator<Item = (usize, bool)> {
    places.iter().map(move |place| (*place, tag))
}

fn refused(error: referencing::Error) -> TooCostly {
    TooCostly::Reference(error.to_string())
}

/// Counts what `enum` allows.
fn options(schema: &Map<String, Value>) -> u64 {
    let options = schema.get("enum").and_then(Value::as_array);
    options.map_or(0, |options| options.len() as u64)
}

/// The values of an object or the items of an array.
fn parts(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

const LEAF: Cost = Cost {
    in_place: 1,
    nesting: 0,
    total: 1,
    growth: 0,
    width: 1,
};
const MOST_IN_PLACE: u64 = 10_000;
/// Options of `enum` that take as long to compare as a subschema to apply.
const OPTIONS: u64 = 16;
const MOST_NESTING: u32 = 32;
const MOST_PATTERNS: usize = 256;
/// Levels of schemas below schemas that are added up.
const MOST_LEVELS: u32 = 1_000;
/// Subschemas applied in the search of a violation's place, a few milliseconds at most.
const MOST_SEARCHED: u64 = 20_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contracts::references::{BASE, Refuse};

    fn cost(schema: &Value) -> Result<Cost, TooCostly> {
        let draft = Draft::default().detect(schema);
        let builder = Registry::new()
            .draft(draft)
            .retriever(Refuse)
            .add(BASE, schema)
            .unwrap();
        Cost::of(&builder.prepare().unwrap(), &[(BASE, schema)], draft)
    }

    /// Definitions of which each applies the one before it twice, by a keyword.
    fn doubling(times: usize, keyword: &str) -> Value {
        let mut definitions = Map::new();
        definitions.insert(
            "d0".to_owned(),
            json!({ "$dynamicAnchor": "d0", "type": "string" }),
        );
        for index in 1..=times {
            let before = match keyword {
                "$ref" => format!("#/$defs/d{}", index - 1),
                _ => format!("#d{}", index - 1),
            };
            let twice = json!({
                "$dynamicAnchor": format!("d{index}"),
                "anyOf": [{ keyword: before }, { keyword: before }]
            });
            definitions.insert(format!("d{index}"), twice);
        }
        json!({ "$ref": format!("#/$defs/d{times}"), "$defs": definitions })
    }

    #[test]
    fn work_that_doubles_with_each_definition_is_refused() {
        for keyword in ["$ref", "$dynamicRef"] {
            assert!(cost(&doubling(5, keyword)).is_ok());
            assert_eq!(cost(&doubling(14, keyword)), Err(TooCostly::InPlace));
        }
    }

    #[test]
    fn deep_nesting_on_one_value_is_refused() {
        let chain = |length: usize| {
            let link = |index| {
                (
                    format!("d{index}"),
                    json!({ "$ref": format!("#/$defs/d{}", index + 1) }),
                )
            };
            let mut definitions: Map<_, _> = (0..length).map(link).collect();
            definitions.insert(format!("d{length}"), json!(true));
            json!({ "$ref": "#/$defs/d0", "$defs": definitions })
        };
        assert!(cost(&chain(20)).is_ok());
        assert_eq!(cost(&chain(40)), Err(TooCostly::Nesting));
        assert_eq!(cost(&chain(8_000)), Err(TooCostly::Nesting));
    }

    #[test]
    fn a_schema_that_never_gets_to_a_part_of_the_value_is_refused() {
        assert_eq!(
            cost(&json!({ "allOf": [{ "$ref": "#" }] })),
            Err(TooCostly::Endless)
        );
        assert_eq!(
            cost(&json!({ "properties": { "a": { "not": { "$ref": "#/properties/a" } } } })),
            Err(TooCostly::Endless)
        );
        assert!(cost(&json!({ "properties": { "child": { "$ref": "#" } } })).is_ok());
    }

    #[test]
    fn older_drafts_ignore_what_stands_beside_a_reference() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": { "a": { "$ref": "#/definitions/b", "allOf": [{ "$ref": "#/properties/a" }] } },
            "definitions": { "b": true }
        });
        assert!(cost(&schema).is_ok());
    }

    #[test]
    fn places_are_searched_only_where_the_search_ends_soon() {
        let flat = json!({ "properties": { "a": { "type": "string" }, "b": { "anyOf": [true, false] } } });
        assert!(cost(&flat).unwrap().allows_search(128));
        let list = json!({ "properties": { "next": { "$ref": "#" } } });
        assert!(cost(&list).unwrap().allows_search(128));
        let tree = json!({ "properties": { "left": { "$ref": "#" }, "right": { "$ref": "#" } } });
        assert!(cost(&tree).unwrap().allows_search(8));
        assert!(!cost(&tree).unwrap().allows_search(64));
    }

    #[test]
    fn the_width_is_what_applies_to_one_value_at_most() {
        let width = |schema: Value| cost(&schema).unwrap().width();
        let text = || json!({ "type": "string" });
        assert_eq!(width(text()), 1);
        // Each name has its own value.
        assert_eq!(
            width(json!({ "properties": { "a": text(), "b": text(), "c": text() } })),
            1
        );
        assert_eq!(
            width(
                json!({ "patternProperties": { "a": text(), "b": text() }, "properties": { "c": text() } })
            ),
            3
        );
        assert_eq!(
            width(json!({ "anyOf": [text(), text(), { "items": text() }, { "items": text() }] })),
            5
        );
        let below = json!({ "allOf": [{ "items": { "anyOf": [text(), text()] } }, { "items": text() }] });
        assert_eq!(width(below), 4);
        assert_eq!(
            width(json!({ "properties": { "next": { "$ref": "#" }, "value": text() } })),
            2
        );
        assert_eq!(width(json!({ "enum": (0..160).collect::<Vec<_>>() })), 11);
    }

    #[test]
    fn patterns_are_counted() {
        let patterns = |count: usize| -> Value {
            let named: Map<_, _> = (0..count)
                .map(|index| (format!("^{index}$"), json!(true)))
                .collect();
            json!({ "patternProperties": named, "pattern": "x" })
        };
        assert!(cost(&patterns(MOST_PATTERNS - 1)).is_ok());
        assert_eq!(cost(&patterns(MOST_PATTERNS)), Err(TooCostly::Patterns));
    }

    #[test]
    fn the_published_meta_schemas_can_be_referred_to() {
        for draft in [
            "https://json-schema.org/draft/2020-12/schema",
            "http://json-schema.org/draft-07/schema#",
        ] {
            assert_eq!(cost(&json!({ "$schema": draft, "$ref": draft })).err(), None);
        }
    }
}
