//! How a session is configured, as JavaScript says it. Holds no default: those are the session's own.

use buslane_session::Config;
use buslane_session::protocol::{ErrorCode, Framing, Name, Problem};
use serde::Deserialize;

use crate::handles::{duration, own};

/// What a program may say about its client; times are in milliseconds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Options {
    framing: Road,
    name: Option<String>,
    token: Option<String>,
    ping_after: Option<f64>,
    gone_after: Option<f64>,
    first_retry: Option<f64>,
    longest_retry: Option<f64>,
    offline_bytes: Option<usize>,
}

/// What carries the frames, which are always binary.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Road {
    Stream,
    WebSocket,
}

impl Options {
    /// Reads the options.
    pub(crate) fn parse(text: &str) -> Result<Options, Box<Problem>> {
        serde_json::from_str(text).map_err(|error| Box::new(own(ErrorCode::InvalidMessage, error)))
    }

    /// Makes a session's configuration of them.
    pub(crate) fn config(self, seed: u64, unix_ms_at_zero: f64) -> Result<Config, Box<Problem>> {
        let mut config = Config {
            name: self.name.as_deref().map(name).transpose()?,
            token: self.token,
            framing: match self.framing {
                Road::Stream => Framing::Binary,
                Road::WebSocket => Framing::WebSocketBinary,
            },
            seed,
            unix_ms_at_zero: unix_ms_at_zero as u64,
            ..Config::default()
        };
        let times = [
            (&mut config.ping_after, self.ping_after),
            (&mut config.gone_after, self.gone_after),
            (&mut config.backoff.base, self.first_retry),
            (&mut config.backoff.cap, self.longest_retry),
        ];
        for (time, said) in times {
            *time = said.map_or(*time, duration);
        }
        config.offline_bytes = self.offline_bytes.unwrap_or(config.offline_bytes);
        Ok(config)
    }
}

/// Parses a name.
pub(crate) fn name(text: &str) -> Result<Name, Box<Problem>> {
    Name::parse(text).map_err(|error| Box::new(own(ErrorCode::InvalidName, error)))
}
