//! Structured mode: the event as one JSON object (CloudEvents JSON format 1.0).

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use buslane_protocol::{Headers, HeadersError, Payload, PayloadKind};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::attribute::{check, check_content_type, check_name, is_stamped, wrong};
use super::{CloudEvent, CloudEventError, SPECVERSION, VERSION, is_json};
use crate::http::media_type::essence;

/// Reads an event out of a body.
pub(super) fn read(body: &[u8]) -> Result<CloudEvent<'_>, CloudEventError> {
    let members: Members<'_> = serde_json::from_slice(body).map_err(|error| CloudEventError::Json {
        reason: error.to_string(),
    })?;
    let mut attributes: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    let (mut content_type, mut data, mut base64, mut version) = (None, None, None, None);
    for (index, (name, value)) in members.0.iter().enumerate() {
        if index == MOST_MEMBERS {
            let (what, limit) = ("entries", Headers::MAX_ENTRIES);
            return Err(HeadersError::TooLarge { what, limit }.into());
        }
        if members.0[..index].iter().any(|(earlier, _)| earlier == name) {
            let attribute = name.clone();
            return Err(CloudEventError::Doubled { attribute });
        }
        match (name.as_str(), value.get()) {
            ("data", json) => data = Some(json),
            ("data_base64", json) => base64 = Some(json),
            // An attribute that is null is one that is not there.
            (_, "null") => check_name(name)?,
            ("datacontenttype", json) => content_type = Some(media_type(json)?),
            (name, json) => {
                let text = text(name, json)?;
                check(name, &text)?;
                if name == SPECVERSION {
                    version = Some(());
                } else if !is_stamped(name) {
                    attributes.push((Cow::Owned(name.to_owned()), Cow::Owned(text)));
                }
            }
        }
    }
    version.ok_or(CloudEventError::Missing {
        attribute: SPECVERSION,
    })?;
    let data = payload(content_type.as_deref(), data, base64)?;
    Ok(CloudEvent {
        attributes,
        content_type: content_type.map(Cow::Owned),
        data,
    })
}

/// Appends an event.
pub(super) fn write(event: &CloudEvent<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"specversion\":\"");
    out.extend_from_slice(VERSION.as_bytes());
    out.push(b'"');
    for (name, value) in &event.attributes {
        member(out, name, value);
    }
    if let Some(content_type) = &event.content_type {
        member(out, "datacontenttype", content_type);
    }
    if !event.data.is_absent() {
        write_data(event, out);
    }
    out.push(b'}');
}

fn write_data(event: &CloudEvent<'_>, out: &mut Vec<u8>) {
    let content_type = event.content_type.as_deref();
    if event.data.is_json() && is_json(content_type) {
        let mut data = event.data.borrowed();
        if data.ensure_json().is_ok() {
            out.extend_from_slice(b",\"data\":");
            // Raw line breaks stand between tokens only, and the object is to fit into one line.
            out.extend(data.bytes.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
            return;
        }
    }
    match std::str::from_utf8(&event.data.bytes) {
        Ok(text) if content_type.is_some_and(is_text) => member(out, "data", text),
        _ => member(out, "data_base64", &STANDARD.encode(&event.data.bytes)),
    }
}

/// Appends a member after others.
fn member(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b',');
    write_string(out, name);
    out.push(b':');
    write_string(out, value);
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a string is written to memory");
}

/// Returns an attribute's value as text (CloudEvents JSON format, section 2.2).
fn text(name: &str, json: &str) -> Result<String, CloudEventError> {
    check_name(name)?;
    if let Ok(text) = serde_json::from_str::<String>(json) {
        return Ok(text);
    }
    let is_extension = !KNOWN.contains(&name);
    if is_extension && (matches!(json, "true" | "false") || json.parse::<i32>().is_ok()) {
        return Ok(json.to_owned());
    }
    let expected = if is_extension {
        "a string, a boolean or a whole number of 32 bits"
    } else {
        "a string"
    };
    Err(wrong(name, expected))
}

fn media_type(json: &str) -> Result<String, CloudEventError> {
    let text = text("datacontenttype", json)?;
    check_content_type(&text)?;
    Ok(text)
}

fn payload<'a>(
    content_type: Option<&str>,
    data: Option<&'a str>,
    base64: Option<&str>,
) -> Result<Payload<'a>, CloudEventError> {
    let is_json = is_json(content_type);
    match (data, base64) {
        (Some(_), Some(_)) => Err(CloudEventError::TwoData),
        (Some(json), None) if is_json => Ok(Payload::checked(json.as_bytes())),
        (Some(json), None) => {
            let expected = "a string where datacontenttype is not JSON";
            let text: String = serde_json::from_str(json).map_err(|_| wrong("data", expected))?;
            Ok(Payload::bytes(text.into_bytes()))
        }
        (None, Some(json)) => {
            let expected = "a string of base64 (RFC 4648, section 4)";
            let text: String = serde_json::from_str(json).map_err(|_| wrong("data_base64", expected))?;
            let bytes = STANDARD
                .decode(text)
                .map_err(|_| wrong("data_base64", expected))?;
            let kind = if is_json && content_type.is_some() {
                PayloadKind::Json
            } else {
                PayloadKind::Bytes
            };
            Ok(Payload {
                bytes: bytes.into(),
                kind,
            })
        }
        (None, None) => Ok(Payload::absent()),
    }
}

/// Tells whether data of a media type is text, which stands in an event as it is.
fn is_text(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence.starts_with("text/") || essence.ends_with("/xml") || essence.ends_with("+xml")
}

/// The members of an object in their order, doubled ones included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// Attributes whose type the specification tells.
const KNOWN: [&str; 8] = [
    "id",
    "source",
    "specversion",
    "type",
    "datacontenttype",
    "dataschema",
    "subject",
    "time",
];
/// More members than the headers of a message could hold, with the data's two and the data's type.
const MOST_MEMBERS: usize = Headers::MAX_ENTRIES + 3;
