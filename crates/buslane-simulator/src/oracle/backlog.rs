//! What waits for credit: a subscription's own queue is as long as a lane, and no longer.
//!
//! How long a queue is shows when credit comes: whatever was accepted before and is written after waited until then, in
//! the queue or, if the client did not read, in its lane.

use super::shadow::SubscriptionId;
use super::{Oracle, Subject};

/// What waited for a subscription when it was last given credit, as far as it was written since.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// The last publish that was accepted until then.
    until: u64,
    /// How many queues it may have waited in.
    queues: usize,
    bytes: usize,
    /// Bytes of the longest message, which a queue takes however long it is.
    longest: usize,
}

impl Oracle {
    /// Takes in that a subscription was given credit.
    pub(super) fn begin_backlog(&mut self, client: usize, id: &SubscriptionId) {
        let shadow = &mut self.clients[client];
        let lane = shadow.blocked || shadow.first.is_some();
        if let Some(subscription) = shadow.subscriptions.get_mut(id) {
            subscription.backlog = Backlog {
                until: self.accepted,
                queues: 1 + usize::from(lane),
                ..Backlog::default()
            };
        }
    }

    /// Takes in a copy that was written for a subscription with credit, and when its publish was accepted.
    pub(super) fn add_to_backlog(&mut self, client: usize, id: &SubscriptionId, order: u64, bytes: usize) {
        let limit = self.limits.outbox;
        let Some(subscription) = self.clients[client].subscriptions.get_mut(id) else {
            return;
        };
        let backlog = &mut subscription.backlog;
        if order > backlog.until {
            return;
        }
        backlog.bytes += bytes;
        backlog.longest = backlog.longest.max(bytes);
        if backlog.bytes > backlog.queues * limit.max(backlog.longest) {
            let promise = format!(
                "what waits for credit is no more than a queue takes: {} bytes of {id:?}",
                backlog.bytes
            );
            self.broken(promise, &[Subject::Client(client)]);
        }
    }
}
