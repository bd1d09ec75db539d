//! JSON text: one object a message.
use crate::{BrokerMessage, ClientMessage, DecodeError};

/// Decodes the text of one message that a client sent.
pub fn decode_client(frame: &[u8]) -> Result<ClientMessage<'_>, DecodeError> { todo!("{frame:?}") }
/// Decodes the text of one message that a broker sent.
pub fn decode_broker(frame: &[u8]) -> Result<BrokerMessage<'_>, DecodeError> { todo!("{frame:?}") }
/// Appends a client's message as JSON text, without a line end.
pub fn encode_client(out: &mut Vec<u8>, message: &ClientMessage<'_>) { todo!("{out:?}{message:?}") }
/// Appends a broker's message as JSON text, without a line end.
pub fn encode_broker(out: &mut Vec<u8>, message: &BrokerMessage<'_>) { todo!("{out:?}{message:?}") }
