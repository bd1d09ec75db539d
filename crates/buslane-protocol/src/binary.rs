//! Binary frames: a fixed header that the broker routes by without parsing JSON.
use crate::{BrokerMessage, ClientMessage, DecodeError};

/// Finds the length of the frame that begins at `bytes`, `None` while its length field is not complete.
pub fn frame_length(bytes: &[u8], limit: usize) -> Result<Option<usize>, DecodeError> { todo!("{bytes:?}{limit}") }
/// Decodes one whole frame that a client sent.
pub fn decode_client(frame: &[u8]) -> Result<ClientMessage<'_>, DecodeError> { todo!("{frame:?}") }
/// Decodes one whole frame that a broker sent.
pub fn decode_broker(frame: &[u8]) -> Result<BrokerMessage<'_>, DecodeError> { todo!("{frame:?}") }
/// Appends a client's message as one frame.
pub fn encode_client(out: &mut Vec<u8>, message: &ClientMessage<'_>) { todo!("{out:?}{message:?}") }
/// Appends a broker's message as one frame.
pub fn encode_broker(out: &mut Vec<u8>, message: &BrokerMessage<'_>) { todo!("{out:?}{message:?}") }
