//! What clients send, as JSON text.

use std::mem::take;

use super::envelope::{Envelope, Member};
use super::rare;
use super::reader::{Reader, Side};
use crate::{
    Chunk, ClientMessage, Deadline, DecodeError, Headers, HeadersBuf, Publish, Reply, Request, Retain,
    Targets,
};

/// Decodes the text of one message that a client sent.
pub(super) fn decode(text: &[u8]) -> Result<ClientMessage<'_>, DecodeError> {
    let mut envelope = Envelope::default();
    let text = envelope.parse(text)?;
    let kind = match take(&mut envelope.kind) {
        Member::Text(kind) => kind,
        Member::Absent if envelope.name != Member::Absent => return rare::typeless_register(text),
        other => return Err(no_type(&other, &envelope)),
    };
    match kind.as_ref() {
        "publish" => publish(&mut envelope).map(ClientMessage::Publish),
        "request" => request(&mut envelope).map(ClientMessage::Request),
        "reply" => reply(&mut envelope).map(ClientMessage::Reply),
        "chunk" => chunk(&mut envelope).map(ClientMessage::Chunk),
        "message" => message(&mut envelope).map(ClientMessage::Request),
        "cancel" => Reader::new(&envelope, Side::Client)?
            .required_id("cancel")
            .map(ClientMessage::Cancel),
        "ping" => envelope.id().map(ClientMessage::Ping),
        "pong" => envelope.id().map(ClientMessage::Pong),
        kind => rare::decode_client(text, kind),
    }
}

/// Makes the error of a text whose type is missing or no string.
pub(super) fn no_type(kind: &Member<'_>, envelope: &Envelope<'_>) -> DecodeError {
    let reason = if *kind == Member::Absent {
        "`type` is missing"
    } else {
        "`type` must be a string"
    };
    DecodeError::Member {
        id: envelope.id().ok().flatten(),
        reason: reason.to_owned(),
    }
}

fn publish<'a>(envelope: &mut Envelope<'a>) -> Result<Publish<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Client)?;
    let ack = reader.flag(&envelope.ack, "ack")?;
    if ack {
        reader.required_id("a publish with `ack`")?;
    }
    let retain = match &envelope.retain {
        Member::Absent | Member::Null => Retain::Keep,
        Member::Text(word) if word == "set" => Retain::Set,
        Member::Text(word) if word == "clear" => Retain::Clear,
        _ => return Err(reader.fault("`retain` must be \"set\" or \"clear\"")),
    };
    Ok(Publish {
        id: reader.id,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
        ack,
        retain,
        retain_ms: reader
            .number(&envelope.retain_ms, "retain_ms", 1..=MAX_MS)?
            .map(|lifetime| lifetime as u32),
        exclude_self: reader.flag(&envelope.exclude_self, "exclude_self")?,
        topic: reader.topic(take(&mut envelope.topic))?,
    })
}

fn request<'a>(envelope: &mut Envelope<'a>) -> Result<Request<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Client)?;
    let deadline = match &envelope.expires_in_ms {
        Member::Null => Deadline::Never,
        member => match reader.number(member, "expires_in_ms", 1..=MAX_BOUND_MS)? {
            Some(bound) => Deadline::After(bound as u32),
            None => Deadline::Default,
        },
    };
    let credit = reader.number(&envelope.credit, "credit", 0..=MAX_CREDIT)?;
    Ok(Request {
        id: reader.required_id("request")?,
        to: reader.targets(envelope.to)?,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
        deadline,
        stream: reader.flag(&envelope.stream, "stream")?,
        credit: credit.unwrap_or(0) as u32,
    })
}

/// Reads the form of the real-time services gist: a request under other names.
fn message<'a>(envelope: &mut Envelope<'a>) -> Result<Request<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Client)?;
    let id = reader.required_id("message")?;
    let headers = match reader.text(take(&mut envelope.responder), "responder")? {
        Some(responder) => responder_header(&reader, &responder)?,
        None => Headers::default(),
    };
    let payload = reader.payload(envelope)?;
    let to = reader.address(reader.required_text(take(&mut envelope.destination), "destination")?)?;
    Ok(Request {
        id,
        to: Targets::One(to),
        headers,
        payload,
        deadline: Deadline::Default,
        stream: false,
        credit: 0,
    })
}

fn responder_header(reader: &Reader, responder: &str) -> Result<Headers<'static>, DecodeError> {
    let mut headers = HeadersBuf::new();
    match headers.push(Headers::REPLY_TO, responder) {
        Ok(()) => Ok(headers.finish()),
        Err(source) => Err(DecodeError::Headers {
            id: reader.id,
            source,
        }),
    }
}

fn reply<'a>(envelope: &mut Envelope<'a>) -> Result<Reply<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Client)?;
    Ok(Reply {
        delivery: reader.required_number(&envelope.delivery, "delivery", 0..=u64::MAX)?,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
    })
}

fn chunk<'a>(envelope: &mut Envelope<'a>) -> Result<Chunk<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Client)?;
    Ok(Chunk {
        delivery: reader.required_number(&envelope.delivery, "delivery", 0..=u64::MAX)?,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
        last: reader.flag(&envelope.last, "last")?,
    })
}

/// Milliseconds that 32 bits can say.
pub(super) const MAX_MS: u64 = u32::MAX as u64;
/// Milliseconds of a request's bound; the highest number of 32 bits says that there is none.
pub(super) const MAX_BOUND_MS: u64 = u32::MAX as u64 - 1;
/// Credit that the 16 bits of a binary frame can say.
pub(super) const MAX_CREDIT: u64 = u16::MAX as u64;
