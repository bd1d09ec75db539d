//! What a subscription yields: messages, and gaps where messages are missing.

use crate::parcel::{Parcel, parcel_accessors};

/// A message of a topic. Cloning shares what it carries.
///
/// ```no_run
/// # async fn watch(bus: buslane_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// # #[derive(serde::Deserialize)] struct Reading { percent: f32 }
/// let mut readings = bus.subscribe("host/+/cpu").await?;
/// while let Some(message) = readings.next().await {
///     let reading: Reading = message.json()?;
///     println!("{} at {} %, says {}", message.topic(), reading.percent, message.from());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Message {
    parcel: Parcel,
    retained: bool,
}

/// Stands where messages are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// How many messages are missing, as far as it is known.
    pub count: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// Whether further messages may be missing, after a lost connection.
    pub unknown: bool,
}

impl Message {
    pub(crate) fn new(parcel: Parcel, retained: bool) -> Message {
        Message { parcel, retained }
    }

    pub(crate) fn cost(&self) -> usize {
        self.parcel.cost()
    }

    /// Returns the topic.
    pub fn topic(&self) -> &str {
        self.parcel.subject()
    }

    /// Returns the publisher's id of the message, if it gave one.
    pub fn id(&self) -> Option<&str> {
        self.parcel.id()
    }

    /// Tells whether it is a retained value from before the subscription.
    pub fn is_retained(&self) -> bool {
        self.retained
    }

    /// Tells whether it is an event of the present state, sent to a late subscriber.
    pub fn is_snapshot(&self) -> bool {
        self.parcel.headers().is_snapshot()
    }

    /// Returns the name of the shared subscription that it is a copy for.
    pub fn shared(&self) -> Option<&str> {
        self.parcel.headers().shared()
    }

    parcel_accessors!("message");
}

impl std::fmt::Debug for Message {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Message")
            .field("topic", &self.topic())
            .field("from", &self.from())
            .field("payload", &self.payload())
            .finish_non_exhaustive()
    }
}

impl Gap {
    /// Adds another gap to this one.
    pub(crate) fn add(&mut self, other: Gap) {
        self.count += other.count;
        self.bytes += other.bytes;
        self.unknown |= other.unknown;
    }

    /// Tells whether nothing is missing.
    pub fn is_none(&self) -> bool {
        *self == Gap::default()
    }
}

impl std::fmt::Display for Gap {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.count, self.unknown) {
            (0, true) => formatter.write_str("messages may be missing"),
            (count, true) => write!(formatter, "at least {count} messages are missing"),
            (count, false) => write!(formatter, "{count} messages are missing"),
        }
    }
}
