//! A queue between the driver, which fills it, and one consumer, which awaits it. Knows nothing of what it holds; what
//! happens when it is full is decided by who fills it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A queue with one consumer.
pub(crate) struct Inbox<T>(Mutex<Queue<T>>);

/// What an [`Inbox`] holds, for whoever fills it.
pub(crate) struct Queue<T> {
    pub(crate) items: VecDeque<T>,
    /// Set by whoever fills it, for its own bookkeeping.
    pub(crate) bytes: usize,
    ended: bool,
    waker: Option<Waker>,
}

impl<T> Inbox<T> {
    pub(crate) fn new() -> Inbox<T> {
        Inbox(Mutex::new(Queue {
            items: VecDeque::new(),
            bytes: 0,
            ended: false,
            waker: None,
        }))
    }

    /// Appends an item, unless the queue has ended.
    pub(crate) fn push(&self, item: T) {
        self.fill(|queue| queue.items.push_back(item));
    }

    /// Appends an item; where there are `limit` already, the oldest gives way.
    pub(crate) fn push_bounded(&self, item: T, limit: usize) {
        self.fill(|queue| {
            while queue.items.len() >= limit {
                queue.items.pop_front();
            }
            queue.items.push_back(item);
        });
    }

    /// Lets `change` change the queue, unless it has ended, and wakes the consumer.
    pub(crate) fn fill(&self, change: impl FnOnce(&mut Queue<T>)) {
        if let Some(waker) = self.fill_quietly(change) {
            waker.wake();
        }
    }

    /// Lets `change` change the queue, unless it has ended, and returns who is to be woken.
    pub(crate) fn fill_quietly(&self, change: impl FnOnce(&mut Queue<T>)) -> Option<Waker> {
        let mut queue = self.lock();
        if queue.ended {
            return None;
        }
        change(&mut queue);
        queue.waker.take()
    }

    /// Lets the consumer see the end after what is in the queue.
    pub(crate) fn end(&self) {
        self.fill(|queue| queue.ended = true);
    }

    /// Takes the next item; `release` sees the queue as the item leaves it. `None` after the end.
    pub(crate) fn poll_next(
        &self,
        context: &mut Context<'_>,
        release: impl FnOnce(&mut Queue<T>, &T),
    ) -> Poll<Option<T>> {
        let mut queue = self.lock();
        match queue.items.pop_front() {
            Some(item) => {
                release(&mut queue, &item);
                Poll::Ready(Some(item))
            }
            None if queue.ended => Poll::Ready(None),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Takes up to `most` items in one go and appends them to `items`; `release` sees the queue as each leaves it.
    /// Returns how many; 0 after the end.
    pub(crate) fn poll_many(
        &self,
        context: &mut Context<'_>,
        items: &mut Vec<T>,
        most: usize,
        release: impl Fn(&mut Queue<T>, &T),
    ) -> Poll<usize> {
        let mut queue = self.lock();
        let count = queue.items.len().min(most);
        if count == 0 && !queue.ended {
            queue.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        items.reserve(count);
        for _ in 0..count {
            if let Some(item) = queue.items.pop_front() {
                release(&mut queue, &item);
                items.push(item);
            }
        }
        Poll::Ready(count)
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn next(inbox: &Inbox<u8>) -> Option<u8> {
        std::future::poll_fn(|context| inbox.poll_next(context, |_, _| {})).await
    }

    #[tokio::test]
    async fn a_waiting_consumer_is_woken() {
        let inbox = Arc::new(Inbox::new());
        let filled = inbox.clone();
        let consumer = tokio::spawn(async move { next(&inbox).await });
        tokio::task::yield_now().await;
        filled.push(7);
        assert_eq!(consumer.await.unwrap(), Some(7));
    }

    #[tokio::test]
    async fn what_came_before_the_end_is_still_taken() {
        let inbox = Inbox::new();
        inbox.push(1);
        inbox.end();
        inbox.push(2);
        assert_eq!(next(&inbox).await, Some(1));
        assert_eq!(next(&inbox).await, None);
        assert_eq!(next(&inbox).await, None);
    }
}
