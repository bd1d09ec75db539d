//! Who gets the messages of the topics that were published to last. Owns which answers are kept and which of them are
//! still right; the answers come from the trie.
//!
//! An answer goes stale by a change of the subscriptions to what it may depend on:
//! - a filter without wildcards changes the answer of one topic, which is looked up;
//! - a filter with wildcards behind its first level changes answers under that first level, which have an epoch in
//!   common (first levels share 256 of them);
//! - a filter that begins with a wildcard changes all answers, by an epoch of the whole cache.
//!
//! So clients that come and go on their own topics cost the other topics nothing, each change takes constant time, and
//! a stale answer is found out by two comparisons. Removing just the answers that a new filter selects would be more
//! exact, but makes each change walk thousands of answers.

use std::hash::BuildHasher;

use buslane_protocol::{Filter, Topic};

use super::Match;
use super::index::Index;
use crate::entropy::HashState;

/// The answers for up to [`ENTRIES`] topics.
#[derive(Debug)]
pub(super) struct Cache {
    hash: HashState,
    places: Index,
    entries: Vec<Answer>,
    /// Where the search for an answer to forget goes on.
    hand: usize,
    /// The answer that was asked for last.
    latest: usize,
    /// Room for matches in all answers.
    matches: usize,
    epoch: u64,
    epochs: Box<[u64; FIRST_LEVELS]>,
}

/// Who gets the messages of a topic.
#[derive(Debug, Default)]
pub(super) struct Answer {
    topic: String,
    /// Each subscriber once, sorted.
    pub(super) clients: Vec<Match>,
    /// Shared subscriptions, by number.
    pub(super) groups: Vec<u32>,
    /// Whether finding out would take too long.
    pub(super) too_many: bool,
    first_level: u8,
    /// Whether it was asked for again since the hand came by: a topic that is published to once gives way first.
    recent: bool,
    /// The cache's epoch and that of the first level when the answer was right; none after a change to this topic.
    epochs: Option<(u64, u64)>,
}

impl Cache {
    pub(super) fn new(hash: HashState) -> Cache {
        Cache {
            hash,
            places: Index::default(),
            entries: Vec::new(),
            hand: 0,
            latest: 0,
            matches: 0,
            epoch: 0,
            epochs: Box::new([0; FIRST_LEVELS]),
        }
    }

    /// Forgets all answers.
    pub(super) fn clear(&mut self) {
        *self = Cache::new(self.hash.clone());
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        self.entries.len() * ENTRY_BYTES + self.places.bytes() + self.matches * size_of::<Match>()
    }

    /// Finds the place of a topic's answer, if it is still right.
    #[inline]
    pub(super) fn find(&mut self, topic: &Topic<'_>) -> Option<usize> {
        let latest = self
            .entries
            .get(self.latest)
            .is_some_and(|answer| answer.topic == topic.as_str());
        let place = if latest {
            self.latest
        } else {
            self.place(topic.as_str())?
        };
        let answer = &mut self.entries[place];
        answer.recent = true;
        self.latest = place;
        let epochs = Some((self.epoch, self.epochs[usize::from(answer.first_level)]));
        (answer.epochs == epochs).then_some(place)
    }

    #[inline]
    pub(super) fn answer(&self, place: usize) -> &Answer {
        &self.entries[place]
    }

    /// Makes a topic's answer anew: `fill` is given an empty one. Returns its place.
    pub(super) fn renew(&mut self, topic: &Topic<'_>, fill: impl FnOnce(&mut Answer)) -> usize {
        let place = match self.place(topic.as_str()) {
            Some(place) => place,
            None => self.make_place(topic.as_str()),
        };
        let first_level = self.first_level(topic.as_str());
        let answer = &mut self.entries[place];
        self.matches -= answer.room();
        answer.clear();
        fill(answer);
        answer.fit();
        answer.first_level = first_level;
        answer.epochs = Some((self.epoch, self.epochs[usize::from(first_level)]));
        self.matches += answer.room();
        self.latest = place;
        self.keep_bound(place);
        place
    }

    /// Notes that a filter gained or lost a subscription.
    pub(super) fn changed(&mut self, filter: &Filter<'_>) {
        let filter = filter.as_str();
        if filter.starts_with(['+', '#']) {
            self.epoch += 1;
        } else if filter.contains(['+', '#']) {
            let first_level = self.first_level(filter);
            self.epochs[usize::from(first_level)] += 1;
        } else if let Some(place) = self.place(filter) {
            self.entries[place].epochs = None;
        }
    }

    #[inline]
    fn place(&self, topic: &str) -> Option<usize> {
        let hash = self.hash.hash_one(topic.as_bytes());
        let place = self
            .places
            .find(hash, |place| self.entries[place as usize].topic == topic)?;
        Some(place as usize)
    }

    fn first_level(&self, text: &str) -> u8 {
        let first = text.split('/').next().unwrap_or_default();
        self.hash.hash_one(first.as_bytes()) as u8
    }

