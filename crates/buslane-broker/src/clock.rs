//! The one place where the broker reads clocks and randomness for its engine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use buslane_protocol::{Id, Instant};

/// A monotonic clock, counted from its making.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    /// The runtime's clock, which is the system's but for tests that move it themselves.
    origin: tokio::time::Instant,
    unix_ms_at_zero: u64,
}

impl Clock {
    /// Starts a clock.
    pub(crate) fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_ms_at_zero = u64::try_from(since_1970.as_millis()).unwrap_or_default();
        Clock {
            origin: tokio::time::Instant::now(),
            unix_ms_at_zero,
        }
    }

    /// Returns the time since the start.
    pub(crate) fn now(&self) -> Instant {
        // 2^64 microseconds are 500,000 years.
        Instant::from_micros(self.origin.elapsed().as_micros() as u64)
    }

    /// Returns the milliseconds since 1970 at the start.
    pub(crate) fn unix_ms_at_zero(&self) -> u64 {
        self.unix_ms_at_zero
    }

    /// Returns the runtime's name for an instant.
    pub(crate) fn deadline(&self, at: Instant) -> tokio::time::Instant {
        self.origin + Duration::from_micros(at.as_micros())
    }
}

/// Makes an id that nobody else makes: a UUIDv7.
pub(crate) fn new_id() -> Id {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut random = [0; 10];
    // A system without randomness stopped the broker from starting. Should it fail later, the time is left to tell
    // ids apart, which they need to do on one connection only.
    let _filled = getrandom::fill(&mut random);
    Id::uuid_v7(u64::try_from(since_1970.as_millis()).unwrap_or_default(), random)
}

/// Asks the system for bytes that nobody can guess.
pub(crate) fn random_seed() -> Result<[u8; 32], getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}
