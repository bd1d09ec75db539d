//! What happened since the start, and what is there now, in numbers.

use buslane_protocol::ErrorCode;

/// What happened since the start. Every field only grows.
///
/// The numbers add up, at any moment between two calls of the engine, with [`Gauges`] of the same moment:
/// - `opened = closed + gauges.clients`
/// - `received() = handled by type + malformed`
/// - `requests_accepted = replied + streamed + gathered + failed + expired + cancelled + lost + overflowed
///   + abandoned + gauges.requests`
/// - `deliveries = deliveries_sent + deliveries_dropped + deliveries_lost + gauges.queued_deliveries`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections opened.
    pub opened: u64,
    /// Connections closed.
    pub closed: u64,
    /// Bytes written to transports.
    pub bytes_out: u64,
    /// Messages received, by type, in the order of [`Counters::TYPES`].
    pub received: [u64; Counters::TYPES.len()],
    /// Frames that were no message.
    pub malformed: u64,
    /// Refusals, by error code.
    pub refused: Refusals,

    /// Registrations accepted.
    pub registrations: u64,
    /// Instances taken over by another connection.
    pub takeovers: u64,
    /// Payloads refused by a schema.
    pub schema_rejections: u64,

    /// Requests accepted; each ends in exactly one of the following ten.
    pub requests_accepted: u64,
    /// Ended by the reply of their one callee.
    pub replied: u64,
    /// Ended by the last chunk of a stream.
    pub streamed: u64,
    /// Ended by the `end` of a gathered request.
    pub gathered: u64,
    /// Ended by an error of their callee, or by an answer that its contract refuses.
    pub failed: u64,
    /// Ended by the deadline.
    pub expired: u64,
    /// Ended by the caller's `cancel`.
    pub cancelled: u64,
    /// Ended because the callee went away.
    pub lost: u64,
    /// Streams that ended because the caller read too slowly.
    pub overflowed: u64,
    /// Ended because the caller went away.
    pub abandoned: u64,
    /// Answers that came after the end of their request, and were discarded.
    pub late: u64,

    /// Publishes routed, retained values and events of the broker included.
    pub published: u64,
    /// Copies handed to outboxes or to the queues of subscriptions with credit.
    pub deliveries: u64,
    /// Copies whose last byte was handed to the transport.
    pub deliveries_sent: u64,
    /// Copies dropped because a queue or the memory was full.
    pub deliveries_dropped: u64,
    /// Bytes of the copies dropped.
    pub deliveries_dropped_bytes: u64,
    /// Copies that waited when their client went away.
    pub deliveries_lost: u64,
    /// Publishes and requests that nobody took.
    pub unhandled: u64,
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

/// What is there at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Connections open.
    pub clients: u64,
    /// Services with at least one instance.
    pub services: u64,
    /// Instances registered.
    pub instances: u64,
    /// Consumers registered.
    pub consumers: u64,
    /// Subscriptions.
    pub subscriptions: u64,
    /// Requests in flight; a gathered one counts once.
    pub requests: u64,
    /// Topics with a retained value.
    pub retained: u64,
    /// Bytes of retained values.
    pub retained_bytes: u64,
    /// Deliveries waiting in outboxes and in the queues of subscriptions with credit.
    pub queued_deliveries: u64,
    /// Bytes accounted for.
    pub memory: u64,
    /// Bytes that may be accounted for.
    pub memory_limit: u64,
}
