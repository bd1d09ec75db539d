//! The coming and going of services, as events under `$bus/service/`. Owns what an event says and who gets it live;
//! the present state for those who come later is in `snapshot.rs`.

use std::sync::Arc;

use buslane_protocol::{BrokerMessage, Delivery, Gap, Headers, Name, Payload, Topic};
use serde::Serialize;

use crate::clients::Clients;
use crate::delivery::Recipient;
use crate::engine::Engine;
use crate::event::{BROKER, Event};
use crate::ledger::Ledger;
use crate::memory::Category;
use crate::presence_feed::PresenceKey;
use crate::publish::share_out;
use crate::registry::{Instance, InstanceKey};

/// What happened to an instance or its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// An instance is there.
    Connect,
    /// The first instance of a service is there.
    Online,
    /// An instance is gone.
    Disconnect,
    /// The last instance of a service is gone.
    Offline,
}

impl Change {
    /// Returns the level of the topic.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Change::Connect => "connect",
            Change::Online => "online",
            Change::Disconnect => "disconnect",
            Change::Offline => "offline",
        }
    }

    /// Tells whether something came rather than went.
    pub(crate) const fn is_arrival(self) -> bool {
        matches!(self, Change::Connect | Change::Online)
    }

    /// Makes the topic of the event.
    pub(crate) fn topic(self, service: &Name) -> Topic<'static> {
        let text = format!("$bus/service/{}/{service}", self.as_str());
        Topic::parse(text).expect("names hold no character that a topic may not")
    }
}

/// A change that is to be told.
#[derive(Clone, Debug)]
pub(crate) struct PresenceEvent {
    /// What happened.
    pub(crate) change: Change,
    /// To whom.
    pub(crate) key: PresenceKey,
    /// The event's payload.
    pub(crate) payload: Arc<[u8]>,
}

#[derive(Serialize)]
struct Payloaded<'a> {
    service: &'a Name,
    version: &'a str,
    instance: &'a Name,
    groups: &'a [Name],
    methods: Vec<&'a Name>,
    node: &'a Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    unix_ms: u64,
}

impl Engine {
    /// Makes the payload of an event about an instance.
    pub(crate) fn describe_presence(&self, instance: &Instance, reason: Option<&str>) -> Arc<[u8]> {
        let declared = &instance.declared;
        let payload = Payloaded {
            service: &declared.service,
            version: &declared.version,
            instance: &instance.name,
            groups: &declared.groups,
            methods: declared.methods.keys().collect(),
            node: &self.config.node,
            reason,
            unix_ms: reason.map_or_else(|| self.unix_ms_at(instance.since), |_| self.unix_ms()),
        };
        serde_json::to_vec(&payload)
            .expect("names and numbers are JSON")
            .into()
    }

    /// Announces an instance that has just joined.
    pub(crate) fn announce_arrival(&mut self, key: InstanceKey) {
        let Some(instance) = self
            .registry
            .instance(key)
            .filter(|instance| !instance.is_consumer())
        else {
            return;
        };
        let payload = self.describe_presence(instance, None);
        let (service, name) = (instance.declared.service.clone(), instance.name.clone());
        let first = self.registry.announced(service.as_str()) == 1;
        self.tell(
            Change::Connect,
            PresenceKey::instance(service.clone(), name),
            payload.clone(),
        );
        if first {
            self.tell(Change::Online, PresenceKey::service(service), payload);
        }
    }

    /// Announces an instance that is gone.
    pub(crate) fn announce_departure(&mut self, instance: &Instance, reason: &str) {
        if instance.is_consumer() {
            return;
        }
        let payload = self.describe_presence(instance, Some(reason));
        let (service, name) = (instance.declared.service.clone(), instance.name.clone());
        let last = self.registry.announced(service.as_str()) == 0;
        self.tell(
            Change::Disconnect,
            PresenceKey::instance(service.clone(), name),
            payload.clone(),
        );
        if last {
            self.tell(Change::Offline, PresenceKey::service(service), payload);
        }
    }

