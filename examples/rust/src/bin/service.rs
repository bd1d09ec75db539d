//! A service: an attic in which programs keep values. Shows methods with schemas, an error of the service's own, and an
//! answer in parts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use buslane_client::{Client, ServiceError};
use futures_util::Stream;
use futures_util::stream::unfold;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

#[derive(Deserialize, JsonSchema)]
struct Get {
    app: String,
    key: String,
}

#[derive(Deserialize, JsonSchema)]
struct Set {
    app: String,
    key: String,
    value: String,
}

#[derive(Deserialize, JsonSchema)]
struct Watch {
    app: String,
}

#[derive(Serialize, JsonSchema)]
struct Found {
    value: String,
}

#[derive(Clone, Serialize, JsonSchema)]
struct Change {
    key: String,
    value: String,
}

struct Attic {
    values: Mutex<BTreeMap<(String, String), String>>,
    changes: broadcast::Sender<(String, Change)>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let bus = Client::connect_default().await?; // BUSLANE_URL, else 127.0.0.1:5959
    let attic = Arc::new(Attic {
        values: Mutex::default(),
        changes: broadcast::Sender::new(16),
    });
    let (getter, setter, watcher) = (attic.clone(), attic.clone(), attic);
    bus.service("attic", "1.0.0")
        .method("get", |get: Get, _context| async move { getter.get(get) })
        .output_schema_of::<Found>("get")
        .method("set", |set: Set, _context| async move { setter.set(set) })
        .stream_method("watch", move |watch: Watch, _context| watcher.watch(watch))
        .output_schema_of::<Change>("watch")
        .register()
        .await?;
    println!("attic is registered");
    buslane_examples::asked_to_end().await;
    bus.close().await;
    println!("attic has left");
    Ok(())
}

impl Attic {
    fn get(&self, Get { app, key }: Get) -> Result<Found, ServiceError> {
        let values = self.values.lock().expect("no handler panics");
        match values.get(&(app.clone(), key.clone())) {
            Some(value) => {
                println!("get {app}/{key}: {value}");
                Ok(Found { value: value.clone() })
            }
            None => {
                println!("get {app}/{key}: nothing");
                Err(ServiceError::new("not_found", "nothing is kept under this key"))
            }
        }
    }

    fn set(&self, Set { app, key, value }: Set) -> Result<(), ServiceError> {
        println!("set {app}/{key}: {value}");
        let mut values = self.values.lock().expect("no handler panics");
        values.insert((app.clone(), key.clone()), value.clone());
        // Without watchers there is nobody to tell.
        let _watchers = self.changes.send((app, Change { key, value }));
        Ok(())
    }

    /// Answers with what is there, then with each change, until nobody listens any more.
    fn watch(&self, Watch { app }: Watch) -> impl Stream<Item = Result<Change, ServiceError>> + use<> {
        println!("watch {app}: begins");
        let values = self.values.lock().expect("no handler panics");
        let of_app = values.iter().filter(|((of, _), _)| *of == app);
        let present: Vec<Change> = of_app
            .map(|((_, key), value)| Change {
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        let state = (present.into_iter(), self.changes.subscribe(), Watching(app));
        unfold(state, |(mut present, mut changes, watching)| async move {
            if let Some(change) = present.next() {
                return Some((Ok(change), (present, changes, watching)));
            }
            loop {
                match changes.recv().await {
                    Ok((app, change)) if app == watching.0 => {
                        return Some((Ok(change), (present, changes, watching)));
                    }
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
        })
    }
}

/// Somebody who watches an app. Dropped when they go away.
struct Watching(String);

impl Drop for Watching {
    fn drop(&mut self) {
        println!("watch {}: ends", self.0);
    }
}
