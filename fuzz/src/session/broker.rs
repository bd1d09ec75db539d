//! A broker that may lie: knows the ids that the session wrote, and says anything about them.

use buslane_protocol::binary::{self, Preamble};
use buslane_protocol::{
    Ack, Address, Answer, BrokerMessage, ClientMessage, Connected, Delivery, Draining, Encoding, End, Filter,
    Framing, Gap, Headers, HeadersBuf, Id, Invocation, Name, Part, Payload, Problem, Refusal, Registered,
    StreamCredit, Subscribed, Topic, Withdrawal, json,
};

use crate::choices::Choices;

/// A broker that may lie.
pub(crate) struct Broker {
    framing: Framing,
    /// The ids that the session wrote, the oldest first.
    ids: Vec<Id>,
    /// Whether the preamble of the session is still to come.
    begins: bool,
}

impl Broker {
    /// Makes a broker that has heard nothing.
    pub(crate) fn new(framing: Framing) -> Self {
        Broker {
            framing,
            ids: Vec::new(),
            begins: true,
        }
    }

    /// Begins with a connection.
    pub(crate) fn begin(&mut self) {
        self.begins = true;
    }

    /// Returns an answer to the preamble, a wrong one rarely.
    pub(crate) fn preamble(&self, choices: &mut Choices<'_>) -> Vec<u8> {
        match choices.byte() {
            254 => Preamble::answer(None).to_vec(),
            255 => b"HTTP/1.1 400 \r\n\r\n".to_vec(),
            253 => Preamble::answer(Some(7)).to_vec(),
            _ => Preamble::answer(Some(1)).to_vec(),
        }
    }

    /// Takes in what the session wrote, and panics if it is no message.
    pub(crate) fn hear(&mut self, mut bytes: &[u8]) {
        if self.framing == Framing::Binary && std::mem::take(&mut self.begins) {
            bytes = bytes.strip_prefix(&Preamble::OURS.encode()[..]).unwrap_or(bytes);
        }
        while !bytes.is_empty() {
            let length = match self.framing.encoding() {
                Encoding::Binary => binary::frame_length(bytes, usize::MAX).ok().flatten(),
                Encoding::Json => bytes.iter().position(|byte| *byte == b'\n').map(|end| end + 1),
            };
            let (message, rest) = bytes.split_at(length.unwrap_or(bytes.len()));
            let decoded = match self.framing.encoding() {
                Encoding::Binary => binary::decode_client(message),
                Encoding::Json => json::decode_client(message),
            };
            let message = decoded.unwrap_or_else(|error| panic!("the session wrote no message: {error}"));
            self.ids.extend(id_of(&message));
            bytes = rest;
        }
    }

    /// Returns what the broker says next, as it stands on the wire.
    pub(crate) fn say(&self, choices: &mut Choices<'_>) -> Vec<u8> {
        let kind = choices.byte();
        if kind == 255 {
            return choices.bytes().to_vec();
        }
        let message = self.message(kind, choices);
        let mut bytes = Vec::new();
        match self.framing.encoding() {
            Encoding::Binary => binary::encode_broker(&mut bytes, &message),
            Encoding::Json => json::encode_broker(&mut bytes, &message),
        }
        if self.framing == Framing::JsonLines {
            bytes.push(b'\n');
        }
        if choices.rarely(16) {
            let place = usize::try_from(choices.number()).unwrap_or_default() % bytes.len();
            bytes[place] = choices.byte();
        }
        bytes
    }

