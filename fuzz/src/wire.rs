//! What stands on a wire in the direction of a client, cut into the messages that both encodings decode.

use buslane_protocol::{Framing, binary};

/// Cuts the whole messages off the front of what was written, without what stands around them.
pub(crate) fn take<'a>(framing: Framing, rest: &mut &'a [u8]) -> Vec<&'a [u8]> {
    let mut messages = Vec::new();
    loop {
        let kind = rest.first().copied();
        let Some(run) = first(framing, rest) else {
            return messages;
        };
        match framing {
            Framing::WebSocketBinary | Framing::WebSocketText if kind == Some(PING) => {}
            Framing::WebSocketBinary => messages.extend(frames(run)),
            _ => messages.push(run),
        }
    }
}

/// Cuts off a line, a frame, or a WebSocket message.
fn first<'a>(framing: Framing, rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (header, length, end) = match framing {
        Framing::Binary => (0, binary::frame_length(rest, usize::MAX).ok()??, 0),
        Framing::JsonLines => (0, rest.iter().position(|byte| *byte == b'\n')?, 1),
        Framing::WebSocketText | Framing::WebSocketBinary => websocket(rest)?,
    };
    let message = rest.get(header..header + length)?;
    *rest = rest.get(header + length + end..)?;
    Some(message)
}

/// Cuts a run of frames, which has to end with one.
fn frames(mut run: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some(frame) = first(Framing::Binary, &mut run) {
        frames.push(frame);
    }
    assert!(run.is_empty(), "a WebSocket message holds whole frames");
    frames
}

/// Reads the lengths of a header, which has no mask, and of what follows it.
fn websocket(bytes: &[u8]) -> Option<(usize, usize, usize)> {
    let (header, length) = match *bytes.get(1)? {
        126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        short => (2, u64::from(short)),
    };
    Some((header, usize::try_from(length).ok()?, 0))
}

/// The first byte of a ping of WebSocket, which is no message.
const PING: u8 = 0x89;
