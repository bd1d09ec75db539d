//! Subscriptions and watches as sources of events: polled by the thread that takes events, so that what is not taken
//! stays in the client's own bounded queue.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use buslane_client::{Client, Overflow, SubscriptionEvent, blocking};
use futures_util::Stream;

use crate::events::{Item, Queued};
use crate::{Event, Events, Failure};

/// What may be said about a subscription.
#[derive(Clone, Debug, Default)]
pub struct SubscribeOptions {
    /// The name of the shared subscription.
    pub shared: Option<String>,
    /// What gives way when a queue is full.
    pub overflow: Overflow,
    /// How many messages may come before the program has taken any; `None` for as many as there are.
    pub credit: Option<u32>,
    /// How many bytes may wait to be taken; `None` for what the client says.
    pub queue_bytes: Option<usize>,
}

/// A subscription or watch whose events come through [`Events`]. Dropping it ends it: nothing of it is polled after
/// that, but an event that was taken before may still be at work.
#[derive(Debug)]
pub struct Watch {
    source: Arc<Source>,
    client: Client,
}

/// Something that yields events when it is polled.
pub(crate) struct Source {
    token: u64,
    events: Arc<Events>,
    queued: Queued,
    state: Mutex<State>,
}

struct State {
    /// Absent once it is over.
    items: Option<Items>,
    paused: bool,
}

/// Yields the next event of a source, or `None` at its end.
type Items = Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<Event>> + Send>;

impl Watch {
    /// Subscribes, and waits until the broker has accepted it; without a connection it is remembered.
    pub(crate) fn messages(
        client: &Client,
        events: &Arc<Events>,
        token: u64,
        filter: &str,
        options: SubscribeOptions,
    ) -> Result<Watch, Failure> {
        let mut subscribe = client.subscribe(filter).overflow(options.overflow);
        if let Some(shared) = options.shared {
            subscribe = subscribe.shared(shared);
        }
        if let Some(credit) = options.credit {
            subscribe = subscribe.credit(credit);
        }
        if let Some(bytes) = options.queue_bytes {
            subscribe = subscribe.queue_bytes(bytes);
        }
        let mut subscription = blocking::wait(subscribe)?;
        let most = options.credit.map_or(BATCH, |credit| BATCH.min(credit as usize));
        let items = move |context: &mut Context<'_>| {
            let mut batch: Vec<SubscriptionEvent> = Vec::new();
            let polled = {
                let taking = subscription.next_batch(&mut batch, most);
                std::pin::pin!(taking).poll(context)
            };
            polled.map(|count| (count > 0).then_some(Event::Messages { token, events: batch }))
        };
        Ok(Watch::new(client, events, token, Box::new(items)))
    }

    /// Watches whatever a stream yields.
    pub(crate) fn stream<T: 'static>(
        client: &Client,
        events: &Arc<Events>,
        token: u64,
        mut stream: impl Stream<Item = T> + Send + Unpin + 'static,
        event: fn(u64, T) -> Event,
    ) -> Watch {
        let items = move |context: &mut Context<'_>| {
            let polled = Pin::new(&mut stream).poll_next(context);
            polled.map(|item| item.map(|item| event(token, item)))
        };
        Watch::new(client, events, token, Box::new(items))
    }

    fn new(client: &Client, events: &Arc<Events>, token: u64, items: Items) -> Watch {
        let source = Arc::new(Source {
            token,
            events: events.clone(),
            queued: Queued::default(),
            state: Mutex::new(State {
                items: Some(items),
                paused: false,
            }),
        });
        source.clone().wake();
        Watch {
            source,
            client: client.clone(),
        }
    }

    /// Lets what comes wait in the client's queue, under its overflow rule, until [`Watch::resume`].
    pub fn pause(&self) {
        self.source.lock().paused = true;
    }

    /// Goes on after [`Watch::pause`].
    pub fn resume(&self) {
        self.source.lock().paused = false;
        self.source.clone().wake();
    }

    /// Ends it without waiting. Nothing of it is polled after this.
    pub fn end(&self) {
        let items = self.source.lock().items.take();
        // Ends the subscription, and is nothing to do under a lock.
        drop(items);
    }

    /// Ends it, and waits until the broker has confirmed that.
    pub fn end_confirmed(&self) -> Result<(), Failure> {
        self.end();
        Ok(blocking::wait(self.client.flush())?)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

impl Source {
    /// Takes the next event, and stands in the queue again if there was one.
    pub(crate) fn poll(self: &Arc<Self>) -> Poll<Event> {
        self.queued.leave();
        let mut state = self.lock();
        if state.paused {
            return Poll::Pending;
        }
        let Some(items) = &mut state.items else {
            return Poll::Pending;
        };
        let waker = Waker::from(self.clone());
        match items(&mut Context::from_waker(&waker)) {
            Poll::Ready(Some(event)) => {
                drop(state);
                self.wake_by_ref();
                Poll::Ready(event)
            }
            Poll::Ready(None) => {
                let items = state.items.take();
                drop(state);
                drop(items);
                Poll::Ready(Event::Over { token: self.token })
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Source {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.enter() {
            self.events.push_item(Item::Source(self.clone()));
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Source")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// Messages that are taken at a time at most: enough to make the crossing cheap, few enough to keep others waiting
/// shortly.
const BATCH: usize = 256;
