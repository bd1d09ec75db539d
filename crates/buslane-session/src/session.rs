//! The session itself: takes input, gives output, and hands each concern to the file that owns it.

use buslane_protocol::{Connected, Filter, Headers, Instant, Payload, Problem, Registration, Targets, Topic};

use crate::{
    Action, AnswerError, Config, DeliveryToken, Event, FlushKey, PublishKey, PublishOptions, RegistrationKey,
    RequestKey, RequestOptions, SessionError, State, SubscribeOptions, SubscriptionKey, Transmit,
};

/// The client's half of the protocol. See the [crate's front page](crate) for how it is driven.
#[derive(Debug)]
pub struct Session {
    config: Config,
}

/// What the driver hands in and takes out.
impl Session {
    /// Makes a session that asks to dial at once.
    pub fn new(config: Config, now: Instant) -> Self {
        let _ = now;
        Session { config }
    }

    /// Takes note of an open transport (on a WebSocket, after the upgrade).
    pub fn handle_connected(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Takes bytes that came on a raw transport, cut anywhere. Drain [`Session::poll_event`] before the next call.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        todo!("{now:?}{bytes:?}")
    }

    /// Takes one WebSocket message. Drain [`Session::poll_event`] before the next call.
    pub fn handle_message(&mut self, now: Instant, message: &[u8]) {
        todo!("{now:?}{message:?}")
    }

    /// Takes note of a sign of life that is no message, such as a WebSocket ping.
    pub fn handle_activity(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Takes note of a lost transport, or of one that could not be opened. `reason` is for people.
    pub fn handle_disconnected(&mut self, now: Instant, reason: &str) {
        todo!("{now:?}{reason}")
    }

    /// Does what is due. Calling it early does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// Returns when [`Session::handle_timeout`] is due, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// Returns what happened next, decoding the bytes taken in as far as necessary.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        todo!()
    }

    /// Returns what the driver shall do next.
    pub fn poll_action(&mut self) -> Option<Action> {
        todo!()
    }

    /// Returns bytes to write. What it returns counts as sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        todo!()
    }

    /// Takes back a buffer of [`Session::poll_transmit`], so that the next one needs no allocation.
    pub fn recycle(&mut self, transmit: Transmit) {
        todo!("{transmit:?}")
    }

    /// Returns how many bytes wait for [`Session::poll_transmit`] or for a connection: a driver makes its program wait
    /// while they are many.
    pub fn queued_bytes(&self) -> usize {
        todo!()
    }

    /// Returns where the session stands.
    pub fn state(&self) -> State {
        todo!()
    }

    /// Returns what the broker said when it accepted the client, while connected.
    pub fn connected(&self) -> Option<&Connected> {
        todo!()
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// What the program asks for.
impl Session {
    /// Registers an instance of a service or a consumer, now and after each reconnect, until
    /// [`Session::unregister`]. Ends in [`Event::Registered`] or [`Event::RegistrationFailed`].
    pub fn register(
        &mut self,
        now: Instant,
        registration: Registration,
    ) -> Result<RegistrationKey, SessionError> {
        todo!("{now:?}{registration:?}")
    }

    /// Ends a registration, which [`Event::Unregistered`] confirms. With `drain`, requests under way may be finished
    /// first. Without such a registration nothing happens.
    pub fn unregister(&mut self, key: RegistrationKey, drain: bool) {
        todo!("{key:?}{drain}")
    }

    /// Calls a method. Without a connection the request waits until its deadline, then fails with `not_sent`.
    pub fn request(
        &mut self,
        now: Instant,
        to: Targets<'_>,
        payload: Payload<'_>,
        options: RequestOptions<'_>,
    ) -> Result<RequestKey, SessionError> {
        todo!("{now:?}{to:?}{payload:?}{options:?}")
    }

    /// Ends a request at once. No event of it follows.
    pub fn cancel(&mut self, key: RequestKey) {
        todo!("{key:?}")
    }

    /// Tells that the program is done with `count` chunks of a stream, so that as many more may come.
    pub fn consumed(&mut self, key: RequestKey, count: u32) {
        todo!("{key:?}{count}")
    }

    /// Answers a request that came in.
    pub fn reply(
        &mut self,
        token: DeliveryToken,
        headers: Headers<'_>,
        payload: Payload<'_>,
    ) -> Result<(), AnswerError> {
        todo!("{token:?}{headers:?}{payload:?}")
    }

    /// Answers a request that came in with one part of a stream; the payload of the last part may be absent.
    pub fn chunk(
        &mut self,
        now: Instant,
        token: DeliveryToken,
        headers: Headers<'_>,
        payload: Payload<'_>,
        last: bool,
    ) -> Result<(), AnswerError> {
        todo!("{now:?}{token:?}{headers:?}{payload:?}{last}")
    }

    /// Answers a request that came in with an error.
    pub fn fail(&mut self, token: DeliveryToken, problem: Problem) -> Result<(), AnswerError> {
        todo!("{token:?}{problem:?}")
    }

    /// Subscribes, now and after each reconnect, until [`Session::unsubscribe`]. Ends in [`Event::Subscribed`] or
    /// [`Event::SubscriptionFailed`].
    pub fn subscribe(
        &mut self,
        filter: Filter<'_>,
        options: SubscribeOptions,
    ) -> Result<SubscriptionKey, SessionError> {
        todo!("{filter:?}{options:?}")
    }

    /// Ends a subscription at once. No event of it follows.
    pub fn unsubscribe(&mut self, key: SubscriptionKey) {
        todo!("{key:?}")
    }

    /// Allows `count` more deliveries of a subscription that was made with credit.
    pub fn credit(&mut self, key: SubscriptionKey, count: u32) {
        todo!("{key:?}{count}")
    }

    /// Publishes. Returns a key if an acknowledgement was asked for; it ends in [`Event::Acked`] or
    /// [`Event::PublishFailed`].
    pub fn publish(
        &mut self,
        now: Instant,
        topic: &Topic<'_>,
        payload: Payload<'_>,
        options: PublishOptions<'_>,
    ) -> Result<Option<PublishKey>, SessionError> {
        todo!("{now:?}{topic:?}{payload:?}{options:?}")
    }

    /// Asks for [`Event::Flushed`] when the broker has processed everything before.
    pub fn flush(&mut self) -> Result<FlushKey, SessionError> {
        todo!()
    }

    /// Ends the session: what is pending fails with `closed`, the broker is told goodbye.
    pub fn close(&mut self, now: Instant) {
        todo!("{now:?}")
    }
}
