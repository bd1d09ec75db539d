//! The requests in flight: by the caller's id, and by the number under which each callee knows its part. Bookkeeping
//! only: who is told what is decided where requests end.
//!
//! ```text
//!  caller ── Owned ──> Call ──> Leg ──> Leg      one leg per instance asked
//!                               ^
//!  callee ── Owned ─────────────┘                by delivery number
//! ```
//!
//! Both lists are threaded through the tables, so that a request in flight costs no allocation of its own.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::time::Duration;

use buslane_protocol::{Id, Instant};
use hashbrown::HashTable;

use crate::ClientId;
use crate::entropy::{Entropy, HashState};
use crate::registry::Route;
use crate::slots::{SlotKey, Slots};
use crate::timers::TimerKey;

/// A request in flight.
pub(crate) type CallKey = SlotKey;
/// What one instance was asked for a request.
pub(crate) type LegKey = SlotKey;

/// A client's requests, or a client's deliveries: the head of a list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owned {
    first: Option<SlotKey>,
    count: u32,
}

impl Owned {
    /// Returns how many there are.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// By one answer.
    Single,
    /// By the last chunk.
    Stream {
        /// The number of the next chunk.
        sequence: u64,
        /// Chunks that the caller still takes; `None` for any number.
        credit: Option<u64>,
    },
    /// By an `end`, once every instance answered or failed.
    Gather {
        /// How many are asked.
        expected: u32,
        /// How many replied.
        replied: u32,
        /// How many failed.
        failed: u32,
    },
}

/// A request in flight.
pub(crate) struct Call {
    /// Who asked.
    pub(crate) caller: ClientId,
    /// The caller's id for it.
    pub(crate) id: Id,
    /// How it ends.
    pub(crate) kind: CallKind,
    /// When it was accepted.
    pub(crate) since: Instant,
    /// When it ends at the latest; a stream's moves with each chunk.
    pub(crate) deadline: Option<Instant>,
    /// By how much a chunk moves the deadline.
    pub(crate) span: Duration,
    /// Fires at the deadline, or earlier.
    pub(crate) timer: Option<TimerKey>,
    first_leg: Option<LegKey>,
    links: Links,
    /// Of caller and id.
    hash: u64,
}

impl Call {
    /// Makes a request that nobody was asked for yet.
    pub(crate) fn new(
        caller: ClientId,
        id: Id,
        kind: CallKind,
        now: Instant,
        span: Option<Duration>,
    ) -> Self {
        Call {
            caller,
            id,
            kind,
            since: now,
            deadline: span.map(|span| now + span),
            span: span.unwrap_or_default(),
            timer: None,
            first_leg: None,
            links: Links::default(),
            hash: 0,
        }
    }

    /// Returns one of the instances that have not answered.
    pub(crate) fn first_leg(&self) -> Option<LegKey> {
        self.first_leg
    }
}

/// What one instance was asked.
pub(crate) struct Leg {
    /// For which request.
    pub(crate) call: CallKey,
    /// Whom.
    pub(crate) route: Route,
    /// The number under which the callee knows it.
    pub(crate) delivery: u64,
    /// Its neighbours among the legs of the call.
    siblings: Links,
    /// Its neighbours among the deliveries of the callee.
    links: Links,
}

#[derive(Clone, Copy, Default)]
struct Links {
    previous: Option<SlotKey>,
    next: Option<SlotKey>,
}

/// The requests in flight.
pub(crate) struct Pending {
    calls: Slots<Call>,
    legs: Slots<Leg>,
    /// By caller and id, which are kept with the request only.
    by_id: HashTable<CallKey>,
    hash: HashState,
    by_delivery: HashMap<(ClientId, u64), LegKey, HashState>,
}

impl Pending {
    /// Bytes charged for a request.
    pub(crate) const CALL_BYTES: usize = 2 * (size_of::<Call>() + size_of::<CallKey>());
    /// Bytes charged for each instance asked.
    pub(crate) const LEG_BYTES: usize = 2 * (size_of::<Leg>() + size_of::<((ClientId, u64), LegKey)>());

    /// Makes an empty table.
    pub(crate) fn new(entropy: &mut Entropy) -> Self {
        Pending {
            calls: Slots::default(),
            legs: Slots::default(),
            by_id: HashTable::new(),
            hash: entropy.hash_state(),
            by_delivery: HashMap::with_hasher(entropy.hash_state()),
        }
    }

    /// Returns how many requests are in flight.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Finds a request by its caller's id.
    pub(crate) fn find(&self, caller: ClientId, id: &Id) -> Option<CallKey> {
        let meant = |key: &CallKey| {
            let call = self.calls.get(*key);
            call.is_some_and(|call| call.caller == caller && call.id == *id)
        };
        self.by_id.find(hash_of(&self.hash, caller, id), meant).copied()
    }

    /// Finds what a callee was asked under a number.
    pub(crate) fn find_delivery(&self, callee: ClientId, delivery: u64) -> Option<LegKey> {
        self.by_delivery.get(&(callee, delivery)).copied()
    }

    /// Returns a request.
    pub(crate) fn call(&self, key: CallKey) -> Option<&Call> {
        self.calls.get(key)
    }

