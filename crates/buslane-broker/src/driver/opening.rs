//! A connection of which nothing is known: finds out who is there, within the limits of time and size that hold for
//! strangers. Becomes a client of the engine with its first complete frame.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use buslane_engine::CloseReason;
use buslane_protocol::binary::Preamble;
use buslane_protocol::{ErrorCode, Framing, Problem};
use tokio::time::Sleep;

use super::conversation::Conversation;
use super::hub::{Hub, increment};
use super::input::{Full, Head, Input, Lease};
use super::leaving::Leaving;
use super::sniff::{Foreign, Protocol, Sniffed, encoded, sniff};
use super::socket::Socket;
use super::talk::{Talk, cut_off};
use super::{frames, lines};

/// A connection of which nothing is known.
pub(crate) struct Opening {
    hub: Rc<Hub>,
    /// Taken out when it is known what it becomes.
    socket: Option<Socket>,
    input: Input,
    patience: Pin<Box<Sleep>>,
    /// What it counts as.
    _lease: Lease,
    /// How messages stand on the wire, once that is known.
    framing: Option<Framing>,
}

/// What the bytes so far mean.
enum Verdict {
    /// More is needed.
    More(Head),
    /// The preamble is there: it is answered, and a frame comes next.
    Preamble(u8),
    /// The first frame is there.
    Client(Framing),
    /// HTTP.
    Http,
    /// Somebody whom this broker does not serve.
    Foreign(Foreign),
    /// The connection ends with these bytes.
    Refused(Vec<u8>),
}

impl Opening {
    /// Begins with a socket that was just accepted.
    pub(crate) fn new(hub: &Rc<Hub>, socket: Socket, lease: Lease) -> Self {
        Opening {
            hub: Rc::clone(hub),
            socket: Some(socket),
            input: Input::default(),
            patience: Box::pin(tokio::time::sleep(hub.limits.handshake)),
            _lease: lease,
            framing: None,
        }
    }

