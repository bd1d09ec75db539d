//! Subscribes to topics and receives their messages.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use buslane_protocol::{ErrorCode, Filter, Name, Overflow, Problem};
use buslane_session::{State as SessionState, SubscribeOptions, SubscriptionKey};
use futures_util::Stream;
use tokio::sync::oneshot;

use crate::arrivals::Arrivals;
use crate::deliveries::{Deliveries, SubscriptionEvent};
use crate::error::own_problem;
use crate::message::{Gap, Message};
use crate::waiters::Subscriber;
use crate::{Client, FlushError, SubscribeError};

/// A subscription about to be made; awaiting it makes it. See [`Client::subscribe`].
///
/// ```no_run
/// # async fn watch(bus: buslane_client::Client) -> Result<(), buslane_client::SubscribeError> {
/// let mut jobs = bus.subscribe("jobs/#").shared("workers").credit(16).await?;
/// while let Some(job) = jobs.next().await {
///     println!("{job:?}");
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a subscription is made when it is awaited"]
pub struct Subscribe {
    client: Client,
    filter: String,
    shared: Option<String>,
    overflow: Overflow,
    credit: Option<u32>,
    queue_bytes: usize,
}

/// Receives the messages that a filter selects, until it is dropped, which unsubscribes.
///
/// It comes back by itself after a lost connection. It ends when the client does, when the broker refuses it after
/// such a loss, or when its queue overflows and [`Overflow::Disconnect`] is its rule.
///
/// # Gaps
/// Messages can be missing: a queue on the way was full, or the connection was lost. [`Subscription::next`] and the
/// `Stream` yield messages only and keep account of the gaps, which [`Subscription::take_gaps`] returns.
/// [`Subscription::next_event`] yields each gap in its place between the messages.
pub struct Subscription {
    client: Client,
    key: SubscriptionKey,
    filter: String,
    deliveries: Arc<Deliveries>,
    gaps: Gap,
    credit: Option<u32>,
}

impl Subscribe {
    pub(crate) fn new(client: Client, filter: String) -> Subscribe {
        let queue_bytes = client.shared().settings.queue_bytes;
        Subscribe {
            client,
            filter,
            shared: None,
            overflow: Overflow::default(),
            credit: None,
            queue_bytes,
        }
    }

    /// Makes it a shared subscription: each message goes to one of the members of this name and filter.
    pub fn shared(mut self, name: impl Into<String>) -> Self {
        self.shared = Some(name.into());
        self
    }

    /// Says what gives way when a queue is full, at the broker and here. Default: the oldest messages.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Lets the broker send this many messages ahead of what the program has taken, at least 1. What does not fit
    /// waits in the broker's queue instead of the client's, and gives way there by the same rule. Default: unlimited.
    pub fn credit(mut self, credit: u32) -> Self {
        self.credit = Some(credit.max(1));
        self
    }

    /// Sets how many bytes may wait to be taken before the overflow rule applies. Default: as the client's builder
    /// says.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    async fn make(self) -> Result<Subscription, SubscribeError> {
        let filter = Filter::parse(self.filter.as_str())
            .map_err(|error| own_problem(ErrorCode::InvalidFilter, format!("{:?}: {error}", self.filter)))?;
        let shared = self.shared.as_deref().map(Name::parse).transpose();
        let shared = shared.map_err(|error| own_problem(ErrorCode::InvalidName, error))?;
        let options = SubscribeOptions {
            shared,
            overflow: self.overflow,
            credit: self.credit,
        };
        let deliveries = Arc::new(Deliveries::new(self.queue_bytes, self.overflow));
        let (waiter, accepted) = oneshot::channel();
        let key = self.client.shared().act(|state, _| {
            let key = state
                .session
                .subscribe(filter, options)
                .map_err(|error| Box::new(error.problem()))?;
            let waits = state.session.state() == SessionState::Connected;
            let subscriber = Subscriber {
                deliveries: deliveries.clone(),
                arrivals: Arrivals::default(),
                filter: self.filter.clone(),
                accepted: waits.then_some(waiter),
            };
            state.waiters.subscriptions.insert(key, subscriber);
            Ok::<_, Box<Problem>>(key)
        })?;
        let (client, filter, credit) = (self.client, self.filter, self.credit);
        let subscription = Subscription {
            client,
            key,
            filter,
            deliveries,
            gaps: Gap::default(),
            credit,
        };
        // Without a waiter, the subscription is remembered for the next connection.
        accepted.await.unwrap_or(Ok(()))?;
        Ok(subscription)
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<Subscription, SubscribeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Subscribes and waits until the broker has accepted it. Without a connection this is done at once: the
    /// subscription is remembered and takes place with the next connection, and if it is refused then,
    /// [`Client::reports`] tells.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.make())
    }
}

