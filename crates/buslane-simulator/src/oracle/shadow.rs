//! What one connection was promised, and what it got so far.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use buslane_protocol::Instant;

use crate::oracle::backlog::Backlog;
use crate::oracle::owed::Owed;
use crate::oracle::presence::View;
use crate::said::Declared;

/// A subscription's filter and shared name.
pub(super) type SubscriptionId = (String, Option<String>);

/// What one connection was promised, and what it got so far.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    pub(super) open: bool,
    pub(super) principal: usize,
    /// When bytes of it last arrived.
    pub(super) heard: Instant,
    /// Which of all messages was its last one, over which the broker may still think.
    pub(super) asked_at: u64,
    /// Whether its connection takes no bytes at the moment, and whether that ever was so.
    pub(super) blocked: bool,
    pub(super) was_blocked: bool,
    /// The name that it gave, and the one that the broker told it.
    pub(super) name: Option<String>,
    pub(super) label: Option<String>,
    pub(super) registering: Option<(Declared, Instant)>,
    /// Its registrations, in order.
    pub(super) registrations: Vec<usize>,
    /// Answers that it is to get, in order.
    pub(super) owed: VecDeque<Owed>,
    /// Acknowledgements that come when an instance has finished: the id of the message, and the instance.
    pub(super) finishing: Vec<(buslane_protocol::Id, usize)>,
    pub(super) subscriptions: BTreeMap<SubscriptionId, Subscription>,
    /// Every subscription that was ever accepted: its filter and when.
    pub(super) subscribed: Vec<(String, Instant)>,
    /// Copies that are still to come, by the order in which their publishes were accepted.
    pub(super) expected: BTreeMap<u64, Copy>,
    /// Copies that did not come although later ones did, and those that gaps stand for.
    pub(super) missing: u64,
    pub(super) gaps: u64,
    /// Whether other things than ordinary copies may be counted in its gaps.
    pub(super) mixed: bool,
    /// The last copy that came from each publisher for each shared subscription.
    pub(super) last_shared: BTreeMap<(usize, String), u64>,
    /// How often each retained value came.
    pub(super) retained: BTreeMap<u64, u64>,
    /// Requests that it was handed: the request's number, and which of its parts.
    pub(super) handed: BTreeMap<u64, (u64, usize)>,
    /// Its own requests that have not ended.
    pub(super) pending: Vec<u64>,
    /// What it was told about services.
    pub(super) view: View,
    /// The policies of its subscriptions so far.
    pub(super) policies: BTreeSet<u8>,
    /// The first copy that was accepted since nothing was queued, and the last one at all.
    pub(super) first: Option<u64>,
    pub(super) last: Option<u64>,
    /// Whether something else than ordinary copies may be queued since then.
    pub(super) others: bool,
    /// Whether it was told that the broker shuts down, if it was there.
    pub(super) drain: Option<bool>,
}

/// A subscription.
#[derive(Debug, Default)]
pub(super) struct Subscription {
    /// Deliveries allowed so far, if they are counted, and those that came on its account alone.
    pub(super) credit: Option<u64>,
    pub(super) used: u64,
    /// Copies that did not come although later ones did, and those that gaps stand for.
    pub(super) missing: u64,
    pub(super) gaps: u64,
    /// What waited when it was last given credit.
    pub(super) backlog: Backlog,
}

/// A copy that is to come.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) number: u64,
    pub(super) publisher: usize,
    pub(super) account: Account,
    /// Whether it may stay away, because a subscription that selects it ended or changed.
    pub(super) optional: bool,
}

/// Which subscriptions a copy comes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// Only such without credit.
    Plain,
    /// One with credit.
    Credited(SubscriptionId),
    /// Several, at least one with credit.
    Several,
}

impl Shadow {
    /// Begins with a connection.
    pub(super) fn opened(principal: usize, now: Instant) -> Shadow {
        Shadow {
            open: true,
            principal,
            heard: now,
            ..Shadow::default()
        }
    }

    /// Gives up what can no longer be written.
    pub(super) fn forget(&mut self) {
        self.owed.clear();
        self.finishing.clear();
        self.expected.clear();
        self.pending.clear();
        self.registering = None;
    }
}
