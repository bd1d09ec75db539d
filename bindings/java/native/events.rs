//! What has come and Java has not taken yet: one block of bytes per client, appended to by whoever has something to
//! tell, taken whole. Bounded by what Java asked for: nothing is pumped without demand.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use buslane_client::Problem;

use crate::telling::Telling;

/// What an event is about; Java's `EventKind` has the same numbers.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Kind {
    Reply = 1,
    Failed = 2,
    Done = 3,
    Message = 4,
    Gap = 5,
    Part = 6,
    End = 7,
    Failure = 8,
    Summary = 9,
    Invoked = 10,
    Withdrawn = 11,
    Taken = 12,
    State = 13,
    Report = 14,
    Presence = 15,
}

/// The events of one client.
#[derive(Default)]
pub(crate) struct Events(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    /// An empty block, to be filled next.
    spare: Vec<u8>,
    ended: bool,
    waker: Option<Waker>,
}

/// What there is to take.
pub(crate) enum Taken {
    Events(Vec<u8>),
    NeedsRoom(usize),
    Ended,
}

impl Events {
    /// Appends an event about `subject`: an operation, a source or a request that came in.
    pub(crate) fn push(&self, kind: Kind, subject: u64, tell: impl FnOnce(&mut Vec<u8>)) {
        self.append(|bytes| {
            begin(bytes, kind, subject);
            tell(bytes);
        });
    }

    /// Appends several events at once.
    pub(crate) fn append(&self, tell: impl FnOnce(&mut Vec<u8>)) {
        let mut queue = self.lock();
        tell(&mut queue.bytes);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Tells that an operation is done.
    pub(crate) fn done(&self, operation: u64, value: u64) {
        self.push(Kind::Done, operation, |bytes| bytes.tell_long(value));
    }

    /// Tells that an operation failed.
    pub(crate) fn failed(&self, operation: u64, problem: &Problem) {
        self.push(Kind::Failed, operation, |bytes| bytes.tell_problem(problem));
    }

    /// Lets whoever takes see the end after what there is.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.append(|_| {});
    }

    /// Takes everything, if it fits.
    pub(crate) fn poll_take(&self, context: &mut Context<'_>, room: usize) -> Poll<Taken> {
        let mut queue = self.lock();
        if queue.bytes.len() > room {
            return Poll::Ready(Taken::NeedsRoom(queue.bytes.len()));
        }
        if !queue.bytes.is_empty() {
            let spare = std::mem::take(&mut queue.spare);
            return Poll::Ready(Taken::Events(std::mem::replace(&mut queue.bytes, spare)));
        }
        if queue.ended {
            return Poll::Ready(Taken::Ended);
        }
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Takes a block back, to be filled again.
    pub(crate) fn give_back(&self, mut block: Vec<u8>) {
        if block.capacity() <= LARGEST_KEPT {
            block.clear();
            self.lock().spare = block;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins an event.
pub(crate) fn begin(bytes: &mut Vec<u8>, kind: Kind, subject: u64) {
    bytes.tell_byte(kind as u8);
    bytes.tell_long(subject);
}

/// A larger block is not worth keeping.
const LARGEST_KEPT: usize = 1 << 20;
