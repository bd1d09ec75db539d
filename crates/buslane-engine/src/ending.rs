//! How requests end, each exactly once at its caller. Owns what a callee is told when nobody waits any more, and the
//! counters of ends.

use buslane_protocol::{
    Answer, BUS_SERVICE, BrokerMessage, End, ErrorCode, Headers, Id, Payload, Problem, Refusal, Withdrawal,
};

use crate::ClientId;
use crate::engine::{Engine, Timer};
use crate::memory::Category;
use crate::pending::{CallKey, CallKind, Leg, LegKey, Pending};
use crate::registry::InstanceKey;
use crate::slots::SlotKey;
use crate::unhandled::Unhandled;

/// Why a request, or one leg of a gathered one, ends without an answer of its callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By the callee's answer.
    Replied,
    /// By the last chunk.
    Streamed,
    /// By `end`.
    Gathered,
    /// By an error of the callee, or by an answer that is refused.
    Failed,
    /// By the deadline.
    Expired,
    /// By the caller's wish.
    Cancelled,
    /// Because the callee is gone.
    Lost,
    /// Because the caller reads too slowly.
    Overflowed,
    /// Because the caller is gone.
    Abandoned,
}

impl Engine {
    /// Ends a leg with an error for its caller. `withdraw` tells the callee that nobody waits any more.
    pub(crate) fn fail_leg(&mut self, key: LegKey, problem: Problem, ending: Ending, withdraw: bool) {
        let Some(leg) = self.close_leg(key, withdraw) else {
            return;
        };
        let Some(call) = self.pending.call(leg.call) else {
            return;
        };
        if matches!(call.kind, CallKind::Gather { .. }) {
            self.gathered_failure(leg.call, leg.route.offer.label.to_string(), problem);
            return self.close_gathered(leg.call);
        }
        let (caller, id) = (call.caller, call.id);
        self.close_call(leg.call, ending);
        self.send_error(caller, id, None, problem);
    }

    /// Sends a caller the failure of one of those that a gathered request asked.
    pub(crate) fn gathered_failure(&mut self, key: CallKey, from: String, problem: Problem) {
        let Some(call) = self.pending.call_mut(key) else {
            return;
        };
        if let CallKind::Gather { failed, .. } = &mut call.kind {
            *failed += 1;
        }
        let (caller, id) = (call.caller, call.id);
        self.send_error(caller, id, Some(from), problem);
    }

    /// Sends a caller the broker's own reply to a gathered request.
    pub(crate) fn gathered_reply(&mut self, key: CallKey, id: Id, caller: ClientId, output: &[u8]) {
        if let Some(CallKind::Gather { replied, .. }) = self.pending.call_mut(key).map(|call| &mut call.kind)
        {
            *replied += 1;
        }
        let (headers, payload) = (Headers::default(), Payload::checked(output));
        self.send(
            caller,
            &BrokerMessage::Reply(Answer {
                id,
                from: BUS_SERVICE.into(),
                headers,
                payload,
            }),
        );
    }

    /// Ends a gathered request if nobody is left to answer.
    pub(crate) fn close_gathered(&mut self, key: CallKey) {
        let Some(call) = self.pending.call(key) else {
            return;
        };
        let CallKind::Gather {
            expected,
            replied,
            failed,
        } = call.kind
        else {
            return;
        };
        if call.first_leg().is_some() {
            return;
        }
        let (caller, id) = (call.caller, call.id);
        self.close_call(key, Ending::Gathered);
        self.send(
            caller,
            &BrokerMessage::End(End {
                id,
                expected,
                replied,
                failed,
            }),
        );
    }

    /// Ends a request that its caller does not want any more. One that ended meanwhile needs nothing.
    pub(crate) fn cancel(&mut self, caller: ClientId, id: Id) {
        let Some(key) = self.pending.find(caller, &id) else {
            return;
        };
        self.withdraw_legs(key);
        self.close_call(key, Ending::Cancelled);
        self.send_error(caller, id, None, Problem::new(ErrorCode::Cancelled));
    }

    /// Ends a request at its deadline. A stream whose deadline has moved goes on.
    pub(crate) fn expire_call(&mut self, key: CallKey) {
        let Some(call) = self.pending.call_mut(key) else {
            return;
        };
        call.timer = None;
        if let Some(deadline) = call.deadline.filter(|deadline| *deadline > self.now) {
            call.timer = Some(self.timers.insert(deadline, Timer::Call(key)));
            return;
        }
        let (caller, id) = (call.caller, call.id);
        for leg in oldest_first(self.pending.legs_of(key)) {
            let Some(route) = self.pending.leg(leg).map(|leg| leg.route.clone()) else {
                continue;
            };
            let address = format!("{}:{}", route.offer.label, route.offer.method);
            self.report_unhandled(Unhandled::DeadlineExceeded, &address, caller, "request", Some(id));
            let detail =
                "the callee took too long; allow more time, or ask again if doing it twice is harmless";
            let problem = Problem::new(ErrorCode::DeadlineExceeded)
                .about(address)
                .detail(detail);
            self.fail_leg(leg, problem, Ending::Expired, true);
        }
    }

