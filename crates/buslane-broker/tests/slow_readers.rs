//! Readers who do not read: what they miss is told to them, and nobody else notices.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::json;
use support::{Lines, start};

#[test]
fn a_slow_reader_gets_a_gap_and_then_the_newest() {
    let broker = start(|_| {});
    let (mut slow, mut fast, mut writer) = (Lines::join(&broker), Lines::join(&broker), Lines::join(&broker));
    for reader in [&mut slow, &mut fast] {
        reader.send(json!({ "type": "subscribe", "id": "s", "filter": "a" }));
        reader.expect("subscribed");
    }
    let filler = "x".repeat(50_000);
    let last = 400;
    for number in 0..=last {
        let payload = json!({ "number": number, "filler": filler });
        writer.send(json!({ "type": "publish", "id": "p", "topic": "a", "payload": payload, "ack": true }));
        assert_eq!(writer.expect("ack")["receivers"], 2);
        assert_eq!(fast.expect("delivery")["payload"]["number"], number);
    }
    let (mut next, mut missed) = (0, 0);
    while next <= last {
        let message = slow.receive();
        match message["type"].as_str().unwrap() {
            "gap" => {
                let count = message["count"].as_i64().unwrap();
                missed += count;
                next += count;
            }
            _ => {
                assert_eq!(message["payload"]["number"], next);
                next += 1;
            }
        }
    }
    assert!(missed > 0, "nothing was missed: the test wrote too little");
}

#[test]
fn a_client_that_never_reads_its_answers_is_given_up() {
    let broker = start(|_| {});
    let mut client = Lines::join(&broker);
    let pings = "{\"type\":\"ping\",\"id\":\"0123456789012345678901234567890123456789\"}\n".repeat(10_000);
    // The broker stops hearing at some point, and then ends the connection.
    for _ in 0..1_000 {
        if std::io::Write::write_all(&mut client.stream, pings.as_bytes()).is_err() {
            return;
        }
    }
    panic!("nobody minds a client that does not read");
}
