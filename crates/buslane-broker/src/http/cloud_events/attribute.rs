//! The rules of names and values of attributes (CloudEvents 1.0, sections "Naming Convention" and "Type System").

use super::{CloudEventError, timestamp};
use crate::http::media_type::is_media_type;

/// The topic of a delivered message.
pub(super) const TOPIC: &str = "buslanetopic";
/// Who published a delivered message.
pub(super) const FROM: &str = "buslanefrom";

/// Tells whether an attribute is the broker's word, whatever a publisher says.
pub(super) fn is_stamped(name: &str) -> bool {
    name == TOPIC || name == FROM
}

/// Checks the name of an attribute.
pub(super) fn check_name(name: &str) -> Result<(), CloudEventError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    let attribute = name.chars().take(LONGEST_NAME).collect();
    Err(CloudEventError::Name { attribute })
}

/// Checks an attribute.
pub(super) fn check(name: &str, value: &str) -> Result<(), CloudEventError> {
    check_name(name)?;
    let expected = match name {
        _ if value.chars().any(char::is_control) => "without control characters",
        "id" | "type" | "subject" if value.is_empty() => "text that is not empty",
        "source" if !is_uri(value) => "a URI reference (RFC 3986) that is not empty",
        "dataschema" if !is_uri(value) || !value.contains(':') => "a URI (RFC 3986)",
        "time" if !timestamp::is_valid(value) => "a time such as 2026-01-31T10:00:00Z (RFC 3339)",
        "specversion" if value != super::VERSION => "1.0, the only version that is known",
        _ => return Ok(()),
    };
    Err(wrong(name, expected))
}

/// Checks the media type of the data.
pub(super) fn check_content_type(value: &str) -> Result<(), CloudEventError> {
    if is_media_type(value) && !value.chars().any(char::is_control) {
        return Ok(());
    }
    Err(wrong(
        "datacontenttype",
        "a media type such as application/json (RFC 2046)",
    ))
}

/// Makes the error of an attribute that is not what it must be.
pub(super) fn wrong(name: &str, expected: &'static str) -> CloudEventError {
    let attribute = name.to_owned();
    CloudEventError::Value { attribute, expected }
}

/// Tells whether a text has nothing in it that a URI reference cannot hold.
fn is_uri(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// The longest name, in bytes: with its prefix it is the name of a header of a message.
const LONGEST_NAME: usize = buslane_protocol::Headers::MAX_NAME - super::PREFIX.len();
