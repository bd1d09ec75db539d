//! What the doctor finds, and what to do about each.

mod support;

use serde_json::Value;
use support::impostor::Impostor;
use support::{Broker, Outcome, Process, buslane, command, program};

/// Reads the report of a doctor who speaks JSON.
fn report(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let findings = report["findings"].as_array().expect("a report lists findings");
    findings
        .iter()
        .find(|finding| finding["check"] == check)
        .unwrap_or_else(|| panic!("no {check}: {report}"))
}

#[test]
fn a_bus_that_is_well_has_nothing_wrong() {
    let broker = Broker::start();
    let stdout = broker.run(&["doctor"]).succeeds();
    for check in [
        "url",
        "port",
        "broker",
        "latency",
        "clock",
        "ready",
        "limits",
        "load",
        "environment",
    ] {
        assert!(
            stdout.contains(&format!("\nok     {check} ")) || stdout.starts_with(&format!("ok     {check}")),
            "{check}: {stdout}"
        );
    }
    assert!(
        stdout.contains("protocol version 1") && stdout.contains(env!("CARGO_PKG_VERSION")),
        "{stdout}"
    );
    assert!(!stdout.contains("wrong"), "{stdout}");
}

#[test]
fn machines_get_every_figure() {
    let broker = Broker::start();
    let outcome = broker.run(&["doctor", "--json"]);
    assert_eq!(outcome.code, Some(0));
    let report = report(outcome);
    assert_eq!(report["ok"], true);
    let latency = &finding(&report, "latency")["data"];
    assert!(
        latency["p50_us"].as_u64() <= latency["max_us"].as_u64() && latency["pings"].as_u64() > Some(1),
        "{latency}"
    );
    assert!(finding(&report, "clock")["data"]["offset_ms"].is_i64());
    assert_eq!(finding(&report, "limits")["data"]["payload"], 1 << 20);
}

#[test]
fn every_way_to_a_broker_is_examined() {
    let broker = Broker::start();
    let stdout = buslane(&["doctor", "--url", &format!("ws://{}", broker.address)]).succeeds();
    assert!(
        stdout.contains("by --url") && stdout.contains("ok     latency"),
        "{stdout}"
    );
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_examined_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus.sock");
    let mut broker = Process::start(&["serve", "--listen", &format!("unix:{}", path.display())]);
    broker.line_with("listening on");
    let stdout = buslane(&["doctor", "--url", &format!("buslane+unix://{}", path.display())]).succeeds();
    assert!(stdout.contains("ok     limits"), "{stdout}");
    drop(broker);
    let outcome = buslane(&[
        "doctor",
        "--url",
        &format!("buslane+unix://{}.gone", path.display()),
    ]);
    assert!(
        outcome
            .stdout
            .contains("do: start a broker there: buslane serve --listen unix:"),
        "{outcome:?}"
    );
}

#[test]
fn a_url_that_is_none_is_found_with_its_source() {
    let outcome = buslane(&["doctor", "--url", "nonsense"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome
            .stdout
            .contains("wrong  url         by --url: \"nonsense\" has no scheme"),
        "{outcome:?}"
    );
    let mut command = command(&["doctor", "--json"]);
    command.env("BUSLANE_URL", "http://bus");
    let outcome = Process::spawn(command).outcome();
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(1), "error: one thing is wrong\n")
    );
    let report = report(outcome);
    assert_eq!(
        (&report["ok"], &finding(&report, "url")["verdict"]),
        (&Value::Bool(false), &Value::from("wrong"))
    );
}

#[test]
fn a_port_where_nobody_is_comes_with_the_command_to_start_a_broker() {
    let outcome = buslane(&["doctor", "--url", "buslane://127.0.0.1:1"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stdout.contains("wrong  port        nobody answers"),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stdout
            .contains("do: start a broker there: buslane serve --listen 127.0.0.1:1\n"),
        "{outcome:?}"
    );
}

#[test]
fn somebody_else_on_the_port_is_named_with_what_to_do() {
    for (impostor, name, advice) in [
        (
            Impostor::http(),
            "an HTTP server, not a Buslane broker",
            "name it as ws://HOST:PORT/PATH",
        ),
        (
            Impostor::answering(b"-ERR unknown command\r\n"),
            "a Redis server",
            "the broker's is 5959",
        ),
        (
            Impostor::answering(b"\x15\x03\x01\0\x02\x02\x46"),
            "a TLS server",
            "name a port without it",
        ),
        (
            Impostor::answering(b"\xB5BUS\0\0\0\0"),
            "speaks no version of the protocol",
            "to the same version",
        ),
        (
            Impostor::silent(),
            "takes connections and says nothing",
            "hangs or waits",
        ),
        (
            Impostor::closing(),
            "takes connections and says nothing",
            "hangs or waits",
        ),
    ] {
        let outcome = buslane(&["doctor", "--url", &impostor.url()]);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(
            outcome.stdout.contains(name) && outcome.stdout.contains(advice),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_variable_that_no_broker_knows_is_found_with_the_nearest_one() {
    let broker = Broker::start();
    let mut command = command(&["doctor", "--url", &broker.url()]);
    command.env("BUSLANE_LISTENN", "127.0.0.1:1");
    let outcome = Process::spawn(command).outcome();
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome
            .stdout
            .contains("unknown variable BUSLANE_LISTENN, the nearest is BUSLANE_LISTEN"),
        "{outcome:?}"
    );
}

#[cfg(unix)]
#[test]
fn few_open_files_are_noted_and_fail_nothing() {
    let broker = Broker::start();
    let mut shell = program("sh");
    let line = format!(
        "ulimit -n 256 && exec {} doctor --url {}",
        env!("CARGO_BIN_EXE_buslane"),
        broker.url()
    );
    shell.args(["-c", &line]);
    let stdout = Process::spawn(shell).outcome().succeeds();
    assert!(stdout.contains("note   files       256 open files"), "{stdout}");
}

#[cfg(unix)]
#[test]
fn a_broker_that_shuts_down_is_found() {
    let broker = Broker::start();
    let mut attic = support::service::Service::attic(&broker.address, "one");
    let _request = broker.start_command(&["request", "attic:wait", "--timeout", "1m"]);
    attic.wait_for_a_request();
    let mut tap = broker.start_command(&["tap"]);
    tap.error_line_with("watching");
    broker.process.terminate();
    tap.error_line_with("the broker shuts down");
    let outcome = broker.run(&["doctor"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("wrong"), "{outcome:?}");
}

#[test]
fn an_empty_variable_counts_as_none() {
    let mut command = command(&["doctor", "--json"]);
    command.env("BUSLANE_URL", "");
    let report = report(Process::spawn(command).outcome());
    assert_eq!(
        finding(&report, "url")["text"],
        "buslane://127.0.0.1:5959, by default"
    );
}
