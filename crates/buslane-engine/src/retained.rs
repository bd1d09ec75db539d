//! The retained value of each topic. Owns the values, their lifetimes and their bytes; who gets them when is its
//! owner's.
//!
//! A topic's value is found by hash, so that setting it anew costs the same however many there are. The order of the
//! topics, by which filters walk them, changes only when a topic gets its first value or loses its last.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::ops::Bound;
use std::sync::Arc;

use buslane_protocol::{Filter, Headers, Id, Instant, Payload, Topic};

use crate::arena::Arena;
use crate::entropy::HashState;
use crate::index::Index;

/// The last value of a topic, in the parts of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Retained {
    /// The publisher's id for the message.
    pub(crate) id: Option<Id>,
    /// Who published.
    pub(crate) from: Box<str>,
    /// Headers.
    pub(crate) headers: Headers<'static>,
    /// The value.
    pub(crate) payload: Payload<'static>,
    /// When the value lapses; never if `None`.
    pub(crate) expires_at: Option<Instant>,
}

/// Values of all topics, and the topics in the order of their bytes, so that those that a filter selects can be walked in
/// parts while others come and go.
#[derive(Debug)]
pub(crate) struct RetainedValues {
    hash: HashState,
    index: Index,
    /// Each in an allocation of its own, so that little is left of those that were removed.
    entries: Arena<Option<Box<Entry>>>,
    order: BTreeMap<Arc<str>, u32>,
    expiries: BTreeSet<(Instant, Arc<str>)>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    topic: Arc<str>,
    value: Retained,
}

/// Where a walk stands.
#[derive(Debug, PartialEq)]
pub(crate) enum Next<'a> {
    /// The next value; go on after its topic.
    Value(&'a str, &'a Retained),
    /// The budget is used up: go on after this topic later.
    Paused(&'a str),
    /// There are no more.
    End,
}

