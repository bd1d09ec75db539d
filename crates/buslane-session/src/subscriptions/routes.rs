//! A bounded memory of which subscriptions a topic goes to. Owns no rule: what it forgets is found again.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::SubscriptionKey;

type Table = HashMap<Box<str>, Arc<[SubscriptionKey]>, FixedState>;

/// The routes found since the subscriptions last changed.
#[derive(Debug)]
pub(super) struct Routes {
    topics: Table,
    shared: Table,
    /// Whether any subscription has credit; absent until somebody asks.
    limited: Option<bool>,
}

impl Routes {
    /// Makes an empty memory. Nothing is ever enumerated, so that the seed decides no order.
    pub(super) fn new(seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        Routes {
            topics: Table::with_hasher(hasher.clone()),
            shared: Table::with_hasher(hasher),
            limited: None,
        }
    }

    /// Forgets everything, since the subscriptions changed.
    pub(super) fn clear(&mut self) {
        self.topics.clear();
        self.shared.clear();
        self.limited = None;
    }

    /// Returns where a topic goes to.
    pub(super) fn find(
        &mut self,
        topic: &str,
        search: impl FnOnce() -> Arc<[SubscriptionKey]>,
    ) -> Arc<[SubscriptionKey]> {
        find(&mut self.topics, topic, search)
    }

    /// Returns where a shared subscription's copies go to.
    pub(super) fn find_shared(
        &mut self,
        shared: &str,
        search: impl FnOnce() -> Arc<[SubscriptionKey]>,
    ) -> Arc<[SubscriptionKey]> {
        find(&mut self.shared, shared, search)
    }

    /// Tells whether any subscription has credit.
    pub(super) fn are_limited(&mut self, search: impl FnOnce() -> bool) -> bool {
        *self.limited.get_or_insert_with(search)
    }
}

fn find(
    table: &mut Table,
    text: &str,
    search: impl FnOnce() -> Arc<[SubscriptionKey]>,
) -> Arc<[SubscriptionKey]> {
    if let Some(route) = table.get(text) {
        return route.clone();
    }
    if table.len() >= MOST_ROUTES {
        table.clear();
    }
    let route = search();
    table.insert(text.into(), route.clone());
    route
}

/// Routes kept before all are forgotten: what a hostile stream of topics can make the session keep.
const MOST_ROUTES: usize = 1_024;
