//! Publishing, subscribing, calling and listing, from a shell's point of view.

mod support;

use serde_json::{Value, json};
use support::service::Service;
use support::{Broker, Process, buslane};

/// Starts a subscriber and waits until the broker knows it.
fn subscriber(broker: &Broker, arguments: &[&str]) -> Process {
    let mut process = broker.start_command(&[&["sub"], arguments].concat());
    process.error_line_with("subscribed");
    process
}

#[test]
fn what_is_published_is_printed_by_a_subscriber() {
    let broker = Broker::start();
    let subscriber = subscriber(&broker, &["host/+/cpu", "--count", "2"]);
    let outcome = broker.run(&["pub", "host/a/cpu", "{\"percent\": 1.50}"]);
    assert_eq!(outcome.stderr, "delivered to 1 client\n");
    assert_eq!(outcome.succeeds(), "");
    broker.run(&["pub", "host/b/cpu", "-5"]).succeeds();
    assert_eq!(
        subscriber.outcome().succeeds(),
        "host/a/cpu {\"percent\": 1.50}\nhost/b/cpu -5\n"
    );
}

#[test]
fn a_publish_from_stdin_becomes_one_line() {
    let broker = Broker::start();
    let subscriber = subscriber(&broker, &["a/b", "--count", "1"]);
    let url = broker.url();
    let pretty = "{\n  \"a\": [\n    1\n  ]\n}\n";
    support::buslane_with_input(&["pub", "a/b", "-", "--url", &url], pretty).succeeds();
    assert_eq!(subscriber.outcome().succeeds(), "a/b {\"a\":[1]}\n");
}

#[test]
fn a_subscriber_prints_json_for_machines() {
    let broker = Broker::start();
    let subscriber = subscriber(&broker, &["a/#", "--count", "1", "--json"]);
    broker
        .run(&["pub", "a/b", "{\"n\":1e2}", "--header", "trace=7"])
        .succeeds();
    let line = subscriber.outcome().succeeds();
    assert!(line.contains("\"payload\":{\"n\":1e2}"), "{line}");
    let message: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&message["topic"], &message["headers"]),
        (&json!("a/b"), &json!({"trace": "7"}))
    );
    assert!(message["from"].is_string());
}

#[test]
fn a_publish_tells_machines_its_receivers_and_nobody_when_quiet() {
    let broker = Broker::start();
    let outcome = broker.run(&["pub", "a/b", "1", "--json"]);
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str()),
        ("{\"receivers\":0}\n", "")
    );
    let outcome = broker.run(&["pub", "a/b", "--quiet"]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()),
        (Some(0), "", "")
    );
}

#[test]
fn a_retained_value_reaches_a_later_subscriber_until_it_is_cleared() {
    let broker = Broker::start();
    broker.run(&["pub", "a/b", "1", "--retain"]).succeeds();
    let line = broker.run(&["sub", "a/b", "--count", "1", "--json"]).succeeds();
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["retained"], true);
    broker.run(&["pub", "a/b", "--clear"]).succeeds();
    let late = subscriber(&broker, &["a/b", "--count", "1"]);
    broker.run(&["pub", "a/b", "2"]).succeeds();
    assert_eq!(late.outcome().succeeds(), "a/b 2\n");
}

#[test]
fn a_topic_of_the_broker_is_refused() {
    let stderr = Broker::start().run(&["pub", "$bus/x", "1"]).fails(1);
    assert!(stderr.contains("topics under $ belong to the broker"), "{stderr}");
}

#[test]
fn shared_subscribers_take_turns() {
    let broker = Broker::start();
    let first = subscriber(&broker, &["a/b", "--shared", "workers", "--count", "1"]);
    let second = subscriber(&broker, &["a/b", "--shared", "workers", "--count", "1"]);
    broker.run(&["pub", "a/b", "1"]).succeeds();
    broker.run(&["pub", "a/b", "2"]).succeeds();
    let mut lines = [first.outcome().succeeds(), second.outcome().succeeds()];
    lines.sort();
    assert_eq!(lines, ["a/b 1\n", "a/b 2\n"]);
}

#[cfg(unix)]
#[test]
fn a_subscriber_ends_cleanly_when_interrupted() {
    let broker = Broker::start();
    let subscriber = subscriber(&broker, &["a/b"]);
    subscriber.interrupt();
    assert_eq!(subscriber.outcome().succeeds(), "");
}

#[cfg(unix)]
#[test]
fn a_subscriber_whose_reader_went_away_ends_quietly() {
    let broker = Broker::start();
    let mut head = support::command(&["sub", "a/b", "--url", &broker.url()]);
    let mut child = head
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut line).unwrap();
    assert!(line.contains("subscribed"), "{line}");
    drop(child.stdout.take());
    broker.run(&["pub", "a/b", "1"]).succeeds();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn a_reply_is_printed_as_it_came() {
    let broker = Broker::start();
    let _attic = Service::attic(&broker.address, "one");
    let reply = broker
        .run(&["request", "attic:get", "{\"app\":\"demo\",\"key\":\"colour\"}"])
        .succeeds();
    assert_eq!(reply, "{\"app\":\"demo\",\"key\":\"colour\"}\n");
}

