//! JSON text: one object a message.
//!
//! Owns the names and types of the members. A frequent message in its usual shape is read without a parser. Otherwise one
//! pass over the text finds every member of a frequent message, borrowed from it; the text of a rare message is parsed
//! again into its own type.

mod broker;
mod client;
#[cfg(feature = "diagnosis")]
mod diagnosis;
mod encode;
mod envelope;
mod headers;
mod parser;
mod plain;
mod rare;
mod reader;
mod usual;

pub use plain::PlainLine;
use serde::Deserialize;

use crate::{BrokerMessage, ClientMessage, DecodeError};

/// Decodes the text of one message that a client sent.
///
/// An object with `name` and without `type` is a `register`. Members that are not known are ignored; one that is
/// known and occurs twice is an error.
pub fn decode_client(text: &[u8]) -> Result<ClientMessage<'_>, DecodeError> {
    client::decode(text)
}

/// Decodes the text of one message that a broker sent.
pub fn decode_broker(text: &[u8]) -> Result<BrokerMessage<'_>, DecodeError> {
    broker::decode(text)
}

/// Decodes the text of one rare message that a broker sent, as a binary frame holds it; `None` if it is of a type that
/// has a layout of its own there.
pub(crate) fn decode_rare_broker(text: &[u8]) -> Result<Option<BrokerMessage<'static>>, DecodeError> {
    broker::decode_rare(text)
}

/// Appends a client's message as JSON text, without a line end.
///
/// The text has no line break, so that a line can hold it. A payload that says that it is JSON, was never checked
/// and is not, is written as base64: no text of a payload can pass for a part of the envelope.
pub fn encode_client(out: &mut Vec<u8>, message: &ClientMessage<'_>) {
    encode::client(out, message);
}

/// Appends a client's message of a rare type as JSON text, as a binary frame holds it; of another type nothing.
pub(crate) fn encode_rare_client(out: &mut Vec<u8>, message: &ClientMessage<'_>) {
    encode::client_rare(out, message);
}

/// Appends a broker's message as JSON text, without a line end. What [`encode_client`] says of payloads holds.
pub fn encode_broker(out: &mut Vec<u8>, message: &BrokerMessage<'_>) {
    encode::broker(out, message);
}

/// Reads bytes as text.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    str::from_utf8(bytes).map_err(|error| DecodeError::Json {
        reason: error.to_string(),
    })
}

/// Reads a JSON text that is an object, as the parts of rare messages are.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    rare::parse(text)
}

/// The bytes that stand for themselves in a JSON string.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < b' ' {
        plain[byte as usize] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};
