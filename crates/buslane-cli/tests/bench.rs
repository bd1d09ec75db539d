//! Small runs of the bench: the figures mean nothing in a debug build, their shape does.

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::{Broker, buslane};

/// Runs a scenario for a moment and returns what it prints, object by object.
fn results(arguments: &[&str]) -> Vec<Value> {
    let short = ["--json", "--seconds", "0.05", "--warmup", "0.01"];
    let lines = buslane(&[&["bench"], arguments, &short].concat()).succeeds();
    let results: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    for result in &results {
        assert_eq!(members(result), documented(arguments[0]), "{result}");
    }
    results
}

fn members(result: &Value) -> BTreeSet<String> {
    let object = result.as_object().expect("a JSON object");
    object.keys().cloned().collect()
}

/// Reads the members of a scenario's objects from the page about them.
fn documented(scenario: &str) -> BTreeSet<String> {
    let page = include_str!("../../../docs/benchmarks.md");
    let (_, tables) = page.split_once("\n## Members\n").expect("the section");
    let start = format!("| `{scenario}` | ");
    let row = tables
        .lines()
        .find_map(|line| line.strip_prefix(&start))
        .expect("a row of the scenario");
    if let Some(same) = row.strip_prefix("as `") {
        return documented(same.split('`').next().expect("a scenario"));
    }
    let common = ["scenario", "encoding"];
    let names = row.split('`').skip(1).step_by(2).chain(common);
    names.map(str::to_owned).collect()
}

fn positive(result: &Value, member: &str) -> bool {
    result[member].as_f64().is_some_and(|figure| figure > 0.0)
}

fn column(results: &[Value], member: &str) -> Vec<u64> {
    results
        .iter()
        .map(|result| result[member].as_u64().expect("a whole number"))
        .collect()
}

#[test]
fn messages_are_counted_and_none_is_lost_in_either_encoding() {
    let results = results(&["pubsub", "--encoding", "both"]);
    let encodings: Vec<_> = results.iter().map(|result| &result["encoding"]).collect();
    assert_eq!(encodings, ["binary", "json"]);
    for result in &results {
        assert!(positive(result, "rate") && result["lost"] == 0, "{result}");
    }
}

#[test]
fn several_publishers_and_subscribers_share_topics() {
    let shape = ["--publishers", "3", "--subscribers", "5", "--topics", "2"];
    let results = results(&[&["pubsub"][..], &shape].concat());
    assert!(
        positive(&results[0], "rate") && results[0]["lost"] == 0,
        "{results:?}"
    );
}

#[test]
fn throughput_goes_over_four_sizes_and_then_writes_each_message_alone() {
    let results = results(&["throughput"]);
    assert_eq!(column(&results, "size"), [16, 128, 1_024, 16_384, 128]);
    assert_eq!(results[4]["batch"], 1);
    assert!(results.iter().all(|result| result["lost"] == 0), "{results:?}");
}

#[test]
fn fan_out_goes_to_a_hundred_and_to_a_thousand() {
    let results = results(&["fan-out"]);
    assert_eq!(column(&results, "subscribers"), [100, 1_000]);
}

#[test]
fn many_to_many_is_eight_to_eight() {
    let results = results(&["many-to-many", "--size", "16"]);
    assert_eq!(
        (column(&results, "publishers"), column(&results, "size")),
        (vec![8], vec![16])
    );
}

#[test]
fn requests_are_timed_one_at_a_time_and_many_at_a_time() {
    let results = results(&["request", "--encoding", "both"]);
    assert_eq!(column(&results, "outstanding"), [1, 64, 1, 64]);
    for result in &results {
        let figures =
            ["p50_us", "p90_us", "p99_us", "p999_us"].map(|member| result[member].as_f64().unwrap());
        assert!(figures[0] > 0.0 && figures.is_sorted(), "{result}");
    }
}

#[test]
fn idle_connections_are_weighed() {
    let results = results(&["idle", "--connections", "20"]);
    assert_eq!(column(&results, "connections"), [20]);
    assert!(positive(&results[0], "connects"), "{results:?}");
    #[cfg(target_os = "linux")]
    assert!(positive(&results[0], "rss_after_kib"), "{results:?}");
}

