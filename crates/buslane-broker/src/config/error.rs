//! Why a configuration is refused, and where it says so.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::environment;

/// Why a configuration is refused. Final: the same configuration is refused again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("{}:{line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// There is no such key.
    #[error("{place}: unknown {} {key}{}", place.word(), nearest.as_ref().map(|key| format!(", the nearest is {key}")).unwrap_or_default())]
    UnknownKey {
        /// Where it stands.
        place: Place,
        /// The key.
        key: String,
        /// The valid key that is most like it, if one is.
        nearest: Option<String>,
    },
    /// A value is of the wrong type or out of its range.
    #[error("{place}: {key} expects {expected}, not {found}")]
    WrongValue {
        /// Where it stands.
        place: Place,
        /// The key.
        key: String,
        /// What the key takes.
        expected: &'static str,
        /// What was found, shortened.
        found: String,
    },
    /// Two values cannot both hold.
    #[error("{reason}")]
    Contradiction {
        /// Which ones, and the rule.
        reason: &'static str,
    },
}

/// Where a part of the configuration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// In the environment.
    Environment,
    /// On the command line.
    Flag(&'static str),
}

impl Place {
    /// Returns the name that a key has at this place.
    pub(super) fn name_of(&self, path: &str) -> String {
        match self {
            Place::Environment => environment::variable(path),
            Place::File { .. } | Place::Flag(_) => path.to_owned(),
        }
    }

    /// Returns what a key is called at this place.
    fn word(&self) -> &'static str {
        match self {
            Place::Environment => "variable",
            Place::File { .. } | Place::Flag(_) => "key",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Place::Environment => formatter.write_str("environment"),
            Place::Flag(flag) => formatter.write_str(flag),
        }
    }
}
