//! What a program hands in to be carried: a payload and headers, in the forms in which they cross. Checks nothing that
//! the session checks.

use buslane_session::protocol::{Headers, HeadersBuf, Payload, Problem};

use crate::handles::own;
use crate::stage::Parts;

/// How long the parts of a message are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content {
    /// The headers, in bytes: names and values, each with its length before it.
    pub(crate) headers: u32,
    /// 0 for no payload, 1 for text that `JSON.stringify` wrote, 2 for bytes, 3 for JSON text of the program's own.
    pub(crate) kind: u8,
    /// The payload, in bytes.
    pub(crate) payload: u32,
}

impl Content {
    /// Takes the headers and the payload out of what crossed; without any headers, bytes have the type of bytes.
    pub(crate) fn take<'a>(self, parts: &mut Parts<'a>) -> Result<(HeadersBuf, Payload<'a>), Box<Problem>> {
        let mut headers = HeadersBuf::new();
        let mut texts = parts.texts(self.headers);
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            headers
                .push(name, value)
                .map_err(|error| Box::new(own(error.code(), error)))?;
        }
        if self.kind == BYTES && self.headers == 0 {
            let pushed = headers.push(Headers::CONTENT_TYPE, "application/octet-stream");
            pushed.expect("the only header is a good one");
        }
        let bytes = parts.bytes(self.payload);
        let payload = match self.kind {
            0 => Payload::absent(),
            1 => Payload::checked(bytes),
            BYTES => Payload::bytes(bytes),
            _ => Payload::json(bytes),
        };
        Ok((headers, payload))
    }
}

/// The kind of a payload of bytes.
const BYTES: u8 = 2;
