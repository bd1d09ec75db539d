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
    /// Plain publishes since the time was last looked at.
    plain: u32,
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

    /// Takes note of a message.
    #[inline]
    pub(crate) fn spend(&mut self) {
        self.look(SHORT);
    }

    /// Takes note of a plain publish. As such a stream costs more the more often it is interrupted, it may go on for longer.
    #[inline]
    pub(crate) fn spend_plain(&mut self) {
        self.plain += 1;
        if self.plain == PLAIN {
            self.plain = 0;
            self.look(LONG);
        }
    }

    /// Tells whether it is somebody else's turn.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    fn look(&mut self, most: Duration) {
        self.is_over |= self.clock.now().saturating_since(self.began) >= most;
    }
}

/// How long a client's messages may take while others wait.
const SHORT: Duration = Duration::from_micros(40);
/// How long a client's plain publishes may take.
const LONG: Duration = Duration::from_micros(150);
/// Plain publishes between two looks at the time.
const PLAIN: u32 = 64;
