//! Retained values: what is kept for each topic, since when, and until when.

use std::collections::{BTreeMap, BTreeSet};

use buslane_protocol::{Instant, Retain};

use super::topics::selects;
use super::{Oracle, Subject};
use crate::said::Publish;

/// A value that is, or was, kept for a topic.
#[derive(Debug)]
pub(super) struct Kept {
    number: u64,
    /// When it was replaced, cleared or past its time.
    until: Option<Instant>,
}

impl Kept {
    fn lives(&self, at: Instant) -> bool {
        self.until.is_none_or(|until| until > at)
    }
}

impl Oracle {
    /// Takes in what an accepted publish does to the retained value.
    pub(super) fn retain(&mut self, publish: &Publish, retain: Retain) {
        if retain == Retain::Keep {
            return;
        }
        self.unsure.remove(&publish.topic);
        let now = self.now;
        let values = self.kept.entry(publish.topic.clone()).or_default();
        if let Some(last) = values.last_mut()
            && last.lives(now)
        {
            last.until = Some(now);
        }
        if retain == Retain::Set {
            let until = publish.lifetime.map(|lifetime| now + lifetime);
            values.push(Kept {
                number: publish.number,
                until,
            });
        }
    }

    /// Takes in a retained value that was handed to a subscription.
    pub(super) fn retained_delivery(&mut self, client: usize, number: u64, topic: &str) {
        let subjects = [Subject::Client(client), Subject::Message(number)];
        let shadow = &mut self.clients[client];
        shadow.mixed = true;
        let times = shadow.retained.entry(number).or_default();
        *times += 1;
        let selecting = shadow
            .subscribed
            .iter()
            .filter(|(filter, _)| selects(filter, topic));
        let (most, first) = (
            selecting.clone().count() as u64,
            selecting.map(|(_, at)| *at).min(),
        );
        if *times > most {
            return self.broken(
                "a retained value came more often than there were subscriptions for it",
                &subjects,
            );
        }
        let value = self
            .kept
            .get(topic)
            .and_then(|kept| kept.iter().find(|kept| kept.number == number));
        let lived = value
            .zip(first)
            .is_some_and(|(value, first)| value.until.is_none_or(|until| until >= first));
        if !lived && !self.unsure.contains(topic) {
            self.broken(
                "a retained value was delivered that was not kept any more",
                &subjects,
            );
        }
    }

    /// Returns the number of the value that is kept for each topic.
    pub(crate) fn kept_now(&self) -> BTreeMap<String, u64> {
        let live = |kept: &[Kept]| {
            kept.last()
                .filter(|kept| kept.lives(self.now))
                .map(|kept| kept.number)
        };
        let topics = self.kept.iter();
        topics
            .filter_map(|(topic, kept)| Some((topic.clone(), live(kept)?)))
            .collect()
    }

    /// Returns the topics that have a value, or may have one.
    pub(crate) fn kept_topics(&self) -> BTreeSet<String> {
        self.kept_now()
            .into_keys()
            .chain(self.unsure.iter().cloned())
            .collect()
    }

    /// Counts the topics that surely have a value, and those that may have one.
    pub(super) fn kept_bounds(&self) -> (u64, u64) {
        let kept = self.kept_now();
        let sure = kept.keys().filter(|topic| !self.unsure.contains(*topic)).count();
        (sure as u64, (sure + self.unsure.len()) as u64)
    }

    /// Looks whether a subscription to everything was handed exactly the values that are kept.
    pub(crate) fn check_retained(&mut self, client: usize) {
        let kept = self.kept_now();
        let Some(told) = self.clients.get(client).map(|shadow| &shadow.retained) else {
            return;
        };
        let missing = kept.iter().find(|(topic, number)| {
            !topic.starts_with('$') && !self.unsure.contains(*topic) && !told.contains_key(*number)
        });
        if let Some((topic, number)) = missing.map(|(topic, number)| (topic.clone(), *number)) {
            let promise = format!("a new subscription gets every retained value: none came for {topic}");
            return self.broken(promise, &[Subject::Client(client), Subject::Message(number)]);
        }
        let extra = told
            .keys()
            .find(|number| self.unsure.is_empty() && !kept.values().any(|kept| kept == *number))
            .copied();
        if let Some(number) = extra {
            let promise = "a new subscription got a value that was replaced, cleared or past its time";
            self.broken(promise, &[Subject::Client(client), Subject::Message(number)]);
        }
    }
}
