//! What one client is still to be told about services: the present state, for a subscription that is new, and changes
//! that did not fit. Owns what is told live, what later, and what not at all.
//!
//! A cursor walks the registry in the order of [`PresenceKey`]. A change behind the cursor is told live; one ahead of
//! it is not told, since the cursor will come upon the result. So there is neither gap nor repetition. What does not
//! fit into the outbox is held, one entry per instance, and an instance that came and went meanwhile is not told at
//! all.

use std::collections::BTreeMap;
use std::sync::Arc;

use buslane_protocol::{Filter, Name};

use crate::presence::{Change, PresenceEvent};
use crate::subscription::SubscriptionKey;

/// What an event is about: a service, or one instance of it. A service comes before its instances.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PresenceKey {
    /// The service.
    pub(crate) service: Name,
    /// The instance, unless it is about the service.
    pub(crate) instance: Option<Name>,
}

impl PresenceKey {
    /// Makes the key of a service.
    pub(crate) fn service(service: Name) -> Self {
        PresenceKey {
            service,
            instance: None,
        }
    }

    /// Makes the key of an instance.
    pub(crate) fn instance(service: Name, instance: Name) -> Self {
        PresenceKey {
            service,
            instance: Some(instance),
        }
    }
}

/// How far the present state was told to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing yet.
    Start,
    /// Everything up to this.
    Upto(PresenceKey),
    /// Everything, and that it was everything.
    Complete,
}

/// A subscription that selects events about services.
pub(crate) struct PresenceSubscription {
    /// Its key.
    pub(crate) key: SubscriptionKey,
    /// Its filter.
    pub(crate) filter: Filter<'static>,
    /// What it was told.
    pub(crate) progress: Progress,
}

/// A change that did not fit.
pub(crate) struct Held {
    /// The subscription that it is for.
    pub(crate) key: SubscriptionKey,
    /// What happened last.
    pub(crate) change: Change,
    /// The payload of the event.
    pub(crate) payload: Arc<[u8]>,
    /// Whether the client believes the instance or service to be there.
    known: bool,
}

/// What one client is still to be told about services.
#[derive(Default)]
pub(crate) struct PresenceFeed {
    /// Its subscriptions to such events.
    pub(crate) subscriptions: Vec<PresenceSubscription>,
    held: BTreeMap<PresenceKey, Held>,
    charged: usize,
}

impl PresenceFeed {
    /// Adds a subscription, which is to be told the present state.
    pub(crate) fn subscribe(&mut self, key: SubscriptionKey, filter: Filter<'static>) {
        self.subscriptions.push(PresenceSubscription {
            key,
            filter,
            progress: Progress::Start,
        });
    }

    /// Removes a subscription. Tells whether a change was held for it that others may have to hear of too.
    pub(crate) fn unsubscribe(&mut self, key: SubscriptionKey) -> bool {
        self.subscriptions.retain(|subscription| subscription.key != key);
        self.held.values().any(|held| held.key == key)
    }

    /// Tells whether there is nothing to keep.
    pub(crate) fn is_empty(&self) -> bool {
        self.subscriptions.is_empty() && self.held.is_empty()
    }

    /// Tells whether everything was told.
    pub(crate) fn is_complete(&self) -> bool {
        let complete = |subscription: &PresenceSubscription| subscription.progress == Progress::Complete;
        self.held.is_empty() && self.subscriptions.iter().all(complete)
    }

    /// Tells whether the client was told about this by one of its subscriptions, so that it has to hear of a change.
    pub(crate) fn covers(&self, key: &PresenceKey) -> bool {
        self.subscriptions
            .iter()
            .any(|subscription| match &subscription.progress {
                Progress::Start => false,
                Progress::Upto(told) => key <= told,
                Progress::Complete => true,
            })
    }

    /// Tells whether something is held, so that later changes have to wait behind it.
    pub(crate) fn holds_any(&self) -> bool {
        !self.held.is_empty()
    }

    /// Holds a change, in the place of an earlier one about the same; tells whether there was one.
    pub(crate) fn hold(&mut self, key: SubscriptionKey, event: &PresenceEvent) -> bool {
        let PresenceEvent {
            change,
            key: about,
            payload,
        } = event;
        let known = self
            .held
            .get(about)
            .map_or(!change.is_arrival(), |held| held.known);
        let earlier = self.held.remove(about);
        if let Some(earlier) = &earlier {
            self.charged -= cost(earlier);
        }
        if known || change.is_arrival() {
            let held = Held {
                key,
                change: *change,
                payload: payload.clone(),
                known,
            };
            self.charged += cost(&held);
            self.held.insert(about.clone(), held);
        }
        earlier.is_some()
    }

    /// Returns the first change that is held.
    pub(crate) fn first_held(&self) -> Option<(&PresenceKey, &Held)> {
        self.held.first_key_value()
    }

