//! A compiler that knows `type`, `required` and `minimum`: enough to see whether payloads are held against schemas.

use std::sync::Arc;

use buslane_engine::{CompileRequest, Contracts, Validate, Violation};
use buslane_protocol::{ErrorCode, Problem};
use serde_json::Value;

/// Compiles the schemas of a registration. A schema with an unknown keyword is refused.
pub(crate) fn compile(request: &CompileRequest) -> Result<Contracts, Problem> {
    let compiled = request.schemas.iter().map(|(place, schema)| {
        let schema: Value = serde_json::from_str(schema.as_str()).unwrap();
        let known = |keyword: &String| matches!(keyword.as_str(), "type" | "required" | "minimum");
        if schema.as_object().is_some_and(|schema| !schema.keys().all(known)) {
            return Err(Problem::new(ErrorCode::InvalidSchema).detail(format!("unknown keyword at {place}")));
        }
        Ok((place.clone(), Arc::new(Compiled(schema)) as Arc<dyn Validate>))
    });
    compiled.collect()
}

struct Compiled(Value);

impl Validate for Compiled {
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
