//! Holding payloads against their contracts: at once where they are short, elsewhere where they are long. Owns what a
//! sender is told of a violation.

use std::sync::Arc;

use buslane_protocol::{ErrorCode, Payload, PayloadKind, Problem};

use crate::engine::Engine;
use crate::parked::Known;
use crate::{ClientId, Validate, Violation};

/// Why a message is not handled to its end.
pub(crate) enum Stop {
    /// It is refused.
    Refuse(Box<Problem>),
    /// Its payload has to be validated elsewhere first.
    Offload(Arc<dyn Validate>),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Stop {
        Stop::Refuse(problem.into())
    }
}

impl From<Box<Problem>> for Stop {
    fn from(problem: Box<Problem>) -> Stop {
        Stop::Refuse(problem)
    }
}

impl Engine {
    /// Holds a payload against a schema. What passes is known to be JSON; an absent payload counts as `null`.
    pub(crate) fn hold_against(
        &mut self,
        validator: &Arc<dyn Validate>,
        payload: &mut Payload<'_>,
        known: &Known,
        sender: ClientId,
        about: &str,
    ) -> Result<(), Stop> {
        let result = match known.find(validator) {
            Some(result) => result,
            None if payload.kind == PayloadKind::Bytes => Err(not_json()),
            None if payload.bytes.len() > self.config.limits.validate_inline => {
                self.ledger.counters.validated_aside += 1;
                return Err(Stop::Offload(validator.clone()));
            }
            None => {
                self.ledger.counters.validated_inline += 1;
                validator.validate(if payload.is_absent() {
                    b"null"
                } else {
                    &payload.bytes
                })
            }
        };
        match result {
            Ok(()) => {
                payload.kind = PayloadKind::CheckedJson;
                Ok(())
            }
            Err(violation) => {
                self.report_rejection(&violation, sender, about);
                Err(problem(violation).about(about).into())
            }
        }
    }
}

fn not_json() -> Violation {
    Violation::Mismatch {
        pointer: String::new(),
        keyword: "type".to_owned(),
        expected: None,
        detail: "a payload under a schema is JSON text".to_owned(),
    }
}

/// Makes what the sender is told.
fn problem(violation: Violation) -> Problem {
    match violation {
        Violation::NotJson { reason } => Problem::new(ErrorCode::InvalidPayload).detail(reason),
        Violation::Mismatch {
            pointer,
            keyword,
            expected,
            detail,
        } => Problem {
            pointer: Some(pointer),
            keyword: Some(keyword),
            expected,
            ..Problem::new(ErrorCode::SchemaViolation).detail(detail)
        },
    }
}
