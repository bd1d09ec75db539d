//! What a client is sent as its outbox drains: retained values and the present state of services for a new
//! subscription, and what waited for credit. Owns the pace: half of the delivery lane is left to live messages.

use std::time::Duration;

use buslane_protocol::{BrokerMessage, Delivery, Filter, Gap, Headers, HeadersBuf, Name, Subscribe, Topic};
use serde_json::json;

use crate::ClientId;
use crate::clients::{Clients, Full};
use crate::delivery::Recipient;
use crate::engine::{Engine, Timer};
use crate::event::own_topic;
use crate::frames::Frames;
use crate::ledger::Ledger;
use crate::memory::Category;
use crate::presence::{Change, presence_delivery};
use crate::presence_feed::{PresenceFeed, PresenceKey, PresenceSubscription, Progress, selects_presence};
use crate::registry::{Instance, Registry};
use crate::request::with_header;
use crate::retained::Next;
use crate::subscription::SubscriptionKey;

/// What a client is sent as its outbox drains.
#[derive(Default)]
pub(crate) struct Feeds {
    /// Subscriptions of which something has credit, but had no room yet.
    pub(crate) credited: Vec<SubscriptionKey>,
    /// New subscriptions, with the topic up to which they got the retained values.
    retained: Vec<RetainedCursor>,
    /// Events about services.
    pub(crate) presence: PresenceFeed,
}

struct RetainedCursor {
    key: SubscriptionKey,
    filter: Filter<'static>,
    after: Option<String>,
}

/// How a feed stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// Nothing is left.
    Nothing,
    /// The rest waits for room or credit.
    Waits,
    /// The rest waits for memory: nothing of this client's own gives way.
    Starved,
    /// Enough was looked at for one turn.
    Paused,
}

impl Feeds {
    fn is_empty(&self) -> bool {
        self.credited.is_empty() && self.retained.is_empty() && self.presence.is_empty()
    }

    /// Tells whether there is nothing to send at the moment.
    fn is_idle(&self) -> bool {
        self.credited.is_empty() && self.retained.is_empty() && self.presence.is_complete()
    }
}

impl Engine {
    /// Gives a new subscription what it has to know from before. A shared one gets nothing.
    pub(crate) fn start_feeds(&mut self, id: ClientId, key: SubscriptionKey, subscribe: &Subscribe) {
        if subscribe.shared.is_some() {
            return;
        }
        let (retained, presence) = (self.retained.len() > 0, selects_presence(&subscribe.filter));
        let Some(client) = self.clients.find_mut(id).filter(|_| retained || presence) else {
            return;
        };
        let feeds = client.feeds.get_or_insert_default();
        let filter = subscribe.filter.clone();
        if presence {
            feeds.presence.subscribe(key, filter.clone());
        }
        if retained {
            feeds.retained.push(RetainedCursor {
                key,
                filter,
                after: None,
            });
        }
        self.clients.mark(id);
    }

