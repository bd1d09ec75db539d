//! Strings: borrowed from the text where they hold no escape.

use std::borrow::Cow;

use super::{Fault, Parser};
use crate::payload::plain_length;

impl<'a> Parser<'a> {
    /// Takes a string whose quotation mark is taken.
    pub(super) fn rest_of_string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let mut string = Cow::Borrowed(self.plain());
        loop {
            match self.next() {
                Some(b'"') => return Ok(string),
                Some(b'\\') => string.to_mut().push(self.escaped().ok_or(Fault::Syntax)?),
                // A control character, or the text's end.
                _ => return Err(Fault::Syntax),
            }
            string.to_mut().push_str(self.plain());
        }
    }

    /// Takes what stands for itself.
    fn plain(&mut self) -> &'a str {
        let rest = &self.text[self.position..];
        let length = plain_length(rest.as_bytes());
        self.position += length;
        &rest[..length]
    }

    /// Takes the character that an escape stands for, without the backslash.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.next()? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            _ => return None,
        })
    }

    /// Takes the digits of a character, or those of the two surrogates that make one.
    fn code_point(&mut self) -> Option<char> {
        let unit = self.hexadecimal()?;
        if !matches!(unit, 0xd800..=0xdbff) {
            return char::from_u32(unit);
        }
        if self.next()? != b'\\' || self.next()? != b'u' {
            return None;
        }
        let low = self.hexadecimal()?.checked_sub(0xdc00)?;
        match low < 0x400 {
            true => char::from_u32(0x10000 + ((unit - 0xd800) << 10) + low),
            false => None,
        }
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |number, _| {
            let digit = char::from(self.next()?).to_digit(16)?;
            Some(number << 4 | digit)
        })
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.text.as_bytes().get(self.position)?;
        self.position += 1;
        Some(byte)
    }
}
