//! One HTTP connection: requests are answered by `router.rs` and `answers.rs` until one asks for a WebSocket, which
//! takes the socket back. Owns how long the other side may take to send and to read.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use buslane_protocol::{ErrorCode, Framing, Problem};
use hyper::body::Incoming;
use hyper::header::ORIGIN;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};

use super::answers::{Reaction, page};
use super::cors;
use super::media_type::PROBLEM;
use super::prefixed::Prefixed;
use super::problem::{refusal, text};
use super::response::Body;
use super::router::{is_api, respond};
use super::stalling::Stalling;
use crate::driver::{Conversation, Hub, Lease, Origin, Socket};

/// Serves a connection of which some bytes were read already, and of which a whole request is to come by a time.
pub(crate) fn serve(hub: &Rc<Hub>, socket: Socket, read: Vec<u8>, first_by: Instant) {
    let Ok(origin) = socket.origin() else { return };
    let Ok(lease) = Lease::take(&hub.http, CONNECTION) else {
        let problem =
            Problem::new(ErrorCode::MemoryFull).detail("too many connections speak HTTP; try again later");
        hub.statistics
            .http_answers
            .count_refused(REFUSED, ErrorCode::MemoryFull);
        spawn_local(Conversation::end(socket, &last_word(&problem)));
        return;
    };
    let stream = Stalling::new(Prefixed::new(read, socket), hub.limits.gone_after);
    let state = Rc::new(State {
        hub: Rc::clone(hub),
        origin,
        has_begun: Cell::new(false),
        upgrade: Cell::new(None),
    });
    spawn_local(async move {
        converse(state, stream, first_by).await;
        drop(lease);
    });
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
        // Whatever is wrong with a connection, hyper has answered it as far as it can be answered, but for the time.
        let has_begun = state.has_begun.get();
        match connection.poll_without_shutdown(context) {
            Poll::Ready(Err(error)) if error.is_timeout() && !has_begun => Poll::Ready(Served::Late),
            Poll::Ready(Err(error)) if error.is_parse() => {
                hub.statistics.http_answers.count_unread(NOT_HTTP);
                Poll::Ready(Served::Done)
            }
            Poll::Ready(_) => Poll::Ready(Served::Done),
            Poll::Pending if has_begun => Poll::Pending,
            Poll::Pending => patience.as_mut().poll(context).map(|()| Served::Late),
        }
    })
    .await;
    let parts = connection.into_parts();
    let read = parts.read_buf;
    part(&state, parts.io.into_inner(), &read, served);
}

/// Does with the socket what was agreed on: makes it a WebSocket, which begins with what was read of it already, or ends
/// it.
fn part(state: &State, stream: Stalling<Prefixed>, read: &[u8], served: Served) {
    let hub = &state.hub;
    let (stream, has_stalled) = stream.into_parts();
    let (unread, socket) = stream.into_parts();
    if has_stalled {
        hub.statistics.count_stalled();
    } else if let Some(framing) = state.upgrade.take() {
        let mut read = [read, &unread].concat();
        spawn_local(Conversation::websocket(hub, socket, framing, &mut read));
    } else {
        let last = match served {
            Served::Done => Vec::new(),
            Served::Late => {
                hub.statistics.count_late();
                last_word(&late())
            }
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
        hub.statistics.http_answers.count(REFUSED, &response);
        return response;
    }
    let page_origin = request.headers().get(ORIGIN).cloned();
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
    cors::allow(page_origin, &mut response);
    hub.statistics.http_answers.count(route, &response);
    response
}

/// What somebody is told whose first request did not come in time.
fn late() -> Problem {
    Problem::new(ErrorCode::HandshakeTimeout).detail("send a whole request in time after connecting")
}

/// Writes the answer with which a connection ends that no request led to.
fn last_word(problem: &Problem) -> Vec<u8> {
    let body = text(problem);
    let (status, length) = (problem.status, body.len());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Bytes of a request's head.
const MOST_HEAD: usize = 16 << 10;
/// Bytes that a connection counts as: room for the head that comes, for the answer that goes, and its task.
const CONNECTION: usize = 2 * MOST_HEAD;
/// The name under which requests are counted that are no HTTP, or whose head is too long.
const NOT_HTTP: &str = "not_http";
/// The name under which requests are counted that are not heard.
const REFUSED: &str = "not_heard";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use buslane_engine::{Config, Engine};
    use buslane_protocol::{Limits, Name};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::runtime::{Builder, LocalOptions};
    use tokio::time::sleep;

    use super::*;
    use crate::clock::Clock;
    use crate::driver::{Listener, Setup, serve};

    /// Sends two parts of a request with a pause between them, then nothing. Returns after how long the broker ended
    /// the connection, and what it said.
    async fn dribble(handshake: Duration, parts: [&str; 2], pause: Duration) -> (Duration, String) {
        let node: Name = "tester".parse().unwrap();
        let hub = Rc::new(Hub::new(Setup {
            engine: Engine::new(Config::new(node.clone(), [7; 32])),
            clock: Clock::start(),
            limits: Limits {
                handshake,
                ..Limits::default()
            },
            node,
            origins: Vec::new(),
            page_client: std::path::PathBuf::new(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        spawn_local(serve(Rc::clone(&hub), Listener::Tcp(listener)));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let began = Instant::now();
        stream.write_all(parts[0].as_bytes()).await.unwrap();
        sleep(pause).await;
        stream.write_all(parts[1].as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        (began.elapsed(), answer)
    }

    #[test]
    fn who_dribbles_the_first_request_has_the_handshakes_time_once() {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime
            .enable_all()
            .start_paused(true)
            .build_local(LocalOptions::default())
            .unwrap();
        let (handshake, pause) = (Duration::from_secs(10), Duration::from_secs(6));
        for parts in [
            ["P", "OST / HTTP/1.1\r\n"],
            ["POST / HTTP/1.1\r\n", "host: localhost\r\n"],
        ] {
            let (took, answer) = runtime.block_on(dribble(handshake, parts, pause));
            // The clock stands still but for what is waited for, so this measures no machine.
            assert_eq!(took.as_secs(), handshake.as_secs(), "{parts:?}");
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        }
    }
}
