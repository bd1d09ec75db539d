//! The schemas that payloads are held against: what the engine asks to be compiled, and what it gets back.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use buslane_protocol::{Name, Schema, Topic};
use serde_json::Value;

/// A compiled schema. Equal payloads get equal answers.
pub trait Validate: Send + Sync {
    /// Checks the text of one payload, which may be any bytes at all.
    fn validate(&self, payload: &[u8]) -> Result<(), Violation>;

    /// Returns about how many bytes it holds, which is charged while somebody uses it.
    fn bytes(&self) -> usize {
        0
    }
}

/// Why a payload is refused by its schema. Final: the same payload is refused again.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The payload is not exactly one JSON value. The sender is told `invalid_payload`.
    #[error("{reason}")]
    NotJson {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// The payload does not match. The sender is told `schema_violation`.
    #[error("{detail}")]
    Mismatch {
        /// JSON Pointer to the offending value.
        pointer: String,
        /// The keyword that failed.
        keyword: String,
        /// What the keyword expects.
        expected: Option<Value>,
        /// The same for people, without the payload's data.
        detail: String,
    },
}

/// Where in a registration a schema stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The input of a method.
    Input(Name),
    /// The output of a method.
    Output(Name),
    /// The payload of a topic.
    Topic(Topic<'static>),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Input(method) => write!(formatter, "methods.{method}.input"),
            Place::Output(method) => write!(formatter, "methods.{method}.output"),
            Place::Topic(topic) => write!(formatter, "topics.{topic}.schema"),
        }
    }
}

/// The schemas of a registration, to be compiled off the engine's thread.
#[derive(Clone, Debug)]
pub struct CompileRequest {
    /// The service that registers, for the log.
    pub service: Name,
    /// What to compile, in the order of [`Place`].
    pub schemas: Vec<(Place, Schema)>,
    /// Schemas by URI to which the others may refer. References resolve within these; nothing is fetched.
    pub references: BTreeMap<String, Schema>,
}

/// The compiled schemas of a registration, one for each place that was asked for.
#[derive(Clone, Default)]
pub struct Contracts(BTreeMap<Place, Arc<dyn Validate>>);

impl Contracts {
    /// Adds the compiled schema of a place.
    pub fn insert(&mut self, place: Place, validator: Arc<dyn Validate>) {
        self.0.insert(place, validator);
    }

    /// Walks all of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<dyn Validate>> {
        self.0.values()
    }

    /// Takes out the compiled schema of a place.
    pub(crate) fn take(&mut self, place: &Place) -> Option<Arc<dyn Validate>> {
        self.0.remove(place)
    }
}

impl FromIterator<(Place, Arc<dyn Validate>)> for Contracts {
    fn from_iter<I: IntoIterator<Item = (Place, Arc<dyn Validate>)>>(items: I) -> Self {
        Contracts(items.into_iter().collect())
    }
}

impl fmt::Debug for Contracts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
