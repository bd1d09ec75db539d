//! Which instance of a service gets a request: the one with the fewest outstanding, of equals the least recently used.
//! Only looked at where everything that counts is known: what waits unwritten, or may have ended, is not.

use std::time::Duration;

use super::requests::{Asked, Leg};
use super::{Oracle, Subject};
use crate::said::Whom;

/// What one instance had to do when a request was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    held: usize,
    outstanding: usize,
    /// When it was last asked, in the order in which requests were accepted; 0 if never.
    used: u64,
}

impl Oracle {
    /// Notes what everybody has to do who could be asked, if that is known.
    pub(super) fn loads(&self, asked: &Asked) -> Vec<Load> {
        let balanced = asked.to.len() == 1 && matches!(asked.to[0].whom, Whom::Service(_));
        if !balanced || asked.candidates.len() < 2 {
            return Vec::new();
        }
        let concerned = |other: &&Asked| {
            let shared = |held: &usize| asked.candidates.contains(held);
            other.candidates.iter().any(shared)
        };
        let others: Vec<&Asked> = self.asked.values().filter(concerned).collect();
        if others.iter().any(|other| self.is_vague(other)) {
            return Vec::new();
        }
        let load = |held: &usize| {
            let open = |leg: &&Leg| leg.held == *held && !leg.done;
            let of = |other: &&&Asked| other.over.is_none();
            let outstanding = others
                .iter()
                .filter(of)
                .flat_map(|other| &other.legs)
                .filter(open);
            Load {
                held: *held,
                outstanding: outstanding.count(),
                used: self.held[*held].used,
            }
        };
        asked.candidates.iter().map(load).collect()
    }

    /// Tells whether it is not known of a request whom it went to, or whether it has ended.
    fn is_vague(&self, asked: &Asked) -> bool {
        // Of a request to several addresses nobody knows how many were asked before all of them have it.
        let unplaced = asked.to.len() > 1
            || asked.legs.is_empty()
            || asked.legs.iter().any(|leg| leg.delivery.is_none());
        let open = asked.over.is_none();
        let near = |deadline| deadline + EDGE >= self.now && self.now + EDGE >= deadline;
        let bus = asked.to.len() == 1 && asked.to[0].whom == Whom::Bus;
        !bus && (unplaced || open && (!asked.may_end.is_empty() || asked.deadline.is_some_and(near)))
    }

    /// Looks whether a request went to one who was to get it.
    pub(super) fn check_balance(&mut self, number: u64, held: usize) {
        let Some(asked) = self.asked.get(&number) else {
            return;
        };
        let used = &mut self.held[held].used;
        *used = (*used).max(asked.order);
        let Some(chosen) = asked.loads.iter().find(|load| load.held == held) else {
            return;
        };
        self.coverage.count("balance looked at");
        let rank = |load: &Load| (load.outstanding, load.used);
        if asked.loads.iter().any(|load| rank(load) < rank(chosen)) {
            let promise = format!(
                "the instance with the fewest outstanding is asked, of equals the least recently used: {} of {:?}",
                self.held[held].label(),
                asked.loads
            );
            let client = self.held[held].client;
            self.broken(promise, &[Subject::Client(client), Subject::Message(number)]);
        }
    }
}

/// How near to its deadline a request may be over for the broker and not for the oracle.
const EDGE: Duration = Duration::from_millis(3);
