//! What `/metrics` tells: that figures move when their thing happens, and that Prometheus has nothing to say against
//! the document.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use buslane_broker::RunningBroker;
use buslane_protocol::ClientMessage;
use serde_json::json;
use support::http::{Connection, get, post};
use support::{Frames, Lines, connect, read_to_end, start};
use tokio_tungstenite::tungstenite::client;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// The document of a broker at one moment.
struct Figures(String);

impl Figures {
    fn of(broker: &RunningBroker) -> Figures {
        let answer = get(broker, "/metrics");
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        Figures(answer.text().to_owned())
    }

    /// Returns the value of a sample, 0 if it does not show.
    fn value(&self, sample: &str) -> f64 {
        let lines = self.0.lines().filter_map(|line| line.rsplit_once(' '));
        let mut found = lines.filter(|(name, _)| *name == format!("buslane_{sample}"));
        found.next().map_or(0.0, |(_, value)| value.parse().unwrap())
    }

    #[track_caller]
    fn expect(&self, figures: &[(&str, f64)]) {
        for (sample, value) in figures {
            assert_eq!(self.value(sample), *value, "{sample} in\n{}", self.0);
        }
    }
}

/// Waits until a broker's figures are as expected; only a test that fails waits long.
#[track_caller]
fn eventually(broker: &RunningBroker, figures: &[(&str, f64)]) {
    let began = std::time::Instant::now();
    loop {
        let found = Figures::of(broker);
        if figures
            .iter()
            .all(|(sample, value)| found.value(sample) == *value)
        {
            return;
        }
        if began.elapsed() > support::PATIENCE {
            found.expect(figures);
        }
    }
}

fn websocket(broker: &RunningBroker, subprotocol: &str) -> impl Sized {
    let stream = connect(broker);
    let url = format!("ws://{}/ws", stream.peer_addr().unwrap());
    let mut request = url.into_client_request().unwrap();
    let name = "sec-websocket-protocol";
    request.headers_mut().insert(name, subprotocol.parse().unwrap());
    client(request, stream).unwrap()
}

#[test]
#[cfg(unix)]
fn clients_are_counted_by_transport_and_encoding() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let broker = start(|config| {
        config
            .listen
            .push(format!("unix:{}", path.display()).parse().unwrap())
    });
    let ping = |client: &mut Lines| client.flush();
    let (mut one, mut two) = (Lines::join(&broker), Lines::join(&broker));
    ping(&mut one);
    ping(&mut two);
    let mut frames = Frames::join(&broker);
    frames.send(&ClientMessage::Ping(None));
    frames.receive(|_| ());
    let mut by_file = Lines::over(std::os::unix::net::UnixStream::connect(&path).unwrap());
    by_file.flush();
    let _sockets = (
        websocket(&broker, "buslane.json.v1"),
        websocket(&broker, "buslane.bin.v1"),
    );
    post(&broker, "/api/v1/publish/a", "1");
    drop(one);
    let of =
        |transport: &str, encoding: &str| format!("{{transport=\"{transport}\",encoding=\"{encoding}\"}}");
    let opened = [
        ("tcp", "json", 2.0),
        ("tcp", "binary", 1.0),
        ("unix", "json", 1.0),
        ("unix", "binary", 0.0),
        ("websocket", "json", 1.0),
        ("websocket", "binary", 1.0),
        ("http", "json", 1.0),
    ];
    for (transport, encoding, count) in opened {
        let labels = of(transport, encoding);
        let sample = format!("connections_opened_total{labels}");
        eventually(&broker, &[(&sample, count)]);
    }
    let left = format!("connections{}", of("tcp", "json"));
    eventually(
        &broker,
        &[
            (&left, 1.0),
            (&format!("connections{}", of("http", "json")), 0.0),
            ("connections_closed_total{reason=\"end_of_stream\"}", 1.0),
            ("connections_closed_total{reason=\"goodbye\"}", 1.0),
            ("clients", 5.0),
        ],
    );
}

