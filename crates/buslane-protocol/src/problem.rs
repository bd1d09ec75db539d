//! The one shape of an error: RFC 9457 problem details over HTTP, the same object in the envelope.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::json::read_object;
use crate::object::{any, or_default};
use crate::{DecodeError, ErrorCode};

/// Who reports the error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The broker.
    #[default]
    Broker,
    /// The service that was called; `code` is then the service's own word.
    Service,
    /// The client's own library.
    Client,
}

/// An error as it travels. `code` is an [`ErrorCode`] unless `origin` is [`Origin::Service`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// The URI of the code's documentation (RFC 9457 `type`).
    #[serde(rename = "type", default, skip_serializing_if = "str::is_empty")]
    pub uri: Cow<'static, str>,
    /// One sentence for people, the same for each error of the code.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub title: Cow<'static, str>,
    /// The HTTP status that goes with the code.
    #[serde(default = "service_status")]
    pub status: u16,
    /// What went wrong, for programs: 1 to 64 of `a-z 0-9 _`.
    #[serde(deserialize_with = "code_word")]
    pub code: Cow<'static, str>,
    /// Who reports the error.
    #[serde(default, deserialize_with = "or_default")]
    pub origin: Origin,
    /// What was wrong this time, and what to do, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The address or topic that the error is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// JSON Pointer (RFC 6901) to the offending value in the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The JSON Schema keyword that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyword: Option<String>,
    /// What the keyword expects.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "any")]
    pub expected: Option<Value>,
    /// Anything that a service adds to its own errors.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "any")]
    pub data: Option<Value>,
}

impl Problem {
    /// Makes the broker's problem of a code.
    pub fn new(code: ErrorCode) -> Self {
        Problem {
            uri: Cow::Owned(format!(
                "https://buslane.dev/errors/{}",
                code.as_str().replace('_', "-")
            )),
            title: Cow::Borrowed(code.title()),
            status: code.status(),
            code: Cow::Borrowed(code.as_str()),
            ..Problem::default()
        }
    }

    /// Makes a service's own problem. `code` is the service's word, lower case with underscores.
    pub fn of_service(code: impl Into<Cow<'static, str>>, title: impl Into<Cow<'static, str>>) -> Self {
        Problem {
            code: code.into(),
            title: title.into(),
            status: 500,
            origin: Origin::Service,
            ..Problem::default()
        }
    }

    /// Reads a problem from JSON text: an object.
    pub fn parse(text: &str) -> Result<Problem, DecodeError> {
        read_object(text)
    }

    /// Adds what was wrong this time.
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Adds the address or topic that it is about.
    pub fn about(mut self, address: impl fmt::Display) -> Self {
        self.address = Some(address.to_string());
        self
    }

    /// Says who reports it.
    pub fn from_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Returns the code of the table, if it is one and not a service's own word.
    pub fn error_code(&self) -> Option<ErrorCode> {
        if self.origin == Origin::Service {
            None
        } else {
            ErrorCode::parse(&self.code)
        }
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Problem {
        Problem::new(code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = if self.title.is_empty() {
            &self.code
        } else {
            &self.title
        };
        formatter.write_str(title)?;
        match &self.detail {
            Some(detail) => write!(formatter, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// The status of a problem that names none.
fn service_status() -> u16 {
    ErrorCode::ServiceError.status()
}

fn code_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    let code = String::deserialize(deserializer)?;
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if (1..=MAX_CODE).contains(&code.len()) && code.bytes().all(allowed) {
        return Ok(Cow::Owned(code));
    }
    Err(D::Error::custom("an error code has 1 to 64 of a-z, 0-9 and '_'"))
}

/// The longest code, in bytes.
const MAX_CODE: usize = 64;
