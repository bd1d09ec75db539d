//! Who is at the other end of a connection, as the driver knows it.

use std::fmt;
use std::sync::Arc;

use buslane_protocol::Framing;

/// Who is at the other end of a connection, as the driver knows it when the transport is ready.
#[derive(Clone, Debug)]
pub struct Peer {
    /// How messages stand on this wire.
    pub framing: Framing,
    /// On whose behalf the client acts.
    pub principal: Principal,
    /// Whether the connection comes from this machine.
    pub loopback: bool,
    /// Where the connection comes from, for logs and `$bus:clients`.
    pub address: String,
}

/// On whose behalf a client acts. Every decision of who may do what is about a principal, and an instance can be
/// taken over without its secret only by its own. Cloning shares the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal(Arc<str>);

impl Principal {
    /// Makes the principal of a name.
    pub fn new(name: &str) -> Self {
        Principal(name.into())
    }

    /// Makes the principal of everybody who did not say who he is.
    pub fn anonymous() -> Self {
        Self::new("anonymous")
    }

    /// Returns the principal's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", &*self.0)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
