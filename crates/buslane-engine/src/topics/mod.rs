//! Who wants which topics: the subscription table. Owns filters, their subscribers and the cache of matches; what a
//! subscriber is, and what it gets, is its owner's.
//!
//! ```text
//!  topic ──> Cache ──(not there, or stale)──> Trie ──> nodes ──> Place: subscriptions and shared groups that end there
//! ```
//!
//! A subscription costs about 120 bytes beside the levels of its filter that no other filter has.

use std::cell::Cell;
use std::collections::HashMap;

use buslane_protocol::{Filter, Name, Topic};

use crate::entropy::HashState;
use cache::{Cache, Found};
use trie::{NodeId, Trie};

mod cache;
#[cfg(test)]
mod tests;
mod trie;

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

#[derive(Debug)]
struct Subscription {
    found: Match,
    node: NodeId,
    group: Option<u32>,
    /// Its position among the subscriptions of its place or group.
    position: u32,
}

/// What ends at a node.
#[derive(Debug, Default)]
struct Place {
    subscriptions: Vec<u32>,
    groups: Vec<u32>,
}

/// A shared subscription.
#[derive(Debug)]
struct Group {
    name: Name,
    node: NodeId,
    members: Vec<u32>,
    /// The position of the member whose turn it is.
    turn: Cell<usize>,
}

/// The subscription table.
#[derive(Debug)]
pub(crate) struct Topics {
    limit: usize,
    trie: Trie,
    places: HashMap<NodeId, Place, HashState>,
    subscriptions: Vec<Option<Subscription>>,
    free: Vec<u32>,
    groups: Vec<Option<Group>>,
    free_groups: Vec<u32>,
    /// By subscriber, node and group.
    index: HashMap<(u64, NodeId, Option<u32>), u32, HashState>,
    cache: Cache,
}

/// Who gets a message.
#[derive(Clone, Copy)]
pub(crate) struct Matches<'a> {
    found: &'a Found,
    topics: &'a Topics,
}

/// A shared subscription that matches: one of its members gets the message.
pub(crate) struct GroupMatch<'a> {
    group: &'a Group,
    topics: &'a Topics,
}

impl Topics {
    /// Makes an empty table. `limit` is the most nodes that are examined for one topic.
    pub(crate) fn new(hash: HashState, limit: usize) -> Topics {
        Topics {
            limit,
            trie: Trie::new(hash.clone()),
            places: HashMap::with_hasher(hash.clone()),
            subscriptions: Vec::new(),
            free: Vec::new(),
            groups: Vec::new(),
            free_groups: Vec::new(),
            index: HashMap::with_hasher(hash.clone()),
            cache: Cache::new(hash),
        }
    }

    /// Returns how many subscriptions there are.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns the accounted bytes.
    pub(crate) fn bytes(&self) -> usize {
        let groups = self.groups.len() - self.free_groups.len();
        self.len() * SUBSCRIPTION_BYTES + groups * GROUP_BYTES + self.trie.bytes() + self.cache.bytes()
    }

    /// Adds a subscription of `subscriber` under a key of the owner's, or gives the same subscription another key.
    pub(crate) fn insert(&mut self, subscriber: u64, filter: &Filter<'_>, shared: Option<&Name>, key: u64) -> Inserted {
        self.outdate(filter);
        let found = Match { subscriber, key };
        if let Some(id) = self.find(subscriber, filter, shared) {
            let known = self.entry_mut(id);
            let replaced = Some(std::mem::replace(&mut known.found, found).key);
            return Inserted { id, replaced };
        }
        let node = self.trie.hold(filter);
        let group = shared.map(|name| self.group(node, name));
        let id = self.free.pop().unwrap_or_else(|| {
            self.subscriptions.push(None);
            u32::try_from(self.subscriptions.len() - 1).expect("the memory cap admits fewer than 2^32 subscriptions")
        });
        let list = self.list_mut(node, group);
        let position = list.len() as u32;
        list.push(id);
        self.subscriptions[id as usize] = Some(Subscription { found, node, group, position });
        self.index.insert((subscriber, node, group), id);
        Inserted { id: SubscriptionId(id), replaced: None }
    }

