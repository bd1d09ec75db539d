//! Reads the text of a payload onto a tape.

use super::number::LARGEST_EXACT;
use super::{Entry, Kind, Number, Tape, Unread, word};

/// Reads one text.
pub(super) struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// The next byte.
    at: usize,
    tape: &'a mut Tape,
}

impl<'a> Reader<'a> {
    /// Makes a reader that writes to an empty tape.
    pub(super) fn new(text: &'a str, tape: &'a mut Tape) -> Self {
        Reader {
            text,
            bytes: text.as_bytes(),
            at: 0,
            tape,
        }
    }

    /// Reads all of the text, which is one value.
    pub(super) fn document(&mut self) -> Result<(), Unread> {
        if self.bytes.len() > LONGEST {
            return Err(Unread);
        }
        let first = self.next_sign();
        self.value(first, DEEPEST)?;
        self.skip_blanks();
        self.expect_end()
    }

    fn expect_end(&self) -> Result<(), Unread> {
        match self.at == self.bytes.len() {
            true => Ok(()),
            false => Err(Unread),
        }
    }

    /// Reads a value whose first byte was taken.
    fn value(&mut self, first: u8, levels: u32) -> Result<(), Unread> {
        match first {
            b'"' => self.string().map(drop),
            b'{' => self.object(levels.checked_sub(1).ok_or(Unread)?),
            b'[' => self.array(levels.checked_sub(1).ok_or(Unread)?),
            b'-' | b'0'..=b'9' => self.number(first),
            b't' => self.literal(b"rue", Kind::True),
            b'f' => self.literal(b"alse", Kind::False),
            b'n' => self.literal(b"ull", Kind::Null),
            _ => Err(Unread),
        }
    }

    fn literal(&mut self, rest: &[u8], kind: Kind) -> Result<(), Unread> {
        let end = self.at + rest.len();
        if self.bytes.get(self.at..end) != Some(rest) {
            return Err(Unread);
        }
        self.at = end;
        self.push(kind, 0);
        Ok(())
    }

    fn array(&mut self, levels: u32) -> Result<(), Unread> {
        let opened = self.open(Kind::Array);
        let mut sign = self.next_sign();
        if sign == b']' {
            return self.close(opened, 0);
        }
        let mut items = 0;
        loop {
            self.value(sign, levels)?;
            items += 1;
            match self.next_sign() {
                b',' => sign = self.next_sign(),
                b']' => return self.close(opened, items),
                _ => return Err(Unread),
            }
        }
    }

    fn object(&mut self, levels: u32) -> Result<(), Unread> {
        let opened = self.open(Kind::Object);
        let mut sign = self.next_sign();
        if sign == b'}' {
            return self.close(opened, 0);
        }
        let mut members = 0;
        let mut names = Marks::default();
        loop {
            if sign != b'"' {
                return Err(Unread);
            }
            let word = self.string()?;
            names.add(word);
            if self.next_sign() != b':' {
                return Err(Unread);
            }
            let first = self.next_sign();
            self.value(first, levels)?;
            members += 1;
            match self.next_sign() {
                b',' => sign = self.next_sign(),
                b'}' => break,
                _ => return Err(Unread),
            }
        }
        if names.may_hold_twins {
            self.refuse_twins(opened, members)?;
        }
        self.close(opened, members)
    }

    /// Refuses two members of one name in an object that was just read.
    #[cold]
    fn refuse_twins(&mut self, opened: usize, members: u32) -> Result<(), Unread> {
        let Tape {
            names,
            entries,
            unescaped,
        } = &mut *self.tape;
        names.clear();
        let mut at = opened + 1;
        for _ in 0..members {
            names.push(at as u32);
            let value = &entries[at + 1];
            at = match value.kind {
                Kind::Array | Kind::Object => value.place as usize,
                _ => at + 2,
            };
        }
        let text = |name: u32| {
            let entry = &entries[name as usize];
            let start = entry.place as usize;
            let bytes = match entry.kind {
                Kind::Unescaped => unescaped.as_bytes(),
                _ => self.bytes,
            };
            (entry.word, &bytes[start..start + entry.length as usize])
        };
        names.sort_unstable_by(|one, two| text(*one).cmp(&text(*two)));
        match names.windows(2).any(|pair| text(pair[0]) == text(pair[1])) {
            true => Err(Unread),
            false => Ok(()),
        }
    }

    fn open(&mut self, kind: Kind) -> usize {
        let opened = self.tape.entries.len();
        self.push(kind, 0);
        opened
    }

    fn close(&mut self, opened: usize, length: u32) -> Result<(), Unread> {
        let behind = self.position();
        let entry = &mut self.tape.entries[opened];
        (entry.length, entry.place) = (length, behind);
        Ok(())
    }

    fn push(&mut self, kind: Kind, word: u64) {
        self.tape.entries.push(Entry {
            kind,
            length: 0,
            place: 0,
            word,
        });
    }

