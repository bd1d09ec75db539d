//! HTTP/1.1 on the one port: health, metrics, and the way to a WebSocket.
//!
//! Any web page in a browser of this machine can send requests to a loopback port. `origin.rs` decides which of them
//! are heard, before anything else is looked at.

mod answers;
mod cloud_events;
mod exposition;
mod metrics;
mod origin;
mod prefixed;
mod server;

pub(crate) use origin::Guard;
pub(crate) use server::serve;
