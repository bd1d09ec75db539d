//! One HTTP connection: requests are answered by `answers.rs` until one asks for a WebSocket, which takes the socket
//! back.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;

use buslane_protocol::Framing;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::spawn_local;

use super::answers::{Reaction, answer};
use super::prefixed::Prefixed;
use crate::driver::{Conversation, Hub, Local, Socket};

/// Serves a connection of which some bytes were read already.
pub(crate) fn serve(hub: &Rc<Hub>, socket: Socket, read: Vec<u8>) {
    let Ok(origin) = socket.origin() else { return };
    spawn_local(converse(
        Rc::clone(hub),
        Prefixed::new(read, socket),
        origin.local,
    ));
}

/// Answers requests; goes over to a WebSocket if one asks for it.
async fn converse(hub: Rc<Hub>, stream: Prefixed, local: Local) {
    let upgrade = Rc::new(Cell::new(None));
    let service = {
        let (hub, upgrade) = (Rc::clone(&hub), Rc::clone(&upgrade));
        service_fn(move |request: Request<Incoming>| {
            ready(Ok::<_, Infallible>(react(&hub, local, &request, &upgrade)))
        })
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(hub.limits.handshake)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut ending = pin!(hub.ending());
    let mut is_ending = false;
    let served = poll_fn(|context| {
        if !is_ending && ending.as_mut().poll(context).is_ready() {
            is_ending = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(context)
    });
    // Whatever is wrong with a connection, hyper has answered it as far as it can be answered.
    if served.await.is_err() {
        return;
    }
    let parts = connection.into_parts();
    let (unread, mut socket) = parts.io.into_inner().into_parts();
    match upgrade.take() {
        Some(framing) => {
            let mut read: Vec<u8> = parts.read_buf.iter().chain(&unread).copied().collect();
            spawn_local(Conversation::websocket(&hub, socket, framing, &mut read));
        }
        // The other side may be gone, which is what this would tell it.
        None => drop(poll_fn(|context| socket.poll_end(context)).await),
    }
}

/// Answers one request, and notes whether the connection becomes a WebSocket.
fn react(
    hub: &Hub,
    local: Local,
    request: &Request<Incoming>,
    upgrade: &Cell<Option<Framing>>,
) -> Response<Full<Bytes>> {
    match answer(hub, local, request) {
        Reaction::Answer(response) => response,
        Reaction::Upgrade(response, framing) => {
            upgrade.set(Some(framing));
            response
        }
    }
}

/// Bytes of a request's head.
const MOST_HEAD: usize = 16 << 10;
