//! The broker's own pages: what each path beside the API answers.

use buslane_protocol::{ErrorCode, Framing, Problem};
use hyper::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode};

use super::media_type::PLAIN;
use super::problem::refusal;
use super::response::{self, Body, json};
use super::router::{method_not_allowed, nowhere};
use super::{cors, metrics, openapi};
use crate::driver::Hub;
use crate::websocket::{VERSION, agree, is_upgrade};

/// What a request leads to.
pub(super) enum Reaction {
    /// An answer.
    Answer(Response<Body>),
    /// An answer after which the connection is a WebSocket.
    Upgrade(Response<Body>, Framing),
}

/// Answers a request for one of the broker's own pages. Returns the name under which the answer is counted.
pub(super) fn page<B>(hub: &Hub, request: &Request<B>) -> (Reaction, &'static str) {
    let path = request.uri().path();
    let Some((_, name)) = PAGES.iter().find(|(known, _)| *known == path) else {
        return (Reaction::Answer(refusal(&nowhere(path))), NOWHERE);
    };
    let reaction = match *request.method() {
        Method::OPTIONS => Reaction::Answer(cors::options(request.headers(), METHODS)),
        Method::GET | Method::HEAD if path == "/ws" => upgrade(request),
        Method::GET | Method::HEAD => Reaction::Answer(show(hub, path)),
        _ => Reaction::Answer(method_not_allowed(METHODS)),
    };
    (reaction, name)
}

fn show(hub: &Hub, path: &str) -> Response<Body> {
    match path {
        "/" => text(PLAIN, WELCOME.to_owned()),
        "/healthz" => text(PLAIN, "ok\n".to_owned()),
        "/readyz" if hub.is_draining() => refusal(&Problem::new(ErrorCode::Draining)),
        "/readyz" => text(PLAIN, "ready\n".to_owned()),
        "/metrics" => text(metrics::CONTENT_TYPE, metrics::render(hub)),
        "/openapi.json" => json(openapi::DOCUMENT),
        path => refusal(&nowhere(path)),
    }
}

fn upgrade<B>(request: &Request<B>) -> Reaction {
    let headers = request.headers();
    if !is_upgrade(headers) || request.method() != Method::GET {
        let problem =
            Problem::new(ErrorCode::InvalidMessage).detail("this path is a WebSocket: ask for an upgrade");
        let mut response = refusal(&Problem {
            status: StatusCode::UPGRADE_REQUIRED.as_u16(),
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
            let mut response = refusal(&problem);
            response
                .headers_mut()
                .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
            return Reaction::Answer(response);
        }
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::try_from(agreed.accept).expect("base64 can stand in a header");
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(subprotocol) = agreed.subprotocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    }
    Reaction::Upgrade(response, agreed.framing)
}

fn text(content_type: &'static str, body: String) -> Response<Body> {
    response::answer(StatusCode::OK, content_type, Body::whole(body))
}

const WELCOME: &str = concat!(
    "Buslane ",
    env!("CARGO_PKG_VERSION"),
    ", a message bus. This is a broker.\n\n\
     /ws       WebSocket: buslane.json.v1 or buslane.bin.v1\n\
     /buslane.js  the client for pages\n\
     /healthz  whether it runs\n\
     /readyz   whether it takes new work\n\
     /metrics  figures for Prometheus\n\
     /api/v1/  the bus by requests: publish, request, services, topics, ...\n\
     /openapi.json  what there is under /api/v1/, for programs\n\n\
     The same port speaks JSON lines: try nc.\n"
);
/// Every page, with the name under which it is counted.
pub(super) const PAGES: [(&str, &str); 6] = [
    ("/", "front_page"),
    ("/healthz", "healthz"),
    ("/readyz", "readyz"),
    ("/metrics", "metrics"),
    ("/openapi.json", "openapi"),
    ("/ws", "websocket"),
];
const METHODS: &str = "GET, HEAD, OPTIONS";
/// The name under which requests to nowhere are counted.
const NOWHERE: &str = "unknown";
