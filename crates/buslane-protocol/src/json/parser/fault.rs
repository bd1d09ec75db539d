//! Why a text cannot be read, in the words of serde where it has some.

use std::fmt::{self, Display};

use serde::de::{Error, Expected, Unexpected};

use crate::DecodeError;
use crate::json::envelope::probable_id;
use crate::payload::json_fault;

/// Why a text cannot be read.
#[derive(Debug)]
pub(in crate::json) enum Fault {
    /// It is no JSON text.
    Syntax,
    /// It is, and not what the type asks for.
    Data(String),
}

impl Fault {
    /// Adds the place, which is behind what was read.
    pub(super) fn at(self, read: &[u8]) -> Fault {
        match self {
            Fault::Syntax => Fault::Syntax,
            Fault::Data(reason) => {
                let lines = read.iter().filter(|byte| **byte == b'\n').count();
                let column = read.iter().rev().take_while(|byte| **byte != b'\n').count();
                let line = lines + 1;
                Fault::Data(format!("{reason} at line {line} column {column}"))
            }
        }
    }

    /// Makes the error of a message's text.
    pub(in crate::json) fn into_error(self, text: &str) -> DecodeError {
        match self {
            Fault::Syntax => DecodeError::Json {
                reason: json_fault(text).unwrap_or_else(|| OUT_OF_RANGE.to_owned()),
            },
            Fault::Data(reason) => DecodeError::Member {
                id: probable_id(text),
                reason,
            },
        }
    }
}

impl Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Fault::Syntax => "no JSON text",
            Fault::Data(reason) => reason,
        })
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: Display>(words: T) -> Fault {
        Fault::Data(words.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        Fault::Data(format!("invalid type, expected {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Fault {
        Fault::Data(format!("invalid value, expected {expected}"))
    }
}

/// What is wrong with a text that keeps the rules of JSON.
const OUT_OF_RANGE: &str = "a number or an escape is out of range, or values are nested too deep";