impl RetainedValues {
    /// Makes an empty store.
    pub(crate) fn new(hash: HashState) -> RetainedValues {
        RetainedValues {
            hash,
            index: Index::default(),
            entries: Arena::new(),
            order: BTreeMap::new(),
            expiries: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// Returns the accounted bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns how many values there are, with those that have lapsed but were not removed yet.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns by how many bytes [`RetainedValues::set`] would grow the account, 0 if it would not.
    pub(crate) fn growth(&self, topic: &Topic<'_>, value: &Retained) -> usize {
        let before = self
            .place(topic.as_str())
            .and_then(|place| self.value(place))
            .map_or(0, |before| cost(topic.as_str(), before));
        cost(topic.as_str(), value).saturating_sub(before)
    }

    /// Sets a topic's value.
    pub(crate) fn set(&mut self, topic: &Topic<'_>, value: Retained) {
        let place = self.place(topic.as_str());
        let found = place.and_then(|place| self.entries[place].as_mut());
        let Some(entry) = found else {
            return self.add(topic.as_str(), value);
        };
        self.bytes += cost(&entry.topic, &value);
        self.bytes -= cost(&entry.topic, &entry.value);
        let (before, after) = (entry.value.expires_at, value.expires_at);
        entry.value = value;
        let topic = entry.topic.clone();
        self.schedule(&topic, before, after);
    }

    /// Sets the value of a topic that has none.
    fn add(&mut self, topic: &str, value: Retained) {
        let topic: Arc<str> = topic.into();
        self.bytes += cost(&topic, &value);
        self.schedule(&topic, None, value.expires_at);
        let entry = Entry {
            topic: topic.clone(),
            value,
        };
        let place = self.entries.insert(Some(Box::new(entry)));
        self.index.insert(self.hash.hash_one(topic.as_bytes()), place);
        self.order.insert(topic, place);
    }

    /// Changes when a topic's value lapses.
    fn schedule(&mut self, topic: &Arc<str>, before: Option<Instant>, after: Option<Instant>) {
        if before == after {
            return;
        }
        if let Some(at) = before {
            self.expiries.remove(&(at, topic.clone()));
        }
        if let Some(at) = after {
            self.expiries.insert((at, topic.clone()));
        }
    }

    /// Removes a topic's value; tells whether there was one.
    pub(crate) fn clear(&mut self, topic: &Topic<'_>) -> bool {
        self.remove(topic.as_str())
    }

    fn remove(&mut self, topic: &str) -> bool {
        let Some(place) = self.place(topic) else {
            return false;
        };
        let Some(entry) = self.entries[place].take() else {
            return false;
        };
        let Entry { topic, value } = *entry;
        self.entries.remove(place);
        self.index.remove(self.hash.hash_one(topic.as_bytes()), place);
        self.order.remove(&topic);
        self.bytes -= cost(&topic, &value);
        self.schedule(&topic, value.expires_at, None);
        true
    }

    fn place(&self, topic: &str) -> Option<u32> {
        self.index.find(self.hash.hash_one(topic.as_bytes()), |place| {
            self.entries[place]
                .as_ref()
                .is_some_and(|entry| *entry.topic == *topic)
        })
    }

    fn value(&self, place: u32) -> Option<&Retained> {
        self.entries[place].as_ref().map(|entry| &entry.value)
    }

    /// Finds a topic's value, unless it has lapsed.
    #[cfg(test)]
    pub(crate) fn find(&self, now: Instant, topic: &Topic<'_>) -> Option<&Retained> {
        let value = self.value(self.place(topic.as_str())?)?;
        Some(value).filter(|value| value.lives(now))
    }

    /// Finds the first value after the topic `after` (from the beginning if `None`) that a filter selects. Examines at
    /// most `budget` topics, but at least one, and lowers `budget` by as many.
    pub(crate) fn next_after(
        &self,
        now: Instant,
        filter: &Filter<'_>,
        after: Option<&str>,
        budget: &mut usize,
    ) -> Next<'_> {
        let prefix = literal_prefix(filter.as_str());
        if after.is_none()
            && let Some((topic, value)) = self.parent(filter, prefix)
            && value.lives(now)
        {
            *budget = budget.saturating_sub(1);
            return Next::Value(topic, value);
        }
        if prefix.len() == filter.as_str().len() {
            return Next::End;
        }
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        for (topic, place) in self.order.range::<str, _>((from, Bound::Unbounded)) {
            if !topic.starts_with(prefix) {
                break;
            }
            *budget = budget.saturating_sub(1);
            if selects(filter, topic)
                && let Some(value) = self.value(*place).filter(|value| value.lives(now))
            {
                return Next::Value(topic, value);
            }
            if *budget == 0 {
                return Next::Paused(topic);
            }
        }
        Next::End
    }

    /// Finds the one topic that a filter selects outside what begins with its literal prefix: `a` for `a/#`, and the
    /// filter itself if it has no wildcard.
    fn parent(&self, filter: &Filter<'_>, prefix: &str) -> Option<(&str, &Retained)> {
        let topic = match filter.as_str().strip_prefix(prefix) {
            Some("") => prefix,
            Some("#") => prefix.strip_suffix('/')?,
            _ => return None,
        };
        let entry = self.entries[self.place(topic)?].as_ref()?;
        Some((&entry.topic, &entry.value))
    }

    /// Returns when the next value lapses.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Removes the values that have lapsed; returns how many.
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        let mut removed = 0;
        while self.next_expiry().is_some_and(|at| at <= now) {
            let Some((_, topic)) = self.expiries.pop_first() else {
                break;
            };
            removed += usize::from(self.remove(&topic));
        }
        removed
    }
}

impl Retained {
    fn lives(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|at| at > now)
    }
}

fn selects(filter: &Filter<'_>, topic: &str) -> bool {
    Topic::parse(topic).is_ok_and(|topic| filter.matches(&topic))
}

/// The levels of a filter before its first wildcard, with the `/` behind them.
fn literal_prefix(filter: &str) -> &str {
    &filter[..filter.find(['+', '#']).unwrap_or(filter.len())]
}

/// What a value is accounted for, in bytes.
fn cost(topic: &str, value: &Retained) -> usize {
    let parts = value.from.len() + value.headers.as_bytes().len() + value.payload.bytes.len();
    VALUE_BYTES + topic.len() + parts
}

