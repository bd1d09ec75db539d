//! The table of every key of the configuration: its name, what it takes, and where it goes.

use std::path::PathBuf;

use buslane_engine::Compatibility;
use buslane_protocol::Name;

use super::error::Place;
use super::shown::Shown;
use super::value::Value;
use super::{Config, ConfigError, LogFormat};

/// One key.
pub(super) struct Key {
    /// Its name with its section, `limits.payload`.
    path: &'static str,
    /// What it takes, for people.
    expected: &'static str,
    /// Puts a value where it belongs; `None` if it is not what the key takes.
    set: fn(&mut Config, &Value) -> Option<()>,
    /// Writes the value as TOML.
    show: fn(&Config) -> String,
}

/// Applies one value and returns the name of its key.
pub(super) fn set(
    config: &mut Config,
    place: &Place,
    path: &str,
    value: &Value,
) -> Result<&'static str, ConfigError> {
    let place = place.clone();
    if let Some(key) = KEYS.iter().find(|key| key.path == path) {
        return match (key.set)(config, value) {
            Some(()) => Ok(key.path),
            None => Err(ConfigError::WrongValue {
                key: place.name_of(path),
                place,
                expected: key.expected,
                found: value.shown(),
            }),
        };
    }
    if is_section(path) {
        let (expected, found) = ("a table of keys", value.shown());
        return Err(ConfigError::WrongValue {
            place,
            key: path.to_owned(),
            expected,
            found,
        });
    }
    let known = paths().chain(SECTIONS).map(str::to_owned);
    Err(ConfigError::UnknownKey {
        place,
        key: path.to_owned(),
        nearest: of_another_section(path).or_else(|| nearest(path, known)),
    })
}

/// Returns the key of the same name that stands in another section.
fn of_another_section(path: &str) -> Option<String> {
    paths()
        .find(|known| known.rsplit('.').next() == path.rsplit('.').next())
        .map(str::to_owned)
}

/// Returns every key.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.path)
}

/// Returns every key with what it takes, for people.
#[cfg(test)]
pub(super) fn expectations() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.iter().map(|key| (key.path, key.expected))
}

/// Returns every key with its value, as TOML writes it.
pub(super) fn shown(config: &Config) -> impl Iterator<Item = (&'static str, String)> {
    KEYS.iter().map(|key| (key.path, (key.show)(config)))
}

/// Tells whether a name is that of a section.
pub(super) fn is_section(path: &str) -> bool {
    SECTIONS.contains(&path)
}

/// Returns the name that is most like the one given, if one is like it at all.
pub(crate) fn nearest(given: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let likeness = |name: &String| strsim::jaro_winkler(given, name);
    known
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
        .filter(|name| likeness(name) > LIKE)
}

/// Tells whether a text is the origin of a web page: scheme, host and perhaps port, nothing after.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let named = !scheme.is_empty()
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    named && !host.is_empty() && host.bytes().all(plain)
}

/// Reads a list of which every part has to hold.
fn all<T>(value: &Value, part: impl Fn(String) -> Option<T>) -> Option<Vec<T>> {
    value.list()?.into_iter().map(part).collect()
}

macro_rules! keys {
    ($($path:literal $expected:ident |$config:ident, $value:ident| $place:expr => $read:expr;)*) => {
        &[$(Key {
            path: $path,
            expected: $expected,
            set: |$config, $value| {
                $place = $read?;
                Some(())
            },
            show: |$config| Shown::shown(&$place, $expected == SIZE),
        },)*]
    };
}

