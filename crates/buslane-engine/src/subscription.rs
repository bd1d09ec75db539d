//! Subscribing, unsubscribing and credit. Owns what a subscription's key says; who matches what is the table's.

use buslane_protocol::{
    Ack, BrokerMessage, Credit, ErrorCode, Filter, Id, Name, Overflow, Problem, StreamCredit, Subscribe,
    Subscribed, Unsubscribe,
};

use crate::ClientId;
use crate::clients::Full;
use crate::credit::Credited;
use crate::ending::Ending;
use crate::engine::Engine;
use crate::pending::CallKind;
use crate::policy::Action;
use crate::topics::SubscriptionId;

/// What the subscription table keeps for each subscription, so that the usual one needs no entry anywhere else.
///
/// ```text
///  63        62 61   60               59 .. 0
///  credited  policy  broker's topics  serial number
/// ```
///
/// Where several filters of a client match, the smallest key counts: one without credit before one with, then one that
/// drops the oldest before one that drops the newest before one that disconnects, then the one that came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SubscriptionKey(u64);

impl SubscriptionKey {
    /// Makes the key of a new subscription.
    pub(crate) fn new(serial: u64, overflow: Overflow, credited: bool, filter: &Filter<'_>) -> Self {
        let policy = match overflow {
            Overflow::DropOldest => 0,
            Overflow::DropNewest => 1,
            Overflow::Disconnect => 2,
        };
        let bus = u64::from(filter.as_str().starts_with('$'));
        SubscriptionKey(u64::from(credited) << 63 | policy << 61 | bus << 60 | serial)
    }

    /// Reads what the table keeps.
    #[inline]
    pub(crate) const fn from_u64(packed: u64) -> Self {
        SubscriptionKey(packed)
    }

    /// Returns what the table keeps.
    pub(crate) const fn as_u64(self) -> u64 {
        self.0
    }

    /// Tells whether the subscription carries credit.
    #[inline]
    pub(crate) const fn is_credited(self) -> bool {
        self.0 >> 63 == 1
    }

    /// Tells whether the subscription selects topics of the broker.
    pub(crate) const fn is_of_bus(self) -> bool {
        self.0 >> 60 & 1 == 1
    }

    /// Returns the policy when a delivery does not fit.
    #[inline]
    pub(crate) const fn overflow(self) -> Overflow {
        match self.0 >> 61 & 3 {
            0 => Overflow::DropOldest,
            1 => Overflow::DropNewest,
            _ => Overflow::Disconnect,
        }
    }
}

impl Engine {
    /// Adds a subscription, or changes the one that the client has for the same filter and shared name.
    pub(crate) fn subscribe(&mut self, id: ClientId, subscribe: Subscribe) {
        let answer = Subscribed {
            id: subscribe.id,
            filter: subscribe.filter.clone(),
            shared: subscribe.shared.clone(),
        };
        match self.try_subscribe(id, &subscribe) {
            Ok(key) => {
                self.send(id, &BrokerMessage::Subscribed(answer));
                self.start_feeds(id, key, &subscribe);
            }
            Err(problem) => self.refuse_message(id, subscribe.id, *problem),
        }
    }

    fn try_subscribe(
        &mut self,
        id: ClientId,
        subscribe: &Subscribe,
    ) -> Result<SubscriptionKey, Box<Problem>> {
        let Subscribe {
            filter,
            shared,
            overflow,
            credit,
            ..
        } = subscribe;
        let limits = &self.config.limits;
        filter
            .within(limits.wildcards)
            .map_err(|error| Problem::new(ErrorCode::InvalidFilter).detail(error))?;
        self.decide(id, Action::Subscribe(filter))?;
        let held = self
            .clients
            .find(id)
            .map_or(0, |client| client.subscriptions.len());
        let known = self.topics.find(id.as_u64(), filter, shared.as_ref());
        if known.is_none() && held >= limits.subscriptions {
            let detail = format!(
                "a client may have {} subscriptions; use wildcards",
                limits.subscriptions
            );
            return Err(Problem::new(ErrorCode::TooManySubscriptions)
                .detail(detail)
                .into());
        }
        if !self.ledger.admits(SUBSCRIPTION_BYTES + 2 * filter.as_str().len()) {
            return Err(self.memory_full().about(filter).into());
        }
        if let Some(known) = known {
            self.remove_subscription(id, known);
        }
        self.serial += 1;
        let key = SubscriptionKey::new(self.serial, *overflow, credit.is_some(), filter);
        if let Some(credit) = credit {
            let credited = Credited::new(filter.clone(), shared.clone(), u64::from(*credit));
            self.clients.credits.insert(key, credited);
        }
        self.own_subscription(id, filter, shared.as_ref(), key);
        Ok(key)
    }

