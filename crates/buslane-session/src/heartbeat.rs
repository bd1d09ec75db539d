//! When the broker was last heard of, when to ask whether it lives, and when to give it up.

use std::time::Duration;

use buslane_protocol::Instant;

/// Watches over the broker's silence.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    ping_after: Duration,
    gone_after: Duration,
    heard: Instant,
    pinged: Option<Instant>,
}

/// What a silence calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Ask the broker for a sign of life.
    Ping,
    /// Give the connection up.
    Gone,
}

impl Heartbeat {
    /// Makes a watch; zero means never.
    pub(crate) fn new(ping_after: Duration, gone_after: Duration) -> Self {
        Heartbeat {
            ping_after,
            gone_after,
            heard: Instant::ZERO,
            pinged: None,
        }
    }

    /// Takes note of a sign of life.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.pinged = None;
    }

    /// Returns when something is due.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let zero = Duration::ZERO;
        match self.pinged {
            // A late timer must not cost a living broker its chance to answer.
            Some(pinged) if self.gone_after > zero => {
                let answer_by = pinged + self.gone_after.saturating_sub(self.ping_after);
                Some(answer_by.max(self.heard + self.gone_after))
            }
            None if self.ping_after > zero => Some(self.heard + self.ping_after),
            None if self.gone_after > zero => Some(self.heard + self.gone_after),
            _ => None,
        }
    }

    /// Returns what the silence calls for now.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Silence> {
        if self.timeout()? > now {
            return None;
        }
        if self.pinged.is_none() && self.ping_after > Duration::ZERO {
            self.pinged = Some(now);
            return Some(Silence::Ping);
        }
        Some(Silence::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn watch() -> Heartbeat {
        Heartbeat::new(Duration::from_secs(15), Duration::from_secs(45))
    }

    #[test]
    fn silence_leads_to_a_ping_and_then_to_the_end() {
        let mut watch = watch();
        assert_eq!(watch.timeout(), Some(at(15)));
        assert_eq!(watch.due(at(14)), None);
        assert_eq!(watch.due(at(15)), Some(Silence::Ping));
        assert_eq!(watch.due(at(44)), None);
        assert_eq!(watch.due(at(45)), Some(Silence::Gone));
    }

    #[test]
    fn any_sign_of_life_starts_the_watch_anew() {
        let mut watch = watch();
        watch.due(at(15));
        watch.heard(at(20));
        assert_eq!(watch.timeout(), Some(at(35)));
    }

    #[test]
    fn a_late_timer_still_asks_before_it_gives_up() {
        let mut watch = watch();
        assert_eq!(watch.due(at(3_600)), Some(Silence::Ping));
        assert_eq!(watch.timeout(), Some(at(3_630)));
    }

    #[test]
    fn zero_means_never() {
        let mut watch = Heartbeat::new(Duration::ZERO, Duration::ZERO);
        assert_eq!((watch.timeout(), watch.due(at(1_000_000))), (None, None));
    }
}
