//! Events that would come too often: the first at once, then at most one a second for the same subject, with a count.
//! Owns the rate; what an event says is its owner's.

use std::collections::HashMap;
use std::time::Duration;

use buslane_protocol::Instant;

use crate::entropy::{Entropy, HashState};
use crate::slots::{SlotKey, Slots};

/// A subject of reports.
pub(crate) type ReportKey = SlotKey;

/// What a report is about, beside its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nobody received a publish.
    NoReceiver,
    /// Nobody offers a method.
    NoInstance,
    /// A broker is not linked.
    UnknownNode,
    /// Nobody answered in time.
    DeadlineExceeded,
    /// A payload did not match.
    Rejection,
    /// A registration breaks those who use the service.
    Incompatible,
}

/// What is to be told.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Where it is published.
    pub(crate) topic: &'static str,
    /// The payload without `count`, as an object.
    pub(crate) payload: serde_json::Map<String, serde_json::Value>,
}

/// The rates of all subjects.
pub(crate) struct Reports {
    subjects: [HashMap<Box<str>, ReportKey, HashState>; KINDS],
    entries: Slots<Entry>,
    count: usize,
}

struct Entry {
    kind: Kind,
    address: Box<str>,
    /// What happened first since the last report, and how often.
    waiting: Option<Report>,
    times: u64,
}

/// What to do about something that may be reported.
#[derive(Debug)]
pub(crate) enum Rate {
    /// Report it now, and come back to the subject at the time given.
    Now(ReportKey, Instant),
    /// It is counted: the subject is reported later.
    Later,
}

impl Reports {
    /// Makes an empty table.
    pub(crate) fn new(entropy: &mut Entropy) -> Self {
        let subjects = std::array::from_fn(|_| HashMap::with_hasher(entropy.hash_state()));
        Reports {
            subjects,
            entries: Slots::default(),
            count: 0,
        }
    }

    /// Notes that something happened. When there are too many subjects, those that are new share one.
    pub(crate) fn note(
        &mut self,
        now: Instant,
        kind: Kind,
        address: &str,
        report: impl FnOnce() -> Report,
    ) -> Rate {
        let subjects = &mut self.subjects[kind as usize];
        let full = self.count >= MOST_SUBJECTS && !subjects.contains_key(address);
        let address = if full { OTHERS } else { address };
        if let Some(entry) = subjects.get(address).and_then(|key| self.entries.get_mut(*key)) {
            entry.times += 1;
            entry.waiting.get_or_insert_with(report);
            return Rate::Later;
        }
        let address: Box<str> = address.into();
        let key = self.entries.insert(Entry {
            kind,
            address: address.clone(),
            waiting: None,
            times: 0,
        });
        subjects.insert(address, key);
        self.count += 1;
        Rate::Now(key, now + PERIOD)
    }

    /// Takes out what happened to a subject within the last second, and when to come back; forgets the subject if
    /// nothing did.
    pub(crate) fn take(&mut self, now: Instant, key: ReportKey) -> Option<(Report, u64, Instant)> {
        let entry = self.entries.get_mut(key)?;
        if let Some(report) = entry.waiting.take() {
            return Some((report, std::mem::take(&mut entry.times), now + PERIOD));
        }
        let entry = self.entries.remove(key)?;
        self.subjects[entry.kind as usize].remove(&entry.address);
        self.count -= 1;
        None
    }
}

/// At most one report about a subject in this time.
pub(crate) const PERIOD: Duration = Duration::from_secs(1);
/// The most subjects that are told apart.
const MOST_SUBJECTS: usize = 1_024;
/// Stands for all further subjects.
const OTHERS: &str = "";
const KINDS: usize = Kind::Incompatible as usize + 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            topic: "$bus/unhandled",
            payload: serde_json::Map::new(),
        }
    }

    #[test]
    fn the_first_is_told_at_once_and_the_rest_once_a_second_with_a_count() {
        let mut reports = Reports::new(&mut Entropy::new([0; 32]));
        let start = Instant::ZERO;
        let Rate::Now(key, again) = reports.note(start, Kind::NoInstance, "a:b", report) else {
            panic!("told late")
        };
        for _ in 0..3 {
            assert!(matches!(
                reports.note(start, Kind::NoInstance, "a:b", report),
                Rate::Later
            ));
        }
        assert!(matches!(
            reports.note(start, Kind::NoInstance, "a:c", report),
            Rate::Now(..)
        ));
        let (_, times, again) = reports.take(again, key).unwrap();
        assert_eq!((times, again), (3, start + 2 * PERIOD));
        assert!(reports.take(again, key).is_none());
        assert!(matches!(
            reports.note(again, Kind::NoInstance, "a:b", report),
            Rate::Now(..)
        ));
    }

    #[test]
    fn subjects_past_the_limit_share_one() {
        let mut reports = Reports::new(&mut Entropy::new([0; 32]));
        for index in 0..MOST_SUBJECTS + 10 {
            reports.note(Instant::ZERO, Kind::NoInstance, &format!("s{index}:m"), report);
        }
        assert_eq!(reports.entries.len(), MOST_SUBJECTS + 1);
    }
}
