//! Requests as their callees get them: to whom they may go, once, and that those who nobody waits for are told.

use buslane_protocol::{BrokerMessage, ErrorCode, Invocation};

use super::answers::ENDED;
use super::requests::Leg;
use super::{Oracle, Subject};
use crate::content::{digest, number_of, number_of_problem};

/// Returns the number of a message that the broker wrote.
pub(super) fn number(message: &BrokerMessage<'_>) -> Option<u64> {
    match message {
        BrokerMessage::Delivery(delivery) => number_of(&delivery.headers),
        BrokerMessage::Request(invocation) => number_of(&invocation.headers),
        BrokerMessage::Reply(answer) => number_of(&answer.headers),
        BrokerMessage::Chunk(part) => number_of(&part.headers),
        BrokerMessage::Error(refusal) => number_of_problem(&refusal.error),
        _ => None,
    }
}

impl Oracle {
    /// Takes in a request that a callee was handed.
    pub(super) fn handed(&mut self, client: usize, invocation: &Invocation<'_>) {
        self.coverage.count("request handed over");
        let number = number_of(&invocation.headers).unwrap_or_default();
        let subjects = [Subject::Client(client), Subject::Message(number)];
        let last = self.last_handed(client);
        if invocation.delivery != last + 1 {
            return self.broken(
                format!("deliveries count up from 1: {} after {last}", invocation.delivery),
                &subjects,
            );
        }
        let Some(place) = self.leg_for(client, number, invocation) else {
            let promise = "a request was handed to one who may not have it, or twice";
            return self.broken(promise, &subjects);
        };
        let Some(asked) = self.asked.get_mut(&number) else {
            return;
        };
        let leg = &mut asked.legs[place];
        leg.delivery = Some(invocation.delivery);
        if asked.over.is_some() && !leg.done {
            leg.done = true;
            leg.withdrawn = self.clients[client].open;
        }
        let held = leg.held;
        self.clients[client]
            .handed
            .insert(invocation.delivery, (number, place));
        let same_time = match (asked.span, invocation.expires_in_ms) {
            (Some(span), Some(left)) => u128::from(left) <= span.as_millis(),
            (None, None) => true,
            _ => false,
        };
        let same_from = asked.from.as_ref().is_none_or(|from| *from == invocation.from);
        let same = asked.digest == digest(&invocation.payload)
            && asked.stream == invocation.stream
            && asked.first_credit == invocation.credit
            && asked
                .to
                .iter()
                .any(|target| target.address == invocation.to.as_str());
        if !(same && same_time && same_from) {
            self.broken("what was handed over is not what was asked", &subjects);
        }
        self.check_balance(number, held);
    }

    /// Returns the number of the last request that a client was handed; 0 if it was handed none.
    pub(crate) fn last_handed(&self, client: usize) -> u64 {
        let shadow = self.clients.get(client);
        let last = shadow.and_then(|shadow| shadow.handed.keys().next_back());
        last.copied().unwrap_or_default()
    }

    /// Finds which part of a request is handed to a client.
    fn leg_for(&mut self, client: usize, number: u64, invocation: &Invocation<'_>) -> Option<usize> {
        let asked = self.asked.get(&number)?;
        let named = |held: usize| {
            let label = self.held[held].label();
            invocation.headers.callee().is_none_or(|callee| callee == label)
        };
        let target = asked
            .to
            .iter()
            .find(|target| target.address == invocation.to.as_str())?;
        let method = target.method.clone();
        let meant = |held: usize| self.held[held].is_meant(target) && named(held);
        let fits = |held: usize| self.held[held].client == client && meant(held);
        let waiting = |leg: &Leg| leg.delivery.is_none() && fits(leg.held);
        if let Some(place) = asked.legs.iter().position(waiting) {
            return Some(place);
        }
        if asked.expected.is_some() || (!asked.gathered && !asked.legs.is_empty()) {
            return None;
        }
        let held = asked.candidates.iter().copied().find(|held| fits(*held))?;
        let alive = self.held[held].alive;
        let asked = self.asked.get_mut(&number)?;
        let mut leg = Leg::new(held, client, method);
        leg.done = !alive;
        leg.lost = !alive;
        asked.legs.push(leg);
        if !alive && !asked.gathered && asked.over.is_none() {
            asked.over = Some("the instance that it was handed to is gone");
        }
        Some(asked.legs.len() - 1)
    }

    /// Takes in that a callee was told that nobody waits any more.
    pub(super) fn withdrawn(&mut self, client: usize, delivery: u64) {
        self.coverage.count("request withdrawn");
        let subjects = [Subject::Client(client)];
        let Some((number, place)) = self.clients[client].handed.get(&delivery).copied() else {
            return self.broken("what was never handed over was withdrawn", &subjects);
        };
        let subjects = [Subject::Client(client), Subject::Message(number)];
        let Some(asked) = self.asked.get_mut(&number) else {
            return;
        };
        let overflowed = asked.stream && (asked.may_end.contains(&ErrorCode::Overflow) || self.starved);
        let leg = &mut asked.legs[place];
        if std::mem::replace(&mut leg.told, true) {
            self.broken("a request was withdrawn twice", &subjects);
        } else if !(leg.withdrawn
            || leg.lost
            || overflowed
            || asked.stream && asked.over.is_none_or(|why| why == ENDED))
        {
            self.broken(
                "a request was withdrawn although its caller waits, or was answered",
                &subjects,
            );
        }
    }

    /// Looks whether every callee that nobody waits for was told so, now that nothing is queued.
    pub(super) fn check_withdrawals(&mut self, client: usize) {
        if !self.clients[client].open || !self.has_ample_memory() {
            return;
        }
        let untold = |(number, place): &&(u64, usize)| {
            let leg = self.asked.get(number).map(|asked| &asked.legs[*place]);
            leg.is_some_and(|leg| leg.withdrawn && !leg.told)
        };
        if let Some((number, _)) = self.clients[client].handed.values().find(untold).copied() {
            let promise = "a callee is told when nobody waits any more";
            self.broken(promise, &[Subject::Client(client), Subject::Message(number)]);
        }
    }

    /// Takes in credit that a callee was handed.
    pub(super) fn credit_handed(&mut self, client: usize, delivery: u64, count: u32) {
        self.coverage.count("credit handed on");
        let Some((number, _)) = self.clients[client].handed.get(&delivery).copied() else {
            return self.broken(
                "credit for what was never handed over",
                &[Subject::Client(client)],
            );
        };
        let Some(asked) = self.asked.get_mut(&number) else {
            return;
        };
        asked.credit_handed += u64::from(count);
        let allowed = asked.credit.unwrap_or_default();
        if asked.credit_handed + u64::from(asked.first_credit) > allowed {
            let promise = "a callee was allowed more chunks than the caller allowed";
            self.broken(promise, &[Subject::Client(client), Subject::Message(number)]);
        }
    }
}
