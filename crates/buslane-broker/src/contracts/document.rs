//! Schemas in files, for whoever wants to know before a broker does: whether it would take them, and what the next
//! version of one breaks. Says exactly what a broker says, since it asks the same code.

use buslane_engine::{Compared, CompileRequest, Interface, Place};
use buslane_protocol::{
    Affected, CompatibilityReport, ContractChange, Limits, MethodDeclaration, Name, Problem, Registration,
    Schema, TopicDeclaration, Verdict,
};
use serde_json::Value;

use super::compatibility::{Budget, Direction, compare, compare_schemas, differences};
use super::references::draft_name;
use super::schema::Source;
use super::{Compiler, payload};

/// A schema, or a whole registration with its schemas.
#[derive(Clone, Debug)]
pub struct SchemaDocument(Content);

#[derive(Clone, Debug)]
enum Content {
    Schema(Schema),
    Registration(Box<Registration>),
}

/// Why a document is none that a broker would take.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaDocumentError {
    /// There is nothing in it.
    #[error("there is nothing in it")]
    Empty,
    /// It is not one JSON value.
    #[error("not JSON: {reason}")]
    NotJson {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// It is nested more deeply than any parser of a broker goes.
    #[error("nested more than 128 levels deep: {reason}")]
    TooDeep {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// It is a registration, and broken as such.
    #[error("{reason}")]
    Registration {
        /// What is wrong.
        reason: String,
    },
    /// A schema is larger than a broker takes by default.
    #[error("{place}{length} bytes are more than the {limit} that a broker takes")]
    TooLarge {
        /// Where it stands, with a colon, or nothing for a schema by itself.
        place: String,
        /// Its length.
        length: usize,
        /// The length allowed.
        limit: usize,
    },
    /// A schema cannot be used.
    #[error("{reason}")]
    Refused {
        /// What is wrong, with the place in a registration.
        reason: String,
        /// JSON Pointer to what is wrong, where that is known.
        pointer: Option<String>,
        /// The keyword of the dialect's own schema that is not kept.
        keyword: Option<String>,
    },
}

/// What a schema is compared as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// The input of a method: it must go on accepting what it accepted.
    #[default]
    Input,
    /// The output of a method: it must not allow what it did not allow.
    Output,
    /// The payload of a topic: both.
    Topic,
}

/// What changed between two versions.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaDifference {
    /// What breaks or may break; `None` if nothing does. Names no clients: there is no bus to know them.
    pub report: Option<CompatibilityReport>,
    /// Everything that differs, whether it breaks anybody or not.
    pub changes: Vec<TextChange>,
}

/// A keyword that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct TextChange {
    /// Where in the registration the schema stands; empty for a schema by itself.
    pub place: String,
    /// JSON Pointer to the keyword.
    pub pointer: String,
    /// What it was.
    pub old: Option<Value>,
    /// What it is.
    pub new: Option<Value>,
}

impl SchemaDocument {
    /// Reads a document: an object with a `name` and methods, topics, schemas or a version is a registration, anything
    /// else a schema.
    pub fn parse(text: &str) -> Result<SchemaDocument, SchemaDocumentError> {
        if text.trim().is_empty() {
            return Err(SchemaDocumentError::Empty);
        }
        let value = payload::parse(text.as_bytes()).map_err(|error| {
            let reason = error.to_string();
            match reason.contains("recursion limit") {
                true => SchemaDocumentError::TooDeep { reason },
                false => SchemaDocumentError::NotJson { reason },
            }
        })?;
        if !is_registration(&value) {
            let schema = Schema::parse(text.trim()).map_err(|error| SchemaDocumentError::NotJson {
                reason: error.to_string(),
            })?;
            return Ok(SchemaDocument(Content::Schema(schema)));
        }
        let mut registration: Registration =
            serde_json::from_str(text).map_err(|error| SchemaDocumentError::Registration {
                reason: format!("not a registration: {error}"),
            })?;
        if registration.version.is_empty() {
            UNKNOWN_VERSION.clone_into(&mut registration.version);
        }
        Ok(SchemaDocument(Content::Registration(Box::new(registration))))
    }

    /// Tells whether it is a whole registration.
    pub fn is_registration(&self) -> bool {
        matches!(self.0, Content::Registration(_))
    }

    /// Checks what a broker with these limits would: sizes, the dialect, references, and the cost of holding a payload
    /// against each schema. Returns every schema with its dialect, or everything that is wrong.
    pub fn check(&self, limits: &Limits) -> Result<Vec<(String, &'static str)>, Vec<SchemaDocumentError>> {
        let mut errors = self.sizes(limits);
        let requests = self.requests();
        let compiler = Compiler::new();
        for request in requests {
            if let Err(problem) = compiler.compile(request) {
                errors.push(self.refused(problem));
            }
        }
        if errors.is_empty() {
            return Ok(self.dialects());
        }
        // Schemas that the others refer to are looked at once for each of those.
        errors.dedup();
        Err(errors)
    }

