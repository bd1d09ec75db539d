//! How commands end: into a pipe that is closed, onto a disk that is full, by Ctrl-C; and what they print where, with
//! colours and without.

#![cfg(unix)]

mod support;

#[cfg(target_os = "linux")]
use std::fs::{File, OpenOptions};
use std::process::Command;

use support::service::Service;
use support::{Broker, Process, command, terminal};

/// Every command that prints by itself.
const PRINTING: &[&[&str]] = &[
    &["--help"],
    &["--version"],
    &["tap", "--help"],
    &["completions", "bash"],
    &["completions", "zsh"],
    &["completions", "fish"],
    &["man"],
    &["man", "tap"],
    &["man", "--format", "markdown"],
    &["check-config"],
    &["check-config", "--json"],
    &["services"],
    &["services", "--json"],
    &["services", "attic"],
    &["services", "attic", "--json"],
    &["services", "attic", "--schema", "get"],
    &["request", "attic:get", "{\"app\":\"a\",\"key\":\"k\"}"],
    &["request", "attic:get", "{\"app\":\"a\",\"key\":\"k\"}", "--json"],
    &["request", "@storage:get", "{\"app\":\"a\",\"key\":\"k\"}"],
    &["request", "attic:count", "--stream"],
    &["pub", "a/b", "1", "--json"],
    &["doctor"],
    &["doctor", "--json"],
    &["tap"],
    &["tap", "--json"],
    &["tap", "--rates"],
    &["tap", "--rates", "--json"],
];

/// A broker with a service, so that everything has something to print.
fn bus() -> (Broker, Service) {
    let broker = Broker::start();
    let attic = Service::attic(&broker.address, "one");
    (broker, attic)
}

fn prepared(broker: &Broker, words: &[&str]) -> Command {
    let mut command = command(words);
    command.env("BUSLANE_URL", broker.url());
    command
}

/// Runs a command whose output nobody reads.
fn run_unread(broker: &Broker, words: &[&str]) -> Process {
    let (reader, writer) = std::io::pipe().expect("the system has pipes");
    drop(reader);
    let mut command = prepared(broker, words);
    command.stdout(writer);
    Process::spawn_with_stdout(command, std::io::empty())
}

/// Runs a command whose output goes to a disk that is full.
#[cfg(target_os = "linux")]
fn run_full(broker: &Broker, words: &[&str]) -> Process {
    let mut command = prepared(broker, words);
    command.stdout(full());
    Process::spawn_with_stdout(command, std::io::empty())
}

/// Opens a disk that is full.
#[cfg(target_os = "linux")]
fn full() -> File {
    let opened = OpenOptions::new().write(true).open("/dev/full");
    opened.expect("the system has such a device")
}

#[test]
fn a_closed_pipe_ends_every_command_without_a_word() {
    let (broker, _attic) = bus();
    let started: Vec<_> = PRINTING
        .iter()
        .map(|words| (words, run_unread(&broker, words)))
        .collect();
    for (words, process) in started {
        let outcome = process.outcome();
        assert_eq!(outcome.code, Some(0), "{words:?}: {outcome:?}");
        assert!(
            !outcome.stderr.contains("error") && !outcome.stderr.contains("panicked"),
            "{words:?}: {outcome:?}"
        );
    }
}

