//! What a feed has told last, so that a reader who comes back can be told again. Bounded; what is forgotten is known by
//! number. Knows no reader and no clock.

use std::collections::VecDeque;

use buslane_protocol::Gap;
use bytes::Bytes;

use crate::driver::{Account, Lease};

/// The last events of a feed.
///
/// A **position** is the number of messages that a feed has told of, handed over or counted as missing. Each event
/// stands at the position after it. Events also have a running number, by which a reader walks through them.
///
/// ```text
///  forgotten                held                            position: 12
///  ──────────── lost: 7 ──┬─ delivery 8 ─ gap 11 ─ delivery 12
/// ```
pub(super) struct Replay {
    events: VecDeque<Event>,
    /// The running number of the first event held.
    first: u64,
    /// The position after the last event.
    told: u64,
    /// The position after the last event that is forgotten.
    lost: u64,
    /// Where the last gap of unknown size stood that is forgotten.
    unknown: Option<u64>,
    bytes: usize,
    account: Account,
}

struct Event {
    position: u64,
    messages: u64,
    unknown: bool,
    text: Bytes,
    _lease: Lease,
}

/// How a reader goes on who has seen everything up to a position.
#[derive(Debug, PartialEq)]
pub(in super::super) struct Resumption {
    /// The running number of the next event.
    pub(in super::super) next: u64,
    /// What cannot be told again, and the position after it.
    pub(in super::super) gap: Option<(Gap, u64)>,
}

impl Replay {
    /// Makes the memory of a feed that has told nothing. It counts in an account.
    pub(super) fn new(account: &Account) -> Self {
        Replay {
            events: VecDeque::new(),
            first: 0,
            told: 0,
            lost: 0,
            unknown: None,
            bytes: 0,
            account: account.clone(),
        }
    }

    /// Returns the position after the last event.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// Returns the running number of the event that comes next.
    pub(super) fn next(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// Returns an event's text, if it is held.
    pub(super) fn find(&self, number: u64) -> Option<Bytes> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.events.get(index).map(|event| event.text.clone())
    }

    /// Remembers an event that tells of some messages, and forgets the oldest for which there is no room.
    pub(super) fn push(&mut self, messages: u64, unknown: bool, text: Bytes) {
        self.told += messages;
        while self.bytes + text.len() > MOST_BYTES && self.forget_oldest() {}
        let size = text.len() + OVERHEAD;
        let lease = loop {
            match Lease::take(&self.account, size) {
                Ok(lease) => break Some(lease),
                Err(_) if self.forget_oldest() => {}
                Err(_) => break None,
            }
        };
        let Some(lease) = lease else {
            self.first += 1;
            return self.note_forgotten(self.told, unknown);
        };
        self.bytes += text.len();
        self.events.push_back(Event {
            position: self.told,
            messages,
            unknown,
            text,
            _lease: lease,
        });
    }

    /// Finds out how a reader goes on; `None` if the position was never reached.
    pub(super) fn resume(&self, position: u64) -> Option<Resumption> {
        if position > self.told {
            return None;
        }
        let unknown = self.unknown.is_some_and(|at| at >= position);
        if position < self.lost || unknown {
            let gap = Gap {
                count: self.lost.saturating_sub(position),
                unknown,
                ..Gap::default()
            };
            let next = self.first;
            let gap = Some((gap, self.lost.max(position)));
            return Some(Resumption { next, gap });
        }
        // An event that tells of no message may have been seen or not: it is told again.
        let seen =
            |event: &Event| event.position < position || event.position == position && event.messages > 0;
        let seen = self.events.partition_point(seen) as u64;
        let next = self.first + seen;
        Some(Resumption { next, gap: None })
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(event) = self.events.pop_front() else {
            return false;
        };
        self.bytes -= event.text.len();
        self.first += 1;
        self.note_forgotten(event.position, event.unknown);
        true
    }