    /// Removes the first change that is held. Returns the bytes that were charged for it.
    pub(crate) fn release_first(&mut self) -> usize {
        let bytes = self.held.pop_first().map_or(0, |(_, held)| cost(&held));
        self.charged -= bytes;
        bytes
    }

    /// Forgets what is held and begins anew with the present state. Returns the bytes that were charged.
    pub(crate) fn restart(&mut self) -> usize {
        self.held.clear();
        for subscription in &mut self.subscriptions {
            subscription.progress = Progress::Start;
        }
        std::mem::take(&mut self.charged)
    }

    /// Returns the bytes that are charged for what is held.
    pub(crate) fn charged(&self) -> usize {
        self.charged
    }
}

/// Tells whether a filter can select events about services.
pub(crate) fn selects_presence(filter: &Filter<'_>) -> bool {
    let mut levels = filter.as_str().split('/');
    if levels.next() != Some("$bus") {
        return false;
    }
    for wanted in [
        &["service"][..],
        &["connect", "online", "disconnect", "offline"][..],
    ] {
        match levels.next() {
            Some("#") => return true,
            Some("+") => {}
            Some(level) if wanted.contains(&level) => {}
            _ => return false,
        }
    }
    match (levels.next(), levels.next()) {
        (Some("#"), None) => true,
        (Some(_), rest) => rest.is_none() || rest == Some("#"),
        (None, _) => false,
    }
}

fn cost(held: &Held) -> usize {
    HELD_BYTES + held.payload.len()
}

/// Bytes charged for a change that is held, beside its payload.
const HELD_BYTES: usize = size_of::<(PresenceKey, Held)>() + 64;

#[cfg(test)]
mod tests {
    use super::*;
    use buslane_protocol::Overflow;

    fn event(change: Change, instance: &str) -> PresenceEvent {
        let key = PresenceKey::instance(Name::parse("attic").unwrap(), Name::parse(instance).unwrap());
        PresenceEvent {
            change,
            key,
            payload: Arc::from(&b"{}"[..]),
        }
    }

    fn key() -> SubscriptionKey {
        SubscriptionKey::new(1, Overflow::DropOldest, false, &Filter::parse("$bus/#").unwrap())
    }

    fn held(feed: &PresenceFeed) -> Vec<(String, Change)> {
        let name = |key: &PresenceKey| key.instance.as_ref().unwrap().to_string();
        feed.held
            .iter()
            .map(|(key, held)| (name(key), held.change))
            .collect()
    }

    #[test]
    fn what_came_and_went_unseen_is_not_told() {
        let key = key();
        let mut feed = PresenceFeed::default();
        feed.hold(key, &event(Change::Connect, "new"));
        feed.hold(key, &event(Change::Disconnect, "old"));
        assert_eq!(
            held(&feed),
            [
                ("new".to_owned(), Change::Connect),
                ("old".to_owned(), Change::Disconnect)
            ]
        );
        feed.hold(key, &event(Change::Disconnect, "new"));
        feed.hold(key, &event(Change::Connect, "old"));
        assert_eq!(held(&feed), [("old".to_owned(), Change::Connect)]);
        assert_eq!(feed.charged(), HELD_BYTES + 2);
        assert_eq!(feed.release_first(), HELD_BYTES + 2);
        assert!(feed.is_empty());
    }

    #[test]
    fn a_change_ahead_of_the_cursor_is_left_to_it() {
        let mut feed = PresenceFeed::default();
        feed.subscribe(key(), Filter::parse("$bus/#").unwrap());
        let (near, far) = (event(Change::Connect, "a"), event(Change::Connect, "c"));
        assert!(!feed.covers(&near.key));
        let middle = PresenceKey::instance(near.key.service.clone(), Name::parse("b").unwrap());
        feed.subscriptions[0].progress = Progress::Upto(middle);
        assert!(feed.covers(&near.key));
        assert!(!feed.covers(&far.key));
    }

    #[test]
    fn only_filters_that_can_match_a_service_event_select_presence() {
        for filter in [
            "$bus/#",
            "$bus/service/#",
            "$bus/+/connect/+",
            "$bus/service/online/attic",
            "$bus/+/+/+",
        ] {
            assert!(selects_presence(&Filter::parse(filter).unwrap()), "{filter}");
        }
        for filter in [
            "#",
            "$bus",
            "$bus/overflow",
            "$bus/+",
            "$bus/service",
            "$bus/service/gone/+",
            "a/b/c/d",
        ] {
            assert!(!selects_presence(&Filter::parse(filter).unwrap()), "{filter}");
        }
        assert!(!selects_presence(
            &Filter::parse("$bus/service/connect/attic/more").unwrap()
        ));
    }
}
