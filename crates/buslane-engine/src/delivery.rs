//! The delivery lane: one copy of a message for one client, and what happens when it does not fit. Knows nothing of
//! topics or of who else gets a copy.

use std::collections::VecDeque;

use buslane_protocol::{BrokerMessage, ErrorCode, Framing, Gap, Overflow, Problem, Refusal};

use crate::buffer_pool::BufferPool;
use crate::client::Client;
use crate::clients::Clients;
use crate::credit::{Credited, NoRoom, Pushed, Waiting};
use crate::frames::{Frame, Frames};
use crate::ledger::Ledger;
use crate::memory::Category;
use crate::outbox::{Dropped, GAP_BYTES, Outbox};
use crate::subscription::SubscriptionKey;
use crate::topics::Match;
use crate::{ClientId, CloseReason};

/// Whom a copy is for, and on which account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipient {
    /// The client.
    pub(crate) client: ClientId,
    /// The subscription that counts.
    pub(crate) key: SubscriptionKey,
    /// Whether drops of this message may be announced: not if it is one of the broker's own events.
    pub(crate) announced: bool,
}

impl Recipient {
    /// Makes the recipient that a match stands for.
    #[inline]
    pub(crate) fn of(found: &Match, announced: bool) -> Self {
        let (client, key) = (
            ClientId::from_u64(found.subscriber),
            SubscriptionKey::from_u64(found.key),
        );
        Recipient {
            client,
            key,
            announced,
        }
    }
}

impl Clients {
    /// Returns how messages stand on a client's wire, unless it is on its way out.
    #[inline]
    pub(crate) fn framing(&self, id: ClientId) -> Option<Framing> {
        self.alive(id).map(|client| client.framing())
    }

    /// Tells whether a copy would be taken without dropping anything.
    pub(crate) fn has_room(&self, ledger: &Ledger, to: Recipient, frame: &Frame) -> bool {
        let Some(client) = self.alive(to.client) else {
            return false;
        };
        let bytes = frame.bytes().len();
        let lane =
            fits(&client.outbox, bytes, self.limit) && ledger.admits_copy(self.growth(&client.outbox, frame));
        match to.key.is_credited().then(|| self.credits.find(to.key)).flatten() {
            Some(credited) if credited.is_ready() && lane => true,
            Some(credited) => {
                credited.has_room(bytes, self.limit) && ledger.admits_copy(Credited::cost(bytes))
            }
            None => lane,
        }
    }

    /// Returns by how many bytes the account grows with a copy.
    #[inline]
    fn growth(&self, outbox: &Outbox, frame: &Frame) -> usize {
        growth(&self.pool, outbox, frame)
    }

    /// Tells whether a client can take a delivery from its feeds: it has credit, and its lane is less than half full.
    pub(crate) fn is_hungry(&self, id: ClientId, key: SubscriptionKey) -> bool {
        self.has_credit(key)
            && self
                .alive(id)
                .is_some_and(|client| client.outbox.delivery_bytes() < self.limit / 2)
    }

    /// Tells whether a subscription takes a delivery at once.
    pub(crate) fn has_credit(&self, key: SubscriptionKey) -> bool {
        !key.is_credited() || self.credits.find(key).is_some_and(|credited| credited.is_ready())
    }

