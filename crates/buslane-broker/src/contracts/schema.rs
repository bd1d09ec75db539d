//! One compiled schema: how it comes about, and how a payload is held against it.

use std::sync::{Arc, OnceLock};

use buslane_engine::{Validate, Violation};
use buslane_protocol::Schema;
use jsonschema::{Draft, PatternOptions, Regex, ValidationError, ValidationOptions, Validator};
use serde_json::Value;

use super::cost::{Cost, TooCostly};
use super::effort::{self, Effort};
use super::node::Node;
use super::plan::{Builder, Plan};
use super::references::{BASE, DocumentError, References, Refuse};
use super::size::estimate;
use super::{payload, violation};

/// What a schema is made of: its text, and the texts that it may refer to.
#[derive(Clone)]
pub(super) struct Source {
    text: Schema,
    references: Arc<References>,
}

/// A compiled schema.
pub(super) struct CompiledSchema {
    source: Source,
    /// What judges every payload and can say what is wrong with it. It holds many times the bytes of the plan, so where
    /// there is one it is made when a payload is refused for the first time.
    general: OnceLock<Box<Validator>>,
    /// The same in short, for schemas that have no keyword out of the ordinary.
    plan: Option<Plan>,
    cost: Cost,
    effort: Effort,
    /// About how many bytes all of this holds.
    bytes: usize,
    /// The parsed text, kept from the first violation on: errors quote it.
    document: OnceLock<Value>,
}

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchemaError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    TooCostly(#[from] TooCostly),
    #[error("{reason}")]
    Invalid {
        pointer: String,
        keyword: String,
        expected: Option<Value>,
        reason: String,
    },
}

impl Source {
    /// Takes a schema that may refer to others.
    pub(super) fn new(text: Schema, references: &Arc<References>) -> Self {
        // A schema that refers to nothing is the same schema whatever it comes with.
        let refers = ["ref", "Ref", "$schema", "\\"]
            .iter()
            .any(|sign| text.as_str().contains(sign));
        let references = if refers {
            Arc::clone(references)
        } else {
            Arc::default()
        };
        Source { text, references }
    }

    /// Returns the schema's own text.
    pub(super) fn text(&self) -> &Schema {
        &self.text
    }

    /// Returns what it may refer to.
    pub(super) fn references(&self) -> &References {
        &self.references
    }

    /// Tells whether both mean the same.
    pub(super) fn same(&self, other: &Source) -> bool {
        self.text == other.text && self.references.same(&other.references)
    }
}

impl CompiledSchema {
    /// Compiles a schema, if holding payloads against it has a bounded cost.
    pub(super) fn compile(source: Source) -> Result<CompiledSchema, SchemaError> {
        let (document, draft) = source.references.read(&source.text)?;
        let (cost, plan) = measure(&source.references, &document, draft)?;
        let validator = build(&source.references, &document, draft)?;
        let general = OnceLock::new();
        let quick =
            source.text.as_str().len() <= MADE_AGAIN && source.references.documents().next().is_none();
        if plan.is_none() || !quick {
            let _ = general.set(Box::new(validator));
        }
        let documents = || {
            let others = source.references.documents().map(|(_, document)| document);
            [&document].into_iter().chain(others)
        };
        let effort = Effort::of(&cost, documents());
        let bytes = estimate(documents(), plan.as_ref());
        Ok(CompiledSchema {
            source,
            general,
            plan,
            cost,
            effort,
            bytes,
            document: OnceLock::new(),
        })
    }

    /// Returns what the schema is made of.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    fn general(&self) -> &Validator {
        self.general.get_or_init(|| {
            let made = self.source.references.read(&self.source.text);
            made.map_err(SchemaError::from)
                .and_then(|(document, draft)| build(&self.source.references, &document, draft))
                .map(Box::new)
                .expect("it was made before, of the same text")
        })
    }

    /// Returns what the plan says to a payload, if there is one and it says anything.
    fn planned(&self, text: &[u8]) -> Option<bool> {
        self.plan.as_ref()?.judge(text)
    }

    /// Returns what the plan says to a payload, if it says anything, and what is right.
    pub(super) fn verdicts(&self, text: &[u8]) -> (Option<bool>, bool) {
        let value = payload::parse(text);
        let right = value.is_ok_and(|value| self.general().is_valid(&value));
        (self.planned(text), right)
    }

    /// Tells whether there is a plan.
    #[cfg(test)]
    pub(super) fn has_plan(&self) -> bool {
        self.plan.is_some()
    }

    /// Finds the first place where a value does not match.
    fn locate(&self, value: &Value) -> Violation {
        let searched = self.cost.allows_search(payload::depth(value));
        let error = if searched {
            self.general().validate(value).err()
        } else {
            None
        };
        match error {
            Some(error) => Violation::Mismatch {
                pointer: shortened(error.instance_path().as_str(), POINTER_SHOWN),
                keyword: violation::keyword(&error),
                expected: self.expected(&error).filter(is_short),
                detail: violation::detail(&error),
            },
            None => Violation::Mismatch {
                pointer: String::new(),
                keyword: "schema".to_owned(),
                expected: None,
                detail: "does not match; schema and payload are too intricate to say where".to_owned(),
            },
        }
    }

    /// Quotes the value of the keyword that failed.
    fn expected(&self, error: &ValidationError<'_>) -> Option<Value> {
        let known = violation::expected(error);
        self.quoted(error).cloned().or(known)
    }

    fn quoted(&self, error: &ValidationError<'_>) -> Option<&Value> {
        let (document, pointer) = match error.absolute_keyword_location() {
            Some(location) => {
                let (uri, fragment) = location.as_str().rsplit_once('#')?;
                (self.source.references.document(uri)?, fragment)
            }
            None => (self.document(), error.schema_path().as_str()),
        };
        document.pointer(pointer)
    }

    fn document(&self) -> &Value {
        let parse = || serde_json::from_str(self.source.text.as_str()).unwrap_or_default();
        self.document.get_or_init(parse)
    }
}

