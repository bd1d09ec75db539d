//! Drives the engine: sockets, sniffing, WebSocket, HTTP, contracts, configuration, logs and metrics.

mod config;

pub use config::{AddressError, Config, ConfigError, Flags, ListenAddress, LogConfig, LogFormat, Place};
