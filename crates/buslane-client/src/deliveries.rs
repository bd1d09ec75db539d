//! The queue of one subscription: bounded in bytes, with the same overflow rule as the broker's outbox. Never blocks
//! whoever fills it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use buslane_protocol::Overflow;

use crate::inbox::{Inbox, Queue};
use crate::message::{Gap, Message};

/// What a subscription yields, with the gaps in their places.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SubscriptionEvent {
    /// A message.
    Message(Message),
    /// Messages are missing here.
    Gap(Gap),
}

/// A subscription's queue.
pub(crate) struct Deliveries {
    inbox: Inbox<SubscriptionEvent>,
    capacity: usize,
    overflow: Overflow,
    /// Messages that gave way here since the consumer last asked.
    dropped: AtomicU32,
}

/// Whether the queue goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    Yes,
    /// The rule is to disconnect, and the queue was full: it has ended with a gap.
    Ended,
}

impl Deliveries {
    pub(crate) fn new(capacity: usize, overflow: Overflow) -> Deliveries {
        Deliveries {
            inbox: Inbox::new(),
            capacity,
            overflow,
            dropped: AtomicU32::new(0),
        }
    }

    /// Appends messages, in one go. Where the queue is full, something gives way to a gap. Whoever waits for them is added
    /// to `wakers`.
    pub(crate) fn append(&self, messages: &mut Vec<Message>, wakers: &mut Vec<Waker>) -> Delivered {
        let mut delivered = Delivered::Yes;
        let waker = self.inbox.fill_quietly(|queue| {
            queue.items.reserve(messages.len());
            for message in messages.drain(..) {
                delivered = self.push(queue, message);
                if delivered == Delivered::Ended {
                    break;
                }
            }
        });
        wakers.extend(waker);
        messages.clear();
        if delivered == Delivered::Ended {
            self.inbox.end();
        }
        delivered
    }

    fn push(&self, queue: &mut Queue<SubscriptionEvent>, message: Message) -> Delivered {
        let cost = message.cost();
        if queue.bytes + cost <= self.capacity {
            queue.bytes += cost;
            queue.items.push_back(SubscriptionEvent::Message(message));
            return Delivered::Yes;
        }
        let dropped = match self.overflow {
            Overflow::DropOldest => drop_oldest(queue, message, self.capacity),
            Overflow::DropNewest | Overflow::Disconnect => {
                append_gap(queue, gap_of(&message));
                1
            }
        };
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
        if self.overflow == Overflow::Disconnect {
            Delivered::Ended
        } else {
            Delivered::Yes
        }
    }

    /// Appends a gap that the session told of.
    pub(crate) fn push_gap(&self, gap: Gap) {
        self.inbox.fill(|queue| append_gap(queue, gap));
    }

    /// Lets the consumer see the end after what is in the queue.
    pub(crate) fn end(&self) {
        self.inbox.end();
    }

    /// Returns how many messages gave way here since the last call: they use up credit like those that are taken.
    pub(crate) fn take_dropped(&self) -> u32 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<SubscriptionEvent>> {
        self.inbox.poll_next(context, release)
    }

    /// Takes up to `most` events in one go. Returns how many; 0 after the end.
    pub(crate) fn poll_many(
        &self,
        context: &mut Context<'_>,
        events: &mut Vec<SubscriptionEvent>,
        most: usize,
    ) -> Poll<usize> {
        self.inbox.poll_many(context, events, most, release)
    }
}

/// Takes note that an event leaves the queue.
fn release(queue: &mut Queue<SubscriptionEvent>, event: &SubscriptionEvent) {
    if let SubscriptionEvent::Message(message) = event {
        queue.bytes -= message.cost();
    }
}

/// Takes messages from the front until the new one fits, and leaves a gap in their place. Returns how many it took.
fn drop_oldest(queue: &mut Queue<SubscriptionEvent>, message: Message, capacity: usize) -> u32 {
    let cost = message.cost();
    let (mut gap, mut dropped) = (Gap::default(), 0);
    while queue.bytes + cost > capacity {
        match queue.items.pop_front() {
            Some(SubscriptionEvent::Message(oldest)) => {
                queue.bytes -= oldest.cost();
                gap.add(gap_of(&oldest));
                dropped += 1;
            }
            Some(SubscriptionEvent::Gap(earlier)) => gap.add(earlier),
            None => break,
        }
    }
    if let Some(SubscriptionEvent::Gap(later)) = queue.items.front() {
        gap.add(*later);
        queue.items.pop_front();
    }
    if !gap.is_none() {
        queue.items.push_front(SubscriptionEvent::Gap(gap));
    }
    queue.bytes += cost;
    queue.items.push_back(SubscriptionEvent::Message(message));
    dropped
}

