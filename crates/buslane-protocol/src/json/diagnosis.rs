//! What is wrong with a rare message's text, found on the error path only.

use serde_json::Value;

use super::envelope::probable_id;
use crate::{DecodeError, Filter, Id, Name, Topic};

/// Makes the error of a text that serde refused.
pub(super) fn diagnose(text: &str, error: &serde_json::Error) -> DecodeError {
    let id = probable_id(text);
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(text) else {
        return DecodeError::Json {
            reason: error.to_string(),
        };
    };
    let mut text_members = members
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    text_members
        .find_map(|(member, value)| typed_error(id, member, value))
        .unwrap_or_else(|| DecodeError::Member {
            id,
            reason: error.to_string(),
        })
}

/// Returns the error of a member with a type of its own.
fn typed_error(id: Option<Id>, member: &str, value: &str) -> Option<DecodeError> {
    match member {
        "id" => Id::parse(value).err().map(DecodeError::Id),
        "filter" => Filter::parse(value)
            .err()
            .map(|source| DecodeError::Filter { id, source }),
        "topic" => Topic::parse(value)
            .err()
            .map(|source| DecodeError::Topic { id, source }),
        "name" | "instance" | "shared" | "node" => {
            Name::check(value).err().map(|source| DecodeError::Member {
                id,
                reason: format!("`{member}`: {source}"),
            })
        }
        _ => None,
    }
}
