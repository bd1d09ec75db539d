//! The header of a WebSocket message (RFC 6455, section 5.2), as a server writes it.

use buslane_protocol::Framing;

/// The header before a message of `length` bytes, empty for other framings than [`Framing::WebSocketBinary`].
pub(crate) fn header(framing: Framing, length: usize) -> Header {
    todo!("{framing:?}{length}")
}

/// Up to [`Header::MAX`] bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    bytes: [u8; Header::MAX],
    length: u8,
}

impl Header {
    /// The longest header, in bytes.
    pub(crate) const MAX: usize = 10;
}

impl std::ops::Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}
