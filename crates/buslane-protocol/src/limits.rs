//! Every limit of the broker, with its default and what happens past it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Headers, HeadersError, Payload, PayloadError};

/// The limits of a broker. Each default is the design's; each is configurable, and going past one yields the error
/// code named with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one payload. Past it: `payload_too_large`.
    pub payload: usize,
    /// Bytes of a frame before the client is connected. Past it: `frame_too_large`, and the connection ends.
    pub first_frame: usize,
    /// Headers of one message, [`Headers::MAX_ENTRIES`] at the most. Past it: `headers_too_large`.
    pub headers: usize,
    /// Bytes of all headers of one message, [`Headers::MAX_BYTES`] at the most. Past it: `headers_too_large`.
    pub headers_bytes: usize,
    /// Bytes queued for one client, per lane. Past it: the overflow policy, `overloaded` or a disconnect.
    pub outbox: usize,
    /// Bytes that the broker accounts for in all. Past it: `memory_full`.
    pub memory: usize,
    /// Bytes of retained values in all, part of `memory`. Past it: `memory_full`.
    pub retained: usize,
    /// Requests in flight per calling client. Past it: `too_many_requests`.
    pub requests: usize,
    /// Subscriptions per client. Past it: `too_many_subscriptions`.
    pub subscriptions: usize,
    /// Wildcards per filter. Past it: `invalid_filter`.
    pub wildcards: usize,
    /// Filter nodes examined for one publish. Past it: `match_limit`.
    pub matches: usize,
    /// Bytes of one schema. Past it: `registration_too_large`.
    pub schema: usize,
    /// Bytes of one registration. Past it: `registration_too_large`.
    pub registration: usize,
    /// Registrations per client. Past it: `too_many_registrations`.
    pub registrations: usize,
    /// Methods of one registration, and topics of one. Past it: `registration_too_large`.
    pub declarations: usize,
    /// Connections in all. Past it: `too_many_connections`.
    pub connections: usize,
    /// Time from accepting a connection to its first complete frame. Past it: `handshake_timeout`.
    pub handshake: Duration,
    /// Payload bytes up to which a payload is validated on the engine's own thread.
    pub validate_inline: usize,
    /// Deadline of a request that names none.
    pub default_deadline: Duration,
    /// Longest deadline of a request. Past it: `invalid_message`.
    pub longest_deadline: Duration,
    /// Silence after which the broker pings a client.
    pub ping_after: Duration,
    /// Silence after which a client is gone.
    pub gone_after: Duration,
    /// How long an old connection may take to answer before its instance is taken over.
    pub takeover_probe: Duration,
    /// How long what a reader over HTTP subscribed to outlives the reader, who may come back and go on.
    pub feed_linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            payload: 1 << 20,
            first_frame: 64 << 10,
            headers: 32,
            headers_bytes: 8 << 10,
            outbox: 1 << 20,
            memory: 256 << 20,
            retained: 64 << 20,
            requests: 4_096,
            subscriptions: 10_000,
            wildcards: 4,
            matches: 10_000,
            schema: 256 << 10,
            registration: 1 << 20,
            registrations: 64,
            declarations: 1_000,
            connections: 100_000,
            handshake: Duration::from_secs(10),
            validate_inline: 16 << 10,
            default_deadline: Duration::from_secs(5),
            longest_deadline: Duration::from_secs(3_600),
            ping_after: Duration::from_secs(15),
            gone_after: Duration::from_secs(45),
            takeover_probe: Duration::from_secs(1),
            feed_linger: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Bytes that a frame may have beside its payload: fixed header, id, sender, target and headers, and for JSON
    /// the punctuation and escapes around them.
    pub const ENVELOPE: usize = 32 << 10;

    /// Returns the longest frame that a connected client may send: a payload in base64 with its envelope, or a
    /// registration.
    pub fn frame(&self) -> usize {
        (self.payload / 3 * 4 + 4).max(self.registration) + Self::ENVELOPE
    }

    /// Checks the number and the size of a message's headers.
    pub fn check_headers(&self, headers: &Headers<'_>) -> Result<(), HeadersError> {
        if headers.as_bytes().len() > self.headers_bytes {
            return Err(HeadersError::TooLarge {
                what: "bytes",
                limit: self.headers_bytes,
            });
        }
        if !headers.is_empty() && headers.iter().count() > self.headers {
            return Err(HeadersError::TooLarge {
                what: "entries",
                limit: self.headers,
            });
        }
        Ok(())
    }

    /// Checks the size of a message's payload.
    pub fn check_payload(&self, payload: &Payload<'_>) -> Result<(), PayloadError> {
        let length = payload.bytes.len();
        if length > self.payload {
            Err(PayloadError::TooLarge {
                length,
                limit: self.payload,
            })
        } else {
            Ok(())
        }
    }

    /// Returns the limits that a client has to keep, as `connected` announces them.
    pub fn announced(&self) -> BTreeMap<String, u64> {
        let longest_deadline_ms = u64::try_from(self.longest_deadline.as_millis()).unwrap_or(u64::MAX);
        BTreeMap::from([
            ("payload".to_owned(), self.payload as u64),
            ("frame".to_owned(), self.frame() as u64),
            ("headers".to_owned(), self.headers as u64),
            ("headers_bytes".to_owned(), self.headers_bytes as u64),
            ("requests".to_owned(), self.requests as u64),
            ("subscriptions".to_owned(), self.subscriptions as u64),
            ("registrations".to_owned(), self.registrations as u64),
            ("longest_deadline_ms".to_owned(), longest_deadline_ms),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeadersBuf;

    #[test]
    fn headers_and_payloads_are_held_against_the_limits() {
        let limits = Limits {
            headers: 1,
            headers_bytes: 20,
            payload: 3,
            ..Limits::default()
        };
        let mut headers = HeadersBuf::new();
        headers.push("a", "1").unwrap();
        assert_eq!(limits.check_headers(&headers.headers()), Ok(()));
        headers.push("b", "2").unwrap();
        let entries = HeadersError::TooLarge {
            what: "entries",
            limit: 1,
        };
        assert_eq!(limits.check_headers(&headers.headers()), Err(entries));
        headers.push("c", "a long value").unwrap();
        let bytes = HeadersError::TooLarge {
            what: "bytes",
            limit: 20,
        };
        assert_eq!(limits.check_headers(&headers.headers()), Err(bytes));
        assert_eq!(limits.check_payload(&Payload::json(&b"123"[..])), Ok(()));
        let payload = PayloadError::TooLarge { length: 4, limit: 3 };
        assert_eq!(limits.check_payload(&Payload::json(&b"1234"[..])), Err(payload));
    }

    #[test]
    fn a_frame_holds_the_longest_payload_in_either_encoding() {
        let limits = Limits::default();
        assert!(limits.frame() >= limits.payload.div_ceil(3) * 4 + Limits::ENVELOPE);
        assert!(limits.frame() >= limits.registration + Limits::ENVELOPE);
    }
}
