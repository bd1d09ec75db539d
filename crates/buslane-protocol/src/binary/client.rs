//! What clients send, as frames.

use super::layout::{Frame, NO_BOUND, Parts, Target, code, flag, when};
use super::plain::{self, PlainPublish};
use super::rare;
use crate::{
    Address, Chunk, ClientMessage, Deadline, DecodeError, Publish, Reply, Request, Retain, Targets, Topic,
};

/// Decodes frame after frame of one buffer. Remembers the last topic and the last address: a frame that repeats them
/// needs no second check of theirs.
///
/// ```
/// use buslane_protocol::binary::{ClientFrames, encode_client};
/// use buslane_protocol::ClientMessage;
/// let mut buffer = Vec::new();
/// encode_client(&mut buffer, &ClientMessage::Ping(None));
/// assert_eq!(ClientFrames::default().decode(&buffer), Ok(ClientMessage::Ping(None)));
/// ```
#[derive(Debug, Default)]
pub struct ClientFrames<'a> {
    topic: Option<&'a str>,
    address: Option<Address<'a>>,
}

impl<'a> ClientFrames<'a> {
    /// Decodes one whole frame.
    #[inline]
    pub fn decode(&mut self, frame: &'a [u8]) -> Result<ClientMessage<'a>, DecodeError> {
        decode(&Frame::parse(frame)?, self)
    }

    /// Decodes one whole frame if it is a publish that asks for nothing but its delivery. `None` says only that it is not,
    /// or is broken: then [`ClientFrames::decode`] tells.
    #[inline]
    pub fn plain_publish(&mut self, frame: &'a [u8]) -> Option<PlainPublish<'a>> {
        let plain::Parts { topic, payload } = plain::take_apart(frame)?;
        let topic = match self.topic.filter(|known| known.as_bytes() == topic) {
            Some(known) => Topic::checked(known),
            None => {
                let text = str::from_utf8(topic).ok()?;
                let topic = Topic::parse(text).ok()?;
                self.topic = Some(text);
                topic
            }
        };
        Some(PlainPublish { topic, payload })
    }

    /// Returns a frame's topic.
    #[inline]
    fn topic(&mut self, frame: &Frame<'a>) -> Result<Topic<'a>, DecodeError> {
        if let Some(topic) = self
            .topic
            .filter(|topic| topic.as_bytes() == frame.target_bytes())
        {
            return Ok(Topic::checked(topic));
        }
        let text = frame.target("topic")?;
        let topic = Topic::parse(text).map_err(|source| DecodeError::Topic {
            id: frame.id(),
            source,
        })?;
        self.topic = Some(text);
        Ok(topic)
    }

    /// Returns a frame's address.
    #[inline]
    fn address(&mut self, frame: &Frame<'a>) -> Result<Address<'a>, DecodeError> {
        let known = self.address.as_ref();
        if let Some(address) = known.filter(|known| known.as_str().as_bytes() == frame.target_bytes()) {
            return Ok(address.clone());
        }
        let address = Address::parse(frame.target("to")?).map_err(|source| DecodeError::Address {
            id: frame.id(),
            source,
        })?;
        self.address = Some(address.clone());
        Ok(address)
    }
}

/// Decodes a frame that holds a request or a publish.
pub(super) fn decode_held<'a>(frame: &Frame<'a>) -> Result<Option<ClientMessage<'a>>, DecodeError> {
    let mut known = ClientFrames::default();
    Ok(match frame.kind {
        code::PUBLISH => Some(ClientMessage::Publish(publish(frame, &mut known)?)),
        code::REQUEST => Some(ClientMessage::Request(request(frame, &mut known)?)),
        _ => None,
    })
}

#[inline]
fn decode<'a>(frame: &Frame<'a>, known: &mut ClientFrames<'a>) -> Result<ClientMessage<'a>, DecodeError> {
    Ok(match frame.kind {
        code::PUBLISH => ClientMessage::Publish(publish(frame, known)?),
        code::REQUEST => ClientMessage::Request(request(frame, known)?),
        code::REPLY => ClientMessage::Reply(Reply {
            delivery: frame.number,
            headers: frame.headers_from_client()?,
            payload: frame.payload(),
        }),
        code::CHUNK => ClientMessage::Chunk(Chunk {
            delivery: frame.number,
            headers: frame.headers_from_client()?,
            payload: frame.payload(),
            last: frame.has(flag::LAST),
        }),
        code::CANCEL => ClientMessage::Cancel(frame.required_id("cancel")?),
        code::PING => ClientMessage::Ping(frame.id()),
        code::PONG => ClientMessage::Pong(frame.id()),
        _ => return rare::decode_client(frame),
    })
}

/// Appends what a client sends.
pub(super) fn encode(out: &mut Vec<u8>, message: &ClientMessage<'_>) {
    match message {
        ClientMessage::Publish(publish) => encode_publish(out, publish),
        ClientMessage::Request(request) => encode_request(out, request),
        ClientMessage::Reply(reply) => Parts {
            kind: code::REPLY,
            number: reply.delivery,
            headers: Some(&reply.headers),
            payload: Some(&reply.payload),
            ..Parts::default()
        }
        .write(out),
        ClientMessage::Chunk(chunk) => Parts {
            kind: code::CHUNK,
            flags: when(chunk.last, flag::LAST),
            number: chunk.delivery,
            headers: Some(&chunk.headers),
            payload: Some(&chunk.payload),
            ..Parts::default()
        }
        .write(out),
        ClientMessage::Cancel(id) => Parts {
            kind: code::CANCEL,
            id: Some(id),
            ..Parts::default()
        }
        .write(out),
        ClientMessage::Ping(id) => Parts {
            kind: code::PING,
            id: id.as_ref(),
            ..Parts::default()
        }
        .write(out),
        ClientMessage::Pong(id) => Parts {
            kind: code::PONG,
            id: id.as_ref(),
            ..Parts::default()
        }
        .write(out),
        rare => rare::encode_client(out, rare),
    }
}

#[inline]
fn publish<'a>(frame: &Frame<'a>, known: &mut ClientFrames<'a>) -> Result<Publish<'a>, DecodeError> {
    let topic = known.topic(frame)?;
    let retain = match (frame.has(flag::RETAIN), frame.has(flag::CLEAR)) {
        (false, false) => Retain::Keep,
        (true, false) => Retain::Set,
        (false, true) => Retain::Clear,
        (true, true) => return Err(frame.fault("`retain` cannot be both set and clear")),
    };
    let ack = frame.has(flag::ACK);
    if ack && !frame.has_id() {
        return Err(frame.fault("a publish with `ack` needs `id`"));
    }
    Ok(Publish {
        id: frame.id(),
        topic,
        headers: frame.headers_from_client()?,
        payload: frame.payload(),
        ack,
        retain,
        retain_ms: (frame.time_ms > 0).then_some(frame.time_ms),
        exclude_self: frame.has(flag::EXCLUDE_SELF),
    })
}

fn encode_publish(out: &mut Vec<u8>, publish: &Publish<'_>) {
    let retain = match publish.retain {
        Retain::Keep => 0,
        Retain::Set => flag::RETAIN,
        Retain::Clear => flag::CLEAR,
    };
    Parts {
        kind: code::PUBLISH,
        flags: retain | when(publish.ack, flag::ACK) | when(publish.exclude_self, flag::EXCLUDE_SELF),
        time_ms: publish.retain_ms.map_or(0, |lifetime| lifetime.max(1)),
        id: publish.id.as_ref(),
        target: Target::One(publish.topic.as_str()),
        headers: Some(&publish.headers),
        payload: Some(&publish.payload),
        ..Parts::default()
    }
    .write(out);
}

#[inline]
fn request<'a>(frame: &Frame<'a>, known: &mut ClientFrames<'a>) -> Result<Request<'a>, DecodeError> {
    Ok(Request {
        id: frame.required_id("request")?,
        to: targets(frame, known)?,
        headers: frame.headers_from_client()?,
        payload: frame.payload(),
        deadline: match frame.time_ms {
            0 => Deadline::Default,
            NO_BOUND => Deadline::Never,
            time_ms => Deadline::After(time_ms),
        },
        stream: frame.has(flag::STREAM),
        credit: u32::from(frame.credit),
    })
}

#[inline]
fn targets<'a>(frame: &Frame<'a>, known: &mut ClientFrames<'a>) -> Result<Targets<'a>, DecodeError> {
    if !frame.has(flag::SEVERAL) {
        return known.address(frame).map(Targets::One);
    }
    let refused = |source| DecodeError::Address {
        id: frame.id(),
        source,
    };
    let text = frame.target("to")?;
    let count = text.split('\n').count();
    if !(2..=Targets::MAX).contains(&count) {
        return Err(frame.fault(format!("`to` has 2 to {} addresses, not {count}", Targets::MAX)));
    }
    text.split('\n')
        .map(Address::parse)
        .collect::<Result<_, _>>()
        .map(Targets::Several)
        .map_err(refused)
}

fn encode_request(out: &mut Vec<u8>, request: &Request<'_>) {
    let (target, several) = match &request.to {
        Targets::One(address) => (Target::One(address.as_str()), 0),
        Targets::Several(addresses) => (Target::Several(addresses), flag::SEVERAL),
    };
    Parts {
        kind: code::REQUEST,
        flags: several | when(request.stream, flag::STREAM),
        credit: request.credit,
        time_ms: match request.deadline {
            Deadline::Default => 0,
            Deadline::After(time_ms) => time_ms.clamp(1, NO_BOUND - 1),
            Deadline::Never => NO_BOUND,
        },
        id: Some(&request.id),
        target,
        headers: Some(&request.headers),
        payload: Some(&request.payload),
        ..Parts::default()
    }
    .write(out);
}

#[cfg(test)]
mod tests {
    use super::ClientFrames;
    use crate::binary::decode_client;
    use crate::{DecodeError, ErrorCode, HeadersError, Id};

    /// A frame of a type, some flags, an id, a target and headers.
    fn frame(kind: u8, flags: u8, id: &[u8], target: &[u8], headers: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 28];
        (frame[4], frame[5], frame[6]) = (kind, flags, id.len() as u8);
        (frame[10], frame[12]) = (target.len() as u8, headers.len() as u8);
        for part in [id, target, headers] {
            frame.extend_from_slice(part);
        }
        frame[0] = (frame.len() - 4) as u8;
        frame
    }

    #[test]
    fn a_frame_is_the_same_message_whatever_came_before_it() {
        let (good, other) = (frame(9, 0, b"", b"a/b", b""), frame(9, 0, b"1", b"a/c", b""));
        let (bad, call) = (frame(9, 0, b"", b"a//b", b""), frame(11, 0, b"1", b"a/b:c", b""));
        let (group, long) = (
            frame(11, 0, b"1", b"@b:c", b""),
            frame(11, 0, b"2", b"a/b:cd", b""),
        );
        let all = [&good, &other, &bad, &call, &group, &long];
        for before in all {
            for after in all {
                let mut frames = ClientFrames::default();
                let _ = frames.decode(before);
                assert_eq!(frames.decode(after), decode_client(after));
                assert_eq!(frames.decode(after), decode_client(after));
            }
        }
    }

    fn code_of(frame: &[u8]) -> ErrorCode {
        decode_client(frame).expect_err("the frame is refused").code()
    }

    #[test]
    fn each_fault_has_its_code() {
        assert_eq!(code_of(&frame(9, 0, b"", b"a//b", b"")), ErrorCode::InvalidTopic);
        assert_eq!(
            code_of(&frame(9, 0, b"", b"\xff", b"")),
            ErrorCode::InvalidMessage
        );
        assert_eq!(
            code_of(&frame(9, 16 | 32, b"", b"a", b"")),
            ErrorCode::InvalidMessage
        );
        assert_eq!(code_of(&frame(9, 2, b"", b"a", b"")), ErrorCode::InvalidMessage);
        assert_eq!(
            code_of(&frame(9, 0, b"", b"a", b"\x09")),
            ErrorCode::InvalidMessage
        );
        assert_eq!(
            code_of(&frame(11, 0, b"", b"a:b", b"")),
            ErrorCode::InvalidMessage
        );
        assert_eq!(code_of(&frame(11, 0, b"1", b"a", b"")), ErrorCode::InvalidAddress);
        assert_eq!(
            code_of(&frame(11, 128, b"1", b"a:b", b"")),
            ErrorCode::InvalidMessage
        );
        assert_eq!(
            code_of(&frame(11, 128, b"1", b"a:b\n", b"")),
            ErrorCode::InvalidAddress
        );
        assert_eq!(code_of(&frame(17, 0, b"", b"", b"")), ErrorCode::InvalidMessage);
        assert_eq!(code_of(&frame(0, 0, b"", b"", b"")), ErrorCode::UnknownType);
        assert_eq!(code_of(&frame(10, 0, b"", b"a", b"")), ErrorCode::UnknownType);
        assert_eq!(code_of(&frame(1, 0, b"1", b"", b"")), ErrorCode::InvalidFrame);
        assert_eq!(code_of(&frame(1, 0, b"", b"", b"")), ErrorCode::InvalidJson);
    }

    #[test]
    fn errors_carry_the_id() {
        let error = decode_client(&frame(9, 0, b"77", b"a//b", b"")).expect_err("the topic is refused");
        assert_eq!(error.id(), Some(Id::parse("77").unwrap()));
    }

    #[test]
    fn clients_cannot_set_the_brokers_members() {
        let frame = frame(9, 0, b"", b"a", b"\x07\x01\x00:sharedx");
        let source = HeadersError::Reserved {
            name: ":shared".to_owned(),
        };
        assert_eq!(
            decode_client(&frame),
            Err(DecodeError::Headers { id: None, source })
        );
    }

    #[test]
    fn a_rare_frame_holds_the_message_that_its_type_says() {
        let mut ping_as_connect = frame(1, 0, b"", b"", b"");
        ping_as_connect.extend_from_slice(br#"{"type":"goodbye"}"#);
        ping_as_connect[0] += 18;
        assert_eq!(code_of(&ping_as_connect), ErrorCode::InvalidMessage);
        let mut untyped = frame(3, 0, b"", b"", b"");
        untyped.extend_from_slice(br#"{"name":"attic"}"#);
        untyped[0] += 16;
        assert!(decode_client(&untyped).is_ok());
    }
}
