//! The broker's own numbers: they add up, stay under the limits, and agree with the shadow.

use buslane_engine::{Counters, Gauges};

use super::requests::Asked;
use super::{Oracle, Subject};

impl Oracle {
    /// Counts a message that the broker was handed.
    pub(crate) fn count_received(&mut self, kind: &'static str) {
        self.coverage.count(kind);
        *self.received.entry(kind).or_default() += 1;
    }

    /// Takes note of what the broker dropped and merged so far.
    pub(crate) fn observe(&mut self, counters: &Counters) {
        self.dropped |= counters.deliveries_dropped > 0;
        self.merged |= counters.announcements_coalesced > 0;
    }

    /// Looks at the broker's numbers at a moment at which nothing is under way inside it.
    pub(crate) fn check_numbers(&mut self, counters: &Counters, gauges: &Gauges) {
        self.check_identities(counters, gauges);
        self.check_limits(gauges);
        self.check_agreement(counters, gauges);
    }

    fn check_identities(&mut self, counters: &Counters, gauges: &Gauges) {
        let ended = counters.replied
            + counters.streamed
            + counters.gathered
            + counters.failed
            + counters.expired
            + counters.cancelled
            + counters.lost
            + counters.overflowed
            + counters.abandoned;
        let dropped = counters.dropped_oldest + counters.dropped_newest + counters.dropped_disconnect;
        let bytes = counters.delivery_bytes_sent
            + counters.delivery_bytes_dropped
            + counters.delivery_bytes_lost
            + gauges.queued_delivery_bytes;
        let sums = [
            (
                "opened = closed + clients",
                counters.opened,
                counters.closed + gauges.clients,
            ),
            (
                "requests = ended + in flight",
                counters.requests_accepted,
                ended + gauges.requests,
            ),
            ("dropped = by policy", counters.deliveries_dropped, dropped),
            (
                "delivery bytes = sent + dropped + lost + queued",
                counters.delivery_bytes,
                bytes,
            ),
        ];
        for (sum, left, right) in sums {
            if left != right {
                self.broken(format!("counters add up: {sum}: {left} is not {right}"), &[]);
            }
        }
    }

    /// Looks at the memory that is accounted for.
    pub(crate) fn check_memory(&mut self, gauges: &Gauges) {
        if gauges.memory > gauges.memory_limit || gauges.memory_limit != self.limits.memory as u64 {
            let used: Vec<(&str, u64)> = Gauges::MEMORY.into_iter().zip(gauges.memory_used).collect();
            let promise = format!(
                "accounted memory stays under its cap: {} of {}, {used:?}",
                gauges.memory, gauges.memory_limit
            );
            self.broken(promise, &[]);
        }
    }

    fn check_limits(&mut self, gauges: &Gauges) {
        let blocked = self.clients.iter().filter(|shadow| shadow.blocked).count() as u64;
        let credited = self
            .clients
            .iter()
            .flat_map(|shadow| shadow.subscriptions.values());
        let queues = credited
            .filter(|subscription| subscription.credit.is_some())
            .count() as u64;
        // A message that is longer than the lane may wait alone.
        let lane = (self.limits.outbox as u64).max(LONGEST);
        if gauges.queued_control_bytes > blocked * lane {
            let promise = format!(
                "{blocked} clients are slow, but {} bytes of control wait",
                gauges.queued_control_bytes
            );
            self.broken(promise, &[]);
        }
        let lane = self.limits.outbox.max(2 * self.sums.longest + ENVELOPE) as u64;
        if gauges.queued_delivery_bytes > (blocked + queues) * lane {
            let promise = format!(
                "{blocked} clients are slow, but {} bytes of deliveries wait",
                gauges.queued_delivery_bytes
            );
            self.broken(promise, &[]);
        }
        if gauges.retained_bytes > self.limits.retained as u64 {
            self.broken("retained values stay under their limit", &[]);
        }
        for client in 0..self.clients.len() {
            let sure = |asked: &&Asked| asked.over.is_none() && asked.is_known();
            let open = self.in_flight(client).filter(sure);
            if open.count() > self.limits.requests {
                self.broken(
                    "a client has more requests in flight than the limit",
                    &[Subject::Client(client)],
                );
            }
        }
    }

