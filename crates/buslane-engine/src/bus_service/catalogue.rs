//! What the broker's own service declares about itself.

use serde_json::Value;

/// Returns the methods of `$bus` with their schemas, as `describe` tells them.
pub(super) fn methods() -> Value {
    serde_json::from_str(METHODS).expect("the file beside this one is JSON")
}

const METHODS: &str = include_str!("methods.json");
