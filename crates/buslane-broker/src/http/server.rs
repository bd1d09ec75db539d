//! One HTTP connection: requests are answered by `router.rs` and `answers.rs` until one asks for a WebSocket, which
//! takes the socket back. Owns how long the other side may take to send and to read.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;

use buslane_protocol::{ErrorCode, Framing, Problem};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};

use super::answers::{Reaction, page};
use super::cors;
use super::prefixed::Prefixed;
use super::problem::{PROBLEM, refusal};
use super::response::Body;
use super::router::{is_api, respond};
use super::stalling::Stalling;
use crate::driver::{Conversation, Hub, Origin, Socket};

/// Serves a connection of which some bytes were read already, and of which a whole request is to come by a time.
pub(crate) fn serve(hub: &Rc<Hub>, socket: Socket, read: Vec<u8>, first_by: Instant) {
    let Ok(origin) = socket.origin() else { return };
    let stream = Stalling::new(Prefixed::new(read, socket), hub.limits.gone_after);
    let state = Rc::new(State {
        hub: Rc::clone(hub),
        origin,
        has_begun: Cell::new(false),
        upgrade: Cell::new(None),
    });
    spawn_local(converse(state, stream, first_by));
}

/// What the requests of one connection share.
struct State {
    hub: Rc<Hub>,
    origin: Origin,
    /// Whether a request came.
    has_begun: Cell<bool>,
    /// What the connection becomes, if not what it is.
    upgrade: Cell<Option<Framing>>,
}

/// Why serving a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    /// Everything was said.
    Done,
    /// No whole request came in time.
    Late,
}

/// Answers requests; goes over to a WebSocket if one asks for it.
async fn converse(state: Rc<State>, stream: Stalling<Prefixed>, first_by: Instant) {
    let hub = Rc::clone(&state.hub);
    let service = {
        let state = Rc::clone(&state);
        service_fn(move |request: Request<Incoming>| {
            state.has_begun.set(true);
            let state = Rc::clone(&state);
            Box::pin(async move { Ok::<_, Infallible>(react(&state, request).await) })
        })
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(hub.limits.handshake)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut ending = pin!(hub.ending());
    let mut patience = pin!(sleep_until(first_by));
    let mut is_ending = false;
    let served = poll_fn(|context| {
        if !is_ending && ending.as_mut().poll(context).is_ready() {
            is_ending = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        let served = connection.poll_without_shutdown(context).map(|_| Served::Done);
        // Whatever is wrong with a connection, hyper has answered it as far as it can be answered.
        if served.is_pending() && !state.has_begun.get() {
            return patience.as_mut().poll(context).map(|()| Served::Late);
        }
        served
    })
    .await;
    let parts = connection.into_parts();
    let (stream, has_stalled) = parts.io.into_inner().into_parts();
    let (unread, socket) = stream.into_parts();
    if has_stalled {
        hub.statistics.count_stalled();
    } else if let Some(framing) = state.upgrade.take() {
        let mut read: Vec<u8> = parts.read_buf.iter().chain(&unread).copied().collect();
        spawn_local(Conversation::websocket(&hub, socket, framing, &mut read));
    } else {
        let last = if served == Served::Late {
            late()
        } else {
            Vec::new()
        };
        spawn_local(Conversation::end(socket, &last));
    }
}

/// Answers one request, and notes whether the connection becomes a WebSocket.
async fn react(state: &State, request: Request<Incoming>) -> Response<Body> {
    let State { hub, origin, .. } = state;
    hub.statistics.count_http();
    if let Err(problem) = hub.guard.check(origin.local, request.uri(), request.headers()) {
        let response = refusal(&problem);
        hub.statistics.http_answers.count(REFUSED, response.status());
        return response;
    }
    let headers = request.headers().clone();
    let (mut response, route) = if is_api(request.uri().path()) {
        respond(hub, origin, request).await
    } else {
        match page(hub, &request) {
            (Reaction::Answer(response), route) => (response, route),
            (Reaction::Upgrade(response, framing), route) => {
                state.upgrade.set(Some(framing));
                (response, route)
            }
        }
    };
    cors::allow(&headers, &mut response);
    hub.statistics.http_answers.count(route, response.status());
    response
}

/// What somebody is told whose first request did not come in time.
fn late() -> Vec<u8> {
    let problem =
        Problem::new(ErrorCode::HandshakeTimeout).detail("send a whole request in time after connecting");
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let (status, length) = (problem.status, body.len());
    format!(
        "HTTP/1.1 {status} Request Timeout\r\ncontent-type: {PROBLEM}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Bytes of a request's head.
const MOST_HEAD: usize = 16 << 10;
/// The name under which requests are counted that are not heard.
const REFUSED: &str = "not_heard";
