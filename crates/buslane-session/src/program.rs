//! What a program asks a session for.

use buslane_protocol::binary::PlainPublish;
use buslane_protocol::{
    Chunk, ClientMessage, ErrorCode, Failure, Filter, Goodbye, Headers, Instant, Payload, Problem, Publish,
    Registration, Reply, Request, Targets, Topic,
};

use crate::error::own;
use crate::ids::Control;
use crate::requests::{Cancelled, Requests};
use crate::{
    AnswerError, DeliveryToken, FlushKey, PublishKey, PublishOptions, RegistrationKey, RequestKey,
    RequestOptions, Session, SessionError, SubscribeOptions, SubscriptionKey,
};

/// What the program asks for.
impl Session {
    /// Registers an instance of a service or a consumer, now and after each reconnect, until
    /// [`Session::unregister`]. Ends in [`Event::Registered`](crate::Event::Registered) or
    /// [`Event::RegistrationFailed`](crate::Event::RegistrationFailed).
    pub fn register(
        &mut self,
        now: Instant,
        registration: Registration,
    ) -> Result<RegistrationKey, SessionError> {
        let core = &mut self.core;
        core.now = now;
        core.connection.ensure_not_ended()?;
        let key = core.registrations.insert(registration);
        if core.connection.is_open()
            && let Some(message) = core.registrations.message(key)
        {
            core.outgoing.push(&message);
        }
        Ok(key)
    }

    /// Ends a registration, which [`Event::Unregistered`](crate::Event::Unregistered) confirms. With `drain`, requests
    /// under way may be finished first. Without such a registration nothing happens.
    pub fn unregister(&mut self, key: RegistrationKey, drain: bool) {
        let core = &mut self.core;
        if !core.connection.is_open() || core.registrations.is_refused(key) {
            core.events.extend(core.registrations.forget(key));
        } else if let Some(message) = core.registrations.end_one(key, drain) {
            core.outgoing.push(&message);
        }
    }

    /// Calls a method. Without a connection the request waits until its deadline, then fails with `not_sent`.
    pub fn request(
        &mut self,
        now: Instant,
        to: Targets<'_>,
        payload: Payload<'_>,
        options: RequestOptions<'_>,
    ) -> Result<RequestKey, SessionError> {
        let core = &mut self.core;
        core.now = now;
        core.connection.ensure_not_ended()?;
        Requests::check(&to, &options)?;
        let payload = core.check(payload, &options.headers)?;
        let (key, id) = core.ids.next(now);
        let deadline = core.requests.insert(now, (key, id), &to, &options);
        let RequestOptions {
            headers,
            stream,
            credit,
            ..
        } = options;
        let credit = credit.min(u32::from(u16::MAX));
        let message = ClientMessage::Request(Request {
            id,
            to,
            headers,
            payload,
            deadline,
            stream,
            credit,
        });
        if core.connection.takes_requests() {
            let batch = core.outgoing.push(&message);
            core.requests.written(key, batch);
        } else if let Err(error) = core.enqueue(&message) {
            core.requests.cancel(RequestKey(key));
            return Err(error);
        }
        Ok(RequestKey(key))
    }

    /// Ends a request at once. No event of it follows.
    pub fn cancel(&mut self, key: RequestKey) {
        match self.core.requests.cancel(key) {
            Cancelled::Written(id) => {
                self.core.outgoing.push(&ClientMessage::Cancel(id));
            }
            Cancelled::Waiting => self.core.queue.mark_stale(),
            Cancelled::Unknown => {}
        }
    }

    /// Tells that the program is done with `count` chunks of a stream, so that as many more may come. Credit goes to
    /// the callee in portions of half of [`RequestOptions::credit`].
    pub fn consumed(&mut self, key: RequestKey, count: u32) {
        if let Some(credit) = self.core.requests.consumed(key, count) {
            self.core.outgoing.push(&ClientMessage::Credit(credit));
        }
    }

    /// Answers a request that came in.
    pub fn reply(
        &mut self,
        token: DeliveryToken,
        headers: Headers<'_>,
        payload: Payload<'_>,
    ) -> Result<(), AnswerError> {
        let core = &mut self.core;
        core.invocations.check(token)?;
        let payload = core.check(payload, &headers)?;
        core.outgoing.push(&ClientMessage::Reply(Reply {
            delivery: token.delivery,
            headers,
            payload,
        }));
        core.invocations.answered(token);
        Ok(())
    }

    /// Answers a request that came in with one part of a stream; the payload of the last part may be absent, and then
    /// takes no credit.
    pub fn chunk(
        &mut self,
        now: Instant,
        token: DeliveryToken,
        headers: Headers<'_>,
        payload: Payload<'_>,
        last: bool,
    ) -> Result<(), AnswerError> {
        let core = &mut self.core;
        core.now = now;
        core.invocations.check(token)?;
        let payload = core.check(payload, &headers)?;
        core.invocations
            .chunk(now, token, !(last && payload.is_absent()))?;
        core.outgoing.push(&ClientMessage::Chunk(Chunk {
            delivery: token.delivery,
            headers,
            payload,
            last,
        }));
        if last {
            core.invocations.answered(token);
        }
        Ok(())
    }

    /// Answers a request that came in with an error.
    pub fn fail(&mut self, token: DeliveryToken, problem: Problem) -> Result<(), AnswerError> {
        let core = &mut self.core;
        core.invocations.check(token)?;
        core.outgoing.push(&ClientMessage::Error(Failure {
            delivery: token.delivery,
            error: problem,
        }));
        core.invocations.answered(token);
        Ok(())
    }

