//! Drives the engine: sockets, sniffing, WebSocket, HTTP, contracts, configuration, logs and metrics.
//!
//! ```no_run
//! use buslane_broker::{Broker, Config};
//! let broker = Broker::bind(Config::default())?;
//! broker.run_until_signal(|addresses| println!("listening on {}", addresses[0]))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Invariants worth naming
//! - One thread owns the engine and every socket. Other threads compile schemas and validate long payloads, and touch
//!   nothing else.
//! - No rule of the bus is here: what a message means is the engine's, how it is written the protocol's.
//! - Nothing that comes from outside is trusted for its length: what is announced and does not come costs no memory.
//! - Clocks, randomness and the environment are read here and nowhere below.
//! - No log line, error or metric holds a payload.

mod broker;
mod clock;
mod config;
mod contracts;
mod driver;
#[cfg(all(feature = "fuzzing", unix))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod generated;
mod http;
mod journal;
mod start;
#[cfg(unix)]
mod unix_socket;
mod websocket;

pub use broker::{Broker, RunError, RunningBroker};
pub use buslane_engine::Compatibility;
pub use config::{
    AddressError, Config, ConfigError, Examination, Flags, ListenAddress, LogConfig, LogFormat, Place,
    Setting,
};
pub use contracts::{Contract, Role, SchemaDifference, SchemaDocument, SchemaDocumentError, TextChange};
pub use journal::start_log;
pub use start::StartError;
pub use tracing::Level;

/// Bytes of stack for every thread that validates: the deepest payload against the deepest schema must fit.
const STACK_SIZE: usize = 8 << 20;