    /// Drives the beginning; ready with what comes after it.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Conversation> {
        if self.patience.as_mut().poll(context).is_ready() {
            return Poll::Ready(self.give_up());
        }
        let hub = Rc::clone(&self.hub);
        let mut scratch = hub.scratch();
        loop {
            let length = match ready!(self.poll_read(context, &mut scratch)) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(self.finish());
                }
                Err(_) => return Poll::Ready(Conversation::Over),
            };
            if let Some(next) = self.judge(&mut scratch[..length]) {
                return Poll::Ready(next);
            }
        }
    }

    /// Reads behind what is known already; fails when nothing more comes.
    fn poll_read(&mut self, context: &mut Context<'_>, scratch: &mut [u8]) -> Poll<io::Result<usize>> {
        let Some(socket) = &mut self.socket else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let kept = self.input.len();
        if kept > 0 {
            ready!(socket.poll_read_ready(context))?;
            scratch[..kept].copy_from_slice(self.input.bytes());
        }
        match ready!(socket.poll_read(context, &mut scratch[kept..]))? {
            0 => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            count => Poll::Ready(Ok(kept + count)),
        }
    }

    /// Decides what the connection becomes; `None` if it remains what it is.
    fn judge(&mut self, bytes: &mut [u8]) -> Option<Conversation> {
        let mut start = 0;
        loop {
            let rest = &mut bytes[start..];
            match self.verdict(rest) {
                Verdict::Preamble(version) => {
                    start += Preamble::LENGTH;
                    self.framing = Some(Framing::Binary);
                    self.say(&Preamble::answer(Some(version)))?;
                }
                Verdict::More(head) => {
                    return match self.input.keep(rest, head, &self.hub.input) {
                        Ok(()) => None,
                        Err(Full) => {
                            increment(&self.hub.statistics.refused, 1);
                            Some(self.refuse_with(Problem::new(ErrorCode::MemoryFull)))
                        }
                    };
                }
                Verdict::Client(framing) => return Some(self.open(framing, rest)),
                Verdict::Http => return Some(self.hand_to_http(rest)),
                Verdict::Foreign(foreign) => return Some(self.send_away(foreign)),
                Verdict::Refused(last) => {
                    increment(&self.hub.statistics.refused, 1);
                    return Some(self.leave(&last));
                }
            }
        }
    }

    fn verdict(&self, bytes: &[u8]) -> Verdict {
        let limit = self.hub.limits.first_frame;
        let framing = match self.framing {
            Some(framing) => framing,
            None => match sniff(bytes) {
                Sniffed::Unclear => {
                    return Verdict::More(Head {
                        wanted: limit,
                        searched: 0,
                    });
                }
                Sniffed::Foreign(foreign) => return Verdict::Foreign(foreign),
                Sniffed::Known(Protocol::Http) => return Verdict::Http,
                Sniffed::Known(Protocol::Binary) => return preamble(bytes),
                Sniffed::Known(Protocol::JsonLines) => Framing::JsonLines,
            },
        };
        first_frame(framing, bytes, self.input.head().searched, limit)
    }

    fn open(&mut self, framing: Framing, bytes: &mut [u8]) -> Conversation {
        let Some(socket) = self.socket.take() else {
            return Conversation::Over;
        };
        let Ok(origin) = socket.origin() else {
            return Conversation::Over;
        };
        match self.hub.open(socket, origin, framing) {
            Ok(connection) => {
                let mut talk = Talk::new(&self.hub, connection);
                talk.receive(bytes);
                Conversation::Talk(talk)
            }
            Err(refused) => {
                let last = encoded(framing, refused.problem);
                Conversation::Leaving(Box::new(Leaving::saying(refused.socket, &last)))
            }
        }
    }

    fn hand_to_http(&mut self, bytes: &[u8]) -> Conversation {
        if let Some(socket) = self.socket.take() {
            // Whoever dribbles gets no more time for the head of a request than for any other first message.
            crate::http::serve(&self.hub, socket, bytes.to_vec(), self.patience.deadline());
        }
        Conversation::Over
    }

    fn send_away(&mut self, foreign: Foreign) -> Conversation {
        increment(&self.hub.statistics.foreign, 1);
        self.hub
            .journal
            .borrow_mut()
            .foreign(self.hub.clock.now(), foreign.name(), foreign.hint());
        self.leave(&foreign.answer())
    }

    /// Ends the connection because the other side ended it, perhaps within its first message.
    fn finish(&mut self) -> Conversation {
        match self.input.len() {
            0 => Conversation::Over,
            cut => self.refuse_with(cut_off(cut).problem()),
        }
    }

    fn give_up(&mut self) -> Conversation {
        self.hub.statistics.count_late();
        self.hub
            .journal
            .borrow_mut()
            .turned_away(self.hub.clock.now(), CloseReason::HandshakeTimeout.as_str());
        self.refuse_with(Problem::new(ErrorCode::HandshakeTimeout))
    }

    /// Ends the connection with an error, in the words of whoever it seems to be.
    fn refuse_with(&mut self, problem: Problem) -> Conversation {
        let framing = self.framing.unwrap_or(Framing::JsonLines);
        let last = encoded(framing, problem);
        // A client that has said nothing gets no answer: it may not speak JSON at all.
        let spoke = self.framing.is_some() || self.input.bytes().first() == Some(&b'{');
        self.leave(if spoke { &last } else { &[] })
    }

    fn leave(&mut self, last: &[u8]) -> Conversation {
        match self.socket.take() {
            Some(socket) => Conversation::Leaving(Box::new(Leaving::saying(socket, last))),
            None => Conversation::Over,
        }
    }

    /// Writes to a socket that has not been written to, so that a few bytes always fit.
    fn say(&mut self, bytes: &[u8]) -> Option<()> {
        let taken = self.socket.as_ref()?.try_write(&[IoSlice::new(bytes)]);
        if taken.is_err() {
            self.socket = None;
        }
        Some(())
    }
}

/// Judges the beginning of a raw binary connection.
fn preamble(bytes: &[u8]) -> Verdict {
    let none = || Verdict::Refused(Preamble::answer(None).to_vec());
    match Preamble::parse(bytes) {
        Ok(None) => Verdict::More(Head {
            wanted: Preamble::LENGTH,
            searched: 0,
        }),
        Ok(Some(client)) => {
            let ours = Preamble::OURS;
            client
                .choose(ours.lowest, ours.highest)
                .map_or_else(none, Verdict::Preamble)
        }
        Err(_) => none(),
    }
}

/// Judges whether the first frame is whole.
fn first_frame(framing: Framing, bytes: &[u8], searched: usize, limit: usize) -> Verdict {
    let whole = match framing {
        Framing::Binary => frames::whole(bytes, limit).map(|frame| frame.map(|_| ())),
        _ => lines::whole(bytes, searched, limit).map(|line| line.map(|_| ())),
    };
    match whole {
        Ok(Ok(())) => Verdict::Client(framing),
        Ok(Err(head)) => Verdict::More(head),
        Err(error) => Verdict::Refused(encoded(framing, error.problem())),
    }
}
