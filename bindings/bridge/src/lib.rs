//! The Rust client as a language with threads and callbacks wants it. C++ is built on it, and another language of that
//! kind may be.
//!
//! # How it works
//! A [`Bus`] is a client whose connection lives on a thread of the Rust client's own. That thread never calls the other
//! language. What is to be called back waits in the bus's [`Events`], from which one thread of the other language takes
//! [`Event`] after [`Event`] and calls its own callbacks, which it knows by the token that it gave when it asked.
//!
//! ```text
//!   other language            this crate                          buslane-client
//!   request(token) ──────────> Pending ──────────────────────────> Call::body_then
//!   wait() / then(token) <──── Pending: the outcome, once   <───── the client's thread
//!   one thread: next() <────── Events: replies, requests, states
//!                                └── sources, polled when taken ─> Subscription, Presence, States
//! ```
//!
//! Subscriptions are *sources*: they are polled only when the other language takes events, so that what it does not take
//! stays in the client's bounded queue, under its overflow rule, and credit works.
//!
//! # Invariants worth naming
//! - No panic leaves a function that is wrapped in [`guarded`]; it becomes a [`Failure`] with the code `internal`.
//! - Nothing here runs code of the other language, so no lock is ever held while it does.
//! - Every request that was begun ends once: with its outcome, `cancelled` or `closed`. So does every source.
//! - After [`Bus::close`] everything still answers, with the code `closed`.
//! - No rule of the protocol.

mod answer;
mod bus;
mod calls;
mod content;
mod declaration;
mod events;
mod failure;
mod parts;
mod pending;
mod source;

pub use answer::Request;
pub use bus::{Bus, ConnectOptions};
pub use buslane_client as client;
pub use calls::{CallOptions, PublishOptions};
pub use content::Content;
pub use declaration::{Method, ServiceDeclaration, Topic};
pub use events::{Event, Events};
pub use failure::{Failure, guarded};
pub use parts::{Part, Parts, TimeOver};
pub use pending::{Outcome, Pending};
pub use source::{SubscribeOptions, Watch};

/// Writes what the client hands out as JSON text, for languages that have no type for it.
pub fn to_json(value: &client::CompatibilityReport) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
