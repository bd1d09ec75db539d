//! A compiler that knows `required` alone: enough to see that payloads are held against schemas.

use std::sync::Arc;

use buslane_engine::{CompileRequest, Contracts, Validate, Violation};
use serde_json::Value;

/// Compiles the schemas of a registration.
pub(crate) fn compile(request: &CompileRequest) -> Contracts {
    let compile =
        |schema: &str| Arc::new(Required(serde_json::from_str(schema).unwrap())) as Arc<dyn Validate>;
    request
        .schemas
        .iter()
        .map(|(place, schema)| (place.clone(), compile(schema.as_str())))
        .collect()
}

struct Required(Value);

impl Validate for Required {
    fn validate(&self, payload: &[u8]) -> Result<(), Violation> {
        let payload: Value = serde_json::from_slice(payload).unwrap();
        let required = &self.0["required"];
        let missing = |member: &&Value| payload.get(member.as_str().unwrap()).is_none();
        match required.as_array().into_iter().flatten().find(missing) {
            None => Ok(()),
            Some(_) => Err(Violation::Mismatch {
                pointer: String::new(),
                keyword: "required".to_owned(),
                expected: Some(required.clone()),
                detail: "a member is missing".to_owned(),
            }),
        }
    }
}
