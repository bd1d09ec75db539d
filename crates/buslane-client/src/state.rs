//! What happens to the connection and outside any call: two streams for whoever wants to know.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use buslane_protocol::{ErrorCode, Problem};
use futures_util::Stream;

use crate::inbox::Inbox;

/// Where the connection to the broker stands.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// The first connection is being made.
    Connecting,
    /// The broker has accepted the client.
    Connected {
        /// The client's id on this broker, of this connection only.
        client: String,
        /// The broker's node name.
        node: String,
        /// The broker's software and version.
        server: String,
    },
    /// The connection is lost, or an attempt failed. Another follows by itself.
    Disconnected {
        /// Why.
        problem: Box<Problem>,
        /// Time until the next attempt.
        retry_in: Duration,
    },
    /// The broker shuts down: what is under way is finished, new requests wait for the next connection.
    Draining {
        /// Time until the broker closes the connection.
        closes_in: Duration,
    },
    /// Another process took over an instance that this client held. The client has ended.
    TakenOver,
    /// The program closed the client.
    Closed,
    /// The broker will never take this client, for a bad token or an unknown version. The client has ended.
    Refused {
        /// Why.
        problem: Box<Problem>,
    },
}

impl ConnectionState {
    /// Sorts the problem with which a session ended.
    pub(crate) fn ended(problem: &Problem) -> ConnectionState {
        match problem.error_code() {
            Some(ErrorCode::TakenOver) => ConnectionState::TakenOver,
            Some(ErrorCode::Closed) => ConnectionState::Closed,
            _ => ConnectionState::Refused {
                problem: Box::new(problem.clone()),
            },
        }
    }

    /// Tells whether the client has ended, so that no other state follows.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            ConnectionState::TakenOver | ConnectionState::Closed | ConnectionState::Refused { .. }
        )
    }
}

/// What went wrong outside any call, so that no call could return it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Report {
    /// The broker refused a message that awaits no answer, as a publish without acknowledgement.
    Refused {
        /// Why, and of which topic.
        problem: Box<Problem>,
    },
    /// The broker refused what a handler answered, because it does not match the method's output schema or came after
    /// the request had ended. The caller has its own error.
    AnswerRefused {
        /// Why, and of which address.
        problem: Box<Problem>,
    },
    /// A registration that was made before, or while there was no connection, is refused.
    RegistrationFailed {
        /// The service's name.
        service: String,
        /// Why.
        problem: Box<Problem>,
        /// Whether the client tries again by itself.
        retries: bool,
    },
    /// A subscription that was made before, or while there was no connection, is refused and has ended.
    SubscriptionFailed {
        /// The subscription's filter.
        filter: String,
        /// Why.
        problem: Box<Problem>,
    },
}

macro_rules! listener {
    ($(#[$documentation:meta])* $name:ident of $item:ident) => {
        $(#[$documentation])*
        pub struct $name {
            inbox: Arc<Inbox<$item>>,
        }

        impl $name {
            pub(crate) fn new(inbox: Arc<Inbox<$item>>) -> $name {
                $name { inbox }
            }

            /// Waits for the next one; `None` after the client has ended.
            pub async fn next(&mut self) -> Option<$item> {
                std::future::poll_fn(|context| self.poll(context)).await
            }

            fn poll(&self, context: &mut Context<'_>) -> Poll<Option<$item>> {
                self.inbox.poll_next(context, |_, _| {})
            }
        }

        impl Stream for $name {
            type Item = $item;

            fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<$item>> {
                self.poll(context)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

listener! {
    /// The states of a client's connection, the present one first. Looking on does not keep the client open.
    States of ConnectionState
}

listener! {
    /// What goes wrong outside any call, from now on. Looking on does not keep the client open.
    Reports of Report
}
