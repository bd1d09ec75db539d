//! When what is due: a hierarchical timer wheel. Owns the order of deadlines; what is done at one is its payload, and
//! the clock is handed in.
//!
//! ```text
//! tick = 1 ms, a deadline rounded up             tick of now = 0b..  d5     d4     d3     d2     d1     d0
//!                                                                 (6 bits each)
//! level n, slot s: ticks that share with now all digits above n, and whose digit n is s, greater than now's
//!
//!  due     already past when set: given at the next call of expire
//!  level 0 64 slots of 1 ms            level 3 64 slots of 4 min 22 s
//!  level 1 64 slots of 64 ms           level 4 64 slots of 4 h 40 min
//!  level 2 64 slots of 4.1 s           level 5 64 slots of 12.4 days
//!  far     more than 2.2 years ahead: looked at again when digit 5 has run through
//! ```
//!
//! Each slot is a doubly linked list through the table of timers, so setting and cancelling touch a few cells.

use buslane_protocol::Instant;

/// The key of a timer, for [`Timers::cancel`]. Never means another timer than the one it was handed out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TimerKey {
    index: u32,
    generation: u32,
}

/// Timers that fire within a millisecond after their deadline and never before it.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    timers: Vec<Timer<T>>,
    free: u32,
    length: usize,
    /// The tick up to which everything has been given out.
    elapsed: u64,
    sequence: u64,
    lists: Vec<List>,
    /// One bit per slot of each level that is not empty.
    occupied: [u64; LEVELS],
    /// What one call of `expire` gives out, kept for its capacity.
    batch: Vec<(Instant, u64, u32)>,
}

#[derive(Debug)]
struct Timer<T> {
    deadline: Instant,
    sequence: u64,
    payload: Option<T>,
    generation: u32,
    list: u16,
    previous: u32,
    /// The next of the list, or of the free timers.
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
}

impl<T> Timers<T> {
    /// Makes an empty wheel. A deadline up to `now` is due at once.
    pub(crate) fn new(now: Instant) -> Timers<T> {
        Timers {
            timers: Vec::new(),
            free: NONE,
            length: 0,
            elapsed: now.as_micros() / TICK,
            sequence: 0,
            lists: vec![
                List {
                    first: NONE,
                    last: NONE
                };
                FAR + 1
            ],
            occupied: [0; LEVELS],
            batch: Vec::new(),
        }
    }

    /// Returns how many timers there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Sets a timer, in constant time.
    pub(crate) fn insert(&mut self, deadline: Instant, payload: T) -> TimerKey {
        let index = self.vacant();
        let sequence = self.sequence;
        self.sequence += 1;
        self.length += 1;
        let timer = &mut self.timers[index as usize];
        timer.deadline = deadline;
        timer.sequence = sequence;
        timer.payload = Some(payload);
        let generation = timer.generation;
        self.link(index, self.list_of(deadline));
        TimerKey { index, generation }
    }

