//! The one shape in which every error reaches another language: nothing of it is lost on the way. Decides nothing.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use buslane_client::protocol::Origin;
use buslane_client::{
    AnswerError, ConnectError, ErrorCode, FlushError, Problem, PublishError, RegisterError, RequestError,
    Retry, SubscribeError,
};

/// Why something failed: the problem as it travelled, with the code of the table looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    problem: Box<Problem>,
}

impl Failure {
    /// Makes a failure that a binding reports itself.
    pub fn new(code: ErrorCode, detail: impl fmt::Display) -> Failure {
        Problem::new(code)
            .from_origin(Origin::Client)
            .detail(detail)
            .into()
    }

    /// Returns the code of the table; `None` for a service's own word.
    pub fn code(&self) -> Option<ErrorCode> {
        self.problem.error_code()
    }

    /// Returns the whole problem.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Returns one line for people and logs: title and detail.
    pub fn message(&self) -> String {
        self.problem.to_string()
    }

    /// Tells whether doing it again can help. Of a service's own error only the service knows, so it counts as
    /// [`Retry::IfHarmlessTwice`].
    pub fn retry(&self) -> Retry {
        self.code().map_or(Retry::IfHarmlessTwice, ErrorCode::retry)
    }
}

/// Runs what another language asked for, and makes a failure of a panic: none may cross a border between languages.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => {
            let reason = said(&*panic).to_owned();
            // What a panic carries may panic when it is dropped.
            std::mem::forget(panic);
            Err(Failure::new(
                ErrorCode::Internal,
                format!("the library panicked: {reason}"),
            ))
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it does not say why")
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.problem, formatter)
    }
}

impl std::error::Error for Failure {}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure {
            problem: Box::new(problem),
        }
    }
}

impl From<Box<Problem>> for Failure {
    fn from(problem: Box<Problem>) -> Failure {
        Failure { problem }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Failure {
        match error {
            ConnectError::Refused(problem) => problem.into(),
            other => Failure::new(other.error_code(), other),
        }
    }
}

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Failure {
        error.problem().into()
    }
}

macro_rules! from_operation_error {
    ($($error:ty)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Box::<Problem>::from(error).into()
            }
        }
    )*};
}

from_operation_error!(FlushError PublishError RegisterError RequestError SubscribeError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_failure_that_says_why() {
        let failure = guarded::<()>(|| panic!("no more {}", "room")).unwrap_err();
        assert_eq!(failure.code(), Some(ErrorCode::Internal));
        assert!(failure.message().contains("no more room"), "{failure}");
    }

    #[test]
    fn an_error_keeps_its_code_and_details() {
        let problem = Problem {
            pointer: Some("/key".into()),
            ..Problem::new(ErrorCode::SchemaViolation)
        };
        let failure = Failure::from(RequestError::from(problem.clone()));
        assert_eq!(
            (failure.code(), failure.problem()),
            (Some(ErrorCode::SchemaViolation), &problem)
        );
        assert_eq!(failure.retry(), Retry::Never);
    }

    #[test]
    fn a_services_own_word_is_no_code_of_the_table() {
        let failure = Failure::from(Problem::of_service("closed", "the shop is closed"));
        assert_eq!((failure.code(), &*failure.problem().code), (None, "closed"));
    }
}