    /// Stops what a subscription that ends was still to get.
    pub(crate) fn stop_feeds(&mut self, id: ClientId, key: SubscriptionKey) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        let Some(feeds) = &mut client.feeds else { return };
        feeds.credited.retain(|credited| *credited != key);
        feeds.retained.retain(|cursor| cursor.key != key);
        let held = feeds.presence.unsubscribe(key);
        let others = !feeds.presence.subscriptions.is_empty();
        if held || !others {
            self.ledger.counters.snapshots_restarted += u64::from(held && others);
            self.ledger.release(Category::Waiting, feeds.presence.restart());
        }
        if feeds.is_empty() {
            client.feeds = None;
        }
        if held && others {
            self.clients.push_gap(
                &mut self.ledger,
                id,
                Gap {
                    unknown: true,
                    ..Gap::default()
                },
            );
        }
    }

    /// Has a client's feeds looked at again.
    pub(crate) fn wake_feeds(&mut self, id: ClientId) {
        if self
            .clients
            .find(id)
            .is_some_and(|client| client.feeds.as_ref().is_some_and(|feeds| !feeds.is_idle()))
        {
            self.clients.mark(id);
        }
    }

    /// Fills a client's outbox from its feeds, examining at most `budget` entries of the tables.
    pub(crate) fn feed(&mut self, id: ClientId, budget: &mut usize) -> Fed {
        let Some(client) = self.clients.find_mut(id).filter(|client| !client.is_closing()) else {
            return Fed::Nothing;
        };
        let Some(mut feeds) = client.feeds.take_if(|feeds| !feeds.is_idle()) else {
            return Fed::Nothing;
        };
        let (clients, ledger) = (&mut self.clients, &mut self.ledger);
        feeds
            .credited
            .retain(|key| clients.feed_credited(ledger, id, *key));
        let fed = self.feed_presence(id, &mut feeds.presence, budget);
        let fed = fed.and(self.feed_retained(id, &mut feeds.retained, budget));
        let fed = fed.and(if feeds.credited.is_empty() {
            Fed::Nothing
        } else {
            Fed::Waits
        });
        if let Some(client) = self.clients.find_mut(id).filter(|_| !feeds.is_empty()) {
            client.feeds = Some(feeds);
        }
        fed
    }

    /// Comes back to a client whose feed waits for memory.
    pub(crate) fn feed_later(&mut self, id: ClientId) {
        self.timers.insert(self.now + RETRY, Timer::Feed(id));
    }

    fn feed_retained(&mut self, id: ClientId, cursors: &mut Vec<RetainedCursor>, budget: &mut usize) -> Fed {
        while let Some(cursor) = cursors.first_mut() {
            let (topic, value) =
                match self
                    .retained
                    .next_after(self.now, &cursor.filter, cursor.after.as_deref(), budget)
                {
                    Next::Value(topic, value) => (topic, value),
                    Next::Paused(topic) => {
                        cursor.after = Some(topic.to_owned());
                        return Fed::Paused;
                    }
                    Next::End => {
                        cursors.remove(0);
                        continue;
                    }
                };
            let named = with_header(&value.headers, Headers::FILTER, cursor.filter.as_str());
            let (Ok(parsed), Ok(headers)) = (Topic::parse(topic), named) else {
                cursor.after = Some(topic.to_owned());
                continue;
            };
            let message = BrokerMessage::Delivery(Delivery {
                id: value.id,
                topic: parsed,
                from: (&*value.from).into(),
                headers,
                payload: value.payload.borrowed(),
                retained: true,
            });
            let to = Recipient {
                client: id,
                key: cursor.key,
                announced: true,
            };
            match hand_over(
                &mut self.clients,
                &mut self.ledger,
                &mut self.frames,
                &message,
                to,
            ) {
                Fed::Nothing => cursor.after = Some(topic.to_owned()),
                waits => return waits,
            }
        }
        Fed::Nothing
    }

    fn feed_presence(&mut self, id: ClientId, feed: &mut PresenceFeed, budget: &mut usize) -> Fed {
        while let Some((about, held)) = feed.first_held() {
            let topic = held.change.topic(&about.service);
            let delivery = presence_delivery(&topic, &held.payload, Headers::default());
            match self.announce(id, held.key, delivery) {
                Fed::Nothing => self.ledger.release(Category::Waiting, feed.release_first()),
                waits => return waits,
            }
        }
        for subscription in &mut feed.subscriptions {
            match self.feed_state(id, subscription, budget) {
                Fed::Nothing => {}
                waits => return waits,
            }
        }
        Fed::Nothing
    }

    /// Tells a new subscription who is there, and then that these are all.
    fn feed_state(
        &mut self,
        id: ClientId,
        subscription: &mut PresenceSubscription,
        budget: &mut usize,
    ) -> Fed {
        let PresenceSubscription {
            key,
            filter,
            progress,
        } = subscription;
        let headers = snapshot_headers();
        while *progress != Progress::Complete {
            if *budget == 0 {
                return Fed::Paused;
            }
            *budget -= 1;
            let Some((about, instance)) = next_present(&self.registry, progress) else {
                let payload = json!({ "filter": filter.as_str() }).to_string();
                let topic = own_topic(SNAPSHOT_END);
                let end = presence_delivery(&topic, payload.as_bytes(), Headers::default());
                let fed = self.announce(id, *key, end);
                if fed == Fed::Nothing {
                    self.ledger.counters.snapshots += 1;
                    *progress = Progress::Complete;
                }
                return fed;
            };
            let change = if about.instance.is_some() {
                Change::Connect
            } else {
                Change::Online
            };
            let topic = change.topic(&about.service);
            if filter.matches(&topic) {
                let payload = self.describe_presence(instance, None);
                match self.announce(id, *key, presence_delivery(&topic, &payload, headers.borrowed())) {
                    Fed::Nothing => {}
                    waits => return waits,
                }
            }
            *progress = Progress::Upto(about);
        }
        Fed::Nothing
    }

    fn announce(&mut self, id: ClientId, key: SubscriptionKey, delivery: Delivery<'_>) -> Fed {
        match self
            .clients
            .offer_event(&mut self.ledger, id, key, &BrokerMessage::Delivery(delivery))
        {
            Ok(()) | Err(Full::Gone) => Fed::Nothing,
            Err(Full::Lane) => Fed::Waits,
            Err(Full::Memory) => Fed::Starved,
        }
    }
}