impl Subscription {
    /// Waits for the next message; `None` after the end. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Option<Message> {
        std::future::poll_fn(|context| self.poll_message(context)).await
    }

    /// Waits for the next message or gap; `None` after the end. Dropping the wait loses nothing.
    pub async fn next_event(&mut self) -> Option<SubscriptionEvent> {
        std::future::poll_fn(|context| self.poll_event(context)).await
    }

    /// Waits for messages and gaps and appends to `events` what there is, up to `most` (at least 1), in one go: for
    /// streams too fast to be taken one by one, and for crossing into another language once for many. Returns how many;
    /// 0 after the end. Dropping the wait loses nothing.
    pub async fn next_batch(&mut self, events: &mut Vec<SubscriptionEvent>, most: usize) -> usize {
        std::future::poll_fn(|context| self.poll_batch(context, events, most.max(1))).await
    }

    /// Returns what was missing since the last call, as [`Subscription::next`] came across it.
    pub fn take_gaps(&mut self) -> Gap {
        std::mem::take(&mut self.gaps)
    }

    /// Ends the subscription and waits until the broker has confirmed it. What was not taken by then is lost. Dropping
    /// the subscription ends it as well, without waiting.
    pub async fn unsubscribe(self) -> Result<(), FlushError> {
        let client = self.client.clone();
        drop(self);
        // The broker answers a flush after everything that was sent before.
        client.flush().await
    }

    /// Returns the filter.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Message>> {
        loop {
            match ready!(self.poll_event(context)) {
                Some(SubscriptionEvent::Message(message)) => return Poll::Ready(Some(message)),
                Some(SubscriptionEvent::Gap(gap)) => self.gaps.add(gap),
                None => return Poll::Ready(None),
            }
        }
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<SubscriptionEvent>> {
        let event = ready!(self.deliveries.poll_next(context));
        if let Some(event) = &event {
            self.account_for(std::slice::from_ref(event));
        }
        Poll::Ready(event)
    }

    fn poll_batch(
        &mut self,
        context: &mut Context<'_>,
        events: &mut Vec<SubscriptionEvent>,
        most: usize,
    ) -> Poll<usize> {
        let count = ready!(self.deliveries.poll_many(context, events, most));
        self.account_for(&events[events.len() - count..]);
        Poll::Ready(count)
    }

    /// Counts what was taken, where the broker has to know.
    fn account_for(&mut self, events: &[SubscriptionEvent]) {
        if self.credit.is_none() {
            return;
        }
        let is_message = |event: &&SubscriptionEvent| matches!(event, SubscriptionEvent::Message(_));
        let taken = self.deliveries.take_dropped() + events.iter().filter(is_message).count() as u32;
        self.client
            .shared()
            .act_if_worth(|state| state.session.taken(self.key, taken));
    }
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        self.get_mut().poll_message(context)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.client.shared().act(|state, _| {
            if state.waiters.subscriptions.remove(&self.key).is_some() {
                state.session.unsubscribe(self.key);
            }
        });
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Subscription")
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}