    /// Removes a timer, in constant time. `None` if it has fired or was cancelled.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let timer = self.timers.get_mut(key.index as usize)?;
        if timer.generation != key.generation {
            return None;
        }
        let payload = timer.payload.take()?;
        self.unlink(key.index);
        self.release(key.index);
        Some(payload)
    }

    /// Returns when [`Timers::expire`] is to be called next: never later than it could give something out, and
    /// earlier only while the first deadline is more than 64 ms away, by less than the slot that it waits in.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.lists[DUE].first != NONE {
            return Some(at(self.elapsed));
        }
        let level = (0..LEVELS).find(|level| self.occupied[*level] != 0);
        match level {
            Some(level) => {
                let slot = u64::from(self.occupied[level].trailing_zeros());
                let above = self.elapsed >> (BITS * (level + 1)) << (BITS * (level + 1));
                Some(at(above | slot << (BITS * level)))
            }
            None if self.lists[FAR].first != NONE => Some(at(((self.elapsed >> SPAN) + 1) << SPAN)),
            None => None,
        }
    }

    /// Appends the payloads of all timers that are due, in the order of their deadlines, then of insertion.
    pub(crate) fn expire(&mut self, now: Instant, due: &mut Vec<T>) {
        let from = self.elapsed;
        self.elapsed = from.max(now.as_micros() / TICK);
        self.sift(DUE);
        for level in 0..LEVELS {
            let mut passed = self.occupied[level] & passed(from, self.elapsed, level);
            while passed != 0 {
                self.sift(level * SLOTS + passed.trailing_zeros() as usize);
                passed &= passed - 1;
            }
        }
        if from >> SPAN != self.elapsed >> SPAN {
            self.sift(FAR);
        }
        self.give_out(due);
    }

    /// Empties a list: what is due goes to the batch, the rest to where it belongs at this time.
    fn sift(&mut self, list: usize) {
        let mut index = std::mem::replace(
            &mut self.lists[list],
            List {
                first: NONE,
                last: NONE,
            },
        )
        .first;
        if list < DUE {
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        }
        while index != NONE {
            let Timer {
                deadline,
                sequence,
                next,
                ..
            } = self.timers[index as usize];
            if tick(deadline) <= self.elapsed {
                self.batch.push((deadline, sequence, index));
            } else {
                self.link(index, self.list_of(deadline));
            }
            index = next;
        }
    }

    fn give_out(&mut self, due: &mut Vec<T>) {
        let mut batch = std::mem::take(&mut self.batch);
        batch.sort_unstable();
        due.reserve(batch.len());
        for (_, _, index) in batch.drain(..) {
            due.extend(self.timers[index as usize].payload.take());
            self.release(index);
        }
        self.batch = batch;
    }

    /// Finds the list for a deadline at this time.
    fn list_of(&self, deadline: Instant) -> usize {
        let tick = tick(deadline);
        if tick <= self.elapsed {
            return DUE;
        }
        let highest = (tick ^ self.elapsed).ilog2() as usize;
        let level = highest / BITS;
        if level >= LEVELS {
            return FAR;
        }
        level * SLOTS + (tick >> (BITS * level)) as usize % SLOTS
    }

    fn link(&mut self, index: u32, list: usize) {
        let last = std::mem::replace(&mut self.lists[list].last, index);
        match last {
            NONE => self.lists[list].first = index,
            _ => self.timers[last as usize].next = index,
        }
        let timer = &mut self.timers[index as usize];
        timer.list = list as u16;
        timer.previous = last;
        timer.next = NONE;
        if list < DUE {
            self.occupied[list / SLOTS] |= 1 << (list % SLOTS);
        }
    }

    fn unlink(&mut self, index: u32) {
        let Timer {
            list, previous, next, ..
        } = self.timers[index as usize];
        let list = usize::from(list);
        match previous {
            NONE => self.lists[list].first = next,
            _ => self.timers[previous as usize].next = next,
        }
        match next {
            NONE => self.lists[list].last = previous,
            _ => self.timers[next as usize].previous = previous,
        }
        if list < DUE && self.lists[list].first == NONE {
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        }
    }

    /// Takes a timer off the free ones, or adds one.
    fn vacant(&mut self) -> u32 {
        if self.free != NONE {
            let index = self.free;
            self.free = self.timers[index as usize].next;
            return index;
        }
        let index = u32::try_from(self.timers.len()).expect("fewer than 2^32 timers");
        self.timers.push(Timer {
            deadline: Instant::ZERO,
            sequence: 0,
            payload: None,
            generation: 0,
            list: 0,
            previous: NONE,
            next: NONE,
        });
        index
    }

    /// Adds a timer that is in no list to the free ones, unless its generations are used up.
    fn release(&mut self, index: u32) {
        self.length -= 1;
        let timer = &mut self.timers[index as usize];
        if let Some(generation) = timer.generation.checked_add(1) {
            timer.generation = generation;
            timer.next = std::mem::replace(&mut self.free, index);
        }
    }
}

/// The tick at which a deadline has passed for certain.
fn tick(deadline: Instant) -> u64 {
    deadline.as_micros().div_ceil(TICK)
}

fn at(tick: u64) -> Instant {
    Instant::from_micros(tick.saturating_mul(TICK))
}

/// The slots of a level that begin after the tick `from` and up to the tick `to`.
fn passed(from: u64, to: u64, level: usize) -> u64 {
    let (from, to) = (from >> (BITS * level), to >> (BITS * level));
    if from >> BITS != to >> BITS {
        return u64::MAX;
    }
    let up_to = |digit: u64| u64::MAX >> (SLOTS as u64 - 1 - digit % SLOTS as u64);
    up_to(to) & !up_to(from)
}

