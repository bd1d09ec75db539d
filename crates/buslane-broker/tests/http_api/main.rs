//! The API over HTTP, against real brokers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod connections;
mod documentation;
mod draining;
mod guarding;
mod page_client;
mod publishing;
mod requesting;
mod routing;
mod service;
mod slowness;
mod streaming;
mod views;
