//! What is different from run to run before anything happens: limits, network, who takes part.

use std::time::Duration;

use buslane_protocol::{Framing, Instant, Limits};

use crate::random::Random;

/// What is different from run to run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The broker's limits.
    pub(crate) limits: Limits,
    /// How each peer takes part.
    pub(crate) peers: Vec<Kind>,
    /// Time of one way through the network, in microseconds.
    pub(crate) latency: u64,
    /// Bytes that a connection takes before its reader has to read.
    pub(crate) window: usize,
    /// Bytes under way to the broker past which a session's driver writes nothing for the time being.
    pub(crate) upward: usize,
    /// Bytes of the largest payloads.
    pub(crate) largest: usize,
    /// Longest time between two actions, in microseconds.
    pub(crate) pace: u64,
    /// Longest time that compiling or validating takes, in microseconds.
    pub(crate) work: u64,
}

/// How a peer takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Whether a session stands between it and the wire.
    pub(crate) session: bool,
    /// What stands on its wire.
    pub(crate) framing: Framing,
    /// On whose behalf it acts.
    pub(crate) principal: usize,
}

impl Settings {
    /// Draws the settings of a run.
    pub(crate) fn random(random: &mut Random) -> Settings {
        let count = random.within(3, 7);
        let kind = |random: &mut Random| Kind {
            session: random.chance(60),
            framing: random.pick(&FRAMINGS),
            principal: usize::from(random.chance(15)),
        };
        Settings {
            limits: limits(random),
            peers: (0..count).map(|_| kind(random)).collect(),
            latency: random.pick(&[1, 50, 1_000, 40_000]),
            window: random.pick(&[300, 2_000, 20_000, 1 << 20]),
            upward: random.pick(&[100, 2_000, usize::MAX, usize::MAX]),
            largest: random.pick(&[200, 4_000, 60_000]),
            pace: random.pick(&[500, 20_000, 300_000, 2_000_000]),
            work: random.pick(&[10, 2_000, 500_000]),
        }
    }
}

fn limits(random: &mut Random) -> Limits {
    let plain = Limits::default();
    if random.chance(40) {
        return plain;
    }
    let ping_after = Duration::from_secs(random.pick(&[3, 15]));
    Limits {
        payload: random.pick(&[2_000, 100_000, 1 << 20]),
        outbox: random.pick(&[2_000, 20_000, 1 << 20]),
        memory: random.pick(&[60_000, 300_000, 256 << 20]),
        retained: random.pick(&[1_500, 64 << 20]),
        requests: random.pick(&[1, 3, 4_096]),
        subscriptions: random.pick(&[2, 5, 10_000]),
        registrations: random.pick(&[1, 2, 64]),
        matches: random.pick(&[4, 10_000]),
        validate_inline: random.pick(&[10, 16 << 10]),
        connections: random.pick(&[3, 100_000]),
        ping_after,
        gone_after: 3 * ping_after,
        ..plain
    }
}

/// Everything that may stand on a wire.
pub(crate) const FRAMINGS: [Framing; 4] = [
    Framing::Binary,
    Framing::JsonLines,
    Framing::WebSocketBinary,
    Framing::WebSocketText,
];
/// When each run begins.
pub(crate) const BEGINNING: Instant = Instant::from_micros(1_000_000);
