//! The fixed header and the five parts behind it: reading them in place and writing them.
//!
//! Knows which bytes are where, not what they mean for which message.

use std::str;

use crate::clip::clip;
use crate::{Address, DecodeError, Headers, Id, Payload, PayloadKind};

/// Bytes of the fixed header.
pub(super) const HEADER: usize = 28;
/// Bytes of the length field, which it does not count.
pub(super) const LENGTH: usize = 4;

/// The type codes, shared by both directions.
pub(super) mod code {
    pub(in crate::binary) const CONNECT: u8 = 1;
    pub(in crate::binary) const CONNECTED: u8 = 2;
    pub(in crate::binary) const REGISTER: u8 = 3;
    pub(in crate::binary) const REGISTERED: u8 = 4;
    pub(in crate::binary) const UNREGISTER: u8 = 5;
    pub(in crate::binary) const SUBSCRIBE: u8 = 6;
    pub(in crate::binary) const SUBSCRIBED: u8 = 7;
    pub(in crate::binary) const UNSUBSCRIBE: u8 = 8;
    pub(in crate::binary) const PUBLISH: u8 = 9;
    pub(in crate::binary) const DELIVERY: u8 = 10;
    pub(in crate::binary) const REQUEST: u8 = 11;
    pub(in crate::binary) const REPLY: u8 = 12;
    pub(in crate::binary) const CHUNK: u8 = 13;
    pub(in crate::binary) const END: u8 = 14;
    pub(in crate::binary) const ACK: u8 = 15;
    pub(in crate::binary) const ERROR: u8 = 16;
    pub(in crate::binary) const CANCEL: u8 = 17;
    pub(in crate::binary) const CREDIT: u8 = 18;
    pub(in crate::binary) const GAP: u8 = 19;
    pub(in crate::binary) const PING: u8 = 20;
    pub(in crate::binary) const PONG: u8 = 21;
    pub(in crate::binary) const DRAINING: u8 = 22;
    pub(in crate::binary) const GOODBYE: u8 = 23;
}

/// The bits of the flags byte. One that means nothing for a type is ignored.
pub(super) mod flag {
    pub(in crate::binary) const BYTES: u8 = 1;
    pub(in crate::binary) const ACK: u8 = 2;
    pub(in crate::binary) const STREAM: u8 = 4;
    pub(in crate::binary) const LAST: u8 = 8;
    pub(in crate::binary) const RETAIN: u8 = 16;
    pub(in crate::binary) const CLEAR: u8 = 32;
    pub(in crate::binary) const EXCLUDE_SELF: u8 = 64;
    pub(in crate::binary) const SEVERAL: u8 = 128;
}

/// Returns the flag if it is to be set.
pub(super) fn when(set: bool, flag: u8) -> u8 {
    if set { flag } else { 0 }
}

/// A request without a bound in time.
pub(super) const NO_BOUND: u32 = u32::MAX;

/// A frame taken apart, its parts borrowed.
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) attempt: u8,
    pub(super) credit: u16,
    pub(super) time_ms: u32,
    pub(super) number: u64,
    id: &'a [u8],
    from: &'a [u8],
    target: &'a [u8],
    headers: &'a [u8],
    payload: &'a [u8],
}

/// See [`super::frame_length`].
pub(super) fn frame_length(bytes: &[u8], limit: usize) -> Result<Option<usize>, DecodeError> {
    let Some(length) = bytes.first_chunk::<LENGTH>() else {
        return Ok(None);
    };
    let length = (u32::from_le_bytes(*length) as usize).saturating_add(LENGTH);
    if length < HEADER {
        return Err(DecodeError::Frame {
            reason: "the length is shorter than the fixed header",
            offset: 0,
        });
    }
    if length > limit {
        Err(DecodeError::TooLarge { length, limit })
    } else {
        Ok(Some(length))
    }
}

