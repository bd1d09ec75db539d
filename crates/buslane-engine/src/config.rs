//! What an engine is told once, at its start.

use std::sync::Arc;

use buslane_protocol::{Limits, Name};

use crate::{AllowAll, Compatibility, Policy};

/// What an engine is told once, at its start.
#[derive(Clone)]
pub struct Config {
    /// The broker's name on the bus.
    pub node: Name,
    /// The software and its version, as `connected` tells it: `buslane/0.1.0`.
    pub server: String,
    /// How much of what; each names its error code.
    pub limits: Limits,
    /// Where instance names, resume secrets and hash functions come from. Must not be guessable by clients.
    pub seed: [u8; 32],
    /// Milliseconds since 1970 at [`Instant::ZERO`](buslane_protocol::Instant::ZERO): information in events and ids,
    /// never compared.
    pub unix_ms_at_zero: u64,
    /// Whether clients that are not on loopback must send `connect` before anything else.
    pub require_connect: bool,
    /// Whether JSON-lines clients that are not on loopback may switch heartbeats off too.
    pub silent_clients: bool,
    /// What is done about a registration that breaks those who use the service.
    pub compatibility: Compatibility,
    /// Who may do what. Must answer the same question in the same way each time, or runs cannot be repeated.
    pub policy: Arc<dyn Policy>,
}

impl Config {
    /// Makes a configuration with the default limits, for a broker that allows everything.
    pub fn new(node: Name, seed: [u8; 32]) -> Self {
        Config {
            node,
            server: concat!("buslane/", env!("CARGO_PKG_VERSION")).to_owned(),
            limits: Limits::default(),
            seed,
            unix_ms_at_zero: 0,
            require_connect: false,
            silent_clients: false,
            compatibility: Compatibility::default(),
            policy: Arc::new(AllowAll),
        }
    }
}
