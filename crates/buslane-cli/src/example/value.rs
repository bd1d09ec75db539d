//! Builds one value of a shape.

use serde_json::{Value, json};

use super::choices::Choices;
use super::node::Node;
use super::shape::Shape;
use super::text;

/// Builds one value, asking for choices.
pub(super) struct Builder<'c> {
    pub(super) choices: &'c mut Choices,
}

impl<'c> Builder<'c> {
    /// Begins an attempt.
    pub(super) fn new(choices: &'c mut Choices) -> Builder<'c> {
        Builder { choices }
    }

    /// Builds a value of which all these schemas say something.
    pub(super) fn build(&mut self, nodes: &[Node<'_>]) -> Option<Value> {
        self.value(nodes, 0, 0)
    }

    /// Builds a value at a depth; `salt` makes different ones.
    pub(super) fn value(&mut self, nodes: &[Node<'_>], depth: usize, salt: usize) -> Option<Value> {
        if depth > DEEPEST || !self.choices.step() {
            return None;
        }
        let shape = Shape::of(nodes, depth, self.choices);
        if shape.impossible {
            return None;
        }
        if let Some(values) = &shape.values {
            let chosen = self.choices.pick(values.len());
            return values
                .get((chosen + salt) % values.len())
                .map(|value| (*value).clone());
        }
        let suggested = self.choices.pick(shape.suggestions.len() + 1);
        if let Some(value) = shape.suggestions.get(suggested + salt) {
            return Some((*value).clone());
        }
        let types = types(&shape, depth);
        let chosen = self.choices.pick(types.len());
        match *types.get(chosen)? {
            "object" => self.object(shape, depth, salt),
            "array" => self.array(&shape, depth, salt),
            "string" => self.string(&shape, salt),
            "integer" => shape.numbers.integer(salt),
            "number" => shape.numbers.number(salt),
            "boolean" => Some(Value::Bool(salt.is_multiple_of(2))),
            _ => Some(Value::Null),
        }
    }

    fn string(&mut self, shape: &Shape<'_>, salt: usize) -> Option<Value> {
        let candidates = text::candidates(shape, salt);
        let chosen = self.choices.pick(candidates.len());
        candidates.into_iter().nth(chosen).map(Value::String)
    }

    fn array(&mut self, shape: &Shape<'_>, depth: usize, salt: usize) -> Option<Value> {
        let first = shape
            .arrays
            .iter()
            .map(|items| items.first.len())
            .max()
            .unwrap_or(0);
        let usual = match depth < FULL_BEFORE && shape.arrays.iter().any(|items| items.others.is_some()) {
            true => first.max(1),
            false => first,
        };
        let counts = [usual, usual + 1, 0].map(|count| shape.item_count.nearest(count));
        let count = counts[self.choices.pick(counts.len())];
        if count > MOST_ITEMS {
            return None;
        }
        let mut contained = Vec::new();
        for (node, least) in &shape.contains {
            contained.extend(std::iter::repeat_n(node, *least));
        }
        let mut values: Vec<Value> = Vec::new();
        for index in 0..count {
            let mut nodes: Vec<Node<'_>> = shape
                .arrays
                .iter()
                .filter_map(|items| items.first.get(index).or(items.others.as_ref()))
                .cloned()
                .collect();
            // What has to be contained comes after what has its place.
            nodes.extend(
                index
                    .checked_sub(first.min(count.saturating_sub(contained.len())))
                    .and_then(|index| contained.get(index).copied())
                    .cloned(),
            );
            values.push(self.item(&nodes, &values, shape.unique, depth + 1, salt)?);
        }
        Some(Value::Array(values))
    }

    /// Builds an item, one that is not there yet where that is wanted.
    fn item(
        &mut self,
        nodes: &[Node<'_>],
        others: &[Value],
        unique: bool,
        depth: usize,
        salt: usize,
    ) -> Option<Value> {
        if !unique {
            return self.value(nodes, depth, salt);
        }
        let mut salts = salt..salt + others.len() + MORE_SALTS;
        salts.find_map(|salt| {
            self.value(nodes, depth, salt)
                .filter(|value| !others.contains(value))
        })
    }
}

/// Returns the types that a value may have, the likeliest first.
fn types<'a>(shape: &Shape<'a>, depth: usize) -> Vec<&'a str> {
    if let Some(types) = &shape.types {
        let mut types = types.clone();
        types.sort_by_key(|name| *name == "null");
        return types;
    }
    let says_object = !shape.objects.is_empty()
        || !shape.required.is_empty()
        || shape.member_count.least > 0
        || !shape.names.is_empty()
        || !shape.dependent_required.is_empty()
        || !shape.dependent_schemas.is_empty();
    let says_array = !shape.arrays.is_empty() || shape.item_count.least > 0 || shape.unique;
    let says_text = shape.format.is_some() || !shape.patterns.is_empty() || shape.lengths.least > 0;
    let mut types = ANY.to_vec();
    let is_likely = |name: &str| match name {
        "object" => says_object || depth == 0 && !says_array && !says_text && !shape.numbers.are_any(),
        "array" => says_array,
        "integer" => shape.numbers.are_any(),
        "string" => says_text || !(says_object || says_array || shape.numbers.are_any()),
        _ => false,
    };
    types.sort_by_key(|name| !is_likely(name));
    types
}

/// Makes an empty object, for where nothing is known.
pub(super) fn nothing() -> Value {
    json!({})
}

const ANY: [&str; 7] = [
    "object", "array", "integer", "string", "number", "boolean", "null",
];
/// How deep an example may go.
const DEEPEST: usize = 24;
/// Before this depth, lists have an item where they may be empty, and objects their optional members.
pub(super) const FULL_BEFORE: usize = 3;
/// How many items one list may have.
const MOST_ITEMS: usize = 2_000;
/// How often more than needed a different item is tried.
const MORE_SALTS: usize = 8;
