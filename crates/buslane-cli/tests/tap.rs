//! Watching a bus: what is shown, of what, and how.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use support::service::Service;
use support::{Broker, Process};

/// Starts a tap and waits until the broker knows it.
fn tap(broker: &Broker, arguments: &[&str]) -> Process {
    let mut process = broker.start_command(&[&["tap"], arguments].concat());
    process.error_line_with("watching");
    process
}

fn publish(broker: &Broker, topic: &str, payload: &str) {
    broker.run(&["pub", topic, payload, "--quiet"]).succeeds();
}

#[test]
fn messages_and_events_are_shown_by_default() {
    let broker = Broker::start();
    let mut tap = tap(&broker, &[]);
    publish(&broker, "host/a/cpu", "{\"percent\": 1.50}");
    let line = tap.line_with("host/a/cpu");
    assert!(line.ends_with(" host/a/cpu shell {\"percent\": 1.50}"), "{line}");
    let _attic = Service::attic(&broker.address, "one");
    assert!(
        tap.line_with("$bus/service/connect/attic")
            .contains("\"instance\":\"one\"")
    );
}

#[test]
fn events_are_left_out_where_they_are_not_wanted() {
    let broker = Broker::start();
    let tap = tap(&broker, &["--no-events", "--count", "1"]);
    let _attic = Service::attic(&broker.address, "one");
    publish(&broker, "a/b", "1");
    assert!(tap.outcome().succeeds().contains(" a/b "));
}

#[test]
fn an_envelope_for_machines_is_that_of_the_protocol() {
    let broker = Broker::start();
    let tap = tap(&broker, &["a/#", "--no-events", "--count", "1", "--json"]);
    broker
        .run(&["pub", "a/b", "{\"n\":1e2}", "--header", "trace=7"])
        .succeeds();
    let line = tap.outcome().succeeds();
    assert!(line.contains("\"payload\":{\"n\":1e2}"), "{line}");
    let mut envelope: Value = serde_json::from_str(&line).unwrap();
    envelope.as_object_mut().unwrap().remove("id");
    let expected = json!({"type": "delivery", "topic": "a/b", "from": "shell", "payload": {"n": 1e2}, "headers": {"trace": "7"}});
    assert_eq!(envelope, expected);
}

#[test]
fn a_message_that_several_filters_select_is_shown_once() {
    let broker = Broker::start();
    let tap = tap(&broker, &["a/#", "a/+", "#", "--no-events", "--count", "2"]);
    publish(&broker, "a/b", "1");
    publish(&broker, "a/c", "2");
    let stdout = tap.outcome().succeeds();
    assert_eq!(
        (stdout.matches(" a/b ").count(), stdout.matches(" a/c ").count()),
        (1, 1),
        "{stdout}"
    );
}

#[test]
fn what_a_service_publishes_and_what_is_about_it_is_shown() {
    let broker = Broker::start();
    let tap = tap(&broker, &["--service", "attic", "--count", "4", "--json"]);
    publish(&broker, "a/b", "1");
    let cellar = json!({"type": "register", "name": "cellar", "version": "1"});
    let _cellar = Service::start(&broker.address, &cellar, |_| Vec::new());
    let _attic = Service::attic(&broker.address, "one");
    broker
        .run(&["request", "attic:get", "{\"app\":\"only\"}"])
        .fails(1);
    let _second = Service::attic(&broker.address, "two");
    let topics: Vec<String> = tap
        .outcome()
        .succeeds()
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["topic"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let expected = [
        "$bus/service/connect/attic",
        "$bus/service/online/attic",
        "$bus/schema-rejection",
        "$bus/service/connect/attic",
    ];
    let mut sorted = topics.clone();
    sorted.sort();
    let mut wanted = expected.map(str::to_owned);
    wanted.sort();
    assert_eq!(sorted, wanted);
}

#[test]
fn messages_are_selected_by_sender_text_and_member() {
    let broker = Broker::start();
    let only = |arguments: &[&str]| tap(&broker, &[&["--no-events", "--count", "1"], arguments].concat());
    let started = [
        only(&["--from", "shell", "--field", "n=3"]),
        only(&["--grep", "VALUE"]),
        only(&["--grep", "value", "--field", "n"]),
        only(&["--field", "/host/name=a"]),
    ];
    for payload in [
        "{\"n\":1,\"text\":\"Value\"}",
        "{\"n\":3}",
        "{\"host\":{\"name\":\"a\"}}",
        "\"VALUE\"",
    ] {
        publish(&broker, "a/b", payload);
    }
    let found = started.map(|tap| tap.outcome().succeeds());
    let expected = [
        "{\"n\":3}",
        "\"VALUE\"",
        "{\"n\":1,\"text\":\"Value\"}",
        "{\"host\":{\"name\":\"a\"}}",
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.trim_end().ends_with(expected), "{found} {expected}");
    }
}

