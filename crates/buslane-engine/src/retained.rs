//! The retained value of each topic. Owns the values, their lifetimes and their bytes; who gets them when is its
//! owner's.

use std::collections::BTreeMap;
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
        self.values.len()
    }
    /// Returns how many values there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
    /// Returns by how many bytes [`RetainedValues::set`] would grow the account, 0 if it would shrink.
    pub(crate) fn growth(&self, topic: &Topic<'_>, value: &Retained) -> usize {
        todo!("{topic}{value:?}")
    }
    /// Sets a topic's value.
    pub(crate) fn set(&mut self, topic: &Topic<'_>, value: Retained) {
        todo!("{topic}{value:?}")
    }
    /// Removes a topic's value.
    pub(crate) fn clear(&mut self, topic: &Topic<'_>) -> bool {
        todo!("{topic}")
    }
    /// Returns a topic's value.
    pub(crate) fn find(&self, now: Instant, topic: &Topic<'_>) -> Option<&Retained> {
        todo!("{now:?}{topic}")
    }
    /// Finds the first value after the topic `after` that a filter selects, examining at most `budget` topics and
    /// lowering it by as many.
    pub(crate) fn next_after(&self, now: Instant, filter: &Filter<'_>, after: Option<&str>, budget: &mut usize) -> Next<'_> {
        todo!("{now:?}{filter}{after:?}{budget}")
    }
    /// Returns when the next value lapses.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        todo!()
    }
    /// Removes the values that have lapsed; returns how many.
    pub(crate) fn expire(&mut self, now: Instant) -> usize {
        todo!("{now:?}")
    }
}
