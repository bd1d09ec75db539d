//! A configuration that is being put together: what holds by now, who said so, and what was wrong.

use std::collections::BTreeMap;

use super::error::Place;
use super::value::Value;
use super::{Config, ConfigError, keys};

/// A configuration that is being put together.
pub(super) struct Draft {
    /// What holds by now.
    pub(super) config: Config,
    /// Who said so, for every key that is not as it is by default.
    places: BTreeMap<&'static str, Place>,
    errors: Vec<ConfigError>,
}

/// What a key of the configuration is set to, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key with its section, `limits.payload`.
    pub key: &'static str,
    /// The value, as TOML writes it.
    pub value: String,
    /// Where it stands; `None` for the default.
    pub place: Option<Place>,
    /// The variable of the environment that would set it.
    pub variable: String,
}

/// Everything that a broker would be told, and everything that is wrong with it.
#[derive(Debug)]
pub struct Examination {
    /// Every key in the order of the reference, as far as it could be read.
    pub settings: Vec<Setting>,
    /// What is wrong, in the order of file, environment and flags. A broker starts only if nothing is.
    pub errors: Vec<ConfigError>,
}

impl Draft {
    /// Begins with what holds by default.
    pub(super) fn new(config: Config) -> Draft {
        Draft {
            config,
            places: BTreeMap::new(),
            errors: Vec::new(),
        }
    }

    /// Applies one value.
    pub(super) fn set(&mut self, place: Place, path: &str, value: Value) {
        match keys::set(&mut self.config, &place, path, &value) {
            Ok(key) => drop(self.places.insert(key, place)),
            Err(error) => self.refuse(error),
        }
    }

    /// Notes what is wrong.
    pub(super) fn refuse(&mut self, error: ConfigError) {
        self.errors.push(error);
    }

    /// Returns the configuration, or the first error.
    pub(super) fn finish(mut self) -> Result<Config, ConfigError> {
        self.find_contradictions();
        match self.errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(self.config),
        }
    }

    /// Returns every key with its value and place, and every error.
    pub(super) fn examine(mut self) -> Examination {
        self.find_contradictions();
        let settings = keys::shown(&self.config).map(|(key, value)| Setting {
            key,
            value,
            place: self.places.get(key).cloned(),
            variable: super::environment::variable(key),
        });
        Examination {
            settings: settings.collect(),
            errors: self.errors,
        }
    }

    /// Finds values that contradict each other, once each is right by itself.
    fn find_contradictions(&mut self) {
        if self.errors.is_empty() {
            self.errors.extend(self.config.check().err());
        }
    }
}
