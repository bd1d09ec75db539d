//! When publishes that follow one another in quick succession are written: each at once, or several together. Where they
//! come from another thread than the connection's, each costs waking that one and a write otherwise. Knows neither the
//! messages nor the clock.
//!
//! ```text
//!   written <---- less than 20 us ----> more to write <---- 30 us ----> all of it written
//! ```

use buslane_protocol::Instant;

/// Whether what there is to write waits for more.
#[derive(Debug, Default)]
pub(crate) struct Breather {
    /// When something was written last.
    written: Option<Instant>,
    /// Until when the present wait lasts.
    until: Option<Instant>,
}

impl Breather {
    /// Tells whether as many bytes as are ready wait for more. Whoever is told so asks again when [`Breather::lasts`] says
    /// that the wait is over, and is told that it is.
    pub(crate) fn begins(&mut self, now: Instant, bytes: usize) -> bool {
        let waited = self.until.take().is_some();
        let close = |written: Instant| micros_between(written, now) < CLOSE_US;
        if waited || bytes == 0 || bytes > FEW_BYTES || !self.written.is_some_and(close) {
            return false;
        }
        self.until = Some(Instant::from_micros(now.as_micros() + PAUSE_US));
        true
    }

    /// Tells whether the wait that has begun goes on; the clock is asked only if there is one.
    pub(crate) fn lasts(&self, now: impl FnOnce() -> Instant) -> bool {
        self.until.is_some_and(|until| now() < until)
    }

    /// Takes note that something was written.
    pub(crate) fn wrote(&mut self, now: Instant) {
        self.written = Some(now);
    }
}

fn micros_between(earlier: Instant, later: Instant) -> u64 {
    later.as_micros().saturating_sub(earlier.as_micros())
}

/// Writes that are closer than this are those of a stream.
const CLOSE_US: u64 = 20;
/// How long a wait lasts.
const PAUSE_US: u64 = 30;
/// More than this is worth a write of its own.
const FEW_BYTES: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: usize = 100;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    /// Makes one that wrote at a thousand microseconds.
    fn just_wrote() -> Breather {
        let mut breather = Breather::default();
        breather.wrote(at(1000));
        breather
    }

    #[test]
    fn a_single_publish_is_written_at_once() {
        assert!(!Breather::default().begins(at(1), SOME));
        assert!(!just_wrote().begins(at(1020), SOME));
    }

    #[test]
    fn one_close_behind_another_waits_once_and_for_a_moment() {
        let mut breather = just_wrote();
        assert!(breather.begins(at(1019), SOME));
        assert!(breather.lasts(|| at(1048)) && !breather.lasts(|| at(1049)));
        assert!(!breather.begins(at(1049), SOME), "it has waited");
        breather.wrote(at(1050));
        assert!(breather.begins(at(1051), SOME), "and so does the next");
    }

    #[test]
    fn what_fills_a_write_does_not_wait() {
        assert!(!just_wrote().begins(at(1001), FEW_BYTES + 1));
        assert!(!just_wrote().begins(at(1001), 0));
    }
}
