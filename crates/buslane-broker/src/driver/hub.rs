//! What every connection of one broker shares: the engine, the read buffer, and the table of connections.

use std::cell::{Cell, RefCell, RefMut};
use std::io::IoSlice;
use std::path::PathBuf;
use std::rc::Rc;
use std::task::Waker;

use buslane_engine::{ClientId, CloseReason, Engine, Peer, Principal, Transmit};
use buslane_protocol::{Framing, Instant, Limits, Name, Problem};
use tokio::sync::Notify;

use super::budget::{Budget, OpenEngine};
use super::connection::Connection;
use super::input::{Account, Lease};
use super::slow_lane::SlowLane;
use super::socket::{Admission, Origin, Socket};
use super::transport::{Arrivals, Transport};
use crate::clock::Clock;
use crate::contracts::Compiler;
use crate::http::{Feeds, Guard, HttpCounts};
use crate::journal::Journal;
use crate::websocket;

/// What every connection shares. Lives on one thread.
pub(crate) struct Hub {
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) compiler: Compiler,
    pub(crate) guard: Guard,
    /// The JavaScript client that pages get.
    pub(crate) page_client: PathBuf,
    /// The broker's name on the bus.
    pub(crate) node: Name,
    pub(crate) journal: RefCell<Journal>,
    pub(crate) statistics: Statistics,
    /// Bytes of input that wait for more.
    pub(crate) input: Account,
    /// Bytes on their way to clients in this process. Apart from the input, so that slow readers of theirs cost nobody
    /// else a connection.
    pub(crate) outgoing: Account,
    /// Bytes of connections that speak HTTP, whatever is on them.
    pub(crate) http: Account,
    /// Who waits for others who are ready.
    pub(crate) slow_lane: SlowLane,
    /// What readers over HTTP subscribed to.
    pub(crate) feeds: Feeds,
    /// Bytes of connections of which nothing is known yet.
    strangers: Account,
    /// What the engine and all of these hold together.
    budget: Rc<Budget>,
    engine: RefCell<Engine>,
    scratch: RefCell<Box<[u8]>>,
    /// Connections by the slot of their client.
    connections: RefCell<Vec<Option<Rc<Connection>>>>,
    admitted: Rc<Cell<usize>>,
    /// Exchanges over HTTP that are to be finished before the broker ends.
    exchanges: Rc<Cell<usize>>,
    is_draining: Cell<bool>,
    flush: Flush,
    ending: Notify,
}

/// What a hub is made of.
pub(crate) struct Setup {
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) node: Name,
    pub(crate) origins: Vec<String>,
    pub(crate) page_client: PathBuf,
}

/// A connection that the engine does not take.
pub(crate) struct Refused {
    /// Its socket.
    pub(crate) socket: Socket,
    /// Why.
    pub(crate) problem: Problem,
}

/// What the driver counts itself.
#[derive(Default)]
pub(crate) struct Statistics {
    /// Bytes read from connections that the engine knows.
    pub(crate) bytes_in: Cell<u64>,
    /// Connections accepted.
    pub(crate) accepted: Cell<u64>,
    /// Connections dropped for want of room, before anything was read.
    pub(crate) turned_away: Cell<u64>,
    /// Connections that spoke a protocol that is not served.
    pub(crate) foreign: Cell<u64>,
    /// Connections whose first bytes were no frame or preamble that is taken, or found no memory.
    pub(crate) refused: Cell<u64>,
    /// Connections that sent no complete first frame in time.
    pub(crate) late: Cell<u64>,
    /// Times that the system could not give the next connection.
    pub(crate) accept_failures: Cell<u64>,
    /// Clients of the engine that came in, by transport.
    pub(crate) arrivals: Arrivals,
    /// HTTP requests.
    pub(crate) http_requests: Cell<u64>,
    /// Answers over HTTP, by route and class of status.
    pub(crate) http_answers: HttpCounts,
    /// Connections of HTTP that ended because the other side read nothing for too long.
    pub(crate) http_stalled: Cell<u64>,
}

/// Wakes the flusher, once for any number of messages.
#[derive(Default)]
struct Flush {
    is_due: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Statistics {
    /// Counts an HTTP request.
    pub(crate) fn count_http(&self) {
        increment(&self.http_requests, 1);
    }

    /// Counts a connection that sent no complete first message in time.
    pub(crate) fn count_late(&self) {
        increment(&self.late, 1);
    }

    /// Counts a connection of HTTP whose other side read nothing for too long.
    pub(crate) fn count_stalled(&self) {
        increment(&self.http_stalled, 1);
    }
}

impl Hub {
    /// Makes a hub without connections.
    pub(crate) fn new(setup: Setup) -> Self {
        let budget = Rc::new(Budget::new(setup.limits.memory));
        let account = |share| Account::within(&budget, setup.limits.memory / share);
        Hub {
            input: account(SHARE),
            outgoing: account(SHARE),
            http: account(SHARE),
            strangers: account(SHARE),
            slow_lane: SlowLane::default(),
            feeds: Feeds::new(setup.limits.feed_linger, account(FEEDS_SHARE)),
            budget,
            clock: setup.clock,
            limits: setup.limits,
            compiler: Compiler::new(),
            guard: Guard::new(setup.origins),
            page_client: setup.page_client,
            node: setup.node,
            journal: RefCell::default(),
            statistics: Statistics::default(),
            engine: RefCell::new(setup.engine),
            scratch: RefCell::new(vec![0; SCRATCH].into_boxed_slice()),
            connections: RefCell::default(),
            admitted: Rc::default(),
            exchanges: Rc::default(),
            is_draining: Cell::new(false),
            flush: Flush::default(),
            ending: Notify::new(),
        }
    }

