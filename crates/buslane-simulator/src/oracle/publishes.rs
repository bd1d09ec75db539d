//! Publishes: who is to get a copy of each, decided at the moment at which it is accepted.

use std::collections::BTreeSet;

use buslane_protocol::Retain;

use super::shadow::{Account, Copy, Subscription, SubscriptionId};
use super::topics::selects;
use super::{Oracle, Subject};
use crate::said::Publish;

/// A publish that was accepted.
#[derive(Debug)]
pub(super) struct Published {
    /// When, among all that were accepted.
    pub(super) order: u64,
    pub(super) publisher: usize,
    pub(super) from: Option<String>,
    pub(super) topic: String,
    pub(super) digest: u64,
    pub(super) shares: Vec<Share>,
}

/// A copy for one of the members of a shared subscription.
#[derive(Debug)]
pub(super) struct Share {
    /// The name, `/` and the filter.
    pub(super) label: String,
    pub(super) members: BTreeSet<usize>,
    pub(super) receiver: Option<usize>,
}

impl Oracle {
    /// Takes in a subscription that was accepted.
    pub(super) fn subscribed(
        &mut self,
        client: usize,
        filter: &str,
        shared: Option<&str>,
        credit: Option<u32>,
    ) {
        let now = self.now;
        let id = (filter.to_owned(), shared.map(str::to_owned));
        let changed = self.clients[client]
            .subscriptions
            .get(&id)
            .map(|known| known.credit.is_some());
        if changed.is_some_and(|credited| credited || credit.is_some()) {
            self.let_stay_away(client, filter);
        }
        let shadow = &mut self.clients[client];
        let subscription = shadow.subscriptions.entry(id).or_default();
        let granted = subscription.credit.unwrap_or(subscription.used);
        subscription.credit = credit.map(|credit| granted + u64::from(credit));
        shadow.subscribed.push((filter.to_owned(), now));
        shadow.mixed |= shared.is_some() || filter.starts_with('$') || !self.kept.is_empty();
        shadow.others = true;
        self.sums.others |= filter.starts_with('$') || !self.kept.is_empty();
        self.clients[client]
            .view
            .subscribed(filter, shared.is_none() && credit.is_none());
        if self.clients[client].subscriptions.len() > self.limits.subscriptions {
            self.broken(
                "a client has more subscriptions than the limit",
                &[Subject::Client(client)],
            );
        }
    }

    /// Takes in that a subscription was ended.
    pub(super) fn unsubscribed(&mut self, client: usize, filter: &str, shared: Option<&str>) {
        let id = (filter.to_owned(), shared.map(str::to_owned));
        if self.clients[client].subscriptions.remove(&id).is_none() {
            self.broken(
                "what was not subscribed was unsubscribed",
                &[Subject::Client(client)],
            );
        }
        self.let_stay_away(client, filter);
        self.clients[client].view.unsubscribed(filter);
    }

    /// Takes in more credit.
    pub(super) fn credited(&mut self, client: usize, filter: &str, shared: Option<&str>, count: u32) {
        let id: SubscriptionId = (filter.to_owned(), shared.map(str::to_owned));
        self.begin_backlog(client, &id);
        match self.clients[client].subscriptions.get_mut(&id) {
            Some(Subscription {
                credit: Some(credit), ..
            }) => *credit += u64::from(count),
            Some(_) => {}
            None => self.broken(
                "credit for what is not subscribed was accepted",
                &[Subject::Client(client)],
            ),
        }
    }

    /// Takes everything from a client that is gone. What was queued for it may still be written.
    pub(super) fn end_subscriptions(&mut self, client: usize) {
        let shadow = &mut self.clients[client];
        shadow.subscriptions.clear();
        shadow.expected.values_mut().for_each(|copy| copy.optional = true);
    }

