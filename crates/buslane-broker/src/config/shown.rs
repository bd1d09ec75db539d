//! Writes values of the configuration as TOML, in the largest unit that divides them.

use std::path::PathBuf;
use std::time::Duration;

use buslane_engine::Compatibility;
use buslane_protocol::Name;
use toml::Value as Toml;

use super::{ListenAddress, LogFormat};

/// What can be a value of the configuration.
pub(super) trait Shown {
    /// Writes the value as TOML; `is_size` tells whether a number is one of bytes.
    fn shown(&self, is_size: bool) -> String;
}

impl Shown for Vec<ListenAddress> {
    fn shown(&self, _: bool) -> String {
        list(self.iter().map(ToString::to_string))
    }
}

impl Shown for Vec<String> {
    fn shown(&self, _: bool) -> String {
        list(self.iter().cloned())
    }
}

impl Shown for Name {
    fn shown(&self, _: bool) -> String {
        text(self.as_str())
    }
}

impl Shown for PathBuf {
    fn shown(&self, _: bool) -> String {
        text(self.display())
    }
}

impl Shown for bool {
    fn shown(&self, _: bool) -> String {
        self.to_string()
    }
}

impl Shown for LogFormat {
    fn shown(&self, _: bool) -> String {
        text(self.as_str())
    }
}

impl Shown for Compatibility {
    fn shown(&self, _: bool) -> String {
        text(self.as_str())
    }
}

impl Shown for tracing::Level {
    fn shown(&self, _: bool) -> String {
        text(self.as_str().to_ascii_lowercase())
    }
}

impl Shown for usize {
    fn shown(&self, is_size: bool) -> String {
        match SIZES.iter().find(|(unit, _)| self.is_multiple_of(*unit)) {
            Some((unit, name)) if is_size && *self > 0 => text(format_args!("{}{name}", self / unit)),
            _ => self.to_string(),
        }
    }
}

impl Shown for Duration {
    fn shown(&self, _: bool) -> String {
        let millis = self.as_millis();
        let unit = TIMES.iter().find(|(unit, _)| millis.is_multiple_of(*unit));
        let (unit, name) = unit.expect("every number is a multiple of one");
        text(format_args!("{}{name}", millis / unit))
    }
}

fn text(value: impl ToString) -> String {
    Toml::String(value.to_string()).to_string()
}

fn list(values: impl Iterator<Item = String>) -> String {
    Toml::Array(values.map(Toml::String).collect()).to_string()
}

const SIZES: [(usize, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
const TIMES: [(u128, &str); 4] = [(3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_the_largest_unit_that_divides_them() {
        assert_eq!((3_usize << 20).shown(true), "\"3MiB\"");
        assert_eq!(1_000_usize.shown(true), "1000");
        assert_eq!(4_096_usize.shown(false), "4096");
        assert_eq!(Duration::from_secs(120).shown(false), "\"2m\"");
        assert_eq!(Duration::from_millis(1_500).shown(false), "\"1500ms\"");
    }

    #[test]
    fn texts_are_quoted_as_toml_wants_it() {
        assert_eq!(vec!["a\"b".to_owned()].shown(false), "['a\"b']");
        assert_eq!(PathBuf::from("/a b").shown(false), "\"/a b\"");
    }
}
