//! `buslane serve`: runs a broker until it is asked to end.

use buslane_broker::{Broker, Config, ConfigError, Flags, Level, ListenAddress, StartError, start_log};

use crate::arguments::{LogFormat, LogLevel, ServeArguments};
use crate::failure::Failure;
use crate::output::Output;

/// Serves, and tells the addresses when clients can connect.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    let config = Config::load(&arguments.flags(), environment())?;
    start_log(config.log);
    let broker = Broker::bind(config)?;
    // A broker serves whether or not somebody reads where.
    broker
        .run_until_signal(|addresses| drop(tell(addresses)))
        .map_err(Failure::failed)
}

fn tell(addresses: &[ListenAddress]) -> Result<(), Failure> {
    let mut out = Output::stdout();
    for address in addresses {
        out.line(format_args!(
            "buslane {} listening on {address}",
            env!("CARGO_PKG_VERSION")
        ))?;
    }
    out.flush()
}

impl ServeArguments {
    /// Returns what a broker is told by the command line.
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            listen: self.listen.clone(),
            data: self.data.clone(),
            insecure: self.insecure,
            log_format: self.log_format.map(Into::into),
            log_level: self.log_level.map(Into::into),
        }
    }
}

/// Returns the variables of the environment; one that is no text cannot be one of ours.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

impl From<LogFormat> for buslane_broker::LogFormat {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => buslane_broker::LogFormat::Text,
            LogFormat::Json => buslane_broker::LogFormat::Json,
        }
    }
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Level::ERROR,
            LogLevel::Warn => Level::WARN,
            LogLevel::Info => Level::INFO,
            LogLevel::Debug => Level::DEBUG,
            LogLevel::Trace => Level::TRACE,
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::usage(error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        let failure = Failure::failed(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
