//! What a message carries for its receiver.

use std::borrow::Cow;

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

/// What a message carries for its receiver. No bytes at all means that there is no payload.
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
}
