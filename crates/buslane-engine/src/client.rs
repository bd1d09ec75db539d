//! One connection: who it is, what is queued for it, and the owners of everything that dies with it. Holds data only;
//! what happens to it is decided where the messages are handled.

use std::sync::Arc;

use buslane_protocol::{Encoding, Framing, Instant, Name};

use crate::drops::Drops;
use crate::outbox::Outbox;
use crate::parked::Parked;
use crate::pending::Owned;
use crate::registry::InstanceKey;
use crate::snapshot::Feeds;
use crate::timers::TimerKey;
use crate::topics::Held;
use crate::{Peer, Principal};

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing came yet.
    Silent,
    /// Messages came, but it has to `connect` first.
    Unknown,
    /// It may do what the policy allows.
    Open,
    /// It has nothing any more; what is queued is written out, then the driver closes it.
    Closing,
}

/// One connection.
pub(crate) struct Client {
    /// Counts up over all connections, and names the client where nothing better does.
    pub(crate) number: u64,
    /// Where it stands.
    pub(crate) phase: Phase,
    /// What is queued for it.
    pub(crate) outbox: Outbox,
    /// Whether the driver was told that something is queued.
    pub(crate) dirty: bool,
    /// Whether it comes from this machine.
    pub(crate) loopback: bool,
    /// On whose behalf it acts.
    pub(crate) principal: Principal,
    /// Where it comes from.
    pub(crate) address: Box<str>,
    /// The name that its `connect` gave.
    pub(crate) name: Option<Name>,
    /// What is stamped on what it sends.
    pub(crate) from: Arc<str>,

    /// When bytes last came.
    pub(crate) heard: Instant,
    /// Silence after which it is pinged, in milliseconds; 0 for never.
    pub(crate) heartbeat_ms: u32,
    /// Whether it was pinged since bytes last came.
    pub(crate) pinged: bool,
    /// Fires when silence may be too long; re-armed only when it fires.
    pub(crate) alarm: Option<TimerKey>,
    /// How many others wait to see whether it lives.
    pub(crate) probes: u32,

    /// Its registrations, the oldest first.
    pub(crate) registrations: Vec<InstanceKey>,
    /// Its subscriptions.
    pub(crate) subscriptions: Held,
    /// How many of them ask for a disconnect when a delivery does not fit.
    pub(crate) disconnects: u32,
    /// Its requests in flight.
    pub(crate) calls: Owned,
    /// The deliveries that it has not answered.
    pub(crate) legs: Owned,
    /// How many deliveries were handed to it; the number of the last one.
    pub(crate) deliveries: u64,
    /// The message that waits for an answer from elsewhere; meanwhile none is taken from it.
    pub(crate) parked: Option<Box<Parked>>,
    /// What is sent to it as its outbox drains.
    pub(crate) feeds: Option<Box<Feeds>>,
    /// What was dropped and is not reported yet.
    pub(crate) drops: Option<Box<Drops>>,
}

impl Client {
    /// Makes a client of a connection.
    pub(crate) fn new(number: u64, now: Instant, peer: Peer, heartbeat_ms: u32) -> Self {
        Client {
            number,
            phase: Phase::Silent,
            outbox: Outbox::new(peer.framing),
            dirty: false,
            loopback: peer.loopback,
            principal: peer.principal,
            address: peer.address.into(),
            name: None,
            from: label(number).into(),
            heard: now,
            heartbeat_ms,
            pinged: false,
            alarm: None,
            probes: 0,
            registrations: Vec::new(),
            subscriptions: Held::default(),
            disconnects: 0,
            calls: Owned::default(),
            legs: Owned::default(),
            deliveries: 0,
            parked: None,
            feeds: None,
            drops: None,
        }
    }

    /// Returns how messages stand on its wire.
    #[inline]
    pub(crate) fn framing(&self) -> Framing {
        self.outbox.framing()
    }

    /// Tells whether it is on its way out.
    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// Tells whether it reads JSON text.
    #[inline]
    pub(crate) fn reads_json(&self) -> bool {
        self.framing().encoding() == Encoding::Json
    }

    /// Returns its id for `connected`, events and logs.
    pub(crate) fn label(&self) -> String {
        label(self.number)
    }
}

fn label(number: u64) -> String {
    format!("client-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_nothing_is_small() {
        assert!(size_of::<Client>() <= 416, "{}", size_of::<Client>());
    }
}
