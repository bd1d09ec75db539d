//! Where one message ends and the next begins in a run of bytes.
//!
//! Inside the session, text messages stand one a line whatever the transport: an encoder writes no raw line break, so
//! that one layout serves JSON lines and WebSocket text.

use buslane_protocol::{Encoding, binary};

/// Walks the whole messages of a run that this session wrote, each without the line end.
#[derive(Clone, Debug)]
pub(crate) struct Frames<'a> {
    encoding: Encoding,
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Walks `bytes`.
    pub(crate) fn new(encoding: Encoding, bytes: &'a [u8]) -> Self {
        Frames {
            encoding,
            rest: bytes,
        }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (frame, rest) = match self.encoding {
            Encoding::Binary => {
                let length = binary::frame_length(self.rest, usize::MAX).ok().flatten()?;
                self.rest.split_at_checked(length)?
            }
            Encoding::Json => {
                let end = memchr::memchr(b'\n', self.rest)?;
                (&self.rest[..end], &self.rest[end + 1..])
            }
        };
        self.rest = rest;
        Some(frame)
    }
}
