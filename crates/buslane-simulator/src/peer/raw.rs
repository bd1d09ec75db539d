//! A program that writes the protocol by itself, well or badly.

use buslane_protocol::binary::Preamble;
use buslane_protocol::{
    BrokerMessage, Chunk, ClientMessage, Encoding, Failure, Framing, Id, Payload, Reply, binary, json,
};

use crate::connection::{decode_broker, is_websocket};
use crate::content::{Content, problem};
use crate::peer::Program;
use crate::websocket::{self, UPGRADE};
use crate::world::World;

/// A program that writes the protocol by itself.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) registrations: Vec<(String, String)>,
    pub(crate) subscriptions: Vec<(String, Option<String>)>,
    /// Ids of its requests, those that have ended included.
    pub(crate) requests: Vec<Id>,
    /// Requests that await an answer: the delivery, and whether in chunks.
    pub(crate) invocations: Vec<(u64, bool)>,
    /// Whether it answers requests at once.
    eager: bool,
    /// Whether it answers pings.
    polite: bool,
}

impl World {
    /// Connects a peer that writes the protocol by itself.
    pub(crate) fn join_by_itself(&mut self, peer: usize) {
        if !self.reachable {
            return;
        }
        let raw = Raw {
            eager: self.random.chance(60),
            polite: self.random.chance(85),
            ..Raw::default()
        };
        self.peers[peer].program = Program::Raw(Box::new(raw));
        self.dial(peer);
        match self.peers[peer].kind.framing {
            Framing::JsonLines => {}
            Framing::Binary => self.write_bytes(peer, &Preamble::OURS.encode()),
            Framing::WebSocketBinary | Framing::WebSocketText => self.write_bytes(peer, UPGRADE),
        }
    }

    /// Lends the program of a peer that writes the protocol by itself.
    pub(crate) fn raw(&mut self, peer: usize) -> Option<&mut Raw> {
        match &mut self.peers[peer].program {
            Program::Raw(raw) => Some(raw),
            _ => None,
        }
    }

    /// Writes bytes to a peer's connection.
    pub(crate) fn write_bytes(&mut self, peer: usize, bytes: &[u8]) {
        if let Some(place) = self.peers[peer].connection {
            self.connections[place]
                .up
                .write(self.now, bytes, &mut self.random);
        }
    }

    /// Writes a message to a peer's connection.
    pub(crate) fn write(&mut self, peer: usize, message: &ClientMessage<'_>) {
        let mut bytes = Vec::new();
        let framing = self.peers[peer].kind.framing;
        match framing.encoding() {
            Encoding::Binary => binary::encode_client(&mut bytes, message),
            Encoding::Json => json::encode_client(&mut bytes, message),
        }
        self.write_message(peer, &bytes);
    }

    /// Writes what is, or should be, one message, with what stands around it on the wire.
    pub(crate) fn write_message(&mut self, peer: usize, message: &[u8]) {
        match self.peers[peer].kind.framing {
            Framing::Binary => self.write_bytes(peer, message),
            Framing::JsonLines => self.write_bytes(peer, &[message, b"\n"].concat()),
            Framing::WebSocketBinary | Framing::WebSocketText => self.write_websocket(peer, message),
        }
    }

    /// Writes a WebSocket message to a peer's connection, perhaps in fragments.
    pub(super) fn write_websocket(&mut self, peer: usize, message: &[u8]) {
        let opcode = match self.peers[peer].kind.framing.encoding() {
            Encoding::Binary => websocket::BINARY,
            Encoding::Json => websocket::TEXT,
        };
        let mut bytes = Vec::new();
        websocket::write_message(&mut bytes, opcode, message, &mut self.random);
        self.write_bytes(peer, &bytes);
    }

