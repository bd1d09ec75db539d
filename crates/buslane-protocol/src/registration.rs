//! What a program declares when it joins.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Name, Topic};

/// An instance of a service, or a consumer if it declares no method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The service's name.
    pub name: Name,
    /// The service's version, 1 to 64 bytes, by Semantic Versioning where it can be.
    pub version: String,
    /// The instance's name; the broker chooses one if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Name>,
    /// Groups that the instance belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Name>,
    /// Methods by name; an array of names stands for methods without schemas.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "methods"
    )]
    pub methods: BTreeMap<Name, MethodDeclaration>,
    /// Topics that the service declares a contract for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub topics: BTreeMap<Topic<'static>, TopicDeclaration>,
    /// Schemas by URI, to which the others may refer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub schemas: BTreeMap<String, Schema>,
    /// Anything else worth knowing, handed out verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

/// A method's contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MethodDeclaration {
    /// Schema of the request's payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Schema>,
    /// Schema of the reply's payload, and of each chunk's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Schema>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A topic's contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicDeclaration {
    /// Schema of the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// Whether publishes are retained unless they say otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retain: bool,
    /// Whether a publish fails with `receiver_full` instead of overflowing a receiver's outbox.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refuse: bool,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A JSON Schema, verbatim. Cloning shares the text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema(Arc<RawValue>);

impl Schema {
    /// Takes the text of a schema: one JSON value.
    pub fn parse(text: impl Into<String>) -> Result<Schema, serde_json::Error> {
        RawValue::from_string(text.into()).map(|raw| Schema(raw.into()))
    }

    /// Returns the schema's text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Schema) -> bool {
        self.as_str() == other.as_str()
    }
}

/// Why a registration is refused as it stands. Final: the same registration is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The version is empty or longer than 64 bytes.
    #[error("a version has 1 to 64 bytes, this one has {length}")]
    Version {
        /// The length found, in bytes.
        length: usize,
    },
    /// There are more methods or topics than the limit.
    #[error("a registration has at most {limit} {what}, this one has {found}")]
    TooMany {
        /// `methods`, `topics`, `groups` or `schemas`.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The number allowed.
        limit: usize,
    },
    /// A schema is larger than the limit.
    #[error("the schema at {place} has {length} bytes, the limit is {limit}")]
    SchemaTooLarge {
        /// Where it stands, as `methods.get.input`.
        place: String,
        /// Its length, in bytes.
        length: usize,
        /// The length allowed.
        limit: usize,
    },
    /// A declared topic belongs to the broker.
    #[error("the topic {topic} belongs to the broker")]
    ReservedTopic {
        /// The topic.
        topic: String,
    },
}

/// Methods as an object, or as an array of names.
fn methods<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Name, MethodDeclaration>, D::Error> {
    struct Methods;

    impl<'de> serde::de::Visitor<'de> for Methods {
        type Value = BTreeMap<Name, MethodDeclaration>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("an object of methods or an array of method names")
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
            let mut methods = BTreeMap::new();
            while let Some(name) = names.next_element()? {
                methods.insert(name, MethodDeclaration::default());
            }
            Ok(methods)
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            BTreeMap::deserialize(serde::de::value::MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_any(Methods)
}
