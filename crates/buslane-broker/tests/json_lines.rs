//! The easy protocol, over raw sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write;
use std::net::Shutdown;

use serde_json::json;
use support::{Lines, read_to_end, start};

#[test]
fn two_programs_find_and_call_each_other() {
    let broker = start(|_| {});
    let mut greeter = Lines::join(&broker);
    greeter.send(
        json!({ "type": "register", "name": "greeter", "version": "1.0.0", "methods": { "hello": {} } }),
    );
    assert_eq!(greeter.expect("registered")["name"], "greeter");

    let mut shell = Lines::join(&broker);
    shell.send(json!({ "type": "request", "id": "1", "to": "greeter:hello", "payload": { "name": "Ada" } }));
    let request = greeter.expect("request");
    assert_eq!(
        (&request["delivery"], &request["to"]),
        (&json!(1), &json!("greeter:hello"))
    );
    assert_eq!(request["payload"], json!({ "name": "Ada" }));

    greeter.send(json!({ "type": "reply", "delivery": 1, "payload": { "text": "hello Ada" } }));
    let reply = shell.expect("reply");
    assert_eq!(
        (&reply["id"], &reply["payload"]),
        (&json!("1"), &json!({ "text": "hello Ada" }))
    );
}

#[test]
fn an_object_with_a_name_and_no_type_registers() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    client.send(json!({ "name": "gist", "methods": ["get", "set"] }));
    assert_eq!(client.expect("registered")["name"], "gist");
}

#[test]
fn a_bad_line_is_answered_and_the_connection_stays() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    client.send_raw(b"{\"type\":\n");
    assert_eq!(client.expect_error(), "invalid_json");
    client.send_raw(b"no json at all\r\n\r\n\n");
    assert_eq!(client.expect_error(), "invalid_json");
    client.send_raw(b"{\"type\":\"\xff\"}\n");
    assert_eq!(client.expect_error(), "invalid_json");
    client.send(json!({ "type": "conquer", "id": "1" }));
    assert_eq!(client.expect_error(), "unknown_type");
    client.flush();
}

#[test]
fn lines_that_come_in_pieces_are_put_together() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    let payload = "x".repeat(200_000);
    client.send(json!({ "type": "subscribe", "id": "s", "filter": "a/b" }));
    client.expect("subscribed");
    let line = format!(
        "{}\n",
        json!({ "type": "publish", "topic": "a/b", "payload": payload })
    );
    let twice = line.repeat(2);
    for piece in twice.as_bytes().chunks(70_001) {
        client.stream.write_all(piece).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(client.expect("delivery")["payload"], json!(payload));
    }
}

#[test]
fn a_line_in_single_bytes_is_still_a_line() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    for byte in b"{\"type\":\"ping\",\"id\":\"slow\"}\r\n" {
        client.send_raw(&[*byte]);
    }
    assert_eq!(client.expect("pong")["id"], "slow");
}

#[test]
fn a_line_beyond_the_limit_ends_the_connection() {
    let broker = start(|config| {
        config.limits.payload = 1_000;
        config.limits.registration = 1_000;
    });
    let mut client = Lines::join(&broker);
    client.flush();
    client.send_raw(&vec![b'x'; 40_000]);
    assert_eq!(client.expect_error(), "frame_too_large");
    assert_eq!(client.try_receive(), None);
}

#[test]
fn a_strangers_first_line_has_a_limit_of_its_own() {
    let broker = start(|config| config.limits.first_frame = 1_000);
    let mut client = Lines::join(&broker);
    client.send_raw(format!("{{\"type\":\"ping\",\"id\":\"{}", "1".repeat(2_000)).as_bytes());
    assert_eq!(client.expect_error(), "frame_too_large");
    assert_eq!(client.try_receive(), None);
}

#[test]
fn what_was_sent_before_the_end_of_the_stream_is_answered() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    client.send(json!({ "type": "ping", "id": "last" }));
    client.stream.shutdown(Shutdown::Write).unwrap();
    let answer = read_to_end(&mut client.stream);
    assert_eq!(
        String::from_utf8(answer).unwrap(),
        "{\"type\":\"pong\",\"id\":\"last\"}\n"
    );
}

#[test]
fn a_line_that_is_cut_by_the_end_of_the_connection_is_refused() {
    let broker = start(|_| {});
    for known in [false, true] {
        for cut in [
            r#"{"type":"publish","topic":"a"#,
            r#"{"type":"publish","topic":"a"}"#,
        ] {
            let mut client = Lines::join(&broker);
            if known {
                client.flush();
            }
            client.send_raw(cut.as_bytes());
            client.stream.shutdown(Shutdown::Write).unwrap();
            let error = client.expect("error");
            assert_eq!(error["error"]["code"], "invalid_frame");
            let detail = error["error"]["detail"].as_str().unwrap();
            assert!(
                detail.contains(&format!("ended at byte {}", cut.len())),
                "{detail}"
            );
            assert_eq!(client.try_receive(), None);
        }
    }
}

#[test]
fn whoever_says_goodbye_is_let_go() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    client.send(json!({ "type": "ping", "id": "1" }));
    client.send(json!({ "type": "goodbye" }));
    client.expect("pong");
    assert_eq!(client.try_receive(), None);
}
