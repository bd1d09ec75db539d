//! What a WebSocket client sends: frames of messages, whole or in fragments, with control frames between them.
//!
//! ```text
//!  frame:    header | mask | payload                (RFC 6455, section 5.2)
//!  message:  one frame, or a first one, continuations and a final one
//!  text:     one JSON object a message
//!  binary:   one or more whole binary frames a message
//! ```

use std::io::Cursor;

use buslane_engine::Flow;
use buslane_protocol::{DecodeError, Framing, json};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use crate::driver::{Account, Charged, End, Head, Intake, Next, Progress, frames};

/// The state between two reads.
pub(crate) struct Reader {
    framing: Framing,
    /// The fragments of a message that has begun.
    fragments: Charged,
    is_fragmented: bool,
    /// Frames of a message whose client has to wait, or has had its turn.
    waiting: Charged,
    /// The payload of the last ping that was not answered yet.
    ping: Option<Vec<u8>>,
}

/// One frame at the start of a buffer.
struct Frame {
    header: FrameHeader,
    start: usize,
    length: usize,
}

/// Why a frame is not taken.
enum Unusable {
    /// It is not whole.
    Incomplete(Head),
    /// It breaks a rule, or asks for the end.
    End(End),
    /// It is longer than the limit.
    TooLarge(DecodeError),
}

/// What comes after a frame or a message.
type Step = Result<Flow, End>;

impl Reader {
    /// Makes the reader of a connection. What it has to keep counts in the account.
    pub(crate) fn new(framing: Framing, account: &Account) -> Self {
        Reader {
            framing,
            fragments: Charged::new(account),
            is_fragmented: false,
            waiting: Charged::new(account),
            ping: None,
        }
    }

    /// Takes in every whole frame at the start of a buffer, and changes it on the way.
    pub(crate) fn take_in(&mut self, intake: &mut Intake<'_>, bytes: &mut [u8]) -> Progress {
        if let Some(stopped) = self.take_in_waiting(intake) {
            return stopped;
        }
        let mut consumed = 0;
        loop {
            let rest = &mut bytes[consumed..];
            let frame = match Frame::parse(rest, intake.limit) {
                Ok(frame) => frame,
                Err(Unusable::Incomplete(head)) => {
                    return Progress {
                        consumed,
                        next: Next::Read(head),
                    };
                }
                Err(Unusable::End(end)) => {
                    return Progress {
                        consumed,
                        next: Next::End(end),
                    };
                }
                Err(Unusable::TooLarge(error)) => return too_large(intake, error),
            };
            let payload = &mut rest[frame.start..frame.start + frame.length];
            unmask(payload, frame.header.mask.unwrap_or_default());
            consumed += frame.start + frame.length;
            match self.frame(intake, &frame.header, payload) {
                Ok(flow) => {
                    if let Some(stopped) = intake.stopped(consumed, flow) {
                        return stopped;
                    }
                }
                Err(end) => {
                    return Progress {
                        consumed,
                        next: Next::End(end),
                    };
                }
            }
        }
    }

    /// Takes the payload of the last ping that was not answered yet: one answer for several pings is enough.
    pub(crate) fn take_ping(&mut self) -> Option<Vec<u8>> {
        self.ping.take()
    }

    /// Takes in what waited for the engine to resume the client.
    fn take_in_waiting(&mut self, intake: &mut Intake<'_>) -> Option<Progress> {
        if self.waiting.bytes().is_empty() {
            return None;
        }
        let waiting = self.waiting.take();
        match self.frames(intake, waiting.bytes()) {
            Ok(flow) => intake.stopped(0, flow),
            Err(end) => Some(Progress {
                consumed: 0,
                next: Next::End(end),
            }),
        }
    }

    fn frame(&mut self, intake: &mut Intake<'_>, header: &FrameHeader, payload: &[u8]) -> Step {
        match header.opcode {
            OpCode::Control(Control::Ping) => self.ping = Some(payload.to_vec()),
            OpCode::Control(Control::Close) => return Err(closed(payload)),
            OpCode::Control(_) => {}
            OpCode::Data(data) => return self.data(intake, data, header.is_final, payload),
        }
        Ok(Flow::Continue)
    }

    fn data(&mut self, intake: &mut Intake<'_>, data: Data, is_final: bool, payload: &[u8]) -> Step {
        if (data == Data::Continue) != self.is_fragmented {
            return Err(broken(CloseCode::Protocol));
        }
        let wanted = if self.framing == Framing::WebSocketText {
            Data::Text
        } else {
            Data::Binary
        };
        if data != Data::Continue && data != wanted {
            return Err(broken(CloseCode::Unsupported));
        }
        if is_final && !self.is_fragmented {
            return self.message(intake, payload);
        }
        if self.fragments.bytes().len() + payload.len() > intake.limit {
            return Err(broken(CloseCode::Size));
        }
        self.fragments
            .extend(payload)
            .map_err(|_| broken(CloseCode::Again))?;
        self.is_fragmented = !is_final;
        if self.is_fragmented {
            return Ok(Flow::Continue);
        }
        let message = self.fragments.take();
        self.message(intake, message.bytes())
    }

    fn message(&mut self, intake: &mut Intake<'_>, message: &[u8]) -> Step {
        if self.framing == Framing::WebSocketBinary {
            return self.frames(intake, message);
        }
        if std::str::from_utf8(message).is_err() {
            return Err(broken(CloseCode::Invalid));
        }
        Ok(intake.message(json::decode_client(message)))
    }

