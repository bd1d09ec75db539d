//! A consumer: calls the attic, follows an answer in parts, and shows what errors look like.

use buslane_client::{Client, RequestError};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Found {
    value: String,
}

#[derive(Deserialize)]
struct Change {
    key: String,
    value: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let bus = Client::connect_default().await?; // BUSLANE_URL, else 127.0.0.1:5959
    let called = tokio::select! {
        called = call(&bus) => called,
        () = buslane_examples::asked_to_end() => Ok(()),
    };
    bus.close().await;
    called?;
    println!("consumer has left");
    Ok(())
}

async fn call(bus: &Client) -> anyhow::Result<()> {
    set(bus, "green").await?;
    get(bus, "colour", json!({ "app": "demo", "key": "colour" })).await;
    get(bus, "shape", json!({ "app": "demo", "key": "shape" })).await; // of which the service has none
    get(bus, "without a key", json!({ "app": "demo" })).await; // which the broker refuses by the schema
    get(bus, "with a wrong key", json!({ "app": "demo", "key": 7 })).await;

    let mut changes = bus.request_stream::<Change>("attic:watch", &json!({ "app": "demo" }));
    while let Some(change) = changes.next().await {
        let Change { key, value } = change?;
        println!("watch demo: {key} is {value}");
        match value.as_str() {
            "green" => set(bus, "blue").await?,
            _ => break,
        }
    }
    drop(changes); // which the service hears of

    match bus.request::<Found>("cellar:get", &json!({})).await {
        Ok(found) => println!("cellar: {}", found.value),
        Err(error) => println!("cellar: {}", shown(&error)),
    }
    Ok(())
}

async fn set(bus: &Client, colour: &str) -> Result<(), RequestError> {
    let input = json!({ "app": "demo", "key": "colour", "value": colour });
    bus.request::<()>("attic:set", &input).await?;
    println!("set colour: {colour}");
    Ok(())
}

async fn get(bus: &Client, what: &str, input: serde_json::Value) {
    match bus.request::<Found>("attic:get", &input).await {
        Ok(found) => println!("get {what}: {}", found.value),
        Err(error) => println!("get {what}: {}", shown(&error)),
    }
}

/// Shows an error by its code, which is for programs, where it is, and what people read.
fn shown(error: &RequestError) -> String {
    let problem = error.problem();
    let place = problem
        .pointer
        .as_ref()
        .map(|pointer| format!(" at \"{pointer}\""))
        .unwrap_or_default();
    let text = problem.detail.as_deref().unwrap_or(&problem.title);
    format!("{}{place}: {text}", error.code())
}