impl<'a> Frame<'a> {
    /// Takes one whole frame apart.
    #[inline]
    pub(super) fn parse(frame: &'a [u8]) -> Result<Frame<'a>, DecodeError> {
        let broken = |reason, offset| DecodeError::Frame { reason, offset };
        let Some((header, rest)) = frame.split_first_chunk::<HEADER>() else {
            return Err(broken("the frame is shorter than the fixed header", frame.len()));
        };
        if frame_length(header, usize::MAX)? != Some(frame.len()) {
            return Err(broken("the length is not that of the frame", 0));
        }
        let u16_at = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let u32_at =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let number = u64::from(u32_at(20)) | u64::from(u32_at(24)) << 32;
        let past_end = |at| broken("a part reaches past the end of the frame", at);
        let (id, rest) = rest
            .split_at_checked(usize::from(header[6]))
            .ok_or_else(|| past_end(6))?;
        let (from, rest) = rest
            .split_at_checked(usize::from(u16_at(8)))
            .ok_or_else(|| past_end(8))?;
        let (target, rest) = rest
            .split_at_checked(usize::from(u16_at(10)))
            .ok_or_else(|| past_end(10))?;
        let (headers, payload) = rest
            .split_at_checked(usize::from(u16_at(12)))
            .ok_or_else(|| past_end(12))?;
        if !id.is_empty() {
            Id::check(id)?;
        }
        let (kind, flags, attempt) = (header[4], header[5], header[7]);
        let (credit, time_ms) = (u16_at(14), u32_at(16));
        Ok(Frame {
            kind,
            flags,
            attempt,
            credit,
            time_ms,
            number,
            id,
            from,
            target,
            headers,
            payload,
        })
    }

    /// Tells whether a flag is set.
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Tells whether there is an id.
    pub(super) fn has_id(&self) -> bool {
        !self.id.is_empty()
    }

    /// Returns the id, if there is one.
    #[inline]
    pub(super) fn id(&self) -> Option<Id> {
        match self.id.is_empty() {
            true => None,
            false => Some(Id::of_checked(self.id)),
        }
    }

    /// Returns the id, which the message must have.
    #[inline]
    pub(super) fn required_id(&self, message: &str) -> Result<Id, DecodeError> {
        self.id()
            .ok_or_else(|| self.fault(format!("{message} needs `id`")))
    }

    /// Returns who sent it.
    pub(super) fn from(&self) -> Result<&'a str, DecodeError> {
        self.text(self.from, "from")
    }

    /// Returns the topic or the addresses, not checked.
    #[inline]
    pub(super) fn target_bytes(&self) -> &'a [u8] {
        self.target
    }

    /// Returns the topic or the addresses.
    pub(super) fn target(&self, member: &str) -> Result<&'a str, DecodeError> {
        self.text(self.target, member)
    }

    /// Returns the headers, checked.
    #[inline]
    pub(super) fn headers(&self) -> Result<Headers<'a>, DecodeError> {
        Headers::parse(self.headers).map_err(|source| DecodeError::Headers {
            id: self.id(),
            source,
        })
    }

    /// Returns the headers, checked, without members that only the broker sets.
    #[inline]
    pub(super) fn headers_from_client(&self) -> Result<Headers<'a>, DecodeError> {
        let headers = self.headers()?;
        if !headers.is_empty() {
            headers
                .check_from_client()
                .map_err(|source| DecodeError::Headers {
                    id: self.id(),
                    source,
                })?;
        }
        Ok(headers)
    }

    /// Returns the payload, JSON not checked.
    pub(super) fn payload(&self) -> Payload<'a> {
        if self.has(flag::BYTES) {
            Payload::bytes(self.payload)
        } else {
            Payload::json(self.payload)
        }
    }

    /// Returns the JSON text of a rare message, which has no other part.
    pub(super) fn rare_text(&self) -> Result<&'a [u8], DecodeError> {
        let parts = [self.from, self.target, self.headers];
        if !self.id.is_empty() || parts.iter().any(|part| !part.is_empty()) {
            let reason = "a frame of this type has a payload of JSON text and no other part";
            return Err(DecodeError::Frame { reason, offset: 6 });
        }
        Ok(self.payload)
    }

    /// Makes the error of a member.
    #[cold]
    pub(super) fn fault(&self, reason: impl Into<String>) -> DecodeError {
        DecodeError::Member {
            id: self.id(),
            reason: reason.into(),
        }
    }

    fn text(&self, bytes: &'a [u8], member: &str) -> Result<&'a str, DecodeError> {
        match str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(_) => Err(self.fault(format!("`{member}` is not UTF-8"))),
        }
    }
}

/// What stands in the target part of a frame to be written.
#[derive(Clone, Copy, Default)]
pub(super) enum Target<'a> {
    #[default]
    None,
    One(&'a str),
    Several(&'a [Address<'a>]),
}

/// A frame to be written; what is left out is 0 or empty.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) attempt: u8,
    pub(super) credit: u32,
    pub(super) time_ms: u32,
    pub(super) number: u64,
    pub(super) id: Option<&'a Id>,
    pub(super) from: &'a str,
    pub(super) target: Target<'a>,
    pub(super) headers: Option<&'a Headers<'a>>,
    pub(super) payload: Option<&'a Payload<'a>>,
}

