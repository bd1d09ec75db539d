//! What a program declares when it joins.
//!
//! Owns the registration's shape and its limits; whether a schema is a good one is for others to say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::{fmt, io};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::read_object;
use crate::object::{Object, Unique, any, or_default, unique, unique_objects};
use crate::{DecodeError, ErrorCode, Limits, Name, Topic};

/// An instance of a service, or a consumer if it declares no method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The service's name.
    pub name: Name,
    /// The service's version, 1 to 64 bytes, by Semantic Versioning where it can be. Read as empty where it is left
    /// out, which [`Registration::check`] refuses.
    #[serde(default)]
    pub version: String,
    /// The instance's name; the broker chooses one if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Name>,
    /// Groups that the instance belongs to.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "or_default"
    )]
    pub groups: Vec<Name>,
    /// Methods by name; an array of names stands for methods without schemas.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "methods"
    )]
    pub methods: BTreeMap<Name, MethodDeclaration>,
    /// Topics that the service declares a contract for.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "unique_objects"
    )]
    pub topics: BTreeMap<Topic<'static>, TopicDeclaration>,
    /// Schemas by URI, to which the others may refer.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "unique"
    )]
    pub schemas: BTreeMap<String, Schema>,
    /// Anything else worth knowing, handed out verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "any")]
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
    #[serde(
        default,
        skip_serializing_if = "std::ops::Not::not",
        deserialize_with = "or_default"
    )]
    pub retain: bool,
    /// Whether a publish fails with `receiver_full` instead of overflowing a receiver's outbox.
    #[serde(
        default,
        skip_serializing_if = "std::ops::Not::not",
        deserialize_with = "or_default"
    )]
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
    /// The whole registration is larger than the limit.
    #[error("the registration has {length} bytes, the limit is {limit}")]
    TooLarge {
        /// Its length as JSON text, in bytes.
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

impl RegistrationError {
    /// Returns the error code that the sender is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            RegistrationError::Version { .. } => ErrorCode::InvalidMessage,
            RegistrationError::ReservedTopic { .. } => ErrorCode::ReservedTopic,
            RegistrationError::TooMany { .. }
            | RegistrationError::SchemaTooLarge { .. }
            | RegistrationError::TooLarge { .. } => ErrorCode::RegistrationTooLarge,
        }
    }
}

impl Registration {
    /// The longest version, in bytes.
    pub const MAX_VERSION: usize = 64;

    /// Reads a registration from JSON text: an object, as it stands in a `register`.
    pub fn parse(text: &str) -> Result<Registration, DecodeError> {
        read_object(text)
    }

    /// Checks what the types cannot: the version, the limits, and that declared topics are not the broker's.
    pub fn check(&self, limits: &Limits) -> Result<(), RegistrationError> {
        let length = self.version.len();
        if length == 0 || length > Self::MAX_VERSION {
            return Err(RegistrationError::Version { length });
        }
        self.check_counts(limits.declarations)?;
        if let Some(topic) = self.topics.keys().find(|topic| topic.is_reserved()) {
            return Err(RegistrationError::ReservedTopic {
                topic: topic.to_string(),
            });
        }
        if let Some((place, schema)) = self
            .all_schemas()
            .find(|(_, schema)| schema.as_str().len() > limits.schema)
        {
            let length = schema.as_str().len();
            return Err(RegistrationError::SchemaTooLarge {
                place,
                length,
                limit: limits.schema,
            });
        }
        let length = self.text_length();
        if length > limits.registration {
            return Err(RegistrationError::TooLarge {
                length,
                limit: limits.registration,
            });
        }
        Ok(())
    }

    /// Returns every schema with the place where it stands: `methods.get.input`, `methods.get.output`,
    /// `topics.host/a/cpu.schema`, `schemas.urn:example:number`.
    pub fn all_schemas(&self) -> impl Iterator<Item = (String, &Schema)> {
        let methods = self.methods.iter().flat_map(|(name, method)| {
            let input = method
                .input
                .iter()
                .map(move |schema| (format!("methods.{name}.input"), schema));
            let output = method
                .output
                .iter()
                .map(move |schema| (format!("methods.{name}.output"), schema));
            input.chain(output)
        });
        let topics = self.topics.iter().filter_map(|(topic, declaration)| {
            declaration
                .schema
                .as_ref()
                .map(|schema| (format!("topics.{topic}.schema"), schema))
        });
        let bundled = self
            .schemas
            .iter()
            .map(|(uri, schema)| (format!("schemas.{uri}"), schema));
        methods.chain(topics).chain(bundled)
    }

