//! The client as another language holds it. Every method may be called from any thread, and waits on that thread where
//! it says so.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use buslane_client::{
    Call, Client, ConnectionState, Encoding, ErrorCode, Publish, Registration, Url, UrlError, blocking,
};
use futures_util::StreamExt;

use crate::pending::Slot;
use crate::source::Watch;
use crate::{
    CallOptions, Content, Event, Events, Failure, Parts, Pending, PublishOptions, Request,
    ServiceDeclaration, SubscribeOptions,
};

/// What a program may say about its client before it connects. `None` and empty stand for the client's own defaults.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// Where the broker is.
    pub url: String,
    /// The client's name.
    pub name: String,
    /// Proves who the client is.
    pub token: String,
    /// Whether to return at once, whether there is a broker or not.
    pub lazy: bool,
    /// Whether JSON text travels instead of binary frames.
    pub json: bool,
    /// How long to wait for the broker.
    pub connect_timeout: Option<Duration>,
    /// The deadline of requests that name none.
    pub request_timeout: Option<Duration>,
    /// How many bytes a subscription may hold.
    pub queue_bytes: Option<usize>,
    /// How many bytes may wait for a connection.
    pub offline_bytes: Option<usize>,
    /// Silence after which to ask for a sign of life, and after which to give up.
    pub heartbeat: Option<(Duration, Duration)>,
    /// The first and the longest wait between attempts to connect.
    pub backoff: Option<(Duration, Duration)>,
}

/// A client whose connection lives on a thread of its own, with its queue of [`Events`].
pub struct Bus {
    client: Client,
    events: Arc<Events>,
}

impl Bus {
    /// Connects, and waits for the broker unless told otherwise.
    pub fn connect(options: ConnectOptions) -> Result<Bus, Failure> {
        let mut builder = Client::builder();
        if !options.url.is_empty() {
            let url: Result<Url, UrlError> = options.url.as_str().try_into();
            let url = url.map_err(|error| Failure::new(error.error_code(), error))?;
            builder = builder.url(url);
        }
        if !options.name.is_empty() {
            builder = builder.name(options.name);
        }
        if !options.token.is_empty() {
            builder = builder.token(options.token);
        }
        if options.lazy {
            builder = builder.lazy();
        }
        if options.json {
            builder = builder.encoding(Encoding::Json);
        }
        if let Some(timeout) = options.connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        if let Some(timeout) = options.request_timeout {
            builder = builder.request_timeout(timeout);
        }
        if let Some(bytes) = options.queue_bytes {
            builder = builder.queue_bytes(bytes);
        }
        if let Some(bytes) = options.offline_bytes {
            builder = builder.offline_bytes(bytes);
        }
        if let Some((ping_after, gone_after)) = options.heartbeat {
            builder = builder.heartbeat(ping_after, gone_after);
        }
        if let Some((first, longest)) = options.backoff {
            builder = builder.backoff(first, longest);
        }
        let client = builder.connect_blocking()?;
        Ok(Bus {
            client,
            events: Arc::new(Events::default()),
        })
    }

