//! The configuration's part of the environment: `BUSLANE_LIMITS_PAYLOAD=2MiB` for the key `limits.payload`.

use buslane_protocol::URL_VARIABLE;

use super::draft::Draft;
use super::error::Place;
use super::value::Value;
use super::{ConfigError, keys};

/// Applies every variable that begins with `BUSLANE_`.
pub(super) fn apply(draft: &mut Draft, environment: &[(String, String)]) {
    for (name, text) in environment {
        let ours = name.starts_with(PREFIX) && !OTHERS.contains(&name.as_str());
        if !ours {
            continue;
        }
        match keys::paths().find(|path| variable(path) == *name) {
            Some(key) => draft.set(Place::Environment, key, Value::Untyped(text.clone())),
            None => draft.refuse(ConfigError::UnknownKey {
                place: Place::Environment,
                key: name.clone(),
                nearest: keys::nearest(name, keys::paths().map(variable)),
            }),
        }
    }
}

/// Returns the variable of a key.
pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_ascii_uppercase())
}

/// The variable that names the file.
pub(super) const FILE: &str = "BUSLANE_CONFIG";
const PREFIX: &str = "BUSLANE_";
/// Variables that are no keys: those of clients, and the one that names the file.
const OTHERS: [&str; 3] = [FILE, URL_VARIABLE, "BUSLANE_TOKEN"];
