//! What is worth a line in the log, as data. The driver decides on level and wording.

use buslane_protocol::{ErrorCode, Name, Overflow, Verdict};

use crate::{ClientId, CloseReason, Principal};

/// What is worth a line in the log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A connection is open.
    Opened {
        /// The client.
        client: ClientId,
        /// Where it comes from.
        address: String,
        /// On whose behalf.
        principal: Principal,
    },
    /// A client leaves in the clean way; its [`Notice::Closed`] follows.
    Goodbye {
        /// The client.
        client: ClientId,
        /// Why, in its own words.
        said: Option<String>,
    },
    /// A connection is gone, with everything that it had.
    Closed {
        /// The client.
        client: ClientId,
        /// Why.
        reason: CloseReason,
    },
    /// An instance, or a consumer, is registered.
    Registered {
        /// The client.
        client: ClientId,
        /// The service's name.
        service: Name,
        /// The instance's name.
        instance: Name,
        /// The service's version.
        version: String,
    },
    /// A registration breaks those who use the service, or may.
    Incompatible {
        /// The client that registers.
        client: ClientId,
        /// The service's name.
        service: Name,
        /// The version that registers.
        version: String,
        /// The version that it was compared with.
        previous: String,
        /// How sure it is.
        verdict: Verdict,
        /// The first that breaks, for people.
        summary: String,
        /// Whether the registration was refused for it.
        refused: bool,
    },
    /// A registration is gone.
    Unregistered {
        /// The client.
        client: ClientId,
        /// The service's name.
        service: Name,
        /// The instance's name.
        instance: Name,
    },
    /// A connection took an instance over from another one.
    TakenOver {
        /// The service's name.
        service: Name,
        /// The instance's name.
        instance: Name,
        /// Who had it.
        from: ClientId,
        /// Who has it.
        to: ClientId,
    },
    /// Deliveries to a client were dropped. Comes at most once a second per client.
    Overflow {
        /// The client.
        client: ClientId,
        /// How many deliveries since the last report.
        count: u64,
        /// How many bytes of frames they had.
        bytes: u64,
        /// The policy that decided.
        policy: Overflow,
    },
    /// A message was refused.
    Refused {
        /// Whose.
        client: ClientId,
        /// With which code.
        code: ErrorCode,
    },
    /// The broker's memory cap refused something. Comes at most once a second.
    MemoryFull {
        /// Bytes accounted for.
        used: usize,
    },
}
