//! What is subscribed to over HTTP: feeds of events, readers who come back, readers who read nothing, the next message,
//! and CloudEvents.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cloud_events;
mod events;
mod next;
mod reader;
mod refused;
mod resume;
mod slow;
#[path = "../support/mod.rs"]
mod support;
