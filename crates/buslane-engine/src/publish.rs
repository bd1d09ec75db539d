//! Publishing: who gets a message, and that nobody does if it is refused. Owns the order of the checks; one copy for
//! one client is in `delivery.rs`.

use std::time::Duration;

use buslane_protocol::{
    BrokerMessage, Delivery, Encoding, ErrorCode, Headers, Payload, PayloadKind, Problem, Publish, Retain,
    Topic,
};

use crate::ClientId;
use crate::clients::Clients;
use crate::delivery::Recipient;
use crate::engine::Engine;
use crate::frames::Frames;
use crate::ledger::Ledger;
use crate::memory::Category;
use crate::parked::{Known, Step};
use crate::policy::Action;
use crate::request::with_header;
use crate::retained::Retained;
use crate::topics::{GroupMatch, TooManyMatches};
use crate::unhandled::Unhandled;
use crate::validation::Stop;

impl Engine {
    /// Handles a publish.
    #[inline]
    pub(crate) fn publish(&mut self, id: ClientId, publish: &Publish<'_>, known: &Known) -> Step {
        if is_plain(publish) && self.pass_on(id, &publish.topic, &publish.payload) {
            return Step::Done;
        }
        match self.try_publish(id, publish, known) {
            Ok(receivers) if publish.ack => self.acknowledge(id, publish.id, receivers),
            Ok(_) => {}
            Err(Stop::Refuse(problem)) => {
                // It may be encoded already, to see whether it fits; nobody is to get it in the place of what comes next.
                self.frames.reset();
                self.refuse_message(id, publish.id, *problem);
            }
            Err(Stop::Offload(validator)) => return Step::Offload(validator),
        }
        Step::Done
    }

    fn try_publish(&mut self, id: ClientId, publish: &Publish<'_>, known: &Known) -> Result<u32, Stop> {
        self.check_publish(id, publish)?;
        let Some(client) = self.clients.find(id) else {
            return Ok(0);
        };
        // Taken out while it is lent: counting who shares the text in the client costs more than copying it.
        let mut sender = std::mem::take(&mut self.sender);
        sender.clear();
        sender.push_str(&client.from);
        let receivers = self.publish_from(id, &sender, publish, known);
        self.sender = sender;
        receivers
    }

    fn publish_from(
        &mut self,
        id: ClientId,
        from: &str,
        publish: &Publish<'_>,
        known: &Known,
    ) -> Result<u32, Stop> {
        let Publish { topic, .. } = publish;
        // Made where it stays: moving it costs as much as filling it.
        let mut message = BrokerMessage::Delivery(Delivery {
            id: publish.id,
            topic: topic.borrowed(),
            from: from.into(),
            headers: publish.headers.borrowed(),
            payload: publish.payload.borrowed(),
            retained: false,
        });
        let BrokerMessage::Delivery(Delivery { payload, .. }) = &mut message else {
            return Ok(0);
        };
        let (retain, refuse) = self.apply_contract(id, publish, payload, known)?;
        self.check_readers(topic, payload, retain)?;
        let exclude = publish.exclude_self.then_some(id);
        self.frames.reset();
        if refuse {
            self.check_room(topic, &message, exclude)?;
        }
        if retain != Retain::Keep {
            self.change_retained(&message, retain, publish.retain_ms)?;
        }
        let receivers = self
            .spread(&message, exclude, true)
            .map_err(|error| too_many(error, topic))?;
        let counters = &mut self.ledger.counters;
        counters.published += 1;
        counters.note_publish(publish.payload.bytes.len());
        if topic.is_reserved() {
            counters.events_broadcast += 1;
        }
        if receivers == 0 && retain == Retain::Keep {
            self.report_unhandled(Unhandled::NoReceiver, topic.as_str(), id, "publish", publish.id);
        }
        Ok(receivers)
    }

    /// Holds a publish against its topic's contract. Returns what it does to the retained value, and whether it fails
    /// rather than overflow a receiver.
    #[inline]
    fn apply_contract(
        &mut self,
        id: ClientId,
        publish: &Publish<'_>,
        payload: &mut Payload<'_>,
        known: &Known,
    ) -> Result<(Retain, bool), Stop> {
        let Some(contract) = self.contracts.find(publish.topic.as_str()) else {
            return Ok((publish.retain, false));
        };
        let contract = contract.clone();
        let cleared = publish.retain == Retain::Clear && payload.is_absent();
        if let Some(validator) = contract.validator.as_ref().filter(|_| !cleared) {
            self.hold_against(validator, payload, known, id, publish.topic.as_str())?;
        }
        let retain = match publish.retain {
            Retain::Keep if contract.declared.retain => Retain::Set,
            asked => asked,
        };
        Ok((retain, contract.declared.refuse))
    }

