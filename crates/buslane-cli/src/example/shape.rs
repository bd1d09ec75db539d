//! Everything that several schemas say of the same value, put together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::choices::Choices;
use super::node::Node;
use super::number::Bounds;

/// What a value has to be.
#[derive(Debug, Default)]
pub(super) struct Shape<'a> {
    /// Its possible types; `None` for all.
    pub(super) types: Option<Vec<&'a str>>,
    /// The values that it can only be.
    pub(super) values: Option<Vec<&'a Value>>,
    /// What the author of the schema suggests.
    pub(super) suggestions: Vec<&'a Value>,
    pub(super) numbers: Bounds,
    pub(super) lengths: Span,
    pub(super) patterns: Vec<&'a str>,
    pub(super) format: Option<&'a str>,
    /// What each of the schemas says of the members of an object.
    pub(super) objects: Vec<Members<'a>>,
    pub(super) required: BTreeSet<&'a str>,
    pub(super) member_count: Span,
    pub(super) names: Vec<Node<'a>>,
    /// What follows from the presence of a member: other members, schemas of the whole.
    pub(super) dependent_required: Vec<(&'a str, Vec<&'a str>)>,
    pub(super) dependent_schemas: Vec<(&'a str, Node<'a>)>,
    /// What each of the schemas says of the items of an array.
    pub(super) arrays: Vec<Items<'a>>,
    pub(super) item_count: Span,
    pub(super) unique: bool,
    pub(super) contains: Vec<(Node<'a>, usize)>,
    /// Nothing is valid.
    pub(super) impossible: bool,
}

/// A number from a least to a most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) least: usize,
    pub(super) most: Option<usize>,
}

/// What one schema says of the members of an object.
#[derive(Debug)]
pub(super) struct Members<'a> {
    pub(super) named: BTreeMap<&'a str, Node<'a>>,
    pub(super) patterned: Vec<(&'a str, Node<'a>)>,
    pub(super) others: Option<Node<'a>>,
}

/// What one schema says of the items of an array.
#[derive(Debug)]
pub(super) struct Items<'a> {
    pub(super) first: Vec<Node<'a>>,
    pub(super) others: Option<Node<'a>>,
}

impl Span {
    /// Narrows the span.
    fn narrow(&mut self, least: Option<&Value>, most: Option<&Value>) {
        self.least = self.least.max(least.and_then(whole).unwrap_or(0));
        self.most = [self.most, most.and_then(whole)].into_iter().flatten().min();
    }

    /// Returns what is nearest to a number.
    pub(super) fn nearest(self, wanted: usize) -> usize {
        wanted.max(self.least).min(self.most.unwrap_or(usize::MAX))
    }
}

