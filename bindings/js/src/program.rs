//! What a program asks a session for, in the forms in which it crosses: names and payloads as text or bytes, options
//! as numbers. What it leads to comes with the next batch.
//!
//! A payload is `kind` with `text` or `bytes`: 0 for none, 1 for text that `JSON.stringify` wrote, 2 for bytes, 3 for JSON
//! text of the program's own. Headers are a JSON array of names and values.

use buslane_session::protocol::{
    Address, Deadline, ErrorCode, Filter, Headers, Overflow, Payload, Problem, Registration, Retain, Targets,
    Topic,
};
use buslane_session::{
    AnswerError, DeliveryToken, PublishOptions, RegistrationKey, RequestKey, RequestOptions,
    SubscribeOptions, SubscriptionKey,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::content;
use crate::handles::{Fallible, act, instant, own, with};
use crate::options::name;

/// Registers what the JSON text declares, and returns the registration's key.
#[wasm_bindgen]
pub fn register(handle: u32, now: f64, declaration: &str) -> Fallible<f64> {
    act(handle, |session| {
        let registration: Registration =
            serde_json::from_str(declaration).map_err(|error| boxed(ErrorCode::InvalidMessage, error))?;
        let key = session.register(instant(now), registration);
        Ok(key.map_err(|error| Box::new(error.problem()))?.number() as f64)
    })
}

/// Ends a registration.
#[wasm_bindgen]
pub fn unregister(handle: u32, key: f64, drain: bool) -> Fallible<()> {
    with(handle, |session, _| {
        session.unregister(RegistrationKey::from_number(key as u64), drain)
    })
}

/// Calls a method, and returns the request's key. `to` holds addresses, each on a line; `deadline` is in milliseconds,
/// 0 for the default and -1 for none.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "one crossing for each request")]
pub fn request(
    handle: u32,
    now: f64,
    to: &str,
    headers: Option<String>,
    kind: u8,
    text: &str,
    bytes: Option<Vec<u8>>,
    deadline: f64,
    stream: bool,
    credit: u32,
) -> Fallible<f64> {
    act(handle, |session| {
        let headers = content::headers(headers.as_deref(), kind)?;
        let options = RequestOptions {
            headers: headers.headers(),
            deadline: match deadline {
                0.0 => Deadline::Default,
                below if below < 0.0 => Deadline::Never,
                ms => Deadline::After((ms as u32).max(1)),
            },
            stream,
            credit,
        };
        let key = session.request(
            instant(now),
            targets(to)?,
            content::payload(kind, text, bytes.as_deref()),
            options,
        );
        Ok(key.map_err(|error| Box::new(error.problem()))?.number() as f64)
    })
}

/// Ends a request at once.
#[wasm_bindgen]
pub fn cancel(handle: u32, key: f64) -> Fallible<()> {
    with(handle, |session, _| {
        session.cancel(RequestKey::from_number(key as u64))
    })
}

/// Tells that the program is done with so many chunks.
#[wasm_bindgen]
pub fn consumed(handle: u32, key: f64, count: u32) -> Fallible<()> {
    with(handle, |session, _| {
        session.consumed(RequestKey::from_number(key as u64), count)
    })
}

/// Answers a request that came in. Returns whether somebody waited for it.
#[wasm_bindgen]
pub fn reply(
    handle: u32,
    generation: u32,
    delivery: f64,
    headers: Option<String>,
    kind: u8,
    text: &str,
    bytes: Option<Vec<u8>>,
) -> Fallible<bool> {
    act(handle, |session| {
        let headers = content::headers(headers.as_deref(), kind)?;
        answered(session.reply(
            token(generation, delivery),
            headers.headers(),
            content::payload(kind, text, bytes.as_deref()),
        ))
    })
}

/// Answers a request that came in with one part of a stream. Returns 0 if it is sent, 1 if the caller takes no more for
/// now, and 2 if nobody waits any more.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "one crossing for each chunk")]
pub fn chunk(
    handle: u32,
    now: f64,
    generation: u32,
    delivery: f64,
    headers: Option<String>,
    kind: u8,
    text: &str,
    bytes: Option<Vec<u8>>,
) -> Fallible<u8> {
    act(handle, |session| {
        let headers = content::headers(headers.as_deref(), kind)?;
        let payload = content::payload(kind, text, bytes.as_deref());
        match session.chunk(
            instant(now),
            token(generation, delivery),
            headers.headers(),
            payload,
            false,
        ) {
            Ok(()) => Ok(0),
            Err(AnswerError::NoCredit) => Ok(1),
            Err(AnswerError::ConnectionGone | AnswerError::NotAwaited) => Ok(2),
            Err(error) => Err(Box::new(error.problem())),
        }
    })
}

/// Ends the stream that answers a request. Returns whether somebody waited for it.
#[wasm_bindgen]
pub fn finish(handle: u32, now: f64, generation: u32, delivery: f64) -> Fallible<bool> {
    act(handle, |session| {
        let token = token(generation, delivery);
        answered(session.chunk(instant(now), token, Headers::default(), Payload::absent(), true))
    })
}

/// Answers a request that came in with an error, a problem as JSON text. Returns whether somebody waited for it.
#[wasm_bindgen]
pub fn fail(handle: u32, generation: u32, delivery: f64, problem: &str) -> Fallible<bool> {
    act(handle, |session| {
        let problem: Problem =
            serde_json::from_str(problem).map_err(|error| boxed(ErrorCode::InvalidMessage, error))?;
        answered(session.fail(token(generation, delivery), problem))
    })
}

/// Subscribes, and returns the subscription's key. `overflow` is 0 for the oldest, 1 for the newest and 2 for the
/// connection; `credit` is below 0 for none.
#[wasm_bindgen]
pub fn subscribe(
    handle: u32,
    filter: &str,
    shared: Option<String>,
    overflow: u8,
    credit: f64,
) -> Fallible<f64> {
    act(handle, |session| {
        let filter = Filter::parse(filter).map_err(|error| boxed(ErrorCode::InvalidFilter, error))?;
        let options = SubscribeOptions {
            shared: shared.as_deref().map(name).transpose()?,
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
pub fn unsubscribe(handle: u32, key: f64) -> Fallible<()> {
    with(handle, |session, _| {
        session.unsubscribe(SubscriptionKey::from_number(key as u64))
    })
}

/// Tells that the program is done with so many deliveries. Returns whether there is something to send now.
#[wasm_bindgen]
pub fn credit_taken(handle: u32, key: f64, count: u32) -> Fallible<bool> {
    with(handle, |session, _| {
        session.taken(SubscriptionKey::from_number(key as u64), count)
    })
}

/// Publishes. Returns the key of an acknowledged publish, else -1. `retain` is 0 to keep, 1 to set and 2 to clear;
/// `retain_ms` is below 0 for ever.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "one crossing for each publish")]
pub fn publish(
    handle: u32,
    now: f64,
    topic: &str,
    headers: Option<String>,
    kind: u8,
    text: &str,
    bytes: Option<Vec<u8>>,
    ack: bool,
    retain: u8,
    retain_ms: f64,
    exclude_self: bool,
) -> Fallible<f64> {
    act(handle, |session| {
        let topic = Topic::parse(topic).map_err(|error| boxed(ErrorCode::InvalidTopic, error))?;
        let headers = content::headers(headers.as_deref(), kind)?;
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
        let key = session.publish(
            instant(now),
            &topic,
            content::payload(kind, text, bytes.as_deref()),
            options,
        );
        let key = key.map_err(|error| Box::new(error.problem()))?;
        Ok(key.map_or(-1.0, |key| key.number() as f64))
    })
}

/// Asks whether the broker has processed everything before, and returns the key of the question.
#[wasm_bindgen]
pub fn flush(handle: u32) -> Fallible<f64> {
    act(handle, |session| {
        let key = session.flush().map_err(|error| Box::new(error.problem()))?;
        Ok(key.number() as f64)
    })
}

/// Ends a session.
#[wasm_bindgen]
pub fn close(handle: u32, now: f64) -> Fallible<()> {
    with(handle, |session, _| session.close(instant(now)))
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

/// Sorts what became of an answer: that nobody waits for it any more is no error.
fn answered(outcome: Result<(), AnswerError>) -> Result<bool, Box<Problem>> {
    match outcome {
        Ok(()) => Ok(true),
        Err(AnswerError::ConnectionGone | AnswerError::NotAwaited) => Ok(false),
        Err(error) => Err(Box::new(error.problem())),
    }
}

fn boxed(code: ErrorCode, detail: impl std::fmt::Display) -> Box<Problem> {
    Box::new(own(code, detail))
}