    /// Checks that a payload is JSON if somebody may read it as such, now or as a retained value, and that not too many
    /// filters match before anything is retained.
    #[inline]
    fn check_readers(
        &mut self,
        topic: &Topic<'_>,
        payload: &mut Payload<'_>,
        retain: Retain,
    ) -> Result<(), Stop> {
        if payload.kind == PayloadKind::Json && (retain == Retain::Set || self.has_json_receiver(topic)?) {
            payload
                .ensure_json()
                .map_err(|error| Problem::new(error.code()).about(topic).detail(error))?;
        }
        if retain != Retain::Keep {
            self.topics
                .matches(topic)
                .map_err(|error| too_many(error, topic))?;
        }
        Ok(())
    }

    #[inline]
    fn check_publish(&self, id: ClientId, publish: &Publish<'_>) -> Result<(), Stop> {
        let Publish {
            topic,
            headers,
            payload,
            ..
        } = publish;
        if topic.is_reserved() && !topic.as_str().starts_with(BROADCAST) {
            let detail =
                format!("choose a topic that does not begin with '$'; {BROADCAST}... is for everybody");
            return Err(Problem::new(ErrorCode::ReservedTopic)
                .about(topic)
                .detail(detail)
                .into());
        }
        if publish.ack && publish.id.is_none() {
            let detail = "`ack` needs an `id` that it can name";
            return Err(Problem::new(ErrorCode::InvalidMessage)
                .about(topic)
                .detail(detail)
                .into());
        }
        self.check_size(headers, payload)?;
        Ok(self.decide(id, Action::Publish(topic))?)
    }

    /// Checks headers and payload against the limits.
    #[inline]
    pub(crate) fn check_size(
        &self,
        headers: &Headers<'_>,
        payload: &Payload<'_>,
    ) -> Result<(), Box<Problem>> {
        let limits = &self.config.limits;
        limits
            .check_headers(headers)
            .map_err(|error| Problem::new(error.code()).detail(error))?;
        limits
            .check_payload(payload)
            .map_err(|error| Problem::new(error.code()).detail(error))?;
        Ok(())
    }

    /// Tells whether somebody may get a publish as JSON text.
    #[inline]
    fn has_json_receiver(&mut self, topic: &Topic<'_>) -> Result<bool, Stop> {
        if self.clients.json_subscribers == 0 {
            return Ok(false);
        }
        let Engine { topics, clients, .. } = self;
        let matches = topics.matches(topic).map_err(|error| too_many(error, topic))?;
        let reads_json = |subscriber| {
            let framing = clients.framing(ClientId::from_u64(subscriber));
            framing.is_some_and(|framing| framing.encoding() == Encoding::Json)
        };
        let mut found = matches.clients().iter().any(|found| reads_json(found.subscriber));
        for group in matches.groups() {
            group.choose(|member| {
                found |= reads_json(member.subscriber);
                false
            });
        }
        Ok(found)
    }

    /// Refuses a publish that would not fit into each receiver's queue, before anybody gets it.
    fn check_room(
        &mut self,
        topic: &Topic<'_>,
        message: &BrokerMessage<'_>,
        exclude: Option<ClientId>,
    ) -> Result<(), Stop> {
        let Engine {
            topics,
            clients,
            ledger,
            frames,
            ..
        } = self;
        let matches = topics.matches(topic).map_err(|error| too_many(error, topic))?;
        let mut has_room = |to: Recipient| match clients.framing(to.client) {
            Some(framing) => clients.has_room(ledger, to, frames.encode(framing, message)),
            None => true,
        };
        let wanted = |to: &Recipient| Some(to.client) != exclude;
        let full = matches
            .clients()
            .iter()
            .map(|found| Recipient::of(found, true))
            .filter(wanted)
            .any(|to| !has_room(to));
        let mut full_group = false;
        for group in matches.groups() {
            let (mut any, mut room) = (false, false);
            group.choose(|member| {
                let to = Recipient::of(&member, true);
                any |= wanted(&to);
                room = room || (wanted(&to) && has_room(to));
                false
            });
            full_group |= any && !room;
        }
        if full || full_group {
            let detail = "nobody got it: a receiver's queue is full; publish again when it has read";
            return Err(Problem::new(ErrorCode::ReceiverFull)
                .about(topic)
                .detail(detail)
                .into());
        }
        Ok(())
    }