    /// Finds a place for a topic that has none.
    fn make_place(&mut self, topic: &str) -> usize {
        let place = if self.entries.len() < ENTRIES {
            self.entries.push(Answer::default());
            self.entries.len() - 1
        } else {
            self.evict()
        };
        self.entries[place].topic.clear();
        self.entries[place].topic.push_str(topic);
        self.places
            .insert(self.hash.hash_one(topic.as_bytes()), place as u32);
        place
    }

    /// Takes the place of an answer that was not asked for since the hand came by last.
    fn evict(&mut self) -> usize {
        let place = self.next_victim();
        let hash = self.hash.hash_one(self.entries[place].topic.as_bytes());
        self.places.remove(hash, place as u32);
        place
    }

    fn next_victim(&mut self) -> usize {
        loop {
            let place = self.hand;
            self.hand = (self.hand + 1) % self.entries.len();
            if !std::mem::take(&mut self.entries[place].recent) {
                return place;
            }
        }
    }

    /// Empties answers until the room for matches is within its bound; the one at `kept` stays.
    fn keep_bound(&mut self, kept: usize) {
        while self.matches > MATCHES && self.matches > self.entries[kept].room() {
            let place = self.next_victim();
            if place != kept {
                let answer = &mut self.entries[place];
                self.matches -= answer.room();
                answer.clients = Vec::new();
                answer.groups = Vec::new();
                answer.epochs = None;
            }
        }
    }
}

impl Answer {
    fn clear(&mut self) {
        self.clients.clear();
        self.groups.clear();
        self.too_many = false;
    }

    /// Makes it the answer that finding out takes too long.
    pub(super) fn refuse(&mut self) {
        self.clear();
        self.too_many = true;
    }

    /// Room for matches; a group counts as one.
    fn room(&self) -> usize {
        self.clients.capacity() + self.groups.capacity()
    }

    /// Gives back room that is much more than the answer needs.
    fn fit(&mut self) {
        if self.clients.capacity() > 4 * self.clients.len() + SPARE {
            self.clients.shrink_to_fit();
        }
        if self.groups.capacity() > 4 * self.groups.len() + SPARE {
            self.groups.shrink_to_fit();
        }
    }
}

/// The most answers that are kept: a broker has fewer busy topics, and a client that publishes to ever new ones shall
/// not fill the memory.
const ENTRIES: usize = 4_096;
/// The most matches of all answers together, 4 MiB, unless the last one alone has more.
const MATCHES: usize = 1 << 18;
/// Room for matches that an answer may keep unused.
const SPARE: usize = 16;
const FIRST_LEVELS: usize = 256;
/// What an answer is accounted for, in bytes, without its matches: a topic's text has 24 bytes more often than not.
const ENTRY_BYTES: usize = size_of::<Answer>() + 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(text: &str) -> Topic<'_> {
        Topic::parse(text).unwrap()
    }

    fn filled(topics: &[&str]) -> Cache {
        let mut cache = Cache::new(HashState::with_seed(1));
        for text in topics {
            cache.renew(&topic(text), |answer| {
                answer.clients.push(Match {
                    subscriber: 1,
                    key: 1,
                })
            });
        }
        cache
    }

    #[test]
    fn a_change_stales_only_what_it_may_concern() {
        let topics = ["a/b", "a/c", "b/b"];
        for (filter, right) in [
            ("a/b", [false, true, true]),
            ("x/y", [true, true, true]),
            ("a/+", [false, false, true]),
            ("a/#", [false, false, true]),
            ("+/b", [false, false, false]),
            ("#", [false, false, false]),
        ] {
            let mut cache = filled(&topics);
            cache.changed(&Filter::parse(filter).unwrap());
            assert_eq!(
                topics.map(|text| cache.find(&topic(text)).is_some()),
                right,
                "{filter}"
            );
        }
    }

    #[test]
    fn topics_that_are_in_use_outlive_a_flood_of_others() {
        let mut cache = filled(&["busy"]);
        for number in 0..3 * ENTRIES {
            cache.renew(&topic(&format!("flood/{number}")), |_| {});
            assert!(cache.find(&topic("busy")).is_some(), "after {number}");
        }
        assert_eq!((cache.entries.len(), cache.places.len()), (ENTRIES, ENTRIES));
    }

    #[test]
    fn the_matches_of_all_answers_are_bounded() {
        let mut cache = filled(&[]);
        let found = Match {
            subscriber: 1,
            key: 1,
        };
        for number in 0..10 {
            let place = cache.renew(&topic(&format!("t/{number}")), |answer| {
                answer.clients.reserve_exact(MATCHES / 4);
                answer.clients.resize(MATCHES / 4, found);
            });
            assert_eq!(cache.answer(place).clients.len(), MATCHES / 4);
            assert!(cache.matches <= MATCHES);
        }
        let place = cache.renew(&topic("huge"), |answer| answer.clients.resize(2 * MATCHES, found));
        assert_eq!(
            (cache.answer(place).clients.len(), cache.find(&topic("t/9"))),
            (2 * MATCHES, None)
        );
        cache.renew(&topic("huge"), |_| {});
        assert!(cache.matches <= MATCHES);
    }
}