/// What a value takes beside its texts, in bytes: its entry, its places in both trees, which are two thirds full, and in
/// the index, and the heads of its allocations.
const VALUE_BYTES: usize = size_of::<Entry>() + 16 + (2 * size_of::<Arc<str>>() + 16) * 3 / 2 + 20 + 80;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    fn topic(text: &str) -> Topic<'_> {
        Topic::parse(text).unwrap()
    }

    fn value(text: &str, expires_at: Option<u64>) -> Retained {
        Retained {
            id: None,
            from: "me".into(),
            headers: Headers::default(),
            payload: Payload::json(text.as_bytes().to_vec()),
            expires_at: expires_at.map(Instant::from_micros),
        }
    }

    fn filled(topics: &[&str]) -> RetainedValues {
        let mut values = RetainedValues::new(HashState::with_seed(1));
        for text in topics {
            values.set(&topic(text), value("1", None));
        }
        values
    }

    fn walk(values: &RetainedValues, filter: &str, budget: usize) -> Vec<String> {
        let filter = Filter::parse(filter).unwrap();
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut budget = budget;
            match values.next_after(Instant::ZERO, &filter, after.as_deref(), &mut budget) {
                Next::Value(topic, _) => {
                    found.push(topic.to_owned());
                    after = Some(topic.to_owned());
                }
                Next::Paused(topic) => after = Some(topic.to_owned()),
                Next::End => return found,
            }
        }
    }

    #[test]
    fn a_filter_walks_the_topics_that_it_selects_in_order() {
        let values = filled(&["a", "a-b", "a/b", "a/b/c", "a/c", "ab", "b/c", "$bus/x"]);
        for budget in [1, 3, 100] {
            assert_eq!(walk(&values, "a/#", budget), ["a", "a/b", "a/b/c", "a/c"]);
            assert_eq!(walk(&values, "+/c", budget), ["a/c", "b/c"]);
            assert_eq!(walk(&values, "a/b", budget), ["a/b"]);
            assert_eq!(walk(&values, "a/x", budget), Vec::<String>::new());
            assert_eq!(
                walk(&values, "#", budget),
                ["a", "a-b", "a/b", "a/b/c", "a/c", "ab", "b/c"]
            );
            assert_eq!(walk(&values, "$bus/#", budget), ["$bus/x"]);
        }
    }

    #[test]
    fn a_walk_goes_on_after_its_place_was_removed() {
        let mut values = filled(&["a/1", "a/2", "a/3"]);
        let filter = Filter::parse("a/+").unwrap();
        values.clear(&topic("a/1"));
        values.set(&topic("a/15"), value("2", None));
        let next = values.next_after(Instant::ZERO, &filter, Some("a/1"), &mut 10);
        assert!(matches!(next, Next::Value("a/15", _)));
    }

    #[test]
    fn a_walk_stops_when_its_budget_is_used_up() {
        let values = filled(&["a/1", "a/2", "a/3", "b/x"]);
        let filter = Filter::parse("+/x").unwrap();
        let mut budget = 2;
        assert_eq!(
            values.next_after(Instant::ZERO, &filter, None, &mut budget),
            Next::Paused("a/2")
        );
        assert_eq!(budget, 0);
    }

    #[test]
    fn a_value_lapses_at_its_time_and_only_the_one_it_was_set_for() {
        let mut values = RetainedValues::new(HashState::with_seed(1));
        values.set(&topic("t"), value("1", Some(1_000)));
        values.set(&topic("t"), value("2", Some(3_000)));
        values.set(&topic("u"), value("3", Some(2_000)));
        assert_eq!(values.next_expiry(), Some(Instant::from_micros(2_000)));
        assert_eq!(values.expire(Instant::from_micros(2_500)), 1);
        assert!(values.find(Instant::from_micros(2_999), &topic("t")).is_some());
        assert!(values.find(Instant::from_micros(3_000), &topic("t")).is_none());
        assert_eq!(
            (
                values.expire(Instant::from_micros(3_000)),
                values.len(),
                values.bytes()
            ),
            (1, 0, 0)
        );
        assert_eq!(values.next_expiry(), None);
    }

    #[test]
    fn growth_is_what_setting_adds() {
        let mut values = RetainedValues::new(HashState::with_seed(1));
        for text in ["a value", "a longer value", "short"] {
            let (before, growth) = (values.bytes(), values.growth(&topic("t"), &value(text, None)));
            values.set(&topic("t"), value(text, None));
            assert_eq!(values.bytes().saturating_sub(before), growth, "{text}");
        }
        assert!(values.clear(&topic("t")) && !values.clear(&topic("t")));
        assert_eq!(values.bytes(), 0);
    }

    #[test]
    fn random_walks_agree_with_a_scan() {
        for seed in 1..=200 {
            let mut random = Random::new(seed);
            let mut text = |wild: bool| {
                let levels: Vec<&str> = (0..=random.below(3))
                    .map(|_| match random.below(if wild { 8 } else { 6 }) {
                        6 => "+",
                        7 => "#",
                        level => ["a", "b", "-", "a-", "0", "$x"][level as usize],
                    })
                    .collect();
                levels.join("/")
            };
            let topics: Vec<String> = (0..30).map(|_| text(false)).collect();
            let texts: Vec<&str> = topics.iter().map(String::as_str).collect();
            let values = filled(&texts);
            for _ in 0..50 {
                let written = text(true);
                let Ok(filter) = Filter::parse(written.as_str()) else {
                    continue;
                };
                let scan = values.order.keys().filter(|topic| selects(&filter, topic));
                let expected: Vec<String> = scan.map(|topic| topic.to_string()).collect();
                assert_eq!(
                    walk(&values, &written, 2),
                    expected,
                    "seed {seed}, filter {written}"
                );
            }
        }
    }
}
