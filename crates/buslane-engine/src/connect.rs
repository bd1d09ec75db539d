//! Coming and going: a connection is taken in, introduces itself, and is emptied of everything it had when it leaves.
//! Owns the order in which a leaving client's things are taken from it.

use std::sync::Arc;

use buslane_protocol::{
    BrokerMessage, Connect, Connected, ErrorCode, Framing, Goodbye, Id, PROTOCOL_VERSION, Problem,
};

use crate::client::{Client, Phase};
use crate::engine::Engine;
use crate::memory::Category;
use crate::policy::Action;
use crate::subscription::SubscriptionKey;
use crate::{ClientId, CloseReason, Notice, Output, Peer};

impl Engine {
    /// Takes in a connection whose transport is ready.
    pub(crate) fn admit(&mut self, peer: Peer) -> Result<ClientId, Box<Problem>> {
        if self.draining.is_some() {
            return Err(draining().into());
        }
        let limit = self.config.limits.connections;
        if self.clients.len() >= limit {
            let detail =
                format!("the broker takes {limit} connections; close one, or raise limits.connections");
            return Err(Problem::new(ErrorCode::TooManyConnections).detail(detail).into());
        }
        if !self.ledger.charge(Category::Clients, CLIENT_BYTES) {
            return Err(self.memory_full().into());
        }
        let heartbeat_ms = self.default_heartbeat(&peer);
        let (framing, address, principal) = (peer.framing, peer.address.clone(), peer.principal.clone());
        self.opened += 1;
        let id = self
            .clients
            .insert(Client::new(self.opened, self.now, peer, heartbeat_ms));
        self.ledger.counters.opened += 1;
        self.notice(Notice::Opened {
            client: id,
            address,
            principal,
        });
        self.arm_handshake(id);
        if matches!(framing, Framing::WebSocketBinary | Framing::WebSocketText) {
            self.send_connected(id, None);
        }
        Ok(id)
    }

    /// Introduces a client.
    pub(crate) fn connect(&mut self, id: ClientId, connect: Connect) {
        if let Err(problem) = agree(&connect) {
            self.refuse_message(id, connect.id, problem);
            return self.clients.doom(id, CloseReason::Unsupported);
        }
        if let Err(problem) = self.decide(id, Action::Connect(&connect)) {
            self.refuse_message(id, connect.id, *problem);
            return self.clients.doom(id, CloseReason::Unauthenticated);
        }
        let Some(client) = self.clients.find(id) else {
            return;
        };
        let heartbeat_ms = self.agreed_heartbeat(client, connect.heartbeat_ms);
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        client.phase = Phase::Open;
        client.heartbeat_ms = heartbeat_ms;
        client.name = connect.name.or(client.name.take());
        self.stamp(id);
        self.rearm(id);
        self.send_connected(id, connect.id);
    }

    fn send_connected(&mut self, to: ClientId, id: Option<Id>) {
        let Some(client) = self.clients.find(to) else {
            return;
        };
        let connected = Connected {
            id,
            version: PROTOCOL_VERSION,
            node: self.config.node.clone(),
            server: self.config.server.clone(),
            client: client.label(),
            heartbeat_ms: client.heartbeat_ms,
            limits: self.config.limits.announced(),
        };
        self.send(to, &BrokerMessage::Connected(Box::new(connected)));
    }

