//! `buslane services`: who is on the bus and what they offer, as the broker's own service tells it.

use std::collections::BTreeMap;

use buslane_client::{Client, RequestError};
use buslane_protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use crate::arguments::{ConnectionArguments, ServicesArguments};
use crate::failure::Failure;
use crate::json_text;
use crate::output::{FAINT, HEADING, Output, notice};
use crate::refusal;

/// Lists services, or shows one.
pub(crate) async fn run(
    arguments: &ServicesArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let bus = connection.connect().await?;
    match &arguments.name {
        None => list(&bus, arguments.json, out).await?,
        Some(name) => show(&bus, name, arguments, out).await?,
    }
    out.flush()?;
    bus.close().await;
    Ok(())
}

/// One page of the list.
#[derive(Deserialize)]
struct Page {
    services: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// The whole list.
#[derive(Serialize)]
struct Services {
    services: Vec<Box<RawValue>>,
}

/// One line of the list.
#[derive(Deserialize)]
struct Line {
    name: String,
    versions: Vec<String>,
    instances: u64,
    groups: Vec<String>,
    methods: Vec<String>,
}

async fn list(bus: &Client, json: bool, out: &mut Output) -> Result<(), Failure> {
    let services = fetch(bus).await?;
    if json {
        return out.json(&services);
    }
    if services.services.is_empty() {
        notice("no services");
        return Ok(());
    }
    let mut table = vec![HEADINGS.map(str::to_owned)];
    for service in &services.services {
        let line: Line = serde_json::from_str(service.get())?;
        let groups = if line.groups.is_empty() {
            "-".to_owned()
        } else {
            line.groups.join(" ")
        };
        let instances = line.instances.to_string();
        table.push([
            line.name,
            line.versions.join(" "),
            instances,
            groups,
            line.methods.join(" "),
        ]);
    }
    print_table(&table, out)
}

/// Asks for one page after the other.
async fn fetch(bus: &Client) -> Result<Services, Failure> {
    let mut services = Vec::new();
    let mut input = json!({});
    loop {
        let page: Page = bus
            .request(LIST, &input)
            .await
            .map_err(|error| refused(&error, LIST))?;
        services.extend(page.services);
        match page.next {
            Some(after) => input = json!({ "after": after }),
            None => return Ok(Services { services }),
        }
    }
}

fn print_table(table: &[[String; 5]], out: &mut Output) -> Result<(), Failure> {
    let mut widths = NARROWEST;
    for row in table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for (index, row) in table.iter().enumerate() {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let style = if index == 0 { HEADING } else { Default::default() };
        out.line(out.paint(style, line.trim_end()).to_string())?;
    }
    Ok(())
}

/// What a service declares.
#[derive(Deserialize)]
struct Description {
    version: String,
    instances: Vec<Instance>,
    #[serde(default)]
    methods: BTreeMap<String, Method>,
    #[serde(default)]
    topics: BTreeMap<String, Topic>,
}

#[derive(Deserialize)]
struct Instance {
    instance: String,
    version: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    draining: bool,
}

#[derive(Deserialize, Serialize)]
struct Method {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Topic {
    description: Option<String>,
}

async fn show(
    bus: &Client,
    name: &str,
    arguments: &ServicesArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let described = bus
        .request::<Box<RawValue>>(DESCRIBE, &json!({ "service": name }))
        .await;
    let text = described.map_err(|error| match error.error_code() {
        Some(ErrorCode::NotFound) => Failure::failed(format_args!("there is no service {name}"))
            .hint("buslane services lists what is there"),
        _ => refused(&error, DESCRIBE),
    })?;
    if let (true, None) = (arguments.json, &arguments.schema) {
        return out.json(&text);
    }
    let description: Description = serde_json::from_str(text.get())?;
    match &arguments.schema {
        Some(method) => print_schema(name, method, &description, arguments.json, out),
        None => print_description(name, &description, out),
    }
}

/// Prints the schemas of a method: laid out for people, on one line for machines.
fn print_schema(
    name: &str,
    method: &str,
    description: &Description,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let Some(declared) = description.methods.get(method) else {
        let methods: Vec<&str> = description.methods.keys().map(String::as_str).collect();
        return Err(
            Failure::failed(format_args!("{name} has no method {method}")).hint(format_args!(
                "it has {}",
                if methods.is_empty() {
                    "none".to_owned()
                } else {
                    methods.join(", ")
                }
            )),
        );
    };
    if json {
        return out.json(declared);
    }
    if let Some(text) = &declared.description {
        out.line(out.paint(FAINT, text).to_string())?;
    }
    for (title, schema) in [("input", &declared.input), ("output", &declared.output)] {
        let schema = schema
            .as_ref()
            .map_or("any".to_owned(), |schema| json_text::pretty(schema.get()));
        out.line(format_args!("{} {schema}", out.paint(HEADING, title)).to_string())?;
    }
    Ok(())
}

fn print_description(name: &str, description: &Description, out: &mut Output) -> Result<(), Failure> {
    out.line(format_args!("{} {}", out.paint(HEADING, name), description.version).to_string())?;
    let methods = description
        .methods
        .iter()
        .map(|(name, method)| (name, method.description.as_ref()));
    print_section("methods", methods, out)?;
    let topics = description
        .topics
        .iter()
        .map(|(topic, contract)| (topic, contract.description.as_ref()));
    print_section("topics", topics, out)?;
    let instances: Vec<_> = description
        .instances
        .iter()
        .map(|one| (&one.instance, one.summary()))
        .collect();
    print_section(
        "instances",
        instances.iter().map(|(name, text)| (*name, Some(text))),
        out,
    )
}

fn print_section<'a>(
    title: &str,
    entries: impl Iterator<Item = (&'a String, Option<&'a String>)>,
    out: &mut Output,
) -> Result<(), Failure> {
    for (index, (name, text)) in entries.enumerate() {
        if index == 0 {
            out.line(out.paint(FAINT, title).to_string())?;
        }
        let text = text.map(String::as_str).unwrap_or_default();
        out.line(format!("  {name:<24} {text}").trim_end())?;
    }
    Ok(())
}

impl Instance {
    fn summary(&self) -> String {
        let groups: String = self.groups.iter().map(|group| format!(" @{group}")).collect();
        format!(
            "{}{groups}{}",
            self.version,
            if self.draining { " draining" } else { "" }
        )
    }
}

fn refused(error: &RequestError, address: &str) -> Failure {
    refusal::failure(error.problem(), address)
}

/// The broker's method that lists services.
const LIST: &str = "$bus:services";
/// The broker's method that describes one.
const DESCRIBE: &str = "$bus:describe";
const HEADINGS: [&str; 5] = ["SERVICE", "VERSION", "INSTANCES", "GROUPS", "METHODS"];
/// The least widths of the columns.
const NARROWEST: [usize; 5] = [8, 7, 9, 7, 7];