#[test]
fn a_reply_for_machines_tells_who_sent_it() {
    let broker = Broker::start();
    let _attic = Service::attic(&broker.address, "one");
    let line = broker
        .run(&["request", "attic:get", "{\"app\":\"a\",\"key\":\"k\"}", "--json"])
        .succeeds();
    let expected = json!({"from": "attic#one", "payload": {"app": "a", "key": "k"}});
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
}

#[test]
fn a_payload_that_breaks_the_contract_is_told_as_the_sketch_says() {
    let broker = Broker::start();
    let _attic = Service::attic(&broker.address, "one");
    let stderr = broker
        .run(&["request", "attic:get", "{\"app\":\"demo\"}"])
        .fails(1);
    let expected = "error: payload does not match the schema of attic:get\n  \
                    at /           missing property \"key\"\n  \
                    hint: buslane services attic --schema get\n";
    assert_eq!(stderr, expected);
}

#[test]
fn an_error_for_machines_is_an_object() {
    let broker = Broker::start();
    let outcome = broker.run(&["request", "attic:get", "--json"]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(
        serde_json::from_str::<Value>(&outcome.stdout).unwrap()["error"]["code"],
        "no_instance"
    );
}

#[test]
fn an_address_without_an_instance_is_told_with_a_hint() {
    let stderr = Broker::start().run(&["request", "attic:get"]).fails(1);
    assert!(stderr.contains("no instance offers the method"), "{stderr}");
    assert!(
        stderr.contains("hint: buslane services lists what is there"),
        "{stderr}"
    );
}

#[test]
fn a_request_that_nobody_answers_ends_at_its_deadline() {
    let broker = Broker::start();
    let _attic = Service::attic(&broker.address, "one");
    let stderr = broker
        .run(&["request", "attic:wait", "--timeout", "50ms"])
        .fails(1);
    assert!(
        stderr.contains("no answer came by the deadline") && stderr.contains("--timeout"),
        "{stderr}"
    );
}

#[test]
fn a_services_own_error_is_told_with_its_code() {
    let broker = Broker::start();
    let _attic = Service::attic(&broker.address, "one");
    let stderr = broker.run(&["request", "attic:fail"]).fails(1);
    assert_eq!(
        stderr,
        "error: attic:fail: no such key (not_found)\n  {\"key\":\"x\"}\n"
    );
}

#[test]
fn gathered_replies_are_labelled() {
    let broker = Broker::start();
    let _services = [
        Service::attic(&broker.address, "one"),
        Service::attic(&broker.address, "two"),
    ];
    let payload = "{\"app\":\"a\",\"key\":\"k\"}";
    let stdout = broker.run(&["request", "@storage:get", payload]).succeeds();
    let mut lines: Vec<&str> = stdout.lines().collect();
    lines.sort();
    assert_eq!(
        lines,
        [format!("attic#one {payload}"), format!("attic#two {payload}")]
    );
}

#[test]
fn a_gathered_request_of_which_a_part_fails_fails() {
    let broker = Broker::start();
    let _attic = Service::attic(&broker.address, "one");
    let outcome = broker.run(&["request", "@storage:fail", "--json"]);
    assert_eq!(outcome.code, Some(1));
    let line: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&line["from"], &line["error"]["code"]),
        (&json!("attic#one"), &json!("not_found"))
    );
}

#[test]
fn the_parts_of_a_stream_are_lines() {
    let broker = Broker::start();
    let _attic = Service::attic(&broker.address, "one");
    assert_eq!(
        broker.run(&["request", "attic:count", "--stream"]).succeeds(),
        "1\n2\n"
    );
}

#[test]
fn services_are_listed_as_the_sketch_says() {
    let broker = Broker::start();
    let _services = [
        Service::attic(&broker.address, "one"),
        Service::attic(&broker.address, "two"),
    ];
    let expected = "SERVICE   VERSION  INSTANCES  GROUPS   METHODS\n\
                    attic     1.0.0    2          storage  count fail get wait\n";
    assert_eq!(broker.run(&["services"]).succeeds(), expected);
    let line = broker.run(&["services", "--json"]).succeeds();
    let services: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(services["services"][0]["name"], "attic");
}

#[test]
fn a_method_is_shown_with_its_schema() {
    let broker = Broker::start();
    let _attic = Service::attic(&broker.address, "one");
    let schema = broker.run(&["services", "attic", "--schema", "get"]).succeeds();
    assert!(
        schema.contains("\"required\"") && schema.contains("\"key\""),
        "{schema}"
    );
    let stderr = broker.run(&["services", "attic", "--schema", "dance"]).fails(1);
    assert!(stderr.contains("attic has no method dance"), "{stderr}");
    let stderr = broker.run(&["services", "cellar"]).fails(1);
    assert!(stderr.contains("cellar"), "{stderr}");
}

#[test]
fn the_url_of_the_command_line_wins_over_the_environment() {
    let (one, other) = (Broker::start(), Broker::start());
    let _attic = Service::attic(&other.address, "one");
    assert!(
        one.run(&["services", "--url", &other.url()])
            .succeeds()
            .contains("attic")
    );
    assert!(
        !buslane(&["services", "--url", &one.url()])
            .succeeds()
            .contains("attic")
    );
}
