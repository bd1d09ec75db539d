//! What another language sends: bytes and what they are. Checks nothing that the client checks.

use buslane_client::{Body, ErrorCode};

use crate::Failure;

/// What is sent: JSON text, or any bytes with a content type. No bytes at all are no payload.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// What they are; `None` for JSON text.
    pub content_type: Option<&'a str>,
}

impl Content<'_> {
    /// Makes the body that the client sends. Fails with `invalid_payload` if JSON text is no UTF-8.
    pub fn body(&self) -> Result<Body, Failure> {
        match self.content_type {
            Some(content_type) => Ok(Body::bytes(content_type.to_owned(), self.bytes)),
            None => match std::str::from_utf8(self.bytes) {
                Ok(text) => Ok(Body::json_text(text)),
                Err(error) => Err(Failure::new(ErrorCode::InvalidPayload, error)),
            },
        }
    }
}

impl<'a> From<&'a str> for Content<'a> {
    fn from(text: &'a str) -> Content<'a> {
        Content {
            bytes: text.as_bytes(),
            content_type: None,
        }
    }
}