    fn change_retained(
        &mut self,
        message: &BrokerMessage<'_>,
        retain: Retain,
        lifetime_ms: Option<u32>,
    ) -> Result<(), Stop> {
        let BrokerMessage::Delivery(delivery) = message else {
            return Ok(());
        };
        match retain {
            Retain::Keep => return Ok(()),
            Retain::Clear => {
                self.retained.clear(&delivery.topic);
            }
            Retain::Set => {
                let lifetime = lifetime_ms.map(|lifetime| Duration::from_millis(u64::from(lifetime)));
                let value = Retained {
                    id: delivery.id,
                    from: (&*delivery.from).into(),
                    headers: delivery.headers.clone().into_owned(),
                    payload: delivery.payload.clone().into_owned(),
                    expires_at: lifetime.map(|lifetime| self.now + lifetime),
                };
                let growth = self.retained.growth(&delivery.topic, &value);
                let limit = self.config.limits.retained;
                if growth > 0 && (self.retained.bytes() + growth > limit || !self.ledger.admits(growth)) {
                    let detail =
                        "there is no room to retain it; clear retained values, or raise limits.retained";
                    return Err(self.memory_full().about(&delivery.topic).detail(detail).into());
                }
                self.retained.set(&delivery.topic, value);
            }
        }
        self.ledger.memory.set(Category::Retained, self.retained.bytes());
        Ok(())
    }

    /// Hands a message to everybody whose filter matches, one copy per client, and a copy to one member of each shared
    /// subscription. Returns how many copies were taken.
    pub(crate) fn spread(
        &mut self,
        message: &BrokerMessage<'_>,
        exclude: Option<ClientId>,
        announced: bool,
    ) -> Result<u32, TooManyMatches> {
        let BrokerMessage::Delivery(delivery) = message else {
            return Ok(0);
        };
        let Engine {
            topics,
            clients,
            ledger,
            frames,
            shared_frames,
            ..
        } = self;
        let matches = topics.matches(&delivery.topic)?;
        let mut receivers = 0;
        for found in matches.clients() {
            let to = Recipient::of(found, announced);
            if Some(to.client) != exclude {
                receivers += u32::from(clients.deliver(ledger, frames, message, to));
            }
        }
        for group in matches.groups() {
            receivers += share_out(
                &group,
                delivery,
                exclude,
                announced,
                clients,
                ledger,
                shared_frames,
            );
        }
        frames.reset();
        Ok(receivers)
    }
}

/// Hands a copy to the next member of a shared subscription that has room, or else to the next at all.
pub(crate) fn share_out(
    group: &GroupMatch<'_>,
    delivery: &Delivery<'_>,
    exclude: Option<ClientId>,
    announced: bool,
    clients: &mut Clients,
    ledger: &mut Ledger,
    frames: &mut Frames,
) -> u32 {
    // A client's headers are far shorter than a block may be, so there is room for one more.
    let Ok(headers) = with_header(&delivery.headers, Headers::SHARED, group.label()) else {
        return 0;
    };
    let copy = Delivery {
        headers,
        ..delivery.clone()
    };
    let message = BrokerMessage::Delivery(copy);
    frames.reset();
    let open = |to: &Recipient| Some(to.client) != exclude;
    let ready = group.choose(|member| {
        let to = Recipient::of(&member, announced);
        let Some(framing) = clients.framing(to.client).filter(|_| open(&to)) else {
            return false;
        };
        clients.has_room(ledger, to, frames.encode(framing, &message)) && clients.has_credit(to.key)
    });
    let alive = |to: &Recipient| open(to) && clients.alive(to.client).is_some();
    let chosen = ready.or_else(|| group.choose(|member| alive(&Recipient::of(&member, announced))));
    let taken = chosen
        .is_some_and(|member| clients.deliver(ledger, frames, &message, Recipient::of(&member, announced)));
    frames.reset();
    u32::from(taken)
}

/// Tells whether a publish asks for nothing but its delivery.
#[inline]
fn is_plain(publish: &Publish<'_>) -> bool {
    let Publish {
        id,
        headers,
        ack,
        retain,
        exclude_self,
        ..
    } = publish;
    id.is_none() && headers.is_empty() && !ack && *retain == Retain::Keep && !exclude_self
}

fn too_many(error: TooManyMatches, topic: &Topic<'_>) -> Problem {
    Problem::new(ErrorCode::MatchLimit).about(topic).detail(error)
}

/// The one reserved name under which clients may publish.
const BROADCAST: &str = "$bus/broadcast/";
