//! What the broker sends, as JSON text.

use std::mem::take;

use super::client::{MAX_BOUND_MS, MAX_CREDIT, no_type};
use super::envelope::{Envelope, Member, probable_id};
use super::reader::{Reader, Side};
use super::{rare, utf8};
use crate::{Ack, Answer, BrokerMessage, DecodeError, Delivery, Invocation, Part, Withdrawal};

/// The types that [`decode`] reads out of the envelope itself.
const FREQUENT: [&str; 8] = [
    "delivery", "request", "reply", "chunk", "ack", "cancel", "ping", "pong",
];

/// Decodes the text of one message that a broker sent.
pub(super) fn decode(text: &[u8]) -> Result<BrokerMessage<'_>, DecodeError> {
    let mut envelope = Envelope::default();
    let text = envelope.parse(text)?;
    let kind = match take(&mut envelope.kind) {
        Member::Text(kind) => kind,
        other => return Err(no_type(&other, envelope.id().ok().flatten())),
    };
    match kind.as_ref() {
        "delivery" => delivery(&mut envelope).map(BrokerMessage::Delivery),
        "request" => invocation(&mut envelope).map(BrokerMessage::Request),
        "reply" => answer(&mut envelope).map(BrokerMessage::Reply),
        "chunk" => part(&mut envelope).map(BrokerMessage::Chunk),
        "ack" => ack(&envelope).map(BrokerMessage::Ack),
        "cancel" => cancel(&envelope).map(BrokerMessage::Cancel),
        "ping" => envelope.id().map(BrokerMessage::Ping),
        "pong" => envelope.id().map(BrokerMessage::Pong),
        kind => rare::decode_broker(text, kind),
    }
}

/// Decodes the text of one rare message that a broker sent; `None` if it is of a frequent type.
pub(super) fn decode_rare(text: &[u8]) -> Result<Option<BrokerMessage<'static>>, DecodeError> {
    let text = utf8(text)?;
    match rare::kind(text)? {
        Member::Text(kind) if FREQUENT.contains(&kind.as_ref()) => Ok(None),
        Member::Text(kind) => rare::decode_broker(text, &kind).map(Some),
        other => Err(no_type(&other, probable_id(text))),
    }
}

fn delivery<'a>(envelope: &mut Envelope<'a>) -> Result<Delivery<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Broker)?;
    Ok(Delivery {
        id: reader.id,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
        retained: reader.flag(&envelope.retained, "retained")?,
        topic: reader.topic(take(&mut envelope.topic))?,
        from: reader.required_text(take(&mut envelope.from), "from")?,
    })
}

fn invocation<'a>(envelope: &mut Envelope<'a>) -> Result<Invocation<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Broker)?;
    let expires_in_ms = match &envelope.expires_in_ms {
        Member::Null => None,
        member => Some(reader.required_number(member, "expires_in_ms", 0..=MAX_BOUND_MS)? as u32),
    };
    let credit = reader.number(&envelope.credit, "credit", 0..=MAX_CREDIT)?;
    Ok(Invocation {
        delivery: reader.required_number(&envelope.delivery, "delivery", 0..=u64::MAX)?,
        id: reader.id,
        to: reader.one_target(envelope.to)?,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
        expires_in_ms,
        attempt: reader.required_number(&envelope.attempt, "attempt", 0..=u64::from(u8::MAX))? as u8,
        stream: reader.flag(&envelope.stream, "stream")?,
        credit: credit.unwrap_or(0) as u32,
        from: reader.required_text(take(&mut envelope.from), "from")?,
    })
}

fn answer<'a>(envelope: &mut Envelope<'a>) -> Result<Answer<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Broker)?;
    Ok(Answer {
        id: reader.required_id("reply")?,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
        from: reader.required_text(take(&mut envelope.from), "from")?,
    })
}

fn part<'a>(envelope: &mut Envelope<'a>) -> Result<Part<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Broker)?;
    Ok(Part {
        id: reader.required_id("chunk")?,
        sequence: reader.required_number(&envelope.sequence, "sequence", 0..=u64::MAX)?,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
        from: reader.required_text(take(&mut envelope.from), "from")?,
    })
}

fn ack(envelope: &Envelope<'_>) -> Result<Ack, DecodeError> {
    let reader = Reader::new(envelope, Side::Broker)?;
    let receivers = reader.required_number(&envelope.receivers, "receivers", 0..=u64::from(u32::MAX))?;
    Ok(Ack {
        id: reader.required_id("ack")?,
        receivers: receivers as u32,
    })
}

fn cancel(envelope: &Envelope<'_>) -> Result<Withdrawal, DecodeError> {
    let reader = Reader::new(envelope, Side::Broker)?;
    Ok(Withdrawal {
        delivery: reader.required_number(&envelope.delivery, "delivery", 0..=u64::MAX)?,
    })
}
