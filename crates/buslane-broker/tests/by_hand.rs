//! The client of `examples/by-hand`, as it stands there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::json;
use support::greeter::Greeter;
use support::{Lines, start};

#[test]
fn sixty_lines_of_python_are_a_service() {
    let broker = start(|_| {});
    let _greeter = Greeter::join(&broker);

    let mut caller = Lines::join(&broker);
    caller.send(json!({ "type": "request", "id": "1", "to": "greeter:hello", "payload": { "name": "Ada" } }));
    assert_eq!(caller.expect("reply")["payload"], json!({ "text": "hello Ada" }));
    caller.send(json!({ "type": "request", "id": "2", "to": "greeter:hello", "payload": {} }));
    assert_eq!(caller.expect_error(), "schema_violation");
}