    /// Queues one copy of a message, under the policy of the subscription if it does not fit. Tells whether the client
    /// is a receiver: not if it is gone, or if this very copy was dropped.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        ledger: &mut Ledger,
        frames: &mut Frames,
        message: &BrokerMessage<'_>,
        to: Recipient,
    ) -> bool {
        let Clients {
            table, pool, dirty, ..
        } = self;
        let Some(client) = table
            .get_mut(to.client.key())
            .filter(|client| !client.is_closing())
        else {
            return false;
        };
        let frame = frames.encode(client.framing(), message);
        let bytes = frame.bytes().len();
        ledger.counters.deliveries += 1;
        ledger.counters.delivery_bytes += bytes as u64;
        if to.key.is_credited() {
            return self.deliver_credited(ledger, frame, to);
        }
        if fits(&client.outbox, bytes, self.limit) && ledger.admits_copy(growth(pool, &client.outbox, frame))
        {
            append(pool, dirty, ledger, frame, to.client, client);
            return true;
        }
        self.overflow(ledger, frame, to)
    }

    /// Queues one copy for a subscription that carries credit.
    fn deliver_credited(&mut self, ledger: &mut Ledger, frame: &mut Frame, to: Recipient) -> bool {
        if self.take_credit(ledger, frame, to) {
            self.put(ledger, frame, to.client);
            true
        } else {
            self.wait_for_credit(ledger, frame, to)
        }
    }

    /// Appends a copy to a client's lane.
    fn put(&mut self, ledger: &mut Ledger, frame: &mut Frame, id: ClientId) {
        if let Some(client) = self.table.get_mut(id.key()) {
            append(&mut self.pool, &mut self.dirty, ledger, frame, id, client);
        }
    }

    /// Makes room for a copy, or drops it, as the subscription wishes.
    #[cold]
    fn overflow(&mut self, ledger: &mut Ledger, frame: &mut Frame, to: Recipient) -> bool {
        let (bytes, policy) = (frame.bytes().len(), self.policy(to));
        if policy == Overflow::Disconnect {
            self.give_up(ledger, bytes, to);
            return false;
        }
        if policy == Overflow::DropOldest && self.make_room(ledger, frame, to) {
            self.put(ledger, frame, to.client);
            return true;
        }
        self.skip(ledger, bytes, policy, to);
        false
    }

    /// Drops the oldest deliveries of a client for a copy; tells whether there is room for it then. Where it is the
    /// memory that is full, the client gives up to [`MOST_DROPPED`] of its own, since buffers are given back whole.
    fn make_room(&mut self, ledger: &mut Ledger, frame: &Frame, to: Recipient) -> bool {
        let bytes = frame.bytes().len();
        let mut dropped = Dropped::default();
        let mut limit = self.limit;
        let room = loop {
            let Some(client) = self.table.get_mut(to.client.key()) else {
                return false;
            };
            let more = client.outbox.drop_oldest(&mut self.pool, bytes, limit);
            dropped.count += more.count;
            dropped.bytes += more.bytes;
            ledger.memory.set(Category::Outbox, self.pool.lent());
            let Some(client) = self.table.get(to.client.key()) else {
                return false;
            };
            let room = ledger.admits_copy(self.growth(&client.outbox, frame));
            limit = client.outbox.delivery_bytes();
            if room || limit == 0 || dropped.bytes as usize > MOST_DROPPED + bytes {
                break room && fits(&client.outbox, bytes, self.limit);
            }
        };
        self.note_drop(ledger, dropped, Overflow::DropOldest, to);
        room
    }

    /// Leaves a gap where a copy would have been.
    fn skip(&mut self, ledger: &mut Ledger, bytes: usize, policy: Overflow, to: Recipient) {
        let dropped = Dropped {
            count: 1,
            bytes: bytes as u64,
        };
        self.push_gap(
            ledger,
            to.client,
            Gap {
                count: 1,
                bytes: bytes as u64,
                ..Gap::default()
            },
        );
        self.note_drop(ledger, dropped, policy, to);
    }

    /// Puts a gap behind a client's deliveries. A client for whose gap there is no memory left is given up, since it
    /// would not hear of what it misses.
    pub(crate) fn push_gap(&mut self, ledger: &mut Ledger, id: ClientId, gap: Gap) {
        if !ledger.memory.fits(GAP_BYTES) {
            return self.doom(id, CloseReason::DeliveriesFull);
        }
        if let Some(client) = self.table.get_mut(id.key()) {
            client.outbox.push_gap(&mut self.pool, gap);
            ledger.memory.set(Category::Outbox, self.pool.lent());
            self.mark(id);
        }
    }

    /// Disconnects a client that wants that rather than a gap.
    fn give_up(&mut self, ledger: &mut Ledger, bytes: usize, to: Recipient) {
        self.note_drop(
            ledger,
            Dropped {
                count: 1,
                bytes: bytes as u64,
            },
            Overflow::Disconnect,
            to,
        );
        let detail = "a delivery did not fit, and a subscription asks for a disconnect then; read faster, or choose \
                      drop_oldest or drop_newest";
        let error = Problem::new(ErrorCode::Overflow).detail(detail);
        let refusal = Refusal {
            id: None,
            delivery: None,
            from: None,
            error,
        };
        ledger.refused(ErrorCode::Overflow);
        self.inform(ledger, to.client, &BrokerMessage::Error(refusal));
        self.doom(to.client, CloseReason::DeliveriesFull);
    }

    /// Takes one credit if the copy can go out at once.
    fn take_credit(&mut self, ledger: &Ledger, frame: &Frame, to: Recipient) -> bool {
        let Some(client) = self.find(to.client) else {
            return false;
        };
        let lane = fits(&client.outbox, frame.bytes().len(), self.limit);
        let room = lane && ledger.admits_copy(self.growth(&client.outbox, frame));
        match self.credits.find_mut(to.key) {
            Some(credited) if credited.is_ready() && room => {
                credited.credit -= 1;
                true
            }
            _ => false,
        }
    }

    /// Queues a copy until there is credit and room for it.
    fn wait_for_credit(&mut self, ledger: &mut Ledger, frame: &Frame, to: Recipient) -> bool {
        let policy = self.policy(to);
        match self
            .credits
            .push(to.key, frame.bytes(), policy, self.limit, ledger)
        {
            Ok(Pushed { taken, dropped }) => {
                self.note_drop(ledger, dropped, policy, to);
                self.enlist(to.client, to.key);
                taken
            }
            Err(NoRoom) => {
                self.give_up(ledger, frame.bytes().len(), to);
                false
            }
        }
    }

    /// Returns the policy that decides when a copy does not fit.
    fn policy(&self, to: Recipient) -> Overflow {
        match self.find(to.client) {
            Some(client) if client.disconnects > 0 => Overflow::Disconnect,
            _ => to.key.overflow(),
        }
    }

    /// Has a subscription's own queue looked at when the client's outbox is next written, if something can go out.
    pub(crate) fn enlist(&mut self, id: ClientId, key: SubscriptionKey) {
        let ready = self
            .credits
            .find(key)
            .is_some_and(|credited| credited.has_ready());
        if let Some(client) = self.table.get_mut(id.key()).filter(|_| ready) {
            let feeds = client.feeds.get_or_insert_default();
            if !feeds.credited.contains(&key) {
                feeds.credited.push(key);
            }
            self.mark(id);
        }
    }

    /// Moves what has credit from a subscription's own queue to the lane, while that is at most half full. Tells
    /// whether something is left that only waits for room.
    pub(crate) fn feed_credited(&mut self, ledger: &mut Ledger, id: ClientId, key: SubscriptionKey) -> bool {
        while self
            .credits
            .find(key)
            .is_some_and(|credited| credited.has_ready())
        {
            let Some(client) = self.table.get_mut(id.key()).filter(|client| !client.is_closing()) else {
                return false;
            };
            let next = self.credits.find(key).map_or(0, Credited::next_bytes);
            let growth = client.outbox.delivery_growth(&self.pool, next);
            if client.outbox.delivery_bytes() >= self.limit / 2 || !ledger.memory.fits(growth + GAP_BYTES) {
                return true;
            }
            match self.credits.pop(key, ledger) {
                Some(Waiting::Frame(frame)) => client.outbox.push_delivery(&mut self.pool, &frame),
                Some(Waiting::Gap(dropped)) => {
                    let gap = self.credits.find(key).map(|credited| credited.gap(dropped));
                    client.outbox.push_gap(&mut self.pool, gap.unwrap_or_default());
                }
                None => return false,
            }
            ledger.memory.set(Category::Outbox, self.pool.lent());
            self.mark(id);
        }
        false
    }

    /// Counts drops, and remembers them for the next report.
    fn note_drop(&mut self, ledger: &mut Ledger, dropped: Dropped, policy: Overflow, to: Recipient) {
        if dropped.count == 0 {
            return;
        }
        let counters = &mut ledger.counters;
        counters.deliveries_dropped += dropped.count;
        counters.delivery_bytes_dropped += dropped.bytes;
        *match policy {
            Overflow::DropOldest => &mut counters.dropped_oldest,
            Overflow::DropNewest => &mut counters.dropped_newest,
            Overflow::Disconnect => &mut counters.dropped_disconnect,
        } += dropped.count;
        let Some(client) = self.table.get_mut(to.client.key()) else {
            return;
        };
        let drops = client.drops.get_or_insert_default();
        let report = drops.count == 0 && !drops.waiting;
        drops.count += dropped.count;
        drops.bytes += dropped.bytes;
        drops.policy = policy;
        drops.announced |= to.announced;
        if report {
            self.overflowed.push_back(to.client);
        }
    }
}

