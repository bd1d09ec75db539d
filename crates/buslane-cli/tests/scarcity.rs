//! A system that runs out of something: the broker goes on, and says so in its figures.

#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::{Process, program};

/// Files that the broker may have open.
const FILES: usize = 40;
/// How long it may take. Only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads a figure over a connection that stays open.
fn figure(stream: &mut TcpStream, name: &str) -> u64 {
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("the broker reads");
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).expect("the broker answers");
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().expect("a length is a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole body comes");
    let body = String::from_utf8(body).expect("figures are text");
    let sample = body
        .lines()
        .find_map(|line| line.strip_prefix(&format!("buslane_{name} ")));
    sample
        .unwrap_or_else(|| panic!("{name} is missing in\n{body}"))
        .parse()
        .expect("it is a number")
}

#[test]
fn connections_that_the_system_cannot_give_are_counted_and_taken_in_later() {
    let mut shell = program("bash");
    let buslane = env!("CARGO_BIN_EXE_buslane");
    shell.args([
        "-c",
        &format!("ulimit -n {FILES}; exec {buslane} serve --listen 127.0.0.1:0"),
    ]);
    let mut broker = Process::spawn(shell);
    let line = broker.line_with("listening on");
    let address = line.rsplit(' ').next().expect("the line ends with the address");
    let connect = || TcpStream::connect(address).expect("the system queues it");
    let mut watcher = connect();
    assert_eq!(figure(&mut watcher, "accept_failures_total"), 0);
    let others: Vec<TcpStream> = (0..FILES).map(|_| connect()).collect();
    let began = Instant::now();
    while figure(&mut watcher, "accept_failures_total") == 0 {
        assert!(began.elapsed() < PATIENCE, "nothing failed");
    }
    drop(others);
    // Whoever comes now is taken in behind those that are gone.
    assert!(figure(&mut connect(), "sockets_accepted_total") > FILES as u64);
}
