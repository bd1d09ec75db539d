//! Every command that joins a bus, where there is no bus: wrong URLs, nobody there, somebody else there, wires that
//! break.

mod support;

use support::impostor::Impostor;
use support::{Broker, Outcome, Process, buslane, command};

/// Every command that joins a bus, with arguments that are right.
const COMMANDS: &[&[&str]] = &[
    &["pub", "a/b", "1"],
    &["sub", "a/b"],
    &["request", "attic:get"],
    &["services"],
    &["services", "attic"],
    &["tap"],
    &["tap", "--rates"],
];

/// Runs every command at a URL, side by side.
fn run_at(url: &str) -> Vec<(&'static [&'static str], Outcome)> {
    let start =
        |words: &&'static [&'static str]| (*words, Process::start(&[words, &["--url", url][..]].concat()));
    let started: Vec<_> = COMMANDS.iter().map(start).collect();
    started
        .into_iter()
        .map(|(words, process)| (words, process.outcome()))
        .collect()
}

#[test]
fn every_command_refuses_a_url_that_is_none() {
    for (url, said) in [
        ("127.0.0.1:5959", "write buslane://127.0.0.1:5959"),
        (
            "http://localhost",
            "buslane://, buslane+unix:// and ws:// are offered",
        ),
        ("buslane://", "names no host"),
        ("buslane://bus:99999", "a number from 1 to 65535"),
        ("buslane+unix://relative", "no absolute path"),
        ("wss://bus", "asks for TLS"),
        (
            "buslane://me:secret@bus",
            "credentials do not belong into the URL",
        ),
    ] {
        for (words, outcome) in run_at(url) {
            let stderr = outcome.fails(2);
            assert!(
                stderr.starts_with("error: --url: ") && stderr.contains(said),
                "{words:?}: {stderr}"
            );
        }
    }
}

