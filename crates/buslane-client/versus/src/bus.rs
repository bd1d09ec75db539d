//! What both clients are made to do, each in the way that its own users would write it.

use std::future::Future;

use buslane_client::{Body, Client, ServiceError, Subscription};
use bytes::Bytes;
use futures_util::StreamExt;

/// A client under measurement. Payloads are JSON strings of [`PAYLOAD_BYTES`].
pub(crate) trait Bus: Clone + Send + Sync + Sized + 'static {
    /// Receives the messages of a burst.
    type Feed: Send + 'static;

    /// Connects; ours may have the connection on a thread of its own.
    fn connect(url: &str, own_thread: bool) -> impl Future<Output = anyhow::Result<Self>> + Send;

    /// Answers requests: `echo` with what came, `burst` after publishing so many messages as its input says. Returns
    /// when it is ready.
    fn serve(&self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Makes one request to `echo` and takes the reply.
    fn echo(&self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Asks for a burst of messages.
    fn burst(&self, messages: u32) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Publishes one message that nobody receives.
    fn publish(&self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Publishes one message whose payload is JSON text; ours checks that it is.
    fn publish_text(&self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Publishes one message whose payload is ready.
    fn publish_body(&self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Waits until the server has everything that was sent before.
    fn flush(&self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Subscribes to the messages of bursts.
    fn feed(&self) -> impl Future<Output = anyhow::Result<Self::Feed>> + Send;

    /// Takes one message.
    fn take(feed: &mut Self::Feed) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// The client of this repository.
#[derive(Clone)]
pub(crate) struct Ours(Client, Body);

/// The usual client of the peer.
#[derive(Clone)]
pub(crate) struct Theirs(async_nats::Client);

impl Bus for Ours {
    type Feed = Subscription;

    async fn connect(url: &str, own_thread: bool) -> anyhow::Result<Self> {
        let builder = Client::builder().url(url);
        let builder = if own_thread { builder.own_thread() } else { builder };
        Ok(Ours(builder.connect().await?, Body::json(TEXT)?))
    }

    async fn serve(&self) -> anyhow::Result<()> {
        let bus = self.0.clone();
        let burst = move |messages: u32, _context| {
            let bus = bus.clone();
            async move {
                for _ in 0..messages {
                    bus.publish(FEED, TEXT).await.map_err(ServiceError::failed)?;
                }
                Ok::<_, ServiceError>(messages)
            }
        };
        self.0
            .service("measured", "1.0.0")
            .method("echo", |text: String, _context| async move {
                Ok::<_, ServiceError>(text)
            })
            .method("burst", burst)
            .register()
            .await?;
        Ok(())
    }

    async fn echo(&self) -> anyhow::Result<()> {
        let text: String = self.0.request("measured:echo", TEXT).await?;
        anyhow::ensure!(text.len() == TEXT.len(), "the reply is not what was sent");
        Ok(())
    }

    async fn burst(&self, messages: u32) -> anyhow::Result<()> {
        let _: u32 = self.0.request("measured:burst", &messages).await?;
        Ok(())
    }

    async fn publish(&self) -> anyhow::Result<()> {
        Ok(self.0.publish(NOBODY, TEXT).await?)
    }

    async fn publish_text(&self) -> anyhow::Result<()> {
        Ok(self.0.publish_json_text(NOBODY, TEXT_JSON).await?)
    }

    async fn publish_body(&self) -> anyhow::Result<()> {
        Ok(self.0.publish_body(NOBODY, &self.1).await?)
    }

    async fn flush(&self) -> anyhow::Result<()> {
        Ok(self.0.flush().await?)
    }

    async fn feed(&self) -> anyhow::Result<Subscription> {
        Ok(self.0.subscribe(FEED).await?)
    }

    async fn take(feed: &mut Subscription) -> anyhow::Result<()> {
        anyhow::ensure!(feed.next().await.is_some(), "the subscription ended");
        anyhow::ensure!(feed.take_gaps().is_none(), "messages were lost");
        Ok(())
    }
}

impl Bus for Theirs {
    type Feed = async_nats::Subscriber;

    async fn connect(url: &str, _own_thread: bool) -> anyhow::Result<Self> {
        // Its default holds a subscriber to fewer messages than a burst may have.
        let options = async_nats::ConnectOptions::new().subscription_capacity(SUBSCRIPTION_CAPACITY);
        Ok(Theirs(options.connect(url).await?))
    }

    async fn serve(&self) -> anyhow::Result<()> {
        let mut echoes = self.0.subscribe(ECHO).await?;
        let mut bursts = self.0.subscribe(BURST).await?;
        let client = self.0.clone();
        tokio::spawn(async move {
            while let Some(request) = echoes.next().await {
                if let Some(reply) = request.reply {
                    client.publish(reply, request.payload).await?;
                }
            }
            anyhow::Ok(())
        });
        let client = self.0.clone();
        tokio::spawn(async move {
            while let Some(request) = bursts.next().await {
                let messages: u32 = serde_json::from_slice(&request.payload)?;
                for _ in 0..messages {
                    client
                        .publish(FEED_SUBJECT, Bytes::from_static(TEXT_JSON.as_bytes()))
                        .await?;
                }
                if let Some(reply) = request.reply {
                    client.publish(reply, request.payload).await?;
                }
            }
            anyhow::Ok(())
        });
        Ok(self.0.flush().await?)
    }

    async fn echo(&self) -> anyhow::Result<()> {
        let payload = Bytes::from_static(TEXT_JSON.as_bytes());
        let reply = self.0.request(ECHO, payload).await?;
        anyhow::ensure!(
            reply.payload.len() == PAYLOAD_BYTES,
            "the reply is not what was sent"
        );
        Ok(())
    }

    async fn burst(&self, messages: u32) -> anyhow::Result<()> {
        self.0.request(BURST, messages.to_string().into()).await?;
        Ok(())
    }

    async fn publish(&self) -> anyhow::Result<()> {
        Ok(self
            .0
            .publish(NOBODY, Bytes::from_static(TEXT_JSON.as_bytes()))
            .await?)
    }

    async fn publish_text(&self) -> anyhow::Result<()> {
        self.publish_body().await
    }

    async fn publish_body(&self) -> anyhow::Result<()> {
        let payload = Bytes::from_static(TEXT_JSON.as_bytes());
        Ok(self.0.publish(NOBODY, payload).await?)
    }

    async fn flush(&self) -> anyhow::Result<()> {
        Ok(self.0.flush().await?)
    }

    async fn feed(&self) -> anyhow::Result<async_nats::Subscriber> {
        let feed = self.0.subscribe(FEED_SUBJECT).await?;
        self.0.flush().await?;
        Ok(feed)
    }

    async fn take(feed: &mut async_nats::Subscriber) -> anyhow::Result<()> {
        anyhow::ensure!(feed.next().await.is_some(), "the subscription ended");
        Ok(())
    }
}

/// Bytes of each payload.
pub(crate) const PAYLOAD_BYTES: usize = 128;
const TEXT: &str = TEXT_JSON.split_at(PAYLOAD_BYTES - 1).0.split_at(1).1;
const TEXT_JSON: &str = "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\"";
const FEED: &str = "measured/feed";
const NOBODY: &str = "measured";
const FEED_SUBJECT: &str = "measured.feed";
const ECHO: &str = "measured.echo";
const BURST: &str = "measured.burst";
const SUBSCRIPTION_CAPACITY: usize = 1 << 20;
