//! The few lines that show what the Rust SDK feels like, run as they are printed in the documentation: in a process of
//! their own, which learns of the broker from its environment.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use broker::Broker;
use buslane_client::{Client, Context, ServiceError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Get {
    app: String,
    key: String,
}

#[derive(Deserialize)]
struct Set {
    app: String,
    key: String,
    value: String,
}

#[derive(Serialize, Deserialize, Debug)]
struct Found {
    value: String,
}

const SET_SCHEMA: &str = r#"{"type": "object", "required": ["app", "key", "value"]}"#;

#[derive(Default)]
struct Store(Mutex<HashMap<(String, String), String>>);

impl Store {
    fn get(&self, app: &str, key: &str) -> Result<Found, ServiceError> {
        let entries = self.0.lock().unwrap();
        let value = entries.get(&(app.to_owned(), key.to_owned())).cloned();
        value
            .map(|value| Found { value })
            .ok_or(ServiceError::new("not_found", "there is no such key"))
    }

    fn set(&self, set: Set) -> Result<(), ServiceError> {
        self.0.lock().unwrap().insert((set.app, set.key), set.value);
        Ok(())
    }
}

/// Everything between the rules is as printed.
#[rustfmt::skip]
async fn sketch(store: Arc<Store>) -> Result<(), Box<dyn std::error::Error>> {
    let kept = store.clone();
    let set = |set: Set, _context: Context| async move { kept.set(set) };
    // ----
    let bus = Client::connect_default().await?;            // BUSLANE_URL, else 127.0.0.1:5959
    bus.service("attic", "1.0.0")
        .group("storage")
        .method("get", |get: Get, _context| async move { store.get(&get.app, &get.key) })   // schema from the type where it derives one
        .method_with_schema("set", SET_SCHEMA, set)
        .register()
        .await?;

    let found: Found = bus.request("attic:get", &Get { app: "demo".into(), key: "colour".into() }).await?;
    let mut readings = bus.subscribe("host/+/cpu").await?;
    // ----
    println!("{found:?}");
    // ----
    while let Some(reading) = readings.next().await { println!("{} {}", reading.topic(), reading.payload()); }
    // ----
    Ok(())
}

#[test]
fn the_sketch_runs_as_printed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if std::env::var_os(CHILD).is_some() {
        let store = Arc::new(Store::default());
        let key = ("demo".to_owned(), "colour".to_owned());
        store.0.lock().unwrap().insert(key, "blue".to_owned());
        return runtime.block_on(sketch(store)).unwrap();
    }
    let broker = runtime.block_on(Broker::start());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_sketch_runs_as_printed", "--nocapture"])
        .env(CHILD, "1")
        .env("BUSLANE_URL", broker.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| line.unwrap());
    assert!(
        lines.any(|line| line.ends_with(r#"Found { value: "blue" }"#)),
        "the request is answered"
    );

    let written = runtime.block_on(async {
        let bus = Client::connect(broker.url()).await.unwrap();
        bus.request::<()>(
            "attic:set",
            &serde_json::json!({"app": "demo", "key": "colour", "value": "red"}),
        )
        .await?;
        assert_eq!(bus.publish("host/attic/cpu", &0.25).ack().await.unwrap(), 1);
        bus.request::<Found>(
            "attic:get",
            &Get {
                app: "demo".into(),
                key: "colour".into(),
            },
        )
        .await
    });
    assert_eq!(lines.next().unwrap(), "host/attic/cpu 0.25");
    assert_eq!(written.unwrap().value, "red");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Says to the test's own process that it is to run the sketch.
const CHILD: &str = "BUSLANE_SKETCH";
