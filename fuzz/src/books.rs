//! The broker's own numbers add up, as the documentation of its counters says.

use buslane_engine::{Counters, Gauges};

/// Panics if a sum of the counters does not hold, or if more memory is accounted for than there may be.
pub(crate) fn check(counters: &Counters, gauges: &Gauges) {
    let sum = |name: &str, left: u64, right: u64| {
        assert_eq!(left, right, "{name} do not add up: {counters:#?}\n{gauges:#?}");
    };
    sum("connections", counters.opened, counters.closed + gauges.clients);
    let closed = counters.closed_for.iter().map(|(_, count)| count).sum();
    sum("ends of connections", counters.closed, closed);
    let ended = ended(counters);
    sum("requests", counters.requests_accepted, ended + gauges.requests);
    sum("durations", counters.request_durations.count(), ended);
    let dropped = counters.dropped_oldest + counters.dropped_newest + counters.dropped_disconnect;
    sum("drops", counters.deliveries_dropped, dropped);
    let moved = counters.delivery_bytes_sent + counters.delivery_bytes_dropped + counters.delivery_bytes_lost;
    sum(
        "bytes of deliveries",
        counters.delivery_bytes,
        moved + gauges.queued_delivery_bytes,
    );
    let unhandled = counters.unhandled_no_receiver
        + counters.unhandled_no_instance
        + counters.unhandled_unknown_node
        + counters.unhandled_deadline_exceeded;
    sum("unhandled messages", counters.unhandled, unhandled);
    sum("uses of memory", gauges.memory, gauges.memory_used.iter().sum());
    assert!(gauges.memory <= gauges.memory_limit, "{gauges:#?}");
}

/// Panics if something is left of clients that are all gone.
pub(crate) fn check_empty(gauges: &Gauges) {
    let left = (
        gauges.clients,
        gauges.requests,
        gauges.subscriptions,
        gauges.instances,
        gauges.consumers,
    );
    assert_eq!(left, (0, 0, 0, 0, 0), "{gauges:#?}");
    for (name, used) in Gauges::MEMORY.into_iter().zip(gauges.memory_used) {
        if !OUTLIVING.contains(&name) {
            assert_eq!(used, 0, "{name}: {gauges:#?}");
        }
    }
}

/// Requests that ended.
fn ended(counters: &Counters) -> u64 {
    counters.replied
        + counters.streamed
        + counters.gathered
        + counters.failed
        + counters.expired
        + counters.cancelled
        + counters.lost
        + counters.overflowed
        + counters.abandoned
}

/// What outlives clients: retained values, what is remembered of services, and the tables of topics.
const OUTLIVING: [&str; 3] = ["retained", "contracts", "subscriptions"];
