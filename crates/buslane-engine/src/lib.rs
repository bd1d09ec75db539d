//! The broker's half as a state machine: who is there, who offers what, where each message goes, and what happens
//! when something is full, late, lost or refused.
//!
//! The engine reads no socket, no clock and no random source. A driver hands in what happened
//! ([`Engine::open`], [`Engine::handle`], [`Engine::close`], [`Engine::handle_timeout`], ...), then takes out what is
//! to be done ([`Engine::poll_dirty`] and [`Engine::transmit`] for bytes, [`Engine::poll_output`] for the rest, and
//! [`Engine::poll_timeout`] for when to come back).
//!
//! ```text
//!  frames ──decode──> handle ──┐                       ┌──> outboxes ──transmit──> sockets
//!  accept ───────────> open ───┼──> Engine (one owner) ┼──> poll_output: Compile, Compare, Validate, Resume, ...
//!  end of a socket ──> close ──┘                       └──> poll_timeout
//! ```
//!
//! # Invariants worth naming
//! - **Deterministic.** The same inputs with the same times and the same [`Config::seed`] give the same bytes. No
//!   order of an output comes from a hash map.
//! - **One owner.** No lock, no thread, no `await`: whoever holds the [`Engine`] runs it to completion.
//! - **Every request ends exactly once** at its caller: by `reply`, `error` or `end`, at its deadline at the latest.
//! - **Nothing is silent.** What is refused is answered with an error that says what to do; what is dropped leaves a
//!   `gap`, a count in [`Counters`] and an event under `$bus/`.
//! - **No input panics or closes another client's connection**, and only lost framing, silence, a full control lane
//!   or the client's own policy closes one's own.
//! - **Accounted memory never exceeds** [`Limits::memory`](buslane_protocol::Limits::memory).
//! - **A client's things die with it**, once: a late clean-up never touches what a newer client has taken over.

mod arena;
mod buffer_pool;
mod bus_service;
mod client;
mod client_id;
mod clients;
mod compatibility;
mod compiled;
mod config;
mod connect;
mod contracts;
mod counters;
mod credit;
mod delivery;
mod drain;
mod drops;
mod ending;
mod engine;
mod entropy;
mod event;
mod flush;
mod frames;
mod gather;
mod histogram;
mod inbound;
mod index;
mod interface;
mod ledger;
mod lineage;
mod liveness;
mod memory;
mod notice;
mod outbox;
mod output;
mod parked;
mod peer;
mod pending;
mod plain;
mod policy;
mod presence;
mod presence_feed;
mod publish;
mod register;
mod registry;
mod reply;
mod reports;
mod request;
mod retained;
mod slots;
mod snapshot;
mod subscription;
mod takeover;
#[cfg(test)]
mod test_random;
mod timers;
mod topic_contracts;
mod topics;
mod unhandled;
mod unregister;
mod validation;

pub use client_id::{ClientId, Ticket};
pub use config::Config;
pub use contracts::{CompileRequest, Contracts, Place, Validate, Violation};
pub use counters::{Closures, Counters, Gauges, Refusals};
pub use engine::Engine;
pub use histogram::Histogram;
pub use interface::{CompareRequest, Compared, Compatibility, Interface, Subject};
pub use notice::Notice;
pub use output::{CloseReason, Flow, Output, Transmit};
pub use peer::{Peer, Principal};
pub use policy::{Action, AllowAll, Policy};