    /// Answers a WebSocket's pings.
    pub(super) fn answer_pings(&mut self, peer: usize) {
        let Some(place) = self.peers[peer].connection else {
            return;
        };
        for _ in 0..std::mem::take(&mut self.connections[place].received.pings) {
            self.oracle.coverage.count("websocket ping");
            let mut bytes = Vec::new();
            websocket::write_frame(&mut bytes, websocket::PONG, true, b"", &mut self.random);
            self.write_bytes(peer, &bytes);
        }
    }

    /// Lets a peer read what arrived, and answer.
    pub(super) fn drive_raw(&mut self, peer: usize) {
        let now = self.now;
        while let Some(place) = self.peers[peer].connection {
            let down = &mut self.connections[place].down;
            if let Some(piece) = down.read(now) {
                self.connections[place].received.extend(&piece);
                self.take_messages(peer, place);
            } else if down.is_over(now) {
                self.hang_up(peer);
                self.peers[peer].program = Program::Away;
            } else {
                return;
            }
        }
    }

    fn take_messages(&mut self, peer: usize, place: usize) {
        let framing = self.connections[place].framing;
        if !self.connections[place].is_greeted() {
            return;
        }
        while self.raw(peer).is_some() {
            let frame = match self.connections[place].received.take(usize::MAX) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(problem) => {
                    return self
                        .oracle
                        .broken(format!("what arrived is no frame: {problem:?}"), &[]);
                }
            };
            match decode_broker(framing, &frame.bytes) {
                Ok(message) => self.react(peer, &message),
                Err(error) => {
                    return self
                        .oracle
                        .broken(format!("what arrived is no message: {error}"), &[]);
                }
            }
        }
        if is_websocket(framing) && self.raw(peer).is_some_and(|raw| raw.polite) {
            self.answer_pings(peer);
        }
    }

    fn react(&mut self, peer: usize, message: &BrokerMessage<'_>) {
        let Some(raw) = self.raw(peer) else { return };
        match message {
            BrokerMessage::Ping(id) if raw.polite => {
                let pong = ClientMessage::Pong(*id);
                self.write(peer, &pong);
            }
            BrokerMessage::Registered(registered) => {
                let (service, instance) = (registered.name.to_string(), registered.instance.to_string());
                raw.registrations.push((service.clone(), instance.clone()));
                self.secrets.push((service, instance, registered.resume.clone()));
            }
            BrokerMessage::Request(invocation) => {
                raw.invocations.push((invocation.delivery, invocation.stream));
                let (eager, delivery) = (raw.eager, invocation.delivery);
                if eager && self.random.chance(70) {
                    self.answer_as_raw(peer, delivery, invocation.stream);
                }
            }
            _ => {}
        }
    }

    /// Answers a request in one of many ways.
    pub(crate) fn answer_as_raw(&mut self, peer: usize, delivery: u64, stream: bool) {
        let number = self.number();
        let valid = self.random.chance(85);
        let content = Content::random(number, valid, self.settings.largest, &mut self.random);
        let headers = content.headers();
        let payload = content.payload.clone();
        let wants_chunks = stream || self.random.chance(3);
        let chunk = |payload, headers, last| {
            ClientMessage::Chunk(Chunk {
                delivery,
                headers,
                payload,
                last,
            })
        };
        let message = match self.random.below(10) {
            0 => ClientMessage::Error(Failure {
                delivery,
                error: problem(number),
            }),
            1..=5 if wants_chunks => chunk(payload, headers, false),
            6 if wants_chunks => chunk(payload, headers, true),
            7 if wants_chunks => chunk(Payload::absent(), headers, true),
            _ => ClientMessage::Reply(Reply {
                delivery,
                headers,
                payload,
            }),
        };
        self.write(peer, &message);
        // Some answer twice, later.
        let again = self.random.chance(10);
        if let Some(raw) = self.raw(peer)
            && !again
            && !matches!(message, ClientMessage::Chunk(Chunk { last: false, .. }))
        {
            raw.invocations.retain(|(open, _)| *open != delivery);
        }
    }
}