const KEYS: &[Key] = keys! {
    "listen" ADDRESSES |config, value| config.listen => all(value, |part| part.parse().ok());
    "node" NAME |config, value| config.node => value.text().and_then(|text| Name::parse(text).ok());
    "data" PATH |config, value| config.data => value.text().map(PathBuf::from);
    "insecure" BOOLEAN |config, value| config.insecure => value.boolean();
    "drain" DURATION |config, value| config.drain => value.duration();
    "http.origins" ORIGINS |config, value| config.origins =>
        all(value, |part| is_origin(&part).then_some(part));
    "http.client" PATH |config, value| config.page_client => value.text().map(PathBuf::from);
    "log.format" FORMAT |config, value| config.log.format => match value.text()? {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    };
    "log.level" LEVEL |config, value| config.log.level => match value.text()? {
        level @ ("error" | "warn" | "info" | "debug" | "trace") => level.parse().ok(),
        _ => None,
    };
    "contracts.compatibility" COMPATIBILITY |config, value| config.compatibility => match value.text()? {
        "allow" => Some(Compatibility::Allow),
        "warn" => Some(Compatibility::Warn),
        "refuse" => Some(Compatibility::Refuse),
        _ => None,
    };
    "limits.payload" SIZE |config, value| config.limits.payload => value.size();
    "limits.first_frame" SIZE |config, value| config.limits.first_frame => value.size();
    "limits.headers" COUNT |config, value| config.limits.headers => value.count();
    "limits.headers_bytes" SIZE |config, value| config.limits.headers_bytes => value.size();
    "limits.outbox" SIZE |config, value| config.limits.outbox => value.size();
    "limits.memory" SIZE |config, value| config.limits.memory => value.size();
    "limits.retained" SIZE |config, value| config.limits.retained => value.size();
    "limits.requests" COUNT |config, value| config.limits.requests => value.count();
    "limits.subscriptions" COUNT |config, value| config.limits.subscriptions => value.count();
    "limits.wildcards" COUNT |config, value| config.limits.wildcards => value.count();
    "limits.matches" COUNT |config, value| config.limits.matches => value.count();
    "limits.schema" SIZE |config, value| config.limits.schema => value.size();
    "limits.registration" SIZE |config, value| config.limits.registration => value.size();
    "limits.registrations" COUNT |config, value| config.limits.registrations => value.count();
    "limits.declarations" COUNT |config, value| config.limits.declarations => value.count();
    "limits.connections" COUNT |config, value| config.limits.connections => value.count();
    "limits.handshake" DURATION |config, value| config.limits.handshake => value.duration();
    "limits.validate_inline" SIZE |config, value| config.limits.validate_inline => value.size();
    "limits.default_deadline" DURATION |config, value| config.limits.default_deadline => value.duration();
    "limits.longest_deadline" DURATION |config, value| config.limits.longest_deadline => value.duration();
    "limits.ping_after" DURATION |config, value| config.limits.ping_after => value.duration();
    "limits.gone_after" DURATION |config, value| config.limits.gone_after => value.duration();
    "limits.takeover_probe" DURATION |config, value| config.limits.takeover_probe => value.duration();
    "limits.feed_linger" DURATION |config, value| config.limits.feed_linger => value.duration();
};

const SECTIONS: [&str; 4] = ["contracts", "http", "limits", "log"];
const LIKE: f64 = 0.7;

const ADDRESSES: &str = "a list of host:port, [ipv6]:port or unix:/path";
const NAME: &str = "a name of letters, digits, '_', '-' and '.'";
const PATH: &str = "a path";
const BOOLEAN: &str = "true or false";
const SIZE: &str = "a size such as \"1MiB\" or a number of bytes";
const COUNT: &str = "a whole number above zero";
const DURATION: &str = "a duration such as \"10s\"";
const ORIGINS: &str = "a list of origins such as \"https://app.example.org\"";
const FORMAT: &str = "\"text\" or \"json\"";
const COMPATIBILITY: &str = "\"allow\", \"warn\" or \"refuse\"";
const LEVEL: &str = "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"";

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn schema() -> Json {
        serde_json::from_str(include_str!("../../../../schemas/config.json")).unwrap()
    }

    /// The keys that the schema knows, with their sections.
    fn described(schema: &Json) -> Vec<String> {
        let mut found = Vec::new();
        for (name, property) in schema["properties"].as_object().unwrap() {
            match property["properties"].as_object() {
                Some(inner) => found.extend(inner.keys().map(|key| format!("{name}.{key}"))),
                None => found.push(name.clone()),
            }
        }
        found
    }

    #[test]
    fn the_schema_describes_every_key_and_no_other() {
        let (mut known, mut described) = (
            paths().map(str::to_owned).collect::<Vec<_>>(),
            described(&schema()),
        );
        known.sort();
        described.sort();
        assert_eq!(known, described);
    }

    #[test]
    fn the_schema_and_the_table_accept_the_same_values() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let values = [
            json!(true),
            json!(0),
            json!(1),
            json!(4096),
            json!("1MiB"),
            json!("1 KiB"),
            json!("10s"),
            json!("0s"),
            json!("text"),
            json!("warn"),
            json!("refuse"),
            json!("allow"),
            json!("two words"),
            json!("1MB"),
            json!(["127.0.0.1:1", "unix:/x", "[::1]:5"]),
            json!(["https://app.example.org:8443"]),
            json!(["https://example.org/path"]),
            json!([]),
            json!([1]),
        ];
        for key in KEYS {
            for value in &values {
                let plain = match value {
                    Json::Bool(value) => Value::Boolean(*value),
                    Json::Number(number) => Value::Integer(number.as_u64().unwrap()),
                    Json::String(text) => Value::Text(text.clone()),
                    other => match serde_json::from_value(other.clone()) {
                        Ok(list) => Value::List(list),
                        Err(_) => Value::Other("mixed".to_owned()),
                    },
                };
                let document = match key.path.split_once('.') {
                    Some((section, name)) => json!({ section: { name: value } }),
                    None => json!({ key.path: value }),
                };
                let taken = (key.set)(&mut Config::default(), &plain).is_some();
                assert_eq!(taken, validator.is_valid(&document), "{} = {value}", key.path);
            }
        }
    }
}
