//! A place in the text of a payload, and how the words of JSON are taken from there: signs, literals, strings, numbers.
//! Knows nothing of what they are part of.

use super::number::LARGEST_EXACT;
use super::{Number, Unread, word};

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(in crate::contracts) struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// The next byte.
    at: usize,
}

/// A string: where it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(in crate::contracts) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether the text itself is what the string says. Otherwise there are escapes in it.
    pub(in crate::contracts) is_plain: bool,
}

impl<'a> Cursor<'a> {
    /// Stands at the beginning of a text.
    pub(in crate::contracts) fn new(text: &'a str) -> Result<Self, Unread> {
        if text.len() > LONGEST {
            return Err(Unread);
        }
        Ok(Cursor {
            text,
            bytes: text.as_bytes(),
            at: 0,
        })
    }

    /// Returns the whole text.
    pub(super) fn whole(&self) -> &'a str {
        self.text
    }

    /// Takes the next byte that is not blank; at the end of the text one that is nowhere allowed.
    #[inline]
    pub(in crate::contracts) fn next_sign(&mut self) -> u8 {
        loop {
            let byte = self.bytes.get(self.at).copied().unwrap_or(END);
            self.at += 1;
            if byte > b' ' || !is_blank(byte) {
                return byte;
            }
        }
    }

    /// Takes a sign, if it comes next.
    pub(in crate::contracts) fn takes(&mut self, sign: u8) -> bool {
        let before = self.at;
        let takes = self.next_sign() == sign;
        if !takes {
            self.at = before;
        }
        takes
    }

    /// Expects nothing but blanks up to the end of the text.
    pub(in crate::contracts) fn expect_end(&self) -> Result<(), Unread> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.iter().all(|byte| is_blank(*byte)) {
            true => Ok(()),
            false => Err(Unread),
        }
    }

    /// Takes the rest of a word of which one byte was taken.
    #[inline]
    pub(in crate::contracts) fn literal(&mut self, rest: &[u8]) -> Result<(), Unread> {
        let end = self.at + rest.len();
        if self.bytes.get(self.at..end) != Some(rest) {
            return Err(Unread);
        }
        self.at = end;
        Ok(())
    }

    /// Takes as many bytes as are known to be there.
    #[inline]
    pub(in crate::contracts) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Returns the eight bytes that stand some bytes further on.
    #[inline]
    pub(in crate::contracts) fn ahead(&self, bytes: usize) -> Option<u64> {
        let rest = self.bytes.get(self.at + bytes..)?;
        rest.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
    }

    /// Tells whether certain bytes stand some bytes further on.
    pub(in crate::contracts) fn comes(&self, ahead: usize, bytes: &[u8]) -> bool {
        let rest = self.bytes.get(self.at + ahead..).unwrap_or_default();
        rest.starts_with(bytes)
    }

    /// Takes a string whose first quotation mark was taken.
    #[inline(always)]
    pub(in crate::contracts) fn string(&mut self) -> Result<Span, Unread> {
        let start = self.at;
        let mut at = start;
        let end = loop {
            let Some(chunk) = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) else {
                // The last bytes of the text.
                let rest = self.bytes.get(at..).unwrap_or_default();
                let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
                break at + rest.iter().position(special).ok_or(Unread)?;
            };
            let special = special(u64::from_le_bytes(*chunk));
            if special != 0 {
                break at + (special.trailing_zeros() / 8) as usize;
            }
            at += 8;
        };
        if self.bytes[end] != b'"' {
            return self.unusual(start, end);
        }
        self.at = end + 1;
        Ok(Span {
            start,
            end,
            is_plain: true,
        })
    }

    /// Takes a string with escapes, of which one was found.
    #[cold]
    fn unusual(&mut self, start: usize, found: usize) -> Result<Span, Unread> {
        let mut end = found;
        loop {
            match self.bytes.get(end) {
                Some(b'\\') => end += 2,
                Some(b'"') => break,
                Some(b' '..) => end += 1,
                _ => return Err(Unread),
            }
        }
        self.at = end + 1;
        Ok(Span {
            start,
            end,
            is_plain: false,
        })
    }

    /// Returns a plain string.
    #[inline]
    pub(in crate::contracts) fn plain(&self, span: Span) -> &'a str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// Returns what a string with escapes says.
    pub(in crate::contracts) fn unescaped(&self, span: Span) -> Result<String, Unread> {
        let quoted = self.text.get(span.start - 1..=span.end).ok_or(Unread)?;
        serde_json::from_str(quoted).map_err(|_| Unread)
    }

    /// Returns the [`word`] of a plain string.
    #[inline]
    pub(in crate::contracts) fn word(&self, span: Span) -> u64 {
        let length = span.end - span.start;
        let chunk = self.bytes.get(span.start..).and_then(<[u8]>::first_chunk::<8>);
        match chunk {
            Some(chunk) if length < chunk.len() => u64::from_le_bytes(*chunk) & !(u64::MAX << (8 * length)),
            _ => word(&self.bytes[span.start..span.end]),
        }
    }

    /// Takes a number whose first byte was taken.
    #[inline(always)]
    pub(in crate::contracts) fn number(&mut self, first: u8) -> Result<Number, Unread> {
        let start = self.at - 1;
        let negative = first == b'-';
        if !negative {
            self.at = start;
        }
        let whole = self.at;
        let mut value = 0;
        self.digits(&mut value)?;
        let digits = self.at - whole;
        if digits > 1 && self.bytes[whole] == b'0' {
            return Err(Unread);
        }
        Ok(match self.bytes.get(self.at) {
            Some(b'.' | b'e' | b'E') => self.fraction(start, value, negative)?,
            _ if digits > SAFE_DIGITS => self.long_number(start)?,
            // As `serde_json` has it, the negative zero is not whole.
            _ if negative && value == 0 => Number::Float(-0.0),
            _ if negative => match 0i64.checked_sub_unsigned(value) {
                Some(value) => Number::Negative(value),
                None => self.long_number(start)?,
            },
            _ => Number::Unsigned(value),
        })
    }

    /// Takes digits, at least one, and appends them to a value. What does not fit is cut off.
    fn digits(&mut self, value: &mut u64) -> Result<(), Unread> {
        let (mut found, mut count) = (*value, 0);
        for byte in self.bytes.get(self.at..).unwrap_or_default() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            found = found.wrapping_mul(10).wrapping_add(u64::from(digit));
            count += 1;
        }
        *value = found;
        self.at += count;
        if count == 0 { Err(Unread) } else { Ok(()) }
    }

    /// Reads what follows the whole part of a number.
    fn fraction(&mut self, start: usize, whole: u64, negative: bool) -> Result<Number, Unread> {
        let mut value = whole;
        let mut exponent: usize = 0;
        if self.bytes[self.at] == b'.' {
            self.at += 1;
            let from = self.at;
            self.digits(&mut value)?;
            exponent = self.at - from;
        }
        let is_simple = self.at - start <= SAFE_DIGITS && value <= LARGEST_EXACT;
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) || !is_simple {
            return self.long_number(start);
        }
        // Both are exact, so the quotient is the nearest number there is, as `serde_json` finds it too.
        let power = POWERS.get(exponent).ok_or(Unread)?;
        let value = value as f64 / power;
        Ok(Number::Float(if negative { -value } else { value }))
    }

    /// Leaves a number to `serde_json`.
    #[cold]
    fn long_number(&mut self, start: usize) -> Result<Number, Unread> {
        let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let rest = &self.bytes[start..];
        let length = rest.iter().position(|byte| !part(byte)).unwrap_or(rest.len());
        self.at = start + length;
        let number = serde_json::from_slice(&rest[..length]).map_err(|_| Unread)?;
        Number::of(&number).ok_or(Unread)
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Marks the bytes that end or interrupt a string: quotation mark, backslash, control characters. Of the marks the
/// lowest is right, those above it need not be.
fn special(chunk: u64) -> u64 {
    let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let control = chunk.wrapping_sub(ONES * 0x20) & !chunk;
    (zero(chunk ^ (ONES * 0x22)) | zero(chunk ^ (ONES * 0x5c)) | control) & (ONES << 7)
}

/// What is read behind the end of a text.
const END: u8 = 0;
/// A byte of 1, eight times.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The longest text that is read, in bytes: places are noted in 32 bits.
const LONGEST: usize = u32::MAX as usize / 2;
/// Digits that fit into 64 bits whatever they are.
const SAFE_DIGITS: usize = 19;
/// Powers of ten that are exact as floating point, as far as `SAFE_DIGITS` go.
const POWERS: [f64; 19] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
];