fn snapshot_headers() -> Headers<'static> {
    let mut headers = HeadersBuf::new();
    headers
        .push(Headers::SNAPSHOT, "true")
        .expect("the broker's own header is a header");
    headers.finish()
}

impl Fed {
    /// Joins two feeds of one client: the one that is easiest to go on with decides.
    fn and(self, other: Fed) -> Fed {
        let urgency = |fed| match fed {
            Fed::Nothing => 0,
            Fed::Waits => 1,
            Fed::Starved => 2,
            Fed::Paused => 3,
        };
        if urgency(other) > urgency(self) {
            other
        } else {
            self
        }
    }
}

/// Puts a message into a client's lane if it is at most half full and the message fits.
fn hand_over(
    clients: &mut Clients,
    ledger: &mut Ledger,
    frames: &mut Frames,
    message: &BrokerMessage<'_>,
    to: Recipient,
) -> Fed {
    let Some(framing) = clients.framing(to.client) else {
        return Fed::Nothing;
    };
    if !clients.is_hungry(to.client, to.key) {
        return Fed::Waits;
    }
    frames.reset();
    let frame = frames.encode(framing, message);
    let fed = if clients.has_room(ledger, to, frame) {
        clients.deliver(ledger, frames, message, to);
        Fed::Nothing
    } else if ledger.admits(2 * frame.bytes().len()) {
        Fed::Waits
    } else {
        Fed::Starved
    };
    frames.reset();
    fed
}

/// Finds the service or instance that comes next in order.
fn next_present<'a>(registry: &'a Registry, progress: &Progress) -> Option<(PresenceKey, &'a Instance)> {
    let after = match progress {
        Progress::Start => None,
        Progress::Upto(key) => Some(key),
        Progress::Complete => return None,
    };
    if let Some(PresenceKey { service, instance }) = after {
        let instance = instance.as_ref().map(Name::as_str);
        if let Some(next) = registry.instances_after(service.as_str(), instance).next() {
            return Some((PresenceKey::instance(service.clone(), next.name.clone()), next));
        }
    }
    let service = registry
        .names_after(after.map(|key| key.service.as_str()))
        .next()?;
    let first = registry.instances_after(service.as_str(), None).next()?;
    Some((PresenceKey::service(service.clone()), first))
}

/// Where the end of the present state is told.
const SNAPSHOT_END: &str = "$bus/snapshot-end";
/// How long a feed waits that found no memory.
const RETRY: Duration = Duration::from_millis(100);
