//! A request that a handler works on: what it carries beside its input, and how its end is noticed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use buslane_session::DeliveryToken;
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Client;
use crate::parcel::{Parcel, parcel_accessors};
use crate::shared::Shared;

/// What a handler knows of the request that it works on, beside its input. Cloning shares it.
///
/// When nobody waits for the answer any more (the caller cancelled or went away, the deadline passed, the connection
/// was lost), the handler's future is dropped where it awaits. Work that a handler moved into a task of its own sees
/// the same through [`Context::cancelled`].
#[derive(Clone)]
pub struct Context {
    parcel: Parcel,
    call: Arc<Call>,
}

/// A request under way, shared by its context, its task and the driver.
pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    pub(crate) token: DeliveryToken,
    pub(crate) stream: bool,
    attempt: u8,
    deadline: Option<Instant>,
    withdrawn: AtomicBool,
    task: AtomicWaker,
    watchers: Notify,
    /// Told when the caller of a stream takes more chunks.
    pub(crate) credit: Notify,
}

impl Context {
    pub(crate) fn new(parcel: Parcel, call: Arc<Call>) -> Context {
        Context { parcel, call }
    }

    /// Returns the address as the caller wrote it.
    pub fn address(&self) -> &str {
        self.parcel.subject()
    }

    /// Returns the caller's id of the request, for logs and traces.
    pub fn id(&self) -> Option<&str> {
        self.parcel.id()
    }

    /// Returns which attempt this is, from 1.
    pub fn attempt(&self) -> u8 {
        self.call.attempt
    }

    /// Returns the time left until the caller gives up, `None` if it never does.
    pub fn time_left(&self) -> Option<Duration> {
        self.call
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Tells whether the caller takes the answer in chunks.
    pub fn wants_stream(&self) -> bool {
        self.call.stream
    }

    /// Tells whether nobody waits for the answer any more.
    pub fn is_cancelled(&self) -> bool {
        self.call.withdrawn.load(Ordering::Acquire)
    }

    /// Waits until nobody waits for the answer any more. Never returns if the request is answered before.
    pub async fn cancelled(&self) {
        let notified = self.call.watchers.notified();
        if !self.is_cancelled() {
            notified.await;
        }
    }

    /// Returns the client that the request came to, to call and publish with. A handler that captures a client of its
    /// own keeps it open for ever; this one lasts as long as the handler works.
    pub fn client(&self) -> Client {
        Client::of(self.call.shared.clone())
    }

    parcel_accessors!("request");
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Context")
            .field("address", &self.address())
            .field("from", &self.from())
            .field("time_left", &self.time_left())
            .finish_non_exhaustive()
    }
}

impl Call {
    pub(crate) fn new(
        shared: Arc<Shared>,
        token: DeliveryToken,
        stream: bool,
        attempt: u8,
        deadline: Option<Instant>,
    ) -> Call {
        Call {
            shared,
            token,
            stream,
            attempt,
            deadline,
            withdrawn: AtomicBool::new(false),
            task: AtomicWaker::new(),
            watchers: Notify::new(),
            credit: Notify::new(),
        }
    }

    /// Lets everybody know that nobody waits for the answer any more.
    pub(crate) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
        self.task.wake();
        self.watchers.notify_waiters();
    }

    /// Runs `work` until it is done or the request is withdrawn, whichever comes first.
    pub(crate) async fn unless_withdrawn<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            self.task.register(context.waker());
            if self.withdrawn.load(Ordering::Acquire) {
                return Poll::Ready(None);
            }
            Pin::as_mut(&mut work).poll(context).map(Some)
        })
        .await
    }
}
