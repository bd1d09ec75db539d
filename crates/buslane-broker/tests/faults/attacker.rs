//! A client that writes whatever it is told, over any transport, and tells what became of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use buslane_broker::RunningBroker;
use buslane_protocol::binary::Preamble;
use serde_json::Value;

use crate::support::connect;

/// How an attacker speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Lines,
    Frames,
    WebSocketText,
    WebSocketBinary,
}

/// What became of an attacker: the errors that it was told, and how its connection stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) errors: Vec<String>,
    pub(crate) end: End,
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It goes on.
    Open,
    /// The broker ended it.
    Ended,
    /// The broker closed the WebSocket with a status.
    Closed(u16),
}

/// A client that means ill.
pub(crate) struct Attacker {
    pub(crate) stream: TcpStream,
    way: Way,
    read: Vec<u8>,
}

/// Something that the broker said.
#[derive(Debug)]
pub(crate) enum Said {
    /// A message: its type, and its text where it has one.
    Message(String, Value),
    /// The close of a WebSocket.
    Close(u16),
    /// The end of the connection.
    Nothing,
}

impl Way {
    /// Every way.
    pub(crate) const ALL: [Way; 4] = [Way::Lines, Way::Frames, Way::WebSocketText, Way::WebSocketBinary];

    /// Tells whether messages are JSON text.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Way::Lines | Way::WebSocketText)
    }

    /// Tells whether it is a WebSocket.
    pub(crate) fn is_websocket(self) -> bool {
        matches!(self, Way::WebSocketText | Way::WebSocketBinary)
    }

    /// How a connection stands that the broker ended, with the status that a WebSocket is closed with.
    pub(crate) fn ended(self, status: u16) -> End {
        if self.is_websocket() {
            End::Closed(status)
        } else {
            End::Ended
        }
    }
}

impl Attacker {
    /// Joins as a client that the broker trusts so far.
    pub(crate) fn join(broker: &RunningBroker, way: Way) -> Self {
        let mut attacker = Attacker {
            stream: connect(broker),
            way,
            read: Vec::new(),
        };
        match way {
            Way::Lines => {}
            Way::Frames => {
                attacker.write(&Preamble::OURS.encode());
                attacker.fill(Preamble::LENGTH);
                attacker.read.drain(..Preamble::LENGTH);
            }
            Way::WebSocketText => attacker.upgrade("buslane.json.v1"),
            Way::WebSocketBinary => attacker.upgrade("buslane.bin.v1"),
        }
        assert_eq!(attacker.fate(), Fate::spared(&[]), "joining over {way:?}");
        attacker
    }

    /// Tells whether it sends JSON text.
    pub(crate) fn is_text(&self) -> bool {
        self.way.is_text()
    }

