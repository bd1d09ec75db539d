//! Answers in several parts, streams and gathered replies, for a thread that waits for one after another.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buslane_client::{Gather, Reply, ReplyStream, Summary, blocking};
use futures_util::Stream;

use crate::{Failure, Outcome};

/// One part of an answer.
#[derive(Clone, Debug)]
pub struct Part {
    /// Who sent it; of a gathered request that failed as a whole, nobody. Empty in a stream, where the reply says it.
    pub from: String,
    /// What it is.
    pub outcome: Outcome,
}

/// The parts of an answer, taken one by one, by any thread. Dropping it cancels the request on the bus.
pub struct Parts {
    state: Mutex<State>,
}

struct State {
    source: Option<Source>,
    /// What was there when the request was sent: why it cannot be, most likely.
    early: Option<Part>,
    summary: Option<Summary>,
    /// Whoever waits for the next part.
    waiting: Option<Waker>,
}

enum Source {
    Stream(Box<ReplyStream<Reply>>),
    Gather(Box<Gather<Reply>>),
}

impl Parts {
    /// Takes the parts of a stream, and sends the request at once.
    pub(crate) fn of_stream(stream: ReplyStream<Reply>) -> Arc<Parts> {
        Parts::new(Source::Stream(Box::new(stream)))
    }

    /// Takes the replies of a gathered request, and sends the request at once.
    pub(crate) fn of_gather(gather: Gather<Reply>) -> Arc<Parts> {
        Parts::new(Source::Gather(Box::new(gather)))
    }

    /// Sends the request: it is sent when it is first polled.
    fn new(mut source: Source) -> Arc<Parts> {
        let early = match source.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(part) => part,
            Poll::Pending => None,
        };
        Arc::new(Parts {
            state: Mutex::new(State {
                source: Some(source),
                early,
                summary: None,
                waiting: None,
            }),
        })
    }

    /// Waits for the next part; `None` after the last, and after [`Parts::cancel`].
    pub fn next(&self) -> Option<Part> {
        blocking::wait(std::future::poll_fn(|context| self.poll(context)))
    }

    /// Waits for the next part at most for a time. Fails with nothing if it is over; nothing is lost.
    pub fn next_within(&self, time: Duration) -> Result<Option<Part>, TimeOver> {
        blocking::wait_for(std::future::poll_fn(|context| self.poll(context)), time).ok_or(TimeOver)
    }

    /// Cancels the request, on the bus too. A thread that waits sees the end.
    pub fn cancel(&self) {
        let mut state = self.lock();
        let (source, waiting) = (state.source.take(), state.waiting.take());
        drop(state);
        drop(source);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// Returns how a gathered request ended; `None` before its last reply.
    pub fn summary(&self) -> Option<Summary> {
        self.lock().summary
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Part>> {
        let mut state = self.lock();
        if let Some(part) = state.early.take() {
            return Poll::Ready(Some(part));
        }
        let Some(source) = &mut state.source else {
            return Poll::Ready(None);
        };
        let polled = source.poll(context);
        match &polled {
            Poll::Pending => state.waiting = Some(context.waker().clone()),
            Poll::Ready(Some(_)) => {}
            Poll::Ready(None) => {
                if let Some(Source::Gather(gather)) = state.source.take() {
                    state.summary = gather.summary();
                }
            }
        }
        polled
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No part came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOver;

impl Source {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Part>> {
        match self {
            Source::Stream(stream) => std::pin::Pin::new(stream).poll_next(context).map(|part| {
                part.map(|result| Part {
                    from: String::new(),
                    outcome: result.map_err(Failure::from),
                })
            }),
            Source::Gather(gather) => std::pin::Pin::new(gather).poll_next(context).map(|gathered| {
                gathered.map(|gathered| Part {
                    from: gathered.from,
                    outcome: gathered.result.map_err(Failure::from),
                })
            }),
        }
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Parts").finish_non_exhaustive()
    }
}