#[test]
fn strangers_are_counted_by_what_is_wrong_with_them() {
    let broker = start(|config| config.limits.handshake = Duration::from_millis(300));
    let mut foreign = connect(&broker);
    foreign.write_all(&[0x16, 0x03, 0x01, 0, 1]).unwrap();
    read_to_end(&mut foreign);
    let mut long = connect(&broker);
    long.write_all(format!("{{\"type\":\"{}\"}}\n", "x".repeat(100_000)).as_bytes())
        .unwrap();
    read_to_end(&mut long);
    let mut late = connect(&broker);
    late.write_all(b"{").unwrap();
    read_to_end(&mut late);
    eventually(
        &broker,
        &[
            ("sockets_foreign_total", 1.0),
            ("sockets_refused_total", 1.0),
            ("sockets_late_total", 1.0),
        ],
    );
    let figures = Figures::of(&broker);
    assert!(figures.value("sockets_accepted_total") >= 3.0 && figures.value("sockets") >= 1.0);
}

#[test]
fn sockets_without_room_are_counted_as_turned_away() {
    let broker = start(|config| config.limits.connections = 1);
    let mut watcher = Connection::open(&broker);
    // Beyond the one there is room for 64 who only hear that there is none.
    let _others: Vec<_> = (0..70).map(|_| connect(&broker)).collect();
    let began = std::time::Instant::now();
    loop {
        watcher.send("GET /metrics", &[], b"");
        let figures = Figures(watcher.receive().text().to_owned());
        if figures.value("sockets_turned_away_total") == 6.0 {
            return figures.expect(&[("sockets", 65.0)]);
        }
        assert!(began.elapsed() < support::PATIENCE, "{}", figures.0);
    }
}

#[test]
fn requests_over_http_are_counted_by_route_class_of_status_and_code() {
    let broker = start(|_| {});
    get(&broker, "/healthz");
    get(&broker, "/nothing/here");
    post(&broker, "/api/v1/publish/a/b", "1");
    post(&broker, "/api/v1/publish/$no", "1");
    get(&broker, "/api/v1/publish/a/b");
    Figures::of(&broker).expect(&[
        ("http_requests_total{route=\"healthz\",status=\"2xx\"}", 1.0),
        ("http_requests_total{route=\"publish\",status=\"2xx\"}", 1.0),
        ("http_requests_total{route=\"publish\",status=\"4xx\"}", 2.0),
        ("http_refused_total{code=\"reserved_topic\"}", 1.0),
        ("http_refused_total{code=\"not_found\"}", 1.0),
        ("http_refused_total{code=\"method_not_allowed\"}", 1.0),
        ("refused_total{code=\"reserved_topic\"}", 1.0),
    ]);
}

