//! `buslane services`: who is on the bus and what they offer, as the broker's own service tells it.

mod description;
mod view;

use buslane_client::{Client, RequestError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use self::description::Description;
use crate::arguments::{ConnectionArguments, ServicesArguments};
use crate::failure::Failure;
use crate::output::{HEADING, Output, notice};
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

async fn show(
    bus: &Client,
    name: &str,
    arguments: &ServicesArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let description = Description::fetch(bus, name).await?;
    let Some(method) = &arguments.schema else {
        return match arguments.json {
            true => out.json(description.members()),
            false => view::print(name, &description, out),
        };
    };
    let Some(declared) = description.methods.get(method) else {
        let methods: Vec<&str> = description.methods.keys().map(String::as_str).collect();
        let methods = if methods.is_empty() {
            "none".to_owned()
        } else {
            methods.join(", ")
        };
        return Err(Failure::failed(format_args!("{name} has no method {method}"))
            .hint(format_args!("it has {methods}")));
    };
    match arguments.json {
        true => out.json(declared),
        false => view::print_schemas(declared, out),
    }
}

fn refused(error: &RequestError, address: &str) -> Failure {
    refusal::failure(error.problem(), address)
}

/// The broker's method that lists services.
const LIST: &str = "$bus:services";
const HEADINGS: [&str; 5] = ["SERVICE", "VERSION", "INSTANCES", "GROUPS", "METHODS"];
/// The least widths of the columns.
const NARROWEST: [usize; 5] = [8, 7, 9, 7, 7];
