//! Why bytes are no message.

use crate::{AddressError, ErrorCode, FilterError, Id, IdError, NameError, Problem, TopicError};

/// Why bytes are no message. Final: the same bytes are refused again.
///
/// After [`DecodeError::Frame`] or [`DecodeError::TooLarge`] the place of the next frame is unknown on a stream, so
/// the connection ends; after any other the next frame can be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes break the layout of a frame.
    #[error("{reason} at byte {offset} of the frame")]
    Frame {
        /// The rule that is broken.
        reason: &'static str,
        /// Where, in bytes from the frame's start.
        offset: usize,
    },
    /// The frame is longer than the limit.
    #[error("the frame has {length} bytes, the limit is {limit}")]
    TooLarge {
        /// Its length, in bytes, as far as it is known.
        length: usize,
        /// The length allowed.
        limit: usize,
    },
    /// The text is not one JSON value.
    #[error("{reason}")]
    Json {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// A member is missing, doubled or of the wrong type.
    #[error("{reason}")]
    Member {
        /// The message's id, where it could be read.
        id: Option<Id>,
        /// What is wrong with which member.
        reason: String,
    },
    /// There is no message of this type.
    #[error("there is no message of type {name:?} from this side")]
    UnknownType {
        /// The message's id, where it could be read.
        id: Option<Id>,
        /// The type, cut to 64 bytes.
        name: String,
    },
    /// A name of a service, an instance, a method or a group breaks the rules of names.
    #[error("`{member}`: {source}")]
    Name {
        /// The message's id.
        id: Option<Id>,
        /// The member that holds it, as `name` or `methods`.
        member: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// The address cannot be used.
    #[error("{source}")]
    Address {
        /// The message's id.
        id: Option<Id>,
        /// What is wrong with it.
        source: AddressError,
    },
    /// The topic cannot be used.
    #[error("{source}")]
    Topic {
        /// The message's id.
        id: Option<Id>,
        /// What is wrong with it.
        source: TopicError,
    },
    /// The filter cannot be used.
    #[error("{source}")]
    Filter {
        /// The message's id.
        id: Option<Id>,
        /// What is wrong with it.
        source: FilterError,
    },
    /// The id cannot be used.
    #[error("{0}")]
    Id(#[from] IdError),
    /// The headers cannot be used.
    #[error("{source}")]
    Headers {
        /// The message's id.
        id: Option<Id>,
        /// What is wrong with them.
        source: crate::HeadersError,
    },
    /// The payload is not what it says.
    #[error("{source}")]
    Payload {
        /// The message's id.
        id: Option<Id>,
        /// What is wrong with it.
        source: crate::PayloadError,
    },
}

impl DecodeError {
    /// Returns the error code that the sender is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            DecodeError::Frame { .. } => ErrorCode::InvalidFrame,
            DecodeError::TooLarge { .. } => ErrorCode::FrameTooLarge,
            DecodeError::Json { .. } => ErrorCode::InvalidJson,
            DecodeError::Member { .. } => ErrorCode::InvalidMessage,
            DecodeError::UnknownType { .. } => ErrorCode::UnknownType,
            DecodeError::Name { .. } => ErrorCode::InvalidName,
            DecodeError::Address { .. } => ErrorCode::InvalidAddress,
            DecodeError::Topic { .. } => ErrorCode::InvalidTopic,
            DecodeError::Filter { .. } => ErrorCode::InvalidFilter,
            DecodeError::Id(_) => ErrorCode::InvalidId,
            DecodeError::Headers { source, .. } => source.code(),
            DecodeError::Payload { source, .. } => source.code(),
        }
    }

    /// Returns the id of the refused message, where it could be read.
    pub fn id(&self) -> Option<Id> {
        match self {
            DecodeError::Member { id, .. }
            | DecodeError::UnknownType { id, .. }
            | DecodeError::Name { id, .. }
            | DecodeError::Address { id, .. }
            | DecodeError::Topic { id, .. }
            | DecodeError::Filter { id, .. }
            | DecodeError::Headers { id, .. }
            | DecodeError::Payload { id, .. } => *id,
            _ => None,
        }
    }

    /// Tells whether the next frame of a stream cannot be found any more.
    pub fn is_fatal(&self) -> bool {
        matches!(self, DecodeError::Frame { .. } | DecodeError::TooLarge { .. })
    }

    /// Returns the error as the sender is told.
    pub fn problem(&self) -> Problem {
        Problem::new(self.code()).detail(self)
    }
}
