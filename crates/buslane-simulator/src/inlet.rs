//! What one end of a connection has read and not dealt with yet, and how it falls apart into messages.

use std::collections::VecDeque;

use buslane_protocol::binary::frame_length;
use buslane_protocol::{DecodeError, Encoding, Framing};

use crate::websocket::{self, Head};

/// What was read and is not dealt with yet.
#[derive(Debug)]
pub(crate) struct Inlet {
    framing: Framing,
    bytes: Vec<u8>,
    /// What of the bytes was taken.
    start: usize,
    /// Fragments of a WebSocket message that has begun.
    fragments: Option<Vec<u8>>,
    /// Frames of a WebSocket message that are not taken yet.
    frames: VecDeque<Vec<u8>>,
    /// WebSocket pings that nobody has answered.
    pub(crate) pings: usize,
}

/// A message that was taken, without what stands around it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) bytes: Vec<u8>,
    /// How many bytes it has on the wire, the header of a WebSocket text message included.
    pub(crate) wire: usize,
}

/// Why nothing more can be taken.
#[derive(Debug, PartialEq)]
pub(crate) enum Unusable {
    /// It is no message; whoever sent it is told.
    Message(DecodeError),
    /// It breaks the rules of WebSockets, or says goodbye by them: the connection ends.
    End,
}

impl From<DecodeError> for Unusable {
    fn from(error: DecodeError) -> Self {
        Unusable::Message(error)
    }
}

impl Inlet {
    /// Makes an inlet that has read nothing.
    pub(crate) fn new(framing: Framing) -> Self {
        Inlet {
            framing,
            bytes: Vec::new(),
            start: 0,
            fragments: None,
            frames: VecDeque::new(),
            pings: 0,
        }
    }

    /// Takes in what was read.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns what is not dealt with.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Passes over bytes.
    pub(crate) fn skip(&mut self, count: usize) {
        self.start += count;
    }

    /// Tells whether a part of a message is there.
    pub(crate) fn is_within(&self) -> bool {
        !self.rest().is_empty() || self.fragments.is_some() || !self.frames.is_empty()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Inlet::new(self.framing);
    }

    /// Takes a greeting off: nothing while it is not whole, or whether it is the one of a WebSocket.
    pub(crate) fn take_upgrade(&mut self) -> Option<bool> {
        let greeting = self.rest().get(..websocket::UPGRADE.len())?;
        let good = greeting == websocket::UPGRADE;
        self.skip(websocket::UPGRADE.len());
        Some(good)
    }

    /// Takes the first whole message.
    pub(crate) fn take(&mut self, limit: usize) -> Result<Option<Taken>, Unusable> {
        if let Some(frame) = self.frames.pop_front() {
            return Ok(Some(bare(frame)));
        }
        match self.framing {
            Framing::Binary => {
                let length = frame_length(self.rest(), limit)?;
                Ok(length.and_then(|length| self.take_bytes(length)).map(bare))
            }
            Framing::JsonLines => self.take_line(limit),
            Framing::WebSocketText => self.take_websocket(limit),
            Framing::WebSocketBinary => match self.take_websocket(limit)? {
                Some(message) => {
                    self.split(&message.bytes, limit)?;
                    self.take(limit)
                }
                None => Ok(None),
            },
        }
    }

    fn take_bytes(&mut self, length: usize) -> Option<Vec<u8>> {
        let bytes = self.rest().get(..length)?.to_vec();
        self.skip(length);
        Some(bytes)
    }

    fn take_line(&mut self, limit: usize) -> Result<Option<Taken>, Unusable> {
        let end = self.rest().iter().position(|byte| *byte == b'\n');
        let length = end.unwrap_or(self.rest().len());
        if length > limit {
            return Err(DecodeError::TooLarge { length, limit }.into());
        }
        let Some(mut line) = end.and_then(|end| self.take_bytes(end + 1)) else {
            return Ok(None);
        };
        let wire = line.len();
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(Taken { bytes: line, wire }))
    }

    /// Takes the first whole WebSocket message.
    pub(crate) fn take_websocket(&mut self, limit: usize) -> Result<Option<Taken>, Unusable> {
        while let Some(head) = Head::parse(self.rest()) {
            if head.length > limit {
                let length = head.length;
                return Err(DecodeError::TooLarge { length, limit }.into());
            }
            let Some(mut frame) = self.take_bytes(head.start + head.length) else {
                return Ok(None);
            };
            let wire = frame.len();
            let mut payload = frame.split_off(head.start);
            if let Some(mask) = head.mask {
                websocket::mask(&mut payload, mask);
            }
            if let Some(bytes) = self.put_together(&head, payload)? {
                return Ok(Some(Taken { bytes, wire }));
            }
        }
        Ok(None)
    }

    /// Takes in one frame; returns the message that it completes.
    fn put_together(&mut self, head: &Head, payload: Vec<u8>) -> Result<Option<Vec<u8>>, Unusable> {
        let data = match self.framing.encoding() {
            Encoding::Json => websocket::TEXT,
            Encoding::Binary => websocket::BINARY,
        };
        match (head.opcode, &mut self.fragments) {
            (websocket::PING, _) => self.pings += 1,
            (websocket::PONG, _) => {}
            (websocket::CONTINUATION, Some(fragments)) => {
                fragments.extend(payload);
                return Ok(self.fragments.take_if(|_| head.is_final));
            }
            (opcode, None) if opcode == data && head.is_final => return Ok(Some(payload)),
            (opcode, None) if opcode == data => self.fragments = Some(payload),
            _ => return Err(Unusable::End),
        }
        Ok(None)
    }

    fn split(&mut self, message: &[u8], limit: usize) -> Result<(), DecodeError> {
        let mut rest = message;
        while !rest.is_empty() {
            let length = frame_length(rest, limit)?.unwrap_or(usize::MAX);
            let (frame, others) = rest.split_at_checked(length).ok_or(DecodeError::Frame {
                reason: "a WebSocket message ends within a frame",
                offset: rest.len(),
            })?;
            self.frames.push_back(frame.to_vec());
            rest = others;
        }
        Ok(())
    }
}

fn bare(bytes: Vec<u8>) -> Taken {
    let wire = bytes.len();
    Taken { bytes, wire }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn messages_are_found_however_they_are_cut() {
        let mut random = Random::new(5);
        let mut wire = Vec::new();
        for text in ["{}", "{\"type\":\"ping\"}", "3"] {
            websocket::write_message(&mut wire, websocket::TEXT, text.as_bytes(), &mut random);
        }
        let mut inlet = Inlet::new(Framing::WebSocketText);
        let mut found = Vec::new();
        for byte in wire {
            inlet.extend(&[byte]);
            while let Some(taken) = inlet.take(100).unwrap() {
                found.push(taken.bytes);
            }
        }
        assert_eq!(found, [&b"{}"[..], b"{\"type\":\"ping\"}", b"3"]);
        assert!(!inlet.is_within());
    }

    #[test]
    fn a_message_of_the_other_kind_ends_the_connection() {
        let mut wire = Vec::new();
        websocket::write_frame(&mut wire, websocket::TEXT, true, b"{}", &mut Random::new(1));
        let mut inlet = Inlet::new(Framing::WebSocketBinary);
        inlet.extend(&wire);
        assert_eq!(inlet.take(100), Err(Unusable::End));
    }
}
