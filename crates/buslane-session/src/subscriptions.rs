//! Subscriptions of the program: remembered until it ends them, made anew by each connection, and matched to what
//! comes.
//!
//! The broker knows one subscription for each filter and shared name, however many of the program's there are, and
//! sends one copy of a message whatever number of them select it. So each delivery is matched here again.
//!
//! What merging means for subscriptions of the same filter and shared name:
//! - The overflow policy is that of the first; it holds as long as any of them is there.
//! - Of those with credit, the one that allows least decides for all, so that none ever gets more than it allowed.
//! - Each new one has the broker subscribe anew, so that it gets retained values and the present state of services.
//!   Retained values then come again to the older ones of the same filter; the present state does not, except to one
//!   that was still getting it.

mod routes;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use buslane_protocol::{
    ClientMessage, Credit, Delivery, Filter, Gap, Name, Problem, SnapshotEnd, Subscribe, Topic, Unsubscribe,
};
use foldhash::fast::FixedState;

use crate::ids::Control;
use crate::numbered::Numbered;
use crate::{Event, SubscribeOptions, SubscriptionKey};
use routes::Routes;
use wire::Wire;

/// The subscriptions of the program, and what the broker knows of them.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    /// What the broker knows as one subscription each, by number.
    wires: Numbered<Wire>,
    /// Their numbers, by filter and shared name.
    numbers: HashMap<Box<str>, u64, FixedState>,
    /// The number of each of the program's.
    members: Numbered<u64>,
    routes: Routes,
    next: u64,
}

impl Subscriptions {
    /// Makes an empty table; the seed is for its hash functions.
    pub(crate) fn new(seed: u64) -> Self {
        Subscriptions {
            wires: Numbered::default(),
            numbers: HashMap::with_hasher(FixedState::with_seed(seed)),
            members: Numbered::default(),
            routes: Routes::new(seed),
            next: 1,
        }
    }

    /// Remembers a subscription.
    pub(crate) fn insert(&mut self, filter: Filter<'_>, options: SubscribeOptions) -> SubscriptionKey {
        let key = SubscriptionKey(self.next);
        self.next += 1;
        let place = place(&filter, options.shared.as_ref());
        let number = self.numbers.get(&place).copied().unwrap_or(key.0);
        if let Some(wire) = self.wires.get_mut(number) {
            wire.join(key, options.credit);
        } else {
            let mut wire = Wire::new(filter.into_owned(), options.shared, options.overflow);
            wire.join(key, options.credit);
            self.wires.insert(number, wire);
            self.numbers.insert(place, number);
        }
        self.members.insert(key.0, number);
        self.routes.clear();
        key
    }

