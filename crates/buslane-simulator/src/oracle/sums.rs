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

    /// Bounds what the broker counts of publishes and their copies.
    fn of_copies(&self, counters: &Counters, gauges: &Gauges, torn: bool) -> [Bound; 4] {
        let steady =
            !torn && !self.torn && gauges.queued_delivery_bytes == 0 && counters.delivery_bytes_lost == 0;
        let exact_if_steady = |out: u64| (out, if steady { out } else { u64::MAX });
        let copies = self.copies.saturating_sub(self.given_up * self.most_shares);
        let most = match self.others {
            true => u64::MAX,
            false => self.copies + self.perhaps_copies,
        };
        [
            (
                "publishes in = routed",
                counters.publish_sizes.count(),
                (self.publishes, self.publishes + self.perhaps_publishes),
            ),
            ("copies = owed to receivers", counters.deliveries, (copies, most)),
            (
                "copies = written + dropped + lost + queued",
                counters.deliveries,
                exact_if_steady(self.written + counters.deliveries_dropped),
            ),
            (
                "bytes of copies = written + dropped + lost + queued",
                counters.delivery_bytes,
                exact_if_steady(self.written_bytes + counters.delivery_bytes_dropped),
            ),
        ]
    }

    /// Bounds what the broker counts of requests and their answers.
    fn of_requests(&self, counters: &Counters, gauges: &Gauges) -> [Bound; 5] {
        let unknown = counters.refused.of(ErrorCode::UnknownDelivery);
        let handled = counters.received[REPLY] + counters.received[CHUNK] + counters.received[ERROR];
        [
            (
                "requests in = accepted",
                counters.requests_accepted,
                (self.requests, self.requests + self.perhaps_requests),
            ),
            (
                "requests ended on the wire are ended",
                counters.requests_accepted - gauges.requests,
                (self.ends, u64::MAX),
            ),
            (
                "answers too late",
                counters.late,
                (self.late, self.late + self.perhaps_late),
            ),
            (
                "answers = taken + too late + refused",
                handled,
                (self.answers + self.late + self.refused_answers, u64::MAX),
            ),
            (
                "answers to nothing are refused",
                self.refused_answers,
                (unknown, u64::MAX),
            ),
        ]
    }
}

/// What is counted, how much the broker says it is, and how little and how much it may be.
type Bound = (&'static str, u64, (u64, u64));

impl Oracle {
    /// Holds the broker's counters against what went in and out, at a moment at which nothing is under way inside it.
    /// `torn` tells whether a message is written in part.
    pub(crate) fn check_sums(&mut self, counters: &Counters, gauges: &Gauges, torn: bool) {
        let copies = self.sums.of_copies(counters, gauges, torn);
        let requests = self.sums.of_requests(counters, gauges);
        for (what, told, (least, most)) in copies.into_iter().chain(requests) {
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
