//! Every feed of a broker by its name, and the keeping of those that have no reader.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::{Instant, sleep};

use super::{Feed, FeedId};
use crate::driver::{Account, Hub};

/// Every feed of a broker.
pub(crate) struct Feeds {
    by_id: RefCell<BTreeMap<FeedId, Rc<Feed>>>,
    /// Whether somebody looks after the feeds.
    is_kept: Cell<bool>,
    /// How long a feed outlives its reader.
    linger: Duration,
    /// Where what the feeds remember counts.
    account: Account,
}

/// What decides whether a feed without a reader stays.
pub(super) struct Rules {
    /// How long it may.
    pub(super) linger: Duration,
    /// Whether the broker is about to end.
    pub(super) is_draining: bool,
}

impl Feeds {
    /// Makes a table for feeds that outlive their readers by some time; what they remember counts in an account.
    pub(crate) fn new(linger: Duration, account: Account) -> Self {
        Feeds {
            by_id: RefCell::default(),
            is_kept: Cell::new(false),
            linger,
            account,
        }
    }

    /// Returns how many feeds there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.borrow().len()
    }

    /// Returns the bytes that the feeds remember.
    pub(crate) fn bytes(&self) -> usize {
        self.account.used()
    }

    /// Ends every feed: nobody can come back to a broker that ends.
    pub(crate) fn clear(&self) {
        // Dropping a feed closes its client, which may not find the table borrowed.
        drop(self.by_id.take());
    }

    /// Returns where what the feeds remember counts.
    pub(in super::super) fn account(&self) -> &Account {
        &self.account
    }

    /// Finds a feed.
    pub(in super::super) fn find(&self, id: FeedId) -> Option<Rc<Feed>> {
        self.by_id.borrow().get(&id).cloned()
    }

    /// Adds a feed, and has it looked after.
    pub(in super::super) fn insert(hub: &Rc<Hub>, feed: &Rc<Feed>) {
        let feeds = &hub.feeds;
        feeds.by_id.borrow_mut().insert(feed.id, Rc::clone(feed));
        if !feeds.is_kept.replace(true) {
            spawn_local(keep(Rc::downgrade(hub)));
        }
    }

    /// Takes out a feed that has ended.
    pub(super) fn remove(&self, id: FeedId) {
        let removed = self.by_id.borrow_mut().remove(&id);
        drop(removed);
    }

    /// Returns how often feeds are looked after.
    fn pulse(&self) -> Duration {
        (self.linger / PULSES).clamp(SHORTEST_PULSE, LONGEST_PULSE)
    }

    /// Takes out the feeds that are over.
    fn sweep(&self, is_draining: bool) {
        let now = Instant::now();
        let rules = Rules {
            linger: self.linger,
            is_draining,
        };
        let mut over = Vec::new();
        self.by_id.borrow_mut().retain(|_, feed| {
            let stays = feed.keep(now, &rules);
            if !stays {
                over.push(Rc::clone(feed));
            }
            stays
        });
        drop(over);
    }
}

/// Looks after feeds until there are none.
async fn keep(hub: Weak<Hub>) {
    loop {
        let Some(pulse) = hub.upgrade().map(|hub| hub.feeds.pulse()) else {
            return;
        };
        sleep(pulse).await;
        let Some(hub) = hub.upgrade() else { return };
        hub.feeds.sweep(hub.is_draining());
        if hub.feeds.len() == 0 {
            return hub.feeds.is_kept.set(false);
        }
    }
}

/// Looks in the time for which a feed may stay without a reader.
const PULSES: u32 = 16;
const SHORTEST_PULSE: Duration = Duration::from_millis(1);
const LONGEST_PULSE: Duration = Duration::from_secs(1);
