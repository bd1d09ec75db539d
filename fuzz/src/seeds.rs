//! What runs begin with: the vectors of `schemas/`, and every message that a scenario writes out. Read when a run begins,
//! never copied.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use buslane_protocol::{binary, json};
use serde::Deserialize;
use serde_json::Value;

/// An example of a message, valid or not.
#[derive(Deserialize)]
struct Vector {
    side: String,
    json: Option<String>,
    binary: Option<String>,
}

/// Returns the frames that clients send.
pub(crate) fn client_frames() -> Vec<Vec<u8>> {
    let mut frames = frames("client");
    for text in client_texts() {
        if let Ok(message) = json::decode_client(&text) {
            let mut frame = Vec::new();
            binary::encode_client(&mut frame, &message);
            frames.insert(frame);
        }
    }
    frames.into_iter().collect()
}

/// Returns the frames that brokers send.
pub(crate) fn broker_frames() -> Vec<Vec<u8>> {
    frames("broker").into_iter().collect()
}

/// Returns the texts that clients send.
pub(crate) fn client_texts() -> Vec<Vec<u8>> {
    let mut texts = texts("client");
    texts.extend(scenario_messages());
    texts.into_iter().collect()
}

/// Returns the texts that brokers send.
pub(crate) fn broker_texts() -> Vec<Vec<u8>> {
    texts("broker").into_iter().collect()
}

/// Returns the folder `schemas/`.
pub(crate) fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

/// Reads every JSON file of a folder below `schemas/`, in the order of their names.
pub(crate) fn documents(folder: &str) -> Vec<Value> {
    let entries = fs::read_dir(schemas().join(folder)).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("it can be read");
        serde_json::from_str(&text).expect("it is JSON")
    };
    paths.iter().map(read).collect()
}

fn vectors(side: &str) -> Vec<Vector> {
    let documents = [documents("vectors/valid"), documents("vectors/invalid")].concat();
    let vectors = documents.into_iter().flat_map(|document| -> Vec<Vector> {
        serde_json::from_value(document).expect("it is a list of vectors")
    });
    vectors.filter(|vector| vector.side == side).collect()
}

fn frames(side: &str) -> BTreeSet<Vec<u8>> {
    vectors(side)
        .iter()
        .filter_map(|vector| bytes(vector.binary.as_deref()?))
        .collect()
}

fn texts(side: &str) -> BTreeSet<Vec<u8>> {
    vectors(side)
        .into_iter()
        .filter_map(|vector| Some(vector.json?.into_bytes()))
        .collect()
}

/// Reads hexadecimal digits.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let byte = |place| u8::from_str_radix(digits.get(place..place + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Returns every object with a `type` that a scenario writes out.
fn scenario_messages() -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    for scenario in documents("scenarios") {
        collect(&scenario, &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut BTreeSet<Vec<u8>>) {
    match value {
        Value::Object(members) => {
            if members.get("type").is_some_and(Value::is_string)
                && json::decode_client(value.to_string().as_bytes()).is_ok()
            {
                found.insert(value.to_string().into_bytes());
            }
            members.values().for_each(|member| collect(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
