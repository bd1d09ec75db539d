//! The append-only table of error codes. `schemas/errors.json` holds the same table for every other language, and a
//! test compares the two.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whether sending the same message again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same message is refused again.
    Never,
    /// Nothing took effect; the same message may succeed later.
    Later,
    /// The message may have taken effect: send it again only if doing it twice is harmless.
    IfHarmlessTwice,
}

impl Retry {
    /// Returns the word that the table uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Retry::Never => "never",
            Retry::Later => "later",
            Retry::IfHarmlessTwice => "if_harmless_twice",
        }
    }
}

macro_rules! error_codes {
    ($($variant:ident $number:literal $text:literal $status:literal $retry:ident $title:literal;)*) => {
        /// What went wrong, stable across versions and languages.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $text, "`: ", $title, ".")] $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the table's order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// Returns the code as it travels.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$variant => $text,)* }
            }

            /// Returns the code's number, for languages whose enums have one.
            pub const fn number(self) -> u16 {
                match self { $(ErrorCode::$variant => $number,)* }
            }

            /// Returns the HTTP status that goes with the code.
            pub const fn status(self) -> u16 {
                match self { $(ErrorCode::$variant => $status,)* }
            }

            /// Tells whether sending the same message again can help.
            pub const fn retry(self) -> Retry {
                match self { $(ErrorCode::$variant => Retry::$retry,)* }
            }

            /// Returns one sentence for people.
            pub const fn title(self) -> &'static str {
                match self { $(ErrorCode::$variant => $title,)* }
            }

            /// Finds the code of a text.
            pub fn parse(text: &str) -> Option<ErrorCode> {
                match text { $($text => Some(ErrorCode::$variant),)* _ => None }
            }
        }
    };
}

error_codes! {
    InvalidFrame 1 "invalid_frame" 400 Never "the bytes are no frame of this protocol";
    InvalidJson 2 "invalid_json" 400 Never "the text is not one JSON value";
    InvalidMessage 3 "invalid_message" 400 Never "a member of the message is missing or of the wrong type";
    UnknownType 4 "unknown_type" 400 Never "there is no message of this type";
    UnsupportedVersion 5 "unsupported_version" 400 Never "no protocol version is known to both sides";
    FrameTooLarge 6 "frame_too_large" 413 Never "the frame is longer than the limit";
    PayloadTooLarge 7 "payload_too_large" 413 Never "the payload is longer than the limit";
    HeadersTooLarge 8 "headers_too_large" 413 Never "there are more headers than the limit, or longer ones";
    InvalidName 9 "invalid_name" 400 Never "a name breaks the rules of names";
    InvalidAddress 10 "invalid_address" 400 Never "the address breaks the rules of addresses";
    InvalidTopic 11 "invalid_topic" 400 Never "the topic breaks the rules of topics";
    InvalidFilter 12 "invalid_filter" 400 Never "the filter breaks the rules of filters";
    InvalidId 13 "invalid_id" 400 Never "the id breaks the rules of ids";
    InvalidPayload 14 "invalid_payload" 422 Never "the payload is not what its content type says";
    InvalidSchema 15 "invalid_schema" 422 Never "a schema of the registration cannot be used";
    SchemaViolation 16 "schema_violation" 422 Never "the payload does not match the schema";
    HandshakeTimeout 17 "handshake_timeout" 408 Later "no complete first frame came in time";
    HeartbeatTimeout 18 "heartbeat_timeout" 408 Later "the other side was silent for too long";
    Unauthenticated 19 "unauthenticated" 401 Never "the client did not prove who it is";
    Forbidden 20 "forbidden" 403 Never "the client may not do this";
    ReservedTopic 21 "reserved_topic" 403 Never "topics under $ belong to the broker";
    DuplicateId 22 "duplicate_id" 409 Never "a request with this id is in flight already";
    AlreadyRegistered 23 "already_registered" 409 Never "this client has registered this instance already";
    NotRegistered 24 "not_registered" 404 Never "this client has no such registration";
    InstanceInUse 25 "instance_in_use" 409 Later "another living client holds this instance";
    TakenOver 26 "taken_over" 409 Never "a new connection took this instance over";
    TopicConflict 27 "topic_conflict" 409 Never "another service declared a different contract for the topic";
    NotSubscribed 28 "not_subscribed" 404 Never "this client has no such subscription";
    UnknownDelivery 29 "unknown_delivery" 404 Never "no delivery of this number awaits an answer from this connection";
    UnexpectedStream 30 "unexpected_stream" 409 Never "a chunk came for a request that did not ask for a stream";
    NoInstance 31 "no_instance" 404 Later "no instance offers the method";
    UnknownNode 32 "unknown_node" 404 Later "no broker of this name is linked";
    DeadlineExceeded 33 "deadline_exceeded" 504 IfHarmlessTwice "no answer came by the deadline";
    Cancelled 34 "cancelled" 499 IfHarmlessTwice "the caller cancelled the request";
    OutcomeUnknown 35 "outcome_unknown" 502 IfHarmlessTwice "the instance or the connection was lost after the request was sent";
    NotSent 36 "not_sent" 503 Later "the connection was lost before the message was sent";
    Unreachable 37 "unreachable" 503 Later "no broker answers at the address";
    Overloaded 38 "overloaded" 503 Later "the callee's outbox is full";
    Overflow 39 "overflow" 503 Later "the receiver reads too slowly and its queue is full";
    ReceiverFull 40 "receiver_full" 503 Later "a receiver's queue is full and the topic's contract says refuse";
    Draining 41 "draining" 503 Later "the broker or the instance is shutting down and takes nothing new";
    Closed 42 "closed" 503 Never "the client was closed by its own program";
    TooManyRequests 43 "too_many_requests" 429 Later "the client has too many requests in flight";
    TooManySubscriptions 44 "too_many_subscriptions" 429 Never "the client has too many subscriptions";
    TooManyRegistrations 45 "too_many_registrations" 429 Never "the client has too many registrations";
    MatchLimit 46 "match_limit" 429 Never "the publish would examine too many filters";
    MemoryFull 47 "memory_full" 503 Later "the broker's memory cap is reached";
    RegistrationTooLarge 48 "registration_too_large" 413 Never "the registration or a part of it is larger than the limit";
    QueueFull 49 "queue_full" 503 Later "the client's own offline queue is full";
    ServiceError 50 "service_error" 500 IfHarmlessTwice "the service failed without saying why";
    Internal 51 "internal" 500 IfHarmlessTwice "a defect in the broker or the client";
    NotSupported 52 "not_supported" 501 Never "this version does not offer that";
    TooManyConnections 53 "too_many_connections" 503 Later "the broker has no room for another connection";
    ForbiddenOrigin 54 "forbidden_origin" 403 Never "the Origin or Host header is not allowed here";
    NotFound 55 "not_found" 404 Never "there is nothing at this path";
    MethodNotAllowed 56 "method_not_allowed" 405 Never "the path does not answer this HTTP method";
    IncompatibleSchema 57 "incompatible_schema" 409 Never "the new version breaks those who use the service";
    NotAcceptable 58 "not_acceptable" 406 Never "the answer has no form that Accept allows";
    UnsupportedMediaType 59 "unsupported_media_type" 415 Never "a body of this media type is not taken here";
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        ErrorCode::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("unknown error code {text}")))
    }
}
