//! A broker that is killed, restarted or asked to end while it has a lot to do.

use std::io::Write;
use std::thread;
use std::time::Duration;

use buslane_client::{Client as Sdk, RequestError};
use serde_json::json;

use crate::child::{Child, Client, PATIENCE};
use crate::support::service::Service;

/// Clients on a broker that ends.
const CLIENTS: usize = 100;

/// Asks without end, one request at a time. Returns whether it was told that the broker drains before that refused a
/// request or ended the connection, and how many replies it got.
fn ask_until_the_end(mut client: Client) -> (bool, u64) {
    let (mut replies, mut told) = (0, false);
    loop {
        let request = json!({
            "type": "request", "id": replies.to_string(), "to": "attic:get", "payload": { "app": "a", "key": "b" },
        });
        // The broker may have ended the connection already.
        let _taken = client.stream.write_all(format!("{request}\n").as_bytes());
        loop {
            let Some(message) = client.try_receive() else {
                return (told, replies);
            };
            match message["type"].as_str() {
                Some("reply") => break replies += 1,
                Some("draining") => told = true,
                _ => {
                    assert_eq!(message["error"]["code"], "draining", "{message}");
                    return (told, replies);
                }
            }
        }
    }
}

#[test]
fn sigterm_under_load_ends_cleanly_and_each_request_once() {
    let child = Child::start(16);
    let _service = Service::attic(&child.address, "steady");
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let client = child.join();
            thread::spawn(move || ask_until_the_end(client))
        })
        .collect();
    child.wait_for("clients", 21.0);
    while child.figure("requests_ended_total{end=\"replied\"}") < 1_000.0 {}
    child.process.terminate();
    for caller in callers {
        let (told, replies) = caller.join().expect("each request ends");
        assert!(replies > 0);
        assert!(told, "a broker that ends says so before it refuses or closes");
    }
    let outcome = child.process.outcome();
    assert_eq!((outcome.code, outcome.signal), (Some(0), None), "{outcome:?}");
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
}

#[test]
fn a_broker_that_is_killed_is_noticed_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .expect("the system has room for a runtime")
        .block_on(async {
            let child = Child::start(16);
            let _service = Service::attic(&child.address, "steady");
            let client = Sdk::connect(&format!("buslane://{}", child.address))
                .await
                .expect("the broker answers");
            // Whoever waits for the deadline instead waits longer than this test does.
            let call = client.call("attic:wait").timeout(Duration::from_secs(3_000));
            let asked = tokio::spawn(async move { call.send(&json!({})).await });
            while child.figure("requests_in_flight") < 1.0 {
                tokio::task::yield_now().await;
            }
            drop(child);
            let ended = tokio::time::timeout(PATIENCE, asked)
                .await
                .expect("it ends at once");
            let outcome = ended.expect("a client does not panic");
            assert!(
                matches!(outcome, Err(RequestError::OutcomeUnknown(_))),
                "{outcome:?}"
            );
        });
}

#[test]
fn a_hundred_clients_come_back_to_a_broker_that_was_killed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .expect("the system has room for a runtime")
        .block_on(async {
            let child = Child::start(32);
            let address = child.address.clone();
            let mut clients = Vec::new();
            for _ in 0..CLIENTS {
                let client = Sdk::connect(&format!("buslane://{address}"))
                    .await
                    .expect("the broker answers");
                let subscription = client.subscribe("restart/+").await.expect("it subscribes");
                clients.push((client, subscription));
            }
            drop(child);
            let again = Child::start_at(&address, 32);
            let back = tokio::time::timeout(PATIENCE, async {
                while again.figure("subscriptions") < CLIENTS as f64 {
                    tokio::task::yield_now().await;
                }
            });
            back.await.expect("all of them come back");
            let mut publisher = again.join();
            publisher.send(
                &json!({ "type": "publish", "id": "1", "topic": "restart/done", "payload": 1, "ack": true }),
            );
            assert_eq!(publisher.receive()["receivers"], CLIENTS);
            again.check_memory();
        });
}
