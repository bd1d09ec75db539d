//! How long one client may keep the thread that all share. What a client sent is handled message by message, and what
//! one costs is anybody's guess: a publish takes a tenth of a microsecond, or a thousand receivers. So it is time that is
//! bounded. Whoever has more to say goes on in the [slow lane](super::slow_lane).

use std::time::Duration;

use buslane_protocol::Instant;

use crate::clock::Clock;

/// One client's turn.
pub(crate) struct Turn {
    clock: Clock,
    began: Instant,
    /// What was spent on plain publishes since the time was last looked at, in bytes.
    plain: usize,
    is_over: bool,
}

impl Turn {
    /// Begins a turn.
    pub(crate) fn begin(clock: Clock, now: Instant) -> Self {
        Turn {
            clock,
            began: now,
            plain: 0,
            is_over: false,
        }
    }

    /// Takes note of a message, after which so many receivers are to be written to.
    #[inline]
    pub(crate) fn spend(&mut self, receivers: usize) {
        self.look(SHORT, receivers);
    }

    /// Takes note of a plain publish of so many bytes. As such a stream costs more the more often it is interrupted, it may
    /// go on for longer, and the time is looked at but now and then.
    #[inline]
    pub(crate) fn spend_plain(&mut self, bytes: usize, receivers: impl FnOnce() -> usize) {
        self.plain += PLAIN + bytes;
        if self.plain >= LOOK {
            self.plain = 0;
            self.look(LONG, receivers());
        }
    }

    /// Tells whether it is somebody else's turn.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Writing to many takes long in any case: a turn that may take as long writes more to each of them at once.
    fn look(&mut self, most: Duration, receivers: usize) {
        let writing = WRITE.saturating_mul(u32::try_from(receivers).unwrap_or(u32::MAX));
        self.is_over |= self.clock.now().saturating_since(self.began) >= most.max(writing);
    }
}

/// How long a client's messages may take while others wait.
const SHORT: Duration = Duration::from_micros(40);
/// How long a client's plain publishes may take.
const LONG: Duration = Duration::from_micros(150);
/// How long it takes at the most to write to one receiver.
const WRITE: Duration = Duration::from_micros(8);
/// What a plain publish counts for beside its bytes.
const PLAIN: usize = 128;
/// What is spent on plain publishes between two looks at the time: 64 of 128 bytes, or one of 16 KiB.
const LOOK: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;
    use tokio::time::advance;

    use super::*;

    /// Spends a turn, told how it is spent, a microsecond after the other; returns for how many it lasts.
    fn lasts(spend: impl Fn(&mut Turn)) -> u32 {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.unwrap().block_on(async {
            let clock = Clock::start();
            let mut turn = Turn::begin(clock, clock.now());
            let mut micros = 0;
            while !turn.is_over() {
                advance(Duration::from_micros(1)).await;
                micros += 1;
                spend(&mut turn);
            }
            micros
        })
    }

    #[test]
    fn messages_have_a_short_turn_and_plain_publishes_a_long_one() {
        assert_eq!(lasts(|turn| turn.spend(1)), 40);
        assert_eq!(lasts(|turn| turn.spend_plain(LOOK, || 1)), 150);
    }

    #[test]
    fn the_time_is_looked_at_after_some_plain_publishes_or_much_of_them() {
        let clock = Clock::start();
        let looked_after = |bytes| {
            let mut turn = Turn::begin(clock, clock.now());
            let looked = std::cell::Cell::new(false);
            (1..).find(|_| {
                turn.spend_plain(bytes, || {
                    looked.set(true);
                    1
                });
                looked.get()
            })
        };
        assert_eq!(looked_after(128), Some(64));
        assert_eq!(looked_after(1 << 20), Some(1));
    }

    #[test]
    fn a_turn_lasts_as_long_as_it_takes_to_write_to_its_receivers() {
        assert_eq!(lasts(|turn| turn.spend(1_000)), 8_000);
        assert_eq!(lasts(|turn| turn.spend_plain(LOOK, || 100)), 800);
    }
}
