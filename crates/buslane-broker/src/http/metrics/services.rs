//! Figures of services, their contracts, and the events about them.

use super::{Metric, metrics};

pub(super) const METRICS: &[Metric] = metrics! {
    Gauge "services" [] "Services with at least one instance." =>
        |now, out| out.value(now.gauges.services);
    Gauge "instances" [] "Instances registered." =>
        |now, out| out.value(now.gauges.instances);
    Gauge "consumers" [] "Consumers registered." =>
        |now, out| out.value(now.gauges.consumers);
    Counter "registrations_total" [] "Registrations accepted." =>
        |now, out| out.value(now.counters.registrations);
    Counter "registrations_incompatible_total" ["verdict"]
        "Registrations, refused ones included, that break users of the version before, or may break them." =>
        |now, out| out.each([
            ("breaking", now.counters.registrations_breaking),
            ("may_break", now.counters.registrations_may_break),
        ]);
    Counter "takeovers_total" [] "Instances taken over by another connection." =>
        |now, out| out.value(now.counters.takeovers);
    Counter "validations_total" ["place"]
        "Payloads held against a schema: inline, or aside on another thread past the limit validate_inline." =>
        |now, out| out.each([
            ("inline", now.counters.validated_inline),
            ("aside", now.counters.validated_aside),
        ]);
    Counter "schema_rejections_total" [] "Payloads refused by a schema." =>
        |now, out| out.value(now.counters.schema_rejections);
    Counter "events_total" ["event"] "Events published under $bus/." =>
        |now, out| out.each([
            ("connect", now.counters.events_connect),
            ("online", now.counters.events_online),
            ("disconnect", now.counters.events_disconnect),
            ("offline", now.counters.events_offline),
            ("broadcast", now.counters.events_broadcast),
            ("unhandled", now.counters.events_unhandled),
            ("schema_rejection", now.counters.events_schema_rejection),
            ("incompatible_schema", now.counters.events_incompatible_schema),
            ("overflow", now.counters.events_overflow),
        ]);
    Counter "announcements_total" [] "Events about services handed to queues, one for each client." =>
        |now, out| out.value(now.counters.announcements);
    Counter "announcements_held_total" [] "Events about services that waited for room or credit." =>
        |now, out| out.value(now.counters.announcements_held);
    Counter "announcements_coalesced_total" [] "Of those held, the ones that a later event made needless." =>
        |now, out| out.value(now.counters.announcements_coalesced);
    Counter "snapshots_total" [] "Subscriptions that were told the present services to the end." =>
        |now, out| out.value(now.counters.snapshots);
    Counter "snapshots_restarted_total" [] "Times that a client's view of services began anew behind a gap." =>
        |now, out| out.value(now.counters.snapshots_restarted);
};
