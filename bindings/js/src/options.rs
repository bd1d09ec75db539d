//! How a session is configured, as JavaScript says it. Holds no default: those are the session's own.

use std::time::Duration;

use buslane_session::Config;
use buslane_session::protocol::{ErrorCode, Framing, Name, Problem};

use crate::handles::{duration, own};

/// What a program may say about its client. A number that is none stands for one that it does not say.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    pub(crate) web_socket: bool,
    pub(crate) name: Option<&'a str>,
    pub(crate) token: Option<&'a str>,
    /// When to ping, when to give up, and the first and the longest wait between attempts; in milliseconds.
    pub(crate) times: [f64; 4],
    pub(crate) offline_bytes: f64,
    pub(crate) seed: u64,
    pub(crate) unix_ms_at_zero: f64,
}

impl Options<'_> {
    /// Makes a session's configuration of them. Frames are always binary.
    pub(crate) fn config(self) -> Result<Config, Box<Problem>> {
        let mut config = Config {
            name: self.name.map(name).transpose()?,
            token: self.token.map(str::to_owned),
            framing: if self.web_socket {
                Framing::WebSocketBinary
            } else {
                Framing::Binary
            },
            seed: self.seed,
            unix_ms_at_zero: self.unix_ms_at_zero as u64,
            ..Config::default()
        };
        let times: [&mut Duration; 4] = [
            &mut config.ping_after,
            &mut config.gone_after,
            &mut config.backoff.base,
            &mut config.backoff.cap,
        ];
        for (time, said) in times.into_iter().zip(self.times) {
            if let Some(said) = number(said)? {
                *time = duration(said);
            }
        }
        if let Some(bytes) = number(self.offline_bytes)? {
            config.offline_bytes = bytes as usize;
        }
        Ok(config)
    }
}

/// Parses a name.
pub(crate) fn name(text: &str) -> Result<Name, Box<Problem>> {
    Name::parse(text).map_err(|error| Box::new(own(ErrorCode::InvalidName, error)))
}

/// Takes a number of an option, if there is one.
fn number(said: f64) -> Result<Option<f64>, Box<Problem>> {
    if said < 0.0 {
        let detail = "an option of a connection is negative; times are milliseconds from 0";
        return Err(Box::new(own(ErrorCode::InvalidMessage, detail)));
    }
    Ok((!said.is_nan()).then_some(said))
}
