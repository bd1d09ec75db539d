//! What a program asks a session for, as numbers; texts and bytes were written to the [stage](crate::stage) before, and
//! their lengths stand in the order in which they were written. What a call leads to comes with the next batch.
//!
//! What can fail returns -2 then, and [`failure`](crate::failure) tells why.

use buslane_session::protocol::{
    Address, Deadline, ErrorCode, Filter, Headers, Overflow, Payload, Problem, Registration, Retain, Targets,
    Topic,
};
use buslane_session::{
    AnswerError, DeliveryToken, PublishOptions, RegistrationKey, RequestKey, RequestOptions, Session,
    SubscribeOptions, SubscriptionKey,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::content::{Content, payload};
use crate::handles::{act, instant, own, tell};
use crate::options::name;
use crate::stage::{self, TOPIC};

/// Registers what a JSON text declares, and returns the registration's key.
#[wasm_bindgen]
pub fn register(handle: u32, now: f64, declaration: u32) -> f64 {
    act(handle, |session, stage| {
        let declaration = stage.parts().text(declaration);
        let registration =
            Registration::parse(declaration).map_err(|error| boxed(ErrorCode::InvalidMessage, error))?;
        let key = session.register(instant(now), registration);
        Ok(key.map_err(|error| Box::new(error.problem()))?.number() as f64)
    })
}

/// Ends a registration.
#[wasm_bindgen]
pub fn unregister(handle: u32, key: f64, drain: bool) {
    tell(handle, |session| {
        session.unregister(RegistrationKey::from_number(key as u64), drain);
    });
}

/// Calls a method, and returns the request's key. `to` holds addresses, each on a line; `deadline` is in milliseconds,
/// 0 for the default and -1 for none; with `credit` the answer is a stream.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "one crossing for each request")]
pub fn request(
    handle: u32,
    now: f64,
    to: u32,
    headers: u32,
    kind: u8,
    payload: u32,
    deadline: f64,
    credit: u32,
) -> f64 {
    act(handle, |session, stage| {
        let (to, mut parts) = stage.addressed(to);
        let (headers, payload) = content(headers, kind, payload).take(&mut parts)?;
        let options = RequestOptions {
            headers: headers.headers(),
            deadline: match deadline {
                0.0 => Deadline::Default,
                below if below < 0.0 => Deadline::Never,
                ms => Deadline::After((ms as u32).max(1)),
            },
            stream: credit > 0,
            credit,
        };
        let key = session.request(instant(now), targets(to)?, payload, options);
        Ok(key.map_err(|error| Box::new(error.problem()))?.number() as f64)
    })
}

/// Ends a request at once.
#[wasm_bindgen]
pub fn cancel(handle: u32, key: f64) {
    tell(handle, |session| {
        session.cancel(RequestKey::from_number(key as u64))
    });
}

/// Tells that the program is done with so many chunks.
#[wasm_bindgen]
pub fn consumed(handle: u32, key: f64, count: u32) {
    tell(handle, |session| {
        session.consumed(RequestKey::from_number(key as u64), count);
    });
}

/// Answers a request that came in. Returns 0 if that is sent, and 2 if nobody waits any more.
#[wasm_bindgen]
pub fn reply(handle: u32, generation: u32, delivery: f64, headers: u32, kind: u8, payload: u32) -> f64 {
    act(handle, |session, stage| {
        let (headers, payload) = content(headers, kind, payload).take(&mut stage.parts())?;
        answered(session.reply(token(generation, delivery), headers.headers(), payload))
    })
}

/// Answers a request that came in with one part of a stream. Returns 0 if it is sent, 1 if the caller takes no more for
/// now, and 2 if nobody waits any more.
#[wasm_bindgen]
pub fn chunk(
    handle: u32,
    now: f64,
    generation: u32,
    delivery: f64,
    headers: u32,
    kind: u8,
    payload: u32,
) -> f64 {
    act(handle, |session, stage| {
        let (headers, payload) = content(headers, kind, payload).take(&mut stage.parts())?;
        let token = token(generation, delivery);
        answered(session.chunk(instant(now), token, headers.headers(), payload, false))
    })
}

/// Ends the stream that answers a request. Returns 0, or 2 if nobody waits any more.
#[wasm_bindgen]
pub fn finish(handle: u32, now: f64, generation: u32, delivery: f64) -> f64 {
    act(handle, |session, _| {
        let token = token(generation, delivery);
        answered(session.chunk(instant(now), token, Headers::default(), Payload::absent(), true))
    })
}

/// Answers a request that came in with an error, a problem as JSON text. Returns 0, or 2 if nobody waits any more.
#[wasm_bindgen]
pub fn fail(handle: u32, generation: u32, delivery: f64, problem: u32) -> f64 {
    act(handle, |session, stage| {
        let problem = Problem::parse(stage.parts().text(problem));
        let problem = problem.map_err(|error| boxed(ErrorCode::InvalidMessage, error))?;
        answered(session.fail(token(generation, delivery), problem))
    })
}

/// Subscribes, and returns the subscription's key. `shared` is below 0 for none; `overflow` is 0 for the oldest, 1 for
/// the newest and 2 for the connection; `credit` is below 0 for none.
#[wasm_bindgen]
pub fn subscribe(handle: u32, filter: u32, shared: i32, overflow: u8, credit: f64) -> f64 {
    act(handle, |session, stage| {
        let mut parts = stage.parts();
        let filter = Filter::parse(parts.text(filter));
        let filter = filter.map_err(|error| boxed(ErrorCode::InvalidFilter, error))?;
        let options = SubscribeOptions {
            shared: parts.optional(shared).map(name).transpose()?,
            overflow: match overflow {
                1 => Overflow::DropNewest,
                2 => Overflow::Disconnect,
                _ => Overflow::DropOldest,
            },
            credit: (credit >= 0.0).then_some(credit as u32),
        };
        let key = session.subscribe(filter, options);
        Ok(key.map_err(|error| Box::new(error.problem()))?.number() as f64)
    })
}

/// Ends a subscription at once.
#[wasm_bindgen]
pub fn unsubscribe(handle: u32, key: f64) {
    tell(handle, |session| {
        session.unsubscribe(SubscriptionKey::from_number(key as u64));
    });
}

/// Tells that the program is done with so many deliveries.
#[wasm_bindgen]
pub fn credit_taken(handle: u32, key: f64, count: u32) {
    tell(handle, |session| {
        session.taken(SubscriptionKey::from_number(key as u64), count);
    });
}

/// Publishes. Returns the key of an acknowledged publish, else -1. `retain` is 0 to keep, 1 to set and 2 to clear;
/// `retain_ms` is below 0 for ever.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "one crossing for each publish")]
pub fn publish(
    handle: u32,
    now: f64,
    topic: u32,
    headers: u32,
    kind: u8,
    payload: u32,
    ack: bool,
    retain: u8,
    retain_ms: f64,
    exclude_self: bool,
) -> f64 {
    act(handle, |session, stage| {
        let (topic, mut parts) = stage.addressed(topic);
        let topic = parse_topic(topic)?;
        let (headers, payload) = content(headers, kind, payload).take(&mut parts)?;
        let options = PublishOptions {
            headers: headers.headers(),
            ack,
            retain: match retain {
                1 => Retain::Set,
                2 => Retain::Clear,
                _ => Retain::Keep,
            },
            retain_ms: (retain_ms >= 0.0).then_some(retain_ms as u32),
            exclude_self,
        };
        publish_on(session, now, &topic, payload, options)
    })
}

/// Publishes what was gathered on the stage, in order; see `stage.rs`. None of it can fail: JavaScript gathers only
/// while there is a connection, for topics that were accepted before and payloads that are short enough.
#[wasm_bindgen]
pub fn publish_gathered(handle: u32, now: f64, length: u32) -> f64 {
    act(handle, |session, stage| {
        let mut topic = None;
        for (kind, bytes) in stage.gathered(length) {
            if kind == TOPIC {
                topic = Some(parse_topic(stage::text(bytes))?);
            } else if let Some(topic) = &topic {
                let payload = payload(kind, bytes);
                publish_on(session, now, topic, payload, PublishOptions::default())?;
            }
        }
        Ok(0.0)
    })
}

/// Asks whether the broker has processed everything before, and returns the key of the question.
#[wasm_bindgen]
pub fn flush(handle: u32) -> f64 {
    act(handle, |session, _| {
        let key = session.flush().map_err(|error| Box::new(error.problem()))?;
        Ok(key.number() as f64)
    })
}

/// Ends a session.
#[wasm_bindgen]
pub fn close(handle: u32, now: f64) {
    tell(handle, |session| session.close(instant(now)));
}

#[inline(never)]
fn publish_on(
    session: &mut Session,
    now: f64,
    topic: &Topic<'_>,
    payload: Payload<'_>,
    options: PublishOptions<'_>,
) -> Result<f64, Box<Problem>> {
    let key = session.publish(instant(now), topic, payload, options);
    let key = key.map_err(|error| Box::new(error.problem()))?;
    Ok(key.map_or(-1.0, |key| key.number() as f64))
}

#[inline(never)]
fn parse_topic(text: &str) -> Result<Topic<'_>, Box<Problem>> {
    Topic::parse(text).map_err(|error| boxed(ErrorCode::InvalidTopic, error))
}