    fn check_counts(&self, limit: usize) -> Result<(), RegistrationError> {
        let counts = [
            ("methods", self.methods.len()),
            ("topics", self.topics.len()),
            ("groups", self.groups.len()),
            ("schemas", self.schemas.len()),
        ];
        match counts.into_iter().find(|(_, found)| *found > limit) {
            Some((what, found)) => Err(RegistrationError::TooMany { what, found, limit }),
            None => Ok(()),
        }
    }

    /// Returns the length of the registration's JSON text, in bytes, without keeping the text.
    pub fn text_length(&self) -> usize {
        let mut counter = Counter(0);
        serde_json::to_writer(&mut counter, self)
            .expect("a registration has string keys and a counter takes it all");
        counter.0
    }
}

/// Counts the bytes written to it.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads methods as an object, or as an array of names.
fn methods<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Name, MethodDeclaration>, D::Error> {
    deserializer.deserialize_any(Methods)
}

struct Methods;

impl<'de> Visitor<'de> for Methods {
    type Value = BTreeMap<Name, MethodDeclaration>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of methods or an array of method names")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
        let mut methods = BTreeMap::new();
        while let Some(name) = names.next_element::<Name>()? {
            if methods
                .insert(name.clone(), MethodDeclaration::default())
                .is_some()
            {
                return Err(A::Error::custom(format_args!("duplicate entry `{name}`")));
            }
        }
        Ok(methods)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let Unique(methods) = Unique::<Name, Object<_>>::deserialize(MapAccessDeserializer::new(map))?;
        Ok(methods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(text: &str) -> Registration {
        Registration::parse(text).unwrap()
    }

    fn refusal(text: &str, limits: &Limits) -> RegistrationError {
        registration(text).check(limits).unwrap_err()
    }

    #[test]
    fn a_registration_is_an_object() {
        assert!(Registration::parse(r#"["a","1",null,[],{},{},{},null]"#).is_err());
    }

    #[test]
    fn versions_have_a_length() {
        let limits = Limits::default();
        assert_eq!(
            refusal(r#"{"name":"a"}"#, &limits),
            RegistrationError::Version { length: 0 }
        );
        let long = format!(r#"{{"name":"a","version":"{}"}}"#, "1".repeat(65));
        assert_eq!(refusal(&long, &limits), RegistrationError::Version { length: 65 });
        assert_eq!(
            registration(r#"{"name":"a","version":"1"}"#).check(&limits),
            Ok(())
        );
    }

    #[test]
    fn counts_and_sizes_keep_the_limits() {
        let limits = Limits {
            declarations: 1,
            schema: 10,
            registration: 100,
            ..Limits::default()
        };
        let many = r#"{"name":"a","version":"1","methods":["b","c"]}"#;
        assert_eq!(
            refusal(many, &limits),
            RegistrationError::TooMany {
                what: "methods",
                found: 2,
                limit: 1
            }
        );
        let large = r#"{"name":"a","version":"1","topics":{"t":{"schema":{"type":"null"}}}}"#;
        let place = "topics.t.schema".to_owned();
        assert_eq!(
            refusal(large, &limits),
            RegistrationError::SchemaTooLarge {
                place,
                length: 15,
                limit: 10
            }
        );
        let meta = format!(r#"{{"name":"a","version":"1","meta":"{}"}}"#, "x".repeat(100));
        assert_eq!(
            refusal(&meta, &limits),
            RegistrationError::TooLarge {
                length: meta.len(),
                limit: 100
            }
        );
    }

    #[test]
    fn the_brokers_topics_cannot_be_declared() {
        let error = refusal(
            r#"{"name":"a","version":"1","topics":{"$bus/x":{}}}"#,
            &Limits::default(),
        );
        assert_eq!(error.code(), ErrorCode::ReservedTopic);
    }

    #[test]
    fn every_schema_has_a_place() {
        let text = r#"{"name":"a","version":"1","methods":{"m":{"input":1,"output":2}},"topics":{"t":{"schema":3}},
            "schemas":{"urn:s":4}}"#;
        let registration = registration(text);
        let places: Vec<_> = registration
            .all_schemas()
            .map(|(place, schema)| place + schema.as_str())
            .collect();
        assert_eq!(
            places,
            [
                "methods.m.input1",
                "methods.m.output2",
                "topics.t.schema3",
                "schemas.urn:s4"
            ]
        );
    }
}
