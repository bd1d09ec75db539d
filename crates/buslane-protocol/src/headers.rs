//! Headers, and the envelope's rarer members, in the form in which they travel in binary frames.

use std::borrow::Cow;

use crate::ErrorCode;

/// A block of headers, checked.
///
/// ```text
/// repeated:  u8 name length | u16 LE value length | name | value
/// ```
///
/// Names are 1 to 64 of `a-z 0-9 - _ .`, values UTF-8 without control characters. A name that begins with `:` stands
/// for a member of the envelope that the broker does not route by, see [`Headers::MEMBERS`]; JSON text carries those
/// as members, not as headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a>(Cow<'a, [u8]>);

/// Builds a block of headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadersBuf(Vec<u8>);

/// Why headers are refused. Final: the same headers are refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadersError {
    /// The block's layout is broken.
    #[error("the header block breaks off at byte {offset}")]
    Layout {
        /// Where, in bytes from the block's start.
        offset: usize,
    },
    /// A name is empty, too long or holds a forbidden character.
    #[error("a header name has 1 to 64 of a-z 0-9 - _ . ; {name:?} does not")]
    Name {
        /// The name, cut to 64 bytes.
        name: String,
    },
    /// A value is no UTF-8 or holds a control character.
    #[error("the value of header {name} is not UTF-8 without control characters")]
    Value {
        /// The header's name.
        name: String,
    },
    /// A name occurs twice.
    #[error("the header {name} occurs twice")]
    Duplicate {
        /// The header's name.
        name: String,
    },
    /// There are too many, or they are too long.
    #[error("a message has at most {limit} {what} of headers")]
    TooLarge {
        /// `entries` or `bytes`.
        what: &'static str,
        /// The number allowed.
        limit: usize,
    },
}

impl HeadersError {
    /// Returns the error code that the sender is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            HeadersError::TooLarge { .. } => ErrorCode::HeadersTooLarge,
            _ => ErrorCode::InvalidMessage,
        }
    }
}
