//! WebSocket (RFC 6455): the upgrade, and frames read and written in batches.
//!
//! The handshake's arithmetic, frame headers and close codes are `tungstenite`'s. Its stream is not used: it writes
//! each message by itself, while the broker writes everything that is queued at once.

mod handshake;
mod reader;

use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};

pub(crate) use handshake::{VERSION, agree, is_upgrade};
pub(crate) use reader::Reader;

/// Encodes the frame that ends a connection.
pub(crate) fn close_frame(status: u16, reason: &'static str) -> Vec<u8> {
    let frame = CloseFrame {
        code: CloseCode::from(status),
        reason: reason.into(),
    };
    formatted(Frame::close(Some(frame)))
}

/// Encodes the answer to a ping.
pub(crate) fn pong_frame(payload: Vec<u8>) -> Vec<u8> {
    formatted(Frame::pong(payload))
}

/// Encodes a message of binary frames.
pub(crate) fn binary_frame(frames: Vec<u8>) -> Vec<u8> {
    formatted(Frame::message(frames, OpCode::Data(Data::Binary), true))
}

fn formatted(frame: Frame) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frame.len());
    frame
        .format(&mut bytes)
        .expect("writing to a buffer does not fail");
    bytes
}
