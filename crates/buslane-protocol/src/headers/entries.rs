//! The layout of a header block: walking it and checking it.

use std::str;

use super::{HeaderMember, Headers, HeadersError};

/// Bytes before an entry's name: the length of the name and the length of the value.
pub(super) const PREFIX: usize = 3;

/// Names and values of a [`Headers`] block, in order.
#[derive(Clone, Debug)]
pub struct HeaderEntries<'a> {
    rest: &'a [u8],
}

impl<'a> HeaderEntries<'a> {
    /// Walks a block that [`check`] has accepted.
    pub(super) fn new(block: &'a [u8]) -> Self {
        HeaderEntries { rest: block }
    }
}

impl<'a> Iterator for HeaderEntries<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value, rest) = split(self.rest)?;
        self.rest = rest;
        let checked = "a header block is checked before it is walked";
        Some((
            str::from_utf8(name).expect(checked),
            str::from_utf8(value).expect(checked),
        ))
    }
}

/// Splits the first entry off a block: name, value, rest. `None` where the block ends or breaks off.
fn split(block: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&[name, low, high], rest) = block.split_first_chunk::<PREFIX>()?;
    let (name, rest) = rest.split_at_checked(usize::from(name))?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([low, high])))?;
    Some((name, value, rest))
}

/// Checks a block's layout, names and values, and that no name occurs twice.
pub(super) fn check(block: &[u8]) -> Result<(), HeadersError> {
    if block.len() > Headers::MAX_BYTES {
        return Err(HeadersError::TooLarge {
            what: "bytes",
            limit: Headers::MAX_BYTES,
        });
    }
    let mut rest = block;
    let mut count = 0;
    while !rest.is_empty() {
        let offset = block.len() - rest.len();
        let (name, value, after) = split(rest).ok_or(HeadersError::Layout { offset })?;
        check_name(name)?;
        let name = str::from_utf8(name).expect("a header name holds ASCII");
        check_value(name, value)?;
        count += 1;
        if count > Headers::MAX_ENTRIES {
            return Err(HeadersError::TooLarge {
                what: "entries",
                limit: Headers::MAX_ENTRIES,
            });
        }
        if contains(&block[..offset], name) {
            return Err(HeadersError::Duplicate {
                name: name.to_owned(),
            });
        }
        rest = after;
    }
    Ok(())
}

/// Tells whether a checked block has an entry of this name.
pub(super) fn contains(block: &[u8], name: &str) -> bool {
    HeaderEntries::new(block).any(|(found, _)| found == name)
}

/// Checks a name, with or without the leading `:`.
pub(super) fn check_name(name: &[u8]) -> Result<(), HeadersError> {
    let allowed = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    let plain = name.strip_prefix(b":").unwrap_or(name);
    if name.len() > Headers::MAX_NAME || plain.is_empty() || !plain.iter().all(allowed) {
        let cut = &name[..name.len().min(Headers::MAX_NAME)];
        return Err(HeadersError::Name {
            name: String::from_utf8_lossy(cut).into_owned(),
        });
    }
    Ok(())
}

/// Checks the value of a name.
pub(super) fn check_value(name: &str, value: &[u8]) -> Result<(), HeadersError> {
    match str::from_utf8(value) {
        Ok(value) if !value.chars().any(char::is_control) => match HeaderMember::find(name) {
            Some(member) => member.check(value),
            None => Ok(()),
        },
        _ => Err(HeadersError::Value {
            name: name.to_owned(),
        }),
    }
}
