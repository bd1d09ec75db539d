//! Feeds: what `GET /subscribe` reads. A feed is a client of the engine with its subscriptions and a memory of what it
//! told last; a reader is one HTTP answer. A feed outlives its reader for a while, so that one who comes back goes on
//! where the connection was lost.
//!
//! ```text
//!  engine ── outbox ── pipe ──> Feed ── Replay ──> Reading ──> socket
//!            the engine's rules:        told last,   one at a time;
//!            gaps where full            bounded      a newer one ends it
//! ```
//!
//! # Invariants worth naming
//! - Nothing is taken from the engine's client unless a reader asks for it: what a reader does not read waits in the
//!   outbox, under the rules of outboxes, whether the reader is slow or gone.
//! - Each message is told once to a reader who comes back with the last id, or counted by a `gap`.
//! - A feed's name is its secret: it is random, and known to its reader only.

mod id;
mod reading;
mod replay;
mod table;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use buslane_engine::CloseReason;
use buslane_protocol::{BrokerMessage, Filter, Name, Overflow, Problem, Refusal};
use bytes::Bytes;
use tokio::time::Instant;

use super::ask::ended;
use super::sse::{Form, Source};
use crate::clock::new_id;
use crate::driver::{Account, Frame, InProcess};

pub(super) use id::{FeedId, Place};
pub(super) use reading::Reading;
use replay::Replay;
pub(super) use replay::Resumption;
pub(crate) use table::Feeds;

/// What a feed is about. A reader who comes back has to want the same.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// Which topics, sorted.
    pub(super) filters: Vec<Filter<'static>>,
    /// The name of the shared subscriptions.
    pub(super) shared: Option<Name>,
    /// What happens when the reader is too slow.
    pub(super) overflow: Overflow,
    /// How events stand on the wire.
    pub(super) form: Form,
}

/// One feed.
pub(super) struct Feed {
    pub(super) id: FeedId,
    pub(super) plan: Plan,
    node: Name,
    state: RefCell<State>,
}

struct State {
    client: InProcess,
    /// What came while the feed was set up.
    early: VecDeque<Frame>,
    replay: Replay,
    /// Counts readers; the last one is the reader.
    readers: u64,
    /// Since when there is no reader.
    left: Option<Instant>,
    /// Wakes the reader.
    waker: Option<Waker>,
    /// Nothing more comes.
    has_ended: bool,
}

impl Feed {
    /// Makes a feed of a client that has subscribed, and of what came meanwhile.
    pub(super) fn new(
        id: FeedId,
        plan: Plan,
        node: &Name,
        (client, early): (InProcess, VecDeque<Frame>),
        account: &Account,
    ) -> Self {
        Feed {
            id,
            plan,
            node: node.clone(),
            state: RefCell::new(State {
                client,
                early,
                replay: Replay::new(account),
                readers: 0,
                left: Some(Instant::now()),
                waker: None,
                has_ended: false,
            }),
        }
    }

    /// Finds out how a reader goes on who has seen everything up to a position; `None` if that was never reached.
    pub(super) fn resume(&self, position: u64) -> Option<Resumption> {
        self.state.borrow().replay.resume(position)
    }

    /// Writes an id for a position of this feed.
    pub(super) fn place(&self, position: u64) -> String {
        let feed = self.id;
        Place { feed, position }.to_string()
    }

    /// Writes an event that stands at a position.
    pub(super) fn event(&self, position: u64, message: &BrokerMessage<'_>) -> Bytes {
        let source = Source {
            id: &self.place(position),
            node: &self.node,
        };
        self.plan.form.event(&source, message, new_id).into()
    }

    /// Takes the place of the reader, and returns the newcomer's number. Whoever read before is told to stop.
    fn attach(&self) -> u64 {
        let mut state = self.state.borrow_mut();
        state.readers += 1;
        state.left = None;
        if let Some(earlier) = state.waker.take() {
            earlier.wake();
        }
        state.readers
    }

    /// Notes that a reader is gone.
    fn detach(&self, reader: u64) {
        let mut state = self.state.borrow_mut();
        if state.readers == reader {
            state.left = Some(Instant::now());
            state.waker = None;
        }
    }

    /// Tells whether a reader is still the one.
    fn is_read_by(&self, reader: u64) -> bool {
        self.state.borrow().readers == reader
    }

    /// Looks for the event with a running number, and moves on to the next; `None` if none comes any more.
    fn poll_event(&self, next: &mut u64, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.state.borrow_mut();
        if let Some(text) = state.replay.find(*next) {
            *next += 1;
            return Poll::Ready(Some(text));
        }
        if state.has_ended {
            return Poll::Ready(None);
        }
        loop {
            let frame = match state.early.pop_front() {
                Some(frame) => Poll::Ready(Ok(frame)),
                None => state.client.poll_next(context),
            };
            let told = match frame {
                Poll::Ready(Ok(frame)) => self.tell(&mut state, &frame.message()),
                Poll::Ready(Err(reason)) => {
                    state.has_ended = true;
                    let last = last_word(reason);
                    match last.and_then(|message| self.tell(&mut state, &message)) {
                        Some(text) => Some(text),
                        None => return Poll::Ready(None),
                    }
                }
                Poll::Pending => {
                    state.waker = Some(context.waker().clone());
                    return Poll::Pending;
                }
            };
            if let Some(text) = told {
                *next = state.replay.next();
                return Poll::Ready(Some(text));
            }
        }
    }

    /// Writes a message as an event and remembers it, if it is one for the reader.
    fn tell(&self, state: &mut State, message: &BrokerMessage<'_>) -> Option<Bytes> {
        let (messages, unknown) = match message {
            BrokerMessage::Delivery(_) => (1, false),
            BrokerMessage::Gap(gap) => (gap.count, gap.unknown),
            BrokerMessage::Draining(_) => (0, false),
            BrokerMessage::Error(_) => {
                // What the engine says last, in place of what the driver would.
                state.has_ended = true;
                (0, false)
            }
            _ => return None,
        };
        let text = self.event(state.replay.told() + messages, message);
        state.replay.push(messages, unknown, text.clone());
        Some(text)
    }

    /// Keeps the feed for one that may come back, or finds that it is over.
    fn keep(&self, now: Instant, table: &table::Rules) -> bool {
        let state = self.state.borrow();
        let stays = state.client.ended().is_none()
            && match state.left {
                // A reader who reads nothing for too long loses the connection first.
                None => true,
                Some(left) => !table.is_draining && now < left + table.linger,
            };
        if stays {
            state.client.stay();
        }
        stays
    }
}

/// Makes the event that ends a feed; `None` where the connection ends in an orderly way.
fn last_word(reason: CloseReason) -> Option<BrokerMessage<'static>> {
    let code = match reason {
        CloseReason::Goodbye | CloseReason::EndOfStream | CloseReason::Shutdown => return None,
        reason => ended(reason),
    };
    Some(BrokerMessage::Error(Refusal {
        id: None,
        delivery: None,
        from: None,
        error: Problem::new(code),
    }))
}
