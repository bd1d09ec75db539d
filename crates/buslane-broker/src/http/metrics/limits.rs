//! The limits that hold, so that figures can be seen beside them.

use super::{Metric, metrics};

pub(super) const METRICS: &[Metric] = metrics! {
    Gauge "limit_bytes" ["limit"] "Limits on sizes, by their key under limits in the configuration." =>
        |now, out| out.each([
            ("payload", now.limits.payload),
            ("first_frame", now.limits.first_frame),
            ("headers_bytes", now.limits.headers_bytes),
            ("outbox", now.limits.outbox),
            ("memory", now.limits.memory),
            ("retained", now.limits.retained),
            ("schema", now.limits.schema),
            ("registration", now.limits.registration),
            ("validate_inline", now.limits.validate_inline),
        ]);
    Gauge "limit" ["limit"] "Limits on numbers of things, by their key under limits in the configuration." =>
        |now, out| out.each([
            ("headers", now.limits.headers),
            ("requests", now.limits.requests),
            ("subscriptions", now.limits.subscriptions),
            ("wildcards", now.limits.wildcards),
            ("matches", now.limits.matches),
            ("registrations", now.limits.registrations),
            ("declarations", now.limits.declarations),
            ("connections", now.limits.connections),
        ]);
    Gauge "limit_seconds" ["limit"] "Limits on times, by their key under limits in the configuration." =>
        |now, out| out.each([
            ("handshake", now.limits.handshake),
            ("default_deadline", now.limits.default_deadline),
            ("longest_deadline", now.limits.longest_deadline),
            ("ping_after", now.limits.ping_after),
            ("gone_after", now.limits.gone_after),
            ("takeover_probe", now.limits.takeover_probe),
            ("feed_linger", now.limits.feed_linger),
        ].map(|(limit, time)| (limit, time.as_secs_f64())));
};
