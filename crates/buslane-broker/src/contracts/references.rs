//! The schemas of a registration to which its other schemas may refer. Nothing else is ever looked at: a reference
//! that leads outside is refused by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use buslane_protocol::Schema;
use jsonschema::{Draft, Registry, Retrieve, Uri};
use serde_json::Value;

use super::payload;

/// The parsed `schemas` of one registration.
#[derive(Debug, Default)]
pub(super) struct References {
    texts: BTreeMap<String, Schema>,
    documents: BTreeMap<String, Arc<Value>>,
}

/// Why a document cannot take part.
#[derive(Debug, thiserror::Error)]
pub(super) enum DocumentError {
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(
        "$schema names {0:?}; known are the drafts 4, 6, 7, 2019-09 and 2020-12, and what the registration's schemas hold"
    )]
    UnknownDraft(String),
    #[error("{0}")]
    Reference(Box<jsonschema::ReferencingError>),
}

impl From<jsonschema::ReferencingError> for DocumentError {
    fn from(error: jsonschema::ReferencingError) -> Self {
        DocumentError::Reference(Box::new(error))
    }
}

impl References {
    /// Parses the schemas; an error comes with the URI of the one at fault.
    pub(super) fn parse(texts: BTreeMap<String, Schema>) -> Result<References, (String, DocumentError)> {
        let mut documents = BTreeMap::new();
        let metaschemas: BTreeSet<String> = texts.keys().map(|uri| absolute(uri)).collect();
        for (uri, text) in &texts {
            let (document, _) =
                read(text, |uri| metaschemas.contains(uri)).map_err(|error| (uri.clone(), error))?;
            documents.insert(absolute(uri), Arc::new(document));
        }
        Ok(References { texts, documents })
    }

    /// Makes a registry that holds these documents, and refuses every other.
    pub(super) fn registry(&self, draft: Draft) -> Result<Registry<'_>, DocumentError> {
        let builder = Registry::new().draft(draft).retriever(Refuse);
        Ok(builder.extend(self.documents())?.prepare()?)
    }

    /// Parses a schema that may refer to these, also as its meta-schema.
    pub(super) fn read(&self, text: &Schema) -> Result<(Value, Draft), DocumentError> {
        read(text, |uri| self.documents.contains_key(uri))
    }

    /// Returns every document with its URI.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.documents
            .iter()
            .map(|(uri, document)| (uri.as_str(), &**document))
    }

    /// Returns the document of a URI.
    pub(super) fn document(&self, uri: &str) -> Option<&Value> {
        self.documents
            .get(uri.trim_end_matches('#'))
            .map(|document| &**document)
    }

    /// Tells whether both are the same texts under the same names.
    pub(super) fn same(&self, other: &References) -> bool {
        self.texts == other.texts
    }
}

/// Parses a schema and finds its draft, one of those that are known.
pub(super) fn parse(text: &Schema) -> Result<(Value, Draft), DocumentError> {
    read(text, |_| false)
}

/// Parses a schema and finds its draft: a known one, or [`Draft::Unknown`] where its meta-schema is at hand.
fn read(text: &Schema, is_at_hand: impl Fn(&str) -> bool) -> Result<(Value, Draft), DocumentError> {
    let document = payload::parse(text.as_str().as_bytes())?;
    let draft = Draft::default().detect(&document);
    let named = document
        .get("$schema")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if draft == Draft::Unknown && !is_at_hand(named.trim_end_matches('#')) {
        return Err(DocumentError::UnknownDraft(named.chars().take(SHOWN).collect()));
    }
    Ok((document, draft))
}

/// Names the dialect of a schema, for people.
pub(super) fn draft_name(text: &Schema) -> &'static str {
    match parse(text) {
        Ok((_, Draft::Draft4)) => "draft 4",
        Ok((_, Draft::Draft6)) => "draft 6",
        Ok((_, Draft::Draft7)) => "draft 7",
        Ok((_, Draft::Draft201909)) => "draft 2019-09",
        Ok((_, Draft::Draft202012)) => "draft 2020-12",
        _ => "unknown",
    }
}

/// Makes a name that is no absolute URI one, in the way in which references to it are resolved.
fn absolute(uri: &str) -> String {
    let name = uri.trim_end_matches('#');
    if name.contains(':') {
        name.to_owned()
    } else {
        format!("{BASE}{}", name.trim_start_matches('/'))
    }
}

/// Refuses whatever is not in the registry.
pub(super) struct Refuse;

impl Retrieve for Refuse {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("schemas are never fetched; add it to the registration's schemas".into())
    }
}

/// The base of references in a schema without `$id`.
pub(super) const BASE: &str = "json-schema:///";
const SHOWN: usize = 100;
