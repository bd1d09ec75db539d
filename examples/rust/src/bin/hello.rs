//! The program of `docs/getting-started.md`: calls a service, listens, and publishes.

use buslane_client::Client;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Found {
    value: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bus = Client::connect_default().await?; // BUSLANE_URL, else 127.0.0.1:5959

    let key = json!({ "app": "demo", "key": "colour" });
    let found: Found = bus.request("attic:get", &key).await?;
    println!("the colour is {}", found.value);

    let mut temperatures = bus.subscribe("room/+/temperature").await?;
    let reading = json!({ "celsius": 19 });
    bus.publish("room/attic/temperature", &reading).await?;
    if let Some(heard) = temperatures.next().await {
        println!("{} {}", heard.topic(), heard.payload());
    }

    bus.close().await;
    Ok(())
}
