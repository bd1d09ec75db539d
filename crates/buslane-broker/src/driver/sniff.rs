//! Tells from the first bytes of a connection who is there.
//!
//! ```text
//!  B5         raw binary frames, after their preamble
//!  '{'        JSON lines
//!  'A'..'Z'   HTTP/1.1, and by it WebSocket; "PRI " is HTTP/2, which is refused
//!  16         TLS         ┐
//!  10         MQTT        │ reserved: refused in a way that its clients
//!  '*'        RESP        │ understand, with a hint in the log
//!  7F         WAMP        ┘
//! ```

use crate::websocket::binary_frame;
use buslane_protocol::binary::Preamble;
use buslane_protocol::{BrokerMessage, ErrorCode, Framing, Problem, Refusal};

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Raw binary frames, after their preamble.
    Binary,
    /// JSON lines.
    JsonLines,
    /// HTTP/1.1.
    Http,
}

/// What the first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sniffed {
    /// Not enough yet.
    Unclear,
    /// Who is there.
    Known(Protocol),
    /// Somebody whom this broker does not serve.
    Foreign(Foreign),
}

/// Somebody whom this broker does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// HTTP/2 without upgrade.
    Http2,
    /// A protocol with a first byte of its own.
    Reserved {
        /// What it is called.
        name: &'static str,
        /// How to say no in it.
        no: &'static [u8],
    },
    /// No protocol that is known here.
    Unknown,
}

/// Looks at the first bytes of a connection.
pub(crate) fn sniff(bytes: &[u8]) -> Sniffed {
    match bytes.first() {
        None => Sniffed::Unclear,
        Some(&Preamble::FIRST) => Sniffed::Known(Protocol::Binary),
        Some(b'{') => Sniffed::Known(Protocol::JsonLines),
        Some(b'A'..=b'Z') if bytes.starts_with(HTTP_2) => Sniffed::Foreign(Foreign::Http2),
        Some(b'A'..=b'Z') if HTTP_2.starts_with(bytes) => Sniffed::Unclear,
        Some(b'A'..=b'Z') => Sniffed::Known(Protocol::Http),
        Some(first) => {
            let reserved = RESERVED.iter().find(|(byte, ..)| byte == first);
            let foreign = |(_, name, no): &(u8, &'static str, &'static [u8])| Foreign::Reserved { name, no };
            Sniffed::Foreign(reserved.map_or(Foreign::Unknown, foreign))
        }
    }
}

impl Foreign {
    /// Returns what the other side is told.
    pub(crate) fn answer(self) -> Vec<u8> {
        match self {
            Foreign::Http2 => http_2_answer(),
            Foreign::Reserved { no, .. } => no.to_vec(),
            Foreign::Unknown => {
                let detail =
                    "a connection begins with '{' (JSON lines), an HTTP method, or the binary preamble";
                line(Problem::new(ErrorCode::InvalidFrame).detail(detail))
            }
        }
    }

    /// Returns what the log says.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Foreign::Http2 => "HTTP/2 is not spoken here; use HTTP/1.1",
            Foreign::Reserved { name: "TLS", .. } => "TLS is not spoken here yet; connect without it",
            Foreign::Reserved { .. } => "this protocol has no door here yet",
            Foreign::Unknown => "the first byte belongs to no protocol that is spoken here",
        }
    }

    /// Returns the protocol's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Foreign::Http2 => "HTTP/2",
            Foreign::Reserved { name, .. } => name,
            Foreign::Unknown => "unknown",
        }
    }
}

/// Encodes an error as a JSON line.
pub(crate) fn line(error: Problem) -> Vec<u8> {
    encoded(Framing::JsonLines, error)
}

/// Encodes an error that concerns no message in particular, as it stands on the wire.
pub(crate) fn encoded(framing: Framing, error: Problem) -> Vec<u8> {
    let mut bytes = Vec::new();
    let refusal = Refusal {
        id: None,
        delivery: None,
        from: None,
        error,
    };
    framing.encode(&mut bytes, &BrokerMessage::Error(refusal));
    if framing == Framing::WebSocketBinary {
        binary_frame(bytes)
    } else {
        bytes
    }
}

fn http_2_answer() -> Vec<u8> {
    let problem = Problem {
        status: 505,
        ..Problem::new(ErrorCode::UnsupportedVersion)
    };
    let body = serde_json::to_string(&problem.detail("HTTP/2 is not spoken here; use HTTP/1.1"));
    let body = body.unwrap_or_default();
    let length = body.len();
    format!(
        "HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: application/problem+json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// How a client that knows that the server speaks HTTP/2 begins (RFC 9113, section 3.4).
const HTTP_2: &[u8] = b"PRI ";

/// First bytes kept for later, with the protocol's own way to say no.
const RESERVED: [(u8, &str, &[u8]); 4] = [
    // A fatal alert, handshake_failure (RFC 8446, section 6).
    (0x16, "TLS", &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28]),
    // CONNACK, the server is unavailable (MQTT 3.1.1, section 3.2.2.3).
    (0x10, "MQTT", &[0x20, 0x02, 0x00, 0x03]),
    (b'*', "RESP", b"-ERR RESP is not spoken here\r\n"),
    // Handshake error, serializer unsupported (WAMP, RawSocket transport).
    (0x7f, "WAMP RawSocket", &[0x7f, 0x10, 0x00, 0x00]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_who_is_there() {
        assert_eq!(sniff(b""), Sniffed::Unclear);
        assert_eq!(sniff(b"{"), Sniffed::Known(Protocol::JsonLines));
        assert_eq!(sniff(&[0xb5]), Sniffed::Known(Protocol::Binary));
        for http in ["GET", "H", "PUT", "POST", "OPTIONS / HTTP/1.1", "PRIX"] {
            assert_eq!(sniff(http.as_bytes()), Sniffed::Known(Protocol::Http), "{http}");
        }
        for unclear in ["P", "PR", "PRI"] {
            assert_eq!(sniff(unclear.as_bytes()), Sniffed::Unclear);
        }
    }

    #[test]
    fn foreign_protocols_are_told_apart() {
        assert_eq!(sniff(b"PRI * HTTP/2.0\r\n"), Sniffed::Foreign(Foreign::Http2));
        for (first, name) in [
            (0x16, "TLS"),
            (0x10, "MQTT"),
            (b'*', "RESP"),
            (0x7f, "WAMP RawSocket"),
        ] {
            let Sniffed::Foreign(foreign) = sniff(&[first, 1, 2]) else {
                panic!("{name} is served")
            };
            assert_eq!(foreign.name(), name);
        }
        for first in [0, b' ', b'\n', b'[', b'"', b'a', 0xff] {
            assert_eq!(sniff(&[first]), Sniffed::Foreign(Foreign::Unknown), "{first}");
        }
    }

    #[test]
    fn whoever_is_unknown_is_told_in_json() {
        let answer = Foreign::Unknown.answer();
        let error: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(
            (&error["type"], &error["error"]["code"]),
            (&"error".into(), &"invalid_frame".into())
        );
        assert_eq!(answer.last(), Some(&b'\n'));
    }

    #[test]
    fn http_2_gets_an_answer_of_http_1() {
        let answer = String::from_utf8(Foreign::Http2.answer()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 505 "));
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    }
}
