//! A compiler that knows `type`, `required` and `minimum`: enough to see whether payloads are held against schemas. And
//! a comparison that knows `required`.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use buslane_engine::{CompareRequest, Compared, CompileRequest, Contracts, Subject, Validate, Violation};
use buslane_protocol::{
    Affected, ContractChange, ErrorCode, Problem, Schema, SchemaChange, TopicDeclaration, Verdict,
};
use serde_json::Value;

/// Compiles the schemas of a registration. A schema with an unknown keyword is refused.
pub(crate) fn compile(request: &CompileRequest) -> Result<Contracts, Problem> {
    let compiled = request.schemas.iter().map(|(place, schema)| {
        let schema: Value = serde_json::from_str(schema.as_str()).unwrap();
        let known = |keyword: &String| matches!(keyword.as_str(), "type" | "required" | "minimum");
        if schema.as_object().is_some_and(|schema| !schema.keys().all(known)) {
            return Err(Problem::new(ErrorCode::InvalidSchema).detail(format!("unknown keyword at {place}")));
        }
        Ok((place.clone(), shared(schema)))
    });
    compiled.collect()
}

/// Returns the compiled schema, the same one for the same schema while somebody holds it.
fn shared(schema: Value) -> Arc<dyn Validate> {
    thread_local!(static KNOWN: RefCell<Vec<Weak<Compiled>>> = RefCell::default());
    KNOWN.with_borrow_mut(|known| {
        let mut used = known.iter().filter_map(Weak::upgrade);
        used.find(|compiled| compiled.0 == schema).unwrap_or_else(|| {
            let compiled = Arc::new(Compiled(schema));
            known.push(Arc::downgrade(&compiled));
            compiled
        })
    })
}

/// Compares two versions of a service: what is required on one side and not on the other breaks callers or readers.
pub(crate) fn compare(request: &CompareRequest) -> Compared {
    let mut contracts = Vec::new();
    for (name, method) in &request.previous.methods {
        let subject = || Subject::Method(name.clone());
        let Some(next) = request.next.methods.get(name) else {
            contracts.push((subject(), change(format!("methods.{name}"), Affected::Callers)));
            continue;
        };
        if !within(&next.input, &method.input) {
            contracts.push((
                subject(),
                change(format!("methods.{name}.input"), Affected::Callers),
            ));
        }
        if !within(&method.output, &next.output) {
            contracts.push((
                subject(),
                change(format!("methods.{name}.output"), Affected::Readers),
            ));
        }
    }
    for (topic, declared) in &request.previous.topics {
        let gone = TopicDeclaration::default();
        let next = request.next.topics.get(topic).unwrap_or(&gone);
        let place = format!("topics.{topic}.schema");
        if !within(&next.schema, &declared.schema) {
            let subject = Subject::Topic(topic.clone());
            contracts.push((subject, change(place.clone(), Affected::Publishers)));
        }
        if !within(&declared.schema, &next.schema) {
            contracts.push((
                Subject::Topic(topic.clone()),
                change(place, Affected::Subscribers),
            ));
        }
    }
    Compared {
        contracts,
        omitted: 0,
    }
}

fn change(place: String, affects: Affected) -> ContractChange {
    // What a subscriber does with a message cannot be known from schemas that say no more than what is required.
    let verdict = match affects {
        Affected::Subscribers => Verdict::MayBreak,
        _ => Verdict::Breaking,
    };
    let change = SchemaChange {
        verdict,
        pointer: "/required".to_owned(),
        keyword: "required".to_owned(),
        old: None,
        new: None,
        detail: "it changed".to_owned(),
    };
    ContractChange {
        place,
        affects,
        verdict,
        clients: Vec::new(),
        more_clients: false,
        changes: vec![change],
        omitted: 0,
    }
}

/// Tells whether everything that one schema requires is required by the other.
fn within(one: &Option<Schema>, other: &Option<Schema>) -> bool {
    let required = |schema: &Option<Schema>| -> Vec<Value> {
        let schema: Value = schema.as_ref().map_or(Value::Null, |schema| {
            serde_json::from_str(schema.as_str()).unwrap()
        });
        schema["required"].as_array().cloned().unwrap_or_default()
    };
    let other = required(other);
    required(one).iter().all(|name| other.contains(name))
}

struct Compiled(Value);

impl Validate for Compiled {
    fn bytes(&self) -> usize {
        COMPILED_BYTES
    }

    fn validate(&self, payload: &[u8]) -> Result<(), Violation> {
        let payload: Value = serde_json::from_slice(payload).map_err(|error| Violation::NotJson {
            reason: error.to_string(),
        })?;
        let Compiled(schema) = self;
        if let Some(kind) = schema["type"].as_str().filter(|kind| !is(&payload, kind)) {
            return Err(mismatch("type", Value::from(kind)));
        }
        for member in schema["required"].as_array().into_iter().flatten() {
            if payload.get(member.as_str().unwrap()).is_none() {
                return Err(mismatch("required", schema["required"].clone()));
            }
        }
        match (schema["minimum"].as_f64(), payload.as_f64()) {
            (Some(minimum), Some(number)) if number < minimum => {
                Err(mismatch("minimum", Value::from(minimum)))
            }
            _ => Ok(()),
        }
    }
}

fn is(payload: &Value, kind: &str) -> bool {
    match kind {
        "object" => payload.is_object(),
        "string" => payload.is_string(),
        "number" => payload.is_number(),
        "null" => payload.is_null(),
        _ => false,
    }
}

fn mismatch(keyword: &str, expected: Value) -> Violation {
    Violation::Mismatch {
        pointer: String::new(),
        keyword: keyword.to_owned(),
        expected: Some(expected),
        detail: format!("the payload does not keep {keyword}"),
    }
}

/// What a compiled schema is charged.
pub(crate) const COMPILED_BYTES: usize = 10_000;
