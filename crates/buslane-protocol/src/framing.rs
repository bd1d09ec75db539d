//! How a connection writes messages: which encoding, and what stands around each message on the wire.

/// One of the two encodings of the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Binary frames.
    Binary,
    /// JSON text.
    Json,
}

/// What stands on the wire around each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Binary frames one after another; the frame's first four bytes are its length.
    Binary,
    /// One JSON object a line, ended by `\n`.
    JsonLines,
    /// WebSocket binary messages, each of one or more whole binary frames.
    WebSocketBinary,
    /// WebSocket text messages, each of one JSON object.
    WebSocketText,
}

impl Framing {
    /// Returns the encoding of the messages.
    pub const fn encoding(self) -> Encoding {
        match self {
            Framing::Binary | Framing::WebSocketBinary => Encoding::Binary,
            Framing::JsonLines | Framing::WebSocketText => Encoding::Json,
        }
    }
}

impl Framing {
    /// Appends a broker's message with what stands around it on this wire. For [`Framing::WebSocketBinary`] that is
    /// the bare frame: whoever writes puts one WebSocket header before a run of frames.
    pub fn encode(self, out: &mut Vec<u8>, message: &crate::BrokerMessage<'_>) { todo!("{out:?}{message:?}") }

    /// Returns the length of the first message in bytes that [`Framing::encode`] wrote.
    pub fn first(self, written: &[u8]) -> usize { todo!("{written:?}") }
}
