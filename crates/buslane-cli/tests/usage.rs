//! What the command says when it is asked for what cannot be: usage, exit codes, hints.

mod support;

use support::{Outcome, Process, buslane, buslane_with_input, command};

#[test]
fn an_unknown_command_is_told_with_the_usage() {
    let stderr = buslane(&["dance"]).fails(2);
    assert!(
        stderr.contains("'dance'") && stderr.contains("Usage: buslane"),
        "{stderr}"
    );
}

#[test]
fn no_command_at_all_is_answered_with_the_help() {
    let stderr = buslane(&[]).fails(2);
    for name in ["serve", "demo", "pub", "sub", "request", "services", "bench"] {
        assert!(stderr.contains(&format!("  {name} ")), "{name}: {stderr}");
    }
}

#[test]
fn version_and_help_are_no_failures() {
    assert_eq!(
        buslane(&["--version"]).succeeds(),
        format!("buslane {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(buslane(&["request", "--help"]).succeeds().contains("--timeout"));
}

#[test]
fn a_payload_that_is_no_json_is_told_with_its_place() {
    for name in ["pub", "request"] {
        let stderr = buslane(&[name, "attic:get", "{\"app\" 1}"]).fails(2);
        assert!(
            stderr.contains("error: the payload is not JSON") && stderr.contains("line 1 column 8"),
            "{stderr}"
        );
    }
}

#[test]
fn a_payload_from_stdin_that_is_no_json_is_told_with_its_place() {
    let stderr = buslane_with_input(&["pub", "a/b", "-"], "{\n\"a\": }\n").fails(2);
    assert!(stderr.contains("line 2 column 6"), "{stderr}");
}

#[test]
fn what_can_be_no_topic_filter_or_address_is_a_usage_error() {
    for arguments in [["pub", "a//b"], ["sub", "a/#/b"], ["request", "attic"]] {
        let stderr = buslane(&arguments).fails(2);
        assert!(
            stderr.starts_with("error: ") && stderr.contains(arguments[1]),
            "{stderr}"
        );
    }
}

#[test]
fn a_missing_broker_is_told_with_a_hint() {
    // Nobody listens on port 1.
    let url = ["--url", "buslane://127.0.0.1:1"];
    let commands = [
        &["pub", "a/b", "1"][..],
        &["sub", "a/b"],
        &["request", "attic:get"],
        &["services"],
    ];
    let started = commands.map(|arguments| Process::start(&[arguments, &url].concat()));
    for process in started {
        let stderr = process.outcome().fails(1);
        assert!(
            stderr.contains("no broker answers at buslane://127.0.0.1:1"),
            "{stderr}"
        );
        assert!(
            stderr.contains("hint: is a broker running? start one with: buslane serve"),
            "{stderr}"
        );
    }
}

#[test]
fn a_url_that_is_none_is_a_usage_error() {
    for url in ["127.0.0.1:5959", "http://localhost", "wss://bus"] {
        let stderr = buslane(&["services", "--url", url]).fails(2);
        assert!(stderr.starts_with("error: "), "{stderr}");
    }
    let mut services = command(&["services"]);
    let output = services
        .env("BUSLANE_URL", "nonsense")
        .output()
        .expect("the binary starts");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn durations_need_a_unit() {
    let stderr = buslane(&["request", "attic:get", "--timeout", "5"]).fails(2);
    assert!(stderr.contains("write 5s"), "{stderr}");
}

#[test]
fn a_schema_needs_a_service() {
    let Outcome { code, .. } = buslane(&["services", "--schema", "get"]);
    assert_eq!(code, Some(2));
}
