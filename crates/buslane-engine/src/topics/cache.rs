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
//!
//! How many answers are kept grows with the subscriptions, so that each topic that somebody wants may have its own: the
//! cache takes part in what subscribers are charged for, and a client that publishes to ever new topics does not make
//! it grow.

use std::hash::BuildHasher;

use buslane_protocol::{Filter, Topic};

use super::Match;
use crate::arena::Arena;
use crate::entropy::HashState;
use crate::index::Index;

/// The answers for the topics that were asked for last.
#[derive(Debug)]
pub(super) struct Cache {
    hash: HashState,
    places: Index,
    entries: Arena<Answer>,
    /// Where the search for an answer to forget goes on.
    hand: usize,
    /// The answer that was asked for last.
    latest: u32,
    /// Bytes of what answers keep elsewhere.
    elsewhere: usize,
    /// The answer that is being put together.
    finding: Finding,
    /// Counts up with changes to all answers.
    epoch: u64,
    /// Count up with changes to the answers under some first levels.
    epochs: Box<[u64; FIRST_LEVELS]>,
}

/// Who gets the messages of a topic, while that is found out.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// Each subscriber once, sorted.
    pub(super) clients: Vec<Match>,
    /// Shared subscriptions, by number.
    pub(super) groups: Vec<u32>,
    /// Whether finding out would take too long.
    pub(super) too_many: bool,
}

/// Who gets the messages of a topic: one cache line for a short topic that at most one client gets.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Answer {
    /// The cache's epoch and that of the first level, added up, when the answer was right: both only grow, so the sum
    /// is the same as long as they are. 0 after a change to this topic.
    stamp: u64,
    only: Match,
    rest: Option<Box<Rest>>,
    text: [u8; SHORT],
    /// Bytes of the topic in `text`, or [`LONG`].
    length: u8,
    /// Clients in `only`, if there is no rest.
    count: u8,
    first_level: u8,
    /// Whether it was asked for again since the hand came by: a topic that is published to once gives way first.
    recent: bool,
}

/// What does not fit into an [`Answer`].
#[derive(Debug, Default)]
struct Rest {
    /// The topic, if it is long.
    topic: Box<str>,
    clients: Box<[Match]>,
    groups: Box<[u32]>,
    too_many: bool,
}

impl Cache {
    pub(super) fn new(hash: HashState) -> Cache {
        Cache {
            hash,
            places: Index::default(),
            entries: Arena::new(),
            hand: 0,
            latest: 0,
            elsewhere: 0,
            finding: Finding::default(),
            epoch: 1,
            epochs: Box::new([0; FIRST_LEVELS]),
        }
    }

    /// Forgets all answers.
    pub(super) fn clear(&mut self) {
        *self = Cache::new(self.hash.clone());
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Answer>() + self.places.bytes() + self.elsewhere
    }

    /// Finds the place of a topic's answer, if it is still right.
    #[inline]
    pub(super) fn find(&mut self, topic: &Topic<'_>) -> Option<u32> {
        let latest = self
            .entries
            .get(self.latest)
            .is_some_and(|answer| answer.is_of(topic.as_str()));
        let place = if latest {
            self.latest
        } else {
            self.place(topic.as_str())?
        };
        self.latest = place;
        let answer = &mut self.entries[place];
        answer.recent = true;
        let stamp = self.epoch + self.epochs[usize::from(answer.first_level)];
        (answer.stamp == stamp).then_some(place)
    }

    #[inline]
    pub(super) fn answer(&self, place: u32) -> &Answer {
        &self.entries[place]
    }

