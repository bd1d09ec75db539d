//! When what is due: a hierarchical timer wheel. Owns the order of deadlines; what is done at one is its payload, and
//! the clock is handed in.

use buslane_protocol::Instant;

/// The key of a timer, for [`Timers::cancel`]. Never means another timer than the one it was handed out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TimerKey {
    index: u32,
    generation: u32,
}

/// Timers that fire within a millisecond after their deadline and never before it.
pub(crate) struct Timers<T> {
    payload: Vec<T>,
}

impl<T> Timers<T> {
    /// Makes an empty wheel. Deadlines before `now` are due at once.
    pub(crate) fn new(now: Instant) -> Timers<T> {
        todo!("{now:?}")
    }
    /// Returns how many timers there are.
    pub(crate) fn len(&self) -> usize {
        self.payload.len()
    }
    /// Sets a timer, in constant time.
    pub(crate) fn insert(&mut self, deadline: Instant, payload: T) -> TimerKey {
        self.payload.push(payload);
        todo!("{deadline:?}")
    }
    /// Removes a timer, in constant time. `None` if it has fired or was cancelled.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<T> {
        todo!("{key:?}")
    }
    /// Returns when [`Timers::expire`] is to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        todo!()
    }
    /// Appends the payloads of all timers that are due, in the order of their deadlines, then of insertion.
    pub(crate) fn expire(&mut self, now: Instant, due: &mut Vec<T>) {
        todo!("{now:?}{}", due.len())
    }
}