    /// Returns the message that makes the broker's subscription of one of the program's.
    pub(crate) fn message(&mut self, key: SubscriptionKey) -> Option<ClientMessage<'static>> {
        let number = *self.members.get(key.0)?;
        Some(ClientMessage::Subscribe(self.wires.get_mut(number)?.ask(number)))
    }

    /// Returns the messages that make all subscriptions on a new connection.
    pub(crate) fn opened(&mut self) -> Vec<Subscribe> {
        self.wires
            .iter_mut()
            .map(|(number, wire)| wire.reopen(number))
            .collect()
    }

    /// Forgets a subscription. Returns what the broker is to be told: the end of it after the last of the program's,
    /// else the credit that the others allow.
    pub(crate) fn remove(&mut self, key: SubscriptionKey) -> Option<ClientMessage<'static>> {
        let number = self.members.remove(key.0)?;
        self.routes.clear();
        let wire = self.wires.get_mut(number)?;
        wire.leave(key);
        if !wire.is_empty() {
            return wire.grant().map(ClientMessage::Credit);
        }
        let wire = self.take_wire(number)?;
        let id = Some(Control::Unsubscribe(number).id());
        Some(ClientMessage::Unsubscribe(Unsubscribe {
            id,
            filter: wire.filter,
            shared: wire.shared,
        }))
    }

    /// Adds to what a subscription allows. Returns the credit to give the broker.
    pub(crate) fn credit(&mut self, key: SubscriptionKey, count: u32) -> Option<Credit> {
        let number = self.members.get(key.0)?;
        let wire = self.wires.get_mut(*number)?;
        wire.allow(key, count);
        wire.grant()
    }

    /// Takes note that the program has taken `count` deliveries of a subscription. Returns the credit to give the broker
    /// once it is worth a message.
    pub(crate) fn taken(&mut self, key: SubscriptionKey, count: u32) -> Option<Credit> {
        let number = self.members.get(key.0)?;
        let wire = self.wires.get_mut(*number)?;
        let worth = wire.take(key, count)?;
        wire.allow(key, worth);
        wire.grant()
    }

    /// Takes the broker's acceptance.
    pub(crate) fn handle_subscribed(
        &mut self,
        wire: u64,
        round: u64,
        events: &mut impl Extend<Event<'static>>,
    ) {
        let Some(wire) = self.wires.get_mut(wire) else {
            return;
        };
        let accepted = wire.accept(round);
        events.extend(accepted.new.into_iter().map(|key| Event::Subscribed { key }));
        if !accepted.interrupted.is_empty() {
            let keys = accepted.interrupted.into();
            events.extend([Event::Gap {
                keys,
                count: 0,
                bytes: 0,
                unknown: true,
            }]);
        }
    }

    /// Takes the broker's refusal.
    pub(crate) fn handle_refused(
        &mut self,
        number: u64,
        round: u64,
        problem: &Problem,
        events: &mut impl Extend<Event<'static>>,
    ) {
        let Some(wire) = self.wires.get_mut(number) else {
            return;
        };
        let refused = wire.refuse(round);
        if wire.is_empty() {
            self.take_wire(number);
        }
        self.routes.clear();
        for key in refused {
            self.members.remove(key.0);
            events.extend([Event::SubscriptionFailed {
                key,
                problem: problem.clone(),
            }]);
        }
    }

    /// Finds the subscriptions that a delivery is for.
    pub(crate) fn route(&mut self, delivery: &Delivery<'_>) -> Arc<[SubscriptionKey]> {
        if !delivery.headers.is_empty() {
            if let Some(shared) = delivery.headers.shared() {
                return self.route_shared(shared);
            }
            if let Some(filter) = delivery.headers.filter() {
                return self.route_retained(filter);
            }
            if delivery.headers.is_snapshot() {
                return self.route_present_state(&delivery.topic);
            }
        }
        if delivery.topic.as_str() == SNAPSHOT_END {
            return self.end_present_state(delivery);
        }
        let wires = &mut self.wires;
        let route = self.routes.find(delivery.topic.as_str(), || {
            let matching = |wire: &&Wire| wire.shared.is_none() && wire.filter.matches(&delivery.topic);
            in_order(wires.values().filter(matching).flat_map(Wire::keys))
        });
        if self.routes.are_limited(|| wires.values().any(Wire::is_limited)) {
            let matching = |wire: &&mut Wire| wire.shared.is_none() && wire.filter.matches(&delivery.topic);
            wires.values_mut().filter(matching).for_each(Wire::delivered);
        }
        route
    }

    /// Finds the subscriptions that a gap is of.
    pub(crate) fn handle_gap(&self, gap: &Gap) -> Event<'static> {
        let named = |wire: &&Wire| match &gap.filter {
            Some(filter) => wire.filter == *filter && wire.shared == gap.shared,
            None => true,
        };
        let keys = in_order(self.wires.values().filter(named).flat_map(Wire::keys));
        Event::Gap {
            keys,
            count: gap.count,
            bytes: gap.bytes,
            unknown: gap.unknown,
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.wires.clear();
        self.numbers.clear();
        self.members.clear();
        self.routes.clear();
    }

    /// Takes out what the broker knew as one subscription, and of which none of the program's is left.
    fn take_wire(&mut self, number: u64) -> Option<Wire> {
        let wire = self.wires.remove(number)?;
        self.numbers.remove(&place(&wire.filter, wire.shared.as_ref()));
        Some(wire)
    }

    /// Finds the subscription that a copy is for: `:shared` is its name, `/`, its filter.
    fn route_shared(&mut self, shared: &str) -> Arc<[SubscriptionKey]> {
        let Some((name, filter)) = shared.split_once('/') else {
            return Arc::new([]);
        };
        let named = |wire: &Wire| {
            wire.filter.as_str() == filter
                && wire.shared.as_ref().is_some_and(|shared| shared.as_str() == name)
        };
        let wires = &mut self.wires;
        let route = self.routes.find_shared(shared, || {
            in_order(wires.values().filter(|wire| named(wire)).flat_map(Wire::keys))
        });
        if self.routes.are_limited(|| wires.values().any(Wire::is_limited)) {
            wires
                .values_mut()
                .filter(|wire| named(wire))
                .for_each(Wire::delivered);
        }
        route
    }

    /// Finds the subscriptions that a retained value from before them is for.
    fn route_retained(&mut self, filter: &str) -> Arc<[SubscriptionKey]> {
        let named = |wire: &&mut Wire| wire.shared.is_none() && wire.filter.as_str() == filter;
        in_order(self.wires.values_mut().filter(named).flat_map(|wire| {
            wire.delivered();
            wire.keys()
        }))
    }

    /// Finds the subscriptions that do not know yet who is there.
    fn route_present_state(&mut self, topic: &Topic<'_>) -> Arc<[SubscriptionKey]> {
        let matching = |wire: &&mut Wire| wire.shared.is_none() && wire.filter.matches(topic);
        in_order(self.wires.values_mut().filter(matching).flat_map(|wire| {
            wire.delivered();
            wire.uninformed()
        }))
    }

    /// Finds the subscriptions that know from now on who is there.
    fn end_present_state(&mut self, delivery: &Delivery<'_>) -> Arc<[SubscriptionKey]> {
        let filter = SnapshotEnd::parse(&delivery.payload).ok().map(|end| end.filter);
        let named = |wire: &&mut Wire| wire.shared.is_none() && Some(&wire.filter) == filter.as_ref();
        in_order(self.wires.values_mut().filter(named).flat_map(|wire| {
            wire.delivered();
            wire.inform()
        }))
    }
}

/// Returns by what the number of a filter and a shared name is found: neither holds a line break.
fn place(filter: &Filter<'_>, shared: Option<&Name>) -> Box<str> {
    match shared {
        Some(shared) => format!("{filter}\n{shared}").into(),
        None => filter.as_str().into(),
    }
}

/// Puts keys in the order in which they were given out.
fn in_order(keys: impl Iterator<Item = SubscriptionKey>) -> Arc<[SubscriptionKey]> {
    let mut keys: Vec<SubscriptionKey> = keys.collect();
    keys.sort_unstable();
    keys.into()
}

/// The topic that ends the present state of services, for the subscription that its payload names.
const SNAPSHOT_END: &str = "$bus/snapshot-end";
