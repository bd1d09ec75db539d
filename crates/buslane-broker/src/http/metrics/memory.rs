//! Figures of the memory that the broker accounts for.

use buslane_engine::Gauges;

use super::{Metric, metrics};

pub(super) const METRICS: &[Metric] = metrics! {
    Gauge "memory_bytes" [] "Bytes accounted for." =>
        |now, out| out.value(now.gauges.memory);
    Gauge "memory_limit_bytes" [] "Bytes that may be accounted for." =>
        |now, out| out.value(now.gauges.memory_limit);
    Gauge "memory_used_bytes" ["category"] "Bytes accounted for, by what they are for." =>
        |now, out| out.each(Gauges::MEMORY.into_iter().zip(now.gauges.memory_used));
    Gauge "input_bytes" [] "Bytes of frames of which a part is there." =>
        |now, out| out.value(now.input_bytes);
    Gauge "http_feed_bytes" [] "Bytes of events over HTTP that are kept for readers who come back." =>
        |now, out| out.value(now.feed_bytes);
};
