//! Every client, and the only ways into their outboxes. Owns the limits of the two lanes; what is sent to whom is
//! decided elsewhere.
//!
//! The control lane never drops: what does not fit is refused to whoever sent it ([`Clients::offer_new`]), or its receiver
//! is given up ([`Clients::send`]). The delivery lane is in `delivery.rs`.

use std::collections::VecDeque;
use std::sync::Arc;

use buslane_protocol::BrokerMessage;

use crate::buffer_pool::BufferPool;
use crate::client::{Client, Phase};
use crate::credit::Credits;
use crate::entropy::Entropy;
use crate::ledger::Ledger;
use crate::memory::Category;
use crate::slots::Slots;
use crate::subscription::SubscriptionKey;
use crate::{ClientId, CloseReason};

/// Why a message was not taken into a control lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The lane holds as much as it may.
    Lane,
    /// The broker's memory is used up.
    Memory,
    /// The client is gone.
    Gone,
}

/// What a message has to fit under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admission {
    /// The lane's limit, and the memory that is left for new work.
    NewWork,
    /// Half of the lane's limit, and the memory that is left for new work.
    Event,
    /// The lane's limit, with some slack for what ends earlier work, and all memory.
    Answer,
    /// All memory.
    Always,
}

impl Admission {
    fn check_lane(self, queued: usize, bytes: usize, limit: usize) -> Result<(), Full> {
        let limit = match self {
            Admission::NewWork => limit,
            Admission::Event => limit / 2,
            Admission::Answer => limit + limit / SLACK_SHARE,
            Admission::Always => return Ok(()),
        };
        if queued > 0 && queued + bytes > limit {
            Err(Full::Lane)
        } else {
            Ok(())
        }
    }

    fn check_memory(self, ledger: &Ledger, growth: usize) -> Result<(), Full> {
        let admitted = match self {
            Admission::NewWork | Admission::Event => ledger.admits(growth),
            Admission::Answer | Admission::Always => ledger.memory.fits(growth),
        };
        if admitted { Ok(()) } else { Err(Full::Memory) }
    }
}

/// Every client.
pub(crate) struct Clients {
    pub(crate) table: Slots<Client>,
    pub(crate) pool: BufferPool,
    /// Subscriptions that carry credit.
    pub(crate) credits: Credits,
    /// Clients that got bytes since the driver last asked.
    pub(crate) dirty: VecDeque<ClientId>,
    /// Clients that are given up, until their things are taken from them.
    pub(crate) doomed: VecDeque<(ClientId, CloseReason)>,
    /// Clients whose drops are to be reported.
    pub(crate) overflowed: VecDeque<ClientId>,
    /// The most bytes of one lane.
    pub(crate) limit: usize,
    /// How many clients that read JSON text have subscriptions.
    pub(crate) json_subscribers: usize,
    count: usize,
    scratch: Vec<u8>,
}

impl Clients {
    /// Makes an empty table with a limit for each lane, in bytes.
    pub(crate) fn new(limit: usize, entropy: &mut Entropy) -> Self {
        Clients {
            table: Slots::default(),
            pool: BufferPool::new(),
            credits: Credits::new(entropy),
            dirty: VecDeque::new(),
            doomed: VecDeque::new(),
            overflowed: VecDeque::new(),
            limit,
            json_subscribers: 0,
            count: 0,
            scratch: Vec::new(),
        }
    }

    /// Adds a client.
    pub(crate) fn insert(&mut self, client: Client) -> ClientId {
        self.count += 1;
        ClientId::of(self.table.insert(client))
    }

    /// Removes a client with what is still queued for it.
    pub(crate) fn remove(&mut self, id: ClientId, ledger: &mut Ledger) -> Option<Client> {
        let mut client = self.table.remove(id.key())?;
        self.count -= 1;
        ledger.counters.delivery_bytes_lost += client.outbox.delivery_bytes() as u64;
        client.outbox.clear(&mut self.pool);
        ledger.memory.set(Category::Outbox, self.pool.lent());
        Some(client)
    }

    /// Returns how many there are, those on their way out included.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Returns a client.
    #[inline]
    pub(crate) fn find(&self, id: ClientId) -> Option<&Client> {
        self.table.get(id.key())
    }

    /// Returns what is stamped on a client's messages; nothing once it is gone.
    pub(crate) fn stamp_of(&self, id: ClientId) -> Arc<str> {
        self.find(id)
            .map(|client| client.from.clone())
            .unwrap_or_default()
    }

