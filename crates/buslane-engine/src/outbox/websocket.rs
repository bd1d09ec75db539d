//! The header of a WebSocket message (RFC 6455, section 5.2) as a server writes it before binary frames: one whole
//! message, not masked.
//!
//! ```text
//!  0x82 | length < 126
//!  0x82 | 126 | length u16, big-endian
//!  0x82 | 127 | length u64, big-endian
//! ```

use buslane_protocol::Framing;

/// A header, of up to [`Header::MAX`] bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    bytes: [u8; Header::MAX],
    length: u8,
}

impl Header {
    /// The longest header, in bytes.
    pub(crate) const MAX: usize = 10;

    /// Makes the header that stands before frames of `length` bytes: empty but for [`Framing::WebSocketBinary`].
    pub(crate) fn new(framing: Framing, length: usize) -> Header {
        let mut bytes = [0; Header::MAX];
        let short = length.min(126) as u8;
        bytes[..2].copy_from_slice(&[0x82, short]);
        let header_length = Self::length(framing, length);
        match header_length {
            4 => bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes()),
            10 => {
                bytes[1] = 127;
                bytes[2..].copy_from_slice(&(length as u64).to_be_bytes());
            }
            _ => {}
        }
        Header {
            bytes,
            length: header_length as u8,
        }
    }

    /// Returns the length of the header before frames of `length` bytes.
    #[inline]
    pub(crate) fn length(framing: Framing, length: usize) -> usize {
        match length {
            _ if framing != Framing::WebSocketBinary => 0,
            0..126 => 2,
            126..0x1_0000 => 4,
            _ => 10,
        }
    }

    /// Returns the bytes to keep free before frames, so that any header fits.
    #[inline]
    pub(crate) fn room(framing: Framing) -> usize {
        if framing == Framing::WebSocketBinary {
            Self::MAX
        } else {
            0
        }
    }
}

impl std::ops::Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_takes_the_shortest_form() {
        let header = |length| Header::new(Framing::WebSocketBinary, length).to_vec();
        assert_eq!(header(125), [0x82, 125]);
        assert_eq!(header(126), [0x82, 126, 0, 126]);
        assert_eq!(header(0xffff), [0x82, 126, 0xff, 0xff]);
        assert_eq!(header(0x1_0000), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn other_framings_have_no_header() {
        for framing in [Framing::Binary, Framing::JsonLines, Framing::WebSocketText] {
            assert!(Header::new(framing, 1000).is_empty());
            assert_eq!(Header::room(framing), 0);
        }
    }
}
