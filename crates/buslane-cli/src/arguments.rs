//! The command line: every command, its arguments, and what `--help` says of them.

mod examples;
pub(crate) mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anstream::ColorChoice;
use clap::error::ErrorKind;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};

use self::values::{count, duration, header};
use crate::bench::BenchArguments;
use crate::command::check_config::CheckConfigArguments;
use crate::command::completions::CompletionsArguments;
use crate::command::doctor::DoctorArguments;
use crate::command::manual::ManualArguments;
use crate::command::schema::SchemaArguments;
use crate::command::tap::TapArguments;

/// A message bus for programs that find and talk to each other.
#[derive(Debug, Parser)]
#[command(
    name = "buslane",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
}

/// What every command takes, before its name or after it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArguments {
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
    /// When to use colours; auto asks the terminal, NO_COLOR and CLICOLOR_FORCE
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true)]
    pub(crate) color: Color,
}

impl Arguments {
    /// Makes the whole definition of the command line.
    pub(crate) fn definition() -> clap::Command {
        Arguments::command().mut_subcommands(|command| match joins_bus(command.get_name()) {
            true => command,
            false => command.arg(Arg::new(URL).long(URL).hide(true)),
        })
    }

    /// Reads a command line.
    pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
        let mut definition = Arguments::definition();
        let matches = definition.try_get_matches_from_mut(words)?;
        let arguments = Arguments::from_arg_matches(&matches)?;
        match matches.subcommand_name() {
            // Where there is no bus to join, an option that says where it is would be ignored without a word.
            Some(name) if !joins_bus(name) && arguments.global.connection.url.is_some() => {
                let message = format!("{name} joins no bus: it takes no --{URL}");
                Err(definition.error(ErrorKind::ArgumentConflict, message))
            }
            _ => Ok(arguments),
        }
    }
}

fn joins_bus(command: &str) -> bool {
    !WITHOUT_BUS.contains(&command)
}

/// Finds what a command line wants of colours, be it right or wrong otherwise: the errors are coloured by that too.
pub(crate) fn color_wanted(words: impl Iterator<Item = OsString>) -> ColorChoice {
    let words: Vec<String> = words.filter_map(|word| word.into_string().ok()).collect();
    let following = words
        .windows(2)
        .filter(|pair| pair[0] == "--color")
        .map(|pair| pair[1].as_str());
    let joined = words.iter().filter_map(|word| word.strip_prefix("--color="));
    let wanted = following
        .chain(joined)
        .find_map(|text| Color::from_str(text, false).ok());
    wanted.unwrap_or_default().into()
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> ColorChoice {
        match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a broker
    #[command(after_help = examples::SERVE)]
    Serve(ServeArguments),
    /// Run a broker and three small programs that talk over it
    #[command(after_help = examples::DEMO)]
    Demo(DemoArguments),
    /// Publish to a topic
    #[command(name = "pub", after_help = examples::PUBLISH)]
    Publish(PublishArguments),
    /// Print what is published to the topics of a filter
    #[command(name = "sub", after_help = examples::SUBSCRIBE)]
    Subscribe(SubscribeArguments),
    /// Call a method and print its reply
    #[command(after_help = examples::REQUEST)]
    Request(RequestArguments),
    /// List services, or show one with its schemas
    #[command(after_help = examples::SERVICES)]
    Services(ServicesArguments),
    /// Watch everything that flows on the bus
    #[command(after_help = examples::TAP)]
    Tap(TapArguments),
    /// Find out what is wrong between here and the broker, and what to do
    #[command(after_help = examples::DOCTOR)]
    Doctor(DoctorArguments),
    /// Say what a broker would be told and where, and what is wrong with it
    #[command(after_help = examples::CHECK_CONFIG)]
    CheckConfig(CheckConfigArguments),
    /// Check schemas, and say what the next version of one breaks
    #[command(after_help = examples::SCHEMA)]
    Schema(SchemaArguments),
    /// Measure how fast and how small a broker is
    #[command(after_help = examples::BENCH)]
    Bench(BenchArguments),
    /// Print what a shell needs to complete a command line
    #[command(after_help = examples::COMPLETIONS)]
    Completions(CompletionsArguments),
    /// Print the manual
    #[command(after_help = examples::MAN)]
    Man(ManualArguments),
}

/// Where the broker is.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct ConnectionArguments {
    /// The broker, as buslane://HOST:PORT, buslane+unix:///PATH or ws://HOST:PORT
    /// [env: BUSLANE_URL] [default: buslane://127.0.0.1:5959]
    #[arg(long, global = true)]
    pub(crate) url: Option<String>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// Where a person looks on, unless the environment says otherwise
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The arguments of `serve`.
#[derive(Args, Debug)]
pub(crate) struct ServeArguments {
    /// An address to listen on, HOST:PORT or unix:PATH; may be repeated [default: 127.0.0.1:5959]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,
    /// The folder for what must survive a restart
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Listen beyond this machine without authentication
    #[arg(long)]
    pub(crate) insecure: bool,
    /// How the log looks
    #[arg(long, value_enum)]
    pub(crate) log_format: Option<LogFormat>,
    /// How much is logged
    #[arg(long, value_enum)]
    pub(crate) log_level: Option<LogLevel>,
}

/// How the log looks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogLevel {
    /// What went wrong
    Error,
    /// And what may go wrong
    Warn,
    /// And what happens
    Info,
    /// And why
    Debug,
    /// And everything else
    Trace,
}

