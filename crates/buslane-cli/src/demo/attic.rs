//! A key-value service, as other programs leave things in an attic: `set` keeps a value, `get` finds it again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use buslane_client::{Client, RegisterError, ServiceError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::journal::Journal;

/// The input of `get`.
const GET_SCHEMA: &str = r#"{
  "type": "object",
  "required": ["app", "key"],
  "properties": {
    "app": { "type": "string" },
    "key": { "type": "string" }
  }
}"#;

/// The input of `set`.
const SET_SCHEMA: &str = r#"{
  "type": "object",
  "required": ["app", "key", "value"],
  "properties": {
    "app": { "type": "string" },
    "key": { "type": "string" },
    "value": {}
  }
}"#;

/// Asks for a value. Each program has keys of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Get {
    /// The program.
    pub(crate) app: String,
    /// Its key.
    pub(crate) key: String,
}

/// Leaves a value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Set {
    /// The program.
    pub(crate) app: String,
    /// Its key.
    pub(crate) key: String,
    /// What to keep.
    pub(crate) value: Value,
}

/// A value that was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    /// What was kept.
    pub(crate) value: Value,
}

/// Registers the service. It answers as long as the client is open.
pub(crate) async fn register(bus: &Client, journal: Journal) -> Result<(), RegisterError> {
    let attic = Arc::new(Attic {
        values: Mutex::default(),
        journal,
    });
    let (reader, writer) = (attic.clone(), attic);
    bus.service("attic", "1.0.0")
        .group("storage")
        .method_with_schema("get", GET_SCHEMA, |get, _context| async move { reader.get(get) })
        .description("get", "Finds a value.")
        .method_with_schema("set", SET_SCHEMA, |set, _context| async move { writer.set(set) })
        .description("set", "Keeps a value, and returns the one that it replaces.")
        .register()
        .await?;
    Ok(())
}

/// What is kept, by program and key.
struct Attic {
    values: Mutex<HashMap<(String, String), Value>>,
    journal: Journal,
}

impl Attic {
    fn get(&self, get: Get) -> Result<Found, ServiceError> {
        let Get { app, key } = &get;
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        match values.get(&(app.clone(), key.clone())) {
            Some(value) => {
                self.journal.note("finds", format_args!("{app}/{key}"), value);
                Ok(Found { value: value.clone() })
            }
            None => {
                self.journal.note("lacks", format_args!("{app}/{key}"), "");
                Err(ServiceError::new("not_found", "nothing is kept under this key").data(&get))
            }
        }
    }

    fn set(&self, set: Set) -> Result<Option<Found>, ServiceError> {
        let Set { app, key, value } = set;
        self.journal.note("keeps", format_args!("{app}/{key}"), &value);
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(values.insert((app, key), value).map(|value| Found { value }))
    }
}
