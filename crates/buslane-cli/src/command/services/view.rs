//! How a service looks on a terminal.

use serde_json::value::RawValue;

use super::description::{Description, Instance, Method, Topic};
use crate::failure::Failure;
use crate::json_view;
use crate::output::{FAINT, HEADING, HINT, Output};

/// Prints everything that a service declares.
pub(super) fn print(name: &str, description: &Description, out: &mut Output) -> Result<(), Failure> {
    out.line(format_args!("{} {}", out.paint(HEADING, name), description.version).to_string())?;
    let groups = description.groups();
    if !groups.is_empty() {
        out.line(format_args!("{} {}", out.paint(FAINT, "groups"), groups.join(" ")).to_string())?;
    }
    if let Some(meta) = &description.meta {
        print_json("", "meta", meta, out)?;
    }
    print_title("methods", description.methods.is_empty(), out)?;
    for (method, declared) in &description.methods {
        print_method(method, declared, out)?;
    }
    print_title("topics", description.topics.is_empty(), out)?;
    for (topic, contract) in &description.topics {
        print_topic(topic, contract, out)?;
    }
    print_title("instances", description.instances.is_empty(), out)?;
    for instance in &description.instances {
        print_entry(&instance.instance, &instance.summary(), out)?;
    }
    Ok(())
}

/// Prints the schemas of one method, laid out.
pub(super) fn print_schemas(method: &Method, out: &mut Output) -> Result<(), Failure> {
    if let Some(text) = &method.description {
        out.line(out.paint(FAINT, text).to_string())?;
    }
    for (title, schema) in [("input", &method.input), ("output", &method.output)] {
        let schema = schema
            .as_ref()
            .map_or("any".to_owned(), |schema| json_view::laid_out(schema.get(), out));
        out.line(format_args!("{} {schema}", out.paint(HEADING, title)).to_string())?;
    }
    print_command("", method, out)
}

fn print_method(name: &str, method: &Method, out: &mut Output) -> Result<(), Failure> {
    print_entry(name, method.description.as_deref().unwrap_or_default(), out)?;
    for (title, schema) in [("input", &method.input), ("output", &method.output)] {
        if let Some(schema) = schema {
            print_json("    ", title, schema, out)?;
        }
    }
    print_command("    ", method, out)
}

/// Prints the command that calls a method.
fn print_command(indentation: &str, method: &Method, out: &mut Output) -> Result<(), Failure> {
    let command = out.paint(HINT, &method.command);
    let line = format!("{indentation}{} {command}", out.paint(FAINT, "try"));
    out.line(line)?;
    match (&method.input, &method.example) {
        (Some(_), None) => {
            let note = "no example of its input was found: type one, and end it with Ctrl-D";
            out.line(format!("{indentation}    {}", out.paint(FAINT, note)))
        }
        _ => Ok(()),
    }
}

fn print_topic(name: &str, topic: &Topic, out: &mut Output) -> Result<(), Failure> {
    let retained = if topic.retain { "(retained) " } else { "" };
    let text = format!("{retained}{}", topic.description.as_deref().unwrap_or_default());
    print_entry(name, &text, out)?;
    match &topic.schema {
        Some(schema) => print_json("    ", "schema", schema, out),
        None => Ok(()),
    }
}

fn print_title(title: &str, is_empty: bool, out: &mut Output) -> Result<(), Failure> {
    match is_empty {
        true => Ok(()),
        false => out.line(out.paint(FAINT, title).to_string()),
    }
}

fn print_entry(name: &str, text: &str, out: &mut Output) -> Result<(), Failure> {
    let line = format!("  {name:<NAME_WIDTH$} {text}");
    out.line(line.trim_end())
}

/// Prints JSON after a title: on one line if it fits there or nobody looks on, else laid out.
fn print_json(indentation: &str, title: &str, json: &RawValue, out: &mut Output) -> Result<(), Failure> {
    let line = json_view::one_line(json.get(), out);
    let width = indentation.len() + title.len() + 1 + json.get().chars().count();
    let text = match out.is_terminal() && width > out.columns() {
        true => json_view::laid_out(json.get(), out).replace('\n', &format!("\n{indentation}")),
        false => line,
    };
    out.line(format_args!("{indentation}{} {text}", out.paint(FAINT, title)).to_string())
}

impl Instance {
    fn summary(&self) -> String {
        let groups: String = self.groups.iter().map(|group| format!(" @{group}")).collect();
        let client = self
            .client
            .as_ref()
            .map(|client| format!(" {client}"))
            .unwrap_or_default();
        let outstanding = match self.outstanding {
            0 => String::new(),
            count => format!(" {count} outstanding"),
        };
        let draining = if self.draining { " draining" } else { "" };
        format!("{}{groups}{client}{outstanding}{draining}", self.version)
    }
}

/// Columns of a name before what is said of it.
const NAME_WIDTH: usize = 24;
