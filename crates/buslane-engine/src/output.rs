//! What the engine asks of its driver.

use std::fmt;
use std::sync::Arc;

use crate::{ClientId, CompareRequest, CompileRequest, Notice, Ticket, Validate};

/// What the driver does next with the client whose message was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Hands in the next frame.
    Continue,
    /// Hands in no frame of this client, and reads none, until [`Output::Resume`]. The frame handed in counts as
    /// handled.
    Pause,
    /// Hands in nothing more: an [`Output::Close`] says why and comes as well.
    Close,
}

/// What the engine asks of its driver.
pub enum Output {
    /// Compile these schemas anywhere but on the engine's thread, then call
    /// [`Engine::compiled`](crate::Engine::compiled).
    Compile {
        /// Names the work.
        ticket: Ticket,
        /// What is to be compiled.
        request: CompileRequest,
    },
    /// Compare these two versions of a service anywhere but on the engine's thread, then call
    /// [`Engine::compared`](crate::Engine::compared).
    Compare {
        /// Names the work.
        ticket: Ticket,
        /// What is to be compared.
        request: CompareRequest,
    },
    /// Validate this payload anywhere but on the engine's thread, then call
    /// [`Engine::validated`](crate::Engine::validated).
    Validate {
        /// Names the work.
        ticket: Ticket,
        /// The compiled schema.
        validator: Arc<dyn Validate>,
        /// The payload's text.
        payload: Arc<[u8]>,
    },
    /// The frames of a client that was paused are welcome again.
    Resume {
        /// The client.
        client: ClientId,
    },
    /// Write what [`Engine::transmit`](crate::Engine::transmit) still has, for as long as the socket takes it at once, then
    /// end the connection and call [`Engine::close`](crate::Engine::close). Nothing more is handed in for the client.
    Close {
        /// The client.
        client: ClientId,
        /// Why.
        reason: CloseReason,
    },
    /// Something for the log.
    Log(Notice),
}

impl fmt::Debug for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Compile { ticket, request } => formatter
                .debug_struct("Compile")
                .field("ticket", ticket)
                .field("request", request)
                .finish(),
            Output::Compare { ticket, request } => formatter
                .debug_struct("Compare")
                .field("ticket", ticket)
                .field("request", request)
                .finish(),
            Output::Validate { ticket, payload, .. } => {
                let bytes = payload.len();
                formatter
                    .debug_struct("Validate")
                    .field("ticket", ticket)
                    .field("bytes", &bytes)
                    .finish()
            }
            Output::Resume { client } => formatter.debug_struct("Resume").field("client", client).finish(),
            Output::Close { client, reason } => formatter
                .debug_struct("Close")
                .field("client", client)
                .field("reason", reason)
                .finish(),
            Output::Log(notice) => formatter.debug_tuple("Log").field(notice).finish(),
        }
    }
}

/// Where a call of [`Engine::transmit`](crate::Engine::transmit) stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// Nothing is left to write.
    Empty,
    /// The transport took less than it was offered: come back when it is writable.
    Blocked,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client said `goodbye`.
    Goodbye,
    /// The client ended its side of the transport.
    EndOfStream,
    /// Reading or writing failed.
    Transport,
    /// The bytes lost their framing, or a frame was too long.
    Framing,
    /// No complete first frame came in time.
    HandshakeTimeout,
    /// The client was silent for too long.
    HeartbeatTimeout,
    /// The client did not prove who it is.
    Unauthenticated,
    /// The client speaks no version, or needs a feature, that this broker has.
    Unsupported,
    /// Another connection took the client's instance over.
    TakenOver,
    /// The client does not read its control messages and replies.
    ControlFull,
    /// A delivery did not fit, and one of the client's subscriptions asks for a disconnect then.
    DeliveriesFull,
    /// There was no memory for the rest of a frame that the client had begun.
    MemoryFull,
    /// The broker shuts down.
    Shutdown,
}

impl CloseReason {
    /// Every reason, in the order of their declaration.
    pub const ALL: &'static [CloseReason] = &[
        CloseReason::Goodbye,
        CloseReason::EndOfStream,
        CloseReason::Transport,
        CloseReason::Framing,
        CloseReason::HandshakeTimeout,
        CloseReason::HeartbeatTimeout,
        CloseReason::Unauthenticated,
        CloseReason::Unsupported,
        CloseReason::TakenOver,
        CloseReason::ControlFull,
        CloseReason::DeliveriesFull,
        CloseReason::MemoryFull,
        CloseReason::Shutdown,
    ];

    /// Returns the reason as a word for logs, events and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            CloseReason::Goodbye => "goodbye",
            CloseReason::EndOfStream => "end_of_stream",
            CloseReason::Transport => "transport",
            CloseReason::Framing => "framing",
            CloseReason::HandshakeTimeout => "handshake_timeout",
            CloseReason::HeartbeatTimeout => "heartbeat_timeout",
            CloseReason::Unauthenticated => "unauthenticated",
            CloseReason::Unsupported => "unsupported",
            CloseReason::TakenOver => "taken_over",
            CloseReason::ControlFull => "control_full",
            CloseReason::DeliveriesFull => "deliveries_full",
            CloseReason::MemoryFull => "memory_full",
            CloseReason::Shutdown => "shutdown",
        }
    }
}
