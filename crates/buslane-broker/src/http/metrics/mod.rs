//! The broker's figures, as `/metrics` tells them. Each metric stands once, in a table: the document and the page
//! `docs/metrics.md` both come from it.

mod clients;
mod limits;
mod memory;
#[cfg(test)]
mod page;
mod process;
mod requests;
mod services;
mod topics;

use buslane_engine::{Counters, Gauges};
use buslane_protocol::{Limits, Name};

use super::HttpCounts;
use super::exposition::{Kind, Samples};
use crate::driver::{Hub, Statistics, Transport};

/// The media type of the document.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is known at one moment.
struct Moment<'a> {
    node: &'a Name,
    limits: &'a Limits,
    counters: Counters,
    gauges: Gauges,
    driver: &'a Statistics,
    http: &'a HttpCounts,
    connections: [(Transport, usize); Transport::ALL.len()],
    sockets: usize,
    exchanges: usize,
    feeds: usize,
    feed_bytes: usize,
    is_draining: bool,
    input_bytes: usize,
    uptime_seconds: f64,
    start_time_seconds: f64,
    process: Option<process::Usage>,
}

/// A metric: what it is called, what it means, and where its figures come from.
struct Metric {
    /// Its name without the prefix that all have.
    name: &'static str,
    /// How its figures behave.
    kind: Kind,
    /// The labels that tell its figures apart, in the order in which their values are given.
    labels: &'static [&'static str],
    /// What it counts or measures, in a sentence.
    help: &'static str,
    /// Finds its figures.
    read: fn(&Moment<'_>, &mut Samples<'_>),
}

/// Metrics of one kind of thing, under a heading for the page.
struct Group {
    #[cfg_attr(not(test), expect(dead_code, reason = "the page is written by a test"))]
    heading: &'static str,
    metrics: &'static [Metric],
}

/// Writes every figure.
pub(super) fn render(hub: &Hub) -> String {
    let (counters, gauges) = {
        let engine = hub.engine();
        (engine.counters().clone(), engine.gauges())
    };
    let moment = Moment {
        node: &hub.node,
        limits: &hub.limits,
        counters,
        gauges,
        driver: &hub.statistics,
        http: &hub.statistics.http_answers,
        connections: hub.clients_by_transport(),
        sockets: hub.admitted(),
        exchanges: hub.exchanges(),
        feeds: hub.feeds.len(),
        feed_bytes: hub.feeds.bytes(),
        is_draining: hub.is_draining(),
        input_bytes: hub.input.used(),
        uptime_seconds: hub.clock.now().as_micros() as f64 / MICROS_PER_SECOND,
        start_time_seconds: hub.clock.unix_ms_at_zero() as f64 / MILLIS_PER_SECOND,
        process: process::Usage::look(),
    };
    let mut document = String::new();
    for metric in GROUPS.iter().flat_map(|group| group.metrics) {
        let head = (metric.name, metric.kind, metric.help);
        (metric.read)(&moment, &mut Samples::begin(&mut document, head, metric.labels));
    }
    document
}

/// Declares metrics as `kind NAME [labels] "help" => |moment, out| what gives its figures;`.
macro_rules! metrics {
    ($($kind:ident $name:literal $labels:tt $help:literal => |$moment:ident, $out:ident| $give:expr;)*) => {
        &[$($crate::http::metrics::Metric {
            name: $name,
            kind: $crate::http::exposition::Kind::$kind,
            labels: &$labels,
            help: $help,
            read: |$moment, $out| $give,
        },)*]
    };
}
use metrics;

/// Every metric, in the order of the document.
const GROUPS: &[Group] = &[
    Group {
        heading: "The broker",
        metrics: process::METRICS,
    },
    Group {
        heading: "Connections",
        metrics: clients::METRICS,
    },
    Group {
        heading: "Services and presence",
        metrics: services::METRICS,
    },
    Group {
        heading: "Requests",
        metrics: requests::METRICS,
    },
    Group {
        heading: "Topics and deliveries",
        metrics: topics::METRICS,
    },
    Group {
        heading: "Memory",
        metrics: memory::METRICS,
    },
    Group {
        heading: "Limits",
        metrics: limits::METRICS,
    },
];

const MICROS_PER_SECOND: f64 = 1e6;
const MILLIS_PER_SECOND: f64 = 1e3;
