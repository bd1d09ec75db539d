//! What a session tells its driver and, through it, the program.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use buslane_protocol::{
    Answer, CompatibilityReport, Connected, Delivery, Instant, Invocation, Name, Part, Problem,
};

use crate::{DeliveryToken, FlushKey, PublishKey, RegistrationKey, RequestKey, SubscriptionKey};

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits before the next attempt to connect.
    Waiting,
    /// The driver dials, or the broker has not answered `connect` yet.
    Connecting,
    /// The broker has accepted the client.
    Connected,
    /// The session has ended for good.
    Ended,
}

/// What a session asks of its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a transport, then call [`handle_connected`](crate::Session::handle_connected), or
    /// [`handle_disconnected`](crate::Session::handle_disconnected) if it fails.
    Dial,
    /// Close the transport, or stop dialling. The session has done with it: nothing more of it is to be handed in, its
    /// end neither. With `flush`, what [`poll_transmit`](crate::Session::poll_transmit) has is written first.
    Close {
        /// Whether the last bytes are worth writing.
        flush: bool,
    },
}

/// What happened. Parts that came with a message are borrowed from the session's buffer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The broker accepted the client. Registrations and subscriptions follow by themselves.
    Connected(Box<Connected>),
    /// The connection is lost, or an attempt to connect failed.
    Disconnected {
        /// Why: what the broker said, else `unreachable`, or `draining` where the broker had announced it.
        problem: Problem,
        /// When the next attempt is made.
        retry_at: Instant,
    },
    /// The broker shuts down. Requests in flight are finished, new ones wait for the next connection.
    Draining {
        /// Time until the broker closes the connection.
        closes_in: Duration,
    },
    /// The session has ended for good: the program closed it (`closed`), another process took its instance over
    /// (`taken_over`), or the broker will never take it (`unauthenticated`, `unsupported_version`).
    Ended {
        /// Why.
        problem: Problem,
    },
    /// The broker refused something that belongs to nothing the session knows, such as a publish without
    /// acknowledgement.
    Refused {
        /// Why.
        problem: Problem,
    },

    /// The broker accepted a registration.
    Registered {
        /// The registration.
        key: RegistrationKey,
        /// The instance's name.
        instance: Name,
        /// Whether it was registered before, by an earlier connection.
        again: bool,
        /// What the registration breaks, or may break, if the broker found anything.
        compatibility: Option<Box<CompatibilityReport>>,
    },
    /// The broker refused a registration.
    RegistrationFailed {
        /// The registration; forgotten unless it is tried again.
        key: RegistrationKey,
        /// Why.
        problem: Problem,
        /// When it is tried again; at the next connection at the latest.
        retry_at: Option<Instant>,
    },
    /// A registration ended as the program wished.
    Unregistered {
        /// The registration.
        key: RegistrationKey,
    },

    /// A request to one target ended with its reply.
    Reply {
        /// The request.
        key: RequestKey,
        /// The reply.
        answer: Answer<'a>,
    },
    /// One of the targets of a gathered request replied. More follows.
    PartialReply {
        /// The request.
        key: RequestKey,
        /// The reply, labelled with who sent it.
        answer: Answer<'a>,
    },
    /// One of the targets of a gathered request failed. More follows.
    PartialFailure {
        /// The request.
        key: RequestKey,
        /// `service#instance` that failed, or the address that nothing answers to.
        from: String,
        /// Why.
        problem: Problem,
    },
    /// One part of a stream came. More follows.
    Chunk {
        /// The request.
        key: RequestKey,
        /// The part.
        part: Part<'a>,
    },
    /// A stream or a gathered request ended.
    End {
        /// The request.
        key: RequestKey,
        /// How many instances were asked.
        expected: u32,
        /// How many replied.
        replied: u32,
        /// How many failed, were lost or did not answer in time.
        failed: u32,
    },
    /// A request ended with an error.
    Failed {
        /// The request.
        key: RequestKey,
        /// Why.
        problem: Problem,
    },

    /// A request came in, to be answered by [`reply`](crate::Session::reply), [`chunk`](crate::Session::chunk) or
    /// [`fail`](crate::Session::fail).
    Request {
        /// Names it in the answer.
        token: DeliveryToken,
        /// The registration that it is for. None if the program offers no such thing (any more), and then it is to be
        /// failed with `no_instance`.
        registration: Option<RegistrationKey>,
        /// The request.
        invocation: Invocation<'a>,
    },
    /// Nobody waits for the answer to a request any more.
    Withdrawn {
        /// The request.
        token: DeliveryToken,
        /// Why.
        reason: Withdrawn,
    },
    /// The broker refused an answer: its payload breaks the schema, or it came too late.
    AnswerRefused {
        /// The request.
        token: DeliveryToken,
        /// Why.
        problem: Problem,
    },
    /// The caller of a stream takes more chunks.
    Credit {
        /// The request.
        token: DeliveryToken,
        /// How many more.
        count: u32,
    },

    /// A subscription is in place.
    Subscribed {
        /// The subscription.
        key: SubscriptionKey,
    },
    /// The broker refused a subscription, which is forgotten.
    SubscriptionFailed {
        /// The subscription.
        key: SubscriptionKey,
        /// Why.
        problem: Problem,
    },
    /// A message came for one or more subscriptions of the program.
    Delivery {
        /// The subscriptions that it is for, in the order in which they were made; never empty.
        keys: Arc<[SubscriptionKey]>,
        /// The message.
        delivery: Delivery<'a>,
    },
    /// Deliveries are missing here.
    Gap {
        /// The subscriptions concerned, in the order in which they were made.
        keys: Arc<[SubscriptionKey]>,
        /// How many are missing.
        count: u64,
        /// How many bytes of frames they had.
        bytes: u64,
        /// Whether the number is not known, after a lost connection.
        unknown: bool,
    },

    /// The broker routed a publish that asked for an acknowledgement.
    Acked {
        /// The publish.
        key: PublishKey,
        /// How many clients it was routed to.
        receivers: u32,
    },
    /// A publish that asked for an acknowledgement failed.
    PublishFailed {
        /// The publish.
        key: PublishKey,
        /// Why; `outcome_unknown` if the connection was lost after it was sent.
        problem: Problem,
    },
    /// The broker has processed everything that was sent before the flush.
    Flushed {
        /// The flush.
        key: FlushKey,
    },
    /// The session ended before the broker confirmed a flush.
    FlushFailed {
        /// The flush.
        key: FlushKey,
        /// Why the session ended.
        problem: Problem,
    },
}

