//! The README's taste by hand, typed as it is printed: what the broker and the command answer is what it shows.

mod support;

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::TcpStream;

use serde_json::Value;
use support::Broker;

const README: &str = include_str!("../../../README.md");
const FRONT_PAGE: &str = include_str!("../../buslane-client/src/lib.rs");

/// Members whose values differ from run to run.
const VARYING: &[&str] = &["id", "instance", "resume", "expires_in_ms"];

/// A step of the session that the README prints.
#[derive(Debug)]
enum Step<'a> {
    Typed(&'a str),
    Answered(&'a str),
    Command(&'a str, Vec<&'a str>),
}

/// Reads the code blocks of the section: lines typed, lines answered, and commands with what they print.
fn steps() -> Vec<Step<'static>> {
    let section = README
        .split("\n## ")
        .find(|section| section.starts_with("A taste, by hand"))
        .expect("the README has the section");
    let mut steps = Vec::new();
    for line in section
        .split("```")
        .skip(1)
        .step_by(2)
        .flat_map(str::lines)
        .filter(|line| !line.is_empty())
    {
        if let Some(command) = line.strip_prefix("$ ") {
            let command = command.strip_prefix("cargo run --release -- ");
            steps.extend(command.map(|command| Step::Command(command, Vec::new())));
        } else if let Some(typed) = line.strip_prefix("> ") {
            steps.push(Step::Typed(typed));
        } else if let Some(answer) = line.strip_prefix("  {") {
            steps.push(Step::Answered(&line[line.len() - answer.len() - 1..]));
        } else if let Some(Step::Command(_, printed)) = steps.last_mut() {
            printed.push(line);
        } else {
            panic!("what is {line:?} in the README?");
        }
    }
    steps
}

/// Splits a command into its arguments; those in single quotes may hold spaces.
fn arguments(command: &str) -> Vec<&str> {
    let parts = command.split('\'').enumerate();
    parts
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        })
        .collect()
}

fn assert_like(printed: &str, found: &str) {
    let read = |text: &str| -> Value {
        let mut value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        for member in VARYING {
            value
                .as_object_mut()
                .expect("a message is an object")
                .entry(*member)
                .and_modify(|value| *value = Value::Null);
        }
        value
    };
    assert_eq!(read(printed), read(found));
}

fn next(lines: &mut Lines<BufReader<TcpStream>>) -> String {
    lines
        .next()
        .expect("the connection is open")
        .expect("the broker writes text")
}

#[test]
fn the_session_goes_as_printed() {
    let broker = Broker::start();
    let mut socket = TcpStream::connect(&broker.address).unwrap();
    let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
    let mut waiting = None;
    for step in steps() {
        match step {
            Step::Command("serve", _) => {}
            Step::Typed(line) => writeln!(socket, "{line}").unwrap(),
            Step::Answered(line) => assert_like(line, &next(&mut lines)),
            Step::Command(command, printed) if printed.is_empty() => {
                waiting = Some(broker.start_command(&arguments(command)));
            }
            Step::Command(command, printed) => {
                let stderr = broker.run(&arguments(command)).fails(1);
                assert_eq!(stderr.lines().collect::<Vec<_>>(), printed, "{command}");
            }
        }
    }
    let answered = waiting
        .expect("the README calls the service")
        .outcome()
        .succeeds();
    assert_eq!(answered, "{\"text\":\"hello Ada\"}\n");
}

#[test]
fn the_rust_example_is_that_of_the_crates_front_page() {
    let example = README
        .split("```rust\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("an example");
    let front_page: Vec<&str> = FRONT_PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .collect();
    for line in example.lines().filter(|line| !line.is_empty()) {
        assert!(front_page.contains(&line), "{line:?}");
    }
}
