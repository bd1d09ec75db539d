//! The command line: every command, its arguments, and what `--help` says of them.

use std::path::PathBuf;
use std::time::Duration;

use buslane_protocol::HeadersBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::bench::BenchArguments;

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
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a broker
    Serve(ServeArguments),
    /// Run a broker and three small programs that talk over it
    Demo(DemoArguments),
    /// Publish to a topic
    #[command(name = "pub")]
    Publish(PublishArguments),
    /// Print what is published to the topics of a filter
    #[command(name = "sub")]
    Subscribe(SubscribeArguments),
    /// Call a method and print its reply
    Request(RequestArguments),
    /// List services, or show one with its schemas
    Services(ServicesArguments),
    /// Measure how fast and how small a broker is
    Bench(BenchArguments),
}

/// Where the broker is.
#[derive(Args, Debug)]
pub(crate) struct ConnectionArguments {
    /// The broker, as buslane://HOST:PORT, buslane+unix:///PATH or ws://HOST:PORT
    /// [default: buslane://127.0.0.1:5959]
    #[arg(long, env = buslane_protocol::URL_VARIABLE, hide_env_values = true)]
    pub(crate) url: Option<String>,
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
    pub(crate) topic: String,
    /// The payload, one JSON value; - reads it from stdin, nothing publishes without one
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
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
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

/// The arguments of `sub`.
#[derive(Args, Debug)]
pub(crate) struct SubscribeArguments {
    /// The filter; + stands for one level, # for the rest, as host/+/cpu
    pub(crate) filter: String,
    /// End after so many messages
    #[arg(long, short = 'n')]
    pub(crate) count: Option<u64>,
    /// Share the messages with everybody who subscribes under this name
    #[arg(long, value_name = "NAME")]
    pub(crate) shared: Option<String>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

/// The arguments of `request`.
#[derive(Args, Debug)]
pub(crate) struct RequestArguments {
    /// The address: service:method, service#instance:method, @group:method or *:method
    pub(crate) address: String,
    /// The payload, one JSON value; - reads it from stdin, nothing requests without one
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
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
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

/// The arguments of `services`.
#[derive(Args, Debug)]
pub(crate) struct ServicesArguments {
    /// Show this service only, with its methods and topics
    pub(crate) name: Option<String>,
    /// Print the schemas of this method of the service
    #[arg(long, value_name = "METHOD", requires = "name")]
    pub(crate) schema: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

/// Parses a length of time with its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let number: f64 = digits
        .parse()
        .map_err(|_| "a number with a unit is needed, as 250ms, 5s or 2m".to_owned())?;
    let seconds = match &text[digits.len()..] {
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        "" => return Err(format!("the unit is missing; write {digits}s for seconds")),
        unit => return Err(format!("the unit {unit} is unknown; ms, s, m and h are known")),
    };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration > Duration::ZERO => Ok(duration),
        _ => Err("a time above zero is needed".to_owned()),
    }
}

/// Parses `name=value`.
fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    HeadersBuf::new()
        .push(name, value)
        .map_err(|error| error.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_agree_with_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("5").unwrap_err().contains("write 5s"));
        assert!(duration("5d").unwrap_err().contains("unknown"));
        for bad in ["", "s", "0s", "-1s", "1e400s", "nans"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn negative_numbers_are_payloads() {
        let arguments = Arguments::try_parse_from(["buslane", "pub", "temperature", "-5"]).unwrap();
        assert!(
            matches!(arguments.command, Command::Publish(publish) if publish.payload.as_deref() == Some("-5"))
        );
    }

    #[test]
    fn headers_are_divided_at_the_first_equals_sign() {
        assert_eq!(header("a=b=c"), Ok(("a".into(), "b=c".into())));
        for bad in ["a", "=b", "A=b", "a b=c", "a=b\nc"] {
            assert!(header(bad).is_err(), "{bad:?}");
        }
    }
}
