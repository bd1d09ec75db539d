//! Who may do what: the one narrow trait through which every such decision passes.

use buslane_protocol::{Address, Connect, Filter, Problem, Registration, Topic};

use crate::Principal;

/// What a principal is about to do.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Action<'a> {
    /// Introduce itself.
    Connect(&'a Connect),
    /// Register an instance of a service, or a consumer.
    Register(&'a Registration),
    /// Add a subscription.
    Subscribe(&'a Filter<'a>),
    /// Publish to a topic.
    Publish(&'a Topic<'a>),
    /// Call a method.
    Request(&'a Address<'a>),
}

/// Decides who may do what. The same question always gets the same answer while an engine runs, or an answer that is
/// itself an input that can be replayed.
pub trait Policy: Send + Sync {
    /// Allows an action, or says why not.
    fn decide(&self, principal: &Principal, action: Action<'_>) -> Result<(), Problem>;
}

/// Allows everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Policy for AllowAll {
    fn decide(&self, _principal: &Principal, _action: Action<'_>) -> Result<(), Problem> {
        Ok(())
    }
}
