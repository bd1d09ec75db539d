//! The broker as a service manager and a person at a shell see it.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use support::{Broker, Process, buslane};

#[test]
fn the_address_is_told_when_the_broker_listens() {
    let broker = Broker::start();
    let mut socket = TcpStream::connect(&broker.address).expect("the broker listens already");
    writeln!(socket, "{{\"type\":\"ping\",\"id\":\"1\"}}").unwrap();
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer).unwrap();
    assert_eq!(answer, "{\"type\":\"pong\",\"id\":\"1\"}\n");
}

#[test]
fn the_line_names_program_version_and_address() {
    let mut process = Process::start(&["serve", "--listen", "127.0.0.1:0"]);
    let line = process.line();
    let expected = format!("buslane {} listening on 127.0.0.1:", env!("CARGO_PKG_VERSION"));
    assert!(line.starts_with(&expected) && !line.ends_with(":0"), "{line}");
}

#[test]
fn every_address_is_told() {
    let mut process = Process::start(&["serve", "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    let (first, second) = (
        process.line_with("listening on"),
        process.line_with("listening on"),
    );
    assert_ne!(first, second);
}

#[cfg(unix)]
#[test]
fn a_broker_ends_cleanly_when_terminated_or_interrupted() {
    for interrupt in [false, true] {
        let Broker { process, .. } = Broker::start();
        if interrupt {
            process.interrupt()
        } else {
            process.terminate()
        }
        let outcome = process.outcome();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_joined_by_its_url() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus.sock");
    let mut broker = Process::start(&["serve", "--listen", &format!("unix:{}", path.display())]);
    broker.line_with("listening on");
    let url = format!("buslane+unix://{}", path.display());
    buslane(&["pub", "a/b", "1", "--url", &url]).succeeds();
}

#[test]
fn a_port_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let stderr = buslane(&["serve", "--listen", &address]).fails(1);
    assert!(
        stderr.contains(&address) && stderr.contains("in use") && stderr.contains("hint: "),
        "{stderr}"
    );
}

#[test]
fn an_open_address_needs_to_be_asked_for_in_so_many_words() {
    let stderr = buslane(&["serve", "--listen", "0.0.0.0:0"]).fails(1);
    assert!(stderr.contains("--insecure"), "{stderr}");
    let mut process = Process::start(&["serve", "--listen", "0.0.0.0:0", "--insecure"]);
    process.line_with("listening on 0.0.0.0:");
}

#[test]
fn a_wrong_configuration_names_the_nearest_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("buslane.toml");
    std::fs::write(&path, "lisen = [\"127.0.0.1:0\"]\n").unwrap();
    let stderr = buslane(&["serve", "--config", &path.display().to_string()]).fails(2);
    assert!(stderr.contains("lisen") && stderr.contains("listen"), "{stderr}");
}

#[test]
fn the_log_can_be_json() {
    let mut process = Process::start(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    let line = process.error_line_with("{");
    assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
}
