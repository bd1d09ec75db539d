//! The engine's promises, one behaviour a test: an engine under a fake clock, clients that write and read whole frames
//! of any framing, and a compiler of schemas that fits on a page. No sockets, no sleeps.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chaos;
mod clients;
mod compatibility;
mod contract;
mod counting;
mod delivering;
mod events;
mod gathering;
mod introspection;
mod joining;
mod liveness;
mod memory;
mod plain;
mod publishing;
mod requesting;
mod retaining;
mod schema;
mod sharing;
mod streaming;
mod subscribing;
mod taking_over;
mod wire;
mod world;