#[test]
fn payloads_are_laid_out_where_that_is_wanted() {
    let broker = Broker::start();
    let tap = tap(&broker, &["--no-events", "--count", "2", "--pretty"]);
    publish(&broker, "a/b", "{\"n\":[1]}");
    let long = format!("{{\"n\":\"{}\"}}", "x".repeat(80));
    publish(&broker, "a/b", &long);
    let stdout = tap.outcome().succeeds();
    assert!(
        stdout.contains(" a/b shell {\"n\":[1]}\n"),
        "what fits stays on its line: {stdout}"
    );
    assert!(stdout.contains(" a/b shell\n  {\n    \"n\": \"x"), "{stdout}");
}

#[test]
fn rates_come_as_a_line_a_second() {
    let broker = Broker::start();
    let mut tap = tap(&broker, &["--no-events", "--rates"]);
    publish(&broker, "a/b", "12345");
    let line = tap.line_with("a/b");
    assert!(line.contains("/s: a/b ") && line.contains(" B/s"), "{line}");
}

#[test]
fn rates_for_machines_count_messages_and_bytes_of_each_topic() {
    let broker = Broker::start();
    let mut tap = tap(&broker, &["--no-events", "--rates", "--json"]);
    publish(&broker, "a/b", "12345");
    let report: Value = serde_json::from_str(&tap.line_with("a/b")).unwrap();
    assert_eq!(
        (&report["topics"]["a/b"], &report["messages"]),
        (&json!({"messages": 1, "bytes": 5}), &json!(1))
    );
}

#[test]
fn rates_end_after_so_many_seconds() {
    let broker = Broker::start();
    let stdout = broker.run(&["tap", "--rates", "--count", "1"]).succeeds();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
}

#[test]
fn a_payload_can_give_no_orders_to_the_terminal() {
    let broker = Broker::start();
    let tap = tap(&broker, &["--no-events", "--count", "1"]);
    publish(&broker, "a/b", "\"\u{9b}31m\"");
    let stdout = tap.outcome().succeeds();
    assert!(stdout.ends_with("\"\\u009b31m\"\n"), "{stdout:?}");
}

#[cfg(unix)]
#[test]
fn a_slow_tap_shows_the_gap() {
    let broker = Broker::start();
    let mut tap = tap(&broker, &["--no-events", "--json"]);
    tap.stop();
    // More than the queues on the way hold.
    let mut socket = TcpStream::connect(&broker.address).unwrap();
    writeln!(socket, "{{\"type\":\"connect\"}}").unwrap();
    let payload = "x".repeat(512 << 10);
    for _ in 0..64 {
        writeln!(
            socket,
            "{{\"type\":\"publish\",\"topic\":\"a/b\",\"payload\":\"{payload}\"}}"
        )
        .unwrap();
    }
    writeln!(socket, "{{\"type\":\"ping\",\"id\":\"1\"}}").unwrap();
    let pong = BufReader::new(socket).lines().nth(1).unwrap().unwrap();
    assert!(pong.contains("pong"), "{pong}");
    tap.resume();
    let gap: Value = serde_json::from_str(&tap.line_with("\"gap\"")).unwrap();
    assert!(gap["count"].as_u64() > Some(0), "{gap}");
}
