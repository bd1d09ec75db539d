//! Binary frames: a fixed header that the broker routes by without parsing JSON.
//!
//! Owns the layout of frames and of the preamble before them. Payloads and headers are borrowed and copied verbatim.
//!
//! All integers are little-endian; both directions share the type codes.
//!
//! ```text
//!  0 u32 length of what follows these four bytes
//!  4 u8  type
//!  5 u8  flags
//!  6 u8  id length
//!  7 u8  attempt          request to a callee
//!  8 u16 from length      0 from clients
//! 10 u16 target length    topic or address
//! 12 u16 headers length
//! 14 u16 credit           request
//! 16 u32 time_ms          request: deadline; publish: lifetime of the retained value
//! 20 u64 number           delivery, sequence or receivers
//! 28 id | from | target | headers | payload
//! ```
//!
//! The frequent messages use these fields; the payload of a rare one is exactly its JSON text and its other lengths
//! are 0.

mod broker;
mod client;
mod layout;
mod plain;
mod preamble;
mod rare;

pub use client::ClientFrames;
pub use plain::{PlainDelivery, PlainPublish};
pub use preamble::{Preamble, PreambleError};

use crate::{BrokerMessage, ClientMessage, DecodeError};

/// Bytes of the fixed header, with which every frame begins.
pub const HEADER: usize = layout::HEADER;

/// Finds the length of the frame that begins at `bytes`, `None` while its length field is not complete.
///
/// The length counts the whole frame. Past `limit` it is [`DecodeError::TooLarge`], so that nobody waits for, or
/// makes room for, a frame that will be refused.
///
/// ```
/// use buslane_protocol::binary::frame_length;
/// assert_eq!(frame_length(&[24, 0, 0], 1024), Ok(None));
/// assert_eq!(frame_length(&[24, 0, 0, 0], 1024), Ok(Some(28)));
/// assert!(frame_length(&[0, 0, 0, 1], 1024).is_err());
/// ```
pub fn frame_length(bytes: &[u8], limit: usize) -> Result<Option<usize>, DecodeError> {
    layout::frame_length(bytes, limit)
}

/// Decodes one whole frame that a client sent. Many in one buffer are decoded faster by [`ClientFrames`].
pub fn decode_client(frame: &[u8]) -> Result<ClientMessage<'_>, DecodeError> {
    ClientFrames::default().decode(frame)
}

/// Decodes one whole frame that holds a request or a publish, which a client may hold back for later; `None` for any
/// other. Knows no rare message.
pub fn decode_held(frame: &[u8]) -> Result<Option<ClientMessage<'_>>, DecodeError> {
    client::decode_held(&layout::Frame::parse(frame)?)
}

/// Decodes one whole frame that a broker sent.
pub fn decode_broker(frame: &[u8]) -> Result<BrokerMessage<'_>, DecodeError> {
    broker::decode(&layout::Frame::parse(frame)?)
}

/// Appends a client's message as one frame.
///
/// What the layout cannot hold is brought into range: a credit over 65,535 becomes 65,535, a bound of 0 ms becomes
/// 1 ms, a sender's name over 65,535 bytes is cut.
pub fn encode_client(out: &mut Vec<u8>, message: &ClientMessage<'_>) {
    client::encode(out, message);
}

/// Appends a broker's message as one frame, with the same corrections as [`encode_client`].
pub fn encode_broker(out: &mut Vec<u8>, message: &BrokerMessage<'_>) {
    broker::encode(out, message);
}
