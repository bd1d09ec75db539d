//! Subscriptions that carry credit: how many deliveries each still takes, and what waits meanwhile. Owns the queues
//! and their limit; what is ready is put into the client's outbox by its feed.

use std::collections::{HashMap, VecDeque};

use buslane_protocol::{Filter, Gap, Name, Overflow};

use crate::entropy::{Entropy, HashState};
use crate::ledger::Ledger;
use crate::memory::Category;
use crate::outbox::Dropped;
use crate::subscription::SubscriptionKey;

/// Subscriptions that carry credit, by their key.
pub(crate) struct Credits {
    subscriptions: HashMap<SubscriptionKey, Credited, HashState>,
    waiting: usize,
}

/// A subscription that carries credit.
pub(crate) struct Credited {
    /// Its filter, for its gaps.
    pub(crate) filter: Filter<'static>,
    /// Its shared name, for its gaps.
    pub(crate) shared: Option<Name>,
    /// Deliveries that it still takes.
    pub(crate) credit: u64,
    queue: VecDeque<Waiting>,
    bytes: usize,
}

/// What waits for credit.
pub(crate) enum Waiting {
    /// A message as its client's framing writes it.
    Frame(Box<[u8]>),
    /// Deliveries that are missing here. Needs no credit.
    Gap(Dropped),
}

impl Credited {
    /// Makes a subscription with its first credit.
    pub(crate) fn new(filter: Filter<'static>, shared: Option<Name>, credit: u64) -> Self {
        Credited {
            filter,
            shared,
            credit,
            queue: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Tells whether a delivery can go out at once.
    pub(crate) fn is_ready(&self) -> bool {
        self.credit > 0 && self.queue.is_empty()
    }

    /// Tells whether something that waits can go out.
    pub(crate) fn has_ready(&self) -> bool {
        matches!(
            (self.queue.front(), self.credit),
            (Some(Waiting::Gap(_)), _) | (Some(_), 1..)
        )
    }

    /// Tells whether a message would be taken without dropping another.
    pub(crate) fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.bytes == 0 || self.bytes + bytes <= limit
    }

    /// Returns the length of what goes out next, if it is a message.
    pub(crate) fn next_bytes(&self) -> usize {
        match self.queue.front() {
            Some(Waiting::Frame(frame)) => frame.len(),
            _ => 0,
        }
    }

    /// Returns what a message of this length is charged while it waits.
    pub(crate) const fn cost(bytes: usize) -> usize {
        bytes + WAITING_BYTES
    }

    /// Makes the gap that a drop leaves.
    pub(crate) fn gap(&self, dropped: Dropped) -> Gap {
        Gap {
            count: dropped.count,
            bytes: dropped.bytes,
            unknown: false,
            filter: Some(self.filter.clone()),
            shared: self.shared.clone(),
        }
    }

    fn note_gap(&mut self, dropped: Dropped, front: bool) {
        let place = if front {
            self.queue.front_mut()
        } else {
            self.queue.back_mut()
        };
        match place {
            Some(Waiting::Gap(gap)) => {
                gap.count += dropped.count;
                gap.bytes += dropped.bytes;
            }
            _ if front => self.queue.push_front(Waiting::Gap(dropped)),
            _ => self.queue.push_back(Waiting::Gap(dropped)),
        }
    }

    /// Drops the oldest that wait until `need` more bytes fit under `limit`.
    fn drop_oldest(&mut self, need: usize, limit: usize) -> Dropped {
        let mut dropped = Dropped::default();
        let mut gap = Dropped::default();
        while self.bytes + need > limit {
            match self.queue.pop_front() {
                Some(Waiting::Frame(frame)) => {
                    self.bytes -= frame.len();
                    dropped.count += 1;
                    dropped.bytes += frame.len() as u64;
                }
                Some(Waiting::Gap(earlier)) => {
                    gap.count += earlier.count;
                    gap.bytes += earlier.bytes;
                }
                None => break,
            }
        }
        gap.count += dropped.count;
        gap.bytes += dropped.bytes;
        if gap.count > 0 {
            self.note_gap(gap, true);
        }
        dropped
    }
}

impl Credits {
    /// Makes an empty table.
    pub(crate) fn new(entropy: &mut Entropy) -> Self {
        Credits {
            subscriptions: HashMap::with_hasher(entropy.hash_state()),
            waiting: 0,
        }
    }