    /// Makes a topic's answer anew: `fill` is given an empty one. Returns its place. `subscriptions` is how many there
    /// are, by which the cache may grow.
    pub(super) fn renew(
        &mut self,
        topic: &Topic<'_>,
        subscriptions: usize,
        fill: impl FnOnce(&mut Finding),
    ) -> u32 {
        let most = MOST.min(FEWEST.max(subscriptions.saturating_mul(SHARE)));
        if self.entries.len() > SHARE * most {
            self.clear();
        }
        let place = match self.place(topic.as_str()) {
            Some(place) => place,
            None => self.make_place(topic.as_str(), most),
        };
        let mut finding = std::mem::take(&mut self.finding);
        fill(&mut finding);
        let first_level = self.first_level(topic.as_str());
        let answer = &mut self.entries[place];
        self.elsewhere -= answer.elsewhere();
        answer.keep(topic.as_str(), &finding);
        answer.first_level = first_level;
        answer.stamp = self.epoch + self.epochs[usize::from(first_level)];
        self.elsewhere += answer.elsewhere();
        self.finding = finding.emptied();
        self.latest = place;
        self.keep_bound(place, ELSEWHERE.max(most * size_of::<Answer>()));
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
            self.entries[place].stamp = 0;
        }
    }

    #[inline]
    fn place(&self, topic: &str) -> Option<u32> {
        let hash = self.hash.hash_one(topic.as_bytes());
        self.places.find(hash, |place| self.entries[place].is_of(topic))
    }

    fn first_level(&self, text: &str) -> u8 {
        let first = text.split('/').next().unwrap_or_default();
        self.hash.hash_one(first.as_bytes()) as u8
    }

    /// Finds a place for a topic that has none.
    fn make_place(&mut self, topic: &str, most: usize) -> u32 {
        let place = if self.entries.len() < most {
            self.entries.insert(Answer::default())
        } else {
            self.evict()
        };
        self.places.insert(self.hash.hash_one(topic.as_bytes()), place);
        place
    }

    /// Takes the place of an answer that was not asked for since the hand came by last.
    fn evict(&mut self) -> u32 {
        let place = self.next_victim();
        let hash = self.hash.hash_one(self.entries[place].topic());
        self.places.remove(hash, place);
        place
    }

    fn next_victim(&mut self) -> u32 {
        loop {
            let place = self.hand as u32;
            self.hand = (self.hand + 1) % self.entries.len();
            if !std::mem::take(&mut self.entries[place].recent) {
                return place;
            }
        }
    }

    /// Empties answers until what they keep elsewhere is within its bound; the one at `kept` stays.
    fn keep_bound(&mut self, kept: u32, bound: usize) {
        while self.elsewhere > bound && self.elsewhere > self.entries[kept].elsewhere() {
            let place = self.next_victim();
            if place != kept {
                let answer = &mut self.entries[place];
                self.elsewhere -= answer.elsewhere();
                answer.empty();
                self.elsewhere += answer.elsewhere();
            }
        }
    }
}

impl Finding {
    /// Makes it the answer that finding out takes too long.
    pub(super) fn refuse(&mut self) {
        self.clients.clear();
        self.groups.clear();
        self.too_many = true;
    }

    /// Returns it without content, and without room that is seldom needed.
    fn emptied(mut self) -> Finding {
        self.clients.clear();
        self.groups.clear();
        self.clients.shrink_to(ROOM);
        self.groups.shrink_to(ROOM);
        self.too_many = false;
        self
    }
}

impl Default for Answer {
    fn default() -> Self {
        Answer {
            stamp: 0,
            only: Match {
                subscriber: 0,
                key: 0,
            },
            rest: None,
            text: [0; SHORT],
            length: 0,
            count: 0,
            first_level: 0,
            recent: false,
        }
    }
}

impl Answer {
    /// Returns the subscribers, each once, sorted.
    #[inline]
    pub(super) fn clients(&self) -> &[Match] {
        match &self.rest {
            None => &std::slice::from_ref(&self.only)[..usize::from(self.count)],
            Some(rest) => &rest.clients,
        }
    }

    /// Returns the shared subscriptions, by number.
    #[inline]
    pub(super) fn groups(&self) -> &[u32] {
        self.rest.as_ref().map_or(&[], |rest| &rest.groups)
    }

    /// Tells whether finding out would take too long.
    #[inline]
    pub(super) fn is_too_many(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.too_many)
    }

    #[inline]
    fn topic(&self) -> &[u8] {
        match &self.rest {
            Some(rest) if self.length == LONG => rest.topic.as_bytes(),
            _ => &self.text[..usize::from(self.length).min(SHORT)],
        }
    }

    #[inline]
    fn is_of(&self, topic: &str) -> bool {
        self.topic() == topic.as_bytes()
    }

    /// Makes it the answer for a topic.
    fn keep(&mut self, topic: &str, finding: &Finding) {
        let short = topic.len() <= SHORT;
        self.length = if short { topic.len() as u8 } else { LONG };
        if short {
            self.text[..topic.len()].copy_from_slice(topic.as_bytes());
        }
        let fits = short && finding.clients.len() <= 1 && finding.groups.is_empty() && !finding.too_many;
        self.count = u8::from(fits && !finding.clients.is_empty());
        self.only = finding.clients.first().copied().unwrap_or(self.only);
        self.rest = (!fits).then(|| {
            Box::new(Rest {
                topic: if short { "" } else { topic }.into(),
                clients: finding.clients.as_slice().into(),
                groups: finding.groups.as_slice().into(),
                too_many: finding.too_many,
            })
        });
    }

    /// Forgets who gets the messages, not of which topic.
    fn empty(&mut self) {
        (self.stamp, self.count) = (0, 0);
        self.rest = self.rest.take().filter(|_| self.length == LONG).map(|rest| {
            let topic = rest.topic;
            Box::new(Rest {
                topic,
                ..Rest::default()
            })
        });
    }

    /// Returns the bytes that it keeps elsewhere.
    fn elsewhere(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| {
            size_of::<Rest>()
                + rest.topic.len()
                + size_of_val(&*rest.clients)
                + size_of_val(&*rest.groups)
                + HEAP_BYTES
        })
    }
}

