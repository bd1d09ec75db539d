//! Requests that are answered by more than one message: streams of one callee, and the replies of several.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;

use crate::RequestError;
use crate::call::{Outbound, Read, Sent};
use crate::inbox::Inbox;
use crate::waiters::Arrival;

/// The parts that one callee sends, each read as a `T`.
///
/// The request is sent when the stream is first polled, and cancelled on the bus when it is dropped. The callee
/// sends no faster than the stream is polled. The first error ends the stream; what came before is valid.
///
/// ```no_run
/// # async fn follow(bus: buslane_client::Client) -> Result<(), buslane_client::RequestError> {
/// let mut changes = bus.request_stream::<String>("attic:watch", &"demo");
/// while let Some(change) = changes.next().await {
///     println!("{}", change?);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a request is sent when its stream is polled"]
pub struct ReplyStream<T> {
    arrivals: Arrivals,
    read: Read<T>,
    /// Parts that may be on their way before any is taken.
    credit: u32,
    /// Parts taken since the callee was last told.
    taken: u32,
}

/// The replies of several instances, each read as a `T`.
///
/// The request is sent when the stream is first polled, and cancelled on the bus when it is dropped. Each instance
/// gives one result, at the deadline at the latest; then [`Gather::summary`] tells how many there were.
///
/// ```no_run
/// # async fn count(bus: buslane_client::Client) {
/// let mut counts = bus.gather::<u64>("@storage:count", &());
/// while let Some(count) = counts.next().await {
///     match count.result {
///         Ok(number) => println!("{} holds {number}", count.from),
///         Err(error) => println!("{} fails: {error}", count.from),
///     }
/// }
/// println!("{:?}", counts.summary());
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a request is sent when its stream is polled"]
pub struct Gather<T> {
    arrivals: Arrivals,
    read: Read<T>,
    summary: Option<Summary>,
}

/// What one instance answered to a gathered request.
#[derive(Clone, Debug)]
pub struct Gathered<T> {
    /// `service#instance` that answered or failed, or the address that nothing answers to. Empty if the request failed
    /// as a whole.
    pub from: String,
    /// What it answered.
    pub result: Result<T, RequestError>,
}

/// How a gathered request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many instances were asked.
    pub expected: u32,
    /// How many replied.
    pub replied: u32,
    /// How many failed, were lost or did not answer in time.
    pub failed: u32,
}

/// What comes of a request, from sending it to its end.
enum Arrivals {
    Unsent(Box<Outbound>),
    Open(Sent, Arc<Inbox<Arrival>>),
    Ended,
}

impl<T> ReplyStream<T> {
    pub(crate) fn new(mut outbound: Outbound, read: Read<T>) -> ReplyStream<T> {
        let credit = outbound.ask_for_stream();
        ReplyStream {
            arrivals: Arrivals::Unsent(Box::new(outbound)),
            read,
            credit,
            taken: 0,
        }
    }

    /// Sets when the first part comes at the latest, and then each further one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.arrivals.set_timeout(timeout);
        self
    }

    /// Waits for the next part; `None` after the last. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Option<Result<T, RequestError>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, RequestError>>> {
        Poll::Ready(match ready!(self.arrivals.poll(context)) {
            Some(Arrival::Reply(part)) => {
                self.acknowledge();
                let part = (self.read)(part);
                if part.is_err() {
                    self.arrivals = Arrivals::Ended;
                }
                Some(part)
            }
            Some(Arrival::Failed(problem) | Arrival::Failure { problem, .. }) => Some(Err(problem.into())),
            Some(Arrival::End(_)) | None => None,
        })
    }

    /// Tells the callee in one go that several parts are taken.
    fn acknowledge(&mut self) {
        self.taken += 1;
        if let Arrivals::Open(sent, _) = &self.arrivals
            && self.taken >= self.credit.div_ceil(2)
        {
            sent.client
                .shared()
                .act(|state, _| state.session.consumed(sent.key, self.taken));
            self.taken = 0;
        }
    }
}

impl<T> Gather<T> {
    pub(crate) fn new(outbound: Outbound, read: Read<T>) -> Gather<T> {
        Gather {
            arrivals: Arrivals::Unsent(Box::new(outbound)),
            read,
            summary: None,
        }
    }

    /// Sets when the request ends at the latest.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.arrivals.set_timeout(timeout);
        self
    }

    /// Waits for the next result; `None` after the last. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Option<Gathered<T>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// Returns how the request ended; `None` before the last result, and if it failed as a whole.
    pub fn summary(&self) -> Option<Summary> {
        self.summary
    }

    /// Waits for all results. Fails if the request failed as a whole, as when nobody is there to answer.
    pub async fn collect(mut self) -> Result<Vec<Gathered<T>>, RequestError> {
        let mut results = Vec::new();
        while let Some(gathered) = self.next().await {
            match gathered.result {
                Err(error) if gathered.from.is_empty() => return Err(error),
                result => results.push(Gathered {
                    from: gathered.from,
                    result,
                }),
            }
        }
        Ok(results)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Gathered<T>>> {
        Poll::Ready(match ready!(self.arrivals.poll(context)) {
            Some(Arrival::Reply(reply)) => {
                let from = reply.from().to_owned();
                Some(Gathered {
                    from,
                    result: (self.read)(reply),
                })
            }
            Some(Arrival::Failure { from, problem }) => Some(Gathered {
                from,
                result: Err(problem.into()),
            }),
            Some(Arrival::Failed(problem)) => Some(Gathered {
                from: String::new(),
                result: Err(problem.into()),
            }),
            Some(Arrival::End(summary)) => {
                self.summary = Some(summary);
                None
            }
            None => None,
        })
    }
}

impl Arrivals {
    /// Sets the deadline of a request that is not sent yet.
    fn set_timeout(&mut self, timeout: Duration) {
        if let Arrivals::Unsent(outbound) = self {
            outbound.set_timeout(timeout);
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Arrival>> {
        if let Arrivals::Unsent(outbound) = self {
            match ready!(outbound.poll_open(context)) {
                Ok((sent, inbox)) => *self = Arrivals::Open(sent, inbox),
                Err(error) => {
                    *self = Arrivals::Ended;
                    return Poll::Ready(Some(Arrival::Failed(error.into())));
                }
            }
        }
        let Arrivals::Open(sent, inbox) = self else {
            return Poll::Ready(None);
        };
        let arrival = ready!(inbox.poll_next(context, |_, _| {}));
        if matches!(arrival, None | Some(Arrival::End(_) | Arrival::Failed(_))) {
            sent.ended = true;
            *self = Arrivals::Ended;
        }
        Poll::Ready(arrival)
    }
}

impl<T> Stream for ReplyStream<T> {
    type Item = Result<T, RequestError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(context)
    }
}

impl<T> Stream for Gather<T> {
    type Item = Gathered<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(context)
    }
}

impl std::fmt::Debug for Arrivals {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Arrivals::Unsent(_) => "Unsent",
            Arrivals::Open(..) => "Open",
            Arrivals::Ended => "Ended",
        })
    }
}
