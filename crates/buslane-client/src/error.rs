//! Why an operation failed: one enum per operation, each with a code of the table, the problem as it travelled and
//! advice on retrying. Holds no logic but the sorting of problems into variants.

use buslane_protocol::{ErrorCode, Origin, Problem, Retry};

use crate::{Url, UrlError};

/// Why no connection came about.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be used. Final.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// No broker answered in time. Nothing is left behind; connecting again may succeed later, and
    /// [`ClientBuilder::lazy`](crate::ClientBuilder::lazy) does so by itself.
    #[error("no broker answers at {url}: {reason}; {hint}")]
    Unreachable {
        /// Where the client looked.
        url: Url,
        /// What happened at the last attempt.
        reason: String,
        /// What to try.
        hint: &'static str,
    },
    /// The broker answered and refused the client: a bad token, a protocol version unknown to it, no room. The code
    /// says whether to retry.
    #[error("the broker refuses the client: {0}")]
    Refused(Box<Problem>),
}

impl ConnectError {
    /// Returns the code of the table.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            ConnectError::Url(error) => error.error_code(),
            ConnectError::Unreachable { .. } => ErrorCode::Unreachable,
            ConnectError::Refused(problem) => problem.error_code().unwrap_or(ErrorCode::Internal),
        }
    }

    /// Returns the code as it is written in every language.
    pub fn code(&self) -> &str {
        match self {
            ConnectError::Refused(problem) => &problem.code,
            _ => self.error_code().as_str(),
        }
    }

    /// Tells whether connecting again can help.
    pub fn retry(&self) -> Retry {
        self.error_code().retry()
    }
}

/// Declares the error of an operation: an enum whose variants each hold the problem. A code that no variant lists is
/// `Refused`.
macro_rules! operation_error {
    (
        $(#[$documentation:meta])*
        $name:ident {
            $($(#[$variant_documentation:meta])* $variant:ident $message:literal: $($code:ident)|*,)*
        }
    ) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, PartialEq, thiserror::Error)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_documentation])* #[error($message, .0)] $variant(Box<Problem>),)*
            /// The broker refused for another reason, which the code tells, together with whether to retry. Nothing
            /// took effect.
            #[error("{}", .0)]
            Refused(Box<Problem>),
        }

        impl $name {
            /// Returns the code: of the table, or a service's own word.
            pub fn code(&self) -> &str {
                &self.problem().code
            }

            /// Returns the code of the table, if it is one and not a service's own word.
            pub fn error_code(&self) -> Option<ErrorCode> {
                self.problem().error_code()
            }

            /// Returns the whole problem: title, detail, JSON Pointer, keyword, expectation and data.
            pub fn problem(&self) -> &Problem {
                match self {
                    $($name::$variant(problem))|* | $name::Refused(problem) => problem,
                }
            }

            /// Tells whether doing it again can help. A service's own error may be worth it or not: only the service
            /// knows, so it counts as [`Retry::IfHarmlessTwice`].
            pub fn retry(&self) -> Retry {
                self.error_code().map_or(Retry::IfHarmlessTwice, ErrorCode::retry)
            }
        }

        impl From<Problem> for $name {
            fn from(problem: Problem) -> $name {
                Box::new(problem).into()
            }
        }

        impl From<Box<Problem>> for $name {
            fn from(problem: Box<Problem>) -> $name {
                let Some(code) = problem.error_code() else {
                    return operation_error!(@own $name problem);
                };
                $(
                    let codes: &[ErrorCode] = &[$(ErrorCode::$code),*];
                    if codes.contains(&code) {
                        return $name::$variant(problem);
                    }
                )*
                $name::Refused(problem)
            }
        }

        impl From<$name> for Box<Problem> {
            fn from(error: $name) -> Box<Problem> {
                match error {
                    $($name::$variant(problem))|* | $name::Refused(problem) => problem,
                }
            }
        }
    };
    (@own RequestError $problem:ident) => { RequestError::own($problem) };
    (@own $name:ident $problem:ident) => { $name::Refused($problem) };
}

operation_error! {
    /// Why a request did not succeed, or a stream of replies broke off.
    RequestError {
        /// The address, a header or the input cannot be sent as it is. Final; nothing was sent.
        Invalid "{}":
            InvalidAddress | InvalidPayload | PayloadTooLarge | HeadersTooLarge | InvalidMessage | FrameTooLarge,
        /// The input does not match the schema of the method. Final; no instance received it.
        SchemaViolation "{}": SchemaViolation,
        /// No instance offers the method. Nothing took effect; try again later.
        NoInstance "{}": NoInstance | UnknownNode,
        /// The service answered with an error of its own, or failed. The code is the service's word; whether to retry
        /// is the service's to say.
        Service "{}": ServiceError,
        /// No answer came by the deadline. It may have taken effect: retry if doing it twice is harmless.
        DeadlineExceeded "{}": DeadlineExceeded,
        /// The connection or the instance was lost after the request was sent. It may have taken effect: retry if
        /// doing it twice is harmless.
        OutcomeUnknown "{}": OutcomeUnknown,
        /// There was no connection before the deadline. Nothing took effect; try again later.
        NotSent "{}": NotSent | Unreachable,
        /// The caller or a receiver was too slow, and a queue ran full. Parts of a stream that came before are valid.
        Overflow "{}": Overflow | Overloaded,
        /// An answer came, but it is not of the type asked for. Final as long as both programs stay as they are.
        UnexpectedReply "{}":,
        /// The program closed the client. Final.
        Closed "{}": Closed,
    }
}

