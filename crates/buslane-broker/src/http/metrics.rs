//! The broker's figures, as `/metrics` tells them.

use buslane_engine::{Counters, Gauges};

use super::exposition::Exposition;
use crate::driver::Hub;

/// The media type of the document.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes every figure.
pub(super) fn render(hub: &Hub) -> String {
    let mut out = Exposition::default();
    let version = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("node", hub.node.as_str()),
    ];
    out.information("info", "The broker's version and name.", &version);
    let (counters, gauges) = {
        let engine = hub.engine();
        (engine.counters().clone(), engine.gauges())
    };
    clients(&mut out, hub, &counters, &gauges);
    requests(&mut out, &counters, &gauges);
    publishes(&mut out, &counters, &gauges);
    memory(&mut out, hub, &gauges);
    process(&mut out, hub);
    out.finish()
}

fn clients(out: &mut Exposition, hub: &Hub, counters: &Counters, gauges: &Gauges) {
    let driver = &hub.statistics;
    out.gauge(
        "sockets",
        "Sockets open, those of HTTP and of strangers included.",
        hub.admitted(),
    );
    out.gauge("clients", "Clients connected.", gauges.clients);
    out.counter(
        "sockets_accepted_total",
        "Sockets accepted.",
        driver.accepted.get(),
    );
    out.counter(
        "sockets_turned_away_total",
        "Sockets closed for want of room.",
        driver.turned_away.get(),
    );
    out.counter(
        "sockets_foreign_total",
        "Sockets that spoke a protocol that is not served.",
        driver.foreign.get(),
    );
    out.counter(
        "sockets_late_total",
        "Sockets without a complete first frame in time.",
        driver.late.get(),
    );
    out.counter("clients_opened_total", "Clients that connected.", counters.opened);
    out.counter("clients_closed_total", "Clients that are gone.", counters.closed);
    out.counter(
        "received_bytes_total",
        "Bytes read from clients.",
        driver.bytes_in.get(),
    );
    out.counter(
        "sent_bytes_total",
        "Bytes written to clients.",
        counters.bytes_out,
    );
    let received = Counters::TYPES.into_iter().zip(counters.received);
    out.counters(
        "messages_received_total",
        "Messages received, by type.",
        "type",
        received,
    );
    out.counter(
        "malformed_total",
        "Frames that were no message.",
        counters.malformed,
    );
    let refused = counters
        .refused
        .iter()
        .map(|(code, count)| (code.as_str(), count));
    out.counters("refused_total", "Refusals, by error code.", "code", refused);
    out.counter(
        "http_requests_total",
        "HTTP requests.",
        driver.http_requests.get(),
    );
}

fn requests(out: &mut Exposition, counters: &Counters, gauges: &Gauges) {
    out.gauge(
        "services",
        "Services with at least one instance.",
        gauges.services,
    );
    out.gauge("instances", "Instances registered.", gauges.instances);
    out.gauge("consumers", "Consumers registered.", gauges.consumers);
    out.counter(
        "registrations_total",
        "Registrations accepted.",
        counters.registrations,
    );
    out.counter("takeovers_total", "Instances taken over.", counters.takeovers);
    out.counter(
        "schema_rejections_total",
        "Payloads refused by a schema.",
        counters.schema_rejections,
    );
    out.gauge("requests_in_flight", "Requests in flight.", gauges.requests);
    out.counter(
        "requests_accepted_total",
        "Requests accepted.",
        counters.requests_accepted,
    );
    let ends = [
        ("replied", counters.replied),
        ("streamed", counters.streamed),
        ("gathered", counters.gathered),
        ("failed", counters.failed),
        ("expired", counters.expired),
        ("cancelled", counters.cancelled),
        ("lost", counters.lost),
        ("overflowed", counters.overflowed),
        ("abandoned", counters.abandoned),
    ];
    out.counters("requests_ended_total", "Requests ended, by how.", "end", ends);
    out.counter(
        "answers_late_total",
        "Answers that came after their request's end.",
        counters.late,
    );
}

fn publishes(out: &mut Exposition, counters: &Counters, gauges: &Gauges) {
    out.gauge("subscriptions", "Subscriptions.", gauges.subscriptions);
    out.gauge("retained", "Topics with a retained value.", gauges.retained);
    out.counter("published_total", "Publishes routed.", counters.published);
    out.counter(
        "deliveries_total",
        "Copies handed to queues.",
        counters.deliveries,
    );
    out.counter(
        "deliveries_dropped_total",
        "Copies dropped from full queues.",
        counters.deliveries_dropped,
    );
    out.counter(
        "delivery_bytes_total",
        "Bytes of the copies handed to queues.",
        counters.delivery_bytes,
    );
    let sent = counters.delivery_bytes_sent;
    out.counter(
        "delivery_bytes_sent_total",
        "Bytes of copies handed to the system.",
        sent,
    );
    let dropped = counters.delivery_bytes_dropped;
    out.counter(
        "delivery_bytes_dropped_total",
        "Bytes of copies dropped from full queues.",
        dropped,
    );
    let lost = counters.delivery_bytes_lost;
    out.counter(
        "delivery_bytes_lost_total",
        "Bytes of copies that waited when their client went.",
        lost,
    );
    out.gauge(
        "delivery_bytes_queued",
        "Bytes of copies waiting.",
        gauges.queued_delivery_bytes,
    );
    out.counter(
        "unhandled_total",
        "Publishes and requests that nobody took.",
        counters.unhandled,
    );
}

fn memory(out: &mut Exposition, hub: &Hub, gauges: &Gauges) {
    out.gauge("memory_bytes", "Bytes accounted for.", gauges.memory);
    out.gauge(
        "memory_limit_bytes",
        "Bytes that may be accounted for.",
        gauges.memory_limit,
    );
    out.gauge(
        "retained_bytes",
        "Bytes of retained values.",
        gauges.retained_bytes,
    );
    out.gauge(
        "input_bytes",
        "Bytes of frames of which a part is there.",
        hub.input.used(),
    );
}

/// Figures of the process, as far as this system tells them.
fn process(out: &mut Exposition, hub: &Hub) {
    let uptime = hub.clock.now().as_micros() as f64 / 1e6;
    out.gauge("uptime_seconds", "Seconds since the start.", uptime);
    out.gauge(
        "start_time_seconds",
        "Unix time of the start.",
        hub.clock.unix_ms_at_zero() as f64 / 1e3,
    );
    let Ok(id) = sysinfo::get_current_pid() else {
        return;
    };
    let mut system = sysinfo::System::new();
    let kind = sysinfo::ProcessRefreshKind::nothing().with_memory().with_cpu();
    system.refresh_processes_specifics(sysinfo::ProcessesToUpdate::Some(&[id]), false, kind);
    let Some(process) = system.process(id) else { return };
    out.gauge(
        "process_resident_bytes",
        "Memory in use as the system sees it.",
        process.memory(),
    );
    let busy = process.accumulated_cpu_time() as f64 / 1e3;
    out.counter("process_cpu_seconds_total", "Seconds of processor time.", busy);
}
