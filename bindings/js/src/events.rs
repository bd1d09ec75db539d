//! How each event of a session is written into a batch. The TypeScript half reads the same fields in the same order
//! (`typescript/records.ts`); knows nothing of what they are for.

use buslane_session::protocol::{Delivery, Headers, Invocation, Payload, Problem};
use buslane_session::{
    Action, DeliveryToken, Event, RegistrationKey, RequestKey, SubscriptionKey, Withdrawn,
};

use crate::batch::Batch;

/// Names a record. The numbers are those of `typescript/records.ts`.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum Tag {
    Connected = 1,
    Disconnected,
    Draining,
    Ended,
    Refused,
    Registered,
    RegistrationFailed,
    Unregistered,
    Reply,
    PartialReply,
    PartialFailure,
    Chunk,
    End,
    Failed,
    Request,
    Withdrawn,
    AnswerRefused,
    Credit,
    Subscribed,
    SubscriptionFailed,
    Delivery,
    Gap,
    Acked,
    PublishFailed,
    Flushed,
    FlushFailed,
    Dial,
    Close,
}

/// Appends an event.
pub(crate) fn write(batch: &mut Batch, event: Event<'_>) {
    match event {
        Event::Delivery { keys, delivery } => deliver(batch, &keys, &delivery),
        Event::Reply { key, answer } => {
            carried(
                batch,
                Tag::Reply,
                key,
                &answer.from,
                &answer.headers,
                &answer.payload,
            );
        }
        Event::PartialReply { key, answer } => {
            carried(
                batch,
                Tag::PartialReply,
                key,
                &answer.from,
                &answer.headers,
                &answer.payload,
            );
        }
        Event::Chunk { key, part } => {
            carried(batch, Tag::Chunk, key, &part.from, &part.headers, &part.payload);
        }
        Event::PartialFailure { key, from, problem } => {
            keyed(batch, Tag::PartialFailure, key.number());
            batch.string(&from);
            batch.problem(&problem);
        }
        Event::End {
            key,
            expected,
            replied,
            failed,
        } => {
            keyed(batch, Tag::End, key.number());
            [expected, replied, failed]
                .into_iter()
                .for_each(|number| batch.number(number));
        }
        Event::Failed { key, problem } => failed(batch, Tag::Failed, key.number(), &problem),
        Event::Request {
            token,
            registration,
            invocation,
        } => invoke(batch, token, registration, &invocation),
        Event::Acked { key, receivers } => {
            keyed(batch, Tag::Acked, key.number());
            batch.number(receivers);
        }
        Event::PublishFailed { key, problem } => failed(batch, Tag::PublishFailed, key.number(), &problem),
        event => write_rare(batch, event),
    }
}

/// Appends what concerns what the program offers and subscribed to.
fn write_rare(batch: &mut Batch, event: Event<'_>) {
    match event {
        Event::Registered {
            key,
            instance,
            compatibility,
            ..
        } => {
            keyed(batch, Tag::Registered, key.number());
            batch.string(instance.as_str());
            let report = compatibility.and_then(|report| serde_json::to_string(&report).ok());
            batch.optional(report.as_deref());
        }
        Event::RegistrationFailed {
            key,
            problem,
            retry_at,
        } => {
            failed(batch, Tag::RegistrationFailed, key.number(), &problem);
            batch.flag(retry_at.is_some());
        }
        Event::Unregistered { key } => keyed(batch, Tag::Unregistered, key.number()),
        Event::Withdrawn { token, reason } => {
            about(batch, Tag::Withdrawn, token);
            batch.byte(match reason {
                Withdrawn::Cancelled => 0,
                Withdrawn::Expired => 1,
                Withdrawn::ConnectionLost => 2,
            });
        }
        Event::AnswerRefused { token, problem } => {
            about(batch, Tag::AnswerRefused, token);
            batch.problem(&problem);
        }
        Event::Credit { token, count } => {
            about(batch, Tag::Credit, token);
            batch.number(count);
        }
        Event::Subscribed { key } => keyed(batch, Tag::Subscribed, key.number()),
        Event::SubscriptionFailed { key, problem } => {
            failed(batch, Tag::SubscriptionFailed, key.number(), &problem);
        }
        Event::Gap {
            keys,
            count,
            bytes,
            unknown,
        } => {
            batch.byte(Tag::Gap as u8);
            subscriptions(batch, &keys);
            batch.large(count);
            batch.large(bytes);
            batch.flag(unknown);
        }
        Event::Flushed { key } => keyed(batch, Tag::Flushed, key.number()),
        Event::FlushFailed { key, problem } => failed(batch, Tag::FlushFailed, key.number(), &problem),
        event => write_state(batch, event),
    }
}