/// Microseconds of a tick.
const TICK: u64 = 1_000;
const LEVELS: usize = 6;
/// Bits of a tick that select a slot of one level.
const BITS: usize = 6;
const SLOTS: usize = 1 << BITS;
/// Bits of a tick that the levels cover.
const SPAN: usize = BITS * LEVELS;
/// The list of timers that were due when they were set.
const DUE: usize = LEVELS * SLOTS;
/// The list of timers that lie beyond the levels.
const FAR: usize = DUE + 1;
/// No timer.
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    fn micros(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    fn expired(timers: &mut Timers<u32>, now: u64) -> Vec<u32> {
        let mut due = Vec::new();
        timers.expire(micros(now), &mut due);
        due
    }

    #[test]
    fn a_timer_fires_at_the_first_tick_after_its_deadline() {
        let mut timers = Timers::new(Instant::ZERO);
        timers.insert(micros(5_001), 1);
        assert_eq!(timers.next_deadline(), Some(micros(6_000)));
        assert!(expired(&mut timers, 5_999).is_empty());
        assert_eq!(expired(&mut timers, 6_000), [1]);
        assert_eq!((timers.next_deadline(), timers.len()), (None, 0));
    }

    #[test]
    fn a_deadline_in_the_past_is_due_at_once() {
        let mut timers = Timers::new(micros(10_000_000));
        timers.insert(micros(3), 1);
        assert_eq!(timers.next_deadline(), Some(micros(10_000_000)));
        assert_eq!(expired(&mut timers, 10_000_000), [1]);
    }

    #[test]
    fn equal_deadlines_fire_in_the_order_they_were_set() {
        let mut timers = Timers::new(Instant::ZERO);
        timers.insert(micros(70_500), 1);
        timers.insert(micros(70_400), 2);
        assert!(expired(&mut timers, 65_000).is_empty());
        timers.insert(micros(70_500), 3);
        assert_eq!(expired(&mut timers, 80_000), [2, 1, 3]);
    }

    #[test]
    fn a_key_that_fired_or_was_cancelled_means_nothing() {
        let mut timers = Timers::new(Instant::ZERO);
        let first = timers.insert(micros(1_000), 1);
        assert_eq!(timers.cancel(first), Some(1));
        let second = timers.insert(micros(1_000), 2);
        assert_eq!((timers.cancel(first), second.index), (None, first.index));
        assert_eq!(expired(&mut timers, 1_000), [2]);
        assert_eq!(timers.cancel(second), None);
    }

    #[test]
    fn deadlines_beyond_the_levels_fire_too() {
        let mut timers = Timers::new(Instant::ZERO);
        let year = 365 * 86_400 * 1_000_000;
        timers.insert(micros(5 * year), 5);
        timers.insert(micros(u64::MAX), 6);
        let mut now = 0;
        let mut calls = 0;
        let fired = loop {
            now = timers.next_deadline().unwrap().as_micros().max(now);
            calls += 1;
            match expired(&mut timers, now) {
                fired if fired.is_empty() => assert!(calls < 20),
                fired => break fired,
            }
        };
        assert_eq!((fired, now), (vec![5], 5 * year));
        assert_eq!(timers.len(), 1);
        assert!(expired(&mut timers, u64::MAX).is_empty());
    }

    /// Runs random operations beside a plain list.
    fn compare(seed: u64) {
        let mut random = Random::new(seed);
        let spans = [
            1_000,
            60_000,
            5_000_000,
            3_600_000_000,
            90_000_000_000,
            200_000_000_000_000,
        ];
        let mut now = random.below(1 << 40);
        let mut timers = Timers::new(micros(now));
        let mut model: Vec<(u64, u32, TimerKey)> = Vec::new();
        for serial in 0..2_000 {
            match random.below(10) {
                0..=4 => {
                    let span = spans[random.below(6) as usize];
                    let deadline = (now + random.below(span)).saturating_sub(random.below(2_000));
                    model.push((deadline, serial, timers.insert(micros(deadline), serial)));
                }
                5..=6 if !model.is_empty() => {
                    let (_, serial, key) = model.remove(random.below(model.len() as u64) as usize);
                    assert_eq!(timers.cancel(key), Some(serial), "seed {seed}");
                    assert_eq!(timers.cancel(key), None, "seed {seed}");
                }
                7 => {
                    let span = spans[random.below(6) as usize];
                    now += random.below(span);
                }
                8 => {
                    now = timers
                        .next_deadline()
                        .map_or(now, |next| next.as_micros().max(now))
                }
                _ => {}
            }
            let first = model
                .iter()
                .map(|(deadline, ..)| deadline.div_ceil(1_000) * 1_000)
                .min();
            match (timers.next_deadline(), first) {
                (Some(next), Some(first)) => assert!(next.as_micros() <= first.max(now), "seed {seed}"),
                (next, first) => assert_eq!((next, first), (None, None), "seed {seed}"),
            }
            let mut due: Vec<(u64, u32)> = Vec::new();
            model.retain(|(deadline, serial, _)| {
                let passed = deadline.div_ceil(1_000) <= now / 1_000;
                due.extend(passed.then_some((*deadline, *serial)));
                !passed
            });
            due.sort_unstable();
            let due: Vec<u32> = due.into_iter().map(|(_, serial)| serial).collect();
            assert_eq!(expired(&mut timers, now), due, "seed {seed}");
            assert_eq!(timers.len(), model.len(), "seed {seed}");
        }
    }

    #[test]
    fn random_runs_agree_with_a_sorted_list() {
        (1..=100).for_each(compare);
    }
}