    fn push_string(&mut self, kind: Kind, start: usize, length: usize, word: u64) -> u64 {
        // Texts are short enough, see `LONGEST`.
        self.tape.entries.push(Entry {
            kind,
            length: length as u32,
            place: start as u32,
            word,
        });
        word
    }

    /// Returns where the next entry will be.
    fn position(&self) -> u32 {
        // There are no more entries than bytes, of which there are few enough.
        self.tape.entries.len() as u32
    }

    /// Takes the next byte that is not blank; at the end of the text one that is nowhere allowed.
    #[inline]
    fn next_sign(&mut self) -> u8 {
        loop {
            let byte = self.bytes.get(self.at).copied().unwrap_or(END);
            self.at += 1;
            if !is_blank(byte) {
                return byte;
            }
        }
    }

    fn skip_blanks(&mut self) {
        while self.bytes.get(self.at).copied().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// Reads a string whose first quotation mark was taken, and returns its word.
    fn string(&mut self) -> Result<u64, Unread> {
        let start = self.at;
        let mut at = start;
        while let Some(chunk) = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let chunk = u64::from_le_bytes(*chunk);
            let special = special(chunk);
            if special == 0 {
                at += 8;
                continue;
            }
            let bits = special.trailing_zeros() & !7;
            let end = at + (bits / 8) as usize;
            if self.bytes[end] != b'"' {
                return self.unusual(start, end);
            }
            self.at = end + 1;
            let word = if at == start {
                chunk & !(u64::MAX << bits)
            } else {
                word(&self.bytes[start..end])
            };
            return Ok(self.push_string(Kind::String, start, end - start, word));
        }
        // The last bytes of the text.
        let rest = &self.bytes[at..];
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
        let end = at + rest.iter().position(special).ok_or(Unread)?;
        if self.bytes[end] != b'"' {
            return self.unusual(start, end);
        }
        self.at = end + 1;
        let word = word(&self.bytes[start..end]);
        Ok(self.push_string(Kind::String, start, end - start, word))
    }

    /// Reads a string with escapes, of which one was found.
    #[cold]
    fn unusual(&mut self, start: usize, found: usize) -> Result<u64, Unread> {
        let mut end = found;
        loop {
            match self.bytes.get(end) {
                Some(b'\\') => end += 2,
                Some(b'"') => break,
                Some(b' '..) => end += 1,
                _ => return Err(Unread),
            }
        }
        let quoted = self.text.get(start - 1..=end).ok_or(Unread)?;
        let text: String = serde_json::from_str(quoted).map_err(|_| Unread)?;
        self.at = end + 1;
        let place = self.tape.unescaped.len();
        self.tape.unescaped.push_str(&text);
        let word = word(text.as_bytes());
        Ok(self.push_string(Kind::Unescaped, place, text.len(), word))
    }

    /// Reads a number whose first byte was taken.
    fn number(&mut self, first: u8) -> Result<(), Unread> {
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
        let number = match self.bytes.get(self.at) {
            Some(b'.' | b'e' | b'E') => self.fraction(start, value, negative)?,
            _ if digits > SAFE_DIGITS => self.long_number(start)?,
            // As `serde_json` has it, the negative zero is not whole.
            _ if negative && value == 0 => Number::Float(-0.0),
            _ if negative => match 0i64.checked_sub_unsigned(value) {
                Some(value) => Number::Negative(value),
                None => self.long_number(start)?,
            },
            _ => Number::Unsigned(value),
        };
        let (kind, word) = number.entry();
        self.push(kind, word);
        Ok(())
    }

    /// Takes digits, at least one, and appends them to a value. What does not fit is cut off.
    fn digits(&mut self, value: &mut u64) -> Result<(), Unread> {
        let start = self.at;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            *value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        if self.at == start { Err(Unread) } else { Ok(()) }
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

/// The words of names, as marks in two rows: two equal words leave the same marks.
#[derive(Default)]
struct Marks {
    rows: [u64; 2],
    may_hold_twins: bool,
}

impl Marks {
    fn add(&mut self, word: u64) {
        let hash = word.wrapping_mul(FACTOR);
        let marks = [1 << (hash >> 58), 1 << ((hash >> 52) & 63)];
        self.may_hold_twins |= self.rows[0] & marks[0] != 0 && self.rows[1] & marks[1] != 0;
        self.rows[0] |= marks[0];
        self.rows[1] |= marks[1];
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
/// Levels of arrays and objects in each other: as deeply as `serde_json` goes.
const DEEPEST: u32 = 127;
/// An odd number whose bits are spread.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Digits that fit into 64 bits whatever they are.
const SAFE_DIGITS: usize = 19;
/// Powers of ten that are exact as floating point, as far as `SAFE_DIGITS` go.
const POWERS: [f64; 19] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
];
