//! What a driver decides once for a session.

use std::time::Duration;

use buslane_protocol::{Framing, Limits, Name};

/// How a session behaves. Every time and size has the default that the field names.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name that the broker stamps as `from` while there is no registration.
    pub name: Option<Name>,
    /// Proves to the broker who the client is.
    pub token: Option<String>,
    /// What stands on the wire; the same for each connection of the session. Default: binary frames.
    pub framing: Framing,
    /// Random bits, different for each session: for ids and for the jitter of reconnects.
    pub seed: u64,
    /// Unix time, in milliseconds, at the origin of the driver's clock, for the time in ids.
    pub unix_ms_at_zero: u64,
    /// Silence that the broker is asked to allow before it pings, in milliseconds. Default: over JSON lines as
    /// [`Config::ping_after`], since the broker expects a person there and would not ping; else the broker's choice.
    pub heartbeat_ms: Option<u32>,
    /// Silence of the broker after which the session pings. Default: 15 s. Zero for never.
    pub ping_after: Duration,
    /// Silence of the broker after which the connection is given up. Default: 45 s. Zero for never.
    pub gone_after: Duration,
    /// Time for opening a transport, and again from then to the broker's `connected`. Past it the attempt is given up.
    /// Default: 10 s.
    pub handshake: Duration,
    /// How long to wait between attempts to connect.
    pub backoff: Backoff,
    /// Deadline of a request that names none; tells the session when to stop waiting for the broker's word.
    /// Default: 5 s, as the broker's.
    pub default_deadline: Duration,
    /// How long after a deadline the session ends the request itself. Default: 250 ms.
    pub deadline_grace: Duration,
    /// Bytes of requests and publishes that wait for a connection. Past it: `queue_full`. Default: 1 MiB.
    pub offline_bytes: usize,
    /// Bytes of the longest message taken from the broker. Past it the connection ends. Default:
    /// [`Limits::frame`] of the default limits; a broker that announces longer frames raises it.
    pub frame_bytes: usize,
}

impl Config {
    /// Returns the heartbeat to ask for.
    pub(crate) fn wanted_heartbeat(&self) -> Option<u32> {
        let usual = u32::try_from(self.ping_after.as_millis()).unwrap_or(u32::MAX);
        let asks = self.framing == Framing::JsonLines && usual > 0;
        self.heartbeat_ms.or(asks.then_some(usual))
    }
}

impl Default for Config {
    fn default() -> Self {
        let limits = Limits::default();
        Config {
            name: None,
            token: None,
            framing: Framing::Binary,
            seed: 0,
            unix_ms_at_zero: 0,
            heartbeat_ms: None,
            ping_after: limits.ping_after,
            gone_after: limits.gone_after,
            handshake: limits.handshake,
            backoff: Backoff::default(),
            default_deadline: limits.default_deadline,
            deadline_grace: Duration::from_millis(250),
            offline_bytes: 1 << 20,
            frame_bytes: limits.frame(),
        }
    }
}

/// How long to wait between attempts: the first retry comes within [`Backoff::base`], each further one after
/// [`Backoff::factor`] times as long, up to [`Backoff::cap`], less up to a half by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait. Default: 100 ms.
    pub base: Duration,
    /// What each wait is multiplied by to give the next. Default: 2.
    pub factor: u32,
    /// The longest wait. Default: 30 s.
    pub cap: Duration,
    /// How long a connection has to last for the next loss to begin at [`Backoff::base`] again. Default: 5 s.
    pub stable_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff {
            base: Duration::from_millis(100),
            factor: 2,
            cap: Duration::from_secs(30),
            stable_after: Duration::from_secs(5),
        }
    }
}