#[test]
fn a_subscriber_of_a_closed_pipe_ends_with_the_next_message() {
    let (broker, _attic) = bus();
    let mut sub = run_unread(&broker, &["sub", "a/b"]);
    sub.error_line_with("subscribed");
    broker.run(&["pub", "a/b", "1"]).succeeds();
    assert_eq!(sub.outcome().code, Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_every_command_with_a_message() {
    let (broker, _attic) = bus();
    let started: Vec<_> = PRINTING
        .iter()
        .map(|words| (words, run_full(&broker, words)))
        .collect();
    for (words, process) in started {
        let outcome = process.outcome();
        assert_eq!(outcome.code, Some(1), "{words:?}: {outcome:?}");
        assert!(
            outcome.stderr.contains("error: stdout: No space left on device"),
            "{words:?}: {outcome:?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_broker_serves_though_nobody_can_read_where() {
    for unread in [true, false] {
        let listening = Broker::start();
        let words = ["serve", "--listen", "127.0.0.1:0"];
        let mut process = if unread {
            run_unread(&listening, &words)
        } else {
            run_full(&listening, &words)
        };
        process.error_line_with("listening");
        process.terminate();
        assert_eq!(process.outcome().code, Some(0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stderr_changes_no_exit_code() {
    let (broker, _attic) = bus();
    for (words, code) in [
        (&["pub", "a/b", "1"][..], 0),
        (&["request", "attic:fail"], 1),
        (&["dance"], 2),
        (&["pub", "a//b"], 2),
        (&["tap", "--count", "1"], 0),
    ] {
        let mut command = prepared(&broker, words);
        command.stderr(full());
        assert_eq!(command.output().unwrap().status.code(), Some(code), "{words:?}");
    }
}

#[test]
fn ctrl_c_ends_those_who_watch_as_if_they_were_done() {
    let (broker, _attic) = bus();
    for words in [&["sub", "a/b"][..], &["tap", "a/b"], &["tap", "a/b", "--rates"]] {
        for interrupt in [true, false] {
            let mut watching = broker.start_command(words);
            watching.error_line_with("a/b");
            if interrupt {
                watching.interrupt()
            } else {
                watching.terminate()
            }
            assert_eq!(watching.outcome().code, Some(0), "{words:?}");
        }
    }
}

#[test]
fn ctrl_c_ends_a_request_by_the_signal_and_cancels_it() {
    let (broker, mut attic) = bus();
    let request = broker.start_command(&["request", "attic:wait", "--timeout", "1m"]);
    attic.wait_for_a_request();
    request.interrupt();
    let outcome = request.outcome();
    // A shell shows this as 130.
    assert_eq!((outcome.code, outcome.signal), (None, Some(2)), "{outcome:?}");
}

/// Taps one message on a terminal and returns what was written to it.
fn on_terminal(kind: &str, words: &[&str], environment: &[(&str, &str)]) -> String {
    let broker = Broker::start();
    let words = [&["tap", "--no-events", "--count", "1"], words].concat();
    let mut tap = terminal::start(kind, &broker.url(), &words, environment);
    tap.error_line_with("watching");
    broker.run(&["pub", "a/b", "{\"n\":1}"]).succeeds();
    tap.outcome().succeeds()
}

#[test]
fn there_are_colours_on_a_terminal() {
    assert!(on_terminal("xterm", &[], &[]).contains("\u{1b}[36ma/b\u{1b}[0m"));
}

#[test]
fn there_are_no_colours_where_they_are_not_wanted() {
    for (kind, words, environment) in [
        ("dumb", &[][..], &[][..]),
        ("xterm", &[], &[("NO_COLOR", "1")]),
        ("xterm", &[], &[("CLICOLOR", "0")]),
        ("xterm", &["--color", "never"], &[]),
        ("xterm", &["--color", "never"], &[("CLICOLOR_FORCE", "1")]),
    ] {
        let shown = on_terminal(kind, words, environment);
        assert!(
            shown.contains("a/b") && !shown.contains('\u{1b}'),
            "{kind} {words:?} {environment:?}: {shown:?}"
        );
    }
}

#[test]
fn colours_can_be_forced_into_a_pipe() {
    let broker = Broker::start();
    let plain = broker.run(&["services"]).succeeds();
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    for (words, variable) in [
        (&["doctor", "--color", "always"][..], "UNUSED"),
        (&["--color=always", "doctor"], "NO_COLOR"),
        (&["doctor"], "CLICOLOR_FORCE"),
    ] {
        let mut command = prepared(&broker, words);
        command.env(variable, "1");
        let stdout = Process::spawn(command).outcome().succeeds();
        assert!(stdout.contains("\u{1b}[32mok"), "{words:?}: {stdout:?}");
    }
}

#[test]
fn errors_are_coloured_as_everything_else() {
    let error = |words: &[&str]| Process::start(words).outcome().fails(2);
    assert!(!error(&["pub", "a//b"]).contains('\u{1b}'));
    for words in [
        &["pub", "a//b", "--color", "always"][..],
        &["--color=always", "dance"],
        &["tap", "--count", "x", "--color", "always"],
    ] {
        assert!(error(words).contains('\u{1b}'), "{words:?}");
    }
}

#[test]
fn rates_are_redrawn_in_place_on_a_terminal_that_can() {
    let broker = Broker::start();
    for (kind, redrawn) in [("xterm", true), ("dumb", false)] {
        let words = ["tap", "--rates", "--no-events", "--count", "2"];
        let shown = terminal::start(kind, &broker.url(), &words, &[])
            .outcome()
            .succeeds();
        assert_eq!(shown.contains("F\u{1b}[J"), redrawn, "{shown:?}");
        assert_eq!(shown.contains("TOPIC"), redrawn, "{shown:?}");
    }
}

#[test]
fn a_reply_is_laid_out_and_coloured_on_a_terminal_only() {
    let (broker, _attic) = bus();
    let words = ["request", "attic:get", "{\"app\":\"a\",\"key\":\"k\"}"];
    let shown = terminal::start("xterm", &broker.url(), &words, &[])
        .outcome()
        .succeeds();
    assert!(
        shown.contains("\n  \u{1b}[1m\u{1b}[34m\"app\"\u{1b}[0m: "),
        "{shown:?}"
    );
    assert_eq!(broker.run(&words).succeeds(), "{\"app\":\"a\",\"key\":\"k\"}\n");
}