fn append_gap(queue: &mut Queue<SubscriptionEvent>, gap: Gap) {
    match queue.items.back_mut() {
        Some(SubscriptionEvent::Gap(last)) => last.add(gap),
        _ => queue.items.push_back(SubscriptionEvent::Gap(gap)),
    }
}

fn gap_of(message: &Message) -> Gap {
    Gap {
        count: 1,
        bytes: message.bytes().len() as u64,
        unknown: false,
    }
}

#[cfg(test)]
mod tests {
    use buslane_protocol::{Headers, Payload};

    use super::*;
    use crate::parcel::{Parcel, Parts};

    fn message(payload: &str) -> Message {
        let payload = Payload {
            bytes: payload.as_bytes().into(),
            ..Payload::default()
        };
        let parts = Parts {
            id: None,
            subject: "t",
            from: "p",
            headers: &Headers::default(),
            payload: &payload,
        };
        Message::new(Parcel::new(parts), false)
    }

    fn push(deliveries: &Deliveries, message: Message) -> Delivered {
        deliveries.append(&mut vec![message], &mut Vec::new())
    }

    /// Makes a queue that has room for two messages of one digit.
    fn queue(overflow: Overflow) -> Deliveries {
        Deliveries::new(2 * message("0").cost(), overflow)
    }

    fn drain(deliveries: &Deliveries) -> Vec<String> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut seen = Vec::new();
        while let Poll::Ready(Some(event)) = deliveries.poll_next(&mut context) {
            seen.push(match event {
                SubscriptionEvent::Message(message) => message.payload().to_string(),
                SubscriptionEvent::Gap(gap) => format!("gap {} {}", gap.count, gap.unknown),
            });
        }
        seen
    }

    #[test]
    fn the_oldest_give_way_to_one_gap_in_their_place() {
        let deliveries = queue(Overflow::DropOldest);
        for digit in ["1", "2", "3", "4"] {
            assert_eq!(push(&deliveries, message(digit)), Delivered::Yes);
        }
        assert_eq!(deliveries.take_dropped(), 2);
        assert_eq!(drain(&deliveries), ["gap 2 false", "3", "4"]);
        push(&deliveries, message("5"));
        assert_eq!(drain(&deliveries), ["5"]);
    }

    #[test]
    fn the_newest_give_way_to_one_gap_in_their_place() {
        let deliveries = queue(Overflow::DropNewest);
        for digit in ["1", "2", "3", "4"] {
            push(&deliveries, message(digit));
        }
        assert_eq!(drain(&deliveries), ["1", "2", "gap 2 false"]);
    }

    #[test]
    fn a_subscription_that_asks_for_it_ends_with_the_gap() {
        let deliveries = queue(Overflow::Disconnect);
        push(&deliveries, message("1"));
        push(&deliveries, message("2"));
        assert_eq!(push(&deliveries, message("3")), Delivered::Ended);
        assert_eq!(
            push(&deliveries, message("4")),
            Delivered::Yes,
            "an ended queue takes no notice"
        );
        assert_eq!(drain(&deliveries), ["1", "2", "gap 1 false"]);
    }

    #[test]
    fn gaps_that_meet_become_one() {
        let deliveries = queue(Overflow::DropOldest);
        push(&deliveries, message("1"));
        deliveries.push_gap(Gap {
            unknown: true,
            ..Gap::default()
        });
        push(&deliveries, message("2"));
        push(&deliveries, message("3"));
        assert_eq!(drain(&deliveries), ["gap 1 true", "2", "3"]);
    }

    #[test]
    fn a_message_larger_than_the_queue_is_still_delivered_alone() {
        let deliveries = queue(Overflow::DropOldest);
        push(&deliveries, message("1"));
        push(&deliveries, message(&"x".repeat(5000)));
        assert_eq!(drain(&deliveries)[0], "gap 1 false");
        push(&deliveries, message(&"y".repeat(5000)));
        assert_eq!(drain(&deliveries), ["y".repeat(5000)]);
    }
}
