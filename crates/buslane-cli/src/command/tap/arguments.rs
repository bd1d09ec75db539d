//! What may be said to `buslane tap`.

use clap::{Args, ValueHint};

use super::selection::Field;
use crate::arguments::values::count;

/// The arguments of `tap`.
#[derive(Args, Debug)]
pub(crate) struct TapArguments {
    /// What to watch; + stands for one level, # for the rest
    #[arg(value_name = "FILTER", default_value = "#", value_hint = ValueHint::Other)]
    pub(super) filters: Vec<String>,
    /// Leave out the events of the broker, which are under $bus/
    #[arg(long)]
    pub(super) no_events: bool,
    /// Only what a service publishes, and the events about it
    #[arg(long, value_name = "NAME")]
    pub(super) service: Option<String>,
    /// Only what one sender publishes, as attic#one or attic for all its instances
    #[arg(long, value_name = "SENDER")]
    pub(super) from: Option<String>,
    /// Only messages with this text in topic, sender or payload; case counts if the text has an upper-case letter
    #[arg(long, value_name = "TEXT")]
    pub(super) grep: Option<String>,
    /// Only messages whose payload has this member with this value, as percent=5 or /host/name=a; without a value,
    /// with any; may be repeated
    #[arg(long, value_name = "MEMBER[=VALUE]")]
    pub(super) field: Vec<Field>,
    /// Show how many messages and bytes a second each topic has, instead of the messages
    #[arg(long, conflicts_with = "pretty")]
    pub(super) rates: bool,
    /// End after so many messages, or with --rates after so many seconds
    #[arg(long, short = 'n', value_parser = count)]
    pub(super) count: Option<u64>,
    /// Lay payloads out over several lines, as on a terminal
    #[arg(long)]
    pub(super) pretty: bool,
    /// Print JSON, one envelope a line
    #[arg(long, conflicts_with = "pretty")]
    pub(super) json: bool,
}
