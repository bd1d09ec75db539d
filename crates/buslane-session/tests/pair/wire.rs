//! The server's side of the wires: takes apart what a session writes, and what an engine writes for a WebSocket.

use buslane_protocol::binary::{Preamble, frame_length};
use buslane_protocol::{ClientMessage, DecodeError, Framing, binary, json};

/// Takes the first whole message off bytes that a session wrote. WebSocket messages arrive already apart.
pub(crate) fn take_frame(framing: Framing, bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (length, skipped) = match framing {
        Framing::Binary | Framing::WebSocketBinary => (frame_length(bytes, usize::MAX).unwrap()?, 0),
        Framing::JsonLines => (bytes.iter().position(|byte| *byte == b'\n')?, 1),
        Framing::WebSocketText => ((!bytes.is_empty()).then_some(bytes.len())?, 0),
    };
    if bytes.len() < length {
        return None;
    }
    let frame = bytes.drain(..length).collect();
    bytes.drain(..skipped);
    Some(frame)
}

/// Takes the preamble off, which has to be there.
pub(crate) fn take_preamble(bytes: &mut Vec<u8>) -> Option<Preamble> {
    let preamble = Preamble::parse(bytes).expect("a session begins with a preamble")?;
    bytes.drain(..Preamble::LENGTH);
    Some(preamble)
}

/// Reads a session's frame as a driver of the engine does.
pub(crate) fn decode(framing: Framing, frame: &[u8]) -> Result<ClientMessage<'_>, DecodeError> {
    match framing {
        Framing::JsonLines | Framing::WebSocketText => json::decode_client(frame),
        Framing::Binary | Framing::WebSocketBinary => binary::decode_client(frame),
    }
}

/// Something that came on a WebSocket.
pub(crate) enum Received {
    /// A text or binary message.
    Message(Vec<u8>),
    /// A ping of the WebSocket itself, which its library answers.
    Ping,
}

/// Takes the first whole WebSocket frame off bytes that the engine wrote.
pub(crate) fn take_websocket(bytes: &mut Vec<u8>) -> Option<Received> {
    let (&[first, short], rest) = bytes.split_first_chunk::<2>()?;
    let (length, header) = match short {
        126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (
            usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).unwrap(),
            10,
        ),
        short => (usize::from(short), 2),
    };
    if bytes.len() < header + length {
        return None;
    }
    let message = bytes.drain(..header + length).skip(header).collect();
    match first {
        0x81 | 0x82 => Some(Received::Message(message)),
        0x89 => Some(Received::Ping),
        other => panic!("a server does not send {other:#x}"),
    }
}
