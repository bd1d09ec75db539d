//! The subscriptions as records that hang on a filter or a shared subscription. Owns the lists that they form and
//! finds the one of a subscriber; which list is whose is its owner's.

use std::hash::BuildHasher;

use super::{Match, NONE};
use crate::arena::Arena;
use crate::entropy::HashState;
use crate::index::Index;

/// What there is of one subscription: it is in the list of its filter's node or in the ring of its group, and among
/// those that its subscriber holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subscription {
    pub(super) subscriber: u64,
    pub(super) key: u64,
    pub(super) node: u32,
    /// The group of a shared subscription, else [`NONE`].
    pub(super) group: u32,
    previous: u32,
    next: u32,
    /// Its neighbours among those of its subscriber.
    held_previous: u32,
    held_next: u32,
}

/// The subscriptions of one subscriber: the head of a list that is threaded through the table, so that taking one out
/// costs the same however many there are.
#[derive(Debug)]
pub(crate) struct Held {
    first: u32,
    count: u32,
}

/// All records, with an index by subscriber, filter and group.
#[derive(Debug)]
pub(super) struct Subscriptions {
    hash: HashState,
    index: Index,
    records: Arena<Subscription>,
}

impl Subscriptions {
    pub(super) fn new(hash: HashState) -> Subscriptions {
        Subscriptions {
            hash,
            index: Index::default(),
            records: Arena::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        self.records.len() * size_of::<Subscription>() + self.index.bytes()
    }

    #[cfg(test)]
    pub(super) fn reads(&self) -> u64 {
        self.records.reads()
    }

    #[inline]
    pub(super) fn record(&self, id: u32) -> &Subscription {
        &self.records[id]
    }

    pub(super) fn record_mut(&mut self, id: u32) -> &mut Subscription {
        &mut self.records[id]
    }

    /// Returns a record if it is in use and of this subscriber.
    pub(super) fn of(&self, subscriber: u64, id: u32) -> Option<&Subscription> {
        self.records
            .get(id)
            .filter(|record| record.subscriber == subscriber && record.is_in_use())
    }

    pub(super) fn find(&self, subscriber: u64, node: u32, group: u32) -> Option<u32> {
        let wanted = (subscriber, node, group);
        self.index.find(self.hash.hash_one(wanted), |id| {
            self.records[id].identity() == wanted
        })
    }

    /// Adds a record that is in no list yet.
    pub(super) fn insert(&mut self, subscriber: u64, key: u64, node: u32, group: u32) -> u32 {
        let record = Subscription {
            subscriber,
            key,
            node,
            group,
            previous: NONE,
            next: NONE,
            held_previous: NONE,
            held_next: NONE,
        };
        let id = self.records.insert(record);
        self.index.insert(self.hash.hash_one(record.identity()), id);
        id
    }

    /// Removes a record that is in no list any more.
    pub(super) fn remove(&mut self, id: u32) {
        let hash = self.hash.hash_one(self.records[id].identity());
        self.index.remove(hash, id);
        self.records[id].node = NONE;
        self.records.remove(id);
    }

    /// Puts a record at the head of a list; returns the new head.
    pub(super) fn push(&mut self, id: u32, head: u32) -> u32 {
        self.record_mut(id).next = head;
        if head != NONE {
            self.record_mut(head).previous = id;
        }
        id
    }

    /// Takes a record out of a list; returns the new head.
    pub(super) fn unlink(&mut self, id: u32, head: u32) -> u32 {
        let Subscription { previous, next, .. } = *self.record(id);
        if next != NONE {
            self.record_mut(next).previous = previous;
        }
        if previous != NONE {
            self.record_mut(previous).next = next;
        }
        if head == id { next } else { head }
    }

    /// Puts a record among those of its subscriber.
    pub(super) fn hold(&mut self, id: u32, held: &mut Held) {
        self.record_mut(id).held_next = held.first;
        if held.first != NONE {
            self.record_mut(held.first).held_previous = id;
        }
        held.first = id;
        held.count += 1;
    }

    /// Takes a record from those of its subscriber.
    pub(super) fn let_go(&mut self, id: u32, held: &mut Held) {
        let Subscription {
            held_previous,
            held_next,
            ..
        } = *self.record(id);
        if held_next != NONE {
            self.record_mut(held_next).held_previous = held_previous;
        }
        if held_previous != NONE {
            self.record_mut(held_previous).held_next = held_next;
        }
        if held.first == id {
            held.first = held_next;
        }
        held.count -= 1;
    }

    /// Puts a record into a ring so that its turn comes last; returns whose turn is next.
    pub(super) fn push_ring(&mut self, id: u32, turn: u32) -> u32 {
        if turn == NONE {
            self.record_mut(id).previous = id;
            self.record_mut(id).next = id;
            return id;
        }
        let last = self.record(turn).previous;
        self.record_mut(id).previous = last;
        self.record_mut(id).next = turn;
        self.record_mut(last).next = id;
        self.record_mut(turn).previous = id;
        turn
    }

    /// Takes a record out of a ring; returns whose turn is next.
    pub(super) fn unlink_ring(&mut self, id: u32, turn: u32) -> u32 {
        let Subscription { previous, next, .. } = *self.record(id);
        if next == id {
            return NONE;
        }
        self.record_mut(previous).next = next;
        self.record_mut(next).previous = previous;
        if turn == id { next } else { turn }
    }

    /// Walks a list.
    pub(super) fn list(&self, head: u32) -> impl Iterator<Item = Match> {
        let follow = |id: &u32| Some(self.record(*id).next).filter(|next| *next != NONE);
        std::iter::successors(Some(head).filter(|head| *head != NONE), follow)
            .map(|id| self.record(id).found())
    }

    /// Walks a ring once, from whose turn it is; each item comes with whose turn is after it.
    pub(super) fn ring(&self, turn: u32) -> impl Iterator<Item = (Match, u32)> {
        let follow = move |id: &u32| Some(self.record(*id).next).filter(|next| *next != turn);
        std::iter::successors(Some(turn).filter(|turn| *turn != NONE), follow)
            .map(|id| (self.record(id).found(), self.record(id).next))
    }
}

impl Default for Held {
    fn default() -> Held {
        Held {
            first: NONE,
            count: 0,
        }
    }
}

impl Held {
    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    /// Tells whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the one that came last.
    pub(super) fn first(&self) -> Option<u32> {
        Some(self.first).filter(|first| *first != NONE)
    }
}

impl Subscription {
    fn identity(&self) -> (u64, u32, u32) {
        (self.subscriber, self.node, self.group)
    }

    /// Tells whether the record was not removed: none hangs on the root, which is no filter.
    fn is_in_use(&self) -> bool {
        self.node != NONE
    }

    fn found(&self) -> Match {
        Match {
            subscriber: self.subscriber,
            key: self.key,
        }
    }
}