    /// Compares a document with its next version. A schema is compared in a role, a registration by itself; both were
    /// checked. `None` if one is a schema and the other a registration.
    pub fn compare(&self, next: &SchemaDocument, role: Role) -> Option<SchemaDifference> {
        match (&self.0, &next.0) {
            (Content::Schema(old), Content::Schema(new)) => Some(compare_alone(old, new, role)),
            (Content::Registration(old), Content::Registration(new)) => Some(compare_registrations(old, new)),
            _ => None,
        }
    }

    fn sizes(&self, limits: &Limits) -> Vec<SchemaDocumentError> {
        match &self.0 {
            Content::Schema(schema) => too_large(String::new(), schema, limits).into_iter().collect(),
            Content::Registration(registration) => {
                let schemas = registration.all_schemas();
                let large: Vec<_> = schemas
                    .filter_map(|(place, schema)| too_large(format!("{place}: "), schema, limits))
                    .collect();
                if !large.is_empty() {
                    return large;
                }
                let checked = registration.check(limits);
                let reason = |error: buslane_protocol::RegistrationError| SchemaDocumentError::Registration {
                    reason: error.to_string(),
                };
                checked.map_err(reason).err().into_iter().collect()
            }
        }
    }

    /// Returns one request for each schema, so that all that are wrong are found.
    fn requests(&self) -> Vec<CompileRequest> {
        let alone = || Name::parse("schema").expect("the word is a name");
        match &self.0 {
            Content::Schema(schema) => vec![CompileRequest {
                service: alone(),
                schemas: vec![(Place::Input(alone()), schema.clone())],
                references: Default::default(),
            }],
            Content::Registration(registration) => {
                let mut schemas = places(registration);
                if schemas.is_empty() {
                    // Those to which nobody refers yet are looked at as well.
                    let anything = Schema::parse("true").expect("the word is JSON");
                    schemas.push((Place::Input(alone()), anything));
                }
                let request = |(place, schema)| CompileRequest {
                    service: registration.name.clone(),
                    schemas: vec![(place, schema)],
                    references: registration.schemas.clone(),
                };
                schemas.into_iter().map(request).collect()
            }
        }
    }

    fn refused(&self, problem: Problem) -> SchemaDocumentError {
        let mut reason = problem.detail.unwrap_or_default();
        if !self.is_registration() {
            // A schema by itself has no place in a registration.
            let place = "methods.schema.input";
            reason = reason
                .trim_start_matches(place)
                .trim_start_matches([':', ' '])
                .to_owned();
        }
        SchemaDocumentError::Refused {
            reason,
            pointer: problem.pointer,
            keyword: problem.keyword,
        }
    }

    fn dialects(&self) -> Vec<(String, &'static str)> {
        match &self.0 {
            Content::Schema(schema) => vec![(String::new(), draft_name(schema))],
            Content::Registration(registration) => registration
                .all_schemas()
                .map(|(place, schema)| (place, draft_name(schema)))
                .collect(),
        }
    }
}

impl SchemaDifference {
    /// Returns how sure it is that somebody breaks, if it is not sure that nobody does.
    pub fn verdict(&self) -> Option<Verdict> {
        self.report.as_ref().map(|report| report.verdict)
    }
}

fn compare_alone(old: &Schema, new: &Schema, role: Role) -> SchemaDifference {
    let none = Default::default();
    let (before, after) = (Source::new(old.clone(), &none), Source::new(new.clone(), &none));
    let sides: &[(Affected, Direction)] = match role {
        Role::Input => &[(Affected::Callers, Direction::Sending)],
        Role::Output => &[(Affected::Readers, Direction::Receiving)],
        Role::Topic => &[
            (Affected::Publishers, Direction::Sending),
            (Affected::Subscribers, Direction::Receiving),
        ],
    };
    let mut contracts = Vec::new();
    for (affects, direction) in sides {
        let findings = compare_schemas(&before, &after, *direction, &mut Budget::default());
        if let Some(verdict) = findings.verdict() {
            contracts.push(ContractChange {
                place: String::new(),
                affects: *affects,
                verdict,
                clients: Vec::new(),
                more_clients: false,
                changes: findings.changes,
                omitted: findings.omitted,
            });
        }
    }
    SchemaDifference {
        report: report(String::new(), contracts, 0),
        changes: text_changes("", Some(old), Some(new)),
    }
}

