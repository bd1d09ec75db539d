//! What is known of a value: the schemas that it matches, taken apart into the keywords that hold for it.

use std::collections::HashSet;
use std::ops::Deref;

use jsonschema::Draft;
use serde_json::{Map, Value};

use super::kinds::Kinds;
use crate::contracts::node::Node;

/// Which of the two schemas that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

/// A schema of one of the sides.
#[derive(Clone)]
pub(super) struct Part<'a> {
    node: Node<'a>,
    pub(super) side: Side,
}

/// Schemas that a value matches, all at once, and the kinds that it may be of.
#[derive(Clone)]
pub(super) struct Case<'a> {
    pub(super) parts: Vec<Part<'a>>,
    pub(super) kinds: Kinds,
}

/// The same, taken apart.
pub(super) struct Facts<'a> {
    /// Objects of keywords, each of which holds.
    pub(super) parts: Vec<Part<'a>>,
    /// The kinds that the value may be of.
    pub(super) kinds: Kinds,
    /// Whether no value matches, as far as can be seen at once.
    pub(super) is_never: bool,
}

impl<'a> Deref for Part<'a> {
    type Target = Node<'a>;

    fn deref(&self) -> &Node<'a> {
        &self.node
    }
}

impl<'a> Part<'a> {
    pub(super) fn new(node: Node<'a>, side: Side) -> Part<'a> {
        Part { node, side }
    }

    /// Makes the part of a schema within this one.
    pub(super) fn inner(&self, schema: &'a Value) -> Part<'a> {
        Part::new(self.node.part(schema), self.side)
    }

    /// Enters the schema; `None` if its surroundings cannot be found.
    pub(super) fn entered(&self) -> Option<Part<'a>> {
        Some(Part::new(self.node.enter().ok()?, self.side))
    }

    /// Finds the schema that a reference names.
    pub(super) fn referred(&self, reference: &str) -> Option<Part<'a>> {
        Some(Part::new(self.node.target(reference).ok()?, self.side))
    }

    /// Returns the keywords, if the schema has any.
    pub(super) fn keywords(&self) -> Option<&'a Map<String, Value>> {
        self.node.schema.as_object()
    }

    /// Returns the value of a keyword, if the draft knows it.
    pub(super) fn keyword(&self, keyword: &str) -> Option<&'a Value> {
        self.keywords()?
            .get(keyword)
            .filter(|_| is_known(keyword, self.draft))
    }

    /// Returns the schemas of a keyword that is an object of schemas.
    pub(super) fn members(&self, keyword: &str) -> impl Iterator<Item = (&'a String, Part<'a>)> + use<'a> {
        let part = self.clone();
        let members = self.keyword(keyword).and_then(Value::as_object);
        members
            .into_iter()
            .flatten()
            .map(move |(name, schema)| (name, part.inner(schema)))
    }

    /// Returns the schemas of a keyword that is an array of schemas.
    pub(super) fn items(&self, keyword: &str) -> Vec<Part<'a>> {
        let items = self.keyword(keyword).and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .map(|schema| self.inner(schema))
            .collect()
    }
}

impl<'a> Case<'a> {
    /// Makes the case of values that match all of some schemas.
    pub(super) fn of(parts: Vec<Part<'a>>) -> Case<'a> {
        Case {
            parts,
            kinds: Kinds::ALL,
        }
    }

    /// Makes the case of values that match one more schema.
    pub(super) fn and(&self, part: &Part<'a>) -> Case<'a> {
        let mut case = self.clone();
        case.parts.push(part.clone());
        case
    }

    /// Makes the case of those values that are of some kinds.
    pub(super) fn only(&self, kinds: Kinds) -> Case<'a> {
        Case {
            parts: self.parts.clone(),
            kinds: self.kinds.and(kinds),
        }
    }

    /// Takes the case apart. What cannot be resolved is left out: less is known then.
    pub(super) fn facts(&self) -> Facts<'a> {
        let mut facts = Facts {
            parts: Vec::new(),
            kinds: self.kinds,
            is_never: false,
        };
        let mut seen = HashSet::new();
        let mut waiting = self.parts.clone();
        while let Some(part) = waiting.pop() {
            if !seen.insert(part.place()) || seen.len() > MOST_PARTS {
                continue;
            }
            if let Some(part) = part.entered() {
                facts.add(part, &mut waiting);
            }
        }
        // In the order in which they stand: the first is the one that is quoted.
        facts.parts.reverse();
        facts
    }
}

impl<'a> Facts<'a> {
    fn add(&mut self, part: Part<'a>, waiting: &mut Vec<Part<'a>>) {
        let Some(keywords) = part.keywords() else {
            self.is_never |= part.schema == &Value::Bool(false);
            return;
        };
        if let Some(target) = keywords
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| part.referred(reference))
        {
            waiting.push(target);
        }
        if keywords.contains_key("$ref") && part.reference_hides() {
            return;
        }
        waiting.extend(part.items("allOf"));
        for keyword in ["anyOf", "oneOf"] {
            if let [only] = &part.items(keyword)[..] {
                waiting.push(only.clone());
            }
        }
        if let Some(kinds) = keywords.get("type") {
            let kinds = Kinds::of_keyword(kinds, part.draft);
            self.kinds = self.kinds.and(kinds);
        }
        if let Some(value) = part.keyword("const") {
            self.kinds = self.kinds.and(Kinds::of_value(value));
        }
        if let Some(values) = keywords.get("enum").and_then(Value::as_array) {
            let kinds = values
                .iter()
                .fold(Kinds::NONE, |kinds, value| kinds.or(Kinds::of_value(value)));
            self.kinds = self.kinds.and(kinds);
        }
        self.parts.push(part);
    }

    /// Tells whether a value may be of one of these kinds.
    pub(super) fn may_be(&self, kinds: Kinds) -> bool {
        self.kinds.meets(kinds)
    }

    /// Returns every value that a keyword has among the parts, with the part.
    pub(super) fn each<'f>(&'f self, keyword: &'f str) -> impl Iterator<Item = (&'f Part<'a>, &'a Value)> {
        self.parts
            .iter()
            .filter_map(move |part| Some((part, part.keyword(keyword)?)))
    }

    /// Returns the first part that has a keyword, or else the first of all.
    pub(super) fn part_with<'f>(&'f self, keyword: &'f str) -> Option<&'f Part<'a>> {
        let with = self.each(keyword).next().map(|(part, _)| part);
        with.or(self.parts.first())
    }
}

/// Tells whether a draft knows a keyword; what it does not know says nothing.
pub(super) fn is_known(keyword: &str, draft: Draft) -> bool {
    let since = match keyword {
        "const" | "contains" | "propertyNames" => Draft::Draft6,
        "if" | "then" | "else" => Draft::Draft7,
        "dependentRequired"
        | "dependentSchemas"
        | "minContains"
        | "maxContains"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Draft::Draft201909,
        "prefixItems" | "$dynamicRef" => Draft::Draft202012,
        "$recursiveRef" => return draft == Draft::Draft201909,
        _ => return true,
    };
    draft >= since
}

/// Schemas that one case is taken apart into.
const MOST_PARTS: usize = 1_000;
