//! Writing outboxes out, and filling them from the feeds meanwhile.

use std::io::{self, IoSlice};

use crate::engine::Engine;
use crate::memory::Category;
use crate::snapshot::Fed;
use crate::{ClientId, Transmit};

impl Engine {
    /// Writes what is queued for a client, and what its feeds put behind it, as long as `write` takes it.
    pub(crate) fn flush(
        &mut self,
        id: ClientId,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<Transmit> {
        let mut budget = FEED_BUDGET;
        loop {
            let fed = self.feed(id, &mut budget);
            let Some(client) = self.clients.table.get_mut(id.key()) else {
                return Ok(Transmit::Empty);
            };
            let before = client.outbox.delivery_bytes();
            let mut written = 0;
            let transmit = client.outbox.transmit(&mut self.clients.pool, |slices| {
                let taken = write(slices)?;
                written += taken;
                Ok(taken)
            });
            let sent = before - client.outbox.delivery_bytes();
            self.ledger.counters.bytes_out += written as u64;
            self.ledger.counters.delivery_bytes_sent += sent as u64;
            self.ledger.memory.set(Category::Outbox, self.clients.pool.lent());
            if transmit? == Transmit::Blocked {
                return Ok(Transmit::Blocked);
            }
            match fed {
                Fed::Nothing => return Ok(Transmit::Empty),
                Fed::Waits if written == 0 => return Ok(Transmit::Empty),
                Fed::Waits => {}
                Fed::Starved => {
                    self.feed_later(id);
                    return Ok(Transmit::Empty);
                }
                Fed::Paused => {
                    self.clients.mark(id);
                    return Ok(Transmit::Empty);
                }
            }
        }
    }

    /// Accounts for the table of subscriptions, whose cache of matches may have grown since, and gives way before new
    /// work has to be refused.
    pub(crate) fn account_topics(&mut self) {
        self.charge_topics();
        if !self.ledger.admits(self.ledger.memory.cap() / SCARCE) {
            self.topics.trim();
            self.charge_topics();
        }
        if self.ledger.memory.is_past_cap() {
            self.topics.forget_matches();
            self.charge_topics();
        }
    }

    fn charge_topics(&mut self) {
        let bytes = self.topics.bytes();
        self.ledger.memory.set(Category::Subscriptions, bytes);
    }

    /// Removes retained values whose time is up.
    pub(crate) fn expire_retained(&mut self) {
        if self
            .retained
            .next_expiry()
            .is_some_and(|expiry| expiry <= self.now)
        {
            self.ledger.counters.retained_expired += self.retained.expire(self.now) as u64;
            self.ledger.memory.set(Category::Retained, self.retained.bytes());
        }
    }
}

/// How many entries of the tables the feeds of one client may look at in one turn.
const FEED_BUDGET: usize = 4_096;
/// When less than one part in this many of the memory is left for new work, the cache of matches gives way.
const SCARCE: usize = 8;
