//! Who takes part: programs behind sessions, and programs that write the protocol by themselves.

mod raw;
mod session;

use buslane_protocol::Instant;

use crate::settings::Kind;
use crate::world::World;

pub(crate) use raw::Raw;
pub(crate) use session::{Behind, name};

/// One who takes part.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    /// Its connection, while it has one.
    pub(crate) connection: Option<usize>,
    /// Until when it neither reads nor writes nor looks at its clock.
    pub(crate) frozen_until: Instant,
    pub(crate) program: Program,
}

/// What stands between a peer and the wire.
pub(crate) enum Program {
    /// Nothing, and it does not take part at the moment.
    Away,
    /// A session.
    Session(Box<Behind>),
    /// Its own code.
    Raw(Box<Raw>),
}

impl Peer {
    /// Makes a peer that is away.
    pub(crate) fn new(kind: Kind, now: Instant) -> Peer {
        Peer {
            kind,
            connection: None,
            frozen_until: now,
            program: Program::Away,
        }
    }

    /// Tells whether it does nothing at the moment.
    pub(crate) fn is_frozen(&self, now: Instant) -> bool {
        self.frozen_until > now
    }

    /// Returns when it has something to do by itself.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        if self.is_frozen(now) {
            return Some(self.frozen_until);
        }
        match &self.program {
            Program::Session(behind) => behind.session.poll_timeout(),
            _ => None,
        }
    }
}

impl World {
    /// Has a peer that is away take part again.
    pub(crate) fn join(&mut self, peer: usize) {
        self.oracle.coverage.count("join");
        if self.peers[peer].kind.session {
            self.join_by_session(peer);
        } else {
            self.join_by_itself(peer);
        }
    }

    /// Lets a peer read, look at its clock and write.
    pub(crate) fn drive_peer(&mut self, peer: usize) {
        if self.peers[peer].is_frozen(self.now) {
            return;
        }
        match self.peers[peer].program {
            Program::Away => {}
            Program::Session(_) => self.drive_session(peer),
            Program::Raw(_) => self.drive_raw(peer),
        }
    }
}
