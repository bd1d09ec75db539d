//! Figures of publishes, and of the copies that go to subscribers.

use buslane_engine::Counters;

use super::{Metric, metrics};

pub(super) const METRICS: &[Metric] = metrics! {
    Gauge "subscriptions" [] "Subscriptions." =>
        |now, out| out.value(now.gauges.subscriptions);
    Gauge "retained" [] "Topics with a retained value." =>
        |now, out| out.value(now.gauges.retained);
    Gauge "retained_bytes" [] "Bytes of retained values; see the limit retained." =>
        |now, out| out.value(now.gauges.retained_bytes);
    Counter "retained_expired_total" [] "Retained values that lapsed." =>
        |now, out| out.value(now.counters.retained_expired);
    Counter "published_total" [] "Publishes routed, and events of the broker." =>
        |now, out| out.value(now.counters.published);
    Histogram "publish_size_bytes" [] "Bytes of the payloads that clients published." =>
        |now, out| {
            let sizes = &now.counters.publish_sizes;
            let bounds = Counters::PUBLISH_BYTES.map(|bytes| bytes as f64);
            out.distribution(bounds.into_iter().zip(sizes.cumulated()), sizes.count(), sizes.sum());
        };
    Counter "deliveries_total" [] "Copies of publishes handed to queues, one for each receiver." =>
        |now, out| out.value(now.counters.deliveries);
    Counter "deliveries_dropped_total" ["policy"]
        "Copies dropped because a queue or the memory was full; each leaves a gap in its place." =>
        |now, out| out.each([
            ("drop_oldest", now.counters.dropped_oldest),
            ("drop_newest", now.counters.dropped_newest),
            ("disconnect", now.counters.dropped_disconnect),
        ]);
    Counter "delivery_bytes_total" [] "Bytes of the copies handed to queues." =>
        |now, out| out.value(now.counters.delivery_bytes);
    Counter "delivery_bytes_sent_total" [] "Bytes of copies handed to the system." =>
        |now, out| out.value(now.counters.delivery_bytes_sent);
    Counter "delivery_bytes_dropped_total" [] "Bytes of copies dropped." =>
        |now, out| out.value(now.counters.delivery_bytes_dropped);
    Counter "delivery_bytes_lost_total" [] "Bytes of copies that waited when their client or subscription ended." =>
        |now, out| out.value(now.counters.delivery_bytes_lost);
    Gauge "delivery_bytes_queued" [] "Bytes of copies that wait." =>
        |now, out| out.value(now.gauges.queued_delivery_bytes);
    Gauge "control_bytes_queued" [] "Bytes of requests, answers and other control messages that wait." =>
        |now, out| out.value(now.gauges.queued_control_bytes);
};
