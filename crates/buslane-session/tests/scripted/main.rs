//! A session against a broker that says exactly what a test wants, good or bad.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;
mod connecting;
mod determinism;
mod ending;
mod hostile;
mod merging;
mod offline;
mod registering;
mod requesting;
mod writing;
