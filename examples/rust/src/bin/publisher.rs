//! A publisher: declares the contract of a topic and publishes readings on it, of which the bus keeps the last.

use buslane_client::{Client, ServiceError, TopicContract};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// Where the readings go.
const TOPIC: &str = "room/kitchen/temperature";

#[derive(Serialize, JsonSchema)]
struct Reading {
    celsius: f64,
}

/// The last reading, which `thermometer:read` tells as well.
const LAST: Reading = Reading { celsius: 22.75 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let bus = Client::connect_default().await?; // BUSLANE_URL, else 127.0.0.1:5959
    bus.service("thermometer", "1.0.0")
        .topic(TopicContract::new(TOPIC).schema_of::<Reading>().retained())
        .method("read", |_: Option<()>, _context| async {
            Ok::<_, ServiceError>(LAST)
        })
        .register()
        .await?;
    println!("thermometer is registered");
    for reading in [Reading { celsius: 20.5 }, Reading { celsius: 21.25 }, LAST] {
        bus.publish(TOPIC, &reading).ack().await?;
        println!("published {}", reading.celsius);
    }
    // What breaks the contract reaches nobody.
    if let Err(error) = bus.publish(TOPIC, &json!({ "celsius": "warm" })).ack().await {
        let problem = error.problem();
        let pointer = problem.pointer.as_deref().unwrap_or_default();
        println!("refused: {} at \"{pointer}\"", error.code());
    }
    buslane_examples::asked_to_end().await;
    bus.close().await;
    println!("thermometer has left");
    Ok(())
}