    fn note_forgotten(&mut self, position: u64, unknown: bool) {
        self.lost = position;
        if unknown {
            self.unknown = Some(position);
        }
    }
}

/// Bytes of events that a feed keeps beside the last one. What is on its way to a reader who keeps up is less.
const MOST_BYTES: usize = 256 << 10;
/// Bytes that an event takes beside its text.
const OVERHEAD: usize = size_of::<Event>();

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Bytes {
        Bytes::from(vec![b'x'; length])
    }

    fn replay() -> Replay {
        Replay::new(&Account::new(1 << 30))
    }

    fn missing(count: u64) -> Gap {
        Gap {
            count,
            ..Gap::default()
        }
    }

    #[test]
    fn a_reader_goes_on_behind_what_was_seen() {
        let mut replay = replay();
        for messages in [1, 3, 1] {
            replay.push(messages, false, text(10));
        }
        for (position, next) in [(0, 0), (1, 1), (4, 2), (5, 3)] {
            assert_eq!(
                replay.resume(position),
                Some(Resumption { next, gap: None }),
                "{position}"
            );
        }
        assert_eq!(replay.resume(6), None);
        // In the middle of a gap nobody stands: the whole gap is told.
        assert_eq!(replay.resume(2).unwrap().next, 1);
        assert_eq!((replay.next(), replay.told()), (3, 5));
        assert!(replay.find(2).is_some() && replay.find(3).is_none());
    }

    #[test]
    fn what_is_forgotten_is_counted() {
        let mut replay = replay();
        for _ in 0..10 {
            replay.push(2, false, text(MOST_BYTES / 4));
        }
        // Four events of two messages are held.
        let resumption = replay.resume(3).unwrap();
        assert_eq!(resumption.gap, Some((missing(12 - 3), 12)));
        assert!(replay.find(resumption.next).is_some());
        assert_eq!(replay.resume(12).unwrap().gap, None);
        assert_eq!(replay.resume(12).unwrap().next, 6);
    }

    #[test]
    fn an_event_longer_than_the_bound_is_held_alone() {
        let mut replay = replay();
        replay.push(1, false, text(10));
        replay.push(1, false, text(2 * MOST_BYTES));
        assert_eq!(replay.resume(1), Some(Resumption { next: 1, gap: None }));
        assert_eq!(replay.resume(0).unwrap().gap, Some((missing(1), 1)));
    }

    #[test]
    fn without_memory_nothing_is_held_and_everything_is_counted() {
        let account = Account::new(2 * (100 + OVERHEAD));
        let (mut one, mut other) = (Replay::new(&account), Replay::new(&account));
        for _ in 0..3 {
            one.push(1, false, text(100));
        }
        assert_eq!(one.resume(0).unwrap().gap, Some((missing(1), 1)));
        other.push(1, false, text(100));
        assert_eq!((other.find(0), other.next()), (None, 1));
        assert_eq!(other.resume(0).unwrap().gap, Some((missing(1), 1)));
        drop(one);
        other.push(1, false, text(100));
        assert_eq!(other.resume(1), Some(Resumption { next: 1, gap: None }));
        drop(other);
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn a_gap_of_unknown_size_stays_unknown() {
        let mut replay = replay();
        replay.push(1, false, text(10));
        replay.push(0, true, text(10));
        replay.push(1, false, text(2 * MOST_BYTES));
        let unknown = |count| Gap {
            unknown: true,
            ..missing(count)
        };
        assert_eq!(replay.resume(0).unwrap().gap, Some((unknown(1), 1)));
        assert_eq!(replay.resume(1).unwrap().gap, Some((unknown(0), 1)));
        assert_eq!(replay.resume(2).unwrap().gap, None);
    }

    #[test]
    fn events_without_messages_are_told_again_rather_than_never() {
        let mut replay = replay();
        replay.push(1, false, text(10));
        replay.push(0, false, text(10));
        assert_eq!(replay.resume(1).unwrap().next, 1);
    }
}
