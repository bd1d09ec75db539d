//! A connection that the engine knows: takes in what comes, and waits for the socket where it took less than there is.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use buslane_engine::CloseReason;
use buslane_protocol::{DecodeError, ErrorCode, Framing, Problem};

use super::connection::Connection;
use super::conversation::Conversation;
use super::hub::{Hub, increment};
use super::input::{Full, Head, Input};
use super::intake::{End, Intake, Next, Progress};
use super::leaving::Leaving;
use super::sniff::encoded;
use super::turn::Turn;
use super::{frames, lines};
use crate::websocket::{Reader, pong_frame};

/// A connection that the engine knows.
pub(crate) struct Talk {
    hub: Rc<Hub>,
    connection: Rc<Connection>,
    input: Input,
    websocket: Option<Box<Reader>>,
    pace: Pace,
    /// How often the least that is read at once was doubled, because that was handled in one turn.
    doublings: u8,
}

/// Whether a client goes on as soon as it has something to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// It does.
    Usual,
    /// Others go first: what it sent last was as much as is read at once, too much for one turn, or not even a message.
    Slow,
}

impl Pace {
    fn of(progress: Progress) -> Self {
        match progress.next {
            Next::Later => Pace::Slow,
            Next::Read(_) if progress.consumed == 0 => Pace::Slow,
            _ => Pace::Usual,
        }
    }
}

/// What a read brought.
enum Brought {
    /// Something, and there may be more.
    Some,
    /// Nothing, and nothing more will come.
    End,
}

impl Talk {
    /// Begins with a connection that was just opened.
    pub(crate) fn new(hub: &Rc<Hub>, connection: Rc<Connection>) -> Self {
        let websocket = connection.is_websocket();
        let websocket = websocket.then(|| Box::new(Reader::new(connection.framing, &hub.input)));
        Talk {
            hub: Rc::clone(hub),
            connection,
            input: Input::default(),
            websocket,
            pace: Pace::Usual,
            doublings: 0,
        }
    }

    /// Takes in bytes that were read before.
    pub(crate) fn receive(&mut self, bytes: &mut [u8]) {
        if !bytes.is_empty() {
            self.take_in(bytes, 0);
        }
    }

