//! What a broker is told at its start, and where it is told: defaults < file < environment < flags.
//!
//! Every key stands once, in the table of `keys.rs`; file, environment and flags all go through it. Nothing here
//! opens a socket or creates a file.

mod address;
mod draft;
mod environment;
mod error;
mod file;
mod keys;
#[cfg(test)]
mod reference;
mod shown;
mod value;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use buslane_engine::Compatibility;
use buslane_protocol::{DEFAULT_ADDRESS, Limits, Name};

pub use address::{AddressError, ListenAddress};
pub use draft::{Examination, Setting};
pub use error::{ConfigError, Place};
pub(crate) use keys::nearest;
#[cfg(test)]
pub(crate) use keys::paths;

use self::draft::Draft;
use self::value::Value;

/// What a broker is told at its start.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where it listens. Key `listen`, default `127.0.0.1:5959`.
    pub listen: Vec<ListenAddress>,
    /// Its name on the bus. Key `node`, default the host's name.
    pub node: Name,
    /// Where it keeps what must survive a restart. Key `data`, default the platform's state directory. Created when
    /// the first thing is stored.
    pub data: PathBuf,
    /// Whether it may listen beyond this machine without authentication. Key `insecure`.
    pub insecure: bool,
    /// How long requests in flight may take when it shuts down. Key `drain`, default 5 s.
    pub drain: Duration,
    /// How much of what. Keys `limits.*`.
    pub limits: Limits,
    /// Origins of web pages that may join beside the broker's own. Key `http.origins`.
    pub origins: Vec<String>,
    /// The JavaScript client that pages get as `/buslane.js`. Key `http.client`, default `buslane.js` beside the
    /// program, else in `../share/buslane/`.
    pub page_client: PathBuf,
    /// What is done about a registration that breaks those who use the service. Key `contracts.compatibility`, default
    /// warn.
    pub compatibility: Compatibility,
    /// How the log looks, and how much of it there is. Keys `log.*`.
    pub log: LogConfig,
}

/// How the log looks, and how much of it there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Key `log.format`, default text.
    pub format: LogFormat,
    /// Key `log.level`, default info.
    pub level: tracing::Level,
}

/// How the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What the command line says; it wins over the environment and the file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// `--listen ADDR`, as often as given; replaces every other list of addresses.
    pub listen: Vec<String>,
    /// `--data DIR`.
    pub data: Option<PathBuf>,
    /// `--insecure`.
    pub insecure: bool,
    /// `--log-format text|json`.
    pub log_format: Option<LogFormat>,
    /// `--log-level LEVEL`.
    pub log_level: Option<tracing::Level>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: vec![DEFAULT_ADDRESS.parse().expect("it is an address")],
            node: host_name(),
            data: PathBuf::from(HOMELESS_DATA),
            insecure: false,
            drain: DRAIN,
            limits: Limits::default(),
            origins: Vec::new(),
            page_client: page_client(),
            compatibility: Compatibility::default(),
            log: LogConfig::default(),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            format: LogFormat::Text,
            level: tracing::Level::INFO,
        }
    }
}

impl Config {
    /// Reads the configuration: defaults, then the file, then `BUSLANE_...` of the environment, then the flags.
    ///
    /// The file is that of the flags, else of `BUSLANE_CONFIG`; without either there is none. `environment` holds
    /// every variable of the process; those that do not begin with `BUSLANE_` only tell the default of `data`.
    pub fn load(
        flags: &Flags,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        read(flags, environment).finish()
    }

    /// Tells for every key what it would be set to and where, and everything that is wrong, not the first error only.
    pub fn examine(flags: &Flags, environment: impl IntoIterator<Item = (String, String)>) -> Examination {
        read(flags, environment).examine()
    }

    /// Makes a configuration that listens on a free port of the loopback interface, for tests and demonstrations.
    pub fn ephemeral() -> Config {
        Config {
            listen: vec![ListenAddress::Tcp {
                host: Ipv4Addr::LOCALHOST.to_string(),
                port: 0,
            }],
            ..Config::default()
        }
    }

    /// Finds values that contradict each other.
    fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let rules = [
            (!self.listen.is_empty(), "listen names no address"),
            (
                limits.gone_after > limits.ping_after,
                "limits.gone_after must be longer than limits.ping_after",
            ),
            (
                limits.longest_deadline <= LONGEST_DEADLINE,
                "limits.longest_deadline is 24h at most",
            ),
            (
                limits.longest_deadline >= limits.default_deadline,
                "limits.longest_deadline must not be shorter than limits.default_deadline",
            ),
            (
                limits.payload <= LARGEST_PAYLOAD,
                "limits.payload is 256MiB at most",
            ),
            (
                limits.registration <= LARGEST_PAYLOAD,
                "limits.registration is 256MiB at most",
            ),
            (
                limits.first_frame <= LARGEST_FIRST_FRAME,
                "limits.first_frame is 128KiB at most",
            ),
            (
                limits.outbox <= limits.memory,
                "limits.outbox must not be larger than limits.memory",
            ),
            (
                limits.retained <= limits.memory,
                "limits.retained must not be larger than limits.memory",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, reason)) => Err(ConfigError::Contradiction { reason }),
            None => Ok(()),
        }
    }
}