    /// Returns how many bytes of deliveries wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Adds a subscription.
    pub(crate) fn insert(&mut self, key: SubscriptionKey, credited: Credited) {
        self.subscriptions.insert(key, credited);
    }

    /// Returns a subscription.
    pub(crate) fn find(&self, key: SubscriptionKey) -> Option<&Credited> {
        self.subscriptions.get(&key)
    }

    /// Returns a subscription to change its credit.
    pub(crate) fn find_mut(&mut self, key: SubscriptionKey) -> Option<&mut Credited> {
        self.subscriptions.get_mut(&key)
    }

    /// Removes a subscription and returns how many bytes of deliveries still waited.
    pub(crate) fn remove(&mut self, key: SubscriptionKey, ledger: &mut Ledger) -> usize {
        let Some(credited) = self.subscriptions.remove(&key) else {
            return 0;
        };
        let count = credited
            .queue
            .iter()
            .filter(|item| matches!(item, Waiting::Frame(_)))
            .count();
        ledger.release(Category::Waiting, credited.bytes + count * WAITING_BYTES);
        self.waiting -= credited.bytes;
        credited.bytes
    }

    /// Queues a message for a subscription, under a policy if it does not fit.
    pub(crate) fn push(
        &mut self,
        key: SubscriptionKey,
        frame: &[u8],
        policy: Overflow,
        limit: usize,
        ledger: &mut Ledger,
    ) -> Result<Pushed, NoRoom> {
        let Some(credited) = self.subscriptions.get_mut(&key) else {
            return Ok(Pushed::default());
        };
        let mut dropped = Dropped::default();
        let full = !credited.has_room(frame.len(), limit);
        if full && policy == Overflow::DropOldest {
            dropped = credited.drop_oldest(frame.len(), limit);
            ledger.release(
                Category::Waiting,
                dropped.bytes as usize + dropped.count as usize * WAITING_BYTES,
            );
            self.waiting -= dropped.bytes as usize;
        }
        let room = !full || policy == Overflow::DropOldest;
        let taken = room && ledger.charge(Category::Waiting, Credited::cost(frame.len()));
        if taken {
            credited.queue.push_back(Waiting::Frame(frame.into()));
            credited.bytes += frame.len();
            self.waiting += frame.len();
        } else if policy == Overflow::Disconnect {
            return Err(NoRoom);
        } else {
            let skipped = Dropped {
                count: 1,
                bytes: frame.len() as u64,
            };
            credited.note_gap(skipped, false);
            dropped = Dropped {
                count: dropped.count + 1,
                bytes: dropped.bytes + skipped.bytes,
            };
        }
        Ok(Pushed { taken, dropped })
    }

    /// Takes out what can go out next, and one credit for it if it is a message.
    pub(crate) fn pop(&mut self, key: SubscriptionKey, ledger: &mut Ledger) -> Option<Waiting> {
        let credited = self
            .subscriptions
            .get_mut(&key)
            .filter(|credited| credited.has_ready())?;
        let item = credited.queue.pop_front()?;
        if let Waiting::Frame(frame) = &item {
            credited.credit -= 1;
            credited.bytes -= frame.len();
            self.waiting -= frame.len();
            ledger.release(Category::Waiting, Credited::cost(frame.len()));
        }
        Some(item)
    }
}

/// What became of a message that has to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Whether it waits.
    pub(crate) taken: bool,
    /// What was dropped, itself included if it was not taken.
    pub(crate) dropped: Dropped,
}

/// The queue is full, and the subscription asks for a disconnect then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// Bytes charged for a message that waits, beside its own.
const WAITING_BYTES: usize = 64;
