//! A payload as a tape: its values one after another, read in one walk over its bytes, into memory that is used again
//! for the next payload. Judges nothing but whether the text is one JSON value, in which no object has two members of
//! one name.
//!
//! ```text
//!   {"a":[1,"x"],"b":null}
//!
//!   0 object, 2 members, ends before 7     an object is followed by name, value, name, value,
//!   1 string a                             an array by its items; what is in a container ends
//!   2 array, 2 items, ends before 5        where the container says
//!   3 number 1
//!   4 string x
//!   5 string b
//!   6 null
//! ```
//!
//! # Invariants worth naming
//! - What is on a tape is what `serde_json` makes of the same text, number by number. Whatever this reader does not
//!   know how to read so, it refuses: who asked then asks `serde_json`.

mod cursor;
mod number;
mod read;

pub(super) use cursor::{Cursor, Span};
pub(super) use number::Number;
pub(super) use read::{DEEPEST, Marks};

/// Where the values of payloads are written, one payload after another.
#[derive(Default)]
pub(super) struct Tape {
    entries: Vec<Entry>,
    /// Texts that were written with escapes.
    unescaped: String,
    /// The names of an object, while they are compared.
    names: Vec<u32>,
}

/// What is on a tape, together with the text that it was read from.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    entries: &'a [Entry],
    unescaped: &'a str,
    text: &'a str,
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Bytes of a string, items of an array, members of an object.
    pub(super) length: u32,
    /// Where a string starts, or behind which entry a container ends.
    place: u32,
    /// The bits of a number, or the [`word`] of a string.
    pub(super) word: u64,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    False,
    True,
    /// A number that is not negative, in 64 bits.
    Unsigned,
    /// A negative number in 64 bits.
    Negative,
    /// Any other number.
    Float,
    /// A string as it stands in the text.
    String,
    /// A string that was written with escapes.
    Unescaped,
    Array,
    Object,
}

/// The text cannot be read here: it is not one JSON value, or one that only `serde_json` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unread;

impl Tape {
    /// Reads a text, which is one JSON value.
    pub(super) fn read<'a>(&'a mut self, text: &'a str) -> Result<Values<'a>, Unread> {
        self.clear();
        read::Reader::new(Cursor::new(text)?, self).document()?;
        Ok(self.values(text))
    }

    /// Reads the value at a place, whose first byte was taken, and which may have some levels.
    pub(super) fn read_part<'a, 'text: 'a>(
        &'a mut self,
        cursor: &mut Cursor<'text>,
        first: u8,
        levels: u32,
    ) -> Result<Values<'a>, Unread> {
        self.clear();
        *cursor = read::Reader::new(*cursor, self).part(first, levels)?;
        Ok(self.values(cursor.whole()))
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.unescaped.clear();
    }

    fn values<'a>(&'a self, text: &'a str) -> Values<'a> {
        Values {
            entries: &self.entries,
            unescaped: &self.unescaped,
            text,
        }
    }

    /// Gives back what only an unusually long payload needed.
    pub(super) fn shrink(&mut self) {
        if self.entries.capacity() > KEPT_ENTRIES {
            self.entries = Vec::new();
        }
        if self.unescaped.capacity() > KEPT_TEXT {
            self.unescaped = String::new();
        }
        if self.names.capacity() > KEPT_ENTRIES {
            self.names = Vec::new();
        }
    }
}

impl<'a> Values<'a> {
    /// Returns how many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns an entry.
    pub(super) fn entry(&self, at: usize) -> &'a Entry {
        &self.entries[at]
    }

    /// Returns where the entry behind a value is.
    pub(super) fn behind(&self, at: usize) -> usize {
        let entry = &self.entries[at];
        match entry.kind {
            Kind::Array | Kind::Object => entry.place as usize,
            _ => at + 1,
        }
    }

    /// Returns the text of a string.
    pub(super) fn string(&self, entry: &Entry) -> &'a str {
        let (start, length) = (entry.place as usize, entry.length as usize);
        let text = match entry.kind {
            Kind::Unescaped => self.unescaped,
            _ => self.text,
        };
        text.get(start..start + length).unwrap_or_default()
    }
}

impl Kind {
    /// Tells whether the value is a number.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Kind::Unsigned | Kind::Negative | Kind::Float)
    }

    /// Tells whether the value is a string.
    pub(super) fn is_string(self) -> bool {
        matches!(self, Kind::String | Kind::Unescaped)
    }
}

/// What tells most texts apart, in one number: the whole of a text of up to 8 bytes, a mixture of the first and the
/// last 8 of a longer one. Equal texts have equal words.
pub(super) fn word(text: &[u8]) -> u64 {
    match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(_)) if text.len() == 8 => u64::from_le_bytes(*first),
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(MIX),
        _ => text
            .iter()
            .rev()
            .fold(0, |word, byte| (word << 8) | u64::from(*byte)),
    }
}

/// How far the last bytes of a text are turned, so that they do not cancel the first.
const MIX: u32 = 29;
/// Entries for which memory is kept between payloads, of 24 bytes each.
const KEPT_ENTRIES: usize = 4_096;
/// Bytes kept for texts that were written with escapes.
const KEPT_TEXT: usize = 64 << 10;

#[cfg(test)]
mod tests;
