//! Sessions and an engine joined by byte pipes under a fake clock: what one half promises, seen from the other.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answering;
mod asking;
mod cutting;
mod network;
mod publishing;
mod registering;
mod requesting;
mod schema;
mod simulating;
mod streaming;
mod subscribing;
mod wire;
