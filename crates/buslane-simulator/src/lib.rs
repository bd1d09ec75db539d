//! The real engine and many real sessions under one seeded simulator, with a clock that only it moves and a network
//! that delays, tears, stalls, loses and cuts; and an oracle that holds everything that happens against what the
//! protocol promises.
//!
//! ```text
//!  workload ──acts──> peers ──bytes──> pipes ──bytes──> engine
//!      │           (sessions and       (late, torn,        │
//!      │            raw programs)       cut, lost)         │ what it took, wrote, logged and counted
//!      └──────────────── oracle <──────────────────────────┘
//! ```
//!
//! # Invariants worth naming
//! - **A seed is a run.** Everything follows from it: equal seeds give equal bytes, and the number printed with a
//!   failure is all that is needed to see it again.
//! - **The oracle knows the page, not the engine.** It keeps its own shadow of who was promised what. It takes from the
//!   engine only what any driver sees: bytes, the log, the published numbers.
//! - **Nothing here is shipped**, and no product crate depends on it.

mod broker;
mod connection;
mod content;
mod coverage;
mod inlet;
mod oracle;
mod outlet;
mod peer;
mod pipe;
mod random;
mod rest;
mod said;
mod schema;
mod settings;
mod simulation;
mod trace;
mod websocket;
mod workload;
mod world;

pub use coverage::Coverage;
pub use simulation::{Failure, Options, Outcome, kinds, run};
