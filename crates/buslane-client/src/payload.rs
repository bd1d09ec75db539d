//! What a message carries, as its receiver reads it.

use std::fmt;

use buslane_protocol::PayloadKind;
use serde::de::DeserializeOwned;

/// What a message carries: JSON text, or any bytes with a content type.
///
/// Displayed, JSON text appears verbatim, other text as it is, and anything else as its size and type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a> {
    bytes: &'a [u8],
    content_type: Option<&'a str>,
    json: bool,
}

impl<'a> Payload<'a> {
    pub(crate) fn new(bytes: &'a [u8], kind: PayloadKind, content_type: Option<&'a str>) -> Payload<'a> {
        Payload {
            bytes,
            content_type,
            json: kind != PayloadKind::Bytes,
        }
    }

    /// Returns the bytes as they came, none if there is no payload.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the text, if the bytes are UTF-8.
    pub fn as_text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes).ok()
    }

    /// Tells whether the payload is JSON text.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Tells whether there is no payload.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the content type: what the sender said, else `application/json` or `application/octet-stream`.
    pub fn content_type(&self) -> &'a str {
        let default = if self.json {
            "application/json"
        } else {
            "application/octet-stream"
        };
        self.content_type.unwrap_or(default)
    }

    /// Reads the JSON text as a `T`. No payload at all reads as `null`.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        if !self.json {
            let reason = format!("the payload is no JSON text but {}", self.content_type());
            return Err(serde::de::Error::custom(reason));
        }
        serde_json::from_slice(if self.bytes.is_empty() {
            b"null"
        } else {
            self.bytes
        })
    }
}

impl fmt::Display for Payload<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_text() {
            Some(text) => formatter.pad(text),
            None => write!(formatter, "{} bytes of {}", self.bytes.len(), self.content_type()),
        }
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_depends_on_the_bytes() {
        assert_eq!(
            Payload::new(br#"{"a":1}"#, PayloadKind::Json, None).to_string(),
            r#"{"a":1}"#
        );
        assert_eq!(
            Payload::new(b"hello", PayloadKind::Bytes, Some("text/plain")).to_string(),
            "hello"
        );
        let image = Payload::new(&[0xff, 0xd8], PayloadKind::Bytes, Some("image/jpeg"));
        assert_eq!(image.to_string(), "2 bytes of image/jpeg");
    }

    #[test]
    fn no_payload_reads_as_null_and_bytes_as_no_json() {
        assert_eq!(
            Payload::new(b"", PayloadKind::Json, None)
                .json::<Option<u8>>()
                .unwrap(),
            None
        );
        let error = Payload::new(b"1", PayloadKind::Bytes, None)
            .json::<u8>()
            .unwrap_err();
        assert!(error.to_string().contains("application/octet-stream"), "{error}");
    }
}
