//! What is counted and charged, in one place that every part can be handed. Decides about memory only.

use buslane_protocol::ErrorCode;

use crate::Counters;
use crate::memory::{Category, Memory};

/// The broker's books.
pub(crate) struct Ledger {
    /// What happened.
    pub(crate) counters: Counters,
    /// What is held.
    pub(crate) memory: Memory,
    headroom: usize,
}

impl Ledger {
    /// Opens the books of a broker that may account for this many bytes.
    pub(crate) fn new(cap: usize) -> Self {
        Ledger {
            counters: Counters::default(),
            memory: Memory::new(cap),
            headroom: cap / HEADROOM_SHARE,
        }
    }

    /// Tells whether new work may take this many bytes: all but a headroom that is kept for answers, so that what was
    /// accepted can still be finished when nothing new is.
    #[inline]
    pub(crate) fn admits(&self, bytes: usize) -> bool {
        self.memory.fits(bytes.saturating_add(self.headroom))
    }

    /// Tells whether copies of publishes may take this many bytes: what may be dropped leaves room for what may not, so
    /// that slow readers keep nobody from asking.
    #[inline]
    pub(crate) fn admits_copy(&self, bytes: usize) -> bool {
        self.admits(bytes.saturating_add(self.memory.cap() / WORK_SHARE))
    }

    /// Charges new work if it is admitted; tells whether it is.
    #[must_use]
    pub(crate) fn charge(&mut self, category: Category, bytes: usize) -> bool {
        self.admits(bytes) && self.memory.reserve(category, bytes)
    }

    /// Charges what takes the place of something that is charged already, and may fill all memory since it begins
    /// nothing new; tells whether there was room.
    #[must_use]
    pub(crate) fn exchange(&mut self, category: Category, old: usize, new: usize) -> bool {
        let fits = self.memory.fits(new.saturating_sub(old));
        if fits {
            let used = self.memory.used(category);
            self.memory.set(category, used - old + new);
        }
        fits
    }

    /// Takes back what was charged.
    pub(crate) fn release(&mut self, category: Category, bytes: usize) {
        self.memory.release(category, bytes);
    }

    /// Counts a refusal.
    pub(crate) fn refused(&mut self, code: ErrorCode) {
        self.counters.refused.count(code);
    }
}

/// One part in this many of the memory is kept from copies of publishes.
const WORK_SHARE: usize = 8;
/// One part in this many of the memory is kept for answers.
const HEADROOM_SHARE: usize = 16;
