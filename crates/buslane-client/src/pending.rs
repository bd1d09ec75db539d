//! A request under way whose outcome a callback is told.

use std::sync::{Arc, Weak};

use buslane_session::RequestKey;

use crate::shared::Shared;

/// A request under way, see [`Call::body_then`](crate::Call::body_then). Dropping it lets the request go on.
#[derive(Clone)]
pub struct Pending {
    shared: Weak<Shared>,
    key: RequestKey,
}

impl Pending {
    pub(crate) fn new(shared: &Arc<Shared>, key: RequestKey) -> Pending {
        Pending {
            shared: Arc::downgrade(shared),
            key,
        }
    }

    /// Cancels the request, on the bus too. Returns whether it was still under way: then its callback is dropped without
    /// being called; else the callback has been called, or is about to be.
    pub fn cancel(&self) -> bool {
        let Some(shared) = self.shared.upgrade() else {
            return false;
        };
        let caller = shared.act_untimed(|state| {
            let caller = state.waiters.requests.remove(&self.key)?;
            state.session.cancel(self.key);
            Some(caller)
        });
        caller.is_some()
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Pending")
            .field("key", &self.key.number())
            .finish_non_exhaustive()
    }
}
