//! The queue from which one thread of another language takes what it has to call back. Polls sources in turn; calls
//! nobody.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use buslane_client::{ConnectionState, PresenceEvent, Report, SubscriptionEvent};

use crate::source::Source;
use crate::{Outcome, Request};

/// Something to call back. `token` is what the other language gave when it asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A request to a method came in.
    Requested {
        /// Of the method.
        token: u64,
        /// To be answered, now or later.
        request: Request,
    },
    /// A request to which [`Pending::then`](crate::Pending::then) was said has ended.
    Ended {
        /// Of the request.
        token: u64,
        /// What came of it.
        outcome: Outcome,
    },
    /// Messages of a subscription, and gaps where some are missing, in their order; at least one.
    Messages {
        /// Of the subscription.
        token: u64,
        /// What came.
        events: Vec<SubscriptionEvent>,
    },
    /// A service came or went.
    Presence {
        /// Of the watch.
        token: u64,
        /// What happened.
        event: PresenceEvent,
    },
    /// The connection is in another state.
    State {
        /// Of the watch.
        token: u64,
        /// The state.
        state: ConnectionState,
    },
    /// Something went wrong outside any call.
    Report {
        /// Of the watch.
        token: u64,
        /// What it was.
        report: Report,
    },
    /// A subscription or watch is over without being ended by the other language: nothing more comes of it.
    Over {
        /// Of the subscription or watch.
        token: u64,
    },
}

/// The events of one client.
#[derive(Debug, Default)]
pub struct Events {
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    /// Whether nothing more is to come.
    ended: bool,
    /// Threads that wait for an event.
    waiting: u32,
}

#[derive(Debug)]
pub(crate) enum Item {
    Event(Event),
    /// A source that may have something.
    Source(Arc<Source>),
}

impl Events {
    /// Waits for the next event; `None` after [`Bus::close`](crate::Bus::close) and what came before it.
    pub fn next(&self) -> Option<Event> {
        self.take(None)
    }

    /// Waits for the next event at most for a time. `None` also if none came.
    pub fn next_within(&self, time: Duration) -> Option<Event> {
        self.take(Instant::now().checked_add(time))
    }

    /// Tells whether nothing more is to come beside what is there.
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    pub(crate) fn push(&self, event: Event) {
        self.push_item(Item::Event(event));
    }

    pub(crate) fn push_item(&self, item: Item) {
        let mut queue = self.lock();
        queue.items.push_back(item);
        let waiting = queue.waiting > 0;
        drop(queue);
        if waiting {
            self.filled.notify_one();
        }
    }

    /// Lets whoever takes events see the end after those that are there.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.filled.notify_all();
    }

    fn take(&self, deadline: Option<Instant>) -> Option<Event> {
        loop {
            match self.take_item(deadline)? {
                Item::Event(event) => return Some(event),
                Item::Source(source) => {
                    if let Poll::Ready(event) = source.poll() {
                        return Some(event);
                    }
                }
            }
        }
    }

    fn take_item(&self, deadline: Option<Instant>) -> Option<Item> {
        let mut queue = self.lock();
        loop {
            if let Some(item) = queue.items.pop_front() {
                return Some(item);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if queue.ended || left.is_some_and(|left| left.is_zero()) {
                return None;
            }
            queue.waiting += 1;
            queue = match left {
                Some(left) => {
                    let waited = self.filled.wait_timeout(queue, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
            queue.waiting -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a source stands in the queue, so that it stands there once.
#[derive(Debug, Default)]
pub(crate) struct Queued(AtomicBool);

impl Queued {
    /// Takes note that it stands there. Returns whether it did not yet.
    pub(crate) fn enter(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Takes note that it was taken.
    pub(crate) fn leave(&self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_the_end_is_still_taken() {
        let events = Events::default();
        events.push(Event::Over { token: 1 });
        events.end();
        assert!(matches!(events.next(), Some(Event::Over { token: 1 })));
        assert!(events.next().is_none());
    }
}
