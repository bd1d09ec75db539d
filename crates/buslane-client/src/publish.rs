//! Publishes a message, with or without waiting for the broker's word.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use buslane_protocol::{ErrorCode, HeadersBuf, Problem, Retain, Topic};
use buslane_session::PublishOptions;
use tokio::sync::oneshot;

use crate::error::own_problem;
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
    body: Body,
    headers: HeadersBuf,
    retain: Retain,
    retain_ms: Option<u32>,
    exclude_self: bool,
}

impl<'a> Publish<'a> {
    pub(crate) fn new(client: &'a Client, topic: &'a str, body: serde_json::Result<Body>) -> Publish<'a> {
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
        let options = PublishOptions {
            headers: outbound.headers.headers(),
            ack,
            retain: outbound.retain,
            retain_ms: outbound.retain_ms,
            exclude_self: outbound.exclude_self,
        };
        let sent = ready!(self.client.shared().act(|state, now| {
            ready!(state.poll_room(context));
            let published = state
                .session
                .publish(now, &outbound.topic, outbound.body.payload(), options);
            Poll::Ready(published.map(|key| {
                key.map(|key| {
                    let (waiter, acked) = oneshot::channel();
                    state.waiters.publishes.insert(key, waiter);
                    acked
                })
            }))
        }));
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

impl<'a> Outbound<'a> {
    fn new(topic: &'a str, body: serde_json::Result<Body>) -> Result<Outbound<'a>, Box<Problem>> {
        let topic = Topic::parse(topic)
            .map_err(|error| own_problem(ErrorCode::InvalidTopic, format!("{topic:?}: {error}")))?;
        let body = body.and_then(Body::checked);
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
