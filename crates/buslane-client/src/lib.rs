//! The Rust SDK of Buslane: join a bus, offer methods, call, publish and listen.
//!
//! ```no_run
//! # #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)] struct Get { app: String, key: String }
//! # #[derive(serde::Serialize, serde::Deserialize)] struct Found { value: String }
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use buslane_client::{Client, ServiceError};
//!
//! let bus = Client::connect_default().await?; // BUSLANE_URL, else 127.0.0.1:5959
//! bus.service("attic", "1.0.0")
//!     .method("get", |get: Get, _context| async move {
//!         Ok::<_, ServiceError>(Found { value: format!("the {} of {}", get.key, get.app) })
//!     })
//!     .register()
//!     .await?;
//!
//! let found: Found = bus.request("attic:get", &Get { app: "demo".into(), key: "colour".into() }).await?;
//! let mut readings = bus.subscribe("host/+/cpu").await?;
//! while let Some(reading) = readings.next().await {
//!     println!("{} {}", reading.topic(), reading.payload());
//! }
//! # Ok(()) }
//! ```
//!
//! # How it works
//! A [`Client`] is a cheap handle. Behind it stand a state machine that knows the protocol, and one task that moves
//! bytes between that and a TCP, Unix or WebSocket connection. An operation takes a lock, appends to what is to be
//! sent, and wakes the task if it sleeps; the task writes what has gathered in one go.
//!
//! # Threads
//! The task lives on the runtime on which [`ClientBuilder::connect`] is awaited, so that a message costs no hop between
//! threads. Handlers are tasks of that runtime, too, and should not block its threads: work that does belongs into
//! `tokio::task::spawn_blocking`, or behind [`ServiceBuilder::deferred_method`] on a thread of the program's. Where a
//! handler blocks all the same, and with it the client's task, a thread that guards all clients of the process notices
//! after 5 s at most (a third of the silence after which the client pings), and moves the bytes until the task is back:
//! heartbeats are answered in time, and what other threads send goes out.
//!
//! With [`ClientBuilder::own_thread`] connections live on a thread of their own, and nothing that the program's tasks
//! do delays them; a lone request takes about a seventh longer. [`ClientBuilder::connect_blocking`] does the same for
//! programs without a runtime, and for bindings of other languages. What they build on:
//!
//! | | |
//! |---|---|
//! | wait on a thread | [`blocking::wait`] and [`blocking::wait_for`], for every future of this crate |
//! | be called back | [`Call::body_then`], cancelled by [`Pending::cancel`] |
//! | answer later, from any thread | [`ServiceBuilder::deferred_method`] and [`Incoming`] |
//! | send without waiting | [`Publish::try_send`] |
//! | take many messages at a time | [`Subscription::next_batch`] |
//! | watch the connection | [`Client::states`] and [`Client::reports`] |
//! | know that the broker has everything | [`Client::flush`] |
//!
//! A client does not outlive `fork`: the child has none of its threads. The child makes a client of its own, and
//! neither uses nor drops the parent's.
//!
//! # When too much is on its way
//! Sending: while 128 KiB wait to be written, `publish(...).await` and requests wait; [`Publish::try_send`] and
//! [`Call::body_then`] fail with `queue_full`. Nothing is lost for being sent too fast.
//!
//! Receiving: a slow subscriber costs itself messages, and nobody else anything. What it does not take waits in its
//! queue here ([`Subscribe::queue_bytes`], 4 MiB) and then, with [`Subscribe::credit`], in the broker's outbox (1 MiB).
//! [`Subscribe::overflow`] says what gives way when the queue is full: the oldest, the newest, or the subscription.
//! Each [`Gap`] stands where messages are missing. To lose nothing, have the publisher wait for the subscriber: by
//! requests, or by acknowledged publishes to a topic whose contract says [`TopicContract::refuse_when_full`].
//!
//! # Invariants worth naming
//! - User code (handlers, callbacks, serde, what a closure captures) never runs or is dropped under a lock of the
//!   client's. Only what is called back runs in the client's task.
//! - A handler that blocks never costs the connection.
//! - The socket is read whatever the program does. What the program does not take piles up in bounded queues, with a
//!   [`Gap`] where something gave way.
//! - Dropping a future or stream takes back what it asked for: a request is cancelled on the bus, a subscription ends.
//! - Requests are never retried, and each ends exactly once. Registrations and subscriptions come back after each lost
//!   connection.
//! - Nothing needs a particular kind of runtime: current-thread and multi-thread both do, without a `LocalSet`.

mod arrivals;
pub mod blocking;
mod body;
mod breather;
mod builder;
mod call;
mod client;
mod content;
mod context;
mod deliveries;
mod direct;
mod dispatch;
mod driver;
mod driving;
mod error;
mod guard;
mod handler;
mod inbox;
mod incoming;
mod message;
mod own_thread;
mod parcel;
mod payload;
mod pending;
mod presence;
mod publish;
mod registration;
mod reply;
mod reply_stream;
mod schema;
mod service;
mod service_error;
mod services;
mod shared;
mod state;
mod subscription;
mod topic_contract;
mod transport;
mod url;
mod waiters;

pub use body::Body;
pub use builder::ClientBuilder;
pub use buslane_protocol as protocol;
pub use buslane_protocol::{
    CompatibilityReport, Encoding, ErrorCode, Headers, Overflow, Problem, Retry, Schema,
};
pub use buslane_session::AnswerError;
pub use call::{Call, IntoTargets, Request};
pub use client::Client;
pub use context::Context;
pub use deliveries::SubscriptionEvent;
pub use error::{ConnectError, FlushError, PublishError, RegisterError, RequestError, SubscribeError};
pub use incoming::Incoming;
pub use message::{Gap, Message};
pub use payload::Payload;
pub use pending::Pending;
pub use presence::{Instance, Presence, PresenceEvent};
pub use publish::{AckedPublish, Publish};
pub use registration::Registration;
pub use reply::Reply;
pub use reply_stream::{Gather, Gathered, ReplyStream, Summary};
pub use schema::IntoSchema;
pub use service::ServiceBuilder;
pub use service_error::ServiceError;
pub use state::{ConnectionState, Report, Reports, States};
pub use subscription::{Subscribe, Subscription};
pub use topic_contract::TopicContract;
pub use url::{Url, UrlError};