    fn message(&self, kind: u8, choices: &mut Choices<'_>) -> BrokerMessage<'static> {
        match kind % 20 {
            0 => BrokerMessage::Connected(Box::new(self.connected(choices))),
            1 => BrokerMessage::Registered(Registered {
                id: Some(self.id(choices)),
                name: name(choices.among::<&str>(&["attic", "cellar"])),
                instance: name(choices.among::<&str>(&["one", "other"])),
                resume: "again".to_owned(),
                heartbeat_ms: choices.number(),
                compatibility: None,
            }),
            2 => BrokerMessage::Subscribed(Subscribed {
                id: Some(self.id(choices)),
                filter: filter(choices),
                shared: None,
            }),
            3 | 4 => BrokerMessage::Delivery(delivery(choices)),
            5 | 6 => BrokerMessage::Request(invocation(self.id(choices), choices)),
            7 | 8 => BrokerMessage::Reply(Answer {
                id: self.id(choices),
                from: "attic#one".into(),
                headers: Headers::default(),
                payload: payload(choices),
            }),
            9 | 10 => BrokerMessage::Chunk(Part {
                id: self.id(choices),
                from: "attic#one".into(),
                sequence: u64::from(choices.byte() % 4),
                headers: Headers::default(),
                payload: payload(choices),
            }),
            11 => BrokerMessage::End(End {
                id: self.id(choices),
                expected: u32::from(choices.byte()),
                replied: 1,
                failed: 0,
            }),
            12 => BrokerMessage::Ack(Ack {
                id: self.id(choices),
                receivers: choices.number(),
            }),
            13 | 14 => BrokerMessage::Error(self.refusal(choices)),
            15 => BrokerMessage::Cancel(Withdrawal {
                delivery: u64::from(choices.byte() % 8),
            }),
            16 => BrokerMessage::Credit(StreamCredit {
                delivery: u64::from(choices.byte() % 8),
                count: choices.number(),
            }),
            17 => BrokerMessage::Gap(Gap {
                count: u64::from(choices.byte()),
                filter: choices.rarely(2).then(|| filter(choices)),
                ..Gap::default()
            }),
            18 => BrokerMessage::Ping(choices.rarely(2).then(|| self.id(choices))),
            _ if choices.rarely(4) => BrokerMessage::Draining(Draining {
                closes_in_ms: choices.number(),
            }),
            _ => BrokerMessage::Pong(Some(self.id(choices))),
        }
    }

    /// Returns an id that the session wrote, one of the last most often, or one that nobody wrote.
    fn id(&self, choices: &mut Choices<'_>) -> Id {
        let back = usize::from(choices.byte());
        let place = self.ids.len().checked_sub(1 + back % 16);
        match place.and_then(|place| self.ids.get(place)) {
            Some(id) if back < 240 => *id,
            _ => Id::parse("nobody").expect("it is an id"),
        }
    }

    fn connected(&self, choices: &mut Choices<'_>) -> Connected {
        let kind = choices.byte();
        let limit = |name: &str| (name.to_owned(), u64::from(kind) * 64);
        Connected {
            id: (kind & 128 == 0).then(|| self.id(choices)),
            version: if kind == 255 { 9 } else { 1 },
            node: name("here"),
            server: "fuzzer".to_owned(),
            client: "c1".to_owned(),
            heartbeat_ms: choices.number(),
            limits: if kind & 3 == 3 {
                [limit("payload"), limit("frame"), limit("longest_deadline_ms")].into()
            } else {
                Default::default()
            },
        }
    }

    fn refusal(&self, choices: &mut Choices<'_>) -> Refusal {
        let kind = choices.byte();
        let codes = [
            "internal",
            "instance_in_use",
            "taken_over",
            "unauthenticated",
            "draining",
            "no_instance",
            "memory_full",
            "duplicate_id",
            "cancelled",
            "unsupported_version",
            "of_a_service",
        ];
        Refusal {
            id: (kind & 1 == 0).then(|| self.id(choices)),
            delivery: (kind & 3 == 1).then(|| u64::from(kind >> 4)),
            from: (kind & 8 != 0).then(|| "attic#one".to_owned()),
            error: Problem::of_service(*choices.among(&codes), "It failed"),
        }
    }
}

fn id_of(message: &ClientMessage<'_>) -> Option<Id> {
    match message {
        ClientMessage::Connect(connect) => connect.id,
        ClientMessage::Register(register) => register.id,
        ClientMessage::Unregister(unregister) => unregister.id,
        ClientMessage::Subscribe(subscribe) => subscribe.id,
        ClientMessage::Unsubscribe(unsubscribe) => unsubscribe.id,
        ClientMessage::Publish(publish) => publish.id,
        ClientMessage::Request(request) => Some(request.id),
        ClientMessage::Ping(id) | ClientMessage::Pong(id) => *id,
        _ => None,
    }
}

fn delivery(choices: &mut Choices<'_>) -> Delivery<'static> {
    let topics = ["t/a", "t/b", "x", "$bus/service/attic/connect"];
    Delivery {
        id: None,
        topic: Topic::parse(*choices.among(&topics)).expect("it is a topic"),
        from: "somebody".into(),
        headers: headers(choices),
        payload: payload(choices),
        retained: choices.rarely(4),
    }
}

fn invocation(id: Id, choices: &mut Choices<'_>) -> Invocation<'static> {
    let kind = choices.byte();
    Invocation {
        delivery: u64::from(kind % 8),
        id: Some(id),
        from: "caller".into(),
        to: Address::parse(*choices.among(&["attic:get", "*:get", "@all:get"])).expect("it is an address"),
        headers: headers(choices),
        payload: payload(choices),
        expires_in_ms: (kind & 16 == 0).then(|| choices.number()),
        attempt: 1,
        stream: kind & 8 != 0,
        credit: u32::from(kind >> 6),
    }
}

/// Headers that only a broker sets.
fn headers(choices: &mut Choices<'_>) -> Headers<'static> {
    let mut headers = HeadersBuf::new();
    let (name, value) = *choices.among(&[
        ("trace", "1"),
        (":shared", "workers"),
        (":filter", "t/+"),
        (":snapshot", "true"),
        (":callee", "attic#one"),
        (":filter", "no//filter"),
    ]);
    headers.push(name, value).expect("it is short");
    headers.finish()
}

fn payload(choices: &mut Choices<'_>) -> Payload<'static> {
    match choices.byte() % 4 {
        0 => Payload::absent(),
        1 => Payload::json(&b"{\"a\": [1]}"[..]),
        2 => Payload::bytes(&b"\x00\xff"[..]),
        _ => Payload::json(&b"broken"[..]),
    }
}

fn filter(choices: &mut Choices<'_>) -> Filter<'static> {
    Filter::parse(*choices.among(&["t/+", "t/a", "#", "$bus/#"])).expect("it is a filter")
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("it is a name")
}
