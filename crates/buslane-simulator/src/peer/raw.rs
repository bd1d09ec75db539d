//! A program that writes the protocol by itself, well or badly.

use buslane_protocol::binary::Preamble;
use buslane_protocol::{
    BrokerMessage, Chunk, ClientMessage, Encoding, Failure, Framing, Id, Payload, Reply, binary, json,
};

use crate::connection::{decode_broker, take_message};
use crate::content::{Content, problem};
use crate::peer::Program;
use crate::world::World;

/// A program that writes the protocol by itself.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    /// What came and is no whole message yet.
    inbound: Vec<u8>,
    /// Whether the broker's preamble is still to come.
    preamble: bool,
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
        let framing = self.peers[peer].kind.framing;
        let raw = Raw {
            preamble: framing == Framing::Binary,
            eager: self.random.chance(60),
            polite: self.random.chance(85),
            ..Raw::default()
        };
        self.peers[peer].program = Program::Raw(Box::new(raw));
        self.dial(peer);
        if framing == Framing::Binary {
            self.write_bytes(peer, &Preamble::OURS.encode());
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
        match self.peers[peer].kind.framing.encoding() {
            Encoding::Binary => binary::encode_client(&mut bytes, message),
            Encoding::Json => {
                json::encode_client(&mut bytes, message);
                bytes.push(b'\n');
            }
        }
        self.write_bytes(peer, &bytes);
    }

    /// Lets a peer read what arrived, and answer.
    pub(super) fn drive_raw(&mut self, peer: usize) {
        let now = self.now;
        while let Some(place) = self.peers[peer].connection {
            let down = &mut self.connections[place].down;
            if let Some(piece) = down.read(now) {
                if let Some(raw) = self.raw(peer) {
                    raw.inbound.extend(piece);
                }
                self.take_messages(peer);
            } else if down.is_over(now) {
                self.hang_up(peer);
                self.peers[peer].program = Program::Away;
            } else {
                return;
            }
        }
    }

    fn take_messages(&mut self, peer: usize) {
        let framing = self.peers[peer].kind.framing;
        while let Some(raw) = self.raw(peer) {
            if raw.preamble {
                if raw.inbound.len() < Preamble::LENGTH {
                    return;
                }
                raw.inbound.drain(..Preamble::LENGTH);
                raw.preamble = false;
            }
            let Ok(Some(frame)) = take_message(framing, &mut raw.inbound, usize::MAX) else {
                return;
            };
            match decode_broker(framing, &frame) {
                Ok(message) => self.react(peer, &message),
                Err(error) => {
                    return self
                        .oracle
                        .broken(format!("what arrived is no message: {error}"), &[]);
                }
            }
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