/// Appends what concerns the connection.
fn write_state(batch: &mut Batch, event: Event<'_>) {
    match event {
        Event::Connected(connected) => {
            batch.byte(Tag::Connected as u8);
            batch.string(&connected.client);
            batch.string(connected.node.as_str());
            batch.string(&connected.server);
        }
        Event::Disconnected { problem, retry_at } => {
            batch.byte(Tag::Disconnected as u8);
            batch.problem(&problem);
            batch.float(retry_at.as_micros() as f64 / 1000.0);
        }
        Event::Draining { closes_in } => {
            batch.byte(Tag::Draining as u8);
            batch.large(closes_in.as_millis() as u64);
        }
        Event::Ended { problem } => {
            batch.byte(Tag::Ended as u8);
            batch.problem(&problem);
        }
        Event::Refused { problem } => {
            batch.byte(Tag::Refused as u8);
            batch.problem(&problem);
        }
        // Events of later versions concern nobody here.
        _ => {}
    }
}

/// Appends an action.
pub(crate) fn write_action(batch: &mut Batch, action: &Action) {
    match action {
        Action::Dial => batch.byte(Tag::Dial as u8),
        Action::Close { flush } => {
            batch.byte(Tag::Close as u8);
            batch.flag(*flush);
        }
    }
}

fn keyed(batch: &mut Batch, tag: Tag, key: u64) {
    batch.byte(tag as u8);
    batch.large(key);
}

fn failed(batch: &mut Batch, tag: Tag, key: u64, problem: &Problem) {
    keyed(batch, tag, key);
    batch.problem(problem);
}

fn about(batch: &mut Batch, tag: Tag, token: DeliveryToken) {
    let (generation, delivery) = token.parts();
    batch.byte(tag as u8);
    batch.number(generation);
    batch.large(delivery);
}

fn carried(
    batch: &mut Batch,
    tag: Tag,
    key: RequestKey,
    from: &str,
    headers: &Headers<'_>,
    payload: &Payload<'_>,
) {
    keyed(batch, tag, key.number());
    batch.string(from);
    batch.headers(headers);
    batch.payload(payload);
}

fn subscriptions(batch: &mut Batch, keys: &[SubscriptionKey]) {
    batch.number(keys.len() as u32);
    keys.iter().for_each(|key| batch.large(key.number()));
}

fn deliver(batch: &mut Batch, keys: &[SubscriptionKey], delivery: &Delivery<'_>) {
    batch.byte(Tag::Delivery as u8);
    subscriptions(batch, keys);
    batch.repeated(0, delivery.topic.as_str());
    batch.repeated(1, &delivery.from);
    batch.optional(delivery.id.as_ref().map(|id| id.as_str()));
    batch.flag(delivery.retained);
    batch.headers(&delivery.headers);
    batch.payload(&delivery.payload);
}

fn invoke(
    batch: &mut Batch,
    token: DeliveryToken,
    registration: Option<RegistrationKey>,
    invocation: &Invocation<'_>,
) {
    about(batch, Tag::Request, token);
    batch.float(registration.map_or(-1.0, |key| key.number() as f64));
    batch.string(invocation.to.as_str());
    batch.string(invocation.to.method());
    batch.string(&invocation.from);
    batch.optional(invocation.id.as_ref().map(|id| id.as_str()));
    batch.float(invocation.expires_in_ms.map_or(-1.0, f64::from));
    batch.byte(invocation.attempt);
    batch.flag(invocation.stream);
    batch.headers(&invocation.headers);
    batch.payload(&invocation.payload);
}
