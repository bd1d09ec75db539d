//! The handle that programs hold. Each method starts an operation; what the operation is lives in a file of its own.

use std::borrow::Cow;
use std::sync::Arc;

use buslane_protocol::{ErrorCode, Payload, Problem, Topic};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::call::{Call, IntoTargets};
use crate::content::Content;
use crate::error::own_problem;
use crate::service::ServiceBuilder;
use crate::shared::Shared;
use crate::{
    Body, ClientBuilder, ConnectError, ConnectionState, FlushError, Gather, Presence, Publish, ReplyStream,
    Reports, Request, States, Subscribe, SubscribeError, Url, UrlError,
};

/// A client of a bus. Cloning is cheap and gives another handle of the same client.
///
/// A client makes its connection again whenever it is lost; registrations and subscriptions come back by themselves.
/// It closes with [`Client::close`], or when the last of its handles, subscriptions and open streams is dropped.
pub struct Client {
    shared: Arc<Shared>,
}

impl Client {
    /// Connects to the broker that the environment variable `BUSLANE_URL` names, else to `127.0.0.1:5959`. Waits up to
    /// 5 s.
    pub async fn connect_default() -> Result<Client, ConnectError> {
        Client::builder().connect().await
    }

    /// Connects to the broker at a URL, see [`Url`]. Waits up to 5 s.
    ///
    /// ```no_run
    /// # async fn join() -> Result<(), buslane_client::ConnectError> {
    /// let bus = buslane_client::Client::connect("buslane://bus.local").await?;
    /// # Ok(()) }
    /// ```
    pub async fn connect(url: impl TryInto<Url, Error: Into<UrlError>>) -> Result<Client, ConnectError> {
        Client::builder().url(url).connect().await
    }

    /// Begins with everything that a client may say about itself and its connection.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Begins to declare a service, to be registered.
    pub fn service(&self, name: impl Into<String>, version: impl Into<String>) -> ServiceBuilder {
        ServiceBuilder::new(self.clone(), name.into(), version.into())
    }

    /// Calls a method: `service:method`, or `service#instance:method` for that instance. The reply is read as a `T`.
    ///
    /// The request is sent when the future is first polled, and cancelled on the bus when it is dropped. It ends within
    /// 5 s unless [`Request::timeout`] says otherwise. Nothing retries it; see [`RequestError`](crate::RequestError)
    /// on what may be retried.
    pub fn request<T: DeserializeOwned>(
        &self,
        address: &str,
        input: &(impl Serialize + ?Sized),
    ) -> Request<T> {
        self.call(address).request(input)
    }

    /// Calls a method that answers in a stream, of which each part is read as a `T`.
    ///
    /// The request is sent when the stream is first polled, and cancelled on the bus when it is dropped. The callee
    /// sends no faster than the stream is polled.
    pub fn request_stream<T: DeserializeOwned>(
        &self,
        address: &str,
        input: &(impl Serialize + ?Sized),
    ) -> ReplyStream<T> {
        self.call(address).request_stream(input)
    }

    /// Calls a method of every instance of a group (`@group:method`), of every instance that has it (`*:method`), or
    /// of several addresses, and yields what each answers.
    pub fn gather<T: DeserializeOwned>(
        &self,
        targets: impl IntoTargets,
        input: &(impl Serialize + ?Sized),
    ) -> Gather<T> {
        self.call(targets).gather(input)
    }

    /// Begins a call with options: timeout, headers, credit, a body of any kind.
    pub fn call(&self, targets: impl IntoTargets) -> Call {
        Call::new(self.clone(), targets)
    }

    /// Publishes a value to a topic.
    ///
    /// The future sends when it is first polled; it waits only while much is on its way already. It is done when the
    /// message is handed over, or queued while there is no connection; [`Publish::ack`] waits until the broker has
    /// routed it.
    ///
    /// ```no_run
    /// # async fn tell(bus: buslane_client::Client) -> Result<(), buslane_client::PublishError> {
    /// bus.publish("host/attic/cpu", &0.25).await?;
    /// let receivers = bus.publish("host/attic/cpu", &0.5).retain().ack().await?;
    /// # Ok(()) }
    /// ```
    pub fn publish<'a>(&'a self, topic: &'a str, value: &(impl Serialize + ?Sized)) -> Publish<'a> {
        Publish::written(self, topic, Content::json(value))
    }

