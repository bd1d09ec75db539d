//! Reads the body of a request into the payload of a message: what it is by its type, how long it may be, and how
//! slowly it may come.

use std::time::Duration;

use buslane_protocol::{ErrorCode, Headers, HeadersBuf, Payload, PayloadKind, Problem};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use tokio::time::timeout;

use super::cloud_events::{CloudEvent, Mode};
use super::exchange::{Exchange, single};
use super::media_type::{FORM, JSON, essence, is_media_type};
use super::message_headers;
use super::problem::{invalid, shown};
use crate::driver::{Account, Charged};

/// What a request carries for a message.
pub(super) struct Content {
    /// The message's headers.
    pub(super) headers: Headers<'static>,
    payload: Stored,
}

/// Where a payload is.
enum Stored {
    /// It is the body.
    Body(Charged, PayloadKind),
    /// It was taken out of the body.
    Taken(Payload<'static>),
}

/// How much may come, and how slowly.
struct Bounds {
    /// Bytes at the most.
    bytes: usize,
    /// The time in which [`STEP`] bytes, or the rest, have to come.
    patience: Duration,
}

impl Content {
    /// Lends the message's payload.
    pub(super) fn payload(&self) -> Payload<'_> {
        match &self.payload {
            Stored::Body(bytes, kind) => Payload {
                bytes: bytes.bytes().into(),
                kind: *kind,
            },
            Stored::Taken(payload) => payload.borrowed(),
        }
    }
}

/// Reads what a request carries.
pub(super) async fn read(exchange: &mut Exchange) -> Result<Content, Problem> {
    check_encoding(&exchange.headers)?;
    let mut block = message_headers::read(&exchange.headers)?;
    let mode = Mode::of(&exchange.headers).map_err(|error| error.problem())?;
    let kind = match mode {
        Some(_) => PayloadKind::Json,
        None => kind(&exchange.headers, &mut block)?,
    };
    let limits = &exchange.hub.limits;
    let bounds = Bounds {
        // In structured mode the payload stands in a text.
        bytes: match mode {
            Some(Mode::Structured) => limits.frame(),
            _ => limits.payload,
        },
        patience: limits.handshake,
    };
    let bytes = bytes(&mut exchange.body, &bounds, &exchange.hub.input).await?;
    exchange.is_read.set(true);
    let payload = match mode {
        None => Stored::Body(bytes, kind),
        Some(mode) => {
            let event = CloudEvent::read(mode, &exchange.headers, bytes.bytes());
            let event = event.map_err(|error| error.problem())?;
            let payload = event.into_message(&mut block);
            let payload = payload.map_err(|error| message_headers::problem(&error))?;
            Stored::Taken(payload.into_owned())
        }
    };
    let content = Content {
        headers: block.finish(),
        payload,
    };
    check(&content, limits)?;
    Ok(content)
}

/// Refuses a body where none is taken.
pub(super) fn refuse(body: &Incoming) -> Result<(), Problem> {
    if body.is_end_stream() || body.size_hint().exact() == Some(0) {
        return Ok(());
    }
    Err(invalid("this path takes no body"))
}

/// Holds what was read against what holds for every message, so that the error is the same for all of them.
fn check(content: &Content, limits: &buslane_protocol::Limits) -> Result<(), Problem> {
    limits
        .check_headers(&content.headers)
        .map_err(|error| message_headers::problem(&error))?;
    let mut payload = content.payload();
    limits
        .check_payload(&payload)
        .and_then(|()| payload.ensure_json())
        .map_err(|error| Problem::new(error.code()).detail(error))
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    for encoding in headers.get_all(CONTENT_ENCODING) {
        if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
            let found = String::from_utf8_lossy(encoding.as_bytes());
            let detail = format!(
                "a body is taken as it is, not with Content-Encoding {:?}",
                shown(&found)
            );
            return Err(Problem::new(ErrorCode::UnsupportedMediaType).detail(detail));
        }
    }
    Ok(())
}

/// Finds out what a body is by its type, and notes a type that is not the usual one.
fn kind(headers: &HeaderMap, block: &mut HeadersBuf) -> Result<PayloadKind, Problem> {
    let unsupported = |detail: String| Problem::new(ErrorCode::UnsupportedMediaType).detail(detail);
    let Some(given) = single(headers, CONTENT_TYPE.as_str())? else {
        return Ok(PayloadKind::Json);
    };
    if !is_media_type(given) {
        return Err(unsupported(format!(
            "the Content-Type {:?} is no media type",
            shown(given)
        )));
    }
    let essence = essence(given);
    if essence == FORM || essence == JSON {
        check_charset(given).map_err(unsupported)?;
        return Ok(PayloadKind::Json);
    }
    block
        .push(Headers::CONTENT_TYPE, given)
        .map_err(|error| message_headers::problem(&error))?;
    if essence.ends_with("+json") {
        check_charset(given).map_err(unsupported)?;
        return Ok(PayloadKind::Json);
    }
    Ok(PayloadKind::Bytes)
}

/// JSON is UTF-8 (RFC 8259, section 8.1).
fn check_charset(media_type: &str) -> Result<(), String> {
    for parameter in media_type.split(';').skip(1) {
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        let value = value.trim().trim_matches('"');
        if name.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
            return Err(format!("JSON is UTF-8, not {:?}", shown(value)));
        }
    }
    Ok(())
}

/// Reads a body to its end, or until it is too long or too slow.
async fn bytes(body: &mut Incoming, bounds: &Bounds, account: &Account) -> Result<Charged, Problem> {
    let announced = body.size_hint().lower();
    if announced > bounds.bytes as u64 {
        return Err(too_large(bounds.bytes));
    }
    let mut bytes = Charged::new(account);
    loop {
        let step = bytes.bytes().len() + STEP;
        let read = timeout(
            bounds.patience,
            read_to(body, &mut bytes, step.min(bounds.bytes + 1)),
        )
        .await;
        match read {
            Ok(Ok(true)) => return Ok(bytes),
            Ok(Ok(false)) if bytes.bytes().len() > bounds.bytes => return Err(too_large(bounds.bytes)),
            Ok(Ok(false)) => {}
            Ok(Err(problem)) => return Err(*problem),
            Err(_) => return Err(too_slow(bounds.patience)),
        }
    }
}

/// Reads until there are so many bytes; tells whether it was the end.
async fn read_to(body: &mut Incoming, bytes: &mut Charged, least: usize) -> Result<bool, Box<Problem>> {
    while bytes.bytes().len() < least {
        let Some(frame) = body.frame().await else {
            return Ok(true);
        };
        let frame = frame.map_err(|_| invalid("the body broke off before its end"))?;
        if let Ok(data) = frame.into_data() {
            bytes
                .extend(&data)
                .map_err(|_| Problem::new(ErrorCode::MemoryFull).detail("too many bodies wait at once"))?;
        }
    }
    Ok(false)
}

fn too_large(limit: usize) -> Problem {
    Problem::new(ErrorCode::PayloadTooLarge).detail(format_args!("a body has {limit} bytes at the most"))
}

fn too_slow(patience: Duration) -> Problem {
    let seconds = patience.as_secs_f32();
    Problem::new(ErrorCode::HandshakeTimeout).detail(format_args!(
        "the body came too slowly: each {seconds} s have to bring {STEP} bytes, or the end"
    ))
}

/// Bytes of a body that have to come in the time in which a connection's first frame has to.
const STEP: usize = 64 << 10;
