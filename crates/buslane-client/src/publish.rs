//! Publishes a message, with or without waiting for the broker's word.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use buslane_protocol::{ErrorCode, Headers, HeadersBuf, Payload, Problem, Retain, Topic};
use buslane_session::{PublishOptions, SessionError};
use tokio::sync::oneshot;

use crate::content::Content;
use crate::error::own_problem;
use crate::shared::{HIGH_WATER, State};
use crate::waiters::Awaited;
use crate::{Client, PublishError};

/// A publish, sent when first polled. See [`Client::publish`].
#[derive(Debug)]
#[must_use = "a message is published when it is awaited"]
pub struct Publish<'a> {
    client: &'a Client,
    topic: &'a str,
    content: Content<'a>,
    headers: HeadersBuf,
    retain: Retain,
    retain_ms: Option<u32>,
    exclude_self: bool,
    /// What is wrong with what was said so far.
    fault: Option<Box<Problem>>,
    is_sent: bool,
}

/// A publish that waits until the broker has routed the message, and returns how many clients it was routed to. None
/// is no error.
#[derive(Debug)]
#[must_use = "a message is published when it is awaited"]
pub struct AckedPublish<'a> {
    publish: Publish<'a>,
    acked: Option<Awaited<u32>>,
}

impl<'a> Publish<'a> {
    #[inline]
    pub(crate) fn new(client: &'a Client, topic: &'a str, content: Content<'a>) -> Publish<'a> {
        let mut publish = Publish {
            client,
            topic,
            content,
            headers: HeadersBuf::new(),
            retain: Retain::Keep,
            retain_ms: None,
            exclude_self: false,
            fault: None,
            is_sent: false,
        };
        if let Some(content_type) = publish.content.content_type() {
            let added = publish.headers.push(Headers::CONTENT_TYPE, content_type);
            publish.fault = added.err().map(|error| own_problem(error.code(), error));
        }
        publish
    }

    /// Makes a publish of what serde could not write, if so.
    pub(crate) fn written(
        client: &'a Client,
        topic: &'a str,
        written: serde_json::Result<Content<'a>>,
    ) -> Publish<'a> {
        match written {
            Ok(content) => Publish::new(client, topic, content),
            Err(error) => Publish {
                fault: Some(own_problem(ErrorCode::InvalidPayload, error)),
                ..Publish::new(client, topic, Content::JsonText(&[]))
            },
        }
    }

    /// Keeps the message as the topic's value, for later subscribers.
    pub fn retain(mut self) -> Self {
        self.retain = Retain::Set;
        self
    }

    /// Keeps the message as the topic's value for a time.
    pub fn retain_for(mut self, lifetime: Duration) -> Self {
        self.retain = Retain::Set;
        self.retain_ms = Some(u32::try_from(lifetime.as_millis()).unwrap_or(u32::MAX).max(1));
        self
    }

    /// Leaves this client's own subscriptions out.
    pub fn exclude_self(mut self) -> Self {
        self.exclude_self = true;
        self
    }

    /// Adds a header. Names are lower case; those that begin with `:` are members of the envelope.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Err(error) = self.headers.push(name, value) {
            self.fault.get_or_insert_with(|| own_problem(error.code(), error));
        }
        self
    }

    /// Hands the message over at once or not at all, without waiting: for threads that have no runtime and must not
    /// wait. While much is on its way it fails with [`PublishError::QueueFull`], and nothing has happened.
    pub fn try_send(self) -> Result<(), PublishError> {
        let (topic, payload) = self.checked()?;
        self.client.shared().act_at_leisure(|state| {
            if state.is_crowded() {
                let detail = format!(
                    "{HIGH_WATER} bytes wait to be sent already; wait with `publish(...).await`, or publish less often"
                );
                return Err(own_problem(ErrorCode::QueueFull, detail).into());
            }
            let sent = self.hand_over(state, &topic, payload, false);
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

    pub(crate) fn clear(mut self) -> Self {
        self.retain = Retain::Clear;
        self
    }

    /// Hands over in the shortest way a message of which nothing was said but where and what. Returns whether it did.
    #[inline]
    fn goes_at_once(&self) -> bool {
        let retains = self.retain != Retain::Keep || self.retain_ms.is_some();
        let is_plain = self.headers.is_empty() && !retains && !self.exclude_self && self.fault.is_none();
        is_plain && !self.is_sent && self.client.send_plain(self.topic, self.content.payload())
    }

    /// Hands the message over when there is room for it. Returns who will hear of the acknowledgement, if one is
    /// wanted.
    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        ack: bool,
    ) -> Poll<Result<Option<Awaited<u32>>, PublishError>> {
        if self.is_sent {
            return Poll::Pending;
        }
        let sent = match self.checked() {
            Err(problem) => Err(problem),
            Ok((topic, payload)) => {
                let shared = self.client.shared();
                let send = |state: &mut State| {
                    ready!(state.poll_room(context));
                    Poll::Ready(self.hand_over(state, &topic, payload, ack))
                };
                let sent = match ack {
                    true => shared.act_untimed(send),
                    false => shared.act_at_leisure(send),
                };
                ready!(sent).map_err(|error| Box::new(error.problem()))
            }
        };
        self.is_sent = true;
        Poll::Ready(sent.map_err(PublishError::from))
    }

    /// Checks what is to be sent.
    fn checked(&self) -> Result<(Topic<'_>, Payload<'_>), Box<Problem>> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let topic = Topic::parse(self.topic)
            .map_err(|error| own_problem(ErrorCode::InvalidTopic, format!("{:?}: {error}", self.topic)))?;
        let mut payload = self.content.payload();
        payload
            .ensure_json()
            .map_err(|error| own_problem(error.code(), error))?;
        Ok((topic, payload))
    }

    /// Hands the message to the session.
    fn hand_over(
        &self,
        state: &mut State,
        topic: &Topic<'_>,
        payload: Payload<'_>,
        ack: bool,
    ) -> Result<Option<Awaited<u32>>, SessionError> {
        let options = PublishOptions {
            headers: self.headers.headers(),
            ack,
            retain: self.retain,
            retain_ms: self.retain_ms,
            exclude_self: self.exclude_self,
        };
        // Only ids need the time.
        let now = if ack {
            self.client.shared().now()
        } else {
            state.session.now()
        };
        let key = state.session.publish(now, topic, payload, options)?;
        Ok(key.map(|key| {
            let (waiter, acked) = oneshot::channel();
            state.waiters.publishes.insert(key, waiter);
            acked
        }))
    }
}

impl Future for Publish<'_> {
    type Output = Result<(), PublishError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.goes_at_once() {
            self.is_sent = true;
            return Poll::Ready(Ok(()));
        }
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
