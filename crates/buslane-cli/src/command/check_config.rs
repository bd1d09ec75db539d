//! `buslane check-config`: says what a broker would be told and where, and what is wrong with it.

use std::path::PathBuf;

use buslane_broker::{Config, Examination, Place, Setting};
use clap::Args;
use serde::Serialize;

use super::serve;
use crate::arguments::ServeArguments;
use crate::failure::Failure;
use crate::output::{FAINT, HINT, Output};

/// The arguments of `check-config`.
#[derive(Args, Debug)]
pub(crate) struct CheckConfigArguments {
    /// The configuration file [default: that of BUSLANE_CONFIG, or none]
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    serve: ServeArguments,
}

/// Prints every key with its value and place, or what is wrong.
pub(crate) fn run(arguments: &CheckConfigArguments, out: &mut Output) -> Result<(), Failure> {
    let mut flags = arguments.serve.flags();
    flags.config = arguments.file.clone().or(flags.config);
    let examination = Config::examine(&flags, serve::environment());
    if arguments.json {
        out.json(&Report::of(&examination))?;
    } else if examination.errors.is_empty() {
        print(&examination.settings, out)?;
    }
    out.flush()?;
    match examination.errors.as_slice() {
        [] => Ok(()),
        [error] => Err(Failure::failed(error)),
        errors => {
            let summary = Failure::failed(format_args!("{} things are wrong", errors.len()));
            Err(errors.iter().fold(summary, Failure::detail))
        }
    }
}

/// Prints a file that says the same, with the places as comments.
fn print(settings: &[Setting], out: &mut Output) -> Result<(), Failure> {
    let width = |setting: &Setting| setting.key.len() + EQUALS.len() + setting.value.chars().count();
    let widest = settings
        .iter()
        .map(width)
        .filter(|width| *width <= WIDEST)
        .max()
        .unwrap_or(0);
    for setting in settings {
        let padding = " ".repeat(widest.saturating_sub(width(setting)));
        let text = format!("{}{EQUALS}{}", setting.key, setting.value);
        let place = format!("# {}", described(setting));
        let style = if setting.place.is_some() { HINT } else { FAINT };
        out.line(format!("{text}{padding}  {}", out.paint(style, place)))?;
    }
    Ok(())
}

/// Says where a key is set.
fn described(setting: &Setting) -> String {
    match &setting.place {
        None => "default".to_owned(),
        Some(Place::Environment) => format!("environment: {}", setting.variable),
        Some(place) => place.to_string(),
    }
}

/// What machines are told.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    settings: Vec<SettingLine<'a>>,
    errors: Vec<String>,
}

#[derive(Serialize)]
struct SettingLine<'a> {
    key: &'a str,
    /// As TOML writes it.
    toml: &'a str,
    source: &'static str,
    place: String,
}

impl<'a> Report<'a> {
    fn of(examination: &'a Examination) -> Report<'a> {
        let line = |setting: &'a Setting| SettingLine {
            key: setting.key,
            toml: &setting.value,
            source: source(setting),
            place: described(setting),
        };
        Report {
            ok: examination.errors.is_empty(),
            settings: examination.settings.iter().map(line).collect(),
            errors: examination.errors.iter().map(ToString::to_string).collect(),
        }
    }
}

fn source(setting: &Setting) -> &'static str {
    match setting.place {
        None => "default",
        Some(Place::File { .. }) => "file",
        Some(Place::Environment) => "environment",
        Some(Place::Flag(_)) => "flag",
    }
}

const EQUALS: &str = " = ";
/// Longer lines are not aligned with the others.
const WIDEST: usize = 60;
