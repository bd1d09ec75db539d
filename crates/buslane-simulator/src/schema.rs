//! The compiler of schemas that the simulated broker has: it knows `required` alone, which is enough to see whether
//! payloads are held against contracts.

use std::sync::Arc;

use buslane_engine::{CompileRequest, Contracts, Validate, Violation};
use buslane_protocol::{ErrorCode, Problem, Schema};
use serde_json::Value;

/// The schema that a payload with the member `ok` matches.
pub(crate) const WANTS_OK: &str = r#"{"required":["ok"]}"#;
/// A schema that does not compile.
pub(crate) const BROKEN: &str = r#"{"$ref":"nowhere"}"#;

/// Makes a schema of its text.
pub(crate) fn schema(text: &str) -> Schema {
    Schema::parse(text).expect("the schemas of the simulator are JSON")
}

/// Compiles the schemas of a registration.
pub(crate) fn compile(request: &CompileRequest) -> Result<Contracts, Problem> {
    let mut contracts = Contracts::default();
    for (place, schema) in &request.schemas {
        if schema.as_str() == BROKEN {
            return Err(Problem::new(ErrorCode::InvalidSchema).detail("the reference leads nowhere"));
        }
        let wants_ok = schema.as_str() == WANTS_OK;
        contracts.insert(place.clone(), Arc::new(Required(wants_ok)));
    }
    Ok(contracts)
}

struct Required(bool);

impl Validate for Required {
    fn validate(&self, payload: &[u8]) -> Result<(), Violation> {
        let value: Value = serde_json::from_slice(payload).map_err(|error| Violation::NotJson {
            reason: error.to_string(),
        })?;
        if !self.0 || value.get("ok").is_some() {
            return Ok(());
        }
        Err(Violation::Mismatch {
            pointer: String::new(),
            keyword: "required".to_owned(),
            expected: None,
            detail: "a member is missing".to_owned(),
        })
    }
}