    /// Writes bytes, as far as the broker takes them.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        // A broker that has heard enough may have ended the connection.
        let _taken = self.stream.write_all(bytes);
    }

    /// Sends a message: a text, or a frame, as the way wants it.
    pub(crate) fn send(&mut self, message: &[u8]) {
        let wrapped = self.wrapped(message);
        self.write(&wrapped);
    }

    /// Sends a JSON text as a message of the way: on binary ways as a frame of a type.
    pub(crate) fn say(&mut self, kind: u8, text: &str) {
        if self.way.is_text() {
            self.send(text.as_bytes());
        } else {
            self.send(&frame(kind, "", "", &[], text.as_bytes()));
        }
    }

    /// Publishes under one header of many bytes, or many of few.
    pub(crate) fn publish(&mut self, topic: &str, headers: &[(&str, &str)], payload: &str) {
        let message = match self.is_text() {
            true => {
                let headers: Vec<_> = headers
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":\"{value}\""))
                    .collect();
                let headers = headers.join(",");
                format!(
                    r#"{{"type":"publish","topic":"{topic}","headers":{{{headers}}},"payload":{payload}}}"#
                )
                .into_bytes()
            }
            false => {
                let mut block = Vec::new();
                for (name, value) in headers {
                    block.push(name.len() as u8);
                    block.extend((value.len() as u16).to_le_bytes());
                    block.extend(name.as_bytes());
                    block.extend(value.as_bytes());
                }
                frame(PUBLISH, "", topic, &block, payload.as_bytes())
            }
        };
        self.send(&message);
    }

    /// Asks for something.
    pub(crate) fn request(&mut self, id: &str, to: &str) {
        let message = match self.is_text() {
            true => format!(r#"{{"type":"request","id":"{id}","to":"{to}","payload":1}}"#).into_bytes(),
            false => frame(REQUEST, id, to, b"", b"1"),
        };
        self.send(&message);
    }

    /// Returns a message as it stands on the wire.
    pub(crate) fn wrapped(&self, message: &[u8]) -> Vec<u8> {
        match self.way {
            Way::Lines => [message, b"\n"].concat(),
            Way::Frames => message.to_vec(),
            Way::WebSocketText => websocket_frame(TEXT, message),
            Way::WebSocketBinary => websocket_frame(BINARY, message),
        }
    }

    /// Says that nothing more comes.
    pub(crate) fn hang_up(&mut self) {
        let _ended = self.stream.shutdown(Shutdown::Write);
    }

    /// Finds out what became of it: asks for a sign of life and reads up to that, or to the end.
    pub(crate) fn fate(&mut self) -> Fate {
        match self.way.is_text() {
            true => self.send(br#"{"type":"ping","id":"fate"}"#),
            false => self.send(&frame(PING, "fate", "", &[], b"")),
        }
        self.fate_so_far()
    }

    /// Reads up to a sign of life that was asked for, or to the end.
    pub(crate) fn fate_so_far(&mut self) -> Fate {
        let mut errors = Vec::new();
        let end = loop {
            match self.hear() {
                Said::Message(kind, _) if kind == "pong" => break End::Open,
                Said::Message(kind, text) if kind == "error" => {
                    errors.push(text["error"]["code"].as_str().unwrap().to_owned());
                }
                Said::Message(..) => {}
                Said::Close(status) => break End::Closed(status),
                Said::Nothing => break End::Ended,
            }
        };
        Fate { errors, end }
    }

    /// Reads what the broker says next.
    pub(crate) fn hear(&mut self) -> Said {
        match self.way {
            Way::Lines => self.hear_line(),
            Way::Frames => self.hear_frame(),
            Way::WebSocketText | Way::WebSocketBinary => self.hear_websocket(),
        }
    }

    fn hear_line(&mut self) -> Said {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Said::text(&line);
            }
            if !self.fill(self.read.len() + 1) {
                return Said::Nothing;
            }
        }
    }

    fn hear_frame(&mut self) -> Said {
        if !self.fill(LENGTH) {
            return Said::Nothing;
        }
        let length = u32::from_le_bytes(self.read[..LENGTH].try_into().unwrap()) as usize + LENGTH;
        if !self.fill(length) {
            return Said::Nothing;
        }
        let frame: Vec<u8> = self.read.drain(..length).collect();
        Said::frame(&frame)
    }

    fn hear_websocket(&mut self) -> Said {
        loop {
            if !self.fill(2) {
                return Said::Nothing;
            }
            let (head, length) = match self.read[1] {
                126 => {
                    self.fill(4);
                    (4, usize::from(u16::from_be_bytes([self.read[2], self.read[3]])))
                }
                127 => {
                    self.fill(10);
                    (
                        10,
                        u64::from_be_bytes(self.read[2..10].try_into().unwrap()) as usize,
                    )
                }
                short => (2, usize::from(short)),
            };
            self.fill(head + length);
            let opcode = self.read[0] & 0xf;
            let payload: Vec<u8> = self.read.drain(..head + length).skip(head).collect();
            match opcode {
                TEXT => return Said::text(&payload),
                BINARY => {
                    let first = u32::from_le_bytes(payload[..LENGTH].try_into().unwrap()) as usize + LENGTH;
                    let rest = &payload[first..];
                    if !rest.is_empty() {
                        let mut again = server_frame(rest);
                        again.append(&mut self.read);
                        self.read = again;
                    }
                    return Said::frame(&payload[..first]);
                }
                CLOSE => return Said::Close(u16::from_be_bytes([payload[0], payload[1]])),
                _ => {}
            }
        }
    }

    /// Reads until there are so many bytes; false if the end came first.
    fn fill(&mut self, count: usize) -> bool {
        while self.read.len() < count {
            let mut bytes = [0; 16 << 10];
            match self.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => self.read.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return false,
                Err(error) => panic!("the broker says nothing over {:?}: {error}", self.way),
            }
        }
        true
    }

    fn upgrade(&mut self, subprotocol: &str) {
        self.write(
            format!(
                "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 sec-websocket-protocol: {subprotocol}\r\n\r\n"
            )
            .as_bytes(),
        );
        loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                self.read.drain(..at + 4);
                return;
            }
            assert!(self.fill(self.read.len() + 1), "the broker upgrades");
        }
    }
}

