//! Why a session refuses what its program asks for.

use buslane_protocol::{ErrorCode, HeadersError, Origin, PayloadError, Problem};

/// Why a session refuses a call. Nothing has been queued or sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The session has ended for good; the problem says why. Final.
    #[error("the session has ended: {0}")]
    Ended(Box<Problem>),
    /// What waits for a connection would exceed [`Config::offline_bytes`](crate::Config::offline_bytes). May succeed
    /// once the session is connected.
    #[error("{limit} bytes wait for a connection already")]
    QueueFull {
        /// The configured limit, in bytes.
        limit: usize,
    },
    /// The payload is longer than the broker takes, or says that it is JSON and is not one JSON value. Final.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The headers hold a member that only the broker sets. Final.
    #[error(transparent)]
    InvalidHeaders(#[from] HeadersError),
    /// The request's parts do not go together. Final.
    #[error("{reason}")]
    InvalidRequest {
        /// The rule that is broken.
        reason: &'static str,
    },
}

impl SessionError {
    /// Returns the error's code. An ended session gives the code that it ended with where the table has it.
    pub fn code(&self) -> ErrorCode {
        match self {
            SessionError::Ended(problem) => problem.error_code().unwrap_or(ErrorCode::Closed),
            SessionError::QueueFull { .. } => ErrorCode::QueueFull,
            SessionError::Payload(error) => error.code(),
            SessionError::InvalidHeaders(error) => error.code(),
            SessionError::InvalidRequest { .. } => ErrorCode::InvalidMessage,
        }
    }

    /// Returns the error in the shape that travels, with [`Origin::Client`].
    pub fn problem(&self) -> Problem {
        match self {
            SessionError::Ended(problem) => (**problem).clone(),
            other => Problem::new(other.code())
                .detail(other)
                .from_origin(Origin::Client),
        }
    }
}

/// Why an answer to a request that came in is refused. It was not sent, and will not be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The connection that the request came by is gone. Final.
    #[error("the connection that the request came by is gone")]
    ConnectionGone,
    /// The request was answered already, was withdrawn by its caller, or its time is over. Final.
    #[error("the request awaits no answer any more")]
    NotAwaited,
    /// The caller did not ask for a stream. [`reply`](crate::Session::reply) still answers it.
    #[error("the caller did not ask for a stream")]
    NoStream,
    /// The caller takes no more chunks for now. Retry after [`Event::Credit`](crate::Event::Credit).
    #[error("the caller takes no more chunks for now")]
    NoCredit,
    /// The payload or the headers cannot be sent. The request still awaits its answer.
    #[error(transparent)]
    Unsendable(#[from] SessionError),
}

impl AnswerError {
    /// Returns the error's code.
    pub fn code(&self) -> ErrorCode {
        match self {
            AnswerError::ConnectionGone | AnswerError::NotAwaited => ErrorCode::UnknownDelivery,
            AnswerError::NoStream => ErrorCode::UnexpectedStream,
            AnswerError::NoCredit => ErrorCode::Overflow,
            AnswerError::Unsendable(error) => error.code(),
        }
    }

    /// Returns the error in the shape that travels, with [`Origin::Client`].
    pub fn problem(&self) -> Problem {
        own(self.code()).detail(self)
    }
}

/// Makes a problem that the session itself reports.
pub(crate) fn own(code: ErrorCode) -> Problem {
    Problem::new(code).from_origin(Origin::Client)
}
