//! How a connection writes messages: which encoding, and what stands around each message on the wire.
//!
//! Owns the line ends and the headers of WebSocket text messages; the encodings themselves are elsewhere.

use crate::{BrokerMessage, binary, json};

/// One of the two encodings of the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Binary frames.
    Binary,
    /// JSON text.
    Json,
}

/// What stands on the wire around each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Binary frames one after another; the frame's first four bytes are its length.
    Binary,
    /// One JSON object a line, ended by `\n`.
    JsonLines,
    /// WebSocket binary messages, each of one or more whole binary frames.
    WebSocketBinary,
    /// WebSocket text messages, each of one JSON object.
    WebSocketText,
}

impl Framing {
    /// Every framing.
    pub const ALL: [Framing; 4] = [
        Framing::Binary,
        Framing::JsonLines,
        Framing::WebSocketBinary,
        Framing::WebSocketText,
    ];

    /// Returns the encoding of the messages.
    pub const fn encoding(self) -> Encoding {
        match self {
            Framing::Binary | Framing::WebSocketBinary => Encoding::Binary,
            Framing::JsonLines | Framing::WebSocketText => Encoding::Json,
        }
    }

    /// Appends a broker's message with what stands around it on this wire. For [`Framing::WebSocketBinary`] that is
    /// the bare frame: whoever writes puts one WebSocket header before a run of frames.
    pub fn encode(self, out: &mut Vec<u8>, message: &BrokerMessage<'_>) {
        match self {
            Framing::Binary | Framing::WebSocketBinary => binary::encode_broker(out, message),
            Framing::JsonLines => {
                json::encode_broker(out, message);
                out.push(b'\n');
            }
            Framing::WebSocketText => {
                let start = out.len();
                out.extend_from_slice(&[0; USUAL_HEADER]);
                json::encode_broker(out, message);
                write_header(out, start);
            }
        }
    }

    /// Returns the length of the first message in bytes that [`Framing::encode`] wrote, in whole messages.
    pub fn first(self, written: &[u8]) -> usize {
        let length = match self {
            Framing::Binary | Framing::WebSocketBinary => {
                binary::frame_length(written, usize::MAX).ok().flatten()
            }
            Framing::JsonLines => memchr::memchr(b'\n', written).map(|end| end + 1),
            Framing::WebSocketText => websocket_length(written),
        };
        length.map_or(written.len(), |length| length.min(written.len()))
    }
}

/// Turns the four bytes at `start` into the header of a WebSocket text message of what follows them (RFC 6455,
/// section 5.2): final, not masked, the length in as few bytes as it needs.
fn write_header(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start - USUAL_HEADER;
    let header = &mut out[start..start + USUAL_HEADER];
    header[0] = FINAL_TEXT;
    if let Ok(short) = u8::try_from(length)
        && short < LENGTH_16
    {
        header[1] = short;
        out.drain(start + 2..start + USUAL_HEADER);
    } else if let Ok(medium) = u16::try_from(length) {
        header[1] = LENGTH_16;
        header[2..].copy_from_slice(&medium.to_be_bytes());
    } else {
        header[1] = LENGTH_64;
        let long = (length as u64).to_be_bytes();
        out.splice(start + 2..start + USUAL_HEADER, long);
    }
}

/// Returns the length of a server's WebSocket message, header included.
fn websocket_length(message: &[u8]) -> Option<usize> {
    let (&[_, short], rest) = message.split_first_chunk::<2>()?;
    match short {
        LENGTH_16 => Some(4 + usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
        LENGTH_64 => usize::try_from(u64::from_be_bytes(*rest.first_chunk()?))
            .ok()?
            .checked_add(10),
        short => Some(2 + usize::from(short)),
    }
}

/// Bytes of the header of a message of 126 to 65,535 bytes, which most are.
const USUAL_HEADER: usize = 4;
/// A text message in one frame.
const FINAL_TEXT: u8 = 0x81;
/// Stands for a length in the next two bytes.
const LENGTH_16: u8 = 126;
/// Stands for a length in the next eight bytes.
const LENGTH_64: u8 = 127;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delivery, Headers, Payload, Topic};

    fn delivery(length: usize) -> BrokerMessage<'static> {
        BrokerMessage::Delivery(Delivery {
            id: None,
            topic: Topic::parse("t").unwrap(),
            from: "me".into(),
            headers: Headers::default(),
            payload: Payload::checked(format!("\"{}\"", "x".repeat(length)).into_bytes()),
            retained: false,
        })
    }

    #[test]
    fn the_first_message_of_a_run_is_found() {
        for framing in Framing::ALL {
            let mut run = Vec::new();
            let mut ends = Vec::new();
            for length in [0, 60, 200, 70_000] {
                framing.encode(&mut run, &delivery(length));
                ends.push(run.len());
            }
            let mut start = 0;
            for end in ends {
                assert_eq!(framing.first(&run[start..]), end - start, "{framing:?}");
                start = end;
            }
        }
    }

    #[test]
    fn what_is_no_whole_message_is_taken_as_it_is() {
        for framing in Framing::ALL {
            assert_eq!(framing.first(&[]), 0);
            assert_eq!(framing.first(&[0x81]), 1);
            assert_eq!(framing.first(&[0x81, 0x7e, 0xff, 0xff, 1]), 5);
        }
    }

    #[test]
    fn a_json_line_is_one_line() {
        let mut message = delivery(0);
        if let BrokerMessage::Delivery(delivery) = &mut message {
            delivery.payload = Payload::json(&b"{\n  \"a\": [1,\r\n 2]\n}"[..]);
        }
        let mut line = Vec::new();
        Framing::JsonLines.encode(&mut line, &message);
        let text = r#"{"type":"delivery","topic":"t","from":"me","payload":{  "a": [1, 2]}}"#;
        assert_eq!(String::from_utf8(line).unwrap(), format!("{text}\n"));
    }

    #[test]
    fn websocket_headers_are_as_short_as_they_can_be() {
        let plain = {
            let mut text = Vec::new();
            json::encode_broker(&mut text, &delivery(0));
            text.len()
        };
        for (length, header) in [
            (125, &[0x81, 125][..]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut message = b"before".to_vec();
            Framing::WebSocketText.encode(&mut message, &delivery(length - plain));
            let message = &message[b"before".len()..];
            assert_eq!(
                (&message[..header.len()], message.len()),
                (header, header.len() + length)
            );
            assert_eq!(message[header.len()], b'{');
        }
    }
}
