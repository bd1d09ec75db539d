//! Slow receivers: which deliveries are dropped under which policy, and who is disconnected.

use buslane_engine::{CloseReason, Counters};
use buslane_protocol::Overflow;

use super::shadow::{Account, SubscriptionId};
use super::{Oracle, Subject};

impl Oracle {
    /// Looks whether the right ones were dropped, now that nothing is queued and before what did not come is given up.
    pub(super) fn check_policy(&mut self, client: usize) {
        let ample = self.has_ample_memory();
        let shadow = &mut self.clients[client];
        let (first, last) = (shadow.first.take(), shadow.last.take());
        let special = |(filter, shared): &SubscriptionId| shared.is_some() || filter.starts_with('$');
        let others = std::mem::take(&mut shadow.others) || shadow.subscriptions.keys().any(special);
        let only = |policy: Overflow| shadow.policies.iter().eq([&(policy as u8)]);
        let wanted = match () {
            () if only(Overflow::DropOldest) => last,
            () if only(Overflow::DropNewest) => first,
            () => None,
        };
        let alone = !others && shadow.open && ample;
        let fits = 2 * self.sums.longest + ENVELOPE <= self.limits.outbox;
        let Some(copy) = wanted.and_then(|order| shadow.expected.get(&order)) else {
            return;
        };
        if alone && fits && !copy.optional && copy.account == Account::Plain {
            let promise = "drop_oldest keeps the newest, and drop_newest the oldest";
            let subjects = [Subject::Client(client), Subject::Message(copy.number)];
            self.broken(promise, &subjects);
        }
    }

    /// Looks whether a connection was ended for its queue only where that was asked for, or nothing else was left.
    pub(super) fn check_reason(&mut self, client: usize, reason: CloseReason) {
        let full = matches!(reason, CloseReason::DeliveriesFull | CloseReason::ControlFull);
        self.sums.given_up += u64::from(full);
        let shadow = &self.clients[client];
        let asked = shadow.policies.contains(&(Overflow::Disconnect as u8));
        let wrong = match reason {
            CloseReason::DeliveriesFull => !asked || !self.may_be_slow(client),
            CloseReason::ControlFull => !self.may_be_slow(client),
            _ => false,
        };
        if wrong && self.has_ample_memory() {
            let promise = format!("nobody is disconnected without a reason: {}", reason.as_str());
            self.broken(promise, &[Subject::Client(client)]);
        }
    }

    /// Looks whether drops are counted under policies that somebody chose.
    pub(super) fn check_drops(&mut self, counters: &Counters) {
        let counted = [
            (Overflow::DropOldest, counters.dropped_oldest),
            (Overflow::DropNewest, counters.dropped_newest),
            (Overflow::Disconnect, counters.dropped_disconnect),
        ];
        for (policy, count) in counted {
            if count > 0 && !self.sums.policies.contains(&(policy as u8)) {
                let promise = format!("{count} deliveries were dropped under {policy:?}, which nobody chose");
                self.broken(promise, &[]);
            }
        }
    }
}

/// Bytes around payloads: two envelopes, and base64.
const ENVELOPE: usize = 1_000;
