//! What a publish or a request carries, as the SDK takes it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use buslane_client::Body;
use serde_json::Value;

use crate::format::Outgoing;

impl Outgoing {
    /// Makes the payload.
    pub(crate) fn body(&self) -> Body {
        let typed = |bytes: Vec<u8>| Body::bytes(self.content_type.clone().unwrap_or_default(), bytes);
        let bytes = self
            .payload_base64
            .as_ref()
            .map(|text| BASE64_STANDARD.decode(text));
        match (&self.payload, &self.payload_text, bytes, self.payload_bytes) {
            (Some(value), ..) => Body::json_text(value.to_string()),
            (_, Some(text), ..) => Body::json_text(text),
            (_, _, Some(bytes), _) => typed(bytes.expect("the schema wants base64")),
            (.., Some(length)) => Body::json_text(format!("\"{}\"", "x".repeat(length))),
            _ => Body::none(),
        }
    }

    /// Returns headers and what is said about the payload, under the names of headers.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let content = self.content.iter().map(|(member, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (format!(":{}", member.replace('_', "-")), value)
        });
        // Of bytes, the type goes with the body.
        let content_type = self.content_type.iter().filter(|_| self.payload_base64.is_none());
        let content_type = content_type.map(|value| (":content-type".to_owned(), value.clone()));
        let headers = self.headers.clone().into_iter();
        headers.chain(content).chain(content_type).collect()
    }
}

/// Returns the value of a member that says something about a payload, as JSON text has it.
pub(crate) fn content_value(name: &str, value: &str) -> Value {
    match name {
        "sent-at" | "attempts" | "status" => value.parse::<i64>().map_or_else(|_| value.into(), Value::from),
        _ => value.into(),
    }
}

/// Writes bytes as base64.
pub(crate) fn base64(bytes: &[u8]) -> Value {
    BASE64_STANDARD.encode(bytes).into()
}
