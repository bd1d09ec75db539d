//! A request under way as another language holds it: it can be waited for, looked at, called back and cancelled.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use buslane_client::{ErrorCode, Reply};

use crate::{Event, Events, Failure};

/// What comes of a request.
pub type Outcome = Result<Reply, Failure>;

/// A request under way, or ended. Whatever happens, it ends once; the outcome stays until this is dropped.
///
/// Dropping it lets the request go on.
#[derive(Debug)]
pub struct Pending {
    request: buslane_client::Pending,
    slot: Arc<Slot>,
}

/// Where the outcome of a request is put, and whoever waits for it.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Outcome>,
    then: Option<(Arc<Events>, u64)>,
    /// Threads that wait.
    waiting: u32,
}

/// Puts the outcome into its slot. Dropped without one, the request was cancelled.
pub(crate) struct Settle(Option<Arc<Slot>>);

impl Pending {
    pub(crate) fn new(request: buslane_client::Pending, slot: Arc<Slot>) -> Pending {
        Pending { request, slot }
    }

    /// Waits until the request has ended. It does at its deadline at the latest.
    pub fn wait(&self) -> Outcome {
        let mut state = self.slot.lock();
        loop {
            match &state.outcome {
                Some(outcome) => return outcome.clone(),
                None => state = self.slot.sleep(state, None),
            }
        }
    }

    /// Waits until the request has ended or the time is over; then there is no outcome yet, and the request goes on.
    pub fn wait_for(&self, time: Duration) -> Option<Outcome> {
        let deadline = Instant::now().checked_add(time);
        let mut state = self.slot.lock();
        loop {
            if state.outcome.is_some() {
                return state.outcome.clone();
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return None;
            }
            state = self.slot.sleep(state, left);
        }
    }

    /// Tells whether the request has ended.
    pub fn has_ended(&self) -> bool {
        self.slot.lock().outcome.is_some()
    }

    /// Has the outcome come as an [`Event::Ended`] with this token, once; at once if the request has ended already. A
    /// second call replaces the first, if that was not told yet. Returns the outcome instead where nobody takes events
    /// any more.
    pub fn then(&self, events: &Arc<Events>, token: u64) -> Option<Outcome> {
        let mut state = self.slot.lock();
        let Some(outcome) = state.outcome.clone() else {
            state.then = Some((events.clone(), token));
            return None;
        };
        drop(state);
        if events.has_ended() {
            return Some(outcome);
        }
        events.push(Event::Ended { token, outcome });
        None
    }

    /// Cancels the request, on the bus too: its outcome is `cancelled`. Returns whether it was still under way.
    pub fn cancel(&self) -> bool {
        self.request.cancel()
    }
}

impl Slot {
    /// Makes a slot, and what puts the outcome there.
    pub(crate) fn new() -> (Arc<Slot>, Settle) {
        let slot = Arc::new(Slot::default());
        (slot.clone(), Settle(Some(slot)))
    }

    fn settle(&self, outcome: Outcome) {
        let mut state = self.lock();
        if state.outcome.is_some() {
            return;
        }
        let then = state.then.take();
        state.outcome = Some(outcome.clone());
        let waiting = state.waiting > 0;
        drop(state);
        if waiting {
            self.ended.notify_all();
        }
        if let Some((events, token)) = then {
            events.push(Event::Ended { token, outcome });
        }
    }

    fn sleep<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        time: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        state.waiting += 1;
        let mut state = match time {
            Some(time) => {
                let (state, _) = self
                    .ended
                    .wait_timeout(state, time)
                    .unwrap_or_else(PoisonError::into_inner);
                state
            }
            None => self.ended.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
        state.waiting -= 1;
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settle {
    /// Puts the outcome where it is waited for.
    pub(crate) fn with(mut self, outcome: Outcome) {
        if let Some(slot) = self.0.take() {
            slot.settle(outcome);
        }
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.settle(Err(Failure::new(
                ErrorCode::Cancelled,
                "the caller cancelled the request",
            )));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_without_an_outcome_was_cancelled() {
        let (slot, settle) = Slot::new();
        drop(settle);
        let outcome = slot.lock().outcome.clone().unwrap();
        assert_eq!(outcome.unwrap_err().code(), Some(ErrorCode::Cancelled));
    }

    #[test]
    fn the_first_outcome_stays() {
        let (slot, settle) = Slot::new();
        settle.with(Err(Failure::new(ErrorCode::NoInstance, "")));
        slot.settle(Err(Failure::new(ErrorCode::Internal, "")));
        let outcome = slot.lock().outcome.clone().unwrap();
        assert_eq!(outcome.unwrap_err().code(), Some(ErrorCode::NoInstance));
    }
}
