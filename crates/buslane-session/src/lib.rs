//! The client's half of the protocol as a state machine: connecting, registrations, requests, subscriptions,
//! publishes, heartbeats, and what of them outlives a connection.
//!
//! A driver owns the transport and the clock, and moves data between them and a [`Session`]:
//!
//! ```text
//!              handle_connected / handle_bytes / handle_message / handle_disconnected / handle_timeout
//!  transport ------------------------------------------------------------------------------> +---------+
//!   and      <------------------------------------------------------------------------------ | Session |
//!  clock                      poll_action / poll_transmit / poll_timeout                      +---------+
//!                                                                                              |       ^
//!                                                                                   poll_event |       | register, request,
//!                                                                                              v       | publish, reply, ...
//!                                                                                               program
//! ```
//!
//! After each call that takes something in, the driver drains, in this order: [`Session::poll_event`] until `None`,
//! [`Session::poll_action`] until `None`, [`Session::poll_transmit`] until `None`; then it arms one timer for
//! [`Session::poll_timeout`].
//!
//! # Invariants worth naming
//! - Nothing here reads a socket, a clock or a random source, and nothing blocks or spawns: the same code runs under
//!   tokio, in a browser and in a simulator. Equal inputs give equal outputs, in the same order.
//! - Every request ends exactly once: with [`Event::Reply`], [`Event::Failed`] or [`Event::End`], or at once and
//!   silently by [`Session::cancel`].
//! - An answer to a request of an earlier connection is refused here and never written to a later one.
//! - A request or publish counts as sent when [`Session::poll_transmit`] handed its bytes out. What was sent is never
//!   sent again; what was not stays queued for the next connection.
//! - Bytes from the broker never panic. Those that are no message end the connection, which is then made anew.
//!
//! # Why events borrow
//! [`Session::handle_bytes`] copies a whole read into the session's buffer, and [`Session::poll_event`] decodes one
//! message after another out of it and lends each to the driver: the session allocates nothing for a delivery,
//! request, reply or chunk. A driver in the same language makes its one owned copy in the shape that its
//! program wants; a driver at a language border writes the events of a read one after another into one buffer and
//! crosses once. A visitor called from within `handle_bytes` would cost the same, but would run the driver's code
//! inside the session's borrow and split events between two ways out.

mod config;
mod connection;
mod core;
mod counters;
mod dispatch;
mod error;
mod event;
mod frames;
mod heartbeat;
mod ids;
mod inbound;
mod invocations;
mod keys;
mod numbered;
mod options;
mod program;
mod publishes;
mod queue;
mod random;
mod registrations;
mod requests;
mod routing;
mod session;
mod subscriptions;
mod transmit;

pub use buslane_protocol as protocol;
pub use config::{Backoff, Config};
pub use counters::Counters;
pub use error::{AnswerError, SessionError};
pub use event::{Action, Event, State, Withdrawn};
pub use keys::{DeliveryToken, FlushKey, PublishKey, RegistrationKey, RequestKey, SubscriptionKey};
pub use options::{PublishOptions, RequestOptions, SubscribeOptions};
pub use random::Random;
pub use session::Session;
pub use transmit::Transmit;
