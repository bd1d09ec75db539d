//! Binary mode: attributes as headers, percent-encoded; the data as the body (CloudEvents HTTP binding, section 3.1).

use std::borrow::Cow;
use std::fmt::Write;

use buslane_protocol::Payload;
use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::attribute::{check, check_content_type, check_name, is_stamped, wrong};
use super::{CloudEvent, CloudEventError, PREFIX, SPECVERSION, VERSION, is_json};

/// Reads an event out of a request.
pub(super) fn read<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<CloudEvent<'a>, CloudEventError> {
    let mut attributes = Vec::new();
    let mut has_version = false;
    for (header, value) in headers {
        let Some(name) = header.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        if name == "datacontenttype" {
            return Err(CloudEventError::ContentTypeHeader);
        }
        check_name(name)?;
        if headers.get_all(header).iter().nth(1).is_some() {
            let attribute = name.to_owned();
            return Err(CloudEventError::Doubled { attribute });
        }
        let value = decode(value.as_bytes()).ok_or_else(|| wrong(name, "percent-encoded UTF-8"))?;
        check(name, &value)?;
        if name == SPECVERSION {
            has_version = true;
        } else if !is_stamped(name) {
            attributes.push((Cow::Owned(name.to_owned()), Cow::Owned(value)));
        }
    }
    if !has_version {
        let attribute = SPECVERSION;
        return Err(CloudEventError::Missing { attribute });
    }
    let content_type = headers.get(CONTENT_TYPE).map(content_type).transpose()?;
    let data = match (body, is_json(content_type.as_deref())) {
        (b"", _) => Payload::absent(),
        (body, true) => Payload::json(body),
        (body, false) => Payload::bytes(body),
    };
    Ok(CloudEvent {
        attributes,
        content_type: content_type.map(Cow::Owned),
        data,
    })
}

/// Writes an event's attributes among the headers of an answer.
pub(super) fn write(event: &CloudEvent<'_>, headers: &mut HeaderMap) {
    headers.insert("ce-specversion", HeaderValue::from_static(VERSION));
    for (name, value) in &event.attributes {
        let name = HeaderName::try_from(format!("{PREFIX}{name}"));
        let value = HeaderValue::try_from(encode(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    // A message may bear a content type that no header can hold.
    if let Some(Ok(value)) = event.content_type.as_deref().map(HeaderValue::try_from) {
        headers.insert(CONTENT_TYPE, value);
    }
}

fn content_type(value: &HeaderValue) -> Result<String, CloudEventError> {
    let text = String::from_utf8_lossy(value.as_bytes());
    check_content_type(&text)?;
    Ok(text.into_owned())
}

/// Undoes what older and newer senders do to a value: double quotes around it, then percent-encoding. `None` if that
/// yields no UTF-8.
fn decode(value: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let quoted = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let unquoted = quoted.map_or_else(|| value.to_vec(), unescape);
    let mut rest = &unquoted[..];
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let byte = match (first, after) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => return None,
            },
            (b'%', _) => return None,
            (byte, _) => *byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

/// Takes the backslashes out of a quoted string (RFC 9110, section 5.6.4).
fn unescape(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted.iter();
    while let Some(byte) = rest.next() {
        let escaped = if *byte == b'\\' { rest.next() } else { None };
        bytes.push(*escaped.unwrap_or(byte));
    }
    bytes
}

fn hex(digit: u8) -> Option<u8> {
    // A digit of base 16 fits into a byte.
    char::from(digit).to_digit(16).map(|value| value as u8)
}

fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'"' | b'%' => push_encoded(&mut encoded, byte),
            b'!'..=b'~' => encoded.push(char::from(byte)),
            _ => push_encoded(&mut encoded, byte),
        }
    }
    encoded
}

fn push_encoded(encoded: &mut String, byte: u8) {
    write!(encoded, "%{byte:02X}").expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_as_the_binding_says() {
        let text = "Euro \u{20ac} \u{1f600}";
        let encoded = "Euro%20%E2%82%AC%20%F0%9F%98%80";
        assert_eq!(encode(text), encoded);
        assert_eq!(decode(encoded.as_bytes()).as_deref(), Some(text));
        assert_eq!(decode(b"%e2%82%ac%41").as_deref(), Some("\u{20ac}A"));
        assert_eq!(encode("100%\"~!"), "100%25%22~!");
    }

    #[test]
    fn values_of_older_senders_are_unquoted_first() {
        assert_eq!(decode(br#""a \"b\" \\ %20c""#).as_deref(), Some(r#"a "b" \  c"#));
        assert_eq!(decode(br#"""#).as_deref(), Some("\""));
    }

    #[test]
    fn values_that_are_no_utf_8_are_refused() {
        for bad in ["%C0%A0", "%FF", "%", "%4", "%zz", "%E2%82"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(decode(b"\xff"), None);
    }
}
