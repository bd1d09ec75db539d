//! What a message carries for its receiver.
//!
//! Owns the rule that JSON text is exactly one value before it is written as JSON; knows no schema.

#[cfg(test)]
pub(crate) mod chance;
mod walk;

pub(crate) use walk::plain_length;

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::ErrorCode;

/// What the bytes of a [`Payload`] are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadKind {
    /// JSON text, as far as the sender says; not checked yet.
    #[default]
    Json,
    /// Exactly one JSON value.
    CheckedJson,
    /// Any bytes; the header `:content-type` says of what type.
    Bytes,
}

/// What a message carries for its receiver. No bytes at all means that there is no payload, unless its kind is
/// [`PayloadKind::Bytes`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload<'a> {
    /// The bytes.
    pub bytes: Cow<'a, [u8]>,
    /// What they are.
    pub kind: PayloadKind,
}

/// Why a payload is not what it says. Final: the same payload is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload is not exactly one JSON value.
    #[error("the payload is not one JSON value: {reason}")]
    Json {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// The `payload` under `encoding: "base64"` is no base64.
    #[error("the payload is not base64: {reason}")]
    Base64 {
        /// What the decoder says.
        reason: String,
    },
    /// `encoding` is neither absent nor `base64`.
    #[error("the encoding {name:?} is unknown, only base64 is")]
    Encoding {
        /// The encoding named, cut to 64 bytes.
        name: String,
    },
    /// The payload is longer than the limit.
    #[error("the payload has {length} bytes, the limit is {limit}")]
    TooLarge {
        /// Its length, in bytes.
        length: usize,
        /// The length allowed.
        limit: usize,
    },
}

impl PayloadError {
    /// Returns the error code that the sender is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            PayloadError::TooLarge { .. } => ErrorCode::PayloadTooLarge,
            _ => ErrorCode::InvalidPayload,
        }
    }
}

impl<'a> Payload<'a> {
    /// Makes the payload of a message that carries none.
    pub const fn absent() -> Payload<'a> {
        Payload {
            bytes: Cow::Borrowed(&[]),
            kind: PayloadKind::Json,
        }
    }

    /// Makes a payload of JSON text that nobody has checked yet.
    pub fn json(text: impl Into<Cow<'a, [u8]>>) -> Payload<'a> {
        Payload {
            bytes: text.into(),
            kind: PayloadKind::Json,
        }
    }

    /// Makes a payload of text that is known to be exactly one JSON value.
    pub fn checked(text: impl Into<Cow<'a, [u8]>>) -> Payload<'a> {
        Payload {
            bytes: text.into(),
            kind: PayloadKind::CheckedJson,
        }
    }

    /// Makes a payload of any bytes; the header `:content-type` should say of what type.
    pub fn bytes(bytes: impl Into<Cow<'a, [u8]>>) -> Payload<'a> {
        Payload {
            bytes: bytes.into(),
            kind: PayloadKind::Bytes,
        }
    }

    /// Tells whether there is no payload. Zero bytes of another type than JSON are a payload.
    pub fn is_absent(&self) -> bool {
        self.bytes.is_empty() && self.kind != PayloadKind::Bytes
    }

    /// Tells whether the payload is, or says it is, JSON.
    pub fn is_json(&self) -> bool {
        self.kind != PayloadKind::Bytes && !self.bytes.is_empty()
    }

    /// Checks once that a JSON payload is exactly one JSON value in UTF-8, and remembers it.
    ///
    /// The broker calls it before the first delivery as JSON text; an absent payload and other bytes pass.
    pub fn ensure_json(&mut self) -> Result<(), PayloadError> {
        if self.kind == PayloadKind::Json && !self.bytes.is_empty() {
            check_json(&self.bytes)?;
            self.kind = PayloadKind::CheckedJson;
        }
        Ok(())
    }

    /// Copies the bytes, so that the payload borrows nothing.
    pub fn into_owned(self) -> Payload<'static> {
        Payload {
            bytes: Cow::Owned(self.bytes.into_owned()),
            kind: self.kind,
        }
    }

    /// Lends the payload.
    pub fn borrowed(&self) -> Payload<'_> {
        Payload {
            bytes: Cow::Borrowed(&self.bytes),
            kind: self.kind,
        }
    }
}

/// Checks that bytes are exactly one JSON value in UTF-8.
pub(crate) fn check_json(bytes: &[u8]) -> Result<(), PayloadError> {
    let fault = |reason: String| PayloadError::Json { reason };
    // Most text is ASCII, which is seen sooner than that it is UTF-8.
    let is_ascii = bytes.is_ascii();
    if is_ascii && walk::is_one_value(bytes) {
        return Ok(());
    }
    let text = std::str::from_utf8(bytes).map_err(|error| fault(error.to_string()))?;
    if !is_ascii && walk::is_one_value(bytes) {
        return Ok(());
    }
    match json_fault(text) {
        Some(reason) => Err(fault(reason)),
        None => Ok(()),
    }
}

/// Returns what keeps a text from being exactly one JSON value, with line and column.
pub(crate) fn json_fault(text: &str) -> Option<String> {
    let read = serde_json::from_str::<IgnoredAny>(text);
    read.err().map(|error| error.to_string())
}

/// Measures the JSON value that a text begins with.
pub(crate) fn value_length(text: &str) -> Option<usize> {
    if let Some(length) = walk::value_length(text.as_bytes()) {
        return Some(length);
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_value_is_json() {
        for good in ["null", " {\"a\": [1,\n2]} ", "\"x\"", "-1.5e3", "\"\u{fc}\""] {
            let mut payload = Payload::json(good.as_bytes());
            payload.ensure_json().unwrap();
            assert_eq!(payload.kind, PayloadKind::CheckedJson, "{good}");
        }
        for bad in ["{", "1 2", "{} {}", "\n", "nul", "\"a\nb\"", "{\"a\":1,}"] {
            let mut payload = Payload::json(bad.as_bytes());
            assert!(
                matches!(payload.ensure_json(), Err(PayloadError::Json { .. })),
                "{bad}"
            );
            assert_eq!(payload.kind, PayloadKind::Json, "{bad}");
        }
    }

    #[test]
    fn json_in_another_encoding_than_utf_8_is_refused() {
        let mut payload = Payload::json(&b"\"\xff\""[..]);
        assert!(matches!(payload.ensure_json(), Err(PayloadError::Json { .. })));
    }

    #[test]
    fn nesting_of_any_depth_is_checked_without_recursion() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(Payload::json(deep.into_bytes()).ensure_json(), Ok(()));
    }

    #[test]
    fn absent_and_other_bytes_pass_the_check() {
        let mut absent = Payload::absent();
        absent.ensure_json().unwrap();
        assert!(absent.is_absent() && !absent.is_json());
        let mut empty = Payload::bytes(&b""[..]);
        empty.ensure_json().unwrap();
        assert!(!empty.is_absent() && !empty.is_json());
    }
}