operation_error! {
    /// Why a publish did not succeed.
    PublishError {
        /// The topic, a header or the payload cannot be sent as it is. Final; nothing was sent.
        Invalid "{}":
            InvalidTopic | InvalidPayload | PayloadTooLarge | HeadersTooLarge | InvalidMessage | FrameTooLarge,
        /// The payload does not match the topic's contract. Final; nobody received it.
        SchemaViolation "{}": SchemaViolation,
        /// A receiver's queue is full, and the topic's contract says that publishes shall fail then. Nobody received
        /// it; try again later.
        ReceiverFull "{}": ReceiverFull,
        /// There is no connection and the queue for that time is full, or [`Publish::try_send`](crate::Publish::try_send)
        /// found too much on its way. Nothing was queued; try again later.
        QueueFull "{}": QueueFull,
        /// The connection was lost before the message was sent. Nothing took effect; try again later.
        NotSent "{}": NotSent | Unreachable,
        /// The connection was lost before the acknowledgement came. Receivers may have it: retry if twice is
        /// harmless.
        OutcomeUnknown "{}": OutcomeUnknown | DeadlineExceeded,
        /// The program closed the client. Final.
        Closed "{}": Closed,
    }
}

operation_error! {
    /// Why a service could not be registered, or a registration not ended.
    RegisterError {
        /// A name, schema or other part of the registration cannot be used. Final; nothing is registered.
        Invalid "{}":
            InvalidName | InvalidSchema | InvalidTopic | InvalidPayload | InvalidMessage | RegistrationTooLarge
            | ReservedTopic,
        /// Another living client holds the instance. Nothing is registered; try again later or under another name.
        InstanceInUse "{}": InstanceInUse,
        /// This client has registered the instance already. Final; the earlier registration stays.
        AlreadyRegistered "{}": AlreadyRegistered,
        /// Another service declared a different contract for a topic. Final; nothing is registered.
        TopicConflict "{}": TopicConflict,
        /// The new version breaks those who use the service, and the broker refuses that. Final; nothing is registered.
        /// The problem's `data` is the [`CompatibilityReport`](buslane_protocol::CompatibilityReport).
        Incompatible "{}": IncompatibleSchema,
        /// The registration has ended, or never was.
        NotRegistered "{}": NotRegistered | TakenOver,
        /// The program closed the client. Final.
        Closed "{}": Closed,
    }
}

operation_error! {
    /// Why a subscription could not be made.
    SubscribeError {
        /// The filter or the shared name cannot be used. Final; nothing is subscribed.
        Invalid "{}": InvalidFilter | InvalidTopic | InvalidName | InvalidMessage,
        /// The client has too many subscriptions. Final until others end.
        TooMany "{}": TooManySubscriptions,
        /// The program closed the client. Final.
        Closed "{}": Closed,
    }
}

operation_error! {
    /// Why the client cannot tell that the broker has processed everything before.
    FlushError {
        /// The connection was lost before the broker confirmed. What was sent before may be lost; try again later.
        OutcomeUnknown "{}": OutcomeUnknown | NotSent | Unreachable | DeadlineExceeded,
        /// The program closed the client. Final.
        Closed "{}": Closed,
    }
}

impl RequestError {
    /// Sorts a problem whose code is not of the table, or is a service's own word.
    fn own(problem: Box<Problem>) -> RequestError {
        if problem.origin == Origin::Service {
            RequestError::Service(problem)
        } else {
            RequestError::Refused(problem)
        }
    }

    /// Makes the error of an answer that is not of the type asked for.
    pub(crate) fn unexpected(reason: impl std::fmt::Display) -> RequestError {
        RequestError::UnexpectedReply(own_problem(ErrorCode::InvalidPayload, reason))
    }
}

/// Makes a problem that this library reports itself.
pub(crate) fn own_problem(code: ErrorCode, detail: impl std::fmt::Display) -> Box<Problem> {
    Box::new(Problem::new(code).from_origin(Origin::Client).detail(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_the_table_selects_the_variant() {
        assert!(matches!(
            RequestError::from(Problem::new(ErrorCode::NoInstance)),
            RequestError::NoInstance(_)
        ));
        assert!(matches!(
            PublishError::from(Problem::new(ErrorCode::QueueFull)),
            PublishError::QueueFull(_)
        ));
        assert!(matches!(
            RegisterError::from(Problem::new(ErrorCode::Forbidden)),
            RegisterError::Refused(_)
        ));
    }

    #[test]
    fn a_services_word_stays_its_own_even_if_the_table_has_it() {
        let error = RequestError::from(Problem::of_service("no_instance", "no such shelf"));
        assert!(matches!(error, RequestError::Service(_)));
        assert_eq!((error.code(), error.error_code()), ("no_instance", None));
        assert_eq!(error.retry(), Retry::IfHarmlessTwice);
    }

    #[test]
    fn messages_tell_title_and_detail() {
        let error = RequestError::from(own_problem(ErrorCode::NotSent, "connection refused"));
        assert_eq!(
            error.to_string(),
            "the connection was lost before the message was sent: connection refused"
        );
    }

    #[test]
    fn an_unreachable_broker_is_told_with_a_hint() {
        let error = ConnectError::Unreachable {
            url: Url::default(),
            reason: "connection refused".into(),
            hint: "start one with `buslane serve`",
        };
        assert_eq!(
            error.to_string(),
            "no broker answers at buslane://127.0.0.1:5959: connection refused; start one with `buslane serve`"
        );
        assert_eq!((error.code(), error.retry()), ("unreachable", Retry::Later));
    }
}
