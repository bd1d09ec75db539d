//! What went in comes out, is counted as dropped, refused, expired or lost, or waits: the broker's counters against
//! what the oracle itself saw go in and out.

use std::collections::BTreeSet;

use buslane_engine::{Counters, Gauges};
use buslane_protocol::{Delivery, ErrorCode};

use super::Oracle;

/// What the oracle saw since the broker began.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Publishes that were accepted, and those of which that is not known.
    pub(super) publishes: u64,
    pub(super) perhaps_publishes: u64,
    /// Copies that they owe.
    pub(super) copies: u64,
    pub(super) perhaps_copies: u64,
    /// The most shared subscriptions that one publish had, and clients that were given up, perhaps between two copies.
    pub(super) most_shares: u64,
    pub(super) given_up: u64,
    /// Whether there may be other copies: events of the broker and retained values.
    pub(super) others: bool,
    /// Copies that were written, and their bytes.
    pub(super) written: u64,
    pub(super) written_bytes: u64,
    /// Requests that were accepted, and those of which that is not known.
    pub(super) requests: u64,
    pub(super) perhaps_requests: u64,
    /// Requests whose end was written.
    pub(super) ends: u64,
    /// Answers that were taken, those that came too late, and those of which that is not known.
    pub(super) answers: u64,
    pub(super) late: u64,
    pub(super) perhaps_late: u64,
    /// Answers that were refused.
    pub(super) refused_answers: u64,
    /// Whether the end of a connection cut a message off.
    pub(super) torn: bool,
    /// Bytes of the longest payload that was published.
    pub(super) longest: usize,
    /// The policies of all subscriptions.
    pub(super) policies: BTreeSet<u8>,
}

impl Sums {
    /// Takes in a delivery that was written. Events about services are counted here for shared subscriptions only;
    /// other ones get them another way.
    pub(super) fn wrote(&mut self, delivery: &Delivery<'_>, bytes: usize) {
        let topic = delivery.topic.as_str();
        let of_service = topic.starts_with("$bus/service/") || topic == "$bus/snapshot-end";
        if of_service && delivery.headers.shared().is_none() {
            return;
        }
        self.written += 1;
        self.written_bytes += bytes as u64;
    }
}

impl Oracle {
    /// Holds the broker's counters against what went in and out, at a moment at which nothing is under way inside it.
    /// `torn` tells whether a message is written in part.
    pub(crate) fn check_sums(&mut self, counters: &Counters, gauges: &Gauges, torn: bool) {
        let sums = &self.sums;
        let of = |least: u64, perhaps: u64| (least, least + perhaps);
        let unbounded = |least: u64| (least, u64::MAX);
        let steady =
            !torn && !sums.torn && gauges.queued_delivery_bytes == 0 && counters.delivery_bytes_lost == 0;
        let out = sums.written + counters.deliveries_dropped;
        let bytes = sums.written_bytes + counters.delivery_bytes_dropped;
        let unknown = counters.refused.of(ErrorCode::UnknownDelivery);
        let handled = counters.received[REPLY] + counters.received[CHUNK] + counters.received[ERROR];
        let copies = sums.copies.saturating_sub(sums.given_up * sums.most_shares);
        let numbers = [
            (
                "publishes in = routed",
                counters.publish_sizes.count(),
                of(sums.publishes, sums.perhaps_publishes),
            ),
            (
                "copies = owed to receivers",
                counters.deliveries,
                match sums.others {
                    true => unbounded(copies),
                    false => (copies, sums.copies + sums.perhaps_copies),
                },
            ),
            (
                "copies = written + dropped + lost + queued",
                counters.deliveries,
                if steady { (out, out) } else { unbounded(out) },
            ),
            (
                "bytes of copies = written + dropped + lost + queued",
                counters.delivery_bytes,
                if steady { (bytes, bytes) } else { unbounded(bytes) },
            ),
            (
                "requests in = accepted",
                counters.requests_accepted,
                of(sums.requests, sums.perhaps_requests),
            ),
            (
                "requests ended on the wire are ended",
                counters.requests_accepted - gauges.requests,
                unbounded(sums.ends),
            ),
            (
                "answers too late",
                counters.late,
                of(sums.late, sums.perhaps_late),
            ),
            (
                "answers = taken + too late + refused",
                handled,
                unbounded(sums.answers + sums.late + sums.refused_answers),
            ),
            (
                "answers to nothing are refused",
                sums.refused_answers,
                unbounded(unknown),
            ),
        ];
        for (what, told, (least, most)) in numbers {
            if told < least || told > most {
                let promise = format!("counters add up: {what}: {told} is not {least} to {most}");
                return self.broken(promise, &[]);
            }
        }
        self.check_drops(counters);
    }
}

/// Where the types of answers stand among the types of messages.
const REPLY: usize = 7;
const CHUNK: usize = 8;
const ERROR: usize = 9;
