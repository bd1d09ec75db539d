//! The direct way of a publish that asks for nothing but its delivery: checked, and written to where it waits for its one
//! receiver, or counted where there is none. Takes only what needs no decision, and changes nothing otherwise; everything
//! else goes the long way of `publish.rs`, with the same result.

use buslane_protocol::binary::{PlainDelivery, PlainPublish};
use buslane_protocol::json::PlainLine;
use buslane_protocol::{Framing, Payload, PayloadKind, Topic};

use crate::buffer_pool::BufferPool;
use crate::client::Phase;
use crate::clients::Clients;
use crate::delivery::{Recipient, fits};
use crate::engine::Engine;
use crate::frames::SHARED;
use crate::inbound::PUBLISH;
use crate::ledger::Ledger;
use crate::memory::Category;
use crate::outbox::Outbox;
use crate::policy::Action;
use crate::topics::Sole;
use crate::unhandled::Unhandled;
use crate::{ClientId, Validate};

impl Engine {
    /// Takes in a plain publish of a client that is not to be greeted, if it can be passed on at once.
    #[inline]
    pub(crate) fn receive_plain(&mut self, id: ClientId, publish: &PlainPublish<'_>) -> bool {
        let now = self.now;
        let Some(client) = self.clients.find_mut(id) else {
            return false;
        };
        if client.phase != Phase::Open || client.pinged || client.probes > 0 || client.parked.is_some() {
            return false;
        }
        client.heard = now;
        let passed = self.pass_on(id, &publish.topic, &publish.payload);
        self.ledger.counters.received[PUBLISH] += u64::from(passed);
        passed
    }

    /// Hands a plain publish to its one receiver, or to nobody if there is none and nobody wants to hear of that. Returns
    /// false, and has changed nothing, if there is more than one, if the broker has a say in the topic or a contract more
    /// than by a schema that the payload matches, if the publish has to be refused, or if its copy needs more than to be
    /// appended.
    #[inline]
    pub(crate) fn pass_on(&mut self, id: ClientId, topic: &Topic<'_>, payload: &Payload<'_>) -> bool {
        let limit = self.config.limits.payload;
        if topic.is_reserved() || payload.bytes.len() > limit {
            return false;
        }
        let contract = match self.contracts.find(topic.as_str()) {
            Some(contract) if contract.declared.retain || contract.declared.refuse => return false,
            contract => contract.cloned(),
        };
        let Some(to) = self.sole_receiver(topic) else {
            return false;
        };
        if self.decide(id, Action::Publish(topic)).is_err() {
            return false;
        }
        let validator = contract
            .as_ref()
            .and_then(|contract| contract.validator.as_deref());
        let checked = match validator.map(|validator| self.checked(validator, payload)) {
            Some(None) => return false,
            Some(checked) => checked,
            None => None,
        };
        let payload = checked.as_ref().unwrap_or(payload);
        let passed = match to {
            Some(to) => self.clients.pass_on(&mut self.ledger, id, to, topic, payload),
            None => {
                self.report_unhandled(Unhandled::NoReceiver, topic.as_str(), id, "publish", None);
                true
            }
        };
        if passed {
            self.ledger.counters.validated_inline += u64::from(checked.is_some());
            self.ledger.counters.published += 1;
            self.ledger.counters.note_publish(payload.bytes.len());
        }
        passed
    }

    /// Returns a payload as one that is known to be JSON, if it matches a schema and is short enough to find out here.
    #[inline]
    fn checked<'p>(&self, validator: &dyn Validate, payload: &'p Payload<'_>) -> Option<Payload<'p>> {
        let usual = payload.kind != PayloadKind::Bytes
            && !payload.is_absent()
            && payload.bytes.len() <= self.config.limits.validate_inline;
        let matches = usual && validator.validate(&payload.bytes).is_ok();
        matches.then(|| Payload {
            kind: PayloadKind::CheckedJson,
            ..payload.borrowed()
        })
    }

    /// Returns the one client that gets the messages of a topic, if that does not depend on credit, or that nobody does,
    /// if nobody is to be told.
    #[inline]
    fn sole_receiver(&mut self, topic: &Topic<'_>) -> Option<Option<ClientId>> {
        match self.topics.sole_match(topic)? {
            Sole::Nobody => (self.bus_subscriptions == 0).then_some(None),
            Sole::One(only) => {
                let to = Recipient::of(&only, true);
                (!to.key.is_credited()).then_some(Some(to.client))
            }
        }
    }
}

impl Clients {
    /// Writes the delivery of a plain publish into the lane of a client, if it is another one and has room, and the way to
    /// write it is short.
    #[inline]
    fn pass_on(
        &mut self,
        ledger: &mut Ledger,
        sender: ClientId,
        to: ClientId,
        topic: &Topic<'_>,
        payload: &Payload<'_>,
    ) -> bool {
        let Some((sender, client)) = self.table.pair_mut(sender.key(), to.key()) else {
            return false;
        };
        if client.is_closing() {
            return false;
        }
        let mut lane = Lane {
            outbox: &mut client.outbox,
            pool: &mut self.pool,
            ledger,
            limit: self.limit,
        };
        let passed = match lane.outbox.framing() {
            Framing::Binary | Framing::WebSocketBinary => {
                let delivery = PlainDelivery::new(&sender.from, topic, payload);
                lane.take(delivery.length(), |buffer| delivery.write(buffer))
            }
            Framing::JsonLines => PlainLine::new(&sender.from, topic, payload)
                .is_some_and(|line| lane.take(line.length(), |buffer| line.write(buffer))),
            Framing::WebSocketText => false,
        };
        if passed && !client.dirty {
            client.dirty = true;
            self.dirty.push_back(to);
        }
        passed
    }
}

/// Where a delivery goes, and what it has to fit under.
struct Lane<'a> {
    outbox: &'a mut Outbox,
    pool: &'a mut BufferPool,
    ledger: &'a mut Ledger,
    limit: usize,
}

impl Lane<'_> {
    /// Appends a delivery of a known length, if it is short and there is room; tells whether it is.
    #[inline]
    fn take(&mut self, length: usize, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let Lane {
            outbox,
            pool,
            ledger,
            limit,
        } = self;
        let room = length < SHARED && fits(outbox, length, *limit);
        if !room || !ledger.admits(outbox.delivery_growth(pool, length)) {
            return false;
        }
        outbox.write_delivery(pool, length, write);
        ledger.counters.deliveries += 1;
        ledger.counters.delivery_bytes += length as u64;
        ledger.memory.set(Category::Outbox, pool.lent());
        true
    }
}
