//! The engine's surface: takes each input to the part that it concerns. Holds no rule of its own.

use std::io::{self, IoSlice};
use std::time::Duration;

use buslane_protocol::{ClientMessage, DecodeError, Instant, Problem};

use crate::{
    ClientId, CloseReason, Config, Contracts, Counters, Flow, Gauges, Output, Peer, Ticket, Transmit,
    Violation,
};

/// The broker's half as a state machine. See the [crate's front page](crate).
pub struct Engine {
    config: Config,
    counters: Counters,
}

impl Engine {
    /// Makes an engine without clients.
    pub fn new(config: Config) -> Self {
        Engine {
            config,
            counters: Counters::default(),
        }
    }

    /// Takes in a connection whose transport is ready: after a WebSocket's upgrade, after the preamble of raw binary,
    /// at once on JSON lines. Refused with `too_many_connections`, `memory_full` or `draining`: tell the peer as its
    /// framing allows, and close.
    pub fn open(&mut self, now: Instant, peer: Peer) -> Result<ClientId, Problem> {
        let _ = (now, peer);
        Err(Problem::new(buslane_protocol::ErrorCode::TooManyConnections))
    }

    /// Takes in one message of a client and routes it at once, into the outboxes of whom it concerns.
    pub fn handle(&mut self, now: Instant, client: ClientId, message: ClientMessage<'_>) -> Flow {
        let _ = (now, client, message);
        Flow::Close
    }

    /// Takes in a frame that is no message: the client is told why, and loses its connection only if the place of the
    /// next frame is unknown.
    pub fn refuse(&mut self, now: Instant, client: ClientId, error: &DecodeError) -> Flow {
        let _ = (now, client, error);
        Flow::Close
    }

    /// Notes that bytes of a client arrived. Once per read is enough, and a WebSocket's pong counts.
    pub fn touch(&mut self, now: Instant, client: ClientId) {
        let _ = (now, client);
    }

    /// Puts bytes into a client's control lane exactly as they are to stand on the wire, between two messages: a
    /// WebSocket's pong or close frame, of which only the driver knows.
    pub fn send_raw(&mut self, now: Instant, client: ClientId, wire: &[u8]) {
        let _ = (now, client, wire);
    }

    /// Takes in that a transport is gone, whoever ended it, and frees the client's id.
    pub fn close(&mut self, now: Instant, client: ClientId, reason: CloseReason) {
        let _ = (now, client, reason);
    }

    /// Takes in the answer to an [`Output::Compile`]. The problem of a failure is what the registering client is
    /// told, so it names the place: `invalid_schema`.
    pub fn compiled(&mut self, now: Instant, ticket: Ticket, result: Result<Contracts, Problem>) {
        let _ = (now, ticket, result);
    }

    /// Takes in the answer to an [`Output::Validate`].
    pub fn validated(&mut self, now: Instant, ticket: Ticket, result: Result<(), Violation>) {
        let _ = (now, ticket, result);
    }

    /// Does what is due. Calling it early or often does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// Returns when [`Engine::handle_timeout`] has something to do. May be early, is never late.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Returns the next thing that the driver is to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// Returns a client whose outbox got bytes since it was last asked about. Each is named once, until
    /// more bytes come; a client that is [`Transmit::Blocked`] is the driver's to come back to.
    pub fn poll_dirty(&mut self) -> Option<ClientId> {
        None
    }

    /// Offers a client's queued bytes to `write`, which returns how many it took, until nothing is left or it takes
    /// less than it was offered (`WouldBlock` means that it took nothing). Any other error is returned.
    ///
    /// For [`Framing::WebSocketBinary`](buslane_protocol::Framing::WebSocketBinary) the bytes include the WebSocket
    /// headers, as for every framing they include all that stands on the wire.
    pub fn transmit(
        &mut self,
        now: Instant,
        client: ClientId,
        write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<Transmit> {
        let _ = (now, client, write);
        Ok(Transmit::Empty)
    }

    /// Stops taking in connections, registrations and requests, and tells every client when its connection will be
    /// closed. Requests in flight go on.
    pub fn drain(&mut self, now: Instant, closes_in: Duration) {
        let _ = (now, closes_in);
    }

    /// Returns what happened since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns what is there at this moment.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            memory_limit: self.config.limits.memory as u64,
            ..Gauges::default()
        }
    }
}
