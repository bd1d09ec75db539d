//! Reads what Java wrote: little-endian numbers, and texts and bytes behind their lengths. Knows no meaning.

use std::time::Duration;

use buslane_client::{Body, ErrorCode, Problem};

/// A block of bytes that is read from front to back.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// The block is not what the other half of this library writes.
#[derive(Debug)]
pub(crate) struct Malformed;

pub(crate) type Read<T> = Result<T, Malformed>;

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Returns what is not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self) -> Read<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn flag(&mut self) -> Read<bool> {
        Ok(self.byte()? != 0)
    }

    pub(crate) fn int(&mut self) -> Read<i32> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub(crate) fn long(&mut self) -> Read<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// Reads a number that stands for something on this side.
    pub(crate) fn number(&mut self) -> Read<u64> {
        Ok(self.long()? as u64)
    }

    /// Reads milliseconds; negative ones stand for none.
    pub(crate) fn milliseconds(&mut self) -> Read<Option<Duration>> {
        Ok(u64::try_from(self.long()?).ok().map(Duration::from_millis))
    }

    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        self.optional_bytes()?.ok_or(Malformed)
    }

    pub(crate) fn text(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    /// Reads a text that may be absent.
    pub(crate) fn optional_text(&mut self) -> Read<Option<&'a str>> {
        let bytes = self.optional_bytes()?;
        bytes.map(std::str::from_utf8).transpose().map_err(|_| Malformed)
    }

    /// Reads as many things as the number in front says.
    pub(crate) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.int()?;
        (0..count).map(|_| one(self)).collect()
    }

    /// Reads headers.
    pub(crate) fn headers(&mut self) -> Read<Vec<(&'a str, &'a str)>> {
        self.list(|reader| Ok((reader.text()?, reader.text()?)))
    }

    /// Reads what is sent: JSON text without a content type, else bytes of that type.
    pub(crate) fn body(&mut self) -> Read<Body> {
        let content_type = self.optional_text()?;
        let bytes = self.optional_bytes()?;
        Ok(match (content_type, bytes) {
            (_, None) => Body::none(),
            (None, Some(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => Body::json_text(text),
                Err(_) => Body::json_text("\u{fffd}"), // which is no JSON, and refused as such
            },
            (Some(content_type), Some(bytes)) => Body::bytes(content_type.to_owned(), bytes),
        })
    }

    /// Reads bytes that may be absent.
    pub(crate) fn optional_bytes(&mut self) -> Read<Option<&'a [u8]>> {
        let length = self.int()?;
        if length < 0 {
            return Ok(None);
        }
        let (taken, rest) = self.rest.split_at_checked(length as usize).ok_or(Malformed)?;
        self.rest = rest;
        Ok(Some(taken))
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }
}

impl From<Malformed> for Problem {
    fn from(_: Malformed) -> Problem {
        Problem::new(ErrorCode::Internal).detail("the halves of the library do not fit: one jar holds both")
    }
}
