//! Who wants which topics: the subscription table. Owns filters, their subscribers and the cache of matches; what a
//! subscriber is, and what it gets, is its owner's.

use buslane_protocol::{Filter, Name, Topic};

use crate::entropy::HashState;

/// A subscription in the table. Valid until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SubscriptionId(u32);

/// A subscriber whose filter matches, with the subscription that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Match {
    /// The subscriber's key.
    pub(crate) subscriber: u64,
    /// The subscription's key: where several of a subscriber's filters match, the smallest.
    pub(crate) key: u64,
}

/// More nodes of the table would have to be examined than the limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} filters would have to be examined for this topic")]
pub(crate) struct TooManyMatches {
    /// The limit.
    pub(crate) limit: usize,
}

/// What [`Topics::insert`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inserted {
    /// The subscription.
    pub(crate) id: SubscriptionId,
    /// The key that the same subscription had before, if the subscriber had it already.
    pub(crate) replaced: Option<u64>,
}

/// The subscription table.
pub(crate) struct Topics {
    hash: HashState,
    limit: usize,
}

/// Who gets a message.
pub(crate) struct Matches<'a> {
    clients: &'a [Match],
    topics: &'a Topics,
}

/// A shared subscription that matches: one of its members gets the message.
pub(crate) struct GroupMatch<'a> {
    topics: &'a Topics,
}

impl Topics {
    /// Makes an empty table. `limit` is the most nodes that are examined for one topic.
    pub(crate) fn new(hash: HashState, limit: usize) -> Topics {
        Topics { hash, limit }
    }
    /// Returns how many subscriptions there are.
    pub(crate) fn len(&self) -> usize {
        0
    }
    /// Returns the accounted bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.limit
    }
    /// Adds a subscription of `subscriber` under a key of the owner's, or gives the same subscription another key.
    pub(crate) fn insert(&mut self, subscriber: u64, filter: &Filter<'_>, shared: Option<&Name>, key: u64) -> Inserted {
        todo!("{subscriber}{filter}{shared:?}{key}")
    }
    /// Finds a subscription by what makes it unique.
    pub(crate) fn find(&self, subscriber: u64, filter: &Filter<'_>, shared: Option<&Name>) -> Option<SubscriptionId> {
        todo!("{subscriber}{filter}{shared:?}")
    }
    /// Removes a subscription of `subscriber` and returns its key.
    pub(crate) fn remove(&mut self, subscriber: u64, id: SubscriptionId) -> Option<u64> {
        todo!("{subscriber}{id:?}")
    }
    /// Returns a subscription's key.
    pub(crate) fn key(&self, id: SubscriptionId) -> u64 {
        todo!("{id:?}")
    }
    /// Returns a subscription's filter.
    pub(crate) fn filter(&self, id: SubscriptionId) -> Filter<'static> {
        todo!("{id:?}")
    }
    /// Returns the name of a shared subscription.
    pub(crate) fn shared(&self, id: SubscriptionId) -> Option<&Name> {
        todo!("{id:?}{:?}", self.hash)
    }
    /// Finds who gets a message on a topic.
    pub(crate) fn matches(&mut self, topic: &Topic<'_>) -> Result<Matches<'_>, TooManyMatches> {
        todo!("{topic}")
    }
}

impl<'a> Matches<'a> {
    /// Returns the subscribers, each once, sorted by key; shared subscriptions are not among them.
    pub(crate) fn clients(&self) -> &'a [Match] {
        self.clients
    }
    /// Walks the shared subscriptions that match.
    pub(crate) fn groups(&self) -> impl Iterator<Item = GroupMatch<'a>> {
        std::iter::once(GroupMatch { topics: self.topics })
    }
}

impl<'a> GroupMatch<'a> {
    /// Returns the shared subscription's name.
    pub(crate) fn name(&self) -> &'a Name {
        todo!("{}", self.topics.limit)
    }
    /// Chooses the next member in turn that `accept` agrees to, asking each at most once.
    pub(crate) fn choose(&self, accept: impl FnMut(Match) -> bool) -> Option<Match> {
        let _ = accept;
        todo!()
    }
}
