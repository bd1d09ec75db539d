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
use buslane_protocol::{Limits, Name};

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
            listen: vec![ListenAddress::Tcp {
                host: Ipv4Addr::LOCALHOST.to_string(),
                port: DEFAULT_PORT,
            }],
            node: host_name(),
            data: PathBuf::from("buslane-data"),
            insecure: false,
            drain: Duration::from_secs(5),
            limits: Limits::default(),
            origins: Vec::new(),
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
        .or_else(|| variable("BUSLANE_CONFIG").map(Path::new));
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
        None => PathBuf::from("buslane-data"),
    }
}

const DEFAULT_PORT: u16 = 5959;
/// Strangers send into the buffer that all connections share.
const LARGEST_FIRST_FRAME: usize = 128 << 10;
const LARGEST_PAYLOAD: usize = 256 << 20;
const LONGEST_DEADLINE: Duration = Duration::from_secs(24 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("buslane.toml");
        std::fs::write(&path, text).unwrap();
        let environment = environment
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Config::load(
            &Flags {
                config: Some(path),
                ..flags
            },
            environment,
        )
    }

    fn message(text: &str) -> String {
        load(text, &[], Flags::default()).unwrap_err().to_string()
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let file = "listen = ['127.0.0.1:1']\nnode = 'file'\ndrain = '1s'\n[limits]\nrequests = 7\n";
        let environment = [
            ("BUSLANE_LISTEN", "127.0.0.1:2, unix:/run/two"),
            ("BUSLANE_NODE", "environment"),
        ];
        let flags = Flags {
            listen: vec!["127.0.0.1:3".to_owned()],
            ..Flags::default()
        };
        let config = load(file, &environment, flags).unwrap();
        assert_eq!(config.listen, ["127.0.0.1:3".parse().unwrap()]);
        assert_eq!(config.node.as_str(), "environment");
        assert_eq!(
            (config.drain, config.limits.requests),
            (Duration::from_secs(1), 7)
        );
        assert_eq!(config.limits.payload, Limits::default().payload);

        let config = load(file, &environment, Flags::default()).unwrap();
        assert_eq!(
            config.listen,
            ["127.0.0.1:2".parse().unwrap(), "unix:/run/two".parse().unwrap()]
        );
    }

    #[test]
    fn every_key_tells_where_it_is_set() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("buslane.toml");
        std::fs::write(&path, "node = 'file'\n[limits]\npayload = 2048\n").unwrap();
        let flags = Flags {
            config: Some(path.clone()),
            data: Some("/here".into()),
            ..Flags::default()
        };
        let environment = [("BUSLANE_NODE".to_owned(), "environment".to_owned())];
        let examination = Config::examine(&flags, environment);
        assert!(examination.errors.is_empty(), "{:?}", examination.errors);
        let setting = |key: &str| {
            examination
                .settings
                .iter()
                .find(|setting| setting.key == key)
                .unwrap()
        };
        let shown = |key: &str| (setting(key).value.as_str(), setting(key).place.clone());
        assert_eq!(shown("node"), ("\"environment\"", Some(Place::Environment)));
        assert_eq!(
            shown("limits.payload"),
            ("\"2KiB\"", Some(Place::File { path, line: 3 }))
        );
        assert_eq!(shown("data"), ("\"/here\"", Some(Place::Flag("--data"))));
        assert_eq!(shown("drain"), ("\"5s\"", None));
        assert_eq!(setting("limits.payload").variable, "BUSLANE_LIMITS_PAYLOAD");
    }

    #[test]
    fn what_is_shown_reads_as_the_same_configuration() {
        let environment = [
            ("BUSLANE_DRAIN", "90s"),
            ("BUSLANE_LISTEN", "[::1]:5,unix:/a b"),
            ("BUSLANE_HTTP_ORIGINS", "https://a.b"),
        ];
        let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let before = Config::load(&Flags::default(), environment.clone()).unwrap();
        let settings = Config::examine(&Flags::default(), environment).settings;
        let text: String = settings
            .iter()
            .map(|setting| format!("{} = {}\n", setting.key, setting.value))
            .collect();
        assert_eq!(load(&text, &[], Flags::default()).unwrap(), before, "{text}");
    }

    #[test]
    fn an_examination_finds_every_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("buslane.toml");
        std::fs::write(&path, "lisen = 1\nnode = 7\n").unwrap();
        let flags = Flags {
            config: Some(path),
            listen: vec!["nowhere".to_owned()],
            ..Flags::default()
        };
        let examination = Config::examine(&flags, [("BUSLANE_DRAINS".to_owned(), "1s".to_owned())]);
        let errors: Vec<String> = examination.errors.iter().map(ToString::to_string).collect();
        for (error, part) in errors.iter().zip([
            "the nearest is listen",
            "node expects",
            "BUSLANE_DRAIN",
            "--listen: listen expects",
        ]) {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(errors.len(), 4);
    }

    #[test]
    fn the_file_may_be_named_by_the_environment() {
        let path = std::env::temp_dir().join("buslane-there-is-no-such-file.toml");
        let environment = [("BUSLANE_CONFIG".to_owned(), path.display().to_string())];
        let error = Config::load(&Flags::default(), environment).unwrap_err();
        assert!(matches!(error, ConfigError::Read { .. }), "{error}");
    }

    #[test]
    fn an_unknown_key_names_its_line_and_the_nearest_key() {
        let text = message("node = 'a'\n\n[limits]\npayloads = 1\n");
        assert!(
            text.ends_with("buslane.toml:4: unknown key limits.payloads, the nearest is limits.payload"),
            "{text}"
        );
        let text = message("[limit]\npayload = 1\n");
        assert!(
            text.ends_with(":1: unknown key limit, the nearest is limits"),
            "{text}"
        );
        let text = message("zzzzzzzzzzz = 1\n");
        assert!(text.ends_with(":1: unknown key zzzzzzzzzzz"), "{text}");
    }

    #[test]
    fn a_wrong_value_names_its_line_its_key_and_what_is_expected() {
        let text = message("[limits]\npayload = true\n");
        assert!(
            text.ends_with(
                ":2: limits.payload expects a size such as \"1MiB\" or a number of bytes, not true"
            ),
            "{text}"
        );
        let text = message("limits.handshake = 10\n");
        assert!(
            text.ends_with(":1: limits.handshake expects a duration such as \"10s\", not 10"),
            "{text}"
        );
        let text = message("listen = ['localhost']\n");
        assert!(text.contains(":1: listen expects"), "{text}");
        let text = message("limits = 3\n");
        assert!(
            text.ends_with(":1: limits expects a table of keys, not 3"),
            "{text}"
        );
        let text = message("node = { a = 1 }\n");
        assert!(text.contains(":1: node expects a name"), "{text}");
    }

    #[test]
    fn a_broken_file_names_its_line() {
        let text = message("node = 'a'\nlisten = [\n");
        assert!(text.contains("buslane.toml:"), "{text}");
        assert!(matches!(
            load("=", &[], Flags::default()),
            Err(ConfigError::Syntax { line: 1, .. })
        ));
    }

    #[test]
    fn an_unknown_variable_names_the_nearest_one() {
        let error = load("", &[("BUSLANE_LIMITS_PAYLOD", "1")], Flags::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "environment: unknown variable BUSLANE_LIMITS_PAYLOD, the nearest is BUSLANE_LIMITS_PAYLOAD"
        );
        assert!(
            load(
                "",
                &[("BUSLANE_URL", "buslane://x:1"), ("HOME", "/x")],
                Flags::default()
            )
            .is_ok()
        );
    }

    #[test]
    fn values_that_contradict_each_other_are_refused() {
        let text = message("[limits]\nping_after = '1m'\n");
        assert_eq!(text, "limits.gone_after must be longer than limits.ping_after");
        assert_eq!(message("listen = []\n"), "listen names no address");
    }

    #[test]
    fn the_state_directory_is_the_platforms() {
        let environment = [("STATE_DIRECTORY".to_owned(), "/var/lib/buslane:/other".to_owned())];
        let config = Config::load(&Flags::default(), environment).unwrap();
        assert_eq!(config.data, Path::new("/var/lib/buslane"));
        let flags = Flags {
            data: Some("/here".into()),
            ..Flags::default()
        };
        assert_eq!(Config::load(&flags, []).unwrap().data, Path::new("/here"));
    }
}
