//! Shutting down in order: nothing new is taken in, what is in flight goes on, and everybody is told when it ends.

use std::time::Duration;

use buslane_protocol::{BrokerMessage, Draining};

use crate::engine::{Engine, Timer};
use crate::{ClientId, CloseReason};

impl Engine {
    /// Begins to drain, or moves the end of a drain that has begun.
    pub(crate) fn begin_drain(&mut self, closes_in: Duration) {
        let end = self.now + closes_in;
        self.draining = Some(end);
        self.timers.insert(end, Timer::Drain);
        let closes_in_ms = u32::try_from(closes_in.as_millis()).unwrap_or(u32::MAX);
        let everybody: Vec<ClientId> = self.clients.iter().map(|(id, _)| id).collect();
        for id in everybody {
            let message = BrokerMessage::Draining(Draining { closes_in_ms });
            self.clients.inform(&mut self.ledger, id, &message);
        }
    }

    /// Closes everybody, once the time is up.
    pub(crate) fn end_drain(&mut self) {
        if self.draining.is_none_or(|end| end > self.now) {
            return;
        }
        let everybody: Vec<ClientId> = self.clients.iter().map(|(id, _)| id).collect();
        for id in everybody {
            self.clients.doom(id, CloseReason::Shutdown);
        }
    }
}
