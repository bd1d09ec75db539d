//! Words that inputs are made of, for libFuzzer to put in: the names and texts of the vectors and the schemas.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::seeds;

/// Returns the words as a dictionary of libFuzzer, one quoted word a line.
pub fn lines() -> Vec<String> {
    let mut words = BTreeSet::new();
    for folder in ["", "events", "scenarios"] {
        for document in seeds::documents(folder) {
            collect(&document, &mut words);
        }
    }
    for text in [seeds::client_texts(), seeds::broker_texts()].concat() {
        if let Ok(message) = serde_json::from_slice(&text) {
            collect(&message, &mut words);
        }
    }
    words.extend(KEYWORDS.map(str::to_owned));
    words.iter().map(|word| quoted(word)).collect()
}

/// Collects short strings and the names of members, each as it stands in JSON text too.
fn collect(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                add(name, words);
                collect(member, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::String(text) => add(text, words),
        _ => {}
    }
}

fn add(word: &str, words: &mut BTreeSet<String>) {
    let is_word = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if (2..=LONGEST).contains(&word.len()) && word.bytes().all(is_word) {
        words.insert(word.to_owned());
    }
}

fn quoted(word: &str) -> String {
    let escaped: String = word
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(byte)),
            b' '..=b'~' => char::from(byte).to_string(),
            other => format!("\\x{other:02X}"),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// Bytes of the longest word.
const LONGEST: usize = 24;
/// Words that stand in no schema.
const KEYWORDS: [&str; 30] = [
    "HTTP/1.1\r\n",
    "GET ",
    "POST ",
    "DELETE ",
    "OPTIONS ",
    "\r\n\r\n",
    "host: localhost\r\n",
    "content-length: ",
    "transfer-encoding: chunked\r\n",
    "content-type: application/json\r\n",
    "content-type: application/cloudevents+json\r\n",
    "expect: 100-continue\r\n",
    "connection: upgrade\r\n",
    "upgrade: websocket\r\n",
    "sec-websocket-version: 13\r\n",
    "sec-websocket-key: ",
    "sec-websocket-protocol: buslane.json.v1\r\n",
    "sec-websocket-protocol: buslane.bin.v1\r\n",
    "/api/v1/",
    "last-event-id: ",
    "accept: text/event-stream\r\n",
    "\"type\":\"",
    "\"payload\":",
    "null",
    "true",
    "1e400",
    "\\ud800",
    "\u{b5}BUS",
    "$ref",
    "unevaluatedProperties",
];
