//! What the log says, and how often. Never a payload, never a token.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use buslane_engine::Notice;
use buslane_protocol::{Instant, Verdict};
use tracing::{Level, debug, error, info, warn};

use crate::config::{LogConfig, LogFormat};

/// Writes the broker's log: what may come often is limited to a few lines a second and counted beyond.
#[derive(Default)]
pub(crate) struct Journal {
    limits: BTreeMap<&'static str, Window>,
}

/// How many lines of one kind were written lately.
#[derive(Clone, Copy, Default)]
struct Window {
    began: Instant,
    lines: u32,
    /// Lines that were not written.
    withheld: u64,
}

/// Starts the log of this process, on its standard error. Does nothing if there is a log already.
pub fn start_log(config: LogConfig) {
    let builder = tracing_subscriber::fmt()
        .with_max_level(config.level)
        .with_writer(io::stderr)
        .with_target(config.level == Level::TRACE);
    // Whoever embeds the broker may have started a log of its own, which is as good.
    let _started = match config.format {
        LogFormat::Text => builder
            .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
            .try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

impl Journal {
    /// Writes what the engine has to say.
    pub(crate) fn write(&mut self, now: Instant, notice: Notice) {
        match notice {
            Notice::Opened {
                client,
                address,
                principal,
            } => {
                debug!(?client, address, %principal, "connection open");
            }
            Notice::Closed { client, reason } => {
                debug!(?client, reason = reason.as_str(), "connection closed");
            }
            Notice::Registered {
                client,
                service,
                instance,
                version,
            } => {
                info!(?client, %service, %instance, version, "joined");
            }
            incompatible @ Notice::Incompatible { .. } => self.incompatible(now, incompatible),
            Notice::Unregistered {
                client,
                service,
                instance,
            } => {
                info!(?client, %service, %instance, "left");
            }
            Notice::TakenOver {
                service,
                instance,
                from,
                to,
            } => {
                info!(%service, %instance, ?from, ?to, "taken over");
            }
            Notice::Overflow {
                client,
                count,
                bytes,
                policy,
            } => {
                if let Some(withheld) = self.allow(now, "overflow") {
                    warn!(?client, count, bytes, ?policy, withheld, "deliveries dropped");
                }
            }
            Notice::Refused { client, code } => {
                if let Some(withheld) = self.allow(now, code.as_str()) {
                    info!(?client, code = code.as_str(), withheld, "refused");
                }
            }
            Notice::MemoryFull { used } => warn!(used, "memory full"),
            other => debug!(?other, "noted"),
        }
    }

    /// Writes that somebody speaks a protocol that is not served.
    pub(crate) fn foreign(&mut self, now: Instant, protocol: &'static str, hint: &'static str) {
        if let Some(withheld) = self.allow(now, protocol) {
            warn!(protocol, hint, withheld, "unknown protocol");
        }
    }

    /// Writes that a connection was ended before it became a client.
    pub(crate) fn turned_away(&mut self, now: Instant, reason: &'static str) {
        if let Some(withheld) = self.allow(now, reason) {
            warn!(reason, withheld, "connection turned away");
        }
    }

    /// Writes that the system gives no more connections.
    pub(crate) fn cannot_accept(&mut self, now: Instant, error: &io::Error) {
        if let Some(withheld) = self.allow(now, "accept") {
            error!(%error, withheld, "connections cannot be accepted");
        }
    }

    /// Writes that a registration does not suit those who use its service.
    fn incompatible(&mut self, now: Instant, notice: Notice) {
        let Notice::Incompatible {
            client,
            service,
            version,
            previous,
            verdict,
            summary,
            refused,
        } = notice
        else {
            return;
        };
        let Some(withheld) = self.allow(now, "incompatible") else {
            return;
        };
        let (is_certain, verdict) = (verdict == Verdict::Breaking, verdict.as_str());
        if is_certain {
            warn!(?client, %service, version, previous, verdict, summary, refused, withheld, "schema changed");
        } else {
            info!(?client, %service, version, previous, verdict, summary, withheld, "schema changed");
        }
    }

    /// Tells whether a line of this kind may be written now, and how many were not since the last one.
    fn allow(&mut self, now: Instant, kind: &'static str) -> Option<u64> {
        let window = self.limits.entry(kind).or_default();
        if now.saturating_since(window.began) >= WINDOW {
            *window = Window {
                began: now,
                lines: 0,
                withheld: window.withheld,
            };
        }
        if window.lines == LINES {
            window.withheld += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.withheld))
    }
}

const WINDOW: Duration = Duration::from_secs(1);
/// Lines of one kind in one window.
const LINES: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_is_counted_instead_of_written() {
        let mut journal = Journal::default();
        let at = |seconds: u64| Instant::ZERO + Duration::from_secs(seconds);
        let allowed = (0..100)
            .filter(|_| journal.allow(at(10), "overflow").is_some())
            .count();
        assert_eq!(allowed, LINES as usize);
        assert_eq!(
            journal.allow(at(10), "accept"),
            Some(0),
            "another kind has lines of its own"
        );
        assert_eq!(journal.allow(at(11), "overflow"), Some(95));
        assert_eq!(journal.allow(at(11), "overflow"), Some(0));
    }
}