impl Parts<'_> {
    /// Appends the frame.
    #[inline(always)]
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let id = self.id.map_or(&[][..], Id::as_bytes);
        let from = clip(self.from, u16::MAX.into());
        let headers = self.headers.map_or(&[][..], Headers::as_bytes);
        let payload = self.payload.map_or(&[][..], |payload| &payload.bytes);
        let bytes = self
            .payload
            .is_some_and(|payload| payload.kind == PayloadKind::Bytes);
        let mut header = [0; HEADER];
        header[4] = self.kind;
        header[5] = self.flags | when(bytes, flag::BYTES);
        header[6] = id.len() as u8;
        header[7] = self.attempt;
        header[8..10].copy_from_slice(&(from.len() as u16).to_le_bytes());
        header[12..14].copy_from_slice(&(headers.len() as u16).to_le_bytes());
        header[14..16].copy_from_slice(&u16::try_from(self.credit).unwrap_or(u16::MAX).to_le_bytes());
        header[16..20].copy_from_slice(&self.time_ms.to_le_bytes());
        header[20..28].copy_from_slice(&self.number.to_le_bytes());
        out.reserve(HEADER + id.len() + from.len() + self.target.length() + headers.len() + payload.len());
        out.extend_from_slice(&header);
        if !id.is_empty() {
            out.extend_from_slice(id);
        }
        out.extend_from_slice(from.as_bytes());
        let target = self.target.write(out);
        out[start + 10..start + 12].copy_from_slice(&target.to_le_bytes());
        if !headers.is_empty() {
            out.extend_from_slice(headers);
        }
        out.extend_from_slice(payload);
        finish(out, start);
    }
}

/// Appends a frame whose payload `write` appends, and which has no other part.
pub(super) fn write_rare(out: &mut Vec<u8>, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    let mut header = [0; HEADER];
    header[4] = kind;
    out.extend_from_slice(&header);
    write(out);
    finish(out, start);
}

/// Writes the length of the frame that began at `start`.
fn finish(out: &mut [u8], start: usize) {
    let length = u32::try_from(out.len() - start - LENGTH).expect("senders keep payloads under 4 GiB");
    out[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
}

impl Target<'_> {
    fn length(self) -> usize {
        match self {
            Target::None => 0,
            Target::One(text) => text.len(),
            Target::Several(addresses) => addresses.iter().map(|address| address.as_str().len() + 1).sum(),
        }
    }

    /// Appends the part and returns its length. A topic has at most 512 bytes, 64 addresses have at most 33 KiB.
    fn write(self, out: &mut Vec<u8>) -> u16 {
        let start = out.len();
        match self {
            Target::None => {}
            Target::One(text) => out.extend_from_slice(clip(text, u16::MAX.into()).as_bytes()),
            Target::Several(addresses) => {
                for (index, address) in addresses.iter().enumerate() {
                    if index > 0 {
                        out.push(b'\n');
                    }
                    out.extend_from_slice(address.as_str().as_bytes());
                }
            }
        }
        (out.len() - start) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ping with the length field of its own and 24 zero bytes.
    fn ping() -> Vec<u8> {
        let mut frame = vec![24, 0, 0, 0, code::PING];
        frame.resize(HEADER, 0);
        frame
    }

    fn refusal(frame: &[u8]) -> DecodeError {
        Frame::parse(frame).err().expect("the frame is broken")
    }

    #[test]
    fn lengths_are_checked_before_anything_is_taken() {
        assert_eq!(frame_length(&[], 100), Ok(None));
        assert_eq!(frame_length(&[24, 0, 0, 0, 20], 100), Ok(Some(28)));
        assert_eq!(frame_length(&[96, 0, 0, 0], 100), Ok(Some(100)));
        assert_eq!(
            frame_length(&[97, 0, 0, 0], 100),
            Err(DecodeError::TooLarge {
                length: 101,
                limit: 100
            })
        );
        let huge = (1 << 32) + 3;
        assert_eq!(
            frame_length(&[0xff; 4], 100),
            Err(DecodeError::TooLarge {
                length: huge,
                limit: 100
            })
        );
        assert!(matches!(
            frame_length(&[23, 0, 0, 0], 100),
            Err(DecodeError::Frame { offset: 0, .. })
        ));
    }

    #[test]
    fn the_length_must_be_that_of_the_frame() {
        let mut frame = ping();
        assert!(Frame::parse(&frame).is_ok());
        frame.push(0);
        assert!(matches!(refusal(&frame), DecodeError::Frame { offset: 0, .. }));
    }

    #[test]
    fn parts_past_the_end_name_their_length_field() {
        for at in [6, 8, 10, 12] {
            let mut frame = ping();
            frame[at] = 1;
            assert!(
                matches!(refusal(&frame), DecodeError::Frame { offset, .. } if offset == at),
                "{at}"
            );
        }
    }

    #[test]
    fn a_forbidden_id_does_not_end_the_connection() {
        let mut frame = ping();
        frame[0] += 1;
        frame[6] = 1;
        frame.push(b'"');
        let error = refusal(&frame);
        assert!(matches!(error, DecodeError::Id(_)) && !error.is_fatal());
    }

    #[test]
    fn what_the_layout_cannot_hold_is_brought_into_range() {
        let from = "\u{fc}".repeat(40_000);
        let mut frame = Vec::new();
        Parts {
            kind: code::DELIVERY,
            from: &from,
            credit: 70_000,
            ..Parts::default()
        }
        .write(&mut frame);
        let frame = Frame::parse(&frame).unwrap();
        assert_eq!((frame.from().unwrap().len(), frame.credit), (65_534, 65_535));
    }
}
