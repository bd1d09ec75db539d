//! Figures of sockets, connections and HTTP, and of what is said on them.

use buslane_engine::Counters;

use super::{Metric, metrics};

pub(super) const METRICS: &[Metric] = metrics! {
    Gauge "sockets" [] "Sockets open, those of HTTP and of strangers included." =>
        |now, out| out.value(now.sockets);
    Counter "sockets_accepted_total" [] "Sockets accepted." =>
        |now, out| out.value(now.driver.accepted.get());
    Counter "sockets_turned_away_total" [] "Sockets closed at once for want of room: past the limit connections, or a quarter of the limit memory." =>
        |now, out| out.value(now.driver.turned_away.get());
    Counter "sockets_foreign_total" [] "Sockets that spoke a protocol that is not served." =>
        |now, out| out.value(now.driver.foreign.get());
    Counter "sockets_refused_total" [] "Sockets whose first frame was broken, too long, or more than there was memory for." =>
        |now, out| out.value(now.driver.refused.get());
    Counter "sockets_late_total" [] "Sockets without a complete first frame within the limit handshake." =>
        |now, out| out.value(now.driver.late.get());
    Counter "accept_failures_total" [] "Times that the system could not give the next connection." =>
        |now, out| out.value(now.driver.accept_failures.get());
    Gauge "clients" [] "Clients connected." =>
        |now, out| out.value(now.gauges.clients);
    Gauge "connections" ["transport", "encoding"] "Clients connected, by how they came in and how they speak." =>
        |now, out| for (transport, count) in &now.connections {
            out.labelled(&[transport.name(), transport.encoding()], count);
        };
    Counter "connections_opened_total" ["transport", "encoding"] "Clients that connected." =>
        |now, out| for (transport, count) in now.driver.arrivals.rows() {
            out.labelled(&[transport.name(), transport.encoding()], count);
        };
    Counter "connections_closed_total" ["reason"] "Clients that are gone, by why." =>
        |now, out| out.each(now.counters.closed_for.iter().map(|(reason, count)| (reason.as_str(), count)));
    Counter "pings_sent_total" [] "Pings sent to clients that were silent for the limit ping_after." =>
        |now, out| out.value(now.counters.pings);
    Counter "received_bytes_total" [] "Bytes read from clients." =>
        |now, out| out.value(now.driver.bytes_in.get());
    Counter "sent_bytes_total" [] "Bytes written to clients." =>
        |now, out| out.value(now.counters.bytes_out);
    Counter "messages_received_total" ["type"] "Messages received." =>
        |now, out| out.each(Counters::TYPES.into_iter().zip(now.counters.received));
    Counter "malformed_total" [] "Frames that were no message." =>
        |now, out| out.value(now.counters.malformed);
    Counter "refused_total" ["code"] "Refusals, by error code; a code shows once it was used." =>
        |now, out| out.each(now.counters.refused.iter().map(|(code, count)| (code.as_str(), count)));
    Counter "http_requests_total" ["route", "status"]
        "HTTP requests answered, by route and class of status; a pair shows once it occurred." =>
        |now, out| for (route, status, count) in now.http.rows() {
            out.labelled(&[route, status], count);
        };
    Counter "http_refused_total" ["code"]
        "HTTP requests answered by a problem, by error code, those of services as service_error; a code shows once it was used." =>
        |now, out| out.each(now.http.refused());
    Gauge "http_exchanges" [] "HTTP requests of the API in progress, streams that last excluded." =>
        |now, out| out.value(now.exchanges);
    Gauge "http_feeds" [] "Subscriptions over HTTP, those included whose reader is away and may come back." =>
        |now, out| out.value(now.feeds);
    Counter "http_stalled_total" [] "HTTP connections ended because the other side read nothing for too long." =>
        |now, out| out.value(now.driver.http_stalled.get());
};
