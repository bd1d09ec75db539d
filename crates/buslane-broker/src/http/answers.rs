//! What each path answers.

use buslane_protocol::{ErrorCode, Framing, Problem};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

use super::metrics;
use crate::driver::{Hub, Local};
use crate::websocket::{agree, is_upgrade};

/// What a request leads to.
pub(super) enum Reaction {
    /// An answer.
    Answer(Response<Full<Bytes>>),
    /// An answer after which the connection is a WebSocket.
    Upgrade(Response<Full<Bytes>>, Framing),
}

/// Answers a request that came to an address.
pub(super) fn answer<B>(hub: &Hub, local: Local, request: &Request<B>) -> Reaction {
    hub.statistics.count_http();
    if let Err(problem) = hub.guard.check(local, request.uri(), request.headers()) {
        return Reaction::Answer(refusal(problem));
    }
    let path = request.uri().path();
    let is_known = ["/", "/healthz", "/readyz", "/metrics", "/ws"].contains(&path);
    if is_known && !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = refusal(Problem::new(ErrorCode::MethodNotAllowed));
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Reaction::Answer(response);
    }
    match path {
        "/ws" => upgrade(request),
        path => Reaction::Answer(page(hub, path)),
    }
}

fn page(hub: &Hub, path: &str) -> Response<Full<Bytes>> {
    match path {
        "/" => text(PLAIN, WELCOME.to_owned()),
        "/healthz" => text(PLAIN, "ok\n".to_owned()),
        "/readyz" if hub.is_draining() => refusal(Problem::new(ErrorCode::Draining)),
        "/readyz" => text(PLAIN, "ready\n".to_owned()),
        "/metrics" => text(metrics::CONTENT_TYPE, metrics::render(hub)),
        path => refusal(Problem::new(ErrorCode::NotFound).about(shown(path))),
    }
}

fn upgrade<B>(request: &Request<B>) -> Reaction {
    let headers = request.headers();
    if !is_upgrade(headers) || request.method() != Method::GET {
        let problem =
            Problem::new(ErrorCode::InvalidMessage).detail("this path is a WebSocket: ask for an upgrade");
        let mut response = refusal(Problem {
            status: 426,
            ..problem
        });
        response
            .headers_mut()
            .insert(UPGRADE, HeaderValue::from_static("websocket"));
        return Reaction::Answer(response);
    }
    let agreed = match agree(headers) {
        Ok(agreed) => agreed,
        Err(problem) => {
            let mut response = refusal(problem);
            response
                .headers_mut()
                .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return Reaction::Answer(response);
        }
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(agreed.accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(subprotocol) = agreed.subprotocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    }
    Reaction::Upgrade(response, agreed.framing)
}

fn text(content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Answers with a problem (RFC 9457).
fn refusal(problem: Problem) -> Response<Full<Bytes>> {
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let mut response = text(PROBLEM, body);
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// Shortens a path for an error.
fn shown(path: &str) -> &str {
    path.char_indices()
        .nth(MOST_SHOWN)
        .map_or(path, |(end, _)| &path[..end])
}

const WELCOME: &str = concat!(
    "Buslane ",
    env!("CARGO_PKG_VERSION"),
    ", a message bus. This is a broker.\n\n\
     /ws       WebSocket: buslane.json.v1 or buslane.bin.v1\n\
     /healthz  whether it runs\n\
     /readyz   whether it takes new work\n\
     /metrics  figures for Prometheus\n\n\
     The same port speaks JSON lines: try nc.\n"
);
const PLAIN: &str = "text/plain; charset=utf-8";
const PROBLEM: &str = "application/problem+json";
const MOST_SHOWN: usize = 200;
