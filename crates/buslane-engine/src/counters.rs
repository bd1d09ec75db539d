//! What happened since the start, and what is there now, in numbers.

use buslane_protocol::ErrorCode;

macro_rules! numbers {
    ($(#[$head:meta])* $name:ident { $($(#[$doc:meta])* $field:ident,)* } $($rest:tt)*) => {
        $(#[$head])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$doc])* pub $field: u64,)*
            $($rest)*
        }

        impl $name {
            /// Walks the single numbers with their names, in the order of the fields.
            pub fn numbers(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field)),*].into_iter()
            }
        }
    };
}

numbers! {
    /// What happened since the start. Every field only grows.
    ///
    /// The numbers add up, at any moment between two calls of the engine, with [`Gauges`] of the same moment:
    /// - `opened = closed + gauges.clients`
    /// - `requests_accepted = replied + streamed + gathered + failed + expired + cancelled + lost + overflowed
    ///   + abandoned + gauges.requests`
    /// - `deliveries_dropped = dropped_oldest + dropped_newest + dropped_disconnect`
    /// - `delivery_bytes = delivery_bytes_sent + delivery_bytes_dropped + delivery_bytes_lost
    ///   + gauges.queued_delivery_bytes`
    Counters {
        /// Connections opened.
        opened,
        /// Connections closed.
        closed,
        /// Bytes handed to transports.
        bytes_out,
        /// Frames that were no message.
        malformed,
        /// Registrations accepted.
        registrations,
        /// Instances taken over by another connection.
        takeovers,
        /// Payloads refused by a schema.
        schema_rejections,
        /// Requests accepted; each ends in exactly one of the following nine.
        requests_accepted,
        /// Ended by the reply of their one callee.
        replied,
        /// Ended by the last chunk of a stream.
        streamed,
        /// Ended by the `end` of a gathered request.
        gathered,
        /// Ended by an error of their callee, or by an answer that is refused.
        failed,
        /// Ended by the deadline.
        expired,
        /// Ended by the caller's `cancel`.
        cancelled,
        /// Ended because the callee went away.
        lost,
        /// Streams that ended because the caller, or the callee, read too slowly.
        overflowed,
        /// Ended because the caller went away.
        abandoned,
        /// Answers that came after the end of their request, and were discarded.
        late,
        /// Publishes routed, and events of the broker.
        published,
        /// Events about services, one copy for each client. They go through the control lane.
        announcements,
        /// Copies of publishes and other events for one client each, retained values included.
        deliveries,
        /// Bytes of those copies, as messages stand on the receiver's wire.
        delivery_bytes,
        /// Bytes of copies that were handed to the transport, or at least begun.
        delivery_bytes_sent,
        /// Copies dropped because a queue or the memory was full; each by one of the next three policies.
        deliveries_dropped,
        /// Copies dropped under the policy `drop_oldest`.
        dropped_oldest,
        /// Copies dropped under the policy `drop_newest`.
        dropped_newest,
        /// Copies dropped under the policy `disconnect`, with the connection.
        dropped_disconnect,
        /// Bytes of copies dropped.
        delivery_bytes_dropped,
        /// Bytes of copies that waited when their client or their subscription ended.
        delivery_bytes_lost,
        /// Publishes without a receiver, requests without an instance, and requests that nobody answered in time.
        unhandled,
    }
    /// Messages received, by type, in the order of [`Counters::TYPES`].
    pub received: [u64; Counters::TYPES.len()],
    /// Refusals, by error code.
    pub refused: Refusals,
}

impl Counters {
    /// The types of messages that clients send, in the order of [`Counters::received`].
    pub const TYPES: [&'static str; 15] = [
        "connect",
        "register",
        "unregister",
        "subscribe",
        "unsubscribe",
        "publish",
        "request",
        "reply",
        "chunk",
        "error",
        "cancel",
        "credit",
        "ping",
        "pong",
        "goodbye",
    ];
}

/// How often each error code was the answer of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals([u64; ErrorCode::ALL.len()]);

impl Refusals {
    /// Returns how many refusals had a code.
    pub fn of(&self, code: ErrorCode) -> u64 {
        ErrorCode::ALL
            .iter()
            .position(|known| *known == code)
            .map_or(0, |index| self.0[index])
    }

    /// Returns every code that was used, with its number, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = (ErrorCode, u64)> + '_ {
        ErrorCode::ALL
            .iter()
            .copied()
            .zip(self.0)
            .filter(|(_, count)| *count > 0)
    }

    /// Counts a refusal.
    pub(crate) fn count(&mut self, code: ErrorCode) {
        if let Some(index) = ErrorCode::ALL.iter().position(|known| *known == code) {
            self.0[index] += 1;
        }
    }
}

impl Default for Refusals {
    fn default() -> Self {
        Refusals([0; ErrorCode::ALL.len()])
    }
}

numbers! {
    /// What is there at this moment.
    Gauges {
        /// Connections open.
        clients,
        /// Services with at least one instance.
        services,
        /// Instances registered.
        instances,
        /// Consumers registered.
        consumers,
        /// Subscriptions.
        subscriptions,
        /// Requests in flight; a gathered one counts once.
        requests,
        /// Topics with a retained value.
        retained,
        /// Bytes of retained values.
        retained_bytes,
        /// Bytes of deliveries that wait in outboxes and in the queues of subscriptions with credit.
        queued_delivery_bytes,
        /// Bytes of control messages, requests and answers that wait in outboxes.
        queued_control_bytes,
        /// Bytes accounted for.
        memory,
        /// Bytes that may be accounted for.
        memory_limit,
    }
}
