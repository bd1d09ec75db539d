//! Waits a moment where publishes come one by one in quick succession, so that several are read and written at once: two
//! calls of the system for each of them, and whom they wake, cost more than all else. Who publishes now and then never
//! waits, nor does who sends much at a time; requests and their answers never wait, since somebody waits for them.

use std::thread;
use std::time::{Duration, Instant};

/// Watches how closely one run of the flusher follows another, and what was in it.
pub(crate) struct Breather {
    /// When the last run had ended, with the wait behind it.
    ended: Instant,
    /// What had come by then.
    before: Taken,
    /// How many short runs of publishes followed one another.
    streak: u32,
    has_waited: bool,
}

/// What came since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    /// Bytes that were read.
    pub(crate) bytes: u64,
    /// Messages.
    pub(crate) messages: u64,
    /// Publishes among them.
    pub(crate) publishes: u64,
}

impl Breather {
    /// Makes a breather.
    pub(crate) fn new(now: Instant) -> Self {
        prepare();
        Breather {
            ended: now,
            before: Taken::default(),
            streak: 0,
            has_waited: false,
        }
    }

    /// Takes note of a run, and what came until then. Tells for how long to wait behind it.
    pub(crate) fn note(&mut self, now: Instant, taken: Taken) -> Duration {
        let since = taken.since(self.before);
        let is_close = now.saturating_duration_since(self.ended) <= CLOSE;
        // While waiting brings several at a time, it does not matter that it takes time.
        let goes_on = is_close || (self.has_waited && since.messages > 1);
        self.streak = match since.is_short_stream() && goes_on {
            true => self.streak.saturating_add(1),
            false => 0,
        };
        self.before = taken;
        self.has_waited = self.streak >= STREAK;
        if self.has_waited { PAUSE } else { Duration::ZERO }
    }

    /// Waits, and takes note of when that ended.
    pub(crate) fn wait(&mut self, pause: Duration) {
        if !pause.is_zero() {
            thread::sleep(pause);
        }
        self.ended = Instant::now();
    }
}

impl Taken {
    fn since(self, before: Taken) -> Taken {
        Taken {
            bytes: self.bytes - before.bytes,
            messages: self.messages - before.messages,
            publishes: self.publishes - before.publishes,
        }
    }

    fn is_short_stream(self) -> bool {
        self.bytes <= SHORT && self.publishes > 0 && self.publishes == self.messages
    }
}

/// Has the system end waits when they are over: it would let each last longer than what is meant here.
#[cfg(target_os = "linux")]
fn prepare() {
    // Where it does not, waits are longer.
    let _exact = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(SLACK_NS));
}

#[cfg(not(target_os = "linux"))]
fn prepare() {}

/// How soon a run follows another in quick succession.
const CLOSE: Duration = Duration::from_micros(20);
/// How long is waited for more.
const PAUSE: Duration = Duration::from_micros(30);
/// Runs in quick succession before it is waited.
const STREAK: u32 = 2;
/// The most bytes of a run of single messages.
const SHORT: u64 = 8 << 10;
/// By how much the system may prolong a wait, in nanoseconds.
#[cfg(target_os = "linux")]
const SLACK_NS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISH: Taken = Taken {
        bytes: 150,
        messages: 1,
        publishes: 1,
    };

    /// Runs that follow one another after so many microseconds, with what each brings; tells which of them were waited
    /// behind.
    fn waits(runs: impl IntoIterator<Item = (u64, Taken)>) -> Vec<bool> {
        let start = Instant::now();
        let (mut breather, mut micros, mut all) = (Breather::new(start), 0, Taken::default());
        let mut waits = Vec::new();
        for (gap, taken) in runs {
            micros += gap;
            all.bytes += taken.bytes;
            all.messages += taken.messages;
            all.publishes += taken.publishes;
            let now = start + Duration::from_micros(micros);
            waits.push(!breather.note(now, all).is_zero());
            breather.ended = now;
        }
        waits
    }

    #[test]
    fn publishes_in_quick_succession_are_waited_for_until_they_stop() {
        let stream = [
            (900, PUBLISH),
            (5, PUBLISH),
            (5, PUBLISH),
            (5, PUBLISH),
            (900, PUBLISH),
        ];
        assert_eq!(waits(stream), [false, false, true, true, false]);
    }

    #[test]
    fn waiting_goes_on_while_it_brings_several_at_a_time() {
        let three = Taken {
            bytes: 450,
            messages: 3,
            publishes: 3,
        };
        let stream = [
            (5, PUBLISH),
            (5, PUBLISH),
            (60, three),
            (60, three),
            (60, PUBLISH),
        ];
        assert_eq!(waits(stream), [false, true, true, true, false]);
    }

    #[test]
    fn requests_and_long_reads_are_not_waited_behind() {
        let request = Taken {
            publishes: 0,
            ..PUBLISH
        };
        assert_eq!(waits([(5, request); 4]), [false; 4]);
        let long = Taken {
            bytes: SHORT + 1,
            messages: 60,
            publishes: 60,
        };
        assert_eq!(waits([(5, long); 4]), [false; 4]);
        assert_eq!(
            waits([(5, PUBLISH), (5, PUBLISH), (5, request)]),
            [false, true, false]
        );
    }
}
