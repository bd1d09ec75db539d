//! The id of a message: short text, held in place, so that keeping one costs no allocation.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The id that a client gives to a message of its own, 1 to 64 visible ASCII characters without `"` and `\`.
///
/// SDKs use UUIDv7 (RFC 9562) in its hyphenated form. An id is unique among the client's requests in flight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    bytes: [u8; Id::MAX],
    length: u8,
}

/// Why a text is no [`Id`]. Final: the same text is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text is empty or longer than 64 bytes.
    #[error("an id has 1 to 64 characters, this one has {length}")]
    Length {
        /// The length found, in bytes.
        length: usize,
    },
    /// A character is not visible ASCII, or is `"` or `\`.
    #[error("an id holds visible ASCII without quote and backslash; byte {position} is another")]
    Character {
        /// The offset of the first offending byte.
        position: usize,
    },
}

impl Id {
    /// The longest id, in bytes.
    pub const MAX: usize = 64;

    /// Parses an id.
    pub fn parse(text: &str) -> Result<Id, IdError> {
        Self::from_bytes(text.as_bytes())
    }

    /// Parses an id from the bytes of a frame.
    pub fn from_bytes(text: &[u8]) -> Result<Id, IdError> {
        Self::check(text)?;
        Ok(Self::of_checked(text))
    }

    /// Tells whether bytes are an id, without keeping it.
    pub(crate) fn check(text: &[u8]) -> Result<(), IdError> {
        if text.is_empty() || text.len() > Self::MAX {
            return Err(IdError::Length { length: text.len() });
        }
        let allowed = |byte: &u8| ALLOWED[usize::from(*byte)];
        if text.iter().fold(true, |valid, byte| valid & allowed(byte)) {
            return Ok(());
        }
        let position = text.iter().take_while(|byte| allowed(byte)).count();
        Err(IdError::Character { position })
    }

    /// Keeps what [`Id::check`] has accepted.
    #[inline]
    pub(crate) fn of_checked(text: &[u8]) -> Id {
        let mut bytes = [0; Self::MAX];
        bytes[..text.len()].copy_from_slice(text);
        Id {
            bytes,
            length: text.len() as u8,
        }
    }

    /// Makes a UUIDv7 from the Unix time in milliseconds and ten random bytes.
    pub fn uuid_v7(unix_ms: u64, random: [u8; 10]) -> Id {
        let uuid = uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid();
        Self::from(uuid)
    }

    /// Returns the id's text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("an id holds ASCII")
    }

    /// Returns the id's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Hashes the text only: what follows it is the same in every id of that length.
impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl From<Uuid> for Id {
    fn from(uuid: Uuid) -> Id {
        let mut bytes = [0; Self::MAX];
        let length = uuid.hyphenated().encode_lower(&mut bytes).len() as u8;
        Id { bytes, length }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Id({})", self.as_str())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Id::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The bytes that an id may hold.
const ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        allowed[byte as usize] = byte != b'"' && byte != b'\\';
        byte += 1;
    }
    allowed
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_visible_text_is_an_id() {
        assert_eq!(Id::parse("1").unwrap().as_str(), "1");
        assert_eq!(Id::parse(""), Err(IdError::Length { length: 0 }));
        assert_eq!(Id::parse(&"x".repeat(65)), Err(IdError::Length { length: 65 }));
        assert_eq!(Id::parse("a b"), Err(IdError::Character { position: 1 }));
        assert_eq!(Id::parse("a\"b"), Err(IdError::Character { position: 1 }));
    }

    #[test]
    fn uuid_v7_carries_its_time_and_version() {
        let id = Id::uuid_v7(0x0123_4567_89ab, [0xff; 10]);
        assert_eq!(id.as_str(), "01234567-89ab-7fff-bfff-ffffffffffff");
    }
}
