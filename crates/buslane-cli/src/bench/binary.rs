//! Buslane's binary frames: the frequent ones written and cut by their layout, the rare ones by the codec.

use buslane_protocol::{
    ClientMessage, Connect, Filter, MethodDeclaration, Name, PROTOCOL_VERSION, Register, Registration,
    Subscribe, binary,
};

use super::wire::{Cut, Event, METHOD, Own, Wire, refused};

/// Buslane in binary frames.
#[derive(Clone, Copy)]
pub(crate) struct Binary;

impl Wire for Binary {
    fn open(out: &mut Vec<u8>) {
        out.extend_from_slice(&[
            MAGIC[0],
            MAGIC[1],
            MAGIC[2],
            MAGIC[3],
            PROTOCOL_VERSION,
            PROTOCOL_VERSION,
            0,
            0,
        ]);
        binary::encode_client(out, &ClientMessage::Connect(Connect::default()));
    }

    fn subscribe(out: &mut Vec<u8>, topic: &str) {
        binary::encode_client(out, &subscription(topic));
    }

    fn publish(out: &mut Vec<u8>, topic: &str, payload: &[u8]) {
        push_frame(out, PUBLISH, 0, b"", &[topic.as_bytes()], payload);
    }

    fn offer(out: &mut Vec<u8>, service: &str) {
        binary::encode_client(out, &registration(service));
    }

    fn expect_replies(out: &mut Vec<u8>) {
        binary::encode_client(out, &ClientMessage::Ping(None));
    }

    fn request(out: &mut Vec<u8>, number: u64, service: &str, payload: &[u8]) {
        let mut digits = [0; 20];
        let id = decimal(number, &mut digits);
        let to = [service.as_bytes(), b":", METHOD.as_bytes()];
        push_frame(out, REQUEST, 0, id, &to, payload);
    }

    fn reply(out: &mut Vec<u8>, call: &[u8], payload: &[u8]) {
        let delivery = call.try_into().map_or(0, u64::from_le_bytes);
        push_frame(out, REPLY, delivery, b"", &[], payload);
    }

    fn pong(out: &mut Vec<u8>) {
        binary::encode_client(out, &ClientMessage::Pong(None));
    }

    fn cut(bytes: &[u8]) -> Cut<'_> {
        let Some(length) = bytes.first_chunk::<4>() else {
            return Ok(None);
        };
        if length == MAGIC {
            return Ok((bytes.len() >= PREAMBLE).then_some((PREAMBLE, Event::Other)));
        }
        let end = 4 + u32::from_le_bytes(*length) as usize;
        if bytes.len() < end {
            return Ok(None);
        }
        let frame = &bytes[..end];
        let event = match frame.get(4) {
            Some(&DELIVERY) => Event::Message,
            Some(&REQUEST) => Event::Call(frame.get(20..28).ok_or_else(|| refused(frame))?),
            Some(&REPLY) => Event::Reply,
            Some(&(CONNECTED | REGISTERED | SUBSCRIBED | ACK | PONG)) => Event::Ready,
            Some(&PING) => Event::Ping,
            Some(&ERROR) => return Err(refused(frame.get(HEADER..).unwrap_or_default())),
            _ => Event::Other,
        };
        Ok(Some((end, event)))
    }
}

impl Own for Binary {
    fn push(out: &mut Vec<u8>, message: &ClientMessage<'_>) {
        binary::encode_client(out, message);
    }
}

/// Makes the message that subscribes a benchmark's client.
pub(super) fn subscription(topic: &str) -> ClientMessage<'static> {
    let filter = Filter::parse(topic.to_owned()).expect("a benchmark's topic is a filter");
    ClientMessage::Subscribe(Subscribe {
        id: None,
        filter,
        shared: None,
        overflow: Default::default(),
        credit: None,
    })
}

/// Makes the message that registers a benchmark's responder.
pub(super) fn registration(service: &str) -> ClientMessage<'static> {
    let name = |text: &str| Name::parse(text).expect("a benchmark's name is a name");
    let registration = Registration {
        name: name(service),
        version: "1.0.0".into(),
        instance: None,
        groups: Vec::new(),
        methods: [(name(METHOD), MethodDeclaration::default())].into(),
        topics: Default::default(),
        schemas: Default::default(),
        meta: None,
    };
    ClientMessage::Register(Box::new(Register {
        id: None,
        resume: None,
        registration,
    }))
}

