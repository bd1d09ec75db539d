//! What the broker says of itself, and how fast it says it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use buslane_client::{Client, ConnectionState, Url};
use buslane_protocol::{BrokerMessage, Connected, json};
use serde::Deserialize;
use serde_json::json;

use super::Place;
use super::finding::{Finding, Findings};
use crate::command::connection;
use crate::refusal;

/// Looks at a broker that answers.
pub(super) async fn examine(url: &Url, place: &Place, findings: &mut Findings) {
    let began = Instant::now();
    let bus = match connection::join(url).await {
        Ok(bus) => bus,
        Err(failure) => {
            findings.add(
                Finding::wrong("broker", failure.message())
                    .hint(failure.first_hint().unwrap_or("ask whoever runs the broker")),
            );
            return;
        }
    };
    look_at_version(&bus, began.elapsed(), findings);
    look_at_latency(&bus, findings).await;
    look_at_readiness(place, findings).await;
    if !url.to_string().starts_with("ws:") {
        look_at_limits(place, findings).await;
    }
    look_at_load(&bus, findings).await;
    bus.close().await;
}

fn look_at_version(bus: &Client, took: Duration, findings: &mut Findings) {
    let ConnectionState::Connected { node, server, .. } = bus.state() else {
        findings.add(
            Finding::wrong("broker", "the connection was lost at once")
                .hint("run it again; look at the broker's log"),
        );
        return;
    };
    let text = format!("{server}, node {node}, joined within {}", shown(took));
    let ours = format!("buslane/{}", env!("CARGO_PKG_VERSION"));
    let data = json!({ "server": server, "node": node, "connect_us": took.as_micros() as u64 });
    let finding = match server == ours {
        true => Finding::ok("broker", text),
        false => Finding::note("broker", format!("{text}; this program is {ours}"))
            .hint("nothing, unless something fails: then bring both to the same version"),
    };
    findings.add(finding.data(data));
}

/// What `$bus:ping` answers.
#[derive(Deserialize)]
struct Pong {
    unix_ms: u64,
}

/// Asks several times, for the time that it takes, and for the time that it is there.
async fn look_at_latency(bus: &Client, findings: &mut Findings) {
    let mut times = Vec::new();
    let mut offset_ms = 0;
    for _ in 0..PINGS {
        let (began, clock) = (Instant::now(), unix_ms());
        match bus.request::<Pong>(PING, &json!({})).await {
            Ok(pong) => {
                times.push(began.elapsed());
                offset_ms = pong.unix_ms as i64 - (clock + unix_ms()).div_euclid(2);
            }
            Err(error) => {
                let text = format!("a ping failed: {}", refusal::text(error.problem()));
                findings.add(
                    Finding::wrong("latency", text).hint("look at the broker's log, and at the network"),
                );
                return;
            }
        }
    }
    times.sort_unstable();
    let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
    let text = format!("p50 {}, max {} over {PINGS} pings", shown(median), shown(most));
    let data =
        json!({ "p50_us": median.as_micros() as u64, "max_us": most.as_micros() as u64, "pings": PINGS });
    let finding = match median < SLOW {
        true => Finding::ok("latency", text),
        false => Finding::note("latency", text)
            .hint("look at the network, and at how busy the broker's machine is"),
    };
    findings.add(finding.data(data));
    let text = format!("the broker's differs by {offset_ms} ms");
    let finding = match offset_ms.abs() < CLOCK_MS {
        true => Finding::ok("clock", text),
        false => Finding::note("clock", text)
            .hint("set both clocks by the network; deadlines do not suffer, times in events and logs do"),
    };
    findings.add(finding.data(json!({ "offset_ms": offset_ms })));
}

async fn look_at_readiness(place: &Place, findings: &mut Findings) {
    let finding = match place.get("/readyz").await {
        Ok(Some((200, _))) => Finding::ok("ready", "it takes new work"),
        Ok(Some((503, _))) => Finding::wrong("ready", "it shuts down and takes no new work")
            .hint("wait for the broker that replaces it, or start one"),
        Ok(Some((status, _))) => Finding::note("ready", format!("/readyz answers {status}")).hint(PROXY),
        Ok(None) | Err(_) => Finding::note("ready", "/readyz does not answer").hint(PROXY),
    };
    findings.add(finding);
}

/// Reads the limits, which the broker tells those who introduce themselves.
async fn look_at_limits(place: &Place, findings: &mut Findings) {
    let question = b"{\"type\":\"connect\",\"name\":\"doctor\"}\n";
    let answer = place
        .ask(question, |answer| answer.contains(&b'\n'))
        .await
        .unwrap_or_default();
    let line = answer.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Ok(BrokerMessage::Connected(connected)) = json::decode_broker(line) else {
        let finding = Finding::note(
            "limits",
            "it did not introduce itself to a client that speaks JSON lines",
        );
        findings.add(finding.hint("run it again; look at the broker's log"));
        return;
    };
    let Connected { limits, .. } = *connected;
    let limit = |name: &str| limits.get(name).copied().unwrap_or_default();
    let text = format!(
        "payloads of {} KiB, {} requests in flight and {} subscriptions a client",
        limit("payload") >> 10,
        limit("requests"),
        limit("subscriptions")
    );
    findings.add(Finding::ok("limits", text).data(json!(limits)));
}

/// What `$bus:stats` answers, of which only a part is looked at.
#[derive(Deserialize)]
struct Stats {
    uptime_ms: u64,
    counters: BTreeMap<String, u64>,
    gauges: BTreeMap<String, u64>,
}

async fn look_at_load(bus: &Client, findings: &mut Findings) {
    let stats = match bus.request::<Stats>(STATS, &json!({})).await {
        Ok(stats) => stats,
        Err(error) => {
            let text = format!("{STATS} failed: {}", refusal::text(error.problem()));
            findings.add(Finding::note("load", text).hint("run it again; look at the broker's log"));
            return;
        }
    };
    let gauge = |name: &str| stats.gauges.get(name).copied().unwrap_or_default();
    let text = format!(
        "up {} s, clients: {}, instances: {}",
        stats.uptime_ms / 1_000,
        gauge("clients"),
        gauge("instances")
    );
    findings.add(Finding::ok("load", text).data(json!(stats.gauges)));
    let (used, limit) = (gauge("memory"), gauge("memory_limit"));
    if used > limit / 10 * NEARLY_FULL_TENTHS {
        let finding = Finding::note(
            "memory",
            format!("{} of {} MiB are in use", used >> 20, limit >> 20),
        );
        findings.add(
            finding.hint("raise limits.memory, or find who reads slowly: buslane request '$bus:clients'"),
        );
    }
    let dropped = stats
        .counters
        .get("deliveries_dropped")
        .copied()
        .unwrap_or_default();
    if dropped > 0 {
        let finding = Finding::note(
            "drops",
            format!("{dropped} deliveries to slow receivers were dropped since its start"),
        );
        findings.add(
            finding
                .hint("buslane sub '$bus/overflow' tells whose; let them read faster or subscribe to less"),
        );
    }
}

fn shown(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX / 4)
}

const PING: &str = "$bus:ping";
const STATS: &str = "$bus:stats";
const PINGS: usize = 20;
/// A median from which on it is worth a look.
const SLOW: Duration = Duration::from_millis(100);
/// A difference of clocks from which on people wonder about times.
const CLOCK_MS: i64 = 2_000;
/// Tenths of the memory from which on it is worth a look.
const NEARLY_FULL_TENTHS: u64 = 8;
const PROXY: &str = "nothing, if a proxy in between keeps that page back on purpose";