#[test]
fn starts_are_timed() {
    let results = results(&["startup"]);
    assert!(
        positive(&results[0], "ms") && results[0]["rounds"] == 5,
        "{results:?}"
    );
}

#[test]
fn payloads_are_measured_without_a_contract_and_with_one() {
    let results = results(&["contracts"]);
    assert_eq!(column(&results, "fields"), [3, 3, 20, 20]);
    assert_eq!(column(&results, "size"), [41, 41, 326, 326]);
    let validated: Vec<_> = results.iter().map(|result| &result["validated"]).collect();
    assert_eq!(validated, [false, true, false, true]);
    assert!(
        results.iter().all(|result| positive(result, "rate")),
        "{results:?}"
    );
}

#[test]
fn services_with_schemas_are_registered_and_weighed() {
    let results = results(&["registrations", "--services", "20", "--encoding", "both"]);
    assert_eq!(column(&results, "services"), [20, 20]);
    assert!(
        results.iter().all(|result| positive(result, "rate")),
        "{results:?}"
    );
}

#[test]
fn every_axis_grows_step_by_step() {
    let results = results(&["growth", "--most", "20"]);
    let axes: Vec<_> = results
        .iter()
        .step_by(2)
        .map(|result| result["axis"].as_str().unwrap())
        .collect();
    let all = [
        "services",
        "topics",
        "connections",
        "subscriptions",
        "retained",
        "late-subscribers",
        "subscribing",
        "registrations",
    ];
    assert_eq!(axes, all);
    assert_eq!(column(&results, "count"), [10, 20].repeat(all.len()));
    // A debug build compiles no round of schemas in so short a time.
    assert!(
        results.iter().all(
            |result| (positive(result, "rate") || result["axis"] == "registrations") && result["lost"] == 0
        ),
        "{results:?}"
    );
}

#[test]
fn a_broker_that_runs_already_can_be_measured() {
    let broker = Broker::start();
    let short = ["--seconds", "0.05", "--warmup", "0.01"];
    let text = broker
        .run(&[&["bench", "request", "--outstanding", "1"][..], &short].concat())
        .succeeds();
    assert!(
        text.starts_with("request: outstanding 1, size 128, binary\n") && text.contains("p99.9"),
        "{text}"
    );
}

#[test]
fn growth_refuses_a_broker_with_limits_of_its_own() {
    let stderr = buslane(&["bench", "growth", "--url", "buslane://127.0.0.1:1"]).fails(2);
    assert!(
        stderr.contains("growth measures brokers that it starts itself")
            && stderr.contains("leave out --url"),
        "{stderr}"
    );
}

#[test]
fn more_connections_than_the_system_allows_are_refused_with_what_to_do() {
    let stderr = buslane(&["bench", "idle", "--connections", "2000000000"]).fails(1);
    assert!(
        stderr.contains("2000000000 connections need 2000000064 open files") && stderr.contains("ulimit -n"),
        "{stderr}"
    );
}

#[test]
fn scenarios_and_rows_that_are_not_there_are_answered_with_the_nearest() {
    let stderr = buslane(&["bench", "fanout"]).fails(2);
    assert!(stderr.contains("a similar value exists: 'fan-out'"), "{stderr}");
    let stderr = buslane(&["bench", "--against", "nats", "--rows", "A,D63"]).fails(2);
    assert!(stderr.contains("'D63'") && stderr.contains("'D64'"), "{stderr}");
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
fn a_program_that_is_none_is_told() {
    let stderr = buslane(&["bench", "--against", "nats", "--peer-program", "/"]).fails(2);
    assert!(
        stderr.contains("/ is no program") && stderr.contains("--peer-program is the path of a file"),
        "{stderr}"
    );
}

#[test]
fn a_broker_that_is_not_there_is_told() {
    let stderr = buslane(&["bench", "pubsub", "--url", "buslane://127.0.0.1:1"]).fails(1);
    assert!(
        stderr.starts_with("error: no broker answers at 127.0.0.1:1") && stderr.contains("buslane serve"),
        "{stderr}"
    );
}
