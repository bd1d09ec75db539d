//! Where the connection stands, and when the next attempt is made. Knows nothing of what travels on it.
//!
//! ```text
//!            due                 opened                greeted
//!  Waiting ------> Dialling ----------------> Greeting ------> Live
//!     ^               |                           |              |
//!     +---------------+---------------------------+--------------+   lost
//!  any ---> Ended
//! ```

use std::time::Duration;

use buslane_protocol::{Connected, Instant, Problem};

use crate::config::Backoff;
use crate::random::Random;
use crate::{SessionError, State};

/// Where the connection stands.
#[derive(Debug)]
pub(crate) struct Connection {
    phase: Phase,
    /// How long dialling may take, and then how long the greeting.
    handshake: Duration,
    backoff: Backoff,
    /// Attempts since the last stable connection.
    failures: u32,
    random: Random,
    generation: u32,
    announced: Option<Box<Connected>>,
    draining: bool,
}

#[derive(Debug)]
enum Phase {
    Waiting { until: Instant },
    Dialling { until: Instant },
    Greeting { until: Instant },
    Live { since: Instant },
    Ended(Box<Problem>),
}

impl Connection {
    /// Makes a connection that is to be dialled at once.
    pub(crate) fn new(now: Instant, handshake: Duration, backoff: Backoff, random: Random) -> Self {
        Connection {
            phase: Phase::Dialling {
                until: now + handshake,
            },
            handshake,
            backoff,
            failures: 0,
            random,
            generation: 0,
            announced: None,
            draining: false,
        }
    }

    /// Returns what the driver is told.
    pub(crate) fn state(&self) -> State {
        match self.phase {
            Phase::Waiting { .. } => State::Waiting,
            Phase::Dialling { .. } | Phase::Greeting { .. } => State::Connecting,
            Phase::Live { .. } => State::Connected,
            Phase::Ended(_) => State::Ended,
        }
    }

    /// Tells whether the driver dials.
    pub(crate) fn is_dialling(&self) -> bool {
        matches!(self.phase, Phase::Dialling { .. })
    }

    /// Tells whether bytes can be written.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Greeting { .. } | Phase::Live { .. })
    }

    /// Tells whether the broker has accepted the client.
    #[inline]
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live { .. })
    }

    /// Tells whether new requests are welcome: live, and the broker not about to leave.
    pub(crate) fn takes_requests(&self) -> bool {
        self.is_live() && !self.draining
    }

    /// Tells whether the session has ended for good.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// Tells whether the broker is about to leave.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining
    }

    /// Returns the error that every call gives after the end.
    pub(crate) fn ensure_not_ended(&self) -> Result<(), SessionError> {
        match &self.phase {
            Phase::Ended(problem) => Err(SessionError::Ended(problem.clone())),
            _ => Ok(()),
        }
    }

    /// Counts the connections, from 1.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns what the broker said when it accepted the client.
    pub(crate) fn announced(&self) -> Option<&Connected> {
        self.announced.as_deref()
    }

    /// Returns when something is due.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until } | Phase::Dialling { until } | Phase::Greeting { until } => Some(until),
            _ => None,
        }
    }

    /// Begins to dial if the wait is over.
    pub(crate) fn dial_if_due(&mut self, now: Instant) -> bool {
        let due = matches!(self.phase, Phase::Waiting { until } if until <= now);
        if due {
            self.phase = Phase::Dialling {
                until: now + self.handshake,
            };
        }
        due
    }

    /// Tells whether dialling, or the broker's greeting, took too long.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        matches!(self.phase, Phase::Dialling { until } | Phase::Greeting { until } if until <= now)
    }

    /// Takes note of an open transport.
    pub(crate) fn opened(&mut self, now: Instant) {
        self.phase = Phase::Greeting {
            until: now + self.handshake,
        };
        self.generation = self.generation.wrapping_add(1);
    }

    /// Takes note that the broker accepted the client.
    pub(crate) fn greeted(&mut self, now: Instant, connected: Box<Connected>) {
        self.phase = Phase::Live { since: now };
        self.announced = Some(connected);
    }

    /// Takes note that the broker is about to leave.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
    }

    /// Takes note that the connection is lost, or that it could not be made. Returns when the next attempt is due.
    pub(crate) fn lost(&mut self, now: Instant) -> Instant {
        if matches!(self.phase, Phase::Live { since } if now - since >= self.backoff.stable_after) {
            self.failures = 0;
        }
        let until = now + self.backoff.delay(self.failures, &mut self.random);
        self.failures = self.failures.saturating_add(1);
        self.close(Phase::Waiting { until });
        until
    }

    /// Ends for good.
    pub(crate) fn end(&mut self, problem: Problem) {
        self.close(Phase::Ended(Box::new(problem)));
    }

    fn close(&mut self, phase: Phase) {
        self.phase = phase;
        self.announced = None;
        self.draining = false;
    }
}

impl Backoff {
    /// Returns how long to wait after so many failures: the full step, less up to a half by chance.
    pub(crate) fn delay(&self, failures: u32, random: &mut Random) -> Duration {
        let factor = self.factor.max(1).saturating_pow(failures.min(MOST_STEPS));
        let step = self.base.saturating_mul(factor).min(self.cap);
        let micros = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(micros - random.below(micros / 2 + 1))
    }
}

/// Steps after which any sensible factor has long passed any cap.
const MOST_STEPS: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_micros(milliseconds * 1_000)
    }

    fn connection() -> Connection {
        Connection::new(at(0), Duration::from_secs(1), Backoff::default(), Random::new(1))
    }

    fn connected() -> Box<Connected> {
        Box::new(Connected {
            id: None,
            version: 1,
            node: buslane_protocol::Name::parse("node").unwrap(),
            server: "test".into(),
            client: "client-1".into(),
            heartbeat_ms: 0,
            limits: Default::default(),
        })
    }

    #[test]
    fn waits_double_up_to_the_cap_with_jitter_below() {
        let mut random = Random::new(9);
        let backoff = Backoff::default();
        for (failures, full) in [
            (0, 100),
            (1, 200),
            (2, 400),
            (8, 25_600),
            (9, 30_000),
            (1_000, 30_000),
        ] {
            let delay = backoff.delay(failures, &mut random).as_millis();
            assert!(delay >= full / 2 && delay <= full, "{failures}: {delay}");
        }
    }

    #[test]
    fn the_wait_differs_between_seeds() {
        let wait = |seed| Backoff::default().delay(5, &mut Random::new(seed));
        assert_ne!(wait(1), wait(2));
    }

    #[test]
    fn a_connection_that_lasted_starts_the_waits_anew() {
        let mut connection = connection();
        for _ in 0..10 {
            connection.lost(at(0));
        }
        connection.opened(at(0));
        connection.greeted(at(0), connected());
        assert!(connection.lost(at(5_000)) <= at(5_100));
    }

    #[test]
    fn a_connection_that_was_lost_at_once_does_not() {
        let mut connection = connection();
        for _ in 0..10 {
            connection.lost(at(0));
        }
        connection.opened(at(0));
        connection.greeted(at(0), connected());
        assert!(connection.lost(at(4_000)) >= at(19_000));
    }

    #[test]
    fn dialling_begins_when_the_wait_is_over() {
        let mut connection = connection();
        let until = connection.lost(at(0));
        assert!(!connection.dial_if_due(Instant::from_micros(until.as_micros() - 1)));
        assert!(connection.dial_if_due(until));
        assert!(!connection.dial_if_due(until));
    }
}
