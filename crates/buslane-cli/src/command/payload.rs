//! A payload between the shell and the bus: checked on its way in, shown on its way out.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use buslane_client::{Body, Payload};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::json_text;

/// Takes the payload of a command line: one JSON value, `-` for one on stdin, `@FILE` for one in a file, or none.
pub(crate) fn read(argument: Option<&str>) -> Result<Body, Failure> {
    let text = match argument {
        None => return Ok(Body::none()),
        Some("-") => understood("stdin", std::io::read_to_string(std::io::stdin().lock()))?,
        Some(text) => match text.strip_prefix('@') {
            Some(path) => understood(path, std::fs::read_to_string(path))?,
            None => text.to_owned(),
        },
    };
    let text = text.trim_end_matches(['\n', '\r']);
    match json_text::check(text) {
        Ok(()) => Ok(Body::json_text(text)),
        Err(error) => Err(no_json(text, &error)),
    }
}

/// Says that a text is no JSON, and what a shell may have to do with it.
fn no_json(text: &str, error: &serde_json::Error) -> Failure {
    let failure = Failure::usage(format_args!("the payload is not JSON: {error}"));
    let is_plain = |character: char| character.is_alphanumeric() || character == ' ';
    if text.starts_with(['{', '[']) && !text.contains('"') {
        failure.hint("the shell takes quotes away: put the whole payload between single ones, '{\"a\":1}'")
    } else if !text.is_empty() && text.chars().all(is_plain) {
        failure.hint(format_args!("a text stands in quotes: '\"{text}\"'"))
    } else {
        failure
    }
}

/// Says what went wrong when a text was read.
fn understood(place: &str, text: std::io::Result<String>) -> Result<String, Failure> {
    text.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => {
            Failure::usage(format_args!("the payload is not JSON: {place} is not UTF-8"))
        }
        _ => Failure::failed(format_args!("{place}: {error}")),
    })
}

/// Shows a payload on one line that no terminal takes for orders.
pub(crate) fn line(payload: &Payload<'_>) -> String {
    let text = payload.to_string();
    if !text.contains(char::is_control) {
        return text;
    }
    if payload.is_json() && json_text::check(&text).is_ok() {
        return json_text::one_line(&text).into_owned();
    }
    text.escape_debug().to_string()
}

/// A payload as a member of a JSON object, in the manner of the protocol: what is no JSON is base64.
#[derive(Debug, Serialize)]
pub(crate) struct Member<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Cow<'a, RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
}

impl<'a> Member<'a> {
    /// Makes the member of a payload.
    pub(crate) fn of(payload: &Payload<'a>) -> Member<'a> {
        if payload.is_empty() {
            return Member {
                payload: None,
                encoding: None,
                content_type: None,
            };
        }
        let json = payload
            .as_text()
            .filter(|_| payload.is_json())
            .and_then(json_text::raw);
        match json {
            Some(json) => Member {
                payload: Some(Cow::Owned(json)),
                encoding: None,
                content_type: None,
            },
            None => Member {
                payload: serde_json::value::to_raw_value(&STANDARD.encode(payload.as_bytes()))
                    .ok()
                    .map(Cow::Owned),
                encoding: Some("base64"),
                content_type: Some(payload.content_type()),
            },
        }
    }
}
