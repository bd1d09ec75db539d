//! What another language may say about a request or a publish.

use std::time::Duration;

/// What may be said about a request.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    /// When it ends at the latest; `None` for what the client says.
    pub timeout: Option<Duration>,
    /// Lets a stream take any time.
    pub without_timeout: bool,
    /// How many parts of a stream may be on their way; 0 for the usual number.
    pub credit: u16,
    /// Headers, by name.
    pub headers: Vec<(String, String)>,
}

/// What may be said about a publish.
#[derive(Clone, Debug, Default)]
pub struct PublishOptions {
    /// Keeps the message as the topic's value.
    pub retain: bool,
    /// How long it is kept; `None` for as long as it is not replaced.
    pub retain_for: Option<Duration>,
    /// Leaves this client's own subscriptions out.
    pub exclude_self: bool,
    /// Headers, by name.
    pub headers: Vec<(String, String)>,
}
