//! Waiting for what the broker answers, and the answers that are payloads.

use buslane_engine::CloseReason;
use buslane_protocol::{BrokerMessage, ErrorCode, Headers, Payload, Problem};
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderName};

use crate::driver::{Frame, InProcess};
use crate::http::media_type::{BYTES, JSON};
use crate::http::message_headers;
use crate::http::response::{self, Body, set};

/// Waits for the next message that answers something. What announces the end of the broker is passed over: what is in
/// flight goes on.
pub(super) async fn next(client: &mut InProcess) -> Result<Frame, Problem> {
    loop {
        let frame = client.next().await.map_err(cut)?;
        if !matches!(frame.message(), BrokerMessage::Draining(_)) {
            return Ok(frame);
        }
    }
}

/// Makes the problem of a client whose connection ended after it had sent something.
pub(super) fn cut(reason: CloseReason) -> Problem {
    let code = ErrorCode::OutcomeUnknown;
    Problem::new(code).detail(format_args!(
        "the broker ended the connection: {}",
        reason.as_str()
    ))
}

/// Makes the problem of a client whose connection ended before it had sent anything.
pub(super) fn not_sent(reason: CloseReason) -> Problem {
    let code = ErrorCode::NotSent;
    Problem::new(code).detail(format_args!(
        "the broker ended the connection: {}",
        reason.as_str()
    ))
}

/// Returns the code of a connection's end that nobody asked for.
pub(super) fn ended(reason: CloseReason) -> ErrorCode {
    match reason {
        CloseReason::DeliveriesFull | CloseReason::ControlFull => ErrorCode::Overflow,
        CloseReason::HeartbeatTimeout => ErrorCode::HeartbeatTimeout,
        CloseReason::MemoryFull | CloseReason::Transport => ErrorCode::MemoryFull,
        _ => ErrorCode::Internal,
    }
}

/// Makes the problem of a message that nobody awaits here, which is a defect.
pub(super) fn unexpected(message: &BrokerMessage<'_>) -> Problem {
    let kind = std::mem::discriminant(message);
    Problem::new(ErrorCode::Internal).detail(format_args!("an answer of another type came: {kind:?}"))
}

/// Checks that JSON which a service answers is that.
pub(super) fn check_answer(from: &str, payload: &mut Payload<'_>) -> Result<(), Problem> {
    payload.ensure_json().map_err(|error| {
        let detail = format!("the answer of {from} was refused: {error}");
        Problem::new(error.code()).detail(detail)
    })
}

/// Makes the answer whose body will be the payload of a message, with the message's headers as headers.
pub(super) fn payload(from: &str, headers: &Headers<'_>, payload: &Payload<'_>) -> Response<Body> {
    let usual = if payload.is_json() { JSON } else { BYTES };
    let content_type = headers.content_type().unwrap_or(usual);
    let mut response = response::payload(content_type, Body::empty());
    if payload.is_absent() {
        response.headers_mut().remove(CONTENT_TYPE);
    }
    set(&mut response, FROM, from);
    message_headers::write(headers, response.headers_mut());
    response
}

/// Who sent the message that an answer is.
pub(super) const FROM: HeaderName = HeaderName::from_static("buslane-from");
