//! Makes an example of a payload from its JSON Schema. What is returned has been held against the schema: it is valid,
//! or there is none.
//!
//! A schema leaves choices: which branch of an `anyOf`, whether an optional member is there. An attempt makes them one
//! after the other, builds a value, and the schema judges it; the next attempt chooses otherwise.

mod choices;
mod node;
mod number;
mod object;
mod pattern;
mod shape;
mod text;
mod value;

use std::collections::BTreeMap;

use buslane_broker::Contract;
use referencing::{Draft, Registry, Retrieve, Uri};
use serde_json::Value;

use self::choices::Choices;
use self::node::Node;
use self::value::Builder;

/// Makes an example of what a schema describes; `documents` are the schemas that it may refer to, by URI. `None` if
/// none was found, or the schema cannot be used.
pub(crate) fn example(schema: &Value, documents: &BTreeMap<String, Value>) -> Option<Value> {
    let texts: Vec<(&String, String)> = documents
        .iter()
        .map(|(uri, document)| (uri, document.to_string()))
        .collect();
    let references = texts.iter().map(|(uri, text)| (uri.as_str(), text.as_str()));
    let contract = Contract::compile(&schema.to_string(), references)?;
    let draft = Draft::default().detect(schema);
    let resource = draft.create_resource_ref(schema);
    let uri = resource
        .id()
        .filter(|id| id.contains(':'))
        .unwrap_or(BASE)
        .trim_end_matches('#');
    let documents = documents.iter().map(|(uri, document)| (absolute(uri), document));
    let registry = Registry::new()
        .draft(draft)
        .retriever(Refuse)
        .extend(documents)
        .ok()?;
    let registry = registry.add(uri, schema).ok()?.prepare().ok()?;
    let resolver = registry.resolver(referencing::uri::from_str(uri).ok()?);
    search(&Node::new(schema, resolver, draft), &contract)
}

/// Tries one way after the other.
fn search(root: &Node<'_>, contract: &Contract) -> Option<Value> {
    let mut choices = Choices::default();
    for _ in 0..ATTEMPTS {
        let built = Builder::new(&mut choices).build(std::slice::from_ref(root));
        if let Some(value) = built.filter(|value| contract.accepts(&value.to_string())) {
            return Some(value);
        }
        if !choices.advance() {
            return None;
        }
    }
    None
}

/// Makes a name that is no absolute URI one, in the way in which references to it are resolved.
fn absolute(uri: &str) -> String {
    let name = uri.trim_end_matches('#');
    match name.contains(':') {
        true => name.to_owned(),
        false => format!("{BASE}{}", name.trim_start_matches('/')),
    }
}

/// Refuses whatever the service did not declare.
struct Refuse;

impl Retrieve for Refuse {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("schemas are never fetched".into())
    }
}

/// The base of references in a schema without `$id`.
const BASE: &str = "json-schema:///";
/// Ways to try before giving up.
const ATTEMPTS: usize = 400;

#[cfg(test)]
mod tests;
