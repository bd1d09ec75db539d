//! Who wants which topics: the subscription table. Owns filters, their subscribers and the cache of matches; what a
//! subscriber is, and what it gets, is its owner's.
//!
//! ```text
//!  topic ──cache──> answer: clients, groups          usual case: one comparison, or one hash lookup
//!           │ none, or stale
//!           └─trie──> nodes of matching filters ──> members ──> sorted, each subscriber once
//!                                               └─> groups ──> ring of members, whose turn is next
//! ```
//!
//! # Size
//! A record of 40 bytes for each subscription, a node of 32 for each beginning of a filter that no other has, 32 for
//! each text of a level that no other filter has (and its length beyond 22 bytes), and 10 to 20 in an index for each of
//! them. Bytes for each of a million subscriptions, as accounted, which a counting allocator confirms to the percent:
//!
//! | filters | bytes |
//! |---|---|
//! | `fleet/<its own number>/+/state` | 225 |
//! | `fleet/<its own number>/state` | 193 |
//! | 3 to 5 levels out of 200, one of them `+` or `#` | 113 |
//! | all the same | 58 |

use buslane_protocol::{Filter, Name, Topic};

use crate::entropy::HashState;

mod cache;
mod groups;
mod levels;
mod subscriptions;
#[cfg(test)]
mod tests;
mod trie;

use cache::{Answer, Cache};
use groups::{Group, Groups};
pub(crate) use subscriptions::Held;
use subscriptions::Subscriptions;
use trie::{Frontier, Trie};

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

/// Who gets a topic, where that is at most one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sole {
    /// None does.
    Nobody,
    /// This one does.
    One(Match),
}

/// More nodes of the table would have to be examined than the limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} nodes of the subscription table would have to be examined")]
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

/// The subscription table. See the [module](self).
#[derive(Debug)]
pub(crate) struct Topics {
    trie: Trie,
    subscriptions: Subscriptions,
    groups: Groups,
    cache: Cache,
    frontier: Frontier,
    limit: usize,
}

/// Who gets the messages of a topic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matches<'a> {
    answer: &'a Answer,
    groups: &'a Groups,
    subscriptions: &'a Subscriptions,
}

/// A shared subscription that matches: one of its members gets the message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupMatch<'a> {
    group: &'a Group,
    subscriptions: &'a Subscriptions,
}

impl Topics {
    /// Makes an empty table. `limit` is the most nodes that are examined for one topic.
    pub(crate) fn new(hash: HashState, limit: usize) -> Topics {
        Topics {
            trie: Trie::new(hash.clone()),
            subscriptions: Subscriptions::new(hash.clone()),
            groups: Groups::new(hash.clone()),
            cache: Cache::new(hash),
            frontier: Frontier::default(),
            limit,
        }
    }

    /// Returns how many subscriptions there are.
    pub(crate) fn len(&self) -> usize {
        self.subscriptions.len()
    }

    /// Returns how many records of any kind were looked at.
    #[cfg(test)]
    fn reads(&self) -> u64 {
        self.trie.reads() + self.subscriptions.reads()
    }