    fn check_agreement(&mut self, counters: &Counters, gauges: &Gauges) {
        let open = self.clients.iter().filter(|shadow| shadow.open).count() as u64;
        let alive = self.held.iter().filter(|held| held.alive);
        let instances = alive.clone().filter(|held| held.is_instance()).count() as u64;
        let consumers = alive.count() as u64 - instances;
        let subscriptions: u64 = self
            .clients
            .iter()
            .map(|shadow| shadow.subscriptions.len() as u64)
            .sum();
        let (sure, possible) = self.flight_bounds();
        let (least_kept, most_kept) = self.kept_bounds();
        let numbers = [
            ("clients", gauges.clients, open, open),
            ("instances", gauges.instances, instances, instances),
            ("consumers", gauges.consumers, consumers, consumers),
            (
                "subscriptions",
                gauges.subscriptions,
                subscriptions,
                subscriptions,
            ),
            ("requests in flight", gauges.requests, sure, possible),
            ("retained values", gauges.retained, least_kept, most_kept),
        ];
        for (what, told, least, most) in numbers {
            if told < least || told > most {
                let kept = if what == "retained values" {
                    self.kept_now()
                } else {
                    Default::default()
                };
                let promise =
                    format!("the broker counts {told} {what}, but there are {least} to {most} {kept:?}");
                self.broken(promise, &[]);
            }
        }
        for (place, kind) in Counters::TYPES.iter().enumerate() {
            let handed = self.received.get(kind).copied().unwrap_or_default();
            if counters.received[place] != handed {
                let promise = format!(
                    "the broker counts {} of type {kind}, but got {handed}",
                    counters.received[place]
                );
                self.broken(promise, &[]);
            }
        }
    }

    /// Looks whether nothing is left when everybody has gone.
    pub(crate) fn check_empty(&mut self, counters: &Counters, gauges: &Gauges) {
        let left: Vec<(&str, u64)> = gauges
            .numbers()
            .filter(|(name, count)| *count > 0 && !name.starts_with("memory"))
            .collect();
        if !left.is_empty() {
            self.broken(
                format!("nothing is left when everybody has gone, but {left:?}"),
                &[],
            );
        }
        let charged: Vec<(&str, u64)> = Gauges::MEMORY
            .into_iter()
            .zip(gauges.memory_used)
            .filter(is_too_much)
            .collect();
        if !charged.is_empty() {
            self.broken(
                format!("memory is given back when everybody has gone, but {charged:?}"),
                &[],
            );
        }
        let written = self.sums.written_bytes;
        if counters.delivery_bytes_sent < written {
            let promise = format!(
                "the broker counts {} bytes of deliveries sent, but wrote {written}",
                counters.delivery_bytes_sent
            );
            self.broken(promise, &[]);
        }
    }
}

/// Tells whether more is charged for something than may stay when everybody has gone: the table of subscriptions keeps
/// some room, and what services declared last is remembered.
fn is_too_much((what, bytes): &(&str, u64)) -> bool {
    *bytes
        > match *what {
            "subscriptions" => ROOM_OF_TABLE,
            "contracts" => REMEMBERED,
            _ => 0,
        }
}

/// Bytes of room that the table of subscriptions keeps.
const ROOM_OF_TABLE: u64 = 8_192;
/// Bytes of what the simulator's services declare, each remembered once.
const REMEMBERED: u64 = 16 << 10;
/// Bytes of the longest message of the simulator, in base64 and with its envelope.
const LONGEST: u64 = 100_000;
/// Bytes of an event of the broker, or of what stands around a payload.
const ENVELOPE: usize = 2_000;
