//! What a service declares, as the broker tells it, with an example of each method's input.

use std::collections::BTreeMap;

use buslane_client::Client;
use buslane_protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::refused;
use crate::example::example;
use crate::failure::Failure;
use crate::shell;

/// What a service declares.
pub(super) struct Description {
    /// Every member as the broker sent it, with what was added to it.
    members: Members,
    pub(super) version: String,
    pub(super) instances: Vec<Instance>,
    pub(super) methods: BTreeMap<String, Method>,
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) meta: Option<Box<RawValue>>,
}

type Members = BTreeMap<String, Box<RawValue>>;

#[derive(Deserialize)]
pub(super) struct Instance {
    pub(super) instance: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) client: Option<String>,
    #[serde(default)]
    pub(super) outstanding: u64,
    #[serde(default)]
    pub(super) draining: bool,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Method {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<Box<RawValue>>,
    /// A payload that is valid under the input schema, if one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) example: Option<serde_json::Value>,
    /// The command that calls it.
    #[serde(default)]
    pub(super) command: String,
}

#[derive(Deserialize)]
pub(super) struct Topic {
    pub(super) description: Option<String>,
    pub(super) schema: Option<Box<RawValue>>,
    #[serde(default)]
    pub(super) retain: bool,
}

impl Description {
    /// Asks the broker, page by page.
    pub(super) async fn fetch(bus: &Client, service: &str) -> Result<Description, Failure> {
        let mut members = ask(bus, service, None).await?;
        let mut instances: Vec<Box<RawValue>> = take(&members, "instances")?.unwrap_or_default();
        let mut next: Option<String> = take(&members, "next")?;
        while let Some(after) = next {
            let page = ask(bus, service, Some(&after)).await?;
            instances.extend(take::<Vec<_>>(&page, "instances")?.unwrap_or_default());
            next = take(&page, "next")?;
        }
        members.remove("next");
        members.insert("instances".to_owned(), to_raw_value(&instances)?);
        let mut description = Description {
            version: take(&members, "version")?.unwrap_or_default(),
            instances: take(&members, "instances")?.unwrap_or_default(),
            methods: take(&members, "methods")?.unwrap_or_default(),
            topics: take(&members, "topics")?.unwrap_or_default(),
            meta: take(&members, "meta")?,
            members,
        };
        description.add_examples(service)?;
        Ok(description)
    }

    /// Returns everything for machines.
    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    /// Returns the groups of all instances.
    pub(super) fn groups(&self) -> Vec<&str> {
        let groups = self
            .instances
            .iter()
            .flat_map(|instance| &instance.groups)
            .map(String::as_str);
        let mut groups: Vec<&str> = groups.collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Makes an example of each method's input, and the command that sends it.
    fn add_examples(&mut self, service: &str) -> Result<(), Failure> {
        let documents = take(&self.members, "schemas")?.unwrap_or_default();
        for (name, method) in &mut self.methods {
            let schema = method
                .input
                .as_ref()
                .map(|schema| serde_json::from_str(schema.get()))
                .transpose()?;
            method.example = schema.as_ref().and_then(|schema| example(schema, &documents));
            method.command = format!("buslane request {}", shell::quoted(&format!("{service}:{name}")));
            match (&method.example, schema) {
                (Some(example), _) => {
                    method.command.push(' ');
                    method.command.push_str(&shell::quoted(&example.to_string()));
                }
                // The user has to say what.
                (None, Some(_)) => method.command.push_str(" -"),
                (None, None) => {}
            }
        }
        if self.members.contains_key("methods") {
            self.members
                .insert("methods".to_owned(), to_raw_value(&self.methods)?);
        }
        Ok(())
    }
}

async fn ask(bus: &Client, service: &str, after: Option<&str>) -> Result<Members, Failure> {
    let mut input = json!({ "service": service });
    if let Some(after) = after {
        input["after"] = json!(after);
    }
    let described = bus.request::<Members>(DESCRIBE, &input).await;
    described.map_err(|error| match error.error_code() {
        Some(ErrorCode::NotFound) => Failure::failed(format_args!("there is no service {service}"))
            .hint("buslane services lists what is there"),
        _ => refused(&error, DESCRIBE),
    })
}

/// Reads one member.
fn take<'a, T: Deserialize<'a>>(members: &'a Members, name: &str) -> Result<Option<T>, Failure> {
    let value = members.get(name).map(|value| serde_json::from_str(value.get()));
    Ok(value.transpose()?)
}

/// The broker's method that describes a service.
const DESCRIBE: &str = "$bus:describe";
