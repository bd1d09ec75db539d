//! Figures of requests: how many, how they ended, how long they took.

use buslane_engine::Counters;

use super::{MICROS_PER_SECOND, Metric, metrics};

pub(super) const METRICS: &[Metric] = metrics! {
    Gauge "requests_in_flight" [] "Requests in flight; a gathered one counts once." =>
        |now, out| out.value(now.gauges.requests);
    Counter "requests_accepted_total" [] "Requests accepted." =>
        |now, out| out.value(now.counters.requests_accepted);
    Counter "requests_ended_total" ["end"] "Requests ended, each in exactly one way." =>
        |now, out| out.each([
            ("replied", now.counters.replied),
            ("streamed", now.counters.streamed),
            ("gathered", now.counters.gathered),
            ("failed", now.counters.failed),
            ("expired", now.counters.expired),
            ("cancelled", now.counters.cancelled),
            ("lost", now.counters.lost),
            ("overflowed", now.counters.overflowed),
            ("abandoned", now.counters.abandoned),
        ]);
    Histogram "request_duration_seconds" [] "Time from the acceptance of a request to its end." =>
        |now, out| {
            let took = &now.counters.request_durations;
            let bounds = Counters::REQUEST_MICROS.map(|micros| micros as f64 / MICROS_PER_SECOND);
            let sum = took.sum() as f64 / MICROS_PER_SECOND;
            out.distribution(bounds.into_iter().zip(took.cumulated()), took.count(), sum);
        };
    Counter "answers_late_total" [] "Answers that came after their request's end, and were discarded." =>
        |now, out| out.value(now.counters.late);
    Counter "unhandled_total" ["reason"] "Publishes and requests that nobody handled." =>
        |now, out| out.each([
            ("no_receiver", now.counters.unhandled_no_receiver),
            ("no_instance", now.counters.unhandled_no_instance),
            ("unknown_node", now.counters.unhandled_unknown_node),
            ("deadline_exceeded", now.counters.unhandled_deadline_exceeded),
        ]);
};