#[test]
fn a_wrong_url_of_the_environment_is_told_by_the_variables_name() {
    for words in COMMANDS {
        let mut command = command(words);
        command.env("BUSLANE_URL", "nonsense");
        let stderr = Process::spawn(command).outcome().fails(2);
        assert!(
            stderr.starts_with("error: BUSLANE_URL: ") && stderr.contains("buslane://nonsense"),
            "{words:?}: {stderr}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_url_of_the_environment_that_is_not_unicode_is_told() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = command(&["services"]);
    command.env("BUSLANE_URL", std::ffi::OsStr::from_bytes(b"buslane://\xff"));
    let stderr = Process::spawn(command).outcome().fails(2);
    assert!(stderr.contains("BUSLANE_URL is not Unicode"), "{stderr}");
}

#[test]
fn every_command_tells_that_nobody_is_there_and_what_to_do() {
    // Nobody listens on port 1.
    for (words, outcome) in run_at("buslane://127.0.0.1:1") {
        let stderr = outcome.fails(1);
        assert!(
            stderr.contains("no broker answers at buslane://127.0.0.1:1: "),
            "{words:?}: {stderr}"
        );
        assert!(
            stderr.contains("hint: is a broker running? start one with: buslane serve"),
            "{words:?}: {stderr}"
        );
    }
}

#[test]
fn every_command_tells_that_a_host_has_no_address() {
    for (words, outcome) in run_at("buslane://there-is-no-such-host.invalid") {
        let stderr = outcome.fails(1);
        assert!(
            stderr.contains("no broker answers at buslane://there-is-no-such-host.invalid:5959"),
            "{words:?}: {stderr}"
        );
    }
}

#[cfg(unix)]
#[test]
fn every_command_tells_that_a_unix_socket_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("buslane+unix://{}/bus.sock", folder.path().display());
    for (words, outcome) in run_at(&url) {
        let stderr = outcome.fails(1);
        assert!(
            stderr.contains("bus.sock") && stderr.contains("hint: "),
            "{words:?}: {stderr}"
        );
    }
}

#[test]
fn every_command_tells_who_else_is_on_the_port() {
    for (impostor, name) in [
        (Impostor::http(), "there is an HTTP server, not a Buslane broker"),
        (
            Impostor::answering(b"-ERR unknown command\r\n"),
            "there is a Redis server, not a Buslane broker",
        ),
        (
            Impostor::answering(b"\x15\x03\x01\0\x02\x02\x46"),
            "there is a TLS server, not a Buslane broker",
        ),
        (Impostor::answering(b"\x00hello\n"), "it says \"\\x00hello\\n\""),
        (Impostor::silent(), "takes connections and says nothing"),
        (Impostor::closing(), "takes connections and says nothing"),
    ] {
        for (words, outcome) in run_at(&impostor.url()) {
            let stderr = outcome.fails(1);
            assert!(stderr.contains(name), "{words:?}: {stderr}");
            assert!(!stderr.contains("panicked"), "{words:?}: {stderr}");
        }
    }
}

#[test]
fn every_command_tells_that_a_broker_speaks_no_version_that_it_does() {
    for (words, outcome) in run_at(&Impostor::answering(b"\xB5BUS\0\0\0\0").url()) {
        let stderr = outcome.fails(1);
        assert!(
            stderr.contains("no protocol version is known to both sides"),
            "{words:?}: {stderr}"
        );
    }
}

#[test]
fn a_web_server_where_a_websocket_is_looked_for_is_told() {
    let impostor = Impostor::http();
    let stderr = buslane(&["services", "--url", &format!("ws://{}", impostor.address)]).fails(1);
    assert!(stderr.contains("the server answers HTTP 404"), "{stderr}");
}

#[test]
fn a_wire_that_breaks_in_the_middle_is_told_by_every_command_that_waits_for_an_answer() {
    let broker = Broker::start();
    let impostor = Impostor::breaking_after_the_greeting(&broker.address);
    for words in [
        &["pub", "a/b", "1"][..],
        &["request", "attic:get"],
        &["services"],
        &["services", "attic"],
    ] {
        let stderr = buslane(&[words, &["--url", &impostor.url()]].concat()).fails(1);
        assert!(
            stderr.contains("was lost after") && stderr.contains("hint: it may have taken effect"),
            "{words:?}: {stderr}"
        );
    }
}

#[test]
fn a_request_whose_broker_dies_fails_and_says_that_it_may_have_taken_effect() {
    let broker = Broker::start();
    let mut service = support::service::Service::attic(&broker.address, "one");
    let request = broker.start_command(&["request", "attic:wait", "--timeout", "1m"]);
    service.wait_for_a_request();
    drop(broker);
    let stderr = request.outcome().fails(1);
    assert!(stderr.contains("it may have taken effect"), "{stderr}");
}

#[test]
fn those_who_watch_tell_of_a_lost_broker_and_go_on_with_the_next_one() {
    for words in [
        &["sub", "a/b", "--count", "1", "--json"][..],
        &["tap", "a/b", "--no-events", "--count", "1", "--json"],
    ] {
        let broker = Broker::start();
        let mut watching = broker.start_command(words);
        watching.error_line_with(" a/b");
        let address = broker.address.clone();
        drop(broker);
        watching.error_line_with("connection lost: ");
        let broker = Broker::start_at(&address);
        watching.error_line_with("connected again, to ");
        let line = watching.line_with("gap");
        assert!(line.contains("\"unknown\":true"), "{line}");
        broker.run(&["pub", "a/b", "1"]).succeeds();
        assert!(
            watching.outcome().succeeds().contains("\"topic\":\"a/b\""),
            "{words:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn those_who_watch_tell_that_the_broker_shuts_down() {
    let broker = Broker::start();
    let mut tap = broker.start_command(&["tap"]);
    tap.error_line_with("watching");
    broker.process.terminate();
    tap.error_line_with("the broker shuts down, within ");
}

#[test]
fn a_command_that_joins_no_bus_takes_no_url() {
    for words in [
        &["serve"][..],
        &["demo"],
        &["check-config"],
        &["completions", "bash"],
        &["man"],
    ] {
        for placed in [
            [&["--url", "x"], words].concat(),
            [words, &["--url", "x"]].concat(),
        ] {
            let stderr = buslane(&placed).fails(2);
            assert!(stderr.contains("joins no bus: it takes no --url"), "{stderr}");
        }
    }
}