impl<'a> Shape<'a> {
    /// Puts together what schemas say.
    pub(super) fn of(nodes: &[Node<'a>], depth: usize, choices: &mut Choices) -> Shape<'a> {
        let mut shape = Shape::default();
        for node in nodes {
            shape.collect(node, depth, 0, choices);
        }
        shape
    }

    /// Adds what a schema says; `nesting` counts schemas of the same value within each other.
    pub(super) fn collect(&mut self, node: &Node<'a>, depth: usize, nesting: usize, choices: &mut Choices) {
        let Some(keywords) = node.keywords() else {
            self.impossible |= node.schema() == &Value::Bool(false);
            return;
        };
        if nesting > DEEPEST || !choices.step() {
            self.impossible = true;
            return;
        }
        let references = ["$ref", "$dynamicRef", "$recursiveRef"];
        for reference in references.iter().filter_map(|name| keywords.get(*name)?.as_str()) {
            match node.follow(reference) {
                Some(target) => self.collect(&target, depth, nesting + 1, choices),
                None => self.impossible = true,
            }
            if !node.reads_beside_references() {
                return;
            }
        }
        self.take_scalars(node);
        self.take_object(node);
        self.take_array(node);
        self.take_branches(node, depth, nesting + 1, choices);
    }

    /// Adds what is said in branches, as they are chosen.
    fn take_branches(&mut self, node: &Node<'a>, depth: usize, nesting: usize, choices: &mut Choices) {
        for part in node.parts("allOf") {
            self.collect(&part, depth, nesting, choices);
        }
        for keyword in ["anyOf", "oneOf"] {
            let mut branches = node.parts(keyword);
            if depth >= SIMPLE_FROM {
                branches.sort_by_key(Node::weight);
            }
            if !branches.is_empty() {
                let chosen = choices.pick(branches.len());
                self.collect(&branches[chosen], depth, nesting, choices);
            }
        }
        if let Some(condition) = node.under("if") {
            let holds = choices.pick(2) == 0;
            let consequence = node.under(if holds { "then" } else { "else" });
            for part in holds.then_some(condition).into_iter().chain(consequence) {
                self.collect(&part, depth, nesting, choices);
            }
        }
    }

    fn take_scalars(&mut self, node: &Node<'a>) {
        match node.keyword("type") {
            Some(Value::String(name)) => self.narrow_types(&[name.as_str()]),
            Some(Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                self.narrow_types(&names);
            }
            _ => {}
        }
        if let Some(values) = node.keyword("enum").and_then(Value::as_array) {
            self.narrow_values(values.iter().collect());
        }
        if let Some(value) = node.keyword("const") {
            self.narrow_values(vec![value]);
        }
        let examples = node.keyword("examples").and_then(Value::as_array);
        self.suggestions.extend(examples.into_iter().flatten());
        self.suggestions.extend(node.keyword("example"));
        self.suggestions.extend(node.keyword("default"));
        self.numbers.narrow(node);
        self.lengths
            .narrow(node.keyword("minLength"), node.keyword("maxLength"));
        self.patterns
            .extend(node.keyword("pattern").and_then(Value::as_str));
        self.format = self.format.or(node.keyword("format").and_then(Value::as_str));
    }

    fn take_object(&mut self, node: &Node<'a>) {
        let required = node.keyword("required").and_then(Value::as_array);
        self.required
            .extend(required.into_iter().flatten().filter_map(Value::as_str));
        self.member_count
            .narrow(node.keyword("minProperties"), node.keyword("maxProperties"));
        self.names.extend(node.under("propertyNames"));
        let members = Members {
            named: node.members("properties").into_iter().collect(),
            patterned: node.members("patternProperties"),
            others: node
                .under("additionalProperties")
                .or(node.under("unevaluatedProperties")),
        };
        if !members.named.is_empty() || !members.patterned.is_empty() || members.others.is_some() {
            self.objects.push(members);
        }
        for keyword in ["dependentRequired", "dependencies"] {
            let dependent = node.keyword(keyword).and_then(Value::as_object);
            for (name, others) in dependent.into_iter().flatten() {
                let others = others.as_array().into_iter().flatten().filter_map(Value::as_str);
                self.dependent_required.push((name, others.collect()));
            }
        }
        for keyword in ["dependentSchemas", "dependencies"] {
            self.dependent_schemas.extend(node.members(keyword));
        }
    }

    fn take_array(&mut self, node: &Node<'a>) {
        self.item_count
            .narrow(node.keyword("minItems"), node.keyword("maxItems"));
        self.unique |= node.keyword("uniqueItems") == Some(&Value::Bool(true));
        let mut first = node.parts("prefixItems");
        let mut others = node.under("items").or(node.under("unevaluatedItems"));
        if node.keyword("items").is_some_and(Value::is_array) {
            first = node.parts("items");
            others = node.under("additionalItems");
        }
        if !first.is_empty() || others.is_some() {
            self.arrays.push(Items { first, others });
        }
        if let Some(part) = node.under("contains") {
            let least = node.keyword("minContains").and_then(whole).unwrap_or(1);
            self.contains.push((part, least));
            self.item_count.least = self.item_count.least.max(least);
        }
    }

    fn narrow_types(&mut self, names: &[&'a str]) {
        let narrowed = match &self.types {
            None => names.to_vec(),
            Some(known) => intersection(known, names),
        };
        self.impossible |= narrowed.is_empty();
        self.types = Some(narrowed);
    }

    fn narrow_values(&mut self, mut values: Vec<&'a Value>) {
        if let Some(known) = &self.values {
            values.retain(|value| known.contains(value));
        }
        self.impossible |= values.is_empty();
        self.values = Some(values);
    }
}

/// Returns the types of both; every integer is a number.
fn intersection<'a>(some: &[&'a str], others: &[&'a str]) -> Vec<&'a str> {
    let both = |name: &&&str| others.contains(*name) || **name == "integer" && others.contains(&"number");
    let mut names: Vec<&str> = some.iter().filter(both).copied().collect();
    if some.contains(&"number") && others.contains(&"integer") && !names.contains(&"integer") {
        names.push("integer");
    }
    names
}

/// Reads a number of things, which may be written as 2.0.
fn whole(value: &Value) -> Option<usize> {
    let number = value.as_f64().filter(|number| *number >= 0.0)?;
    Some(number.ceil().min(MOST) as usize)
}

/// How deeply schemas of the same value may be nested.
const DEEPEST: usize = 64;
/// From this depth of the value on, simple branches are chosen first, so that what is recursive ends.
const SIMPLE_FROM: usize = 2;
/// Counts beyond it are beyond any example.
const MOST: f64 = 1e9;
