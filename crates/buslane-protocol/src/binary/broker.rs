//! What the broker sends, as frames.

use std::borrow::Cow;

use super::layout::{Frame, NO_BOUND, Parts, Target, code, flag, when};
use super::rare;
use crate::{
    Ack, Address, Answer, BrokerMessage, DecodeError, Delivery, Invocation, Part, Topic, Withdrawal,
};

/// Decodes what a broker sent.
pub(super) fn decode<'a>(frame: &Frame<'a>) -> Result<BrokerMessage<'a>, DecodeError> {
    Ok(match frame.kind {
        code::DELIVERY => BrokerMessage::Delivery(delivery(frame)?),
        code::REQUEST => BrokerMessage::Request(invocation(frame)?),
        code::REPLY => BrokerMessage::Reply(Answer {
            id: frame.required_id("reply")?,
            from: Cow::Borrowed(frame.from()?),
            headers: frame.headers()?,
            payload: frame.payload(),
        }),
        code::CHUNK => BrokerMessage::Chunk(Part {
            id: frame.required_id("chunk")?,
            from: Cow::Borrowed(frame.from()?),
            sequence: frame.number,
            headers: frame.headers()?,
            payload: frame.payload(),
        }),
        code::ACK => BrokerMessage::Ack(ack(frame)?),
        code::CANCEL => BrokerMessage::Cancel(Withdrawal {
            delivery: frame.number,
        }),
        code::PING => BrokerMessage::Ping(frame.id()),
        code::PONG => BrokerMessage::Pong(frame.id()),
        _ => return rare::decode_broker(frame),
    })
}

/// Appends what a broker sends.
pub(super) fn encode(out: &mut Vec<u8>, message: &BrokerMessage<'_>) {
    let parts = match message {
        // The most frequent ones are written where they are made: what is left out is known there, and costs nothing.
        BrokerMessage::Delivery(delivery) => return delivery_parts(delivery).write(out),
        BrokerMessage::Request(invocation) => return invocation_parts(invocation).write(out),
        BrokerMessage::Reply(answer) => Parts {
            kind: code::REPLY,
            id: Some(&answer.id),
            from: &answer.from,
            headers: Some(&answer.headers),
            payload: Some(&answer.payload),
            ..Parts::default()
        },
        BrokerMessage::Chunk(part) => Parts {
            kind: code::CHUNK,
            number: part.sequence,
            id: Some(&part.id),
            from: &part.from,
            headers: Some(&part.headers),
            payload: Some(&part.payload),
            ..Parts::default()
        },
        BrokerMessage::Ack(ack) => Parts {
            kind: code::ACK,
            number: u64::from(ack.receivers),
            id: Some(&ack.id),
            ..Parts::default()
        },
        BrokerMessage::Cancel(cancel) => Parts {
            kind: code::CANCEL,
            number: cancel.delivery,
            ..Parts::default()
        },
        BrokerMessage::Ping(id) => Parts {
            kind: code::PING,
            id: id.as_ref(),
            ..Parts::default()
        },
        BrokerMessage::Pong(id) => Parts {
            kind: code::PONG,
            id: id.as_ref(),
            ..Parts::default()
        },
        rare => return rare::encode_broker(out, rare),
    };
    parts.write(out);
}

fn delivery<'a>(frame: &Frame<'a>) -> Result<Delivery<'a>, DecodeError> {
    let topic = Topic::parse(frame.target("topic")?).map_err(|source| DecodeError::Topic {
        id: frame.id(),
        source,
    })?;
    Ok(Delivery {
        id: frame.id(),
        topic,
        from: Cow::Borrowed(frame.from()?),
        headers: frame.headers()?,
        payload: frame.payload(),
        retained: frame.has(flag::RETAIN),
    })
}

fn delivery_parts<'a>(delivery: &'a Delivery<'_>) -> Parts<'a> {
    Parts {
        kind: code::DELIVERY,
        flags: when(delivery.retained, flag::RETAIN),
        id: delivery.id.as_ref(),
        from: &delivery.from,
        target: Target::One(delivery.topic.as_str()),
        headers: Some(&delivery.headers),
        payload: Some(&delivery.payload),
        ..Parts::default()
    }
}

fn invocation<'a>(frame: &Frame<'a>) -> Result<Invocation<'a>, DecodeError> {
    let to = Address::parse(frame.target("to")?).map_err(|source| DecodeError::Address {
        id: frame.id(),
        source,
    })?;
    Ok(Invocation {
        delivery: frame.number,
        id: frame.id(),
        from: Cow::Borrowed(frame.from()?),
        to,
        headers: frame.headers()?,
        payload: frame.payload(),
        expires_in_ms: (frame.time_ms != NO_BOUND).then_some(frame.time_ms),
        attempt: frame.attempt,
        stream: frame.has(flag::STREAM),
        credit: u32::from(frame.credit),
    })
}

fn invocation_parts<'a>(invocation: &'a Invocation<'_>) -> Parts<'a> {
    Parts {
        kind: code::REQUEST,
        flags: when(invocation.stream, flag::STREAM),
        attempt: invocation.attempt,
        credit: invocation.credit,
        time_ms: invocation
            .expires_in_ms
            .map_or(NO_BOUND, |left| left.min(NO_BOUND - 1)),
        number: invocation.delivery,
        id: invocation.id.as_ref(),
        from: &invocation.from,
        target: Target::One(invocation.to.as_str()),
        headers: Some(&invocation.headers),
        payload: Some(&invocation.payload),
    }
}

fn ack(frame: &Frame<'_>) -> Result<Ack, DecodeError> {
    let receivers =
        u32::try_from(frame.number).map_err(|_| frame.fault("`receivers` is over 4,294,967,295"))?;
    Ok(Ack {
        id: frame.required_id("ack")?,
        receivers,
    })
}