    /// Borrows the engine, to be given back before anything is awaited.
    #[inline]
    pub(crate) fn engine(&self) -> OpenEngine<'_> {
        self.budget.open(&self.engine)
    }

    /// Borrows the read buffer, to be given back before anything is awaited.
    #[inline]
    pub(crate) fn scratch(&self) -> RefMut<'_, Box<[u8]>> {
        self.scratch.borrow_mut()
    }

    /// Admits one more connection, if there is room. The engine says no to clients in its own words, so that there is
    /// room for some who only hear that.
    pub(crate) fn admit(&self) -> Option<Admission> {
        increment(&self.statistics.accepted, 1);
        if self.admitted.get() >= self.limits.connections + ROOM_TO_REFUSE {
            increment(&self.statistics.turned_away, 1);
            return None;
        }
        Some(Admission::take(&self.admitted))
    }

    /// Counts the memory of a connection of which nothing is known, if there is room for it.
    pub(crate) fn admit_stranger(&self) -> Option<Lease> {
        let lease = Lease::take(&self.strangers, STRANGER);
        if lease.is_err() {
            increment(&self.statistics.turned_away, 1);
        }
        lease.ok()
    }

    /// Notes an exchange over HTTP that is to be finished before the broker ends.
    pub(crate) fn begin_exchange(&self) -> Admission {
        Admission::take(&self.exchanges)
    }

    /// Returns how many exchanges over HTTP are to be finished before the broker ends.
    pub(crate) fn exchanges(&self) -> usize {
        self.exchanges.get()
    }

    /// Returns how many sockets are open.
    pub(crate) fn admitted(&self) -> usize {
        self.admitted.get()
    }

    /// Tells whether the broker is about to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.get()
    }

    /// Notes that the broker is about to end.
    pub(crate) fn start_draining(&self) {
        self.is_draining.set(true);
    }

    /// Waits until connections without clients are to end.
    pub(crate) fn ending(&self) -> impl Future<Output = ()> {
        self.ending.notified()
    }

    /// Ends every connection, as the broker ends.
    pub(crate) fn end_all(&self) {
        self.ending.notify_waiters();
        self.feeds.clear();
        let connections: Vec<_> = self.connections.borrow().iter().flatten().cloned().collect();
        for connection in connections {
            self.end(&connection, CloseReason::Shutdown, status(CloseReason::Shutdown));
        }
    }

    /// Tells whether nothing is left that is worth waiting for: no request in flight, no exchange over HTTP, and
    /// nothing to be written.
    pub(crate) fn is_idle(&self) -> bool {
        let blocked = |connection: &Rc<Connection>| connection.state().blocked;
        let written = !self.connections.borrow().iter().flatten().any(blocked);
        written && self.exchanges() == 0 && !self.flush.is_due.get() && self.engine().gauges().requests == 0
    }

    /// Takes a connection whose transport is ready into the engine, or gives its socket back with the reason.
    pub(crate) fn open(
        &self,
        socket: Socket,
        origin: Origin,
        framing: Framing,
    ) -> Result<Rc<Connection>, Box<Refused>> {
        let peer = Peer {
            framing,
            principal: Principal::anonymous(),
            loopback: origin.loopback,
            address: origin.address,
        };
        let client = match self.engine().open(self.clock.now(), peer) {
            Ok(client) => client,
            Err(problem) => return Err(Box::new(Refused { socket, problem })),
        };
        let connection = Rc::new(Connection::new(client, framing, socket));
        self.statistics.arrivals.count(connection.transport);
        let mut connections = self.connections.borrow_mut();
        if connections.len() <= client.slot() {
            connections.resize(client.slot() + 1, None);
        }
        connections[client.slot()] = Some(Rc::clone(&connection));
        self.schedule_flush();
        Ok(connection)
    }

    /// Returns how many clients are there by each transport.
    pub(crate) fn clients_by_transport(&self) -> [(Transport, usize); Transport::ALL.len()] {
        let connections = self.connections.borrow();
        Transport::ALL.map(|transport| {
            let by_it = connections
                .iter()
                .flatten()
                .filter(|connection| connection.transport == transport);
            (transport, by_it.count())
        })
    }

    /// Returns the connection of a client.
    #[inline]
    pub(crate) fn find(&self, client: ClientId) -> Option<Rc<Connection>> {
        let connections = self.connections.borrow();
        let connection = connections.get(client.slot())?.as_ref()?;
        (connection.client == client).then(|| Rc::clone(connection))
    }

    /// Writes what few clients have got so far in a turn, so that they work while it goes on. Many are left to its end:
    /// each write costs.
    pub(crate) fn write_few(&self, now: Instant) {
        if self.engine().dirty() > FEW {
            return;
        }
        while let Some(client) = self.take_dirty() {
            self.write_to(now, client);
        }
    }

    /// Takes the next client for which something is queued.
    #[inline]
    pub(crate) fn take_dirty(&self) -> Option<ClientId> {
        self.engine().poll_dirty()
    }

    /// Writes what is queued for a client.
    #[inline]
    pub(crate) fn write_to(&self, now: Instant, client: ClientId) {
        // A blocked connection comes back to its outbox by itself.
        if let Some(connection) = self.find(client)
            && !connection.state().blocked
        {
            self.transmit(now, &connection);
        }
    }

    /// Writes what is queued for a connection, as far as its socket takes it.
    pub(crate) fn transmit(&self, now: Instant, connection: &Connection) {
        let socket = connection.socket.borrow();
        let write = |slices: &[IoSlice<'_>]| socket.try_write(slices);
        let result = self.engine().transmit(now, connection.client, write);
        drop(socket);
        match result {
            Ok(transmit) => self.note_transmit(connection, transmit),
            Err(_) => self.finish(connection, CloseReason::Transport),
        }
    }

    /// Ends a connection: writes what its socket takes at once, says goodbye where the framing has a word for it, and
    /// takes it out of the engine.
    pub(crate) fn end(&self, connection: &Connection, reason: CloseReason, status: u16) {
        if connection.state().ended.is_some() {
            return;
        }
        self.transmit(self.clock.now(), connection);
        let state = connection.state();
        if state.ended.is_some() {
            return;
        }
        if connection.is_websocket() && !state.blocked {
            let frame = websocket::close_frame(status, reason.as_str());
            // If the socket does not even take this, the other side will see that it is closed.
            let _taken = connection.socket.borrow().try_write(&[IoSlice::new(&frame)]);
        }
        self.finish(connection, reason);
    }

    /// Takes a connection out of the engine whose other side is gone.
    pub(crate) fn abandon(&self, connection: &Connection, reason: CloseReason) {
        if connection.state().ended.is_none() {
            self.finish(connection, reason);
        }
    }

    /// Has the flusher run once what is ready now has run.
    #[inline]
    pub(crate) fn schedule_flush(&self) {
        if !self.flush.is_due.replace(true)
            && let Some(waker) = &*self.flush.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }

    /// Tells the flusher whether it has something to do, and remembers how to wake it.
    pub(crate) fn take_flush(&self, waker: &Waker) -> bool {
        let mut known = self.flush.waker.borrow_mut();
        match &mut *known {
            Some(known) => known.clone_from(waker),
            None => *known = Some(waker.clone()),
        }
        self.flush.is_due.replace(false)
    }

    fn note_transmit(&self, connection: &Connection, transmit: Transmit) {
        let blocked = transmit == Transmit::Blocked;
        let before = connection.state().blocked;
        if blocked != before {
            connection.change(|state| state.blocked = blocked);
        }
        if blocked && !before {
            connection.wake();
        }
    }

    fn finish(&self, connection: &Connection, reason: CloseReason) {
        connection.change(|state| state.ended = Some(reason));
        self.engine().close(self.clock.now(), connection.client, reason);
        if let Some(slot) = self.connections.borrow_mut().get_mut(connection.client.slot()) {
            *slot = None;
        }
        connection.wake();
        self.schedule_flush();
    }
}