    fn own_subscription(
        &mut self,
        id: ClientId,
        filter: &Filter<'_>,
        shared: Option<&Name>,
        key: SubscriptionKey,
    ) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        let held = &mut client.subscriptions;
        self.topics
            .insert(held, id.as_u64(), filter, shared, key.as_u64());
        client.disconnects += u32::from(key.overflow() == Overflow::Disconnect);
        let first_of_json = client.subscriptions.len() == 1 && client.reads_json();
        self.clients.json_subscribers += usize::from(first_of_json);
        self.bus_subscriptions += usize::from(key.is_of_bus());
        self.account_topics();
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe(&mut self, id: ClientId, unsubscribe: &Unsubscribe) {
        let Unsubscribe {
            id: message,
            filter,
            shared,
        } = unsubscribe;
        match self.topics.find(id.as_u64(), filter, shared.as_ref()) {
            Some(subscription) => {
                self.remove_subscription(id, subscription);
                self.acknowledge(id, *message, 0);
            }
            None => {
                let problem = Problem::new(ErrorCode::NotSubscribed).about(filter);
                let detail = "filter and shared name must be those of the subscribe";
                self.refuse_message(id, *message, problem.detail(detail));
            }
        }
    }

    /// Takes a subscription from its client, with what waits in its queue.
    pub(crate) fn remove_subscription(&mut self, id: ClientId, subscription: SubscriptionId) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        let held = &mut client.subscriptions;
        let Some(packed) = self.topics.remove(held, id.as_u64(), subscription) else {
            return;
        };
        let key = SubscriptionKey::from_u64(packed);
        client.disconnects -= u32::from(key.overflow() == Overflow::Disconnect);
        let last_of_json = client.subscriptions.is_empty() && client.reads_json();
        self.clients.json_subscribers -= usize::from(last_of_json);
        self.bus_subscriptions -= usize::from(key.is_of_bus());
        self.clients.drop_credit(&mut self.ledger, key);
        self.stop_feeds(id, key);
        self.account_topics();
    }

    /// Lets a subscription take more deliveries, or a callee send more chunks.
    pub(crate) fn credit(&mut self, id: ClientId, credit: &Credit) {
        match (&credit.filter, credit.id) {
            (Some(filter), _) => {
                let found = self.topics.find(id.as_u64(), filter, credit.shared.as_ref());
                let key = found.map(|found| SubscriptionKey::from_u64(self.topics.key(found)));
                match key.and_then(|key| self.clients.credits.find_mut(key).map(|credited| (key, credited))) {
                    Some((key, credited)) => {
                        credited.credit = credited.credit.saturating_add(u64::from(credit.count));
                        self.clients.enlist(id, key);
                        self.wake_feeds(id);
                    }
                    None => {
                        let problem = Problem::new(ErrorCode::NotSubscribed).about(filter);
                        let detail = "credit is for subscriptions that were made with credit";
                        self.refuse_message(id, credit.id, problem.detail(detail));
                    }
                }
            }
            (None, Some(call)) => self.credit_stream(id, call, credit.count),
            (None, None) => {
                let problem = Problem::new(ErrorCode::InvalidMessage);
                self.refuse_message(
                    id,
                    None,
                    problem.detail("credit names a request by id or a subscription by filter"),
                );
            }
        }
    }

    /// Lets the callee of a stream send more chunks. A stream that ended meanwhile needs no credit.
    fn credit_stream(&mut self, caller: ClientId, id: Id, count: u32) {
        let Some(key) = self.pending.find(caller, &id) else {
            return;
        };
        let Some(call) = self.pending.call_mut(key) else {
            return;
        };
        let CallKind::Stream {
            credit: Some(credit), ..
        } = &mut call.kind
        else {
            return;
        };
        *credit = credit.saturating_add(u64::from(count));
        let Some(leg_key) = call.first_leg() else { return };
        let Some((callee, delivery)) = self
            .pending
            .leg(leg_key)
            .map(|leg| (leg.route.client, leg.delivery))
        else {
            return;
        };
        let message = BrokerMessage::Credit(StreamCredit { delivery, count });
        let problem = match self.clients.offer_new(&mut self.ledger, callee, &message) {
            Ok(()) | Err(Full::Gone) => return,
            Err(Full::Lane) => {
                Problem::new(ErrorCode::Overloaded).detail("the callee does not read; try again later")
            }
            Err(Full::Memory) => self.memory_full(),
        };
        self.fail_leg(leg_key, problem, Ending::Overflowed, true);
    }

    /// Confirms a message, if it has an id.
    pub(crate) fn acknowledge(&mut self, id: ClientId, message: Option<Id>, receivers: u32) {
        if let Some(message) = message {
            self.send(
                id,
                &BrokerMessage::Ack(Ack {
                    id: message,
                    receivers,
                }),
            );
        }
    }
}

/// Bytes that a subscription is expected to take in the table, beside its filter.
const SUBSCRIPTION_BYTES: usize = 256;