    /// Returns the accounted bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.trie.bytes() + self.subscriptions.bytes() + self.groups.bytes() + self.cache.bytes()
    }

    /// Forgets what is only kept to be faster, if it is worth it.
    pub(crate) fn trim(&mut self) {
        if self.cache.bytes() > LITTLE {
            self.forget_matches();
        }
    }

    /// Forgets what is only kept to be faster, all of it.
    pub(crate) fn forget_matches(&mut self) {
        self.cache.clear();
    }

    /// Adds a subscription of `subscriber` to those that it holds, under a key of the owner's, or gives the same
    /// subscription another key.
    pub(crate) fn insert(
        &mut self,
        held: &mut Held,
        subscriber: u64,
        filter: &Filter<'_>,
        shared: Option<&Name>,
        key: u64,
    ) -> Inserted {
        self.cache.changed(filter);
        let node = self.trie.insert(filter);
        let group = shared.map_or(NONE, |name| self.group(node, name, filter));
        if let Some(id) = self.subscriptions.find(subscriber, node, group) {
            let before = std::mem::replace(&mut self.subscriptions.record_mut(id).key, key);
            return Inserted {
                id: SubscriptionId(id),
                replaced: Some(before),
            };
        }
        let id = self.subscriptions.insert(subscriber, key, node, group);
        self.subscriptions.hold(id, held);
        if group == NONE {
            let members = &mut self.trie.node_mut(node).members;
            *members = self.subscriptions.push(id, *members);
        } else {
            let turn = &self.groups.group(group).turn;
            turn.set(self.subscriptions.push_ring(id, turn.get()));
        }
        Inserted {
            id: SubscriptionId(id),
            replaced: None,
        }
    }

    /// Finds a subscription by what makes it unique.
    pub(crate) fn find(
        &self,
        subscriber: u64,
        filter: &Filter<'_>,
        shared: Option<&Name>,
    ) -> Option<SubscriptionId> {
        let node = self.trie.find(filter)?;
        let group = match shared {
            Some(name) => self.groups.find(node, name)?,
            None => NONE,
        };
        self.subscriptions
            .find(subscriber, node, group)
            .map(SubscriptionId)
    }

    /// Removes a subscription of `subscriber`, which holds these, and returns its key. `None` if it is not there, or is
    /// another's.
    pub(crate) fn remove(&mut self, held: &mut Held, subscriber: u64, id: SubscriptionId) -> Option<u64> {
        let record = *self.subscriptions.of(subscriber, id.0)?;
        self.subscriptions.let_go(id.0, held);
        self.cache.changed(&self.filter(id));
        let node = self.trie.node_mut(record.node);
        if record.group == NONE {
            node.members = self.subscriptions.unlink(id.0, node.members);
        } else {
            let turn = &self.groups.group(record.group).turn;
            turn.set(self.subscriptions.unlink_ring(id.0, turn.get()));
            if turn.get() == NONE {
                node.groups = self.groups.remove(record.group, node.groups);
            }
        }
        self.subscriptions.remove(id.0);
        self.trie.prune(record.node);
        Some(record.key)
    }

    /// Returns one of the subscriptions that a subscriber holds.
    pub(crate) fn first_of(&self, held: &Held) -> Option<SubscriptionId> {
        held.first().map(SubscriptionId)
    }

    /// Returns a subscription's key.
    pub(crate) fn key(&self, id: SubscriptionId) -> u64 {
        self.subscriptions.record(id.0).key
    }

    /// Returns a subscription's filter.
    pub(crate) fn filter(&self, id: SubscriptionId) -> Filter<'static> {
        let text = self.trie.filter(self.subscriptions.record(id.0).node);
        Filter::parse(text).expect("it came in as a filter")
    }

    /// Returns the name of a shared subscription.
    #[cfg(test)]
    pub(crate) fn shared(&self, id: SubscriptionId) -> Option<&Name> {
        let group = self.subscriptions.record(id.0).group;
        (group != NONE).then(|| &self.groups.group(group).name)
    }

    /// Finds who gets the messages of a topic. Shared subscriptions come always in the same order.
    #[inline]
    pub(crate) fn matches(&mut self, topic: &Topic<'_>) -> Result<Matches<'_>, TooManyMatches> {
        let place = match self.cache.find(topic) {
            Some(place) => place,
            None => self.look_up(topic),
        };
        let Topics {
            groups,
            subscriptions,
            cache,
            limit,
            ..
        } = self;
        let answer = cache.answer(place);
        if answer.is_too_many() {
            return Err(TooManyMatches { limit: *limit });
        }
        Ok(Matches {
            answer,
            groups,
            subscriptions,
        })
    }

    /// Finds out whether at most one subscriber gets a topic, and which; `None` if there are more, or a shared
    /// subscription.
    #[inline]
    pub(crate) fn sole_match(&mut self, topic: &Topic<'_>) -> Option<Sole> {
        let matches = self.matches(topic).ok()?;
        match matches.answer.clients() {
            _ if !matches.answer.groups().is_empty() => None,
            [] => Some(Sole::Nobody),
            [only] => Some(Sole::One(*only)),
            _ => None,
        }
    }

    /// Walks the trie for a topic and caches the answer; returns its place.
    fn look_up(&mut self, topic: &Topic<'_>) -> u32 {
        let Topics {
            trie,
            subscriptions,
            groups,
            cache,
            frontier,
            limit,
        } = self;
        cache.renew(topic, subscriptions.len(), |finding| {
            let walked = trie.matching(topic, *limit, frontier, |node| {
                finding.clients.extend(subscriptions.list(node.members));
                finding.groups.extend(groups.list(node.groups));
            });
            if walked.is_none() {
                finding.refuse();
            }
            finding.clients.sort_unstable();
            finding.clients.dedup_by_key(|found| found.subscriber);
        })
    }

    /// Finds a shared subscription, or makes it.
    fn group(&mut self, node: u32, name: &Name, filter: &Filter<'_>) -> u32 {
        if let Some(group) = self.groups.find(node, name) {
            return group;
        }
        let head = self.trie.node(node).groups;
        let group = self.groups.insert(node, name, filter.as_str(), head);
        self.trie.node_mut(node).groups = group;
        group
    }
}

impl<'a> Matches<'a> {
    /// Returns the subscribers, each once, sorted by key; shared subscriptions are not among them.
    #[inline]
    pub(crate) fn clients(&self) -> &'a [Match] {
        self.answer.clients()
    }

    /// Walks the shared subscriptions that match.
    #[inline]
    pub(crate) fn groups(&self) -> impl Iterator<Item = GroupMatch<'a>> + use<'a> {
        let Matches {
            answer,
            groups,
            subscriptions,
        } = *self;
        answer.groups().iter().map(move |id| GroupMatch {
            group: groups.group(*id),
            subscriptions,
        })
    }
}

impl<'a> GroupMatch<'a> {
    /// Returns the shared subscription's name.
    #[cfg(test)]
    pub(crate) fn name(&self) -> &'a Name {
        &self.group.name
    }

    /// Returns the shared subscription's filter.
    #[cfg(test)]
    pub(crate) fn filter(&self) -> Filter<'a> {
        let text = &self.label()[self.group.name.as_str().len() + 1..];
        Filter::parse(text).expect("it came in as a filter")
    }

    /// Returns the name, `/` and the filter.
    pub(crate) fn label(&self) -> &'a str {
        &self.group.label
    }

    /// Chooses the next member in turn that `accept` agrees to, asking each at most once. The turn passes to the
    /// member after it; if none agrees, nothing changes.
    pub(crate) fn choose(&self, mut accept: impl FnMut(Match) -> bool) -> Option<Match> {
        let turn = &self.group.turn;
        let (chosen, next) = self
            .subscriptions
            .ring(turn.get())
            .find(|(member, _)| accept(*member))?;
        turn.set(next);
        Some(chosen)
    }
}

/// Stands for no node, subscription or group.
const NONE: u32 = u32::MAX;
/// Bytes of the cache that are kept even if memory is short.
const LITTLE: usize = 8 << 10;
