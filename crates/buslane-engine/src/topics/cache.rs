//! What was found for the topics published to lately. Owns only copies: whatever it holds can be thrown away.
//!
//! A filter without wildcards concerns one topic, whose entry is removed when such a filter comes or goes. A filter
//! with wildcards may concern any, so it raises the epoch, and an entry of an earlier epoch is found anew when its topic
//! is next published to: a flood of subscriptions costs publishers a walk of the tree each, never a walk of the cache.

use std::collections::HashMap;

use super::Match;
use crate::entropy::HashState;

/// Who gets what is published to one topic.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The subscribers, each once, by key.
    pub(super) clients: Vec<Match>,
    /// The shared subscriptions.
    pub(super) groups: Vec<u32>,
    epoch: u64,
}

/// Entries by topic, bounded in number and in size.
#[derive(Debug)]
pub(super) struct Cache {
    found: HashMap<Box<str>, Found, HashState>,
    epoch: u64,
    bytes: usize,
}

impl Cache {
    /// Makes an empty cache.
    pub(super) fn new(hash: HashState) -> Cache {
        Cache { found: HashMap::with_hasher(hash), epoch: 0, bytes: 0 }
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Tells whether a topic has an entry of this epoch.
    #[inline]
    pub(super) fn is_fresh(&self, topic: &str) -> bool {
        self.found.get(topic).is_some_and(|found| found.epoch == self.epoch)
    }

    /// Returns the entry of a topic.
    #[inline]
    pub(super) fn find(&self, topic: &str) -> Option<&Found> {
        self.found.get(topic)
    }

    /// Puts in what was found for a topic, making room by forgetting everything where there is none.
    pub(super) fn insert(&mut self, topic: &str, mut found: Found) {
        let bytes = size(topic, &found);
        self.remove(topic);
        if self.found.len() >= MAX_TOPICS || self.bytes + bytes > MAX_BYTES {
            self.clear();
        }
        found.epoch = self.epoch;
        self.bytes += bytes;
        self.found.insert(topic.into(), found);
    }

    /// Forgets one topic.
    pub(super) fn remove(&mut self, topic: &str) {
        if let Some(found) = self.found.remove(topic) {
            self.bytes -= size(topic, &found);
        }
    }

    /// Makes every entry stale.
    pub(super) fn raise_epoch(&mut self) {
        self.epoch += 1;
    }

    fn clear(&mut self) {
        self.found.clear();
        self.bytes = 0;
    }
}

fn size(topic: &str, found: &Found) -> usize {
    let lists = size_of_val(&*found.clients) + size_of_val(&*found.groups);
    2 * size_of::<(Box<str>, Found)>() + topic.len() + lists
}

/// The most topics that are remembered.
const MAX_TOPICS: usize = 4_096;
/// The most bytes that are remembered. One topic with more than that is remembered alone.
const MAX_BYTES: usize = 4 << 20;