    /// Finds a subscription by what makes it unique.
    pub(crate) fn find(&self, subscriber: u64, filter: &Filter<'_>, shared: Option<&Name>) -> Option<SubscriptionId> {
        let node = self.trie.find(filter)?;
        let group = match shared {
            Some(name) => Some(self.find_group(node, name)?),
            None => None,
        };
        self.index.get(&(subscriber, node, group)).map(|id| SubscriptionId(*id))
    }

    /// Removes a subscription of `subscriber` and returns its key.
    pub(crate) fn remove(&mut self, subscriber: u64, id: SubscriptionId) -> Option<u64> {
        let slot = self.subscriptions.get_mut(id.0 as usize)?;
        let removed = slot.take_if(|known| known.found.subscriber == subscriber)?;
        let Subscription { found, node, group, position } = removed;
        let filter = self.trie.filter(node);
        self.outdate(&filter);
        self.free.push(id.0);
        self.index.remove(&(subscriber, node, group));
        let list = self.list_mut(node, group);
        list.swap_remove(position as usize);
        if let Some(moved) = list.get(position as usize).copied() {
            self.entry_mut(SubscriptionId(moved)).position = position;
        }
        self.tidy(node, group);
        self.trie.release(node);
        Some(found.key)
    }

    /// Returns a subscription's key.
    pub(crate) fn key(&self, id: SubscriptionId) -> u64 {
        self.entry(id).found.key
    }

    /// Returns a subscription's filter.
    pub(crate) fn filter(&self, id: SubscriptionId) -> Filter<'static> {
        self.trie.filter(self.entry(id).node)
    }

    /// Returns the name of a shared subscription.
    pub(crate) fn shared(&self, id: SubscriptionId) -> Option<&Name> {
        self.entry(id).group.and_then(|group| self.groups[group as usize].as_ref()).map(|group| &group.name)
    }

    /// Finds who gets a message on a topic.
    #[inline]
    pub(crate) fn matches(&mut self, topic: &Topic<'_>) -> Result<Matches<'_>, TooManyMatches> {
        if !self.cache.is_fresh(topic.as_str()) {
            self.search(topic)?;
        }
        let found = self.cache.find(topic.as_str()).expect("what was searched for is in the cache");
        Ok(Matches { found, topics: self })
    }

    /// Walks the tree and puts what it finds into the cache.
    fn search(&mut self, topic: &Topic<'_>) -> Result<(), TooManyMatches> {
        let mut found = Found::default();
        let (places, subscriptions) = (&self.places, &self.subscriptions);
        self.trie.walk(topic, self.limit, |node| {
            let Some(place) = places.get(&node) else { return };
            let here = place.subscriptions.iter().filter_map(|id| subscriptions[*id as usize].as_ref());
            found.clients.extend(here.map(|subscription| subscription.found));
            found.groups.extend_from_slice(&place.groups);
        })?;
        found.clients.sort_unstable();
        found.clients.dedup_by_key(|found| found.subscriber);
        found.clients.sort_unstable_by_key(|found| found.key);
        found.groups.sort_unstable();
        found.clients.shrink_to_fit();
        self.cache.insert(topic.as_str(), found);
        Ok(())
    }

    /// Makes what was found stale wherever a filter may change it.
    fn outdate(&mut self, filter: &Filter<'_>) {
        if filter.wildcards() == 0 { self.cache.remove(filter.as_str()) } else { self.cache.raise_epoch() }
    }

    fn find_group(&self, node: NodeId, name: &Name) -> Option<u32> {
        let mut groups = self.places.get(&node)?.groups.iter().copied();
        groups.find(|group| self.groups[*group as usize].as_ref().is_some_and(|group| group.name == *name))
    }

    /// Finds or makes a shared subscription.
    fn group(&mut self, node: NodeId, name: &Name) -> u32 {
        if let Some(group) = self.find_group(node, name) {
            return group;
        }
        let id = self.free_groups.pop().unwrap_or_else(|| {
            self.groups.push(None);
            u32::try_from(self.groups.len() - 1).expect("the memory cap admits fewer than 2^32 groups")
        });
        let (members, turn) = (Vec::new(), Cell::new(0));
        self.groups[id as usize] = Some(Group { name: name.clone(), node, members, turn });
        self.places.entry(node).or_default().groups.push(id);
        id
    }

    /// Returns the list in which a subscription stands.
    fn list_mut(&mut self, node: NodeId, group: Option<u32>) -> &mut Vec<u32> {
        match group {
            Some(group) => &mut self.groups[group as usize].as_mut().expect("a group lives while it has members").members,
            None => &mut self.places.entry(node).or_default().subscriptions,
        }
    }

    /// Removes a group without members, and a place at which nothing ends.
    fn tidy(&mut self, node: NodeId, group: Option<u32>) {
        let Some(place) = self.places.get_mut(&node) else { return };
        if let Some(id) = group {
            let slot = &mut self.groups[id as usize];
            if slot.take_if(|group| group.members.is_empty()).is_some() {
                self.free_groups.push(id);
                place.groups.retain(|known| *known != id);
            }
        }
        if place.subscriptions.is_empty() && place.groups.is_empty() {
            self.places.remove(&node);
        }
    }

    fn entry(&self, id: SubscriptionId) -> &Subscription {
        self.subscriptions[id.0 as usize].as_ref().expect("an id is valid until its subscription is removed")
    }

    fn entry_mut(&mut self, id: SubscriptionId) -> &mut Subscription {
        self.subscriptions[id.0 as usize].as_mut().expect("an id is valid until its subscription is removed")
    }
}

