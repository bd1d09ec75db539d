//! Publishing allocates nothing per message, once buffers have grown. Client and connection live on one thread, so that
//! whatever either allocates is counted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;

use broker::Broker;
use buslane_client::{Body, Client, PublishError};

const TOPIC: &str = "host/attic/cpu";
const TEXT: &str = r#"{"load":0.25,"temperature":51.5,"name":"attic"}"#;
const MESSAGES: usize = 20_000;
/// How often a buffer may still grow: how much waits in it is the system's choice.
const GROWTHS: u64 = 10;

/// Publishes many times, and as many again; returns what is allocated meanwhile.
fn allocated<F>(publish: impl Fn(Client) -> F) -> u64
where
    F: Future<Output = Result<(), PublishError>>,
{
    let broker = Broker::start_detached();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = runtime.block_on(broker.client());
    runtime.block_on(async {
        publish(client.clone()).await.unwrap();
        client.flush().await.unwrap();
    });
    let counted = allocation_counter::measure(|| runtime.block_on(publish(client.clone())).unwrap());
    counted.count_total
}

#[test]
fn publishing_text_allocates_nothing() {
    let publish = |client: Client| async move {
        for _ in 0..MESSAGES {
            client.publish_json_text(TOPIC, TEXT).await?;
        }
        Ok(())
    };
    assert!(allocated(publish) <= GROWTHS);
}

#[test]
fn publishing_a_body_again_and_again_allocates_nothing() {
    let body = Body::json_text(TEXT).checked().unwrap();
    let publish = |client: Client| {
        let body = &body;
        async move {
            for _ in 0..MESSAGES {
                client.publish_body(TOPIC, body).await?;
            }
            Ok(())
        }
    };
    assert!(allocated(publish) <= GROWTHS);
}

#[test]
fn publishing_value_after_value_allocates_nothing() {
    let publish = |client: Client| async move {
        for number in 0..MESSAGES {
            client.publish(TOPIC, &(number, "of a value")).await?;
        }
        Ok(())
    };
    assert!(allocated(publish) <= GROWTHS);
}

#[test]
fn what_the_connection_allocates_is_counted() {
    let publish = |client: Client| async move {
        client.publish(TOPIC, &1).ack().await?;
        Ok(())
    };
    assert_ne!(allocated(publish), 0, "who waits is remembered");
}