fn content(headers: u32, kind: u8, payload: u32) -> Content {
    Content {
        headers,
        kind,
        payload,
    }
}

fn targets(to: &str) -> Result<Targets<'_>, Box<Problem>> {
    let address = |text| Address::parse(text).map_err(|error| boxed(ErrorCode::InvalidAddress, error));
    if !to.contains('\n') {
        return Ok(Targets::One(address(to)?));
    }
    Ok(Targets::Several(
        to.split('\n').map(address).collect::<Result<_, _>>()?,
    ))
}

fn token(generation: u32, delivery: f64) -> DeliveryToken {
    DeliveryToken::from_parts(generation, delivery as u64)
}

/// Sorts what became of an answer: that nobody waits for it any more, or not yet, is no error.
fn answered(outcome: Result<(), AnswerError>) -> Result<f64, Box<Problem>> {
    match outcome {
        Ok(()) => Ok(0.0),
        Err(AnswerError::NoCredit) => Ok(1.0),
        Err(AnswerError::ConnectionGone | AnswerError::NotAwaited) => Ok(2.0),
        Err(error) => Err(Box::new(error.problem())),
    }
}

fn boxed(code: ErrorCode, detail: impl std::fmt::Display) -> Box<Problem> {
    Box::new(own(code, detail))
}