#[test]
fn feeds_and_what_is_read_in_part_show_while_they_are_there() {
    let broker = start(|_| {});
    let mut reader = Connection::open(&broker);
    reader.send("GET /api/v1/subscribe?filter=a", &[], b"");
    reader.receive_head();
    let mut slow = connect(&broker);
    slow.write_all(br#"{"type":"publish","topic":"a","#).unwrap();
    eventually(
        &broker,
        &[("http_feeds", 1.0), ("subscriptions", 1.0), ("draining", 0.0)],
    );
    post(&broker, "/api/v1/publish/a", "1");
    reader.receive_chunk();
    let figures = Figures::of(&broker);
    assert!(
        figures.value("input_bytes") > 0.0 && figures.value("http_feed_bytes") > 0.0,
        "{}",
        figures.0
    );
    assert!(figures.value("received_bytes_total") + figures.value("sent_bytes_total") > 0.0);
    assert!(figures.value("uptime_seconds") > 0.0 && figures.value("start_time_seconds") > 1e9);
}

#[test]
fn readers_over_http_who_read_nothing_are_counted_when_they_are_given_up() {
    let broker = start(|config| {
        config.limits.ping_after = Duration::from_millis(200);
        config.limits.gone_after = Duration::from_millis(600);
    });
    let mut reader = Connection::open(&broker);
    reader.send("GET /api/v1/subscribe?filter=a", &[], b"");
    reader.receive_head();
    let long = format!("\"{}\"", "x".repeat(1_000_000));
    let began = std::time::Instant::now();
    while Figures::of(&broker).value("http_stalled_total") < 1.0 {
        post(&broker, "/api/v1/publish/a", &long);
        assert!(began.elapsed() < support::PATIENCE, "nobody gives the reader up");
    }
}

#[test]
fn distributions_are_told_in_base_units() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    client.send(json!({ "type": "publish", "topic": "a", "payload": "x".repeat(298) }));
    client.send(json!({ "type": "request", "id": "1", "to": "$bus:ping" }));
    client.expect("reply");
    Figures::of(&broker).expect(&[
        ("publish_size_bytes_bucket{le=\"256\"}", 0.0),
        ("publish_size_bytes_bucket{le=\"1024\"}", 1.0),
        ("publish_size_bytes_sum", 300.0),
        ("request_duration_seconds_bucket{le=\"0.0001\"}", 1.0),
        ("request_duration_seconds_count", 1.0),
        ("limit_bytes{limit=\"payload\"}", 1_048_576.0),
        ("limit{limit=\"requests\"}", 4_096.0),
        ("limit_seconds{limit=\"ping_after\"}", 15.0),
    ]);
}

#[test]
fn promtool_finds_nothing_wrong_with_the_figures_of_a_busy_broker() {
    let broker = start(|_| {});
    make_traffic(&broker);
    let figures = Figures::of(&broker);
    for family in [
        "refused_total{",
        "http_requests_total{",
        "unhandled_total{",
        "request_duration_seconds_bucket{",
    ] {
        assert!(
            figures.0.contains(&format!("\nbuslane_{family}")),
            "{family} is missing"
        );
    }
    let (accepted, said) = lint(&figures.0);
    assert!(accepted && said.is_empty(), "promtool says:\n{said}");
    let (accepted, said) = lint("# TYPE buslane_Bad_ms gauge\nbuslane_Bad_ms 1\n");
    assert!(
        !accepted && !said.is_empty(),
        "promtool says nothing about what is wrong"
    );
}

/// Lets a bit of everything happen.
fn make_traffic(broker: &RunningBroker) {
    let mut service = Lines::join(broker);
    let contract = json!({ "m": { "input": { "type": "object" } }, "slow": {} });
    service.send(json!({ "type": "register", "name": "svc", "version": "1.0.0", "methods": contract }));
    service.expect("registered");
    let mut client = Lines::join(broker);
    client.send(json!({ "type": "subscribe", "filter": "$bus/#" }));
    client.expect("subscribed");
    client.send(json!({ "type": "publish", "topic": "a", "payload": 1, "retain": "set" }));
    for (id, to) in [("1", "svc:m"), ("2", "nobody:m"), ("3", "svc:slow")] {
        client.send(json!({ "type": "request", "id": id, "to": to, "payload": 1, "expires_in_ms": 50 }));
    }
    client.send_raw(b"this is no message\n");
    client.send(json!({ "type": "goodbye" }));
    read_to_end(&mut client.stream);
    for path in ["/healthz", "/nothing", "/api/v1/services", "/ws"] {
        get(broker, path);
    }
}

/// Has Prometheus' own tool look at a document. Returns whether it accepts it, and what it says.
fn lint(document: &str) -> (bool, String) {
    let mut process = Command::new(promtool())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool does not start ({error}): {WHERE_FROM}"));
    process
        .stdin
        .take()
        .unwrap()
        .write_all(document.as_bytes())
        .unwrap();
    let output = process.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Finds the tool: where the set-up puts it, else on the `PATH`.
fn promtool() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/prometheus/usr/bin/promtool");
    if own.exists() {
        own
    } else {
        PathBuf::from("promtool")
    }
}

const WHERE_FROM: &str = "run ./scripts/setup.sh, which brings it where apt is there, or install the package `prometheus` of your system";