impl Fate {
    /// What becomes of somebody who is told errors and may go on.
    pub(crate) fn spared(errors: &[&str]) -> Fate {
        Fate::of(errors, End::Open)
    }

    /// Makes a fate.
    pub(crate) fn of(errors: &[&str], end: End) -> Fate {
        Fate {
            errors: errors.iter().map(|error| (*error).to_owned()).collect(),
            end,
        }
    }
}

impl Said {
    fn text(text: &[u8]) -> Said {
        let message: Value = serde_json::from_slice(text).unwrap();
        Said::Message(message["type"].as_str().unwrap().to_owned(), message)
    }

    fn frame(frame: &[u8]) -> Said {
        let kind = match frame[4] {
            16 => return Said::text(&frame[HEADER..]),
            21 => "pong",
            11 => "request",
            12 => "reply",
            _ => "other",
        };
        Said::Message(kind.to_owned(), Value::Null)
    }
}

/// Writes a frame whose header says what its parts are, whatever they hold.
pub(crate) fn frame(kind: u8, id: &str, target: &str, headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let parts = id.len() + target.len() + headers.len() + payload.len();
    let mut frame = Vec::new();
    frame.extend(((HEADER - LENGTH + parts) as u32).to_le_bytes());
    frame.extend([kind, 0, id.len() as u8, 0, 0, 0]);
    frame.extend((target.len() as u16).to_le_bytes());
    frame.extend((headers.len() as u16).to_le_bytes());
    frame.extend([0; 14]);
    for part in [id.as_bytes(), target.as_bytes(), headers, payload] {
        frame.extend(part);
    }
    frame
}

/// Writes a frame of a WebSocket client, masked with zeros.
pub(crate) fn websocket_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        middle @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((middle as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Puts a rest of a binary message back as a message of the broker.
fn server_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | BINARY, 127];
    frame.extend((payload.len() as u64).to_be_bytes());
    frame.extend(payload);
    frame
}

/// Bytes of a frame's header.
const HEADER: usize = 28;
/// Bytes of a frame's length.
const LENGTH: usize = 4;
/// The opcode of text.
pub(crate) const TEXT: u8 = 1;
/// The opcode of binary messages.
pub(crate) const BINARY: u8 = 2;
/// The opcode of a close.
const CLOSE: u8 = 8;

/// Type codes of frames.
pub(crate) const CONNECT: u8 = 1;
pub(crate) const REGISTER: u8 = 3;
pub(crate) const SUBSCRIBE: u8 = 6;
pub(crate) const PUBLISH: u8 = 9;
pub(crate) const REQUEST: u8 = 11;
pub(crate) const REPLY: u8 = 12;
pub(crate) const PING: u8 = 20;