/// Adds to a counter.
pub(crate) fn increment(counter: &Cell<u64>, by: u64) {
    counter.set(counter.get() + by);
}

/// The status with which a WebSocket is closed for a reason (RFC 6455, section 7.4).
pub(crate) fn status(reason: CloseReason) -> u16 {
    match reason {
        CloseReason::Goodbye | CloseReason::EndOfStream => 1000,
        CloseReason::Shutdown => 1001,
        CloseReason::Framing => 1007,
        CloseReason::ControlFull | CloseReason::DeliveriesFull | CloseReason::MemoryFull => 1013,
        _ => 1008,
    }
}

/// Up to how many clients are written to within a turn.
const FEW: usize = 2;
/// Bytes of the buffer into which every read goes.
const SCRATCH: usize = 256 << 10;
/// Which part of the broker's memory each may have: input that waits, output of clients in this process, connections of
/// HTTP, and strangers.
const SHARE: usize = 4;
/// Bytes that a connection takes of which nothing is known, its task and timer included.
const STRANGER: usize = 1 << 10;
/// Which part of the broker's memory may be what feeds have told last.
const FEEDS_SHARE: usize = 8;
/// Connections over the limit that are heard, to be refused in their own protocol.
const ROOM_TO_REFUSE: usize = 64;