    /// Returns a request to change it.
    pub(crate) fn call_mut(&mut self, key: CallKey) -> Option<&mut Call> {
        self.calls.get_mut(key)
    }

    /// Returns what an instance was asked.
    pub(crate) fn leg(&self, key: LegKey) -> Option<&Leg> {
        self.legs.get(key)
    }

    /// Walks the requests of a caller, the one that was added last first.
    pub(crate) fn calls_of(&self, owner: &Owned) -> impl Iterator<Item = CallKey> {
        std::iter::successors(owner.first, |call| self.calls.get(*call)?.links.next)
    }

    /// Walks the legs of a callee, the one that was added last first.
    pub(crate) fn legs_of_callee(&self, owner: &Owned) -> impl Iterator<Item = LegKey> {
        std::iter::successors(owner.first, |leg| self.legs.get(*leg)?.links.next)
    }

    /// Walks the legs of a request, the one that was added last first.
    pub(crate) fn legs_of(&self, key: CallKey) -> impl Iterator<Item = LegKey> {
        let first = self.calls.get(key).and_then(|call| call.first_leg);
        std::iter::successors(first, |leg| self.legs.get(*leg)?.siblings.next)
    }

    /// Adds a request to those of its caller. The id is not in flight yet.
    pub(crate) fn add_call(&mut self, owner: &mut Owned, mut call: Call) -> CallKey {
        call.hash = hash_of(&self.hash, call.caller, &call.id);
        call.links.next = owner.first;
        let hash = call.hash;
        let key = self.calls.insert(call);
        if let Some(next) = owner.first.and_then(|next| self.calls.get_mut(next)) {
            next.links.previous = Some(key);
        }
        owner.first = Some(key);
        owner.count += 1;
        let calls = &self.calls;
        self.by_id
            .insert_unique(hash, key, |key| calls.get(*key).map_or(0, |call| call.hash));
        key
    }

    /// Adds what an instance is asked, to the request and to the deliveries of its client.
    pub(crate) fn add_leg(
        &mut self,
        owner: &mut Owned,
        call: CallKey,
        route: Route,
        delivery: u64,
    ) -> LegKey {
        let name = (route.client, delivery);
        let sibling = self.calls.get(call).and_then(|call| call.first_leg);
        let siblings = Links {
            previous: None,
            next: sibling,
        };
        let links = Links {
            previous: None,
            next: owner.first,
        };
        let key = self.legs.insert(Leg {
            call,
            route,
            delivery,
            siblings,
            links,
        });
        if let Some(next) = sibling.and_then(|next| self.legs.get_mut(next)) {
            next.siblings.previous = Some(key);
        }
        if let Some(call) = self.calls.get_mut(call) {
            call.first_leg = Some(key);
        }
        if let Some(next) = owner.first.and_then(|next| self.legs.get_mut(next)) {
            next.links.previous = Some(key);
        }
        owner.first = Some(key);
        owner.count += 1;
        self.by_delivery.insert(name, key);
        key
    }

    /// Removes a request; its legs are removed before. Returns when it was accepted, and its timer.
    pub(crate) fn remove_call(
        &mut self,
        owner: &mut Owned,
        key: CallKey,
    ) -> Option<(Instant, Option<TimerKey>)> {
        let call = self.calls.get(key)?;
        debug_assert!(call.first_leg.is_none(), "a request is removed after its legs");
        if let Ok(found) = self.by_id.find_entry(call.hash, |found| *found == key) {
            found.remove();
        }
        let (Links { previous, next }, removed) = (call.links, (call.since, call.timer));
        self.calls.discard(key);
        if let Some(next) = next.and_then(|next| self.calls.get_mut(next)) {
            next.links.previous = previous;
        }
        match previous.and_then(|previous| self.calls.get_mut(previous)) {
            Some(previous) => previous.links.next = next,
            None => owner.first = next,
        }
        owner.count -= 1;
        Some(removed)
    }

    /// Removes what an instance was asked, from the request and from the deliveries of its client.
    pub(crate) fn remove_leg(&mut self, owner: &mut Owned, key: LegKey) -> Option<Leg> {
        let leg = self.legs.remove(key)?;
        self.by_delivery.remove(&(leg.route.client, leg.delivery));
        if let Some(next) = leg.siblings.next.and_then(|next| self.legs.get_mut(next)) {
            next.siblings.previous = leg.siblings.previous;
        }
        match leg
            .siblings
            .previous
            .and_then(|previous| self.legs.get_mut(previous))
        {
            Some(previous) => previous.siblings.next = leg.siblings.next,
            None => {
                if let Some(call) = self.calls.get_mut(leg.call) {
                    call.first_leg = leg.siblings.next;
                }
            }
        }
        if let Some(next) = leg.links.next.and_then(|next| self.legs.get_mut(next)) {
            next.links.previous = leg.links.previous;
        }
        match leg
            .links
            .previous
            .and_then(|previous| self.legs.get_mut(previous))
        {
            Some(previous) => previous.links.next = leg.links.next,
            None => owner.first = leg.links.next,
        }
        owner.count -= 1;
        Some(leg)
    }
}

#[inline]
fn hash_of(hash: &HashState, caller: ClientId, id: &Id) -> u64 {
    hash.hash_one((caller, id))
}
