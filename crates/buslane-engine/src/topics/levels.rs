//! The texts of filter levels, each kept once. Owns which number stands for which text.

use crate::arena::Arena;
use crate::index::Index;

/// The number that stands for a level's text.
pub(super) type Level = u32;

/// Texts by number and numbers by text; a text goes when nothing uses it any more.
#[derive(Debug)]
pub(super) struct Levels {
    numbers: Index,
    entries: Arena<Entry>,
    long_bytes: usize,
}

#[derive(Debug)]
struct Entry {
    text: Text,
    uses: u32,
}

/// A text, in place if it is short: most are, and an allocation each would cost more than all the rest.
#[derive(Debug)]
enum Text {
    Short { length: u8, bytes: [u8; Text::SHORT] },
    Long(Box<str>),
}

impl Levels {
    pub(super) fn new() -> Levels {
        Levels {
            numbers: Index::default(),
            entries: Arena::new(),
            long_bytes: 0,
        }
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.numbers.bytes() + self.long_bytes
    }

    #[cfg(test)]
    pub(super) fn reads(&self) -> u64 {
        self.entries.reads()
    }

    /// Tells whether a number stands for a text.
    #[inline]
    pub(super) fn is(&self, level: Level, text: &str) -> bool {
        self.entries[level].text.as_bytes() == text.as_bytes()
    }

    /// Returns a number's text.
    pub(super) fn text(&self, level: Level) -> &str {
        std::str::from_utf8(self.entries[level].text.as_bytes()).expect("texts come from filters")
    }

    /// Counts one more use of a text and returns its number.
    pub(super) fn acquire(&mut self, text: &str, hash: u64) -> Level {
        if let Some(level) = self.numbers.find(hash, |level| self.is(level, text)) {
            self.entries[level].uses += 1;
            return level;
        }
        let entry = Entry {
            text: Text::new(text),
            uses: 1,
        };
        self.long_bytes += entry.text.heap_bytes();
        let level = self.entries.insert(entry);
        self.numbers.insert(hash, level);
        level
    }

    /// Counts one use of a text less; forgets the text after the last. `hash` is asked for then.
    pub(super) fn release(&mut self, level: Level, hash: impl FnOnce(&str) -> u64) {
        self.entries[level].uses -= 1;
        if self.entries[level].uses > 0 {
            return;
        }
        self.numbers.remove(hash(self.text(level)), level);
        self.long_bytes -= self.entries[level].text.heap_bytes();
        self.entries[level].text = Text::new("");
        self.entries.remove(level);
    }
}

impl Text {
    const SHORT: usize = 22;

    fn new(text: &str) -> Text {
        if text.len() > Self::SHORT {
            return Text::Long(text.into());
        }
        let mut bytes = [0; Self::SHORT];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Text::Short {
            length: text.len() as u8,
            bytes,
        }
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match self {
            Text::Short { length, bytes } => &bytes[..usize::from(*length)],
            Text::Long(text) => text.as_bytes(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Text::Short { .. } => 0,
            Text::Long(text) => text.len() + HEAP_BYTES,
        }
    }
}

/// What the allocation of a long text takes beside its characters.
const HEAP_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_number_until_its_last_use_ends() {
        let mut levels = Levels::new();
        let long = "a level whose text is too long to be kept in place";
        let (first, second) = (levels.acquire("host", 1), levels.acquire(long, 2));
        assert_eq!(levels.acquire("host", 1), first);
        assert_eq!((levels.text(first), levels.text(second)), ("host", long));
        levels.release(first, |_| 1);
        assert_eq!(levels.acquire("host", 1), first);
        levels.release(first, |_| 1);
        levels.release(first, |_| 1);
        levels.release(second, |_| 2);
        assert_eq!(levels.bytes(), 0);
    }

    #[test]
    fn texts_of_the_same_hash_are_told_apart() {
        let mut levels = Levels::new();
        let (first, second) = (levels.acquire("a", 1), levels.acquire("b", 1));
        assert!(first != second && levels.is(second, "b") && !levels.is(second, "a"));
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 32);
    }
}
