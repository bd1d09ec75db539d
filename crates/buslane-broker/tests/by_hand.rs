//! The client of `examples/by-hand`, as it stands there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;
use support::{Lines, connect, start};

/// Ends the program when the test ends.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn sixty_lines_of_python_are_a_service() {
    let broker = start(|_| {});
    let address = connect(&broker).peer_addr().unwrap().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/by-hand/greeter.py");
    let spawned = Command::new("python3")
        .arg(script)
        .arg(address)
        .stdout(Stdio::piped())
        .spawn();
    let mut program = Program(spawned.expect("the tests need python3"));
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "registered greeter");

    let mut caller = Lines::join(&broker);
    caller.send(json!({ "type": "request", "id": "1", "to": "greeter:hello", "payload": { "name": "Ada" } }));
    assert_eq!(caller.expect("reply")["payload"], json!({ "text": "hello Ada" }));
    caller.send(json!({ "type": "request", "id": "2", "to": "greeter:hello", "payload": {} }));
    assert_eq!(caller.expect_error(), "schema_violation");
}
