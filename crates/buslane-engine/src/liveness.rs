//! Whether a client still lives. Owns one lazily re-armed timer per client; reading bytes only writes a time.

use std::time::Duration;

use buslane_protocol::{BrokerMessage, ErrorCode, Framing, Instant, Problem, Refusal};

use crate::client::{Client, Phase};
use crate::engine::{Engine, Timer};
use crate::{ClientId, CloseReason, Peer};

impl Engine {
    /// Returns the heartbeat of a client that asked for none: off for JSON lines from this machine, where a person may
    /// be typing.
    pub(crate) fn default_heartbeat(&self, peer: &Peer) -> u32 {
        if peer.framing == Framing::JsonLines && peer.loopback {
            0
        } else {
            self.longest_heartbeat()
        }
    }

    /// Returns the heartbeat that a client gets when it asks for one.
    pub(crate) fn agreed_heartbeat(&self, client: &Client, wanted: Option<u32>) -> u32 {
        let longest = self.longest_heartbeat();
        let may_be_silent =
            client.framing() == Framing::JsonLines && (client.loopback || self.config.silent_clients);
        match wanted {
            None => client.heartbeat_ms,
            Some(0) if may_be_silent => 0,
            Some(0) => longest,
            Some(wanted) => wanted.clamp(SHORTEST_MS.min(longest), longest),
        }
    }

    fn longest_heartbeat(&self) -> u32 {
        u32::try_from(self.config.limits.ping_after.as_millis()).unwrap_or(u32::MAX)
    }

    /// Returns the silence after which a client is gone: in proportion to its heartbeat.
    fn patience(&self, client: &Client) -> Duration {
        let limits = &self.config.limits;
        let share = limits.gone_after.as_micros() * u128::from(client.heartbeat_ms);
        let micros = share / limits.ping_after.as_millis().max(1);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// Waits for a new client's first complete frame.
    pub(crate) fn arm_handshake(&mut self, id: ClientId) {
        let deadline = self.now + self.config.limits.handshake;
        self.arm(id, deadline);
    }

    fn arm(&mut self, id: ClientId, deadline: Instant) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        let alarm = self.timers.insert(deadline, Timer::Alarm(id));
        if let Some(earlier) = client.alarm.replace(alarm) {
            self.timers.cancel(earlier);
        }
    }

    /// Sets the timer anew for a client whose heartbeat changed, or that has just come alive.
    pub(crate) fn rearm(&mut self, id: ClientId) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        match client.heartbeat_ms {
            0 => {
                if let Some(alarm) = client.alarm.take() {
                    self.timers.cancel(alarm);
                }
            }
            heartbeat => {
                let deadline = self.now + Duration::from_millis(u64::from(heartbeat));
                self.arm(id, deadline);
            }
        }
    }

    /// Notes a sign of life.
    #[inline]
    pub(crate) fn hear(&mut self, id: ClientId) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        client.heard = self.now;
        if client.pinged || client.probes > 0 {
            self.revive(id);
        }
    }

    /// Goes back to waiting for the next silence of a client that answered.
    #[cold]
    fn revive(&mut self, id: ClientId) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        client.pinged = false;
        if client.phase == Phase::Open {
            self.rearm(id);
        }
        self.fail_probes_of(id);
    }

    /// Looks whether a client was silent for too long.
    pub(crate) fn check_alarm(&mut self, id: ClientId) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        client.alarm = None;
        if matches!(client.phase, Phase::Silent | Phase::Unknown) {
            return self.expire_client(id, ErrorCode::HandshakeTimeout, CloseReason::HandshakeTimeout);
        }
        if client.is_closing() || client.heartbeat_ms == 0 {
            return;
        }
        if client.parked.is_some() {
            client.heard = self.now;
        }
        let (heard, pinged) = (client.heard, client.pinged);
        let ping_at = heard + Duration::from_millis(u64::from(client.heartbeat_ms));
        let Some(client) = self.clients.find(id) else {
            return;
        };
        let gone_at = heard + self.patience(client);
        if self.now >= gone_at {
            self.expire_client(id, ErrorCode::HeartbeatTimeout, CloseReason::HeartbeatTimeout);
        } else if self.now < ping_at {
            self.arm(id, ping_at);
        } else {
            if !pinged {
                self.ping(id);
            }
            self.arm(id, gone_at);
        }
    }

    /// Asks a client for a sign of life.
    pub(crate) fn ping(&mut self, id: ClientId) {
        let Some(client) = self.clients.find_mut(id) else {
            return;
        };
        client.pinged = true;
        self.ledger.counters.pings += 1;
        match client.framing() {
            Framing::WebSocketBinary | Framing::WebSocketText => {
                self.clients.send_raw(&mut self.ledger, id, WEBSOCKET_PING);
            }
            Framing::Binary | Framing::JsonLines => self.send(id, &BrokerMessage::Ping(None)),
        }
    }

    fn expire_client(&mut self, id: ClientId, code: ErrorCode, reason: CloseReason) {
        let detail = match code {
            ErrorCode::HandshakeTimeout => "send one complete message in time after connecting",
            _ => "answer each ping with a pong; any bytes prove life",
        };
        let error = Problem::new(code).detail(detail);
        self.ledger.refused(code);
        let refusal = Refusal {
            id: None,
            delivery: None,
            from: None,
            error,
        };
        self.clients
            .inform(&mut self.ledger, id, &BrokerMessage::Error(refusal));
        self.clients.doom(id, reason);
    }
}

/// The shortest heartbeat that a client can ask for, in milliseconds.
const SHORTEST_MS: u32 = 1_000;
/// A WebSocket's ping without data (RFC 6455, section 5.5.2), as a server writes it.
const WEBSOCKET_PING: &[u8] = &[0x89, 0x00];
