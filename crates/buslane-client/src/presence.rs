//! Watches services come and go, by the broker's events under `$bus/service/`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use serde::Deserialize;

use crate::{Client, Message, SubscribeError, Subscription};

/// Services as they come and go: those that are there first, then the changes. Dropping it ends the watch.
///
/// ```no_run
/// # async fn watch(bus: buslane_client::Client) -> Result<(), buslane_client::SubscribeError> {
/// use buslane_client::PresenceEvent;
/// let mut presence = bus.presence().await?;
/// while let Some(event) = presence.next().await {
///     match event {
///         PresenceEvent::Online { service, .. } => println!("{service} is there"),
///         PresenceEvent::Offline { service, .. } => println!("{service} is gone"),
///         _ => {}
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Presence {
    events: Subscription,
}

/// A service that comes or goes. After a lost connection the state of that time comes again, as after the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceEvent {
    /// An instance has registered.
    Connect(Instance),
    /// An instance has gone.
    Disconnect(Instance),
    /// The first instance of a service has registered.
    Online {
        /// The service's name.
        service: String,
        /// Whether it was so before the watch began.
        snapshot: bool,
    },
    /// The last instance of a service has gone.
    Offline {
        /// The service's name.
        service: String,
    },
    /// Everything that was so before the watch began has been told.
    SnapshotEnd,
}

/// An instance of a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Instance {
    /// The service's name.
    pub service: String,
    /// The instance's name.
    pub instance: String,
    /// The service's version, as the instance says.
    pub version: String,
    /// The groups that it belongs to.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The names of its methods.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The broker that it is connected to.
    #[serde(default)]
    pub node: String,
    /// Why it is gone.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whether it was there before the watch began.
    #[serde(skip)]
    pub snapshot: bool,
}

impl Presence {
    pub(crate) async fn new(client: &Client) -> Result<Presence, SubscribeError> {
        Ok(Presence {
            events: client.subscribe(FILTER).await?,
        })
    }

    /// Waits for the next event; `None` after the client has ended.
    pub async fn next(&mut self) -> Option<PresenceEvent> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for Presence {
    type Item = PresenceEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<PresenceEvent>> {
        loop {
            match ready!(Pin::new(&mut self.events).poll_next(context)) {
                // Events of later versions concern nobody here.
                Some(message) => match read(&message) {
                    Some(event) => return Poll::Ready(Some(event)),
                    None => continue,
                },
                None => return Poll::Ready(None),
            }
        }
    }
}

fn read(message: &Message) -> Option<PresenceEvent> {
    if message.topic() == SNAPSHOT_END {
        return Some(PresenceEvent::SnapshotEnd);
    }
    let (kind, _service) = message.topic().strip_prefix(PREFIX)?.split_once('/')?;
    let instance = Instance {
        snapshot: message.is_snapshot(),
        ..message.json().ok()?
    };
    Some(match kind {
        "connect" => PresenceEvent::Connect(instance),
        "disconnect" => PresenceEvent::Disconnect(instance),
        "online" => PresenceEvent::Online {
            service: instance.service,
            snapshot: instance.snapshot,
        },
        "offline" => PresenceEvent::Offline {
            service: instance.service,
        },
        _ => return None,
    })
}

const PREFIX: &str = "$bus/service/";
const FILTER: &str = "$bus/service/#";
const SNAPSHOT_END: &str = "$bus/snapshot-end";