fn compare_registrations(old: &Registration, new: &Registration) -> SchemaDifference {
    let Compared { contracts, omitted } = compare(&interface(old), &interface(new));
    let contracts = contracts.into_iter().map(|(_, contract)| contract).collect();
    let mut changes = declared_changes(old, new);
    // What came or went as a whole is not listed part by part.
    let whole: Vec<String> = changes
        .iter()
        .map(|change| format!("{}.", change.place))
        .collect();
    let is_part = |place: &str| whole.iter().any(|whole| place.starts_with(whole.as_str()));
    let (before, after): (Vec<_>, Vec<_>) = (old.all_schemas().collect(), new.all_schemas().collect());
    let find = |all: &[(String, &Schema)], place: &str| {
        let found = all.iter().find(|(other, _)| other == place);
        found.map(|(_, schema)| (*schema).clone())
    };
    for (place, schema) in before.iter().filter(|(place, _)| !is_part(place)) {
        changes.extend(text_changes(place, Some(schema), find(&after, place).as_ref()));
    }
    for (place, schema) in after.iter().filter(|(place, _)| !is_part(place)) {
        if find(&before, place).is_none() {
            changes.extend(text_changes(place, None, Some(schema)));
        }
    }
    SchemaDifference {
        report: report(old.version.clone(), contracts, omitted),
        changes,
    }
}

/// Tells which methods and topics came and went.
fn declared_changes(old: &Registration, new: &Registration) -> Vec<TextChange> {
    let names = |registration: &Registration| -> Vec<String> {
        let methods = registration.methods.keys().map(|name| format!("methods.{name}"));
        let topics = registration.topics.keys().map(|topic| format!("topics.{topic}"));
        methods.chain(topics).collect()
    };
    let (before, after) = (names(old), names(new));
    let change = |place: &String, old: bool| TextChange {
        place: place.clone(),
        pointer: String::new(),
        old: old.then(|| Value::from("declared")),
        new: (!old).then(|| Value::from("declared")),
    };
    let gone = before
        .iter()
        .filter(|name| !after.contains(name))
        .map(|name| change(name, true));
    let added = after
        .iter()
        .filter(|name| !before.contains(name))
        .map(|name| change(name, false));
    gone.chain(added).collect()
}

fn text_changes(place: &str, old: Option<&Schema>, new: Option<&Schema>) -> Vec<TextChange> {
    let value = |schema: Option<&Schema>| -> Option<Value> { serde_json::from_str(schema?.as_str()).ok() };
    let change = |pointer: String, old, new| TextChange {
        place: place.to_owned(),
        pointer,
        old,
        new,
    };
    match (value(old), value(new)) {
        (Some(old), Some(new)) => differences(&old, &new)
            .into_iter()
            .map(|found| change(found.pointer, found.old, found.new))
            .collect(),
        (None, None) => Vec::new(),
        (old, new) => vec![change(String::new(), old, new)],
    }
}

fn report(previous: String, contracts: Vec<ContractChange>, omitted: u64) -> Option<CompatibilityReport> {
    let verdict = contracts.iter().map(|contract| contract.verdict).max()?;
    Some(CompatibilityReport {
        verdict,
        previous,
        contracts,
        omitted,
    })
}

fn interface(registration: &Registration) -> Interface {
    Interface {
        version: registration.version.clone(),
        methods: registration.methods.clone(),
        topics: registration.topics.clone(),
        schemas: registration.schemas.clone(),
    }
}

fn places(registration: &Registration) -> Vec<(Place, Schema)> {
    let method = |(name, method): (&Name, &MethodDeclaration)| {
        let input = method
            .input
            .clone()
            .map(|schema| (Place::Input(name.clone()), schema));
        let output = method
            .output
            .clone()
            .map(|schema| (Place::Output(name.clone()), schema));
        input.into_iter().chain(output).collect::<Vec<_>>()
    };
    let topic = |(topic, declared): (&buslane_protocol::Topic<'static>, &TopicDeclaration)| {
        let schema = declared.schema.clone()?;
        Some((Place::Topic(topic.clone()), schema))
    };
    let methods = registration.methods.iter().flat_map(method);
    methods
        .chain(registration.topics.iter().filter_map(topic))
        .collect()
}

fn too_large(place: String, schema: &Schema, limits: &Limits) -> Option<SchemaDocumentError> {
    let length = schema.as_str().len();
    (length > limits.schema).then_some(SchemaDocumentError::TooLarge {
        place,
        length,
        limit: limits.schema,
    })
}

fn is_registration(value: &Value) -> bool {
    value.get("name").is_some_and(Value::is_string)
        && ["methods", "topics", "schemas", "version"]
            .iter()
            .any(|member| value.get(member).is_some())
}

/// Stands for the version of a registration that names none.
const UNKNOWN_VERSION: &str = "0.0.0";
