//! The retained value of each topic. Owns the values, their lifetimes and their bytes; who gets them when is its
//! owner's.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use buslane_protocol::{Filter, Headers, Id, Instant, Payload, Topic};

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

/// Values of all topics, in the order of the topics.
#[derive(Debug, Default)]
pub(crate) struct RetainedValues {
    values: BTreeMap<Arc<str>, Retained>,
    expiries: BTreeSet<(Instant, Arc<str>)>,
    bytes: usize,
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
    /// Returns the accounted bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns how many values there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns by how many bytes [`RetainedValues::set`] would grow the account, 0 if it would shrink.
    pub(crate) fn growth(&self, topic: &Topic<'_>, value: &Retained) -> usize {
        let before = self.values.get(topic.as_str()).map_or(0, |known| size(topic.as_str(), known));
        size(topic.as_str(), value).saturating_sub(before)
    }

    /// Sets a topic's value.
    pub(crate) fn set(&mut self, topic: &Topic<'_>, value: Retained) {
        self.clear(topic);
        let topic: Arc<str> = topic.as_str().into();
        self.bytes += size(&topic, &value);
        if let Some(expiry) = value.expires_at {
            self.expiries.insert((expiry, topic.clone()));
        }
        self.values.insert(topic, value);
    }

    /// Removes a topic's value; tells whether there was one.
    pub(crate) fn clear(&mut self, topic: &Topic<'_>) -> bool {
        let Some((topic, value)) = self.values.remove_entry(topic.as_str()) else { return false };
        self.bytes -= size(&topic, &value);
        if let Some(expiry) = value.expires_at {
            self.expiries.remove(&(expiry, topic));
        }
        true
    }

    /// Finds the first value after the topic `after` that a filter selects, examining at most `budget` topics, but
    /// at least one, and lowering it by as many.
    pub(crate) fn next_after(&self, now: Instant, filter: &Filter<'_>, after: Option<&str>, budget: &mut usize) -> Next<'_> {
        let stem = stem(filter);
        let from = match after {
            Some(after) => Bound::Excluded(after),
            None => Bound::Included(stem),
        };
        let mut last = None;
        for (topic, value) in self.values.range::<str, _>((from, Bound::Unbounded)) {
            if !topic.starts_with(stem) {
                break;
            }
            if let Some(last) = last.filter(|_| *budget == 0) {
                return Next::Paused(last);
            }
            *budget = budget.saturating_sub(1);
            last = Some(&**topic);
            let alive = value.expires_at.is_none_or(|expiry| expiry > now);
            let known = Topic::parse(&**topic).expect("the keys are topics");
            if alive && filter.matches(&known) {
                return Next::Value(topic, value);
            }
        }
        Next::End
    }

    /// Returns when the next value lapses.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.expiries.first().map(|(expiry, _)| *expiry)
    }

    /// Removes the values that have lapsed; returns how many.
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        let before = self.values.len();
        while self.next_expiry().is_some_and(|expiry| expiry <= now) {
            let Some((_, topic)) = self.expiries.pop_first() else { break };
            if let Some(value) = self.values.remove(&topic) {
                self.bytes -= size(&topic, &value);
            }
        }
        before - self.values.len()
    }
}

/// Returns the text with which every topic begins that a filter selects.
fn stem<'a>(filter: &'a Filter<'_>) -> &'a str {
    let text = filter.as_str();
    match text.find(['+', '#']) {
        // `a/#` selects `a` as well.
        Some(wildcard) => text[..wildcard].trim_end_matches('/'),
        None => text,
    }
}

fn size(topic: &str, value: &Retained) -> usize {
    ENTRY + 2 * topic.len() + value.from.len() + value.headers.as_bytes().len() + value.payload.bytes.len()
}

/// What a value is accounted for beside its texts and bytes.
const ENTRY: usize = 2 * (size_of::<Retained>() + size_of::<Arc<str>>()) + 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, expires_at: Option<Instant>) -> Retained {
        let payload = Payload::json(text.as_bytes()).into_owned();
        Retained { id: None, from: "tester".into(), headers: Headers::default(), payload, expires_at }
    }

    fn topic(text: &str) -> Topic<'_> {
        Topic::parse(text).unwrap()
    }

    fn walk(values: &RetainedValues, filter: &str, now: Instant) -> Vec<String> {
        let filter = Filter::parse(filter).unwrap();
        let (mut after, mut found) = (None::<String>, Vec::new());
        loop {
            match values.next_after(now, &filter, after.as_deref(), &mut 1) {
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
    fn a_walk_in_small_steps_finds_each_selected_value_once() {
        let mut values = RetainedValues::default();
        for text in ["a", "a/b", "a/b/c", "a-b", "ab", "b/b", "$bus/x"] {
            values.set(&topic(text), value("1", None));
        }
        assert_eq!(walk(&values, "a/#", Instant::ZERO), ["a", "a/b", "a/b/c"]);
        assert_eq!(walk(&values, "+/b", Instant::ZERO), ["a/b", "b/b"]);
        assert_eq!(walk(&values, "#", Instant::ZERO), ["a", "a-b", "a/b", "a/b/c", "ab", "b/b"]);
        assert_eq!(walk(&values, "ab", Instant::ZERO), ["ab"]);
        assert_eq!(walk(&values, "$bus/+", Instant::ZERO), ["$bus/x"]);
    }

    #[test]
    fn values_lapse_at_their_time() {
        let mut values = RetainedValues::default();
        let (early, late) = (Instant::from_micros(10), Instant::from_micros(20));
        values.set(&topic("a"), value("1", Some(late)));
        values.set(&topic("b"), value("2", Some(early)));
        values.set(&topic("c"), value("3", None));
        assert_eq!(values.next_expiry(), Some(early));
        assert_eq!(walk(&values, "#", early), ["a", "c"]);
        assert_eq!((values.expire(early), values.len()), (1, 2));
        values.set(&topic("a"), value("4", None));
        assert_eq!((values.next_expiry(), values.expire(late)), (None, 0));
    }

    #[test]
    fn the_account_follows_what_is_held() {
        let mut values = RetainedValues::default();
        let long = value(&"1".repeat(100), None);
        let growth = values.growth(&topic("a"), &long);
        values.set(&topic("a"), long.clone());
        assert_eq!((values.bytes(), values.growth(&topic("a"), &long)), (growth, 0));
        assert!(values.clear(&topic("a")));
        assert!(!values.clear(&topic("a")));
        assert_eq!(values.bytes(), 0);
    }
}