    /// Returns the queue of what is to be called back.
    pub fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// Returns the client itself.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request to one address. Waits only while much is on its way already.
    pub fn request(
        &self,
        address: &str,
        content: Content<'_>,
        options: &CallOptions,
    ) -> Result<Pending, Failure> {
        let body = content.body()?;
        loop {
            blocking::wait(self.client.room());
            let (slot, settle) = Slot::new();
            let call = set_up(self.client.call(address), options);
            let then = |outcome: Result<_, buslane_client::RequestError>| {
                settle.with(outcome.map_err(Failure::from))
            };
            match call.body_then(body.clone(), then).map_err(Failure::from) {
                Ok(request) => return Ok(Pending::new(request, slot)),
                // Others were faster, and there is no room again. Without a connection, waiting helps nobody.
                Err(failure)
                    if failure.code() == Some(ErrorCode::QueueFull) && self.client.is_connected() => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Sends a request that is answered in a stream.
    pub fn request_stream(
        &self,
        address: &str,
        content: Content<'_>,
        options: &CallOptions,
    ) -> Result<Arc<Parts>, Failure> {
        let call = set_up(self.client.call(address), options);
        Ok(Parts::of_stream(call.stream_body(content.body()?)))
    }

    /// Sends a request to every instance of a group, to every one that has the method, or to several addresses.
    pub fn gather(
        &self,
        addresses: &[String],
        content: Content<'_>,
        options: &CallOptions,
    ) -> Result<Arc<Parts>, Failure> {
        let call = set_up(self.client.call(addresses), options);
        Ok(Parts::of_gather(call.gather_body(content.body()?)))
    }

    /// Publishes JSON text without options. Waits only while much is on its way already.
    pub fn publish_text(&self, topic: &str, text: &[u8]) -> Result<(), Failure> {
        if self.client.publish_at_once(topic, text) {
            return Ok(());
        }
        Ok(blocking::wait(self.client.publish_json_text(topic, text))?)
    }

    /// Publishes. Waits only while much is on its way already.
    pub fn publish(
        &self,
        topic: &str,
        content: Content<'_>,
        options: &PublishOptions,
    ) -> Result<(), Failure> {
        let publish = self.publishing(topic, content);
        Ok(blocking::wait(say(publish, options))?)
    }

    /// Publishes if that needs no wait. Fails with `queue_full` while much is on its way.
    pub fn try_publish(
        &self,
        topic: &str,
        content: Content<'_>,
        options: &PublishOptions,
    ) -> Result<(), Failure> {
        let publish = self.publishing(topic, content);
        Ok(say(publish, options).try_send()?)
    }

    /// Publishes, and waits until the broker has routed it. Returns to how many clients.
    pub fn publish_acked(
        &self,
        topic: &str,
        content: Content<'_>,
        options: &PublishOptions,
    ) -> Result<u32, Failure> {
        let publish = self.publishing(topic, content);
        Ok(blocking::wait(say(publish, options).ack())?)
    }

    /// Removes the retained value of a topic, and waits until the broker has done so. Returns how many clients were told.
    pub fn clear_retained(&self, topic: &str) -> Result<u32, Failure> {
        Ok(blocking::wait(self.client.clear_retained(topic).ack())?)
    }

    /// Subscribes, and waits until the broker has accepted it. What comes is told as [`Event::Messages`].
    pub fn subscribe(&self, token: u64, filter: &str, options: SubscribeOptions) -> Result<Watch, Failure> {
        Watch::messages(&self.client, &self.events, token, filter, options)
    }

    /// Watches services come and go. What happens is told as [`Event::Presence`].
    pub fn presence(&self, token: u64) -> Result<Watch, Failure> {
        let presence = blocking::wait(self.client.presence())?;
        Ok(self.watch(token, presence, |token, event| Event::Presence { token, event }))
    }

    /// Watches the connection: its present state is told first. Told as [`Event::State`].
    pub fn states(&self, token: u64) -> Watch {
        let states = self.client.states();
        self.watch(token, states, |token, state| Event::State { token, state })
    }

    /// Watches for what goes wrong outside any call. Told as [`Event::Report`].
    pub fn reports(&self, token: u64) -> Watch {
        let reports = self.client.reports();
        self.watch(token, reports, |token, report| Event::Report { token, report })
    }

    /// Watches for nobody waiting for an answer any more, which is told as [`Event::Over`].
    pub fn withdrawal(&self, token: u64, request: &Request) -> Watch {
        let context = request.context().clone();
        let gone = Box::pin(async move { context.cancelled().await });
        let stream = futures_util::stream::once(gone).filter_map(|()| std::future::ready(None::<Event>));
        self.watch(token, stream, |_, event| event)
    }

    /// Registers a service, and waits until the broker has accepted it; without a connection it is remembered.
    /// Requests are told as [`Event::Requested`].
    pub fn register(&self, declaration: ServiceDeclaration) -> Result<Registration, Failure> {
        let builder = declaration.builder(&self.client, &self.events)?;
        Ok(blocking::wait(builder.register())?)
    }

    /// Ends a registration without waiting for the broker.
    pub fn unregister(&self, registration: &Registration) {
        // Polled once, it has been said; whether it had ended already makes no difference here.
        let _ = blocking::wait_for(registration.unregister(), Duration::ZERO);
    }

    /// Waits until the broker has processed everything that was sent before.
    pub fn flush(&self) -> Result<(), Failure> {
        Ok(blocking::wait(self.client.flush())?)
    }

    /// Returns where the connection stands.
    pub fn state(&self) -> ConnectionState {
        self.client.state()
    }

    /// Leaves the bus: writes out what was sent, ends what is awaited with `closed`, and lets whoever takes events see
    /// the end after what has come. Waits for that at most for `time`. Closing again does nothing.
    pub fn close(&self, time: Duration) {
        let _ending = Ending(&self.events);
        let _ = blocking::wait_for(self.client.close(), time);
    }

    fn publishing<'a>(&'a self, topic: &'a str, content: Content<'a>) -> Publish<'a> {
        match content.content_type {
            Some(content_type) => self.client.publish_bytes(topic, content_type, content.bytes),
            None => self.client.publish_json_text(topic, content.bytes),
        }
    }

    fn watch<T: 'static>(
        &self,
        token: u64,
        stream: impl futures_util::Stream<Item = T> + Send + Unpin + 'static,
        event: fn(u64, T) -> Event,
    ) -> Watch {
        Watch::stream(&self.client, &self.events, token, stream, event)
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Bus")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Lets whoever takes events see the end, whatever comes of closing: a thread waits for that.
struct Ending<'a>(&'a Events);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn set_up(mut call: Call, options: &CallOptions) -> Call {
    if let Some(timeout) = options.timeout {
        call = call.timeout(timeout);
    }
    if options.without_timeout {
        call = call.without_timeout();
    }
    if options.credit > 0 {
        call = call.credit(options.credit);
    }
    for (name, value) in &options.headers {
        call = call.header(name, value);
    }
    call
}

fn say<'a>(mut publish: Publish<'a>, options: &PublishOptions) -> Publish<'a> {
    publish = match (options.retain, options.retain_for) {
        (_, Some(lifetime)) => publish.retain_for(lifetime),
        (true, None) => publish.retain(),
        (false, None) => publish,
    };
    if options.exclude_self {
        publish = publish.exclude_self();
    }
    for (name, value) in &options.headers {
        publish = publish.header(name, value);
    }
    publish
}
