//! The broker's own events: they wait until the input that caused them is handled, then are published under `$bus/`.
//! Their traffic never causes another event.

use buslane_protocol::{BrokerMessage, Delivery, Headers, Payload, Topic};

use crate::engine::Engine;
use crate::presence::PresenceEvent;

/// What is stamped on what the broker itself sends.
pub(crate) const BROKER: &str = "$bus";

/// An event that waits to be published.
pub(crate) enum Event {
    /// The coming or going of a service or an instance.
    Presence(PresenceEvent),
    /// Anything else, with its topic and its payload.
    Report(&'static str, Vec<u8>),
}

impl Engine {
    /// Publishes an event of the broker.
    pub(crate) fn publish_event(&mut self, event: Event) {
        match event {
            Event::Presence(event) => self.publish_presence(&event),
            Event::Report(topic, payload) => self.publish_report(topic, &payload),
        }
    }

    fn publish_report(&mut self, topic: &'static str, payload: &[u8]) {
        let message = BrokerMessage::Delivery(Delivery {
            id: None,
            topic: own_topic(topic),
            from: BROKER.into(),
            headers: Headers::default(),
            payload: Payload::checked(payload),
            retained: false,
        });
        // A topic that too many filters match is nobody's to be told about.
        if self.spread(&message, None, false).is_ok() {
            self.ledger.counters.published += 1;
            self.count_report(topic);
        }
    }

    /// Tells whether anybody wants an event, so that it is worth making.
    pub(crate) fn is_wanted(&mut self, topic: &'static str) -> bool {
        match self.topics.matches(&own_topic(topic)) {
            Ok(matches) => !matches.clients().is_empty() || matches.groups().next().is_some(),
            Err(_) => false,
        }
    }
}

/// Makes a topic of the broker's own.
pub(crate) fn own_topic(topic: &'static str) -> Topic<'static> {
    Topic::parse(topic).expect("the broker's own topics are topics")
}