impl<'a> Matches<'a> {
    /// Returns the subscribers, each once, sorted by key; shared subscriptions are not among them.
    #[inline]
    pub(crate) fn clients(&self) -> &'a [Match] {
        &self.found.clients
    }

    /// Walks the shared subscriptions that match.
    #[inline]
    pub(crate) fn groups(&self) -> impl Iterator<Item = GroupMatch<'a>> + use<'a> {
        let topics = self.topics;
        let known = |id: &'a u32| topics.groups[*id as usize].as_ref();
        self.found.groups.iter().filter_map(known).map(move |group| GroupMatch { group, topics })
    }
}

impl<'a> GroupMatch<'a> {
    /// Returns the shared subscription's name.
    pub(crate) fn name(&self) -> &'a Name {
        &self.group.name
    }

    /// Returns the shared subscription's filter.
    pub(crate) fn filter(&self) -> Filter<'static> {
        self.topics.trie.filter(self.group.node)
    }

    /// Chooses the next member in turn that `accept` agrees to, asking each at most once.
    pub(crate) fn choose(&self, mut accept: impl FnMut(Match) -> bool) -> Option<Match> {
        let members = &self.group.members;
        let first = self.group.turn.get() % members.len().max(1);
        for offset in 0..members.len() {
            let position = (first + offset) % members.len();
            let member = self.topics.entry(SubscriptionId(members[position])).found;
            if accept(member) {
                self.group.turn.set(position + 1);
                return Some(member);
            }
        }
        None
    }
}

/// What a subscription is accounted for: itself, its place in a list, its index entry and the free room of the tables.
const SUBSCRIPTION_BYTES: usize = 2 * (size_of::<Option<Subscription>>() + 16 + 4 + size_of::<Place>() / 2);
/// What a group is accounted for.
const GROUP_BYTES: usize = 2 * size_of::<Option<Group>>();