    /// Subscribes, now and after each reconnect, until [`Session::unsubscribe`]. Ends in
    /// [`Event::Subscribed`](crate::Event::Subscribed) or
    /// [`Event::SubscriptionFailed`](crate::Event::SubscriptionFailed).
    ///
    /// Several subscriptions of the same filter and shared name are one to the broker. Then the first one's overflow
    /// policy holds for all, and of those with credit the one that allows least decides for all. A retained value may
    /// come again to a subscription when another one that selects it is made.
    pub fn subscribe(
        &mut self,
        filter: Filter<'_>,
        options: SubscribeOptions,
    ) -> Result<SubscriptionKey, SessionError> {
        let core = &mut self.core;
        core.connection.ensure_not_ended()?;
        let key = core.subscriptions.insert(filter, options);
        if core.connection.is_open()
            && let Some(message) = core.subscriptions.message(key)
        {
            core.outgoing.push(&message);
        }
        Ok(key)
    }

    /// Ends a subscription at once. No event of it follows. The broker does not confirm it: [`Session::flush`] tells when
    /// it is gone there, too.
    pub fn unsubscribe(&mut self, key: SubscriptionKey) {
        let core = &mut self.core;
        if let Some(message) = core.subscriptions.remove(key)
            && core.connection.is_open()
        {
            core.outgoing.push(&message);
        }
    }

    /// Allows `count` more deliveries of a subscription that was made with credit.
    pub fn credit(&mut self, key: SubscriptionKey, count: u32) {
        let core = &mut self.core;
        if let Some(credit) = core.subscriptions.credit(key, count)
            && core.connection.is_open()
        {
            core.outgoing.push(&ClientMessage::Credit(credit));
        }
    }

    /// Tells that the program is done with `count` deliveries of a subscription, so that as many more may come. Credit
    /// goes to the broker in portions of half of [`SubscribeOptions::credit`]; without that nothing happens.
    /// Returns whether there is something to send now.
    pub fn taken(&mut self, key: SubscriptionKey, count: u32) -> bool {
        let core = &mut self.core;
        let credit = core.subscriptions.taken(key, count);
        let Some(credit) = credit.filter(|_| core.connection.is_open()) else {
            return false;
        };
        core.outgoing.push(&ClientMessage::Credit(credit));
        true
    }

    /// Publishes. Returns a key if an acknowledgement was asked for; it ends in
    /// [`Event::Acked`](crate::Event::Acked) or [`Event::PublishFailed`](crate::Event::PublishFailed).
    ///
    /// Without a connection the publish waits for one. A publish without acknowledgement that was sent just before a
    /// connection was lost may be lost with it, and nobody is told.
    pub fn publish(
        &mut self,
        now: Instant,
        topic: &Topic<'_>,
        payload: Payload<'_>,
        options: PublishOptions<'_>,
    ) -> Result<Option<PublishKey>, SessionError> {
        let core = &mut self.core;
        core.now = now;
        core.connection.ensure_not_ended()?;
        let payload = core.check(payload, &options.headers)?;
        let topic = topic.borrowed();
        if options.is_plain() && core.connection.is_live() {
            core.outgoing.push_plain(PlainPublish { topic, payload });
            return Ok(None);
        }
        let PublishOptions {
            headers,
            ack,
            retain,
            retain_ms,
            exclude_self,
        } = options;
        let (key, id) = if ack { Some(core.ids.next(now)) } else { None }.unzip();
        let message = ClientMessage::Publish(Publish {
            id,
            topic,
            headers,
            payload,
            ack,
            retain,
            retain_ms,
            exclude_self,
        });
        let batch = if core.connection.is_live() {
            Some(core.outgoing.push(&message))
        } else {
            core.enqueue(&message)?;
            None
        };
        Ok(key.map(|key| core.publishes.insert(key, batch)))
    }

    /// Publishes as [`Session::publish`] does without options, in the shortest way. Where anything is unusual it returns
    /// false and nothing has happened: then the other one knows what to do.
    #[inline]
    pub fn publish_plain(&mut self, topic: &Topic<'_>, payload: &Payload<'_>) -> bool {
        let core = &mut self.core;
        if !core.takes_plain(payload) {
            return false;
        }
        core.outgoing.push_frame(&PlainPublish {
            topic: topic.borrowed(),
            payload: payload.borrowed(),
        });
        true
    }

    /// Asks for [`Event::Flushed`](crate::Event::Flushed) when the broker has processed everything before. Without a
    /// connection, or when it is lost, the next one is asked.
    pub fn flush(&mut self) -> Result<FlushKey, SessionError> {
        let core = &mut self.core;
        core.connection.ensure_not_ended()?;
        let key = core.flushes.insert();
        if core.connection.is_live() {
            core.outgoing
                .push(&ClientMessage::Ping(Some(Control::Flush(key.0).id())));
        }
        Ok(key)
    }

    /// Ends the session: what is pending fails with `closed`, the broker is told goodbye. What waits for a connection
    /// is dropped; [`Session::flush`] first to have it sent.
    pub fn close(&mut self, now: Instant) {
        let core = &mut self.core;
        core.now = now;
        if core.connection.is_open() {
            core.outgoing.push(&ClientMessage::Goodbye(Goodbye::default()));
        }
        core.end(own(ErrorCode::Closed), true);
    }
}