/// Appends a frame of an id, a target in parts and a payload.
fn push_frame(out: &mut Vec<u8>, kind: u8, number: u64, id: &[u8], target: &[&[u8]], payload: &[u8]) {
    let target_length: usize = target.iter().map(|part| part.len()).sum();
    let length = HEADER - 4 + id.len() + target_length + payload.len();
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&(length as u32).to_le_bytes());
    header[4] = kind;
    header[6] = id.len() as u8;
    header[10..12].copy_from_slice(&(target_length as u16).to_le_bytes());
    header[20..28].copy_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(id);
    target.iter().for_each(|part| out.extend_from_slice(part));
    out.extend_from_slice(payload);
}

/// Writes a number in decimal digits.
pub(super) fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}

/// The first bytes of a binary connection, in both directions.
const MAGIC: &[u8; 4] = b"\xB5BUS";
/// Bytes of the preamble that a binary connection begins with, in both directions.
const PREAMBLE: usize = 8;
/// Bytes before a frame's first variable part.
const HEADER: usize = 28;

const CONNECTED: u8 = 2;
const REGISTERED: u8 = 4;
const SUBSCRIBED: u8 = 7;
const PUBLISH: u8 = 9;
const DELIVERY: u8 = 10;
const REQUEST: u8 = 11;
const REPLY: u8 = 12;
const ACK: u8 = 15;
const ERROR: u8 = 16;
const PING: u8 = 20;
const PONG: u8 = 21;

#[cfg(test)]
mod tests {
    use super::*;
    use buslane_protocol::{
        Address, Answer, BrokerMessage, Deadline, Headers, Id, Payload, Problem, Publish, Refusal, Reply,
        Request, Retain, Targets, Topic,
    };
    use std::borrow::Cow;

    fn payload() -> Payload<'static> {
        Payload {
            bytes: Cow::Borrowed(b"\"xx\""),
            ..Payload::default()
        }
    }

    fn publish() -> ClientMessage<'static> {
        ClientMessage::Publish(Publish {
            id: None,
            topic: Topic::parse("bench/t0").unwrap(),
            headers: Headers::default(),
            payload: payload(),
            ack: false,
            retain: Retain::Keep,
            retain_ms: None,
            exclude_self: false,
        })
    }

    #[test]
    fn frames_written_by_hand_are_those_of_the_codec() {
        let request = ClientMessage::Request(Request {
            id: Id::parse("1234567890").unwrap(),
            to: Targets::One(Address::parse("bench:echo").unwrap()),
            headers: Headers::default(),
            payload: payload(),
            deadline: Deadline::Default,
            stream: false,
            credit: 0,
        });
        let reply = Reply {
            delivery: 258,
            headers: Headers::default(),
            payload: payload(),
        };
        let (mut expected, mut written) = (Vec::new(), Vec::new());
        for message in [publish(), request, ClientMessage::Reply(reply)] {
            binary::encode_client(&mut expected, &message);
        }
        Binary::publish(&mut written, "bench/t0", b"\"xx\"");
        Binary::request(&mut written, 1_234_567_890, "bench", b"\"xx\"");
        Binary::reply(&mut written, &258u64.to_le_bytes(), b"\"xx\"");
        assert_eq!(written, expected);
    }

    #[test]
    fn frames_of_the_broker_are_cut_by_their_length() {
        let mut bytes = [&MAGIC[..], &[1, 1, 0, 0]].concat();
        let id = Id::parse("1").unwrap();
        let answer = Answer {
            id,
            from: "bench#a".into(),
            headers: Headers::default(),
            payload: payload(),
        };
        binary::encode_broker(&mut bytes, &BrokerMessage::Pong(None));
        binary::encode_broker(&mut bytes, &BrokerMessage::Reply(answer));
        let mut rest = &bytes[..];
        let mut seen = Vec::new();
        while let Some((length, event)) = Binary::cut(rest).unwrap() {
            seen.push(event);
            rest = &rest[length..];
        }
        assert_eq!(seen, [Event::Other, Event::Ready, Event::Reply]);
        assert!(rest.is_empty());
    }

    #[test]
    fn errors_of_the_broker_are_errors() {
        let mut bytes = Vec::new();
        let error = Problem::new(buslane_protocol::ErrorCode::NoInstance);
        let refusal = Refusal {
            id: None,
            delivery: None,
            from: None,
            error,
        };
        binary::encode_broker(&mut bytes, &BrokerMessage::Error(refusal));
        assert!(
            Binary::cut(&bytes)
                .unwrap_err()
                .to_string()
                .contains("no_instance")
        );
    }
}