    /// Sets what is stamped on a client's messages: its first registration's instance if that has methods, or its
    /// name if not; else the name that it gave with `connect`; else its number.
    pub(crate) fn stamp(&mut self, id: ClientId) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        let first = client
            .registrations
            .first()
            .and_then(|first| self.registry.instance(*first));
        client.from = match (first, &client.name) {
            (Some(instance), _) if instance.is_consumer() => instance.declared.service.as_str().into(),
            (Some(instance), _) => instance.label.clone(),
            (None, Some(name)) => name.as_str().into(),
            (None, None) => client.label().into(),
        };
    }

    /// Takes a clean leave.
    pub(crate) fn goodbye(&mut self, id: ClientId, goodbye: Goodbye) {
        let said = goodbye.reason;
        self.notice(Notice::Goodbye { client: id, said });
        self.clients.doom(id, CloseReason::Goodbye);
    }

    /// Takes everything from a client that is on its way out, and tells the driver to close it.
    pub(crate) fn dismiss(&mut self, id: ClientId, reason: CloseReason) {
        self.empty(id, reason);
        self.outputs.push_back(Output::Close { client: id, reason });
    }

    /// Takes in that a transport is gone.
    pub(crate) fn forget(&mut self, id: ClientId, reason: CloseReason) {
        match self.clients.find_mut(id) {
            Some(client) if client.phase != Phase::Closing => {
                client.phase = Phase::Closing;
                self.empty(id, reason);
            }
            Some(_) => {}
            None => return,
        }
        if self.clients.remove(id, &mut self.ledger).is_some() {
            self.ledger.release(Category::Clients, CLIENT_BYTES);
        }
    }

    /// Takes everything from a client: what it waits for, its requests, its deliveries, its subscriptions, its
    /// registrations. What is queued for it stays until its transport is gone.
    fn empty(&mut self, id: ClientId, reason: CloseReason) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        let alarm = client.alarm.take();
        if let Some(alarm) = alarm {
            self.timers.cancel(alarm);
        }
        self.abandon_parked(id);
        self.end_calls_of(id);
        self.lose_legs_of(id);
        self.empty_subscriptions(id);
        self.empty_registrations(id, reason);
        self.ledger.counters.note_closed(reason);
        self.notice(Notice::Closed { client: id, reason });
    }

    fn empty_subscriptions(&mut self, id: ClientId) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        let mut held = std::mem::take(&mut client.subscriptions);
        client.disconnects = 0;
        let last_of_json = !held.is_empty() && client.reads_json();
        let feeds = client.feeds.take();
        self.clients.json_subscribers -= usize::from(last_of_json);
        while let Some(subscription) = self.topics.first_of(&held) {
            let Some(packed) = self.topics.remove(&mut held, id.as_u64(), subscription) else {
                break;
            };
            let key = SubscriptionKey::from_u64(packed);
            self.bus_subscriptions -= usize::from(key.is_of_bus());
            self.clients.drop_credit(&mut self.ledger, key);
        }
        if let Some(feeds) = feeds {
            self.ledger.release(Category::Waiting, feeds.presence.charged());
        }
        self.account_topics();
    }

    fn empty_registrations(&mut self, id: ClientId, reason: CloseReason) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        for key in std::mem::take(&mut client.registrations) {
            self.remove_registration(key, reason.as_str());
        }
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        client.from = Arc::from("");
    }
}

/// Tells whether this broker has what a client cannot do without: its version, and each feature beyond that version.
fn agree(connect: &Connect) -> Result<(), Problem> {
    let versions = connect.versions.as_deref();
    if versions.is_some_and(|versions| !versions.contains(&PROTOCOL_VERSION)) {
        let detail = format!("this broker speaks version {PROTOCOL_VERSION} here; connect again with it");
        return Err(Problem::new(ErrorCode::UnsupportedVersion).detail(detail));
    }
    if connect.requires.is_empty() {
        return Ok(());
    }
    let detail = "this broker has no features beyond version 1; connect without `requires`, or elsewhere";
    Err(Problem::new(ErrorCode::NotSupported).detail(detail))
}

/// Makes the refusal of a broker that takes nothing new.
pub(crate) fn draining() -> Problem {
    Problem::new(ErrorCode::Draining)
        .detail("the broker is shutting down; try again later, or at another broker")
}

/// Bytes charged for a connection: its entry and the timers and table places that go with it.
const CLIENT_BYTES: usize = size_of::<Client>() + 256;
