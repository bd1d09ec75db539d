//! Names of services, methods, groups, instances and nodes.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name: 1 to 128 of `A-Z a-z 0-9 _ - .`, case-sensitive. Cloning shares the text.
///
/// ```
/// use buslane_protocol::Name;
/// assert_eq!(Name::parse("attic").unwrap().as_str(), "attic");
/// for bad in ["", "two words", "a/b", "a:b", "größe", "service@1"] {
///     assert!(Name::parse(bad).is_err(), "{bad}");
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// Why a text is no [`Name`]. Final: the same text is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty or longer than 128 bytes.
    #[error("a name has 1 to 128 characters, this one has {length} bytes")]
    Length {
        /// The length found, in bytes.
        length: usize,
    },
    /// A character is outside `A-Z a-z 0-9 _ - .`.
    #[error(
        "a name holds only letters, digits, '_', '-' and '.'; the character at byte {position} is another"
    )]
    Character {
        /// The offset of the first offending byte.
        position: usize,
    },
}

impl Name {
    /// The longest name, in bytes.
    pub const MAX: usize = 128;

    /// Parses a name.
    pub fn parse(text: &str) -> Result<Name, NameError> {
        Self::check(text)?;
        Ok(Name(text.into()))
    }

    /// Tells whether a text is a name, without keeping it.
    pub fn check(text: &str) -> Result<(), NameError> {
        if text.is_empty() || text.len() > Self::MAX {
            return Err(NameError::Length { length: text.len() });
        }
        let allowed = |byte: u8| ALLOWED[usize::from(byte)];
        if text.bytes().fold(true, |valid, byte| valid & allowed(byte)) {
            return Ok(());
        }
        Err(NameError::Character {
            position: text.bytes().take_while(|byte| allowed(*byte)).count(),
        })
    }

    /// Returns the name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", &*self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::str::FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Name, NameError> {
        Name::parse(text)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Name::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The bytes that a name may hold.
const ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0u8;
    while byte < 0x80 {
        allowed[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        byte += 1;
    }
    allowed
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_characters_are_bounded() {
        assert!(Name::parse(&"a".repeat(128)).is_ok());
        assert_eq!(
            Name::parse(&"a".repeat(129)),
            Err(NameError::Length { length: 129 })
        );
        assert_eq!(Name::parse("a b"), Err(NameError::Character { position: 1 }));
    }

    #[test]
    fn case_matters() {
        assert_ne!(Name::parse("Attic").unwrap(), Name::parse("attic").unwrap());
    }
}