    /// Queues an event. A service that goes and comes within one input was never away.
    fn tell(&mut self, change: Change, key: PresenceKey, payload: Arc<[u8]>) {
        let gone = |event: &Event| match event {
            Event::Presence(event) => event.change == Change::Offline && event.key == key,
            _ => false,
        };
        if change == Change::Online
            && let Some(place) = self.events.iter().position(gone)
        {
            self.events.remove(place);
            return;
        }
        self.events
            .push_back(Event::Presence(PresenceEvent { change, key, payload }));
    }

    /// Hands an event to everybody who wants it: live, or later by the client's feed, coalesced with what comes until
    /// then.
    pub(crate) fn publish_presence(&mut self, event: &PresenceEvent) {
        let topic = event.change.topic(&event.key.service);
        let delivery = presence_delivery(&topic, &event.payload, Headers::default());
        let Engine {
            topics,
            clients,
            ledger,
            shared_frames,
            ..
        } = self;
        // A topic that too many filters match is nobody's to be told about.
        let Ok(matches) = topics.matches(&topic) else {
            return;
        };
        let counters = &mut ledger.counters;
        counters.published += 1;
        *match event.change {
            Change::Connect => &mut counters.events_connect,
            Change::Online => &mut counters.events_online,
            Change::Disconnect => &mut counters.events_disconnect,
            Change::Offline => &mut counters.events_offline,
        } += 1;
        let message = BrokerMessage::Delivery(delivery.clone());
        for found in matches.clients() {
            clients.tell_presence(ledger, &message, Recipient::of(found, false), event);
        }
        for group in matches.groups() {
            share_out(&group, &delivery, None, false, clients, ledger, shared_frames);
        }
    }
}

impl Clients {
    /// Tells a client of a change now if it was told what was before and there is room; else its feed tells it later,
    /// if it has to hear of it at all.
    fn tell_presence(
        &mut self,
        ledger: &mut Ledger,
        message: &BrokerMessage<'_>,
        to: Recipient,
        event: &PresenceEvent,
    ) {
        let Some(client) = self.find_mut(to.client).filter(|client| !client.is_closing()) else {
            return;
        };
        let feed = &client.feeds.get_or_insert_default().presence;
        if !feed.is_complete() && !feed.covers(&event.key) {
            return;
        }
        if !feed.holds_any() && self.offer_event(ledger, to.client, to.key, message).is_ok() {
            return;
        }
        self.hold_presence(ledger, to, event);
    }

    /// Leaves an event to a client's feed. Without memory for it the feed begins anew, behind a gap.
    fn hold_presence(&mut self, ledger: &mut Ledger, to: Recipient, event: &PresenceEvent) {
        let Some(client) = self.find_mut(to.client) else {
            return;
        };
        let feed = &mut client.feeds.get_or_insert_default().presence;
        let before = feed.charged();
        let counters = &mut ledger.counters;
        counters.announcements_held += 1;
        counters.announcements_coalesced += u64::from(feed.hold(to.key, event));
        let after = feed.charged();
        if after <= before {
            ledger.release(Category::Waiting, before - after);
        } else if !ledger.charge(Category::Waiting, after - before) {
            feed.restart();
            ledger.counters.snapshots_restarted += 1;
            ledger.release(Category::Waiting, before);
            self.push_gap(
                ledger,
                to.client,
                Gap {
                    unknown: true,
                    ..Gap::default()
                },
            );
        }
        self.mark(to.client);
    }
}

/// Makes the delivery of an event about a service.
pub(crate) fn presence_delivery<'a>(
    topic: &'a Topic<'_>,
    payload: &'a [u8],
    headers: Headers<'a>,
) -> Delivery<'a> {
    Delivery {
        id: None,
        topic: topic.borrowed(),
        from: BROKER.into(),
        headers,
        payload: Payload::checked(payload),
        retained: false,
    }
}
