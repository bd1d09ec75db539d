//! Small runs of the bench: the figures mean nothing in a debug build, their shape does.

mod support;

use serde_json::Value;
use support::{Broker, buslane};

fn figures(arguments: &[&str]) -> Value {
    let short = ["--json", "--seconds", "0.05", "--warmup", "0.01"];
    let line = buslane(&[&["bench"], arguments, &short].concat()).succeeds();
    serde_json::from_str(&line).expect("a line of JSON")
}

#[test]
fn messages_are_counted_and_none_is_lost() {
    for encoding in ["binary", "json"] {
        let figures = figures(&["pubsub", "--encoding", encoding]);
        assert_eq!(
            (&figures["scenario"], &figures["encoding"]),
            (&"pubsub".into(), &encoding.into())
        );
        assert!(figures["rate"].as_f64().unwrap() > 0.0, "{figures}");
        assert_eq!(figures["lost"], 0);
    }
}

#[test]
fn several_publishers_and_subscribers_share_topics() {
    let figures = figures(&[
        "pubsub",
        "--publishers",
        "3",
        "--subscribers",
        "5",
        "--topics",
        "2",
    ]);
    assert!(
        figures["rate"].as_f64().unwrap() > 0.0 && figures["lost"] == 0,
        "{figures}"
    );
}

#[test]
fn requests_are_timed() {
    for encoding in ["binary", "json"] {
        let figures = figures(&["request", "--outstanding", "8", "--encoding", encoding]);
        let p50 = figures["p50_us"].as_f64().unwrap();
        assert!(
            p50 > 0.0 && figures["p99_us"].as_f64().unwrap() >= p50,
            "{figures}"
        );
    }
}

#[test]
fn idle_connections_are_weighed() {
    let figures = figures(&["idle", "--connections", "20"]);
    assert_eq!(figures["connections"], 20);
    assert!(figures["connects"].as_f64().unwrap() > 0.0, "{figures}");
    #[cfg(target_os = "linux")]
    assert!(figures["rss_after_kib"].as_f64().unwrap() > 0.0, "{figures}");
}

#[test]
fn starts_are_timed() {
    let figures = figures(&["startup"]);
    assert!(
        figures["ms"].as_f64().unwrap() > 0.0 && figures["rounds"] == 5,
        "{figures}"
    );
}

#[test]
fn a_broker_that_runs_already_can_be_measured() {
    let broker = Broker::start();
    let arguments = ["bench", "request", "--seconds", "0.05", "--warmup", "0.01"];
    let text = broker.run(&arguments).succeeds();
    assert!(
        text.starts_with("request: outstanding 1, size 128, binary\n") && text.contains("p99.9"),
        "{text}"
    );
}

#[test]
fn a_comparison_names_the_peers_that_it_offers() {
    let stderr = buslane(&["bench", "--against", "rabbitmq"]).fails(2);
    assert!(
        stderr.contains("'rabbitmq'") && stderr.contains("[possible values: nats, redis, mosquitto]"),
        "{stderr}"
    );
}

#[test]
fn a_peer_that_is_not_installed_is_told() {
    let mut bench = support::command(&["bench", "--against", "nats"]);
    let output = bench.env("PATH", "").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.contains("nats-server is not on the PATH") && stderr.contains("hint: install it"),
        "{stderr}"
    );
}

#[test]
fn a_broker_that_is_not_there_is_told() {
    let stderr = buslane(&["bench", "pubsub", "--url", "buslane://127.0.0.1:1"]).fails(1);
    assert!(stderr.starts_with("error: "), "{stderr}");
}