/// Returns by how many bytes the account grows with a copy.
#[inline]
fn growth(pool: &BufferPool, outbox: &Outbox, frame: &Frame) -> usize {
    match frame.is_shared() {
        true => frame.shared_growth(),
        false => outbox.delivery_growth(pool, frame.bytes().len()),
    }
}

/// Appends a copy to a client's lane, and notes that the driver is to be told of the client.
#[inline]
fn append(
    pool: &mut BufferPool,
    dirty: &mut VecDeque<ClientId>,
    ledger: &mut Ledger,
    frame: &mut Frame,
    id: ClientId,
    client: &mut Client,
) {
    match frame.is_shared() {
        true => {
            let shared = frame.share(pool);
            client.outbox.push_shared_delivery(pool, shared);
        }
        false => client.outbox.push_delivery(pool, frame.bytes()),
    }
    ledger.memory.set(Category::Outbox, pool.lent());
    if !client.dirty {
        client.dirty = true;
        dirty.push_back(id);
    }
}

/// Tells whether a lane takes this many bytes more. A message of any allowed length fits an empty one.
#[inline]
pub(crate) fn fits(outbox: &Outbox, bytes: usize, limit: usize) -> bool {
    let queued = outbox.delivery_bytes();
    queued == 0 || queued + bytes <= limit
}

/// The most bytes that one copy may take from the client's own when the memory is full: two buffers.
const MOST_DROPPED: usize = 128 << 10;
