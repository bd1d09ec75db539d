//! What the flusher and a connection's own future share: the socket, and what the one has to tell the other.

use std::cell::{Cell, RefCell};
use std::task::{Context, Waker};

use buslane_engine::{ClientId, CloseReason};
use buslane_protocol::Framing;

use super::socket::Socket;
use super::transport::Transport;

/// A connection that the engine knows.
pub(crate) struct Connection {
    pub(crate) client: ClientId,
    pub(crate) framing: Framing,
    pub(crate) transport: Transport,
    pub(crate) socket: RefCell<Socket>,
    state: Cell<State>,
    waker: RefCell<Option<Waker>>,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// The socket took less than there is: wait until it is writable.
    pub(crate) blocked: bool,
    /// The engine wants no more frames for now.
    pub(crate) paused: bool,
    /// The engine wants frames again; some may have been read already.
    pub(crate) resumed: bool,
    /// The engine wants no more frames at all.
    pub(crate) closing: bool,
    /// It waits in the slow lane.
    pub(crate) queued: bool,
    /// It has its turn in the slow lane.
    pub(crate) admitted: bool,
    /// It is over, and the engine knows.
    pub(crate) ended: Option<CloseReason>,
}

impl Connection {
    /// Joins a client of the engine and its socket.
    pub(crate) fn new(client: ClientId, framing: Framing, socket: Socket) -> Self {
        Connection {
            client,
            framing,
            transport: Transport::of(&socket, framing),
            socket: RefCell::new(socket),
            state: Cell::default(),
            waker: RefCell::new(None),
        }
    }

    /// Returns where the connection stands.
    #[inline]
    pub(crate) fn state(&self) -> State {
        self.state.get()
    }

    /// Changes where the connection stands.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.get();
        change(&mut state);
        self.state.set(state);
    }

    /// Remembers how to wake the connection's future.
    pub(crate) fn remember(&self, context: &Context<'_>) {
        let mut known = self.waker.borrow_mut();
        match &mut *known {
            Some(waker) => waker.clone_from(context.waker()),
            None => *known = Some(context.waker().clone()),
        }
    }

    /// Wakes the connection's future: its state has changed.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Tells whether the connection is a WebSocket.
    pub(crate) fn is_websocket(&self) -> bool {
        matches!(self.framing, Framing::WebSocketText | Framing::WebSocketBinary)
    }
}
