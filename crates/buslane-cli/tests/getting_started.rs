//! `docs/getting-started.md`, typed as it is printed: in a shell, into a socket, and against a broker on another port.

#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Broker, Process, program};

const PAGE: &str = include_str!("../../../docs/getting-started.md");
const PROGRAM: &str = include_str!("../../../examples/rust/src/bin/hello.rs");

/// Members whose values differ from run to run.
const VARYING: &[&str] = &["id", "instance", "resume", "expires_in_ms"];

/// Commands that build, which is done already.
const BUILDING: &[&str] = &["cargo build", "export PATH"];

/// Commands that go on while others are typed.
const LASTING: &[&str] = &[
    "buslane sub",
    "buslane request greeter:hello '{\"name\"",
    "cargo run -p buslane-examples --bin service",
];

/// The terminals of somebody who follows the page.
struct Desk {
    broker: Broker,
    path: String,
    /// What was typed last of what goes on, and where its output comes.
    lasting: Vec<Process>,
    socket: Option<(TcpStream, Lines<BufReader<TcpStream>>)>,
}

impl Desk {
    fn new() -> Desk {
        let buslane = PathBuf::from(env!("CARGO_BIN_EXE_buslane"));
        let folder = buslane.parent().expect("a binary lies in a folder");
        build_examples(folder);
        let path = std::env::var("PATH").unwrap_or_default();
        Desk {
            broker: Broker::start(),
            path: format!("{}:{path}", folder.display()),
            lasting: Vec::new(),
            socket: None,
        }
    }

    /// Types a command, as on the page but for the address and for what cargo would build first.
    fn shell(&self, command: &str) -> Process {
        let command = command
            .replace("127.0.0.1:5959", &self.broker.address)
            .replace("cargo run -p buslane-examples --bin ", "");
        let mut shell = program("bash");
        // What goes to stderr is seen in a terminal as well.
        shell.args(["-c", &format!("exec 2>&1; {command}")]);
        shell
            .env("PATH", &self.path)
            .env("BUSLANE_URL", self.broker.url());
        Process::spawn(shell)
    }

    fn run(&mut self, command: &str, printed: &[&str]) {
        if BUILDING.iter().any(|building| command.starts_with(building)) {
            return assert!(printed.is_empty());
        }
        if command == "buslane serve" {
            let line = format!(
                "buslane {} listening on 127.0.0.1:5959",
                env!("CARGO_PKG_VERSION")
            );
            return assert_eq!(printed, [line]);
        }
        if command.starts_with("nc ") {
            let socket = TcpStream::connect(&self.broker.address).expect("the broker listens");
            let lines = BufReader::new(socket.try_clone().expect("a socket has handles")).lines();
            self.socket = Some((socket, lines));
            return assert!(printed.is_empty());
        }
        let mut process = self.shell(command);
        if LASTING.iter().any(|lasting| command.starts_with(lasting)) {
            for expected in printed {
                assert_eq!(process.line(), *expected, "{command}");
            }
            self.lasting.push(process);
            return;
        }
        let outcome = process.outcome();
        let found: Vec<&str> = outcome.stdout.lines().collect();
        assert_eq!(found, printed, "{command}");
    }

    /// Reads what a command that goes on prints by and by; it has to end with that.
    fn go_on(&mut self, printed: &[&str]) {
        let process = self.lasting.pop().expect("a command goes on");
        let stdout = process.outcome().succeeds();
        assert_eq!(stdout.lines().collect::<Vec<_>>(), printed);
    }

    fn type_line(&mut self, line: &str) {
        let (socket, _) = self.socket.as_mut().expect("nc runs");
        writeln!(socket, "{line}").expect("the broker reads");
    }

    fn read_line(&mut self, expected: &str) {
        let (_, lines) = self.socket.as_mut().expect("nc runs");
        let found = lines.next().expect("the connection is open").expect("it is text");
        assert_eq!(message(&found), message(expected));
    }
}

/// Builds the programs of the examples into the folder where the command is.
fn build_examples(folder: &Path) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--quiet",
        "--locked",
        "--package",
        "buslane-examples",
        "--bins",
    ]);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    if let Some(target) = folder.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "the examples do not compile");
}

/// Reads a message, with what varies left out.
fn message(line: &str) -> Value {
    let mut message: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let members = message.as_object_mut().expect("a message is an object");
    for (_, value) in members
        .iter_mut()
        .filter(|(name, _)| VARYING.contains(&name.as_str()))
    {
        *value = Value::Null;
    }
    message
}

/// Returns the blocks of the page that show a terminal.
fn blocks() -> Vec<Vec<&'static str>> {
    let blocks = PAGE.split("```console\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap_or_default().lines().collect())
        .collect()
}

#[test]
fn everything_goes_as_the_page_shows() {
    let mut desk = Desk::new();
    for block in blocks() {
        let mut lines = block.into_iter().peekable();
        if lines
            .peek()
            .is_some_and(|line| !line.starts_with(['$', '>', ' ']))
        {
            desk.go_on(&lines.collect::<Vec<_>>());
            continue;
        }
        while let Some(line) = lines.next() {
            if let Some(command) = line.strip_prefix("$ ") {
                let mut printed = Vec::new();
                while let Some(line) =
                    lines.next_if(|line| !line.starts_with(['$', '>']) && !line.starts_with("  {"))
                {
                    printed.push(line);
                }
                desk.run(command, &printed);
            } else if let Some(typed) = line.strip_prefix("> ") {
                desk.type_line(typed);
            } else {
                desk.read_line(line.trim_start());
            }
        }
    }
}

#[test]
fn the_program_is_the_one_among_the_examples() {
    let printed = PAGE
        .split("```rust\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let (_, program) = PROGRAM.split_once("\n\n").expect("the program has a head");
    assert_eq!(printed, Some(program));
}