    /// Ends every request of a caller that is gone, the oldest first.
    pub(crate) fn end_calls_of(&mut self, caller: ClientId) {
        let Some(client) = self.clients.find(caller) else {
            return;
        };
        for key in oldest_first(self.pending.calls_of(&client.calls)) {
            self.withdraw_legs(key);
            self.close_call(key, Ending::Abandoned);
        }
    }

    /// Ends everything that a callee that is gone was asked, the oldest first.
    pub(crate) fn lose_legs_of(&mut self, callee: ClientId) {
        let Some(client) = self.clients.find(callee) else {
            return;
        };
        for key in oldest_first(self.pending.legs_of_callee(&client.legs)) {
            self.lose_leg(key, false);
        }
    }

    /// Ends everything that an instance was asked whose registration ends while its client stays.
    pub(crate) fn lose_legs_of_instance(&mut self, callee: ClientId, instance: InstanceKey) {
        let Some(client) = self.clients.find(callee) else {
            return;
        };
        for key in oldest_first(self.pending.legs_of_callee(&client.legs)) {
            let leg = self.pending.leg(key);
            if leg.is_some_and(|leg| leg.route.instance == instance) {
                self.lose_leg(key, true);
            }
        }
    }

    fn lose_leg(&mut self, key: LegKey, withdraw: bool) {
        let Some(leg) = self.pending.leg(key) else { return };
        let label = leg.route.offer.label.clone();
        let detail = "the instance went away with the request; ask again if doing it twice is harmless";
        let problem = Problem::new(ErrorCode::OutcomeUnknown)
            .about(label)
            .detail(detail);
        self.fail_leg(key, problem, Ending::Lost, withdraw);
    }

    /// Tells every callee of a request that nobody waits any more.
    fn withdraw_legs(&mut self, key: CallKey) {
        for leg in oldest_first(self.pending.legs_of(key)) {
            self.close_leg(leg, true);
        }
    }

    /// Forgets what an instance was asked.
    pub(crate) fn close_leg(&mut self, key: LegKey, withdraw: bool) -> Option<Leg> {
        let callee = self.pending.leg(key)?.route.client;
        let client = self.clients.find_mut(callee)?;
        let leg = self.pending.remove_leg(&mut client.legs, key)?;
        self.ledger.release(Category::Requests, Pending::LEG_BYTES);
        if let Some(instance) = self.registry.instance_mut(leg.route.instance) {
            instance.outstanding -= 1;
            if instance.outstanding == 0 && instance.draining.is_some() {
                self.drained.push_back(leg.route.instance);
            }
        }
        if withdraw {
            let message = BrokerMessage::Cancel(Withdrawal {
                delivery: leg.delivery,
            });
            self.clients.inform(&mut self.ledger, callee, &message);
        }
        Some(leg)
    }

    /// Forgets a request whose legs are closed. Tells whether it was there.
    pub(crate) fn close_call(&mut self, key: CallKey, ending: Ending) -> bool {
        let caller = self.pending.call(key).map(|call| call.caller);
        let Some(client) = caller.and_then(|caller| self.clients.find_mut(caller)) else {
            return false;
        };
        let Some((since, timer)) = self.pending.remove_call(&mut client.calls, key) else {
            return false;
        };
        self.ledger.release(Category::Requests, Pending::CALL_BYTES);
        if let Some(timer) = timer {
            self.timers.cancel(timer);
        }
        let counters = &mut self.ledger.counters;
        let counter = match ending {
            Ending::Replied => &mut counters.replied,
            Ending::Streamed => &mut counters.streamed,
            Ending::Gathered => &mut counters.gathered,
            Ending::Failed => &mut counters.failed,
            Ending::Expired => &mut counters.expired,
            Ending::Cancelled => &mut counters.cancelled,
            Ending::Lost => &mut counters.lost,
            Ending::Overflowed => &mut counters.overflowed,
            Ending::Abandoned => &mut counters.abandoned,
        };
        *counter += 1;
        counters.note_request(self.now - since);
        true
    }

    /// Sends a caller an error that ends its request, or one outcome of it.
    fn send_error(&mut self, caller: ClientId, id: Id, from: Option<String>, error: Problem) {
        let refusal = Refusal {
            id: Some(id),
            delivery: None,
            from,
            error,
        };
        self.send(caller, &BrokerMessage::Error(refusal));
    }
}

/// Turns a list round, which begins with what was added last.
fn oldest_first(newest_first: impl Iterator<Item = SlotKey>) -> Vec<SlotKey> {
    let mut keys: Vec<SlotKey> = newest_first.collect();
    keys.reverse();
    keys
}
