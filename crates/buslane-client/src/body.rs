//! What a program sends: JSON text or any bytes with a content type.

use std::borrow::Cow;

use buslane_protocol::{Headers, HeadersBuf, HeadersError, Payload, PayloadKind};
use serde::Serialize;

/// What a program sends, where it is not simply a value that serde writes.
///
/// ```
/// use buslane_client::Body;
/// let value = Body::json(&["a", "b"])?;
/// let text = Body::json_text(r#"{"exact": 1.50}"#);
/// let image = Body::bytes("image/png", vec![0x89, b'P', b'N', b'G']);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    bytes: Vec<u8>,
    kind: PayloadKind,
    content_type: Option<Cow<'static, str>>,
}

impl Body {
    /// Makes a body without a payload.
    pub fn none() -> Body {
        Body::default()
    }

    /// Writes a value as JSON text.
    pub fn json(value: &(impl Serialize + ?Sized)) -> serde_json::Result<Body> {
        let mut bytes = Vec::with_capacity(USUAL_LENGTH);
        serde_json::to_writer(&mut bytes, value)?;
        Ok(Body {
            bytes,
            kind: PayloadKind::CheckedJson,
            content_type: None,
        })
    }

    /// Takes JSON text as it is. That it is one JSON value is checked where it is sent.
    pub fn json_text(text: impl Into<String>) -> Body {
        Body {
            bytes: text.into().into_bytes(),
            kind: PayloadKind::Json,
            content_type: None,
        }
    }

    /// Takes any bytes and says what they are.
    pub fn bytes(content_type: impl Into<Cow<'static, str>>, bytes: impl Into<Vec<u8>>) -> Body {
        Body {
            bytes: bytes.into(),
            kind: PayloadKind::Bytes,
            content_type: Some(content_type.into()),
        }
    }

    /// Checks that what says it is JSON is one JSON value, so that it is not checked again each time it is sent.
    pub fn checked(mut self) -> serde_json::Result<Body> {
        if !self.is_checked() {
            let checked = self.payload().ensure_json();
            checked.map_err(serde::de::Error::custom)?;
            self.kind = PayloadKind::CheckedJson;
        }
        Ok(self)
    }

    /// Tells whether nothing about it needs to be checked.
    pub(crate) fn is_checked(&self) -> bool {
        self.kind != PayloadKind::Json || self.bytes.is_empty()
    }

    pub(crate) fn payload(&self) -> Payload<'_> {
        Payload {
            bytes: Cow::Borrowed(&self.bytes),
            kind: self.kind,
        }
    }

    /// Returns what the sender says that it is.
    pub(crate) fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Adds the content type to a block of headers.
    pub(crate) fn describe(&self, headers: &mut HeadersBuf) -> Result<(), HeadersError> {
        match &self.content_type {
            Some(content_type) => headers.push(Headers::CONTENT_TYPE, content_type),
            None => Ok(()),
        }
    }
}

impl From<Body> for Cow<'_, Body> {
    fn from(body: Body) -> Self {
        Cow::Owned(body)
    }
}

impl<'a> From<&'a Body> for Cow<'a, Body> {
    fn from(body: &'a Body) -> Self {
        Cow::Borrowed(body)
    }
}

const USUAL_LENGTH: usize = 128;
