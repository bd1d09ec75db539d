//! What a program hands in to be carried: a payload and headers, in the forms in which they cross. Checks nothing that
//! the session checks.

use buslane_session::protocol::{HeadersBuf, Payload, Problem};

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
    /// Takes the headers and the payload out of what crossed.
    pub(crate) fn take<'a>(self, parts: &mut Parts<'a>) -> Result<(HeadersBuf, Payload<'a>), Box<Problem>> {
        let mut headers = HeadersBuf::new();
        let mut texts = parts.texts(self.headers);
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            headers
                .push(name, value)
                .map_err(|error| Box::new(own(error.code(), error)))?;
        }
        Ok((headers, payload(self.kind, parts.bytes(self.payload))))
    }
}

/// Makes a payload of its bytes and its kind, as [`Content`] has it.
pub(crate) fn payload(kind: u8, bytes: &[u8]) -> Payload<'_> {
    match kind {
        0 => Payload::absent(),
        1 => Payload::checked(bytes),
        2 => Payload::bytes(bytes),
        _ => Payload::json(bytes),
    }
}
