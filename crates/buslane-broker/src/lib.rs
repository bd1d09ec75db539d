//! Drives the engine: sockets, sniffing, WebSocket, HTTP, contracts, configuration, logs and metrics.

mod config;
mod contracts;

pub use config::{AddressError, Config, ConfigError, Flags, ListenAddress, LogConfig, LogFormat, Place};

/// Bytes of stack for every thread that validates: the deepest payload against the deepest schema must fit.
const STACK_SIZE: usize = 8 << 20;
