//! What is wrong with a rare message's text, found on the error path only: the text is parsed a second time, with the
//! place of each value at hand.

use serde::Deserialize;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::envelope::probable_id;
use super::parser::Fault;
use crate::{DecodeError, Filter, Id, Name, Topic};

/// Makes the error of a text that is no `T`.
pub(super) fn diagnose<'a, T: Deserialize<'a>>(text: &'a str, fault: Fault) -> DecodeError {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut deserializer) else {
        return fault.into_error(text);
    };
    let id = probable_id(text);
    let members = serde_json::from_str(text).unwrap_or(Value::Null);
    if let Some(typed) = typed_error(id, error.path(), &members) {
        return typed;
    }
    let (path, error) = (error.path().to_string(), error.inner());
    let reason = if path == "." {
        error.to_string()
    } else {
        format!("`{path}`: {error}")
    };
    DecodeError::Member {
        id,
        reason: on_one_line(&reason),
    }
}

/// Escapes what would break a line or steer a terminal: serde repeats names and values as the sender wrote them.
fn on_one_line(words: &str) -> String {
    let mut line = String::with_capacity(words.len());
    for letter in words.chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// Returns the error of a value whose rules have an error code of their own.
fn typed_error(id: Option<Id>, path: &Path, members: &Value) -> Option<DecodeError> {
    let Segment::Map { key: member } = path.iter().next()? else {
        return None;
    };
    let value = members.get(member)?;
    match member.as_str() {
        "id" => Id::parse(value.as_str()?).err().map(DecodeError::Id),
        "filter" => Filter::parse(value.as_str()?)
            .err()
            .map(|source| DecodeError::Filter { id, source }),
        "topics" => {
            let mut topics = value.as_object()?.keys();
            topics
                .find_map(|topic| Topic::parse(topic).err())
                .map(|source| DecodeError::Topic { id, source })
        }
        "name" | "instance" | "shared" | "node" | "groups" | "methods" => {
            let source = names(value)
                .into_iter()
                .find_map(|name| Name::check(name).err())?;
            Some(DecodeError::Name {
                id,
                member: member.clone(),
                source,
            })
        }
        _ => None,
    }
}

/// Returns the names that a value holds: itself, its elements or its keys.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        Value::Object(members) => members.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::json::{decode_broker, decode_client};

    #[test]
    fn words_of_the_sender_stay_on_one_line() {
        let read = decode_broker(br#"{"type":"error","error":{"origin":" \rvice"}}"#);
        let told = read.unwrap_err().to_string();
        assert!(told.contains(r"unknown variant ` \rvice`"), "{told}");
        let read =
            decode_client(br#"{"type":"register","name":"a","version":"1","methods":{"m\n":{"input":7}}}"#);
        let told = read.unwrap_err().to_string();
        assert!(!told.contains(char::is_control), "{told}");
        let read = decode_client(br#"{"type":"subscribe","filter":"a","overflow":"drop\u001b[2J"}"#);
        let told = read.unwrap_err().to_string();
        assert!(told.contains(r"`drop\u{1b}[2J`"), "{told}");
    }
}
