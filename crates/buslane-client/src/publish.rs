//! Publishes a message, with or without waiting for the broker's word.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use buslane_protocol::{ErrorCode, HeadersBuf, Instant, Problem, Retain, Topic};
use buslane_session::{PublishOptions, SessionError};
use tokio::sync::oneshot;

use crate::error::own_problem;
use crate::shared::{HIGH_WATER, State};
use crate::waiters::Awaited;
use crate::{Body, Client, PublishError};

/// A publish, sent when first polled. See [`Client::publish`].
#[derive(Debug)]
#[must_use = "a message is published when it is awaited"]
pub struct Publish<'a> {
    client: &'a Client,
    /// Taken when it is sent.
    outbound: Option<Result<Outbound<'a>, Box<Problem>>>,
}

/// A publish that waits until the broker has routed the message, and returns how many clients it was routed to. None
/// is no error.
#[derive(Debug)]
#[must_use = "a message is published when it is awaited"]
pub struct AckedPublish<'a> {
    publish: Publish<'a>,
    acked: Option<Awaited<u32>>,
}

#[derive(Debug)]
struct Outbound<'a> {
    topic: Topic<'a>,
    body: Cow<'a, Body>,
    headers: HeadersBuf,
    retain: Retain,
    retain_ms: Option<u32>,
    exclude_self: bool,
}

impl<'a> Publish<'a> {
    pub(crate) fn new(
        client: &'a Client,
        topic: &'a str,
        body: serde_json::Result<Cow<'a, Body>>,
    ) -> Publish<'a> {
        Publish {
            client,
            outbound: Some(Outbound::new(topic, body)),
        }
    }

    /// Keeps the message as the topic's value, for later subscribers.
    pub fn retain(self) -> Self {
        self.change(|outbound| outbound.retain = Retain::Set)
    }

    /// Keeps the message as the topic's value for a time.
    pub fn retain_for(self, lifetime: Duration) -> Self {
        self.change(|outbound| {
            outbound.retain = Retain::Set;
            outbound.retain_ms = Some(u32::try_from(lifetime.as_millis()).unwrap_or(u32::MAX).max(1));
        })
    }

    /// Leaves this client's own subscriptions out.
    pub fn exclude_self(self) -> Self {
        self.change(|outbound| outbound.exclude_self = true)
    }

    /// Adds a header. Names are lower case; those that begin with `:` are members of the envelope.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(Ok(outbound)) = &mut self.outbound
            && let Err(error) = outbound.headers.push(name, value)
        {
            self.outbound = Some(Err(own_problem(error.code(), error)));
        }
        self
    }

    /// Hands the message over at once or not at all, without waiting: for threads that have no runtime and must not
    /// wait. While much is on its way it fails with [`PublishError::QueueFull`], and nothing has happened.
    pub fn try_send(self) -> Result<(), PublishError> {
        let outbound = match self.outbound {
            Some(Ok(outbound)) => outbound,
            Some(Err(problem)) => return Err(problem.into()),
            None => return Ok(()),
        };
        self.client.shared().act_at_leisure(|state| {
            if state.is_crowded() {
                let detail = format!(
                    "{HIGH_WATER} bytes wait to be sent already; wait with `publish(...).await`, or publish less often"
                );
                return Err(own_problem(ErrorCode::QueueFull, detail).into());
            }
            let sent = outbound.publish(state, state.session.now(), false);
            sent.map(|_| ()).map_err(|error| error.problem().into())
        })
    }

    /// Waits until the broker has accepted and routed the message.
    pub fn ack(self) -> AckedPublish<'a> {
        AckedPublish {
            publish: self,
            acked: None,
        }
    }

    pub(crate) fn clear(self) -> Self {
        self.change(|outbound| outbound.retain = Retain::Clear)
    }

    fn change(mut self, change: impl FnOnce(&mut Outbound<'a>)) -> Self {
        if let Some(Ok(outbound)) = &mut self.outbound {
            change(outbound);
        }
        self
    }

    /// Hands the message over when there is room for it. Returns who will hear of the acknowledgement, if one is
    /// wanted.
    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        ack: bool,
    ) -> Poll<Result<Option<Awaited<u32>>, PublishError>> {
        let outbound = match &self.outbound {
            Some(Ok(outbound)) => outbound,
            Some(Err(problem)) => return Poll::Ready(Err(problem.clone().into())),
            None => return Poll::Pending,
        };
        let shared = self.client.shared();
        let sent = if ack {
            shared.act(|state, now| outbound.poll_publish(state, now, context, ack))
        } else {
            // Only ids need the time.
            shared.act_at_leisure(|state| outbound.poll_publish(state, state.session.now(), context, ack))
        };
        let sent = ready!(sent);
        self.outbound = None;
        Poll::Ready(sent.map_err(|error| error.problem().into()))
    }
}

impl Future for Publish<'_> {
    type Output = Result<(), PublishError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(self.poll_send(context, false)).map(|_| ()))
    }
}

impl Future for AckedPublish<'_> {
    type Output = Result<u32, PublishError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let publish = &mut *self;
        if publish.acked.is_none() {
            publish.acked = ready!(publish.publish.poll_send(context, true))?;
        }
        let Some(acked) = &mut publish.acked else {
            return Poll::Pending;
        };
        let ended = |_| Err(own_problem(ErrorCode::Closed, "the client has ended"));
        let outcome = ready!(Pin::new(acked).poll(context)).unwrap_or_else(ended);
        publish.acked = None;
        Poll::Ready(outcome.map_err(PublishError::from))
    }
}

impl Outbound<'_> {
    /// Hands the message to the session when there is room.
    fn poll_publish(
        &self,
        state: &mut State,
        now: Instant,
        context: &mut Context<'_>,
        ack: bool,
    ) -> Poll<Result<Option<Awaited<u32>>, SessionError>> {
        ready!(state.poll_room(context));
        Poll::Ready(self.publish(state, now, ack))
    }

    fn publish(
        &self,
        state: &mut State,
        now: Instant,
        ack: bool,
    ) -> Result<Option<Awaited<u32>>, SessionError> {
        let options = PublishOptions {
            headers: self.headers.headers(),
            ack,
            retain: self.retain,
            retain_ms: self.retain_ms,
            exclude_self: self.exclude_self,
        };
        let key = state
            .session
            .publish(now, &self.topic, self.body.payload(), options)?;
        Ok(key.map(|key| {
            let (waiter, acked) = oneshot::channel();
            state.waiters.publishes.insert(key, waiter);
            acked
        }))
    }
}

impl<'a> Outbound<'a> {
    fn new(topic: &'a str, body: serde_json::Result<Cow<'a, Body>>) -> Result<Outbound<'a>, Box<Problem>> {
        let topic = Topic::parse(topic)
            .map_err(|error| own_problem(ErrorCode::InvalidTopic, format!("{topic:?}: {error}")))?;
        let body = body.and_then(checked);
        let body = body.map_err(|error| own_problem(ErrorCode::InvalidPayload, error))?;
        let mut headers = HeadersBuf::new();
        body.describe(&mut headers)
            .map_err(|error| own_problem(error.code(), error))?;
        Ok(Outbound {
            topic,
            body,
            headers,
            retain: Retain::Keep,
            retain_ms: None,
            exclude_self: false,
        })
    }
}

/// Checks that what says it is JSON is one JSON value. A body that is lent is checked each time.
fn checked(body: Cow<'_, Body>) -> serde_json::Result<Cow<'_, Body>> {
    if body.is_checked() {
        Ok(body)
    } else {
        body.into_owned().checked().map(Cow::Owned)
    }
}
