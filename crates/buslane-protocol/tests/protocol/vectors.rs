//! Both codecs keep what `schemas/vectors/` says, which the tests of every language run.

use buslane_protocol::{BrokerMessage, ClientMessage, DecodeError, ErrorCode, binary, json};
use serde::Deserialize;
use serde_json::Value;

use crate::files;
use crate::round_trips::{unchecked_broker, unchecked_client};
use crate::schemas::validator;

/// One example, see `schemas/README.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    side: Side,
    json: Option<String>,
    binary: Option<String>,
    error: Option<String>,
    #[serde(default = "yes")]
    canonical: bool,
    #[serde(default = "yes")]
    schema: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Side {
    Client,
    Broker,
}

/// A message of either side, as it is when nobody has checked its payload.
#[derive(Debug, PartialEq)]
enum Message<'a> {
    Client(ClientMessage<'a>),
    Broker(BrokerMessage<'a>),
}

impl Message<'_> {
    fn text(&self) -> String {
        let mut text = Vec::new();
        match self {
            Message::Client(message) => json::encode_client(&mut text, message),
            Message::Broker(message) => json::encode_broker(&mut text, message),
        }
        String::from_utf8(text).unwrap()
    }

    fn frame(&self) -> Vec<u8> {
        let mut frame = Vec::new();
        match self {
            Message::Client(message) => binary::encode_client(&mut frame, message),
            Message::Broker(message) => binary::encode_broker(&mut frame, message),
        }
        frame
    }
}

fn yes() -> bool {
    true
}

fn vectors(folder: &str) -> Vec<Vector> {
    let files = files::list(&format!("vectors/{folder}"));
    assert!(!files.is_empty());
    files
        .iter()
        .flat_map(|file| serde_json::from_value::<Vec<Vector>>(files::read(file)).unwrap())
        .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2));
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn from_text(side: Side, text: &str) -> Result<Message<'_>, DecodeError> {
    match side {
        Side::Client => {
            json::decode_client(text.as_bytes()).map(|found| Message::Client(unchecked_client(found)))
        }
        Side::Broker => {
            json::decode_broker(text.as_bytes()).map(|found| Message::Broker(unchecked_broker(found)))
        }
    }
}

fn from_frame(side: Side, frame: &[u8]) -> Result<Message<'_>, DecodeError> {
    match side {
        Side::Client => binary::decode_client(frame).map(|found| Message::Client(unchecked_client(found))),
        Side::Broker => binary::decode_broker(frame).map(|found| Message::Broker(unchecked_broker(found))),
    }
}

#[test]
fn both_encodings_of_a_valid_vector_are_the_same_message() {
    for vector in vectors("valid") {
        let (text, frame) = (vector.json.unwrap(), bytes(&vector.binary.unwrap()));
        let message =
            from_text(vector.side, &text).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(
            from_frame(vector.side, &frame).as_ref(),
            Ok(&message),
            "{}",
            vector.name
        );
        if vector.canonical {
            assert_eq!(message.text(), text, "{}", vector.name);
            assert_eq!(message.frame(), frame, "{}", vector.name);
        }
    }
}

#[test]
fn valid_vectors_match_the_schemas() {
    let (client, broker) = (
        validator("envelope-client.json"),
        validator("envelope-broker.json"),
    );
    for vector in vectors("valid").into_iter().filter(|vector| vector.schema) {
        let message: Value = serde_json::from_str(&vector.json.unwrap()).unwrap();
        let schema = if vector.side == Side::Client {
            &client
        } else {
            &broker
        };
        if let Err(error) = schema.validate(&message) {
            panic!("{}: {error}", vector.name);
        }
    }
}

#[test]
fn invalid_vectors_are_refused_with_their_code() {
    for vector in vectors("invalid") {
        let wanted = ErrorCode::parse(&vector.error.unwrap()).unwrap();
        let refusals = [
            vector.json.as_deref().map(|text| {
                from_text(vector.side, text)
                    .map(|_| ())
                    .map_err(|error| error.code())
            }),
            vector.binary.as_deref().map(|hex| {
                from_frame(vector.side, &bytes(hex))
                    .map(|_| ())
                    .map_err(|error| error.code())
            }),
        ];
        assert!(
            refusals.iter().any(Option::is_some),
            "{} is neither text nor frame",
            vector.name
        );
        for refusal in refusals.into_iter().flatten() {
            assert_eq!(refusal, Err(wanted), "{}", vector.name);
        }
    }
}

#[test]
fn invalid_vectors_do_not_match_the_schemas() {
    let (client, broker) = (
        validator("envelope-client.json"),
        validator("envelope-broker.json"),
    );
    for vector in vectors("invalid").into_iter().filter(|vector| vector.schema) {
        let Some(Ok(message)) = vector.json.as_deref().map(serde_json::from_str::<Value>) else {
            continue;
        };
        let schema = if vector.side == Side::Client {
            &client
        } else {
            &broker
        };
        assert!(!schema.is_valid(&message), "{}: {message}", vector.name);
    }
}

#[test]
fn a_reader_that_was_made_from_the_page_agrees_on_every_vector() {
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/vectors/check");
    let checked = std::process::Command::new("python3")
        .args(["-B", check])
        .output()
        .expect("the tests need python3");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}

#[test]
fn names_of_vectors_are_unique_within_a_side_and_form() {
    let mut names = std::collections::BTreeSet::new();
    for folder in ["valid", "invalid"] {
        for vector in vectors(folder) {
            let form = (
                folder,
                format!("{:?}", vector.side),
                vector.json.is_some(),
                vector.name.clone(),
            );
            assert!(names.insert(form), "{}", vector.name);
        }
    }
}

#[test]
fn every_error_code_of_the_decoders_has_a_vector() {
    let codes: std::collections::BTreeSet<_> = vectors("invalid")
        .into_iter()
        .filter_map(|vector| vector.error)
        .collect();
    for code in [
        ErrorCode::InvalidFrame,
        ErrorCode::InvalidJson,
        ErrorCode::InvalidMessage,
        ErrorCode::UnknownType,
        ErrorCode::HeadersTooLarge,
        ErrorCode::InvalidName,
        ErrorCode::InvalidAddress,
        ErrorCode::InvalidTopic,
        ErrorCode::InvalidFilter,
        ErrorCode::InvalidId,
        ErrorCode::InvalidPayload,
    ] {
        assert!(codes.contains(code.as_str()), "{code}");
    }
}
