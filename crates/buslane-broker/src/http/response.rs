//! What an HTTP answer is made of: its body, and the answers that several handlers give.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use super::media_type::{BYTES, JSON, PLAIN};
use crate::driver::{Admission, Lease};

/// The body of an answer.
pub(super) struct Body {
    kind: Kind,
    /// Keeps the broker from ending before everything was said.
    busy: Option<Admission>,
}

enum Kind {
    /// Bytes that are there already, given out part by part, so that what keeps them counted lives as long as most of
    /// them.
    Whole { rest: Bytes, _lease: Option<Lease> },
    /// Bytes that come.
    Stream(Pin<Box<dyn hyper::body::Body<Data = Bytes, Error = Infallible>>>),
}

impl Body {
    /// Makes a body without bytes.
    pub(super) fn empty() -> Self {
        Body::whole(Bytes::new())
    }

    /// Makes a body of bytes.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Body::new(Kind::Whole {
            rest: bytes.into(),
            _lease: None,
        })
    }

    /// Makes a body of bytes that count as memory in use.
    pub(super) fn leased(bytes: Bytes, lease: Lease) -> Self {
        Body::new(Kind::Whole {
            rest: bytes,
            _lease: Some(lease),
        })
    }

    /// Makes a body of bytes that come. It is dropped as soon as the other side goes away.
    pub(super) fn stream(stream: impl hyper::body::Body<Data = Bytes, Error = Infallible> + 'static) -> Self {
        Body::new(Kind::Stream(Box::pin(stream)))
    }

    /// Keeps the broker from ending before everything was said.
    pub(super) fn hold(&mut self, busy: Option<Admission>) {
        self.busy = busy;
    }

    fn new(kind: Kind) -> Self {
        Body { kind, busy: None }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.kind {
            Kind::Whole { rest, .. } if rest.is_empty() => Poll::Ready(None),
            Kind::Whole { rest, .. } => {
                let part = rest.split_to(rest.len().min(PART));
                Poll::Ready(Some(Ok(Frame::data(part))))
            }
            Kind::Stream(stream) => stream.as_mut().poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole { rest, .. } => rest.is_empty(),
            Kind::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole { rest, .. } => SizeHint::with_exact(rest.len() as u64),
            Kind::Stream(stream) => stream.size_hint(),
        }
    }
}

/// Makes an answer of some type. It is never kept by a cache, and never taken for another type.
pub(super) fn answer(status: StatusCode, content_type: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // A type that cannot stand in a header is none that anybody knows.
    let content_type =
        HeaderValue::from_str(content_type).unwrap_or_else(|_| HeaderValue::from_static(BYTES));
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Makes an answer whose body is somebody else's payload: whatever it is, in a browser it is no page of this broker.
pub(super) fn payload(content_type: &str, body: Body) -> Response<Body> {
    let mut response = answer(StatusCode::OK, content_type, body);
    let alone = HeaderValue::from_static("sandbox; default-src 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, alone);
    response
}

/// Makes an answer of JSON text.
pub(super) fn json(text: impl Into<Bytes>) -> Response<Body> {
    answer(StatusCode::OK, JSON, Body::whole(text))
}

/// Makes an answer without a body.
pub(super) fn nothing(status: StatusCode) -> Response<Body> {
    let mut response = answer(status, PLAIN, Body::empty());
    response.headers_mut().remove(CONTENT_TYPE);
    response
}

/// Sets a header of an answer, if its value can stand in one.
pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        response.headers_mut().insert(name, value);
    }
}

/// Bytes that are given out at once.
const PART: usize = 64 << 10;
