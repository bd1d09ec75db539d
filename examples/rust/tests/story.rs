//! The four programs, run as processes beside a broker: what they print is what `examples/README.md` shows.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use buslane_broker::{Broker, Config, RunningBroker};

use rustix::process::{Pid, Signal, kill_process};

/// How long a program may be silent. Only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The blocks of the page with what is printed, in their order.
fn printed() -> [Vec<&'static str>; 5] {
    let page = include_str!("../../README.md");
    let blocks: Vec<Vec<&str>> = page
        .split("```text\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().lines().collect())
        .collect();
    blocks.try_into().unwrap()
}

/// A program that runs.
struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(path: &str, url: &str) -> Program {
        let mut child = Command::new(path)
            .env("BUSLANE_URL", url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Program { child, lines }
    }

    /// Reads until a line has come.
    #[track_caller]
    fn until(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.last().map(String::as_str) != Some(last) {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(line),
                Err(error) => panic!("{last:?} does not come after {lines:#?}: {error}"),
            }
        }
        lines
    }

    /// Sends a signal.
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end and returns the lines that were left.
    #[track_caller]
    fn end(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            lines.push(line);
        }
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{lines:#?}");
        lines
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn broker() -> RunningBroker {
    Broker::spawn(Config::ephemeral()).unwrap()
}

#[test]
fn the_four_programs_print_what_the_page_shows() {
    let (broker, [service, watcher, publisher, consumer, latecomer]) = (broker(), printed());
    let url = broker.url();
    let mut keeper = Program::start(env!("CARGO_BIN_EXE_service"), &url);
    let mut kept = keeper.until("attic is registered");
    let mut observer = Program::start(env!("CARGO_BIN_EXE_watcher"), &url);
    let mut observed = observer.until("nobody else is there");
    let mut teller = Program::start(env!("CARGO_BIN_EXE_publisher"), &url);
    let mut told = teller.until("refused: schema_violation at \"/celsius\"");
    let caller = Program::start(env!("CARGO_BIN_EXE_consumer"), &url);
    assert_eq!(caller.end(), consumer);
    kept.extend(keeper.until("watch demo: ends"));
    let mut late = Program::start(env!("CARGO_BIN_EXE_watcher"), &url);
    assert_eq!(late.until(latecomer.last().unwrap()), latecomer);
    teller.signal(Signal::INT);
    told.extend(teller.end());
    observed.extend(observer.until("thermometer went"));
    keeper.signal(Signal::TERM);
    kept.extend(keeper.end());
    observed.extend(observer.until("attic went"));
    observer.signal(Signal::INT);
    observed.extend(observer.end());
    assert_eq!(
        (kept, observed, told),
        (owned(&service), owned(&watcher), owned(&publisher))
    );
}

#[test]
fn without_a_broker_each_program_says_so_and_fails() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("buslane://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let programs = [
        env!("CARGO_BIN_EXE_service"),
        env!("CARGO_BIN_EXE_consumer"),
        env!("CARGO_BIN_EXE_publisher"),
        env!("CARGO_BIN_EXE_watcher"),
    ];
    let running = programs.map(|path| {
        let mut command = Command::new(path);
        command
            .env("BUSLANE_URL", &url)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    for child in running {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("no broker answers at"), "{said}");
    }
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}