    /// Takes in the binary frames of a message, which ends where a frame ends.
    fn frames(&mut self, intake: &mut Intake<'_>, message: &[u8]) -> Step {
        let progress = frames::take_in(intake, message);
        let rest = &message[progress.consumed..];
        match progress.next {
            Next::Read(_) if rest.is_empty() => Ok(Flow::Continue),
            Next::Read(_) => {
                let reason = "a WebSocket message ends within a frame";
                Ok(intake.message(Err(DecodeError::Frame {
                    reason,
                    offset: rest.len(),
                })))
            }
            Next::Wait => {
                self.waiting.extend(rest).map_err(|_| broken(CloseCode::Again))?;
                Ok(Flow::Pause)
            }
            Next::Later => {
                self.waiting.extend(rest).map_err(|_| broken(CloseCode::Again))?;
                Ok(Flow::Continue)
            }
            Next::Close => Ok(Flow::Close),
            Next::End(end) => Err(end),
        }
    }
}

impl Frame {
    /// Parses the header of the first frame, and checks everything that can be checked before its payload is there.
    fn parse(bytes: &[u8], limit: usize) -> Result<Frame, Unusable> {
        let mut cursor = Cursor::new(bytes);
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => {
                return Err(Unusable::Incomplete(Head {
                    wanted: bytes.len() + 1,
                    searched: 0,
                }));
            }
            Err(_) => return Err(Unusable::End(broken(CloseCode::Protocol))),
        };
        let control = matches!(header.opcode, OpCode::Control(_));
        let reserved = header.rsv1 || header.rsv2 || header.rsv3;
        if reserved || header.mask.is_none() || (control && (!header.is_final || length > LONGEST_CONTROL)) {
            return Err(Unusable::End(broken(CloseCode::Protocol)));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > limit {
            return Err(Unusable::TooLarge(DecodeError::TooLarge { length, limit }));
        }
        let start = cursor.position() as usize;
        if bytes.len() < start + length {
            return Err(Unusable::Incomplete(Head {
                wanted: start + length,
                searched: 0,
            }));
        }
        Ok(Frame {
            header,
            start,
            length,
        })
    }
}

/// Tells the client that its frame is too long, in the envelope and by the status.
fn too_large(intake: &mut Intake<'_>, error: DecodeError) -> Progress {
    let _closes = intake.message(Err(error));
    Progress {
        consumed: 0,
        next: Next::End(broken(CloseCode::Size)),
    }
}

/// Reads what a client says when it closes (RFC 6455, section 5.5.1): the same status is the answer.
fn closed(payload: &[u8]) -> End {
    let status = match payload {
        [] => CloseCode::Normal,
        [_] => return broken(CloseCode::Protocol),
        [high, low, reason @ ..] => {
            let code = CloseCode::from(u16::from_be_bytes([*high, *low]));
            if !code.is_allowed() {
                return broken(CloseCode::Protocol);
            }
            if std::str::from_utf8(reason).is_err() {
                return broken(CloseCode::Invalid);
            }
            code
        }
    };
    End {
        status: status.into(),
        asked: true,
    }
}

fn broken(code: CloseCode) -> End {
    End {
        status: code.into(),
        asked: false,
    }
}

/// Undoes the mask over a payload (RFC 6455, section 5.3).
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= mask;
    }
}

const LONGEST_CONTROL: u64 = 125;

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of a client, masked.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut bytes = vec![first, 0x80 | payload.len() as u8];
        bytes.extend(mask);
        bytes.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        bytes
    }

    fn status(bytes: &[u8]) -> Option<u16> {
        match Frame::parse(bytes, 1_000) {
            Err(Unusable::End(end)) => Some(end.status),
            Err(Unusable::TooLarge(_)) => Some(1009),
            _ => None,
        }
    }

    #[test]
    fn masks_are_undone_at_any_length() {
        for length in 0..40 {
            let plain: Vec<u8> = (0..length).collect();
            let mut bytes = frame(0x82, &plain);
            unmask(&mut bytes[6..], [1, 2, 3, 4]);
            assert_eq!(bytes[6..], plain);
        }
    }

    #[test]
    fn broken_headers_end_the_connection() {
        assert_eq!(status(&[0x81, 1, b'x']), Some(1002), "not masked");
        assert_eq!(status(&frame(0xc1, b"x")), Some(1002), "a reserved bit");
        assert_eq!(status(&frame(0x83, b"x")), Some(1002), "a reserved opcode");
        assert_eq!(
            status(&frame(0x09, b"x")),
            Some(1002),
            "a control frame in fragments"
        );
        assert_eq!(
            status(&[0x89, 0xfe, 0, 126, 1, 2, 3, 4]),
            Some(1002),
            "a long control frame"
        );
        assert_eq!(
            status(&[0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
            Some(1009)
        );
    }

    #[test]
    fn halves_wait() {
        let whole = frame(0x82, b"abc");
        for end in 0..whole.len() {
            assert!(
                matches!(Frame::parse(&whole[..end], 1_000), Err(Unusable::Incomplete(_))),
                "{end}"
            );
        }
        assert!(Frame::parse(&whole, 1_000).is_ok());
    }

    #[test]
    fn a_close_is_answered_with_its_status() {
        assert_eq!(
            closed(b""),
            End {
                status: 1000,
                asked: true
            }
        );
        assert_eq!(
            closed(&[0x03, 0xe9, b'b', b'y', b'e']),
            End {
                status: 1001,
                asked: true
            }
        );
        assert_eq!(closed(&[0x03]), broken(CloseCode::Protocol));
        assert_eq!(closed(&[0x03, 0xed]), broken(CloseCode::Protocol));
        assert_eq!(closed(&[0x03, 0xe8, 0xff]), broken(CloseCode::Invalid));
    }
}
