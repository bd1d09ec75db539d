//! Bytes that came from the broker and are not decoded yet: puts messages together that came in pieces.

use buslane_protocol::binary::{self, Preamble, PreambleError};
use buslane_protocol::{DecodeError, Encoding, ErrorCode, Framing, Problem};

use crate::error::own;

/// The bytes, and how far they are taken. The two are apart so that a message can be lent out of the one while the
/// other moves on.
#[derive(Debug)]
pub(crate) struct Inbound {
    buffer: Vec<u8>,
    cursor: Cursor,
}

/// How far an [`Inbound`] is taken.
#[derive(Debug)]
pub(crate) struct Cursor {
    framing: Framing,
    /// Where the next item begins.
    position: usize,
    /// Up to where there is no line end.
    scanned: usize,
    /// Whether the broker's preamble is still to come.
    preamble: bool,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// The broker's answer to the preamble: the version that it chose, if there is one.
    Version(Option<u8>),
    /// A whole message.
    Frame(&'a [u8]),
}

/// Why the bytes cannot be read any further.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// The broker's preamble is none.
    #[error("the broker's preamble is wrong: {0}")]
    Preamble(#[from] PreambleError),
    /// What should be a message is none.
    #[error("the broker sent what is no message: {0}")]
    Message(#[from] DecodeError),
}

impl Unreadable {
    /// Returns why the connection ends.
    pub(crate) fn problem(&self) -> Problem {
        let code = match self {
            Unreadable::Preamble(_) => ErrorCode::InvalidFrame,
            Unreadable::Message(error) => error.code(),
        };
        own(code).detail(self)
    }
}

impl Inbound {
    /// Makes an empty buffer.
    pub(crate) fn new(framing: Framing) -> Self {
        Inbound {
            buffer: Vec::new(),
            cursor: Cursor {
                framing,
                position: 0,
                scanned: 0,
                preamble: false,
            },
        }
    }

    /// Begins a connection.
    pub(crate) fn open(&mut self) {
        self.buffer.clear();
        let framing = self.cursor.framing;
        self.cursor = Cursor {
            framing,
            position: 0,
            scanned: 0,
            preamble: framing == Framing::Binary,
        };
    }

    /// Takes bytes of a raw transport.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.make_room();
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes one WebSocket message. As text it becomes a line; as binary it has to hold whole frames.
    pub(crate) fn append_message(&mut self, message: &[u8], limit: usize) -> Result<(), DecodeError> {
        if self.cursor.framing.encoding() == Encoding::Json {
            self.make_room();
            // A raw line break is only ever white space between tokens.
            self.buffer.extend(
                message
                    .iter()
                    .map(|&byte| if byte == b'\n' { b' ' } else { byte }),
            );
            self.buffer.push(b'\n');
            return Ok(());
        }
        let mut rest = message;
        while !rest.is_empty() {
            let length = binary::frame_length(rest, limit)?.unwrap_or(usize::MAX);
            rest = rest.get(length..).ok_or(DecodeError::Frame {
                reason: "a WebSocket message holds whole frames",
                offset: message.len() - rest.len(),
            })?;
        }
        self.append(message);
        Ok(())
    }

    /// Lends the bytes, and the place in them.
    pub(crate) fn parts(&mut self) -> (&[u8], &mut Cursor) {
        (&self.buffer, &mut self.cursor)
    }

    fn make_room(&mut self) {
        let Cursor {
            position, scanned, ..
        } = &mut self.cursor;
        self.buffer.drain(..*position);
        *scanned = scanned.saturating_sub(*position);
        *position = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
    }
}

impl Cursor {
    /// Takes the next item out of the bytes, if it is complete. A message may have up to `limit` bytes.
    pub(crate) fn next<'a>(&mut self, bytes: &'a [u8], limit: usize) -> Result<Option<Item<'a>>, Unreadable> {
        if self.preamble {
            let Some(preamble) = Preamble::parse(&bytes[self.position..])? else {
                return Ok(None);
            };
            self.preamble = false;
            self.position += Preamble::LENGTH;
            return Ok(Some(Item::Version(preamble.chosen())));
        }
        let frame = match self.framing.encoding() {
            Encoding::Binary => self.next_frame(bytes, limit)?,
            Encoding::Json => self.next_line(bytes, limit)?,
        };
        Ok(frame.map(Item::Frame))
    }

    fn next_frame<'a>(&mut self, bytes: &'a [u8], limit: usize) -> Result<Option<&'a [u8]>, DecodeError> {
        let rest = &bytes[self.position..];
        let Some(length) = binary::frame_length(rest, limit)? else {
            return Ok(None);
        };
        let Some(frame) = rest.get(..length) else {
            return Ok(None);
        };
        self.position += length;
        Ok(Some(frame))
    }

    fn next_line<'a>(&mut self, bytes: &'a [u8], limit: usize) -> Result<Option<&'a [u8]>, DecodeError> {
        loop {
            let from = self.scanned.max(self.position);
            let Some(found) = memchr::memchr(b'\n', &bytes[from..]) else {
                self.scanned = bytes.len();
                return within(bytes.len() - self.position, limit).map(|()| None);
            };
            let line = &bytes[self.position..from + found];
            within(line.len(), limit)?;
            self.position = from + found + 1;
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line.trim_ascii()));
            }
        }
    }
}

fn within(length: usize, limit: usize) -> Result<(), DecodeError> {
    if length > limit {
        Err(DecodeError::TooLarge { length, limit })
    } else {
        Ok(())
    }
}

/// Bytes of an empty buffer that is worth keeping.
const KEPT_BYTES: usize = 256 << 10;
