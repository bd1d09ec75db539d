//! What a handler says when it fails. Becomes an `error` message; knows nothing of how that travels.

use std::borrow::Cow;
use std::fmt;

use buslane_protocol::{ErrorCode, Problem};
use serde::Serialize;
use serde_json::Value;

/// A service's own error: a code for programs, a title for people and anything else worth knowing.
///
/// A handler returns anything that converts into it, so an enum of a service's errors needs one `From`:
///
/// ```
/// use buslane_client::ServiceError;
///
/// enum StoreError { NotFound(String), Full }
///
/// impl From<StoreError> for ServiceError {
///     fn from(error: StoreError) -> ServiceError {
///         match error {
///             StoreError::NotFound(key) => ServiceError::new("not_found", "there is no such key").data(&key),
///             StoreError::Full => ServiceError::new("store_full", "the store takes nothing more"),
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceError {
    code: Cow<'static, str>,
    title: Cow<'static, str>,
    data: Option<Value>,
}

impl ServiceError {
    /// Makes an error. The code is the service's word, 1 to 64 of `a-z 0-9 _`; other characters become `_`.
    pub fn new(code: impl Into<Cow<'static, str>>, title: impl Into<Cow<'static, str>>) -> ServiceError {
        ServiceError {
            code: tidy(code.into()),
            title: title.into(),
            data: None,
        }
    }

    /// Makes an error with the code `service_error` from whatever can be shown, for `map_err`.
    pub fn failed(reason: impl fmt::Display) -> ServiceError {
        ServiceError::new(ErrorCode::ServiceError.as_str(), reason.to_string())
    }

    /// Adds anything else worth knowing. What cannot be written as JSON is left out.
    pub fn data(mut self, data: &impl Serialize) -> ServiceError {
        self.data = serde_json::to_value(data).ok();
        self
    }

    /// Returns the code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns the title.
    pub fn title(&self) -> &str {
        &self.title
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Problem {
        Problem {
            data: error.data,
            ..Problem::of_service(error.code, error.title)
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.title, self.code)
    }
}

impl std::error::Error for ServiceError {}

impl From<String> for ServiceError {
    fn from(reason: String) -> ServiceError {
        ServiceError::failed(reason)
    }
}

impl From<&str> for ServiceError {
    fn from(reason: &str) -> ServiceError {
        ServiceError::failed(reason)
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for ServiceError {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> ServiceError {
        ServiceError::failed(error)
    }
}

impl From<std::io::Error> for ServiceError {
    fn from(error: std::io::Error) -> ServiceError {
        ServiceError::failed(error)
    }
}

impl From<serde_json::Error> for ServiceError {
    fn from(error: serde_json::Error) -> ServiceError {
        ServiceError::failed(error)
    }
}

impl From<std::convert::Infallible> for ServiceError {
    fn from(never: std::convert::Infallible) -> ServiceError {
        match never {}
    }
}

/// Makes a code that the protocol accepts.
fn tidy(code: Cow<'static, str>) -> Cow<'static, str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(allowed) {
        return code;
    }
    let tidied: String = code
        .chars()
        .take(LONGEST_CODE)
        .map(|character| character.to_ascii_lowercase())
        .map(|character| {
            if character.is_ascii() && allowed(character as u8) {
                character
            } else {
                '_'
            }
        })
        .collect();
    if tidied.is_empty() {
        Cow::Borrowed(ErrorCode::ServiceError.as_str())
    } else {
        Cow::Owned(tidied)
    }
}

const LONGEST_CODE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_to_the_rules_of_codes() {
        assert_eq!(ServiceError::new("not_found", "").code(), "not_found");
        assert_eq!(ServiceError::new("Not Found!", "").code(), "not_found_");
        assert_eq!(ServiceError::new("", "").code(), "service_error");
        assert_eq!(ServiceError::new("ä".repeat(100), "").code(), "_".repeat(64));
    }

    #[test]
    fn a_problem_carries_everything() {
        let problem = Problem::from(ServiceError::new("full", "no room").data(&3));
        assert_eq!(
            (&*problem.code, &*problem.title, problem.data),
            ("full", "no room", Some(3.into()))
        );
    }
}
