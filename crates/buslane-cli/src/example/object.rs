//! Builds objects: which members there are, and what each of them is.

use std::collections::BTreeSet;

use buslane_broker::Contract;
use serde_json::{Map, Value, json};

use super::node::Node;
use super::pattern;
use super::shape::Shape;
use super::value::{Builder, FULL_BEFORE, nothing};

impl Builder<'_> {
    /// Builds an object of a shape.
    pub(super) fn object(&mut self, mut shape: Shape<'_>, depth: usize, salt: usize) -> Option<Value> {
        let names = self.names(&mut shape, depth, salt)?;
        if shape.impossible {
            return None;
        }
        let mut object = Map::new();
        for (index, name) in names.iter().enumerate() {
            let nodes = described(&shape, name);
            // One that is different in one member is different.
            let salt = if index == 0 { salt } else { 0 };
            object.insert(name.clone(), self.value(&nodes, depth + 1, salt)?);
        }
        match object.is_empty() {
            true => Some(nothing()),
            false => Some(Value::Object(object)),
        }
    }

    /// Chooses the names of the members.
    fn names(&mut self, shape: &mut Shape<'_>, depth: usize, salt: usize) -> Option<Vec<String>> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        let declared: BTreeSet<String> = shape
            .objects
            .iter()
            .flat_map(|members| {
                members
                    .named
                    .iter()
                    .filter(|(_, node)| node.schema() != &Value::Bool(false))
            })
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let suggested: Vec<&String> = declared.iter().filter(|name| is_suggested(shape, name)).collect();
        match self.choices.pick(3) {
            // Whoever suggests a value wants to see it; what else is optional could do anything.
            0 if depth < FULL_BEFORE && suggested.len() <= MOST_OPTIONAL => {
                names.extend(suggested.into_iter().cloned())
            }
            1 => names.extend(declared.iter().cloned()),
            _ => {}
        }
        self.add_required(shape, &mut names, depth);
        let most = shape.member_count.most.unwrap_or(usize::MAX);
        let optional: Vec<String> = names
            .iter()
            .filter(|name| !shape.required.contains(name.as_str()))
            .cloned()
            .collect();
        for name in optional.iter().rev().take(names.len().saturating_sub(most)) {
            names.remove(name);
        }
        let mut more = declared.into_iter();
        while names.len() < shape.member_count.least {
            let name = match more.next() {
                Some(name) => name,
                None => self.invented_name(shape, &names, salt)?,
            };
            names.insert(name);
        }
        Some(names.into_iter().collect())
    }

    /// Adds what has to be there, and what follows from what is there.
    fn add_required(&mut self, shape: &mut Shape<'_>, names: &mut BTreeSet<String>, depth: usize) {
        loop {
            let before = names.len();
            names.extend(shape.required.iter().map(|name| (*name).to_owned()));
            for (name, others) in &shape.dependent_required {
                if names.contains(*name) {
                    shape.required.extend(others);
                }
            }
            let (applied, waiting) = std::mem::take(&mut shape.dependent_schemas)
                .into_iter()
                .partition::<Vec<_>, _>(|(name, _)| names.contains(*name));
            shape.dependent_schemas = waiting;
            for (_, node) in &applied {
                shape.collect(node, depth, 0, self.choices);
            }
            names.extend(shape.required.iter().map(|name| (*name).to_owned()));
            if names.len() == before && applied.is_empty() {
                return;
            }
        }
    }

    /// Invents the name of a member that the schemas allow.
    fn invented_name(&mut self, shape: &Shape<'_>, names: &BTreeSet<String>, salt: usize) -> Option<String> {
        let patterns: Vec<&str> = shape
            .objects
            .iter()
            .flat_map(|members| members.patterned.iter().map(|(pattern, _)| *pattern))
            .collect();
        for salt in salt..salt + names.len() + MORE_NAMES {
            let patterned = patterns
                .iter()
                .filter_map(|pattern| pattern::text(pattern, 1, salt));
            let mut candidates: Vec<String> = patterned
                .flat_map(|name| [name.clone(), format!("{name}{salt}")])
                .collect();
            if !shape.names.is_empty() {
                let name = self.value(&shape.names, 1, salt);
                candidates.extend(name.as_ref().and_then(Value::as_str).map(str::to_owned));
            } else {
                candidates.push(format!("member{}", salt + 1));
            }
            if let Some(name) = candidates.into_iter().find(|name| !names.contains(name)) {
                return Some(name);
            }
        }
        None
    }
}

/// Returns everything that describes a member.
fn described<'a>(shape: &Shape<'a>, name: &str) -> Vec<Node<'a>> {
    let mut nodes = Vec::new();
    for members in &shape.objects {
        let before = nodes.len();
        nodes.extend(members.named.get(name).cloned());
        let patterned = members
            .patterned
            .iter()
            .filter(|(pattern, _)| matches(pattern, name));
        nodes.extend(patterned.map(|(_, node)| node.clone()));
        if nodes.len() == before {
            nodes.extend(members.others.clone());
        }
    }
    nodes
}

/// Tells whether a schema of a member suggests a value.
fn is_suggested(shape: &Shape<'_>, name: &str) -> bool {
    let nodes = shape.objects.iter().filter_map(|members| members.named.get(name));
    let suggests = |node: &Node<'_>| SUGGESTING.iter().any(|keyword| node.keyword(keyword).is_some());
    nodes.into_iter().any(suggests)
}

fn matches(pattern: &str, name: &str) -> bool {
    Contract::compile(&json!({ "pattern": pattern }).to_string(), [])
        .is_some_and(|contract| contract.accepts(&json!(name).to_string()))
}

/// Keywords with which a schema names values.
const SUGGESTING: [&str; 4] = ["examples", "default", "const", "enum"];
/// Objects with more optional members are shown without them.
const MOST_OPTIONAL: usize = 8;
/// How often more than needed another name is tried.
const MORE_NAMES: usize = 8;
