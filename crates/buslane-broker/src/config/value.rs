//! Values of the configuration before their key has said what they mean.

use std::time::Duration;

/// A value as a file, a variable or a flag gives it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// What a variable holds: text whose type only the key knows.
    Untyped(String),
    /// A whole number.
    Integer(u64),
    /// True or false.
    Boolean(bool),
    /// A list of texts.
    List(Vec<String>),
    /// Anything that no key takes, as it is to be named in an error.
    Other(String),
}

impl Value {
    /// Reads a text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) | Value::Untyped(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Reads true or false.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Value::Boolean(value) => Some(*value),
            Value::Untyped(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Reads a list; in a variable its parts are separated by commas.
    pub(super) fn list(&self) -> Option<Vec<String>> {
        match self {
            Value::List(list) => Some(list.clone()),
            Value::Untyped(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Some(parts.map(str::to_owned).collect())
            }
            _ => None,
        }
    }

    /// Reads a whole number above zero.
    pub(super) fn count(&self) -> Option<usize> {
        let number = match self {
            Value::Integer(number) => *number,
            Value::Untyped(text) => text.parse().ok()?,
            _ => return None,
        };
        usize::try_from(number)
            .ok()
            .filter(|number| *number > 0 && *number <= LARGEST)
    }

    /// Reads a number of bytes above zero: `1048576`, `"1MiB"`.
    pub(super) fn size(&self) -> Option<usize> {
        let Some(text) = self.text() else {
            return self.count();
        };
        let (number, unit) = split_unit(text)?;
        let bytes = number.checked_mul(match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        })?;
        Value::Integer(bytes).count()
    }

    /// Reads a duration above zero: `"250ms"`, `"10s"`, `"5m"`, `"1h"`.
    pub(super) fn duration(&self) -> Option<Duration> {
        let (number, unit) = split_unit(self.text()?)?;
        let millis = number.checked_mul(match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        })?;
        (millis > 0 && millis <= LONGEST_MS).then(|| Duration::from_millis(millis))
    }

    /// Shows the value in an error, shortened.
    pub(super) fn shown(&self) -> String {
        let full = match self {
            Value::Text(text) | Value::Untyped(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            Value::Boolean(value) => value.to_string(),
            Value::List(list) => format!("{list:?}"),
            Value::Other(what) => what.clone(),
        };
        if full.chars().count() <= SHOWN {
            full
        } else {
            full.chars().take(SHOWN).chain(['…']).collect()
        }
    }
}

/// Splits a text into its digits and what follows.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim_start()))
}

const LARGEST: usize = 1 << 40;
const LONGEST_MS: u64 = 7 * 24 * 3_600_000;
const SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn sizes_have_binary_units_and_bounds() {
        assert_eq!(text("1MiB").size(), Some(1 << 20));
        assert_eq!(text("64 KiB").size(), Some(64 << 10));
        assert_eq!(text("12").size(), Some(12));
        assert_eq!(Value::Integer(12).size(), Some(12));
        for bad in ["", "MiB", "1MB", "-1", "1.5MiB", "0", "99999999999GiB", "1 MiB x"] {
            assert_eq!(text(bad).size(), None, "{bad}");
        }
    }

    #[test]
    fn durations_need_a_unit_and_have_bounds() {
        assert_eq!(text("250ms").duration(), Some(Duration::from_millis(250)));
        assert_eq!(text("1h").duration(), Some(Duration::from_secs(3_600)));
        for bad in ["10", "s", "0s", "1d", "9999h", "-1s", "99999999999999999999s"] {
            assert_eq!(text(bad).duration(), None, "{bad}");
        }
        assert_eq!(Value::Integer(10).duration(), None);
    }

    #[test]
    fn long_values_are_shortened_where_they_are_shown() {
        assert_eq!(text(&"ä".repeat(100)).shown().chars().count(), SHOWN + 1);
    }
}