    /// Returns a client to change it.
    #[inline]
    pub(crate) fn find_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.table.get_mut(id.key())
    }

    /// Returns a client that is not on its way out.
    #[inline]
    pub(crate) fn alive(&self, id: ClientId) -> Option<&Client> {
        self.find(id).filter(|client| !client.is_closing())
    }

    /// Walks the clients that are not on their way out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ClientId, &Client)> {
        self.table
            .iter()
            .map(|(key, client)| (ClientId::of(key), client))
            .filter(|(_, client)| !client.is_closing())
    }

    /// Queues a message that its receiver has to get: if it does not fit, the receiver is given up.
    pub(crate) fn send(&mut self, ledger: &mut Ledger, to: ClientId, message: &BrokerMessage<'_>) {
        if let Err(Full::Lane | Full::Memory) = self.write(ledger, to, message, Admission::Answer) {
            self.doom(to, CloseReason::ControlFull);
        }
    }

    /// Queues a message that begins new work, if there is room for new work.
    pub(crate) fn offer_new(
        &mut self,
        ledger: &mut Ledger,
        to: ClientId,
        message: &BrokerMessage<'_>,
    ) -> Result<(), Full> {
        self.write(ledger, to, message, Admission::NewWork)
    }

    /// Queues an event that must not be dropped, if there is credit and room for it. It goes into the control lane, of
    /// which it leaves half to others.
    pub(crate) fn offer_event(
        &mut self,
        ledger: &mut Ledger,
        to: ClientId,
        key: SubscriptionKey,
        message: &BrokerMessage<'_>,
    ) -> Result<(), Full> {
        if !self.has_credit(key) {
            return Err(Full::Lane);
        }
        self.write(ledger, to, message, Admission::Event)?;
        if let Some(credited) = self.credits.find_mut(key) {
            credited.credit -= 1;
        }
        ledger.counters.announcements += 1;
        Ok(())
    }

    /// Queues a short message of which each goes with a longer one, so that it needs no limit of its own. It is left
    /// out if there is no memory: whoever does not get it finds out later.
    pub(crate) fn inform(&mut self, ledger: &mut Ledger, to: ClientId, message: &BrokerMessage<'_>) {
        let _ = self.write(ledger, to, message, Admission::Always);
    }

    fn write(
        &mut self,
        ledger: &mut Ledger,
        to: ClientId,
        message: &BrokerMessage<'_>,
        admission: Admission,
    ) -> Result<(), Full> {
        let client = self
            .table
            .get_mut(to.key())
            .filter(|client| !client.is_closing())
            .ok_or(Full::Gone)?;
        self.scratch.clear();
        client.framing().encode(&mut self.scratch, message);
        let growth = client.outbox.control_growth(&self.pool, self.scratch.len());
        admission.check_lane(client.outbox.control_bytes(), self.scratch.len(), self.limit)?;
        admission.check_memory(ledger, growth)?;
        client
            .outbox
            .write_control(&mut self.pool, |lane| lane.extend_from_slice(&self.scratch));
        if self.scratch.capacity() > LARGEST_SCRATCH {
            self.scratch = Vec::new();
        }
        ledger.memory.set(Category::Outbox, self.pool.lent());
        if !client.dirty {
            client.dirty = true;
            self.dirty.push_back(to);
        }
        Ok(())
    }

    /// Queues bytes in the control lane exactly as they are to stand on the wire. If they do not fit, the receiver is
    /// given up.
    pub(crate) fn send_raw(&mut self, ledger: &mut Ledger, to: ClientId, wire: &[u8]) {
        let Some(client) = self.table.get_mut(to.key()).filter(|client| !client.is_closing()) else {
            return;
        };
        let lane = Admission::Answer.check_lane(client.outbox.control_bytes(), wire.len(), self.limit);
        if lane
            .and(Admission::Answer.check_memory(ledger, client.outbox.raw_growth(&self.pool, wire.len())))
            .is_err()
        {
            return self.doom(to, CloseReason::ControlFull);
        }
        client.outbox.write_raw_control(&mut self.pool, wire);
        ledger.memory.set(Category::Outbox, self.pool.lent());
        self.mark(to);
    }

    /// Removes the queue of a subscription that carries credit, and counts what waited in it.
    pub(crate) fn drop_credit(&mut self, ledger: &mut Ledger, key: SubscriptionKey) {
        if key.is_credited() {
            ledger.counters.delivery_bytes_lost += self.credits.remove(key, ledger) as u64;
        }
    }

    /// Notes that the driver is to be told of a client.
    #[inline]
    pub(crate) fn mark(&mut self, id: ClientId) {
        if let Some(client) = self.table.get_mut(id.key()).filter(|client| !client.dirty) {
            client.dirty = true;
            self.dirty.push_back(id);
        }
    }

    /// Gives a client up: it gets nothing more from now on, and what it has is taken from it before the engine returns.
    pub(crate) fn doom(&mut self, id: ClientId, reason: CloseReason) {
        if let Some(client) = self.find_mut(id).filter(|client| !client.is_closing()) {
            client.phase = Phase::Closing;
            self.doomed.push_back((id, reason));
        }
    }
}

/// One part in this many of the lane's limit may be exceeded by what ends earlier work, so that a client hears of the
/// end of what it reads too slowly.
const SLACK_SHARE: usize = 8;
/// The largest scratch buffer that is kept, in bytes.
const LARGEST_SCRATCH: usize = 256 << 10;
