//! The session itself: takes input, gives output, and hands each concern to the file that owns it.

use buslane_protocol::{
    BrokerMessage, Connected, DecodeError, Encoding, ErrorCode, Instant, Problem, binary,
};

use crate::core::Core;
use crate::error::own;
use crate::inbound::{Inbound, Item, Unreadable};
use crate::{Action, Config, Counters, Event, State, Transmit};

/// The client's half of the protocol. See the [crate's front page](crate) for how it is driven.
#[derive(Debug)]
pub struct Session {
    pub(crate) core: Core,
    inbound: Inbound,
}

impl Session {
    /// Makes a session that asks to dial at once.
    pub fn new(config: Config, now: Instant) -> Self {
        let inbound = Inbound::new(config.framing);
        Session {
            core: Core::new(config, now),
            inbound,
        }
    }

    /// Takes note of an open transport (on a WebSocket, after the upgrade). Ignored unless
    /// [`Action::Dial`] asked for it.
    pub fn handle_connected(&mut self, now: Instant) {
        self.core.now = now;
        if self.core.connection.is_dialling() {
            self.inbound.open();
            self.core.opened();
        }
    }

    /// Takes bytes that came on a raw transport, cut anywhere. Drain [`Session::poll_event`] before the next call.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.handle_activity(now);
        if self.core.connection.is_open() {
            self.inbound.append(bytes);
        }
    }

    /// Takes one WebSocket message. Drain [`Session::poll_event`] before the next call.
    pub fn handle_message(&mut self, now: Instant, message: &[u8]) {
        self.handle_activity(now);
        if self.core.connection.is_open()
            && let Err(error) = self.inbound.append_message(message, self.core.frame_bytes)
        {
            self.core.abandon(Unreadable::from(error).problem());
        }
    }

    /// Takes note of a sign of life that is no message, such as a WebSocket ping.
    pub fn handle_activity(&mut self, now: Instant) {
        self.core.now = now;
        self.core.heartbeat.heard(now);
    }

    /// Takes note of a lost transport, or of one that could not be opened. `reason` is for people.
    pub fn handle_disconnected(&mut self, now: Instant, reason: &str) {
        self.core.now = now;
        if self.core.connection.is_open() || self.core.connection.is_dialling() {
            let draining = self.core.connection.is_draining();
            let code = if draining {
                ErrorCode::Draining
            } else {
                ErrorCode::Unreachable
            };
            let said = self.core.parting.take();
            self.core.lost(said.unwrap_or_else(|| own(code).detail(reason)));
        }
    }

    /// Takes note that the broker refused the transport for good, as an upgrade to a version that it does not speak: the
    /// session ends with `problem`.
    pub fn handle_refused(&mut self, now: Instant, problem: Problem) {
        self.core.now = now;
        self.core.end(problem, false);
    }

    /// Does what is due. Calling it early does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.core.now = now;
        self.core.handle_timeout();
    }

    /// Returns when [`Session::handle_timeout`] is due, if ever. May be early, is never late.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.core.timeout()
    }

    /// Returns what happened next, decoding the bytes taken in as far as necessary.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        let Session { core, inbound } = self;
        let (bytes, cursor) = inbound.parts();
        loop {
            if let Some(event) = core.events.pop_front() {
                return Some(event);
            }
            if !core.connection.is_open() {
                return None;
            }
            match cursor.next(bytes, core.frame_bytes) {
                Ok(Some(Item::Frame(frame))) => match decode(core, frame) {
                    Ok(message) => {
                        if let Some(event) = core.handle_message(message) {
                            return Some(event);
                        }
                    }
                    Err(error) => core.handle_undecodable(&error),
                },
                Ok(Some(Item::Version(Some(version)))) if version == buslane_protocol::PROTOCOL_VERSION => {}
                Ok(Some(Item::Version(_))) => core.end(own(ErrorCode::UnsupportedVersion), false),
                Ok(None) => {
                    core.leave_if_done();
                    return core.events.pop_front();
                }
                Err(error) => core.abandon(error.problem()),
            }
        }
    }

    /// Returns what the driver shall do next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.core.actions.pop_front()
    }

    /// Returns bytes to write. What it returns counts as sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.core.outgoing.take()
    }

    /// Takes back a buffer of [`Session::poll_transmit`], so that the next one needs no allocation.
    pub fn recycle(&mut self, transmit: Transmit) {
        self.core.outgoing.recycle(transmit);
    }

    /// Returns how many bytes wait for [`Session::poll_transmit`] or for a connection: a driver makes its program wait
    /// while they are many.
    #[inline]
    pub fn queued_bytes(&self) -> usize {
        self.core.outgoing.len() + self.core.queue.len()
    }

    /// Returns how long a payload may be, in bytes, with which a publish to a valid topic, without options, is sent now and
    /// cannot fail; 0 while there is no connection. A driver may keep such publishes together for a moment, as long as it
    /// hands them in before anything else.
    pub fn publishable_bytes(&self) -> usize {
        self.core.publishable_bytes()
    }

    /// Returns the time that was handed in last, for calls that need no newer one.
    pub fn now(&self) -> Instant {
        self.core.now
    }

    /// Returns where the session stands.
    pub fn state(&self) -> State {
        self.core.connection.state()
    }

    /// Returns what the broker said when it accepted the client, while connected.
    pub fn connected(&self) -> Option<&Connected> {
        self.core.connection.announced()
    }

    /// Returns what the session passed over since it was made.
    pub fn counters(&self) -> Counters {
        self.core.counters
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.core.config
    }
}

fn decode<'a>(core: &Core, frame: &'a [u8]) -> Result<BrokerMessage<'a>, DecodeError> {
    match core.config.framing.encoding() {
        Encoding::Binary => binary::decode_broker(frame),
        #[cfg(feature = "json")]
        Encoding::Json => buslane_protocol::json::decode_broker(frame),
        #[cfg(not(feature = "json"))]
        Encoding::Json => binary::decode_broker(frame),
    }
}
