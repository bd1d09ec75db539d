//! The keys by which a program names what it asked a session for. Keys are never reused within a session.

macro_rules! key {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(pub(crate) u64);

        impl $type {
            /// Returns the key as a number below 2^53, for languages that know no types of ours.
            pub const fn number(self) -> u64 {
                self.0
            }

            /// Restores a key from its number. One that the session never gave out selects nothing.
            pub const fn from_number(number: u64) -> Self {
                $type(number)
            }
        }
    };
}

key! {
    /// Names a registration, across reconnects.
    RegistrationKey
}
key! {
    /// Names a request that the program made.
    RequestKey
}
key! {
    /// Names a subscription of the program, across reconnects.
    SubscriptionKey
}
key! {
    /// Names a publish that asked for an acknowledgement.
    PublishKey
}
key! {
    /// Names a [`flush`](crate::Session::flush).
    FlushKey
}

/// Names a request that came in and awaits an answer, on the connection that it came by.
///
/// A token of an earlier connection is refused by [`reply`](crate::Session::reply) and its kin: the answer has nobody
/// to go to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryToken {
    /// Counts the session's connections from 1.
    pub(crate) generation: u32,
    /// The broker's number on that connection.
    pub(crate) delivery: u64,
}

impl DeliveryToken {
    /// Returns the connection's count and the broker's delivery number.
    pub const fn parts(self) -> (u32, u64) {
        (self.generation, self.delivery)
    }

    /// Restores a token from its parts. One that the session never gave out is refused where it is used.
    pub const fn from_parts(generation: u32, delivery: u64) -> Self {
        DeliveryToken { generation, delivery }
    }
}
