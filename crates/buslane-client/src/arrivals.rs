//! Messages of one subscription that came in one go, on their way to its queue: gathered so that the queue is locked and
//! its consumer woken once for all of them, and copied into memory that they share. Knows no rule of the queue.

use std::task::Waker;

use bytes::BytesMut;

use crate::deliveries::{Delivered, Deliveries};
use crate::message::Message;
use crate::parcel::{Parcel, Parts};

/// Messages of one subscription that came in one go.
#[derive(Default)]
pub(crate) struct Arrivals {
    messages: Vec<Message>,
    /// What the next ones are copied into.
    memory: BytesMut,
    /// How many bytes came so far.
    bytes: usize,
}

impl Arrivals {
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Copies a message. The first has memory of its own; those that follow share pieces as large as what came before, so
    /// that no message holds on to much more than it is part of.
    pub(crate) fn copy(&mut self, parts: Parts<'_>, retained: bool) -> Message {
        let length = parts.length();
        let parcel = if self.bytes == 0 {
            Parcel::new(parts)
        } else {
            if self.memory.capacity() < length {
                self.memory = BytesMut::with_capacity(length.max(self.bytes.min(SHARED_BYTES)));
            }
            Parcel::within(parts, &mut self.memory)
        };
        self.bytes += length;
        Message::new(parcel, retained)
    }

    /// Appends a message. `spare` is a buffer that lives longer than one go.
    pub(crate) fn push(&mut self, message: Message, spare: &mut Vec<Message>) {
        if self.messages.capacity() == 0 {
            self.messages = std::mem::take(spare);
        }
        self.messages.push(message);
    }

    /// Moves everything to the queue; whoever waits for it is to be woken afterwards.
    pub(crate) fn hand_over(
        &mut self,
        deliveries: &Deliveries,
        spare: &mut Vec<Message>,
        wakers: &mut Vec<Waker>,
    ) -> Delivered {
        let Arrivals { mut messages, .. } = std::mem::take(self);
        let delivered = deliveries.append(&mut messages, wakers);
        if messages.capacity() > spare.capacity() {
            *spare = messages;
        }
        delivered
    }
}

/// Bytes of the largest piece of memory that messages share: a message that the program keeps holds on to no more.
const SHARED_BYTES: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use buslane_protocol::{Headers, Overflow, Payload};

    use super::*;

    fn arrive(arrivals: &mut Arrivals, payload: &str) -> Message {
        let payload = Payload::json(payload.as_bytes());
        let parts = Parts {
            id: None,
            subject: "t",
            from: "p",
            headers: &Headers::default(),
            payload: &payload,
        };
        arrivals.copy(parts, false)
    }

    #[test]
    fn messages_that_come_together_share_memory_and_keep_apart() {
        let mut arrivals = Arrivals::default();
        let texts: Vec<String> = (0..200).map(|number| number.to_string().repeat(9)).collect();
        let messages: Vec<Message> = texts.iter().map(|text| arrive(&mut arrivals, text)).collect();
        for (message, text) in messages.iter().zip(&texts) {
            assert_eq!(
                (message.topic(), message.from(), message.payload().as_text()),
                ("t", "p", Some(text.as_str()))
            );
        }
        let distance =
            |one: &Message, other: &Message| other.bytes().as_ptr().addr() - one.bytes().as_ptr().addr();
        assert_eq!(distance(&messages[150], &messages[151]), texts[151].len() + 2);
    }

    #[test]
    fn what_is_longer_than_a_piece_has_one_of_its_own() {
        let mut arrivals = Arrivals::default();
        let long = "1".repeat(3 * SHARED_BYTES);
        for text in ["1", &long, "2"] {
            assert_eq!(arrive(&mut arrivals, text).payload().as_text(), Some(text));
        }
    }

    #[test]
    fn what_was_handed_over_is_in_the_queue_in_its_order() {
        let deliveries = Deliveries::new(1 << 20, Overflow::default());
        let (mut arrivals, mut spare, mut wakers) = (Arrivals::default(), Vec::new(), Vec::new());
        for text in ["1", "2", "3"] {
            let message = arrive(&mut arrivals, text);
            arrivals.push(message, &mut spare);
        }
        assert_eq!(
            arrivals.hand_over(&deliveries, &mut spare, &mut wakers),
            Delivered::Yes
        );
        assert!(arrivals.is_empty() && spare.capacity() >= 3);
        let mut context = std::task::Context::from_waker(Waker::noop());
        let mut events = Vec::new();
        assert_eq!(
            deliveries.poll_many(&mut context, &mut events, 9),
            std::task::Poll::Ready(3)
        );
        let seen = events.iter().map(|event| match event {
            crate::SubscriptionEvent::Message(message) => message.payload().to_string(),
            other => format!("{other:?}"),
        });
        assert_eq!(seen.collect::<Vec<_>>(), ["1", "2", "3"]);
    }
}
