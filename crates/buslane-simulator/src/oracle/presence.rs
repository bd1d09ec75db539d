//! What clients are told about services: the present state first, each instance once, then news.

use std::collections::BTreeSet;

use buslane_protocol::Delivery;
use serde_json::Value;

use super::topics::selects;
use super::{Oracle, Subject};

/// What one client was told about services.
#[derive(Debug, Default)]
pub(super) struct View {
    /// How many subscriptions that select such events it made.
    subscriptions: usize,
    /// Whether it is followed: only with a single subscription, to all such events, that stood all the time.
    followed: bool,
    present: BTreeSet<String>,
    complete: bool,
}

impl View {
    /// Takes in a new subscription, which is an ordinary one if it is neither shared nor has credit.
    pub(super) fn subscribed(&mut self, filter: &str, ordinary: bool) {
        if !filter.starts_with("$bus") || !EVENTS.iter().any(|event| selects(filter, event)) {
            return;
        }
        self.subscriptions += 1;
        let whole = EVENTS.iter().all(|event| selects(filter, event)) && ordinary;
        self.followed = whole && self.subscriptions == 1;
    }

    /// Takes in the end of a subscription.
    pub(super) fn unsubscribed(&mut self, filter: &str) {
        self.followed &= !EVENTS.iter().any(|event| selects(filter, event));
    }
}

impl Oracle {
    /// Takes in an event of the broker.
    pub(super) fn event(&mut self, client: usize, delivery: &Delivery<'_>) {
        self.coverage.count("event");
        let topic = delivery.topic.as_str();
        let subscriptions = self.clients[client].subscribed.iter();
        let entitled =
            topic == SNAPSHOT_END || subscriptions.clone().any(|(filter, _)| selects(filter, topic));
        if !entitled {
            let promise = "an event came to one who did not subscribe to it";
            return self.broken(promise, &[Subject::Client(client)]);
        }
        if topic == SNAPSHOT_END {
            return self.snapshot_end(client);
        }
        let payload: Value = serde_json::from_slice(&delivery.payload.bytes).unwrap_or_default();
        let label = format!(
            "{}#{}",
            payload["service"].as_str().unwrap_or_default(),
            payload["instance"].as_str().unwrap_or_default()
        );
        if !self.clients[client].view.followed {
            return;
        }
        let snapshot = delivery.headers.is_snapshot();
        if topic.starts_with(CONNECT) {
            self.arrival(client, label, snapshot);
        } else if topic.starts_with(DISCONNECT) && !self.clients[client].view.present.remove(&label) {
            let promise = format!("{label} is told to be gone, but was not told to be there");
            self.broken(promise, &[Subject::Client(client)]);
        }
    }

    fn snapshot_end(&mut self, client: usize) {
        self.coverage.count("snapshot complete");
        let starving = !self.has_ample_memory();
        let view = &mut self.clients[client].view;
        let again = std::mem::replace(&mut view.complete, true) && view.followed;
        if again && starving {
            // It was told anew, and there was nobody to be told of.
            view.present.clear();
        } else if again {
            let promise = "the end of the present state is told once";
            self.broken(promise, &[Subject::Client(client)]);
        }
    }

    fn arrival(&mut self, client: usize, label: String, snapshot: bool) {
        let starving = !self.has_ample_memory();
        let waited = self.may_be_slow(client) || starving && self.merged;
        let shadow = &mut self.clients[client];
        if starving && snapshot && shadow.view.complete {
            // There was no memory for what it had to be told, so it is told everything anew.
            shadow.view.complete = false;
            shadow.view.present.clear();
        }
        let merged = waited && !snapshot;
        let late = snapshot && shadow.view.complete;
        let new = shadow.view.present.insert(label.clone());
        if late {
            self.broken(
                "the present state goes on after its end was told",
                &[Subject::Client(client)],
            );
        } else if !new && !merged {
            let promise = format!("who is there is told without repetition: {label} is told again");
            self.broken(promise, &[Subject::Client(client)]);
        }
    }

    /// Looks whether what a client was told is what is, when everything is at rest.
    pub(crate) fn check_view(&mut self, client: usize) {
        let instances: BTreeSet<String> = self.instances().into_iter().collect();
        let Some(shadow) = self.clients.get(client) else {
            return;
        };
        let view = &shadow.view;
        if !shadow.open || !view.followed || (view.complete && view.present == instances) {
            return;
        }
        let promise = format!(
            "what a subscriber was told about services is what is there: {:?} instead of {instances:?}, complete: {}",
            view.present, view.complete
        );
        self.broken(promise, &[Subject::Client(client)]);
    }
}

const CONNECT: &str = "$bus/service/connect/";
const DISCONNECT: &str = "$bus/service/disconnect/";
const SNAPSHOT_END: &str = "$bus/snapshot-end";
/// One topic of each kind of event about a service.
const EVENTS: [&str; 4] = [
    "$bus/service/connect/x",
    "$bus/service/online/x",
    "$bus/service/disconnect/x",
    "$bus/service/offline/x",
];
