//! What a service declares, as one version of it is compared with the next; and what the driver is asked about two.

use std::collections::BTreeMap;
use std::sync::Arc;

use buslane_protocol::{
    ContractChange, MethodDeclaration, Name, Registration, Schema, Topic, TopicDeclaration,
};

/// What is done about a registration that breaks those who use the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compatibility {
    /// Nothing: versions are not compared.
    Allow,
    /// It is registered, and told to whoever registers, as an event and to the log.
    #[default]
    Warn,
    /// It is refused with `incompatible_schema` if something breaks for certain, and told like a warning.
    Refuse,
}

/// What a service declares.
#[derive(Debug, PartialEq)]
pub struct Interface {
    /// The service's version.
    pub version: String,
    /// Its methods with their schemas.
    pub methods: BTreeMap<Name, MethodDeclaration>,
    /// Its topics with their contracts.
    pub topics: BTreeMap<Topic<'static>, TopicDeclaration>,
    /// Schemas to which the others may refer.
    pub schemas: BTreeMap<String, Schema>,
}

/// Two versions of a service to be compared, off the engine's thread. Both were compiled.
#[derive(Clone, Debug)]
pub struct CompareRequest {
    /// The service that registers, for the log.
    pub service: Name,
    /// What it declared last.
    pub previous: Arc<Interface>,
    /// What it declares now.
    pub next: Arc<Interface>,
}

/// What a changed contract is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A method.
    Method(Name),
    /// A topic.
    Topic(Topic<'static>),
    /// The service as a whole.
    Service,
}

/// What the comparison of two versions found. Equal requests get equal answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// Contracts that changed in a way that breaks somebody or may; whom it concerns by name is the engine's to add.
    pub contracts: Vec<(Subject, ContractChange)>,
    /// How many more there are.
    pub omitted: u64,
}

impl Compatibility {
    /// Returns the word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Compatibility::Allow => "allow",
            Compatibility::Warn => "warn",
            Compatibility::Refuse => "refuse",
        }
    }
}

impl Interface {
    /// Takes what a registration declares; `None` if that is nothing that anybody could use.
    pub(crate) fn of(registration: &Registration) -> Option<Interface> {
        let Registration {
            version,
            methods,
            topics,
            schemas,
            ..
        } = registration;
        if methods.is_empty() && topics.is_empty() {
            return None;
        }
        Some(Interface {
            version: version.clone(),
            methods: methods.clone(),
            topics: topics.clone(),
            schemas: schemas.clone(),
        })
    }

    /// Tells whether both demand and promise the same, word for word; versions and descriptions do not matter.
    pub(crate) fn says_the_same(&self, other: &Interface) -> bool {
        let methods = self.methods.len() == other.methods.len()
            && self
                .methods
                .iter()
                .zip(&other.methods)
                .all(|((name, method), (other_name, other))| {
                    name == other_name && method.input == other.input && method.output == other.output
                });
        let topics = self.topics.len() == other.topics.len()
            && self
                .topics
                .iter()
                .zip(&other.topics)
                .all(|((topic, declared), (other_topic, other))| {
                    topic == other_topic && declared.schema == other.schema
                });
        methods && topics && self.schemas == other.schemas
    }

    /// Returns about how many bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        let text = |schema: &Option<Schema>| schema.as_ref().map_or(0, |schema| schema.as_str().len());
        let methods = self.methods.iter().map(|(name, method)| {
            let description = method.description.as_ref().map_or(0, String::len);
            name.as_str().len() + text(&method.input) + text(&method.output) + description + ENTRY
        });
        let topics = self.topics.iter().map(|(topic, declared)| {
            let description = declared.description.as_ref().map_or(0, String::len);
            topic.as_str().len() + text(&declared.schema) + description + ENTRY
        });
        let schemas = self
            .schemas
            .iter()
            .map(|(uri, schema)| uri.len() + schema.as_str().len() + ENTRY);
        methods.chain(topics).chain(schemas).sum::<usize>() + self.version.len() + ENTRY
    }
}

/// Bytes of an entry of a table beside its texts.
const ENTRY: usize = 128;
