//! Building a header block entry by entry.

use super::entries::{check_name, check_value, contains};
use super::{Headers, HeadersError};

/// Builds a block of headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadersBuf {
    block: Vec<u8>,
    entries: usize,
}

impl HeadersBuf {
    /// Makes an empty block.
    pub fn new() -> Self {
        HeadersBuf::default()
    }

    /// Continues a block.
    pub fn from_headers(headers: &Headers<'_>) -> Self {
        HeadersBuf {
            block: headers.as_bytes().to_vec(),
            entries: headers.iter().count(),
        }
    }

    /// Appends an entry. Refuses what [`Headers::parse`] would refuse, and then leaves the block as it was.
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), HeadersError> {
        check_name(name.as_bytes())?;
        check_value(name, value.as_bytes())?;
        if contains(&self.block, name) {
            return Err(HeadersError::Duplicate {
                name: name.to_owned(),
            });
        }
        if self.entries == Headers::MAX_ENTRIES {
            return Err(HeadersError::TooLarge {
                what: "entries",
                limit: Headers::MAX_ENTRIES,
            });
        }
        let length = super::entries::PREFIX + name.len() + value.len();
        if self.block.len() + length > Headers::MAX_BYTES {
            return Err(HeadersError::TooLarge {
                what: "bytes",
                limit: Headers::MAX_BYTES,
            });
        }
        self.block.push(name.len() as u8);
        self.block.extend_from_slice(&(value.len() as u16).to_le_bytes());
        self.block.extend_from_slice(name.as_bytes());
        self.block.extend_from_slice(value.as_bytes());
        self.entries += 1;
        Ok(())
    }

    /// Tells whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Lends the block as it is now.
    pub fn headers(&self) -> Headers<'_> {
        Headers(self.block.as_slice().into())
    }

    /// Returns the finished block.
    pub fn finish(self) -> Headers<'static> {
        Headers(self.block.into())
    }
}
