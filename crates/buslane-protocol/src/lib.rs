//! What travels on a bus: names, the envelope, both encodings, limits and error codes.
//!
//! # Invariants worth naming
//! - Nothing here reads a socket, a clock or a random source, and nothing blocks: the same code runs in the
//!   broker, in every SDK, in a browser and under a simulator.
//! - A [`Name`], [`Topic`], [`Filter`], [`Address`] or [`Id`] that exists is valid: parsing is the only way in.
//! - Decoders accept any bytes: they answer with a [`DecodeError`], never with a panic, and allocate no more than
//!   the input's own size.
//! - The two encodings carry the same [`ClientMessage`] and [`BrokerMessage`]; what one can say, the other can.

pub mod binary;
pub mod json;

mod address;
mod clip;
mod compatibility;
mod decode_error;
mod error_code;
mod framing;
mod headers;
mod id;
mod instant;
mod limits;
mod message;
mod name;
mod object;
mod payload;
mod problem;
mod registration;
mod topic;

pub use address::{Address, AddressError, BUS_SERVICE, Destination};
pub use compatibility::{Affected, CompatibilityReport, ContractChange, SchemaChange, Verdict};
pub use decode_error::DecodeError;
pub use error_code::{ErrorCode, Retry};
pub use framing::{Encoding, Framing};
pub use headers::{HeaderEntries, HeaderMember, HeaderMemberKind, Headers, HeadersBuf, HeadersError};
pub use id::{Id, IdError};
pub use instant::Instant;
pub use limits::Limits;
pub use message::*;
pub use name::{Name, NameError};
pub use payload::{Payload, PayloadError, PayloadKind};
pub use problem::{Origin, Problem};
pub use registration::{MethodDeclaration, Registration, RegistrationError, Schema, TopicDeclaration};
pub use topic::{Filter, FilterError, Topic, TopicError};

/// The protocol version that this crate speaks.
pub const PROTOCOL_VERSION: u8 = 1;
/// The address that clients use when nothing else is said.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:5959";
/// The environment variable from which clients read the broker's URL.
pub const URL_VARIABLE: &str = "BUSLANE_URL";