    /// Drives the connection; ready with what comes after it.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Conversation> {
        self.connection.remember(context);
        loop {
            if self.connection.state().blocked {
                self.poll_write(context);
            }
            let state = self.connection.state();
            if let Some(reason) = state.ended {
                return Poll::Ready(self.leave(reason));
            }
            if state.closing || state.paused {
                return Poll::Pending;
            }
            if state.resumed {
                ready!(self.poll_turn());
                self.take_in_kept();
                continue;
            }
            match ready!(self.poll_read(context)) {
                Ok(Brought::Some) => {}
                Ok(Brought::End) => self.finish(),
                Err(_) => self.end(CloseReason::Transport),
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) {
        while self.connection.state().blocked && self.connection.state().ended.is_none() {
            let ready = self.connection.socket.borrow().poll_write_ready(context);
            match ready {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => self.hub.transmit(self.hub.clock.now(), &self.connection),
                Poll::Ready(Err(_)) => self.end(CloseReason::Transport),
            }
        }
        self.answer_ping();
        self.hub.schedule_flush();
    }

    /// Waits for its turn, if it is one of those that let others go first.
    fn poll_turn(&self) -> Poll<()> {
        match self.pace {
            Pace::Usual => Poll::Ready(()),
            Pace::Slow => self.hub.slow_lane.poll_turn(&self.connection),
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Brought>> {
        if self.pace != Pace::Usual {
            ready!(self.connection.socket.borrow().poll_read_ready(context))?;
            ready!(self.poll_turn());
        }
        if self.input.len() > MOST_COPIED {
            return self.poll_read_long(context);
        }
        let hub = Rc::clone(&self.hub);
        let mut scratch = hub.scratch();
        let kept = self.input.len();
        let mut socket = self.connection.socket.borrow_mut();
        if kept > 0 {
            ready!(socket.poll_read_ready(context))?;
            scratch[..kept].copy_from_slice(self.input.bytes());
        }
        let room = scratch.len().min(kept + (LEAST_READ << self.doublings));
        let count = ready!(socket.poll_read(context, &mut scratch[kept..room]))?;
        drop(socket);
        if count == 0 {
            return Poll::Ready(Ok(Brought::End));
        }
        increment(&hub.statistics.bytes_in, count as u64);
        let filled = kept + count;
        let searched = self.input.head().searched;
        self.take_in(&mut scratch[..filled], searched);
        if filled == room && self.pace == Pace::Usual {
            self.pace = Pace::Slow;
            self.doublings = MOST_DOUBLINGS.min(self.doublings + 1);
        }
        Poll::Ready(Ok(Brought::Some))
    }

    /// Reads the rest of a long frame to where its beginning is kept.
    fn poll_read_long(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Brought>> {
        let Ok(buffer) = self.input.room() else {
            self.refuse_input();
            return Poll::Ready(Ok(Brought::Some));
        };
        let read = loop {
            let socket = self.connection.socket.borrow();
            ready!(socket.poll_read_ready(context))?;
            match socket.try_read_into(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => break result?,
            }
        };
        if read == 0 {
            return Poll::Ready(Ok(Brought::End));
        }
        increment(&self.hub.statistics.bytes_in, read as u64);
        self.take_in_kept();
        Poll::Ready(Ok(Brought::Some))
    }

    /// Hands what was read to the engine, keeps what was not handled, and does what comes next. Where there is no room to
    /// keep what others' turn should come before, it goes on at once.
    fn take_in(&mut self, bytes: &mut [u8], searched: usize) {
        let (mut start, mut searched) = (0, searched);
        loop {
            let rest = &mut bytes[start..];
            let progress = take_in(&self.hub, &self.connection, &mut self.websocket, rest, searched);
            let rest = &rest[progress.consumed..];
            let kept = self.input.keep(rest, head(progress.next), &self.hub.input);
            if kept == Err(Full) && progress.next == Next::Later {
                (start, searched) = (start + progress.consumed, 0);
                continue;
            }
            self.follow(progress);
            if kept == Err(Full) {
                self.refuse_input();
            }
            return;
        }
    }

    /// Hands what was kept to the engine.
    fn take_in_kept(&mut self) {
        self.connection.change(|state| state.resumed = false);
        let searched = self.input.head().searched;
        let bytes = self.input.bytes();
        let progress = take_in(&self.hub, &self.connection, &mut self.websocket, bytes, searched);
        self.follow(progress);
        self.input.consume(progress.consumed, head(progress.next));
    }

    #[inline]
    fn follow(&mut self, progress: Progress) {
        self.pace = Pace::of(progress);
        match progress.next {
            Next::Read(_) => {}
            Next::Wait => self.connection.change(|state| state.paused = true),
            Next::Later => {
                self.doublings = self.doublings.saturating_sub(1);
                self.connection.change(|state| state.resumed = true);
            }
            Next::Close => self.connection.change(|state| state.closing = true),
            Next::End(End { status, asked }) => {
                let reason = if asked {
                    CloseReason::Goodbye
                } else {
                    CloseReason::Framing
                };
                self.hub.end(&self.connection, reason, status);
            }
        }
        self.answer_ping();
    }

    /// Answers the last ping, unless the socket is blocked: then one of the pings that come until it is not is enough.
    fn answer_ping(&mut self) {
        let state = self.connection.state();
        if state.blocked || state.ended.is_some() {
            return;
        }
        if let Some(ping) = self
            .websocket
            .as_mut()
            .and_then(|websocket| websocket.take_ping())
        {
            let now = self.hub.clock.now();
            self.hub
                .engine()
                .send_raw(now, self.connection.client, &pong_frame(ping));
        }
    }

    /// Ends the connection because the other side ended it. Who did so within a message is told that it was lost.
    fn finish(&mut self) {
        let cut = self.input.len();
        if cut == 0 || self.websocket.is_some() {
            return self.end(CloseReason::EndOfStream);
        }
        let now = self.hub.clock.now();
        // Whatever the engine wants next, nothing more will come.
        let _flow = self
            .hub
            .engine()
            .refuse(now, self.connection.client, &cut_off(cut));
        self.end(CloseReason::Framing);
    }

    /// Ends the connection because there is no room for its input.
    fn refuse_input(&mut self) {
        let error = encoded(self.connection.framing, Problem::new(ErrorCode::MemoryFull));
        self.hub
            .engine()
            .send_raw(self.hub.clock.now(), self.connection.client, &error);
        self.end(CloseReason::MemoryFull);
    }

    fn end(&self, reason: CloseReason) {
        self.hub.end(&self.connection, reason, super::hub::status(reason));
    }

    fn leave(&self, reason: CloseReason) -> Conversation {
        match reason {
            CloseReason::EndOfStream | CloseReason::Transport => Conversation::Over,
            _ => Conversation::Leaving(Box::new(Leaving::talked(Rc::clone(&self.connection)))),
        }
    }
}

/// Hands what is in a buffer to the engine.
#[inline]
fn take_in(
    hub: &Hub,
    connection: &Connection,
    websocket: &mut Option<Box<Reader>>,
    bytes: &mut [u8],
    searched: usize,
) -> Progress {
    let now = hub.clock.now();
    let mut engine = hub.engine();
    engine.touch(now, connection.client);
    let mut intake = Intake {
        engine: &mut engine,
        now,
        client: connection.client,
        limit: hub.limits.frame(),
        turn: Turn::begin(hub.clock, now),
    };
    let progress = match (connection.framing, websocket) {
        (Framing::Binary, _) => match frames::beginning(bytes) {
            Some(end) => {
                let progress = frames::take_in(&mut intake, &bytes[..end]);
                let turn = intake.turn;
                drop(engine);
                take_in_rest(hub, connection, bytes, (progress, turn))
            }
            None => frames::take_in(&mut intake, bytes),
        },
        (_, Some(websocket)) => websocket.take_in(&mut intake, bytes),
        (_, None) => lines::take_in(&mut intake, bytes, searched),
    };
    hub.schedule_flush();
    progress
}

/// Hands the rest of some frames to the engine after their receivers got the beginning.
fn take_in_rest(
    hub: &Hub,
    connection: &Connection,
    bytes: &[u8],
    (begun, turn): (Progress, Turn),
) -> Progress {
    if !matches!(begun.next, Next::Read(_)) {
        return begun;
    }
    let now = hub.clock.now();
    hub.write_few(now);
    let mut intake = Intake {
        engine: &mut hub.engine(),
        now,
        client: connection.client,
        limit: hub.limits.frame(),
        turn,
    };
    let progress = frames::take_in(&mut intake, &bytes[begun.consumed..]);
    Progress {
        consumed: begun.consumed + progress.consumed,
        ..progress
    }
}

/// The error of a connection that ended within a message.
pub(super) fn cut_off(offset: usize) -> DecodeError {
    let reason = "the connection ended";
    DecodeError::Frame { reason, offset }
}

/// What is known about the frame that was not whole.
fn head(next: Next) -> Head {
    match next {
        Next::Read(head) => head,
        _ => Head::default(),
    }
}

/// Bytes of a beginning that are copied to where the rest is read; more than that are left where they are.
const MOST_COPIED: usize = 64 << 10;
/// Bytes that are read at once from a client of which nothing is known, or that costs much.
const LEAST_READ: usize = 16 << 10;
/// How often that is doubled for a client that sends much and costs little.
const MOST_DOUBLINGS: u8 = 4;
