//! What a program may say with a request, a publish or a subscription beside its necessary parts.

use buslane_protocol::{Deadline, Headers, Name, Overflow, Retain};

/// How a request is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestOptions<'a> {
    /// Headers and the envelope's rarer members.
    pub headers: Headers<'a>,
    /// When it ends at the latest; `Never` for streams only.
    pub deadline: Deadline,
    /// Whether the answer may come in chunks. Not for gathered requests.
    pub stream: bool,
    /// Chunks that may come before the program has [`consumed`](crate::Session::consumed) any, up to 65,535; 0 for
    /// unlimited.
    pub credit: u32,
}

/// How a publish is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublishOptions<'a> {
    /// Headers and the envelope's rarer members.
    pub headers: Headers<'a>,
    /// Whether the broker shall acknowledge that it routed the message.
    pub ack: bool,
    /// What it does to the topic's retained value.
    pub retain: Retain,
    /// How long a retained value lives, in milliseconds; for ever if left out.
    pub retain_ms: Option<u32>,
    /// Whether this session's own subscriptions are left out.
    pub exclude_self: bool,
}

impl PublishOptions<'_> {
    /// Tells whether nothing is asked for but the delivery.
    pub(crate) fn is_plain(&self) -> bool {
        let retains = self.retain != Retain::Keep || self.retain_ms.is_some();
        self.headers.is_empty() && !self.ack && !retains && !self.exclude_self
    }
}

/// How a subscription is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// Makes it a shared subscription: each message goes to one of the members of this name and filter.
    pub shared: Option<Name>,
    /// What the broker does when the session's outbox there is full.
    pub overflow: Overflow,
    /// Deliveries that may come before the next [`credit`](crate::Session::credit); unlimited if left out.
    pub credit: Option<u32>,
}