    /// Publishes a body of any kind to a topic. One that is published again and again can be lent.
    pub fn publish_body<'a>(&'a self, topic: &'a str, body: impl Into<Cow<'a, Body>>) -> Publish<'a> {
        Publish::new(self, topic, Content::Body(body.into()))
    }

    /// Publishes JSON text that is lent, so that nothing is copied but into what is sent. That it is one JSON value is
    /// checked.
    pub fn publish_json_text<'a>(
        &'a self,
        topic: &'a str,
        text: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Publish<'a> {
        Publish::new(self, topic, Content::JsonText(text.as_ref()))
    }

    /// Publishes JSON text that is lent, in the shortest way there is, without waiting and from any thread. Returns false
    /// where anything is unusual, such as text that is no JSON, no connection, or much that is on its way already: then
    /// nothing has happened, and [`Client::publish_json_text`] waits or tells what is wrong.
    pub fn publish_at_once(&self, topic: &str, text: &[u8]) -> bool {
        self.send_plain(topic, Payload::json(text))
    }

    /// Publishes any bytes that are lent, and says what they are. Nothing is copied but into what is sent.
    pub fn publish_bytes<'a>(
        &'a self,
        topic: &'a str,
        content_type: &'a str,
        bytes: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Publish<'a> {
        Publish::new(self, topic, Content::Bytes(content_type, bytes.as_ref()))
    }

    /// Removes the retained value of a topic. Subscribers receive the message, which carries nothing.
    pub fn clear_retained<'a>(&'a self, topic: &'a str) -> Publish<'a> {
        Publish::new(self, topic, Content::JsonText(&[])).clear()
    }

    /// Subscribes to the topics that a filter selects: `+` stands for one level, `#` for the rest.
    pub fn subscribe(&self, filter: impl Into<String>) -> Subscribe {
        Subscribe::new(self.clone(), filter.into())
    }

    /// Watches services come and go: first those that are there, then the changes.
    pub async fn presence(&self) -> Result<Presence, SubscribeError> {
        Presence::new(self).await
    }

    /// Watches the connection: its present state first, then the changes.
    pub fn states(&self) -> States {
        States::new(self.shared.look(|state| state.waiters.watch_states()))
    }

    /// Watches for what goes wrong outside any call, from now on.
    pub fn reports(&self) -> Reports {
        Reports::new(self.shared.look(|state| state.waiters.watch_reports()))
    }

    /// Returns where the connection stands now.
    pub fn state(&self) -> ConnectionState {
        self.shared.look(|state| state.waiters.standing.borrow().clone())
    }

    /// Tells whether there is a connection now. One that is lost without a word is noticed within 45 s.
    pub fn is_connected(&self) -> bool {
        self.shared
            .look(|state| state.session.state() == buslane_session::State::Connected)
    }

    /// Returns the client's id on the broker, of this connection only; `None` without a connection.
    pub fn client_id(&self) -> Option<String> {
        self.shared
            .look(|state| Some(state.session.connected()?.client.clone()))
    }

    /// Returns where the client looks for the broker.
    pub fn url(&self) -> &Url {
        &self.shared.url
    }

    /// Waits while so much is on its way that [`Publish::try_send`] and [`Call::body_then`] fail with `queue_full`. Who
    /// sends at the same time may be faster.
    pub async fn room(&self) {
        self.shared.room().await;
    }

    /// Waits until the broker has processed everything that was sent before, through whatever handle. Without a
    /// connection it waits for the next one.
    pub async fn flush(&self) -> Result<(), FlushError> {
        let (waiter, flushed) = oneshot::channel();
        self.shared.act_untimed(|state| {
            let key = state.session.flush().map_err(|error| Box::new(error.problem()))?;
            state.waiters.flushes.insert(key, waiter);
            Ok::<_, Box<Problem>>(())
        })?;
        let ended = |_| Err(own_problem(ErrorCode::Closed, "the client has ended"));
        Ok(flushed.await.unwrap_or_else(ended)?)
    }

    /// Leaves the bus: what was sent before is written out, registrations end, everything that is still awaited fails
    /// with `closed`. Closes every handle of this client; closing again does nothing.
    pub async fn close(&self) {
        self.shared.act(|state, now| state.session.close(now));
        self.shared.finished().await;
    }

    /// Hands a message to the session that asks for nothing but its delivery. Returns false, and nothing has happened,
    /// where anything about it or about the connection is unusual.
    #[inline]
    pub(crate) fn send_plain(&self, topic: &str, mut payload: Payload<'_>) -> bool {
        match Topic::parse(topic) {
            Ok(topic) if payload.ensure_json().is_ok() => self
                .shared
                .act_at_leisure(|state| !state.is_crowded() && state.session.publish_plain(&topic, &payload)),
            _ => false,
        }
    }

    pub(crate) fn of(shared: Arc<Shared>) -> Client {
        shared.retain();
        Client { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Clone for Client {
    fn clone(&self) -> Client {
        Client::of(self.shared.clone())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.release();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Client")
            .field("url", &self.shared.url.to_string())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