/// The arguments of `demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    /// Stop by itself after a while, as 10s
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) time: Option<Duration>,
    /// Where its broker listens; a free port if that one is in use
    #[arg(long, value_name = "ADDR", default_value = buslane_protocol::DEFAULT_ADDRESS)]
    pub(crate) listen: String,
}

/// The arguments of `pub`.
#[derive(Args, Debug)]
pub(crate) struct PublishArguments {
    /// The topic, as host/a/cpu
    #[arg(value_hint = ValueHint::Other)]
    pub(crate) topic: String,
    /// The payload, one JSON value; - reads it from stdin, @FILE from a file; there is none if it is left out
    #[arg(value_name = "JSON", allow_negative_numbers = true, value_hint = ValueHint::Other)]
    pub(crate) payload: Option<String>,
    /// Keep it for those who subscribe later
    #[arg(long)]
    pub(crate) retain: bool,
    /// Remove what was kept
    #[arg(long, conflicts_with = "retain")]
    pub(crate) clear: bool,
    /// A header, as name=value; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    pub(crate) header: Vec<(String, String)>,
    /// Do not say how many clients it was delivered to
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `sub`.
#[derive(Args, Debug)]
pub(crate) struct SubscribeArguments {
    /// The filter; + stands for one level, # for the rest, as host/+/cpu
    #[arg(value_hint = ValueHint::Other)]
    pub(crate) filter: String,
    /// End after so many messages
    #[arg(long, short = 'n', value_parser = count)]
    pub(crate) count: Option<u64>,
    /// Share the messages with everybody who subscribes under this name
    #[arg(long, value_name = "NAME")]
    pub(crate) shared: Option<String>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `request`.
#[derive(Args, Debug)]
pub(crate) struct RequestArguments {
    /// The address: service:method, service#instance:method, @group:method or *:method
    #[arg(value_hint = ValueHint::Other)]
    pub(crate) address: String,
    /// The payload, one JSON value; - reads it from stdin, @FILE from a file; there is none if it is left out
    #[arg(value_name = "JSON", allow_negative_numbers = true, value_hint = ValueHint::Other)]
    pub(crate) payload: Option<String>,
    /// How long to wait, as 250ms, 5s or 2m [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// A header, as name=value; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    pub(crate) header: Vec<(String, String)>,
    /// Take the reply in parts and print each when it comes
    #[arg(long)]
    pub(crate) stream: bool,
    /// Print JSON, one object for each reply, with who sent it
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `services`.
#[derive(Args, Debug)]
pub(crate) struct ServicesArguments {
    /// Show this service only, with its methods and topics
    #[arg(value_hint = ValueHint::Other)]
    pub(crate) name: Option<String>,
    /// Print the schemas of this method of the service
    #[arg(long, value_name = "METHOD", requires = "name")]
    pub(crate) schema: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The option that every command with a bus takes.
const URL: &str = "url";
/// Commands that join no bus.
const WITHOUT_BUS: [&str; 6] = ["serve", "demo", "check-config", "schema", "completions", "man"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::read(words.iter().map(Into::into))
    }

    #[test]
    fn the_definitions_agree_with_each_other() {
        Arguments::definition().debug_assert();
    }

    #[test]
    fn the_url_stands_before_the_command_or_after_it() {
        for words in [
            ["buslane", "--url", "x", "services"],
            ["buslane", "services", "--url", "x"],
        ] {
            let arguments = read(&words).unwrap();
            assert_eq!(arguments.global.connection.url.as_deref(), Some("x"));
        }
    }

    #[test]
    fn a_command_without_a_bus_takes_no_url() {
        for name in WITHOUT_BUS {
            let rest: &[&str] = match name {
                "completions" => &["bash"],
                "schema" => &["check", "-"],
                _ => &[],
            };
            for words in [["--url", "x", name], [name, "--url", "x"]] {
                let error = read(&[&["buslane"], &words[..], rest].concat()).unwrap_err();
                assert!(error.to_string().contains("joins no bus"), "{words:?}: {error}");
            }
            let mut definition = Arguments::definition();
            let help = definition.find_subcommand_mut(name).unwrap().render_help();
            assert!(!help.to_string().contains("--url"), "{help}");
        }
    }

    #[test]
    fn every_command_has_examples_that_can_be_typed() {
        for command in Arguments::definition().get_subcommands() {
            let examples = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let lines: Vec<&str> = examples.lines().skip(1).map(str::trim).collect();
            assert!(!lines.is_empty(), "{} has no example", command.get_name());
            for line in lines {
                let typed = line.split(['|', '>']).next().unwrap();
                let quoted = typed
                    .split('\'')
                    .enumerate()
                    .flat_map(|(index, part)| match index % 2 {
                        0 => part.split_whitespace().collect(),
                        _ => vec![part],
                    });
                let words: Vec<&str> = quoted.collect();
                assert_eq!(words[..2], ["buslane", command.get_name()], "{line}");
                assert!(read(&words).is_ok(), "{line}: {}", read(&words).unwrap_err());
            }
        }
    }

    #[test]
    fn negative_numbers_are_payloads() {
        let arguments = read(&["buslane", "pub", "temperature", "-5"]).unwrap();
        assert!(
            matches!(arguments.command, Command::Publish(publish) if publish.payload.as_deref() == Some("-5"))
        );
    }
}
