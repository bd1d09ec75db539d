//! What a program hands in to be carried: a payload and headers, in the forms in which they cross. Checks nothing that
//! the session checks.

use buslane_session::protocol::{ErrorCode, Headers, HeadersBuf, Payload, Problem};

use crate::handles::own;

/// Makes a payload of what crossed.
pub(crate) fn payload<'a>(kind: u8, text: &'a str, bytes: Option<&'a [u8]>) -> Payload<'a> {
    match kind {
        0 => Payload::absent(),
        1 => Payload::checked(text.as_bytes()),
        BYTES => Payload::bytes(bytes.unwrap_or_default()),
        _ => Payload::json(text.as_bytes()),
    }
}

/// Makes headers of a JSON array of names and values; without any, bytes have the type of bytes.
pub(crate) fn headers(text: Option<&str>, kind: u8) -> Result<HeadersBuf, Box<Problem>> {
    let mut headers = HeadersBuf::new();
    let Some(text) = text else {
        if kind == BYTES {
            let pushed = headers.push(Headers::CONTENT_TYPE, "application/octet-stream");
            pushed.expect("the only header is a good one");
        }
        return Ok(headers);
    };
    let entries: Vec<(String, String)> =
        serde_json::from_str(text).map_err(|error| Box::new(own(ErrorCode::InvalidMessage, error)))?;
    for (name, value) in entries {
        headers
            .push(&name, &value)
            .map_err(|error| Box::new(own(error.code(), error)))?;
    }
    Ok(headers)
}

/// The kind of a payload of bytes.
const BYTES: u8 = 2;