/// Why nobody waits for an answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// The broker said so: the caller cancelled, went away, or its deadline passed.
    Cancelled,
    /// The request's time is over by this side's clock.
    Expired,
    /// The connection that it came by is gone.
    ConnectionLost,
}

impl Event<'_> {
    /// Copies what the event borrows.
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Event::Reply { key, answer } => Event::Reply {
                key,
                answer: own_answer(answer),
            },
            Event::PartialReply { key, answer } => Event::PartialReply {
                key,
                answer: own_answer(answer),
            },
            Event::Chunk { key, part } => Event::Chunk {
                key,
                part: own_part(part),
            },
            Event::Request {
                token,
                registration,
                invocation,
            } => Event::Request {
                token,
                registration,
                invocation: own_invocation(invocation),
            },
            Event::Delivery { keys, delivery } => Event::Delivery {
                keys,
                delivery: own_delivery(delivery),
            },
            other => own_rest(other),
        }
    }
}

/// Moves the events that borrow nothing.
fn own_rest(event: Event<'_>) -> Event<'static> {
    macro_rules! moved {
        ($($variant:ident { $($field:ident),* })*) => {
            match event {
                Event::Connected(connected) => Event::Connected(connected),
                $(Event::$variant { $($field),* } => Event::$variant { $($field),* },)*
                Event::Reply { .. } | Event::PartialReply { .. } | Event::Chunk { .. } | Event::Request { .. }
                | Event::Delivery { .. } => unreachable!("events that borrow are copied before"),
            }
        };
    }
    moved! {
        Disconnected { problem, retry_at }
        Draining { closes_in }
        Ended { problem }
        Refused { problem }
        Registered { key, instance, again, compatibility }
        RegistrationFailed { key, problem, retry_at }
        Unregistered { key }
        PartialFailure { key, from, problem }
        End { key, expected, replied, failed }
        Failed { key, problem }
        Withdrawn { token, reason }
        AnswerRefused { token, problem }
        Credit { token, count }
        Subscribed { key }
        SubscriptionFailed { key, problem }
        Gap { keys, count, bytes, unknown }
        Acked { key, receivers }
        PublishFailed { key, problem }
        Flushed { key }
        FlushFailed { key, problem }
    }
}

fn own_text(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

fn own_answer(answer: Answer<'_>) -> Answer<'static> {
    Answer {
        id: answer.id,
        from: own_text(answer.from),
        headers: answer.headers.into_owned(),
        payload: answer.payload.into_owned(),
    }
}

fn own_part(part: Part<'_>) -> Part<'static> {
    Part {
        id: part.id,
        from: own_text(part.from),
        sequence: part.sequence,
        headers: part.headers.into_owned(),
        payload: part.payload.into_owned(),
    }
}

fn own_invocation(invocation: Invocation<'_>) -> Invocation<'static> {
    Invocation {
        from: own_text(invocation.from),
        to: invocation.to.into_owned(),
        headers: invocation.headers.into_owned(),
        payload: invocation.payload.into_owned(),
        ..invocation
    }
}

fn own_delivery(delivery: Delivery<'_>) -> Delivery<'static> {
    Delivery {
        topic: delivery.topic.into_owned(),
        from: own_text(delivery.from),
        headers: delivery.headers.into_owned(),
        payload: delivery.payload.into_owned(),
        ..delivery
    }
}
