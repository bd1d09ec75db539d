//! What happened since the start, and what is there now, in numbers.

use std::time::Duration;

use buslane_protocol::ErrorCode;

use crate::CloseReason;
use crate::histogram::Histogram;
use crate::inbound::PUBLISH;
use crate::memory::Category;

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
    /// - `unhandled` is the sum of the four fields after it, `closed` that of [`Counters::closed_for`]
    /// - [`Counters::request_durations`] holds one value for each request that ended, [`Counters::publish_sizes`] one
    ///   for each publish of a client that was routed
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
        /// Registrations, refused ones included, that break users of the version before for certain.
        registrations_breaking,
        /// Registrations of which it could not be shown that they break nobody.
        registrations_may_break,
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
        /// Publishes and requests that nobody handled; each for one of the next four reasons.
        unhandled,
        /// Publishes without a receiver.
        unhandled_no_receiver,
        /// Requests to an address at which nobody is registered.
        unhandled_no_instance,
        /// Requests to a broker that is not linked.
        unhandled_unknown_node,
        /// Requests that an instance did not answer in time.
        unhandled_deadline_exceeded,
        /// Payloads held against a schema at once.
        validated_inline,
        /// Payloads held against a schema on another thread, because they are long.
        validated_aside,
        /// Retained values that lapsed.
        retained_expired,
        /// Pings sent to clients that were silent.
        pings,
        /// Subscriptions that were told the present state of services to its end.
        snapshots,
        /// Times that a client's view of services began anew behind a gap, for want of memory.
        snapshots_restarted,
        /// Events about services that waited for room.
        announcements_held,
        /// Of those, the ones that a later event about the same instance or service made needless.
        announcements_coalesced,
        /// Events that an instance is there.
        events_connect,
        /// Events that the first instance of a service is there.
        events_online,
        /// Events that an instance is gone.
        events_disconnect,
        /// Events that the last instance of a service is gone.
        events_offline,
        /// Publishes of clients to everybody, under `$bus/broadcast/`.
        events_broadcast,
        /// Events about messages that nobody handled.
        events_unhandled,
        /// Events about payloads that a schema refused.
        events_schema_rejection,
        /// Events about registrations that break somebody, or may.
        events_incompatible_schema,
        /// Events about deliveries that were dropped.
        events_overflow,
    }
    /// Messages received, by type, in the order of [`Counters::TYPES`].
    pub received: [u64; Counters::TYPES.len()],
    /// Refusals, by error code.
    pub refused: Refusals,
    /// Connections closed, by reason.
    pub closed_for: Closures,
    /// Microseconds from the acceptance of a request to its end, in buckets of [`Counters::REQUEST_MICROS`].
    pub request_durations: Histogram<{ Counters::REQUEST_MICROS.len() }>,
    /// Bytes of the payloads of publishes, in buckets of [`Counters::PUBLISH_BYTES`].
    pub publish_sizes: Histogram<{ Counters::PUBLISH_BYTES.len() }>,
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

    /// The bounds of [`Counters::request_durations`], in microseconds.
    pub const REQUEST_MICROS: [u64; 12] = [
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 5_000_000, 60_000_000,
    ];

    /// The bounds of [`Counters::publish_sizes`], in bytes.
    pub const PUBLISH_BYTES: [u64; 8] = [64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];

    /// Returns how many messages of clients were received, and how many of these were publishes.
    pub fn received_and_published(&self) -> (u64, u64) {
        (self.received.iter().sum(), self.received[PUBLISH])
    }

    /// Notes how long a request took.
    pub(crate) fn note_request(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.request_durations.observe(&Counters::REQUEST_MICROS, micros);
    }

    /// Notes how long a payload is that a client published.
    #[inline]
    pub(crate) fn note_publish(&mut self, bytes: usize) {
        self.publish_sizes.observe(&Counters::PUBLISH_BYTES, bytes as u64);
    }

    /// Notes that a connection is gone.
    pub(crate) fn note_closed(&mut self, reason: CloseReason) {
        self.closed += 1;
        self.closed_for.0[reason as usize] += 1;
    }
}

/// How many connections ended for each reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closures([u64; CloseReason::ALL.len()]);

impl Closures {
    /// Returns how many connections ended for a reason.
    pub fn of(&self, reason: CloseReason) -> u64 {
        self.0[reason as usize]
    }

    /// Returns every reason with its number.
    pub fn iter(&self) -> impl Iterator<Item = (CloseReason, u64)> + '_ {
        CloseReason::ALL.iter().copied().zip(self.0)
    }
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
    /// Bytes accounted for, by what they are for, in the order of [`Gauges::MEMORY`].
    pub memory_used: [u64; Gauges::MEMORY.len()],
}

impl Gauges {
    /// What accounted bytes are for, in the order of [`Gauges::memory_used`].
    pub const MEMORY: [&'static str; Category::ALL.len()] = {
        let mut names = [""; Category::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Category::ALL[index].as_str();
            index += 1;
        }
        names
    };
}
