//! HTTP/1.1 on the one port: the API, health, metrics, and the way to a WebSocket.
//!
//! Any web page in a browser of this machine can send requests to a loopback port. `origin.rs` decides which of them
//! are heard, before anything else is looked at.

mod accept;
mod answers;
mod api;
mod body;
mod cloud_events;
mod cors;
mod counts;
mod exchange;
mod exposition;
mod media_type;
mod message_headers;
mod metrics;
mod openapi;
mod origin;
mod page_client;
mod percent;
mod prefixed;
mod problem;
mod query;
mod response;
mod router;
mod server;
mod stalling;

pub(crate) use api::Feeds;
pub(crate) use counts::HttpCounts;
pub(crate) use origin::Guard;
pub(crate) use server::serve;
