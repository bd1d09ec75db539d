//! Bytes on their way to the transport: one buffer that messages are appended to and that is swapped out whole.

use buslane_protocol::binary::{self, PlainPublish, Preamble};
use buslane_protocol::{ClientMessage, Encoding, Framing, Headers, Publish, Retain};

use crate::frames::Frames;

/// Bytes to write, in whole messages. Hand it back by [`recycle`](crate::Session::recycle) when they are written.
#[derive(Debug, PartialEq, Eq)]
pub struct Transmit {
    bytes: Vec<u8>,
    framing: Framing,
}

impl Transmit {
    /// Returns all bytes, to be written in one go on a raw transport.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bytes in the portions that each make one WebSocket message: one JSON object each as text, or runs
    /// of whole frames as binary. On a raw transport it is all bytes in one portion.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        Messages {
            framing: self.framing,
            rest: &self.bytes,
        }
    }
}

#[derive(Debug)]
struct Messages<'a> {
    framing: Framing,
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let whole = self.rest;
        let length = match self.framing {
            Framing::WebSocketText => Frames::new(Encoding::Json, whole).next().map(<[u8]>::len),
            Framing::WebSocketBinary => Some(run_length(whole)),
            Framing::Binary | Framing::JsonLines => None,
        };
        let (message, rest) = whole.split_at(length.unwrap_or(whole.len()));
        self.rest = rest
            .strip_prefix(b"\n")
            .filter(|_| self.framing == Framing::WebSocketText)
            .unwrap_or(rest);
        Some(message)
    }
}

/// Measures the frames that go into one WebSocket message: as many as fit, at least one.
fn run_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    for frame in Frames::new(Encoding::Binary, bytes) {
        if length > 0 && length + frame.len() > RUN_BYTES {
            break;
        }
        length += frame.len();
    }
    if length == 0 { bytes.len() } else { length }
}

/// What waits to be written on the present connection.
#[derive(Debug)]
pub(crate) struct Outgoing {
    framing: Framing,
    buffer: Vec<u8>,
    spare: Vec<u8>,
    batch: Batch,
}

/// Numbers the buffers that were handed out. What stands in the present one is not sent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch(u64);

impl Outgoing {
    /// Makes an empty buffer.
    pub(crate) fn new(framing: Framing) -> Self {
        Outgoing {
            framing,
            buffer: Vec::new(),
            spare: Vec::new(),
            batch: Batch(0),
        }
    }

    /// Begins a connection, with the preamble where the framing has one.
    pub(crate) fn open(&mut self) {
        self.buffer.clear();
        if self.framing == Framing::Binary {
            self.buffer.extend_from_slice(&Preamble::OURS.encode());
        }
    }

    /// Appends a message. What it returns tells later whether the message was sent.
    pub(crate) fn push(&mut self, message: &ClientMessage<'_>) -> Batch {
        encode(self.framing, &mut self.buffer, message);
        self.batch
    }

    /// Appends a publish that asks for nothing but its delivery.
    pub(crate) fn push_plain(&mut self, publish: PlainPublish<'_>) {
        match self.framing.encoding() {
            Encoding::Binary => self.push_frame(&publish),
            Encoding::Json => {
                let PlainPublish { topic, payload } = publish;
                let publish = Publish {
                    id: None,
                    topic,
                    headers: Headers::default(),
                    payload,
                    ack: false,
                    retain: Retain::Keep,
                    retain_ms: None,
                    exclude_self: false,
                };
                self.push(&ClientMessage::Publish(publish));
            }
        }
    }

    /// Appends the frame of a publish that asks for nothing but its delivery.
    #[inline]
    pub(crate) fn push_frame(&mut self, publish: &PlainPublish<'_>) {
        publish.write(&mut self.buffer);
    }

    /// Appends a message that is encoded already.
    pub(crate) fn push_encoded(&mut self, frame: &[u8]) -> Batch {
        self.buffer.extend_from_slice(frame);
        if self.framing.encoding() == Encoding::Json {
            self.buffer.push(b'\n');
        }
        self.batch
    }

    /// Hands the buffer out.
    pub(crate) fn take(&mut self) -> Option<Transmit> {
        if self.buffer.is_empty() {
            return None;
        }
        self.batch.0 += 1;
        let bytes = std::mem::replace(&mut self.buffer, std::mem::take(&mut self.spare));
        Some(Transmit {
            bytes,
            framing: self.framing,
        })
    }

    /// Takes an emptied buffer back.
    pub(crate) fn recycle(&mut self, transmit: Transmit) {
        let Transmit { mut bytes, .. } = transmit;
        if bytes.capacity() <= KEPT_BYTES && bytes.capacity() > self.spare.capacity() {
            bytes.clear();
            self.spare = bytes;
        }
    }

    /// Ends a connection: returns the bytes that were never handed out.
    pub(crate) fn close(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Tells whether a message was handed out.
    pub(crate) fn is_sent(&self, batch: Batch) -> bool {
        batch != self.batch
    }

    /// Returns how many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }
}

/// Appends a message with the line end that text has inside the session.
pub(crate) fn encode(framing: Framing, out: &mut Vec<u8>, message: &ClientMessage<'_>) {
    match framing.encoding() {
        #[cfg(feature = "json")]
        Encoding::Json => {
            buslane_protocol::json::encode_client(out, message);
            out.push(b'\n');
        }
        _ => binary::encode_client(out, message),
    }
}

/// Bytes of one WebSocket message, unless a single frame is longer: below what a broker takes before `connect`.
const RUN_BYTES: usize = 32 << 10;
/// Bytes of an emptied buffer that is worth keeping: twice what drivers let wait, and some, since buffers grow twofold.
const KEPT_BYTES: usize = 320 << 10;
