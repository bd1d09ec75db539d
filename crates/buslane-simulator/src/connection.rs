//! A simulated connection: two pipes, what each end has not dealt with yet, and where the broker stands with it.

use buslane_engine::ClientId;
use buslane_protocol::binary::{Preamble, frame_length};
use buslane_protocol::{
    BrokerMessage, ClientMessage, DecodeError, Encoding, ErrorCode, Framing, Instant, binary, json,
};

use crate::pipe::Pipe;
use crate::said::Said;

/// A simulated connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: usize,
    pub(crate) framing: Framing,
    pub(crate) principal: usize,
    /// From the peer to the broker, and back.
    pub(crate) up: Pipe,
    pub(crate) down: Pipe,
    /// Whether the peer still holds its end.
    pub(crate) attached: bool,
    /// The broker's handle, from when it took the connection in until it has closed it.
    pub(crate) client: Option<ClientId>,
    /// Whether the broker has done with it.
    pub(crate) over: bool,
    /// What the broker read and did not handle yet.
    pub(crate) input: Vec<u8>,
    /// The message over which the broker still thinks, and with what it was refused meanwhile.
    pub(crate) parked: Option<(Said, Option<ErrorCode>)>,
    /// Whether the broker takes no messages until that is decided.
    pub(crate) paused: bool,
    /// Whether the pipe took less than the broker had, and when to try again if there was room.
    pub(crate) blocked: bool,
    pub(crate) retry_at: Option<Instant>,
    /// What the broker wrote and the oracle has not looked at yet.
    pub(crate) tap: Vec<u8>,
}

impl Connection {
    /// Makes a connection of which the broker knows nothing yet.
    pub(crate) fn new(peer: usize, framing: Framing, principal: usize, up: Pipe, down: Pipe) -> Self {
        Connection {
            peer,
            framing,
            principal,
            up,
            down,
            attached: true,
            client: None,
            over: false,
            input: Vec::new(),
            parked: None,
            paused: false,
            blocked: false,
            retry_at: None,
            tap: Vec::new(),
        }
    }

    /// Tells whether the broker reads from it.
    pub(crate) fn is_read(&self) -> bool {
        !self.over && !self.paused
    }

    /// Takes the preamble off the input: nothing while it is not whole, or whether it is a good one.
    pub(crate) fn take_preamble(&mut self) -> Option<bool> {
        match Preamble::parse(&self.input) {
            Ok(None) => None,
            Ok(Some(preamble)) => {
                self.input.drain(..Preamble::LENGTH);
                Some(preamble.choose(1, 1).is_some())
            }
            Err(_) => Some(false),
        }
    }

    /// Takes the first whole message off the input.
    pub(crate) fn take_message(&mut self, limit: usize) -> Result<Option<Vec<u8>>, DecodeError> {
        take_message(self.framing, &mut self.input, limit)
    }

    /// Takes the first whole message off what the broker wrote.
    pub(crate) fn take_written(&mut self) -> Option<Vec<u8>> {
        let taken = take_message(self.framing, &mut self.tap, usize::MAX);
        taken.expect("without a limit no message is too long")
    }
}

/// Takes the first whole message off bytes, its line end included.
pub(crate) fn take_message(
    framing: Framing,
    bytes: &mut Vec<u8>,
    limit: usize,
) -> Result<Option<Vec<u8>>, DecodeError> {
    let length = match framing.encoding() {
        Encoding::Binary => frame_length(bytes, limit)?,
        Encoding::Json => {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let length = end.unwrap_or(bytes.len());
            if length > limit {
                return Err(DecodeError::TooLarge { length, limit });
            }
            end.map(|end| end + 1)
        }
    };
    Ok(length
        .filter(|length| *length <= bytes.len())
        .map(|length| bytes.drain(..length).collect()))
}

/// Reads a client's message as the broker's driver does.
pub(crate) fn decode_client(framing: Framing, frame: &[u8]) -> Result<ClientMessage<'_>, DecodeError> {
    match framing.encoding() {
        Encoding::Binary => binary::decode_client(frame),
        Encoding::Json => json::decode_client(without_end(frame)),
    }
}

/// Reads a broker's message.
pub(crate) fn decode_broker(framing: Framing, frame: &[u8]) -> Result<BrokerMessage<'_>, DecodeError> {
    match framing.encoding() {
        Encoding::Binary => binary::decode_broker(frame),
        Encoding::Json => json::decode_broker(without_end(frame)),
    }
}

/// Cuts the line end off.
pub(crate) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