impl Flags {
    fn apply(&self, draft: &mut Draft) {
        let data = self
            .data
            .as_ref()
            .map(|path| Value::Text(path.display().to_string()));
        let format = self
            .log_format
            .map(|format| Value::Text(format.as_str().to_owned()));
        let level = self
            .log_level
            .map(|level| Value::Text(level.as_str().to_ascii_lowercase()));
        let values = [
            (
                "--listen",
                "listen",
                (!self.listen.is_empty()).then(|| Value::List(self.listen.clone())),
            ),
            ("--data", "data", data),
            (
                "--insecure",
                "insecure",
                self.insecure.then_some(Value::Boolean(true)),
            ),
            ("--log-format", "log.format", format),
            ("--log-level", "log.level", level),
        ];
        for (flag, key, value) in values {
            if let Some(value) = value {
                draft.set(Place::Flag(flag), key, value);
            }
        }
        if let Some(data) = &self.data {
            // A path need not be Unicode.
            draft.config.data.clone_from(data);
        }
    }
}

impl LogFormat {
    /// Returns the word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
    }
}

/// Reads file, environment and flags, one over the other.
fn read(flags: &Flags, environment: impl IntoIterator<Item = (String, String)>) -> Draft {
    let environment: Vec<(String, String)> = environment.into_iter().collect();
    let variable = |name: &str| {
        environment
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    let mut draft = Draft::new(Config {
        data: state_directory(&variable),
        ..Config::default()
    });
    let named = flags
        .config
        .as_deref()
        .or_else(|| variable(environment::FILE).map(Path::new));
    if let Some(path) = named {
        file::apply(&mut draft, path);
    }
    environment::apply(&mut draft, &environment);
    flags.apply(&mut draft);
    draft
}

/// Makes a name of the host's, as far as its characters allow.
fn host_name() -> Name {
    let host = sysinfo::System::host_name().unwrap_or_default();
    let allowed = |character: &char| character.is_ascii_alphanumeric() || "_-.".contains(*character);
    let text: String = host.chars().filter(allowed).take(Name::MAX).collect();
    Name::parse(&text).unwrap_or_else(|_| Name::parse("buslane").expect("the word is a name"))
}

/// Finds the directory in which this platform keeps the state of programs.
fn state_directory<'a>(variable: &impl Fn(&str) -> Option<&'a String>) -> PathBuf {
    if let Some(directory) = variable("STATE_DIRECTORY").and_then(|list| list.split(':').next()) {
        return PathBuf::from(directory);
    }
    let (known, home) = match std::env::consts::OS {
        "macos" => (None, "Library/Application Support"),
        "windows" => (variable("LOCALAPPDATA"), "AppData/Local"),
        _ => (variable("XDG_STATE_HOME"), ".local/state"),
    };
    let base = known
        .filter(|path| Path::new(path).is_absolute())
        .map(PathBuf::from);
    let user = variable("HOME").or_else(|| variable("USERPROFILE"));
    match base.or_else(|| user.map(|user| Path::new(user).join(home))) {
        Some(base) => base.join("buslane"),
        None => PathBuf::from(HOMELESS_DATA),
    }
}

/// Finds the JavaScript client where it is installed with the program; beside it, if it is nowhere.
fn page_client() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new(""));
    let places = PAGE_CLIENT.map(|place| folder.join(place));
    let found = places.iter().find(|place| place.is_file());
    found.unwrap_or(&places[0]).clone()
}

/// How long requests in flight may take at the end, unless something else is said.
const DRAIN: Duration = Duration::from_secs(5);
/// Where state is kept if the platform names no place for it.
const HOMELESS_DATA: &str = "buslane-data";
/// Where the JavaScript client is, from the program's folder.
const PAGE_CLIENT: [&str; 2] = ["buslane.js", "../share/buslane/buslane.js"];
/// Strangers send into the buffer that all connections share.
const LARGEST_FIRST_FRAME: usize = 128 << 10;
const LARGEST_PAYLOAD: usize = 256 << 20;
const LONGEST_DEADLINE: Duration = Duration::from_secs(24 * 3_600);

#[cfg(test)]
mod tests;
