//! A simulated connection: two pipes, what each end has not dealt with yet, and where the broker stands with it.

use buslane_engine::ClientId;
use buslane_protocol::binary::Preamble;
use buslane_protocol::{
    BrokerMessage, ClientMessage, DecodeError, Encoding, ErrorCode, Framing, Instant, binary, json,
};

use crate::inlet::Inlet;
use crate::pipe::Pipe;
use crate::said::Said;
use crate::websocket::UPGRADE;

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
    pub(crate) input: Inlet,
    /// The message over which the broker still thinks, and with what it was refused meanwhile.
    pub(crate) parked: Option<(Said, Option<ErrorCode>)>,
    /// Whether the broker takes no messages until that is decided.
    pub(crate) paused: bool,
    /// Whether the pipe took less than the broker had, and when to try again if there was room.
    pub(crate) blocked: bool,
    pub(crate) retry_at: Option<Instant>,
    /// What the broker wrote and the oracle has not looked at yet.
    pub(crate) tap: Inlet,
    /// What the peer read and did not handle yet.
    pub(crate) received: Inlet,
    /// Whether the broker's greeting is still to come, where there is one.
    pub(crate) ungreeted: bool,
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
            input: Inlet::new(framing),
            parked: None,
            paused: false,
            blocked: false,
            retry_at: None,
            tap: Inlet::new(framing),
            received: Inlet::new(framing),
            ungreeted: framing != Framing::JsonLines,
        }
    }

    /// Tells whether the broker reads from it.
    pub(crate) fn is_read(&self) -> bool {
        !self.over && !self.paused
    }

    /// Takes what stands before the first message off the input, if the framing has it: nothing while it is not whole,
    /// or whether it is good.
    pub(crate) fn take_greeting(&mut self) -> Option<bool> {
        match self.framing {
            Framing::JsonLines => self.input.is_within().then_some(true),
            Framing::WebSocketBinary | Framing::WebSocketText => self.input.take_upgrade(),
            Framing::Binary => match Preamble::parse(self.input.rest()) {
                Ok(None) => None,
                Ok(Some(preamble)) => {
                    self.input.skip(Preamble::LENGTH);
                    Some(preamble.choose(1, 1).is_some())
                }
                Err(_) => Some(false),
            },
        }
    }

    /// Takes the broker's greeting off what the peer read; tells whether it has come.
    pub(crate) fn is_greeted(&mut self) -> bool {
        let length = match self.framing {
            Framing::Binary => Preamble::LENGTH,
            _ => UPGRADE.len(),
        };
        if self.ungreeted && self.received.rest().len() >= length {
            self.received.skip(length);
            self.ungreeted = false;
        }
        !self.ungreeted
    }
}

/// Reads a client's message as the broker's driver does.
pub(crate) fn decode_client(framing: Framing, frame: &[u8]) -> Result<ClientMessage<'_>, DecodeError> {
    match framing.encoding() {
        Encoding::Binary => binary::decode_client(frame),
        Encoding::Json => json::decode_client(frame),
    }
}

/// Reads a broker's message.
pub(crate) fn decode_broker(framing: Framing, frame: &[u8]) -> Result<BrokerMessage<'_>, DecodeError> {
    match framing.encoding() {
        Encoding::Binary => binary::decode_broker(frame),
        Encoding::Json => json::decode_broker(frame),
    }
}

/// Tells whether messages are those of a WebSocket.
pub(crate) fn is_websocket(framing: Framing) -> bool {
    matches!(framing, Framing::WebSocketBinary | Framing::WebSocketText)
}