impl Validate for CompiledSchema {
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn validate(&self, text: &[u8]) -> Result<(), Violation> {
        if !self.effort.allows(text.len(), || effort::values(text)) {
            return Err(Violation::Mismatch {
                pointer: String::new(),
                keyword: "schema".to_owned(),
                expected: None,
                detail: "too long a payload for so intricate a schema".to_owned(),
            });
        }
        // What the plan refuses is looked at once more, by what can say why.
        if self.planned(text) == Some(true) {
            return Ok(());
        }
        let value = payload::parse(text).map_err(|error| Violation::NotJson {
            reason: error.to_string(),
        })?;
        if self.general().is_valid(&value) {
            Ok(())
        } else {
            Err(self.locate(&value))
        }
    }
}

/// Makes the general validator of a schema.
fn build(references: &References, document: &Value, draft: Draft) -> Result<Validator, SchemaError> {
    let registry = references.registry(draft)?;
    options(draft)
        .with_registry(&registry)
        .with_retriever(Refuse)
        .with_pattern_options(patterns())
        .build(document)
        .map_err(|error| invalid(&error))
}

/// Returns options for a draft. One that is not known is found by its meta-schema, which is among the references.
fn options<'a>(draft: Draft) -> ValidationOptions<'a> {
    match draft {
        Draft::Unknown => jsonschema::options(),
        known => jsonschema::options().with_draft(known),
    }
}

/// Returns how patterns are compiled: in linear time, and into no more than a certain size.
pub(super) fn patterns() -> PatternOptions<Regex> {
    PatternOptions::regex()
        .size_limit(PATTERN_SIZE)
        .dfa_size_limit(PATTERN_SIZE)
}

/// Measures a schema together with all that it may refer to, and makes its plan if it can have one.
fn measure(
    references: &References,
    document: &Value,
    draft: Draft,
) -> Result<(Cost, Option<Plan>), SchemaError> {
    let id = draft.create_resource_ref(document).id().map(str::to_owned);
    let uri = id
        .filter(|id| id.contains(':'))
        .unwrap_or_else(|| BASE.to_owned());
    let builder = references.registry(draft)?;
    let registry = builder
        .add(&uri, document)
        .map_err(DocumentError::from)?
        .draft(draft)
        .retriever(Refuse);
    let registry = registry.prepare().map_err(DocumentError::from)?;
    let documents = [(uri.as_str(), document)]
        .into_iter()
        .chain(references.documents());
    let cost = Cost::of(&registry, &documents.collect::<Vec<_>>(), draft)?;
    let base = referencing::uri::from_str(&uri).map_err(|error| TooCostly::Reference(error.to_string()))?;
    let root = Node::root(document, registry.resolver(base), draft);
    Ok((cost, Builder::default().plan(root)))
}

fn invalid(error: &ValidationError<'_>) -> SchemaError {
    SchemaError::Invalid {
        pointer: shortened(error.instance_path().as_str(), POINTER_SHOWN),
        keyword: violation::keyword(error),
        expected: violation::expected(error).filter(is_short),
        reason: shortened(&error.to_string(), REASON_SHOWN),
    }
}

fn is_short(value: &Value) -> bool {
    value.to_string().len() <= EXPECTED_SHOWN
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Bytes that one compiled pattern may take; larger ones are refused.
pub(super) const PATTERN_SIZE: usize = 256 << 10;
/// Bytes of a schema whose general validator is made again when it is needed: in less than a millisecond, since everyone
/// waits for it.
const MADE_AGAIN: usize = 4 << 10;
const POINTER_SHOWN: usize = 512;
const REASON_SHOWN: usize = 300;
const EXPECTED_SHOWN: usize = 1_024;
