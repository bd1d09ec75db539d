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
//! # Invariants worth naming
//! - User code (handlers, serde, what a closure captures) never runs or is dropped under the client's lock, nor in the
//!   client's task: a handler that blocks delays itself, never a heartbeat.
//! - The socket is read whatever the program does. What the program does not take piles up in bounded queues, with a
//!   [`Gap`] where something gave way.
//! - Dropping a future or stream takes back what it asked for: a request is cancelled on the bus, a subscription ends.
//! - Requests are never retried, and each ends exactly once. Registrations and subscriptions come back after each lost
//!   connection.
//! - Nothing needs a particular kind of runtime: current-thread and multi-thread both do, without a `LocalSet`.

pub mod blocking;
mod body;
mod builder;
mod call;
mod client;
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