/// The fewest answers for which there is room: a broker whose subscriptions all have wildcards has some busy topics.
const FEWEST: usize = 4_096;
/// The most answers that are kept, 64 MiB.
const MOST: usize = 1 << 20;
/// Answers for which there is room for each subscription.
const SHARE: usize = 2;
/// Bytes that the answers may keep elsewhere together, or as many as they take themselves if that is more; or as many
/// as the last one alone needs.
const ELSEWHERE: usize = 4 << 20;
/// Bytes of a topic that is kept in place.
const SHORT: usize = 28;
/// Stands for the length of a topic that is not kept in place.
const LONG: u8 = u8::MAX;
/// Matches for which there is always room to put an answer together.
const ROOM: usize = 1_024;
/// What the allocations of a [`Rest`] take beside their content.
const HEAP_BYTES: usize = 48;
const FIRST_LEVELS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(text: &str) -> Topic<'_> {
        Topic::parse(text).unwrap()
    }

    fn filled(topics: &[&str]) -> Cache {
        let mut cache = Cache::new(HashState::with_seed(1));
        for text in topics {
            cache.renew(&topic(text), 0, |finding| finding.clients.push(FOUND));
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
        for number in 0..3 * FEWEST {
            cache.renew(&topic(&format!("flood/{number}")), 0, |_| {});
            assert!(cache.find(&topic("busy")).is_some(), "after {number}");
        }
        assert_eq!((cache.entries.len(), cache.places.len()), (FEWEST, FEWEST));
    }

    #[test]
    fn there_is_an_answer_for_each_topic_that_is_subscribed_to() {
        let topics: Vec<String> = (0..3 * FEWEST).map(|number| format!("t/{number}")).collect();
        let mut cache = filled(&[]);
        for text in &topics {
            cache.renew(&topic(text), topics.len(), |finding| finding.clients.push(FOUND));
        }
        assert!(topics.iter().all(|text| cache.find(&topic(text)).is_some()));
        cache.renew(&topic("another"), 0, |_| {});
        assert_eq!(cache.entries.len(), 1);
    }

    #[test]
    fn an_answer_is_what_was_found() {
        let mut cache = filled(&[]);
        let long = "a topic whose text is too long to be kept in place";
        for (clients, groups, too_many) in [
            (0, 0, false),
            (1, 0, false),
            (2, 1, false),
            (0, 1, false),
            (0, 0, true),
        ] {
            for text in ["short", long] {
                let place = cache.renew(&topic(text), 0, |finding| {
                    assert!(finding.clients.is_empty() && finding.groups.is_empty() && !finding.too_many);
                    finding.clients.resize(clients, FOUND);
                    finding.groups.resize(groups, 7);
                    finding.too_many = too_many;
                });
                assert_eq!(cache.find(&topic(text)), Some(place));
                let answer = cache.answer(place);
                assert_eq!(answer.clients(), vec![FOUND; clients]);
                assert_eq!(answer.groups(), vec![7; groups]);
                assert_eq!(answer.is_too_many(), too_many);
            }
        }
    }

    #[test]
    fn what_the_answers_keep_elsewhere_is_bounded() {
        let mut cache = filled(&[]);
        let many = ELSEWHERE / size_of::<Match>();
        for number in 0..10 {
            let place = cache.renew(&topic(&format!("t/{number}")), 0, |finding| {
                finding.clients.resize(many / 4, FOUND)
            });
            assert_eq!(cache.answer(place).clients().len(), many / 4);
            assert!(cache.elsewhere <= ELSEWHERE);
        }
        let place = cache.renew(&topic("huge"), 0, |finding| {
            finding.clients.resize(2 * many, FOUND)
        });
        assert_eq!(
            (cache.answer(place).clients().len(), cache.find(&topic("t/9"))),
            (2 * many, None)
        );
        cache.renew(&topic("huge"), 0, |_| {});
        assert!(cache.elsewhere <= ELSEWHERE);
    }

    #[test]
    fn an_answer_is_a_cache_line() {
        assert_eq!(size_of::<Answer>(), 64);
    }

    const FOUND: Match = Match {
        subscriber: 1,
        key: 1,
    };
}