    /// Takes in a publish that was accepted.
    pub(super) fn published(&mut self, client: usize, publish: &Publish) {
        self.accepted += 1;
        let order = self.accepted;
        let contract = self.contract(&publish.topic).cloned();
        if contract.as_ref().is_some_and(|contract| contract.strict)
            && !publish.valid
            && publish.retain != Retain::Clear
        {
            let promise = "a payload against its topic's contract was accepted";
            self.broken(
                promise,
                &[Subject::Client(client), Subject::Message(publish.number)],
            );
        }
        if publish.topic.starts_with('$') && !publish.topic.starts_with(BROADCAST) {
            self.broken(
                "a publish to a reserved topic was accepted",
                &[Subject::Client(client)],
            );
        }
        let published = Published {
            order,
            publisher: client,
            from: self.label(client),
            topic: publish.topic.clone(),
            digest: publish.digest,
            shares: self.shares(client, publish),
        };
        self.sums.publishes += 1;
        self.sums.longest = self.sums.longest.max(publish.length);
        let shares = published.shares.len() as u64;
        self.sums.copies += shares;
        self.sums.most_shares = self.sums.most_shares.max(shares);
        let excluded = publish.exclude_self.then_some(client);
        for receiver in (0..self.clients.len()).filter(|receiver| Some(*receiver) != excluded) {
            if let Some(account) = self.account(receiver, &publish.topic) {
                self.sums.copies += 1;
                let shadow = &mut self.clients[receiver];
                shadow.first.get_or_insert(order);
                shadow.last = Some(order);
                let copy = Copy {
                    number: publish.number,
                    publisher: client,
                    account,
                    optional: false,
                };
                self.clients[receiver].expected.insert(order, copy);
            }
        }
        self.published.insert(publish.number, published);
        let retain = match publish.retain {
            Retain::Keep if contract.is_some_and(|contract| contract.retain) => Retain::Set,
            asked => asked,
        };
        self.retain(publish, retain);
    }

    /// Takes in a publish of which nobody knows whether it was accepted.
    pub(super) fn may_have_published(&mut self, client: usize, publish: &Publish) {
        let before = self.sums.copies;
        self.published(
            client,
            &Publish {
                retain: Retain::Keep,
                valid: true,
                ..publish.clone()
            },
        );
        let sums = &mut self.sums;
        sums.publishes -= 1;
        sums.perhaps_publishes += 1;
        sums.perhaps_copies += sums.copies - before;
        sums.copies = before;
        self.unsure.insert(publish.topic.clone());
        for shadow in &mut self.clients {
            for copy in shadow
                .expected
                .values_mut()
                .filter(|copy| copy.number == publish.number)
            {
                copy.optional = true;
                shadow.mixed = true;
            }
        }
    }

    /// Counts to how many clients a publish is routed.
    pub(super) fn receivers(&self, client: usize, publish: &Publish) -> u64 {
        let excluded = publish.exclude_self.then_some(client);
        let copies = (0..self.clients.len()).filter(|receiver| {
            Some(*receiver) != excluded && self.account(*receiver, &publish.topic).is_some()
        });
        copies.count() as u64 + self.shares(client, publish).len() as u64
    }

    /// Finds on which account a client gets a copy of what is published to a topic, if it does.
    fn account(&self, client: usize, topic: &str) -> Option<Account> {
        let shadow = &self.clients[client];
        if !shadow.open {
            return None;
        }
        let selecting = shadow
            .subscriptions
            .iter()
            .filter(|((filter, shared), _)| shared.is_none() && selects(filter, topic));
        let mut account = None;
        for (id, subscription) in selecting {
            account = Some(match (account, subscription.credit) {
                (None | Some(Account::Plain), None) => Account::Plain,
                (None, Some(_)) => Account::Credited(id.clone()),
                _ => Account::Several,
            });
        }
        account
    }

    fn shares(&self, client: usize, publish: &Publish) -> Vec<Share> {
        let mut shares: Vec<Share> = Vec::new();
        for (member, shadow) in self.clients.iter().enumerate() {
            if !shadow.open || (publish.exclude_self && member == client) {
                continue;
            }
            for (filter, shared) in shadow.subscriptions.keys() {
                let Some(name) = shared.as_ref().filter(|_| selects(filter, &publish.topic)) else {
                    continue;
                };
                let label = format!("{name}/{filter}");
                let place = shares
                    .iter()
                    .position(|share| share.label == label)
                    .unwrap_or_else(|| {
                        let members = BTreeSet::new();
                        shares.push(Share {
                            label,
                            members,
                            receiver: None,
                        });
                        shares.len() - 1
                    });
                shares[place].members.insert(member);
            }
        }
        shares
    }

    /// Copies that a filter selects may stay away, since their subscription ends or changes.
    fn let_stay_away(&mut self, client: usize, filter: &str) {
        let (clients, published) = (&mut self.clients, &self.published);
        for copy in clients[client].expected.values_mut() {
            let topic = published
                .get(&copy.number)
                .map(|published| published.topic.as_str());
            copy.optional |= topic.is_some_and(|topic| selects(filter, topic));
        }
        clients[client].mixed = true;
    }
}

/// The one reserved name under which clients may publish.
pub(super) const BROADCAST: &str = "$bus/broadcast/";
