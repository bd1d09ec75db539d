//! The texts of filter levels, each kept once. Owns which number stands for which text.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::SLOT_BYTES;
use crate::entropy::HashState;

/// The number that stands for a level's text.
pub(super) type Level = u32;

/// Texts by number and numbers by text; a text goes when nothing uses it any more.
#[derive(Debug)]
pub(super) struct Levels {
    hash: HashState,
    numbers: HashTable<Level>,
    entries: Vec<Entry>,
    free: Vec<Level>,
    bytes: usize,
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

    fn as_bytes(&self) -> &[u8] {
        match self {
            Text::Short { length, bytes } => &bytes[..usize::from(*length)],
            Text::Long(text) => text.as_bytes(),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Text::Short { .. } => 0,
            Text::Long(text) => text.len() + 16,
        }
    }
}

impl Levels {
    pub(super) fn new(hash: HashState) -> Levels {
        Levels {
            hash,
            numbers: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            bytes: 0,
        }
    }

    /// Returns the accounted bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of a text that is in use.
    #[inline]
    pub(super) fn find(&self, text: &str) -> Option<Level> {
        let hash = self.hash.hash_one(text.as_bytes());
        self.numbers
            .find(hash, |level| {
                self.entries[*level as usize].text.as_bytes() == text.as_bytes()
            })
            .copied()
    }

    /// Returns a number's text.
    pub(super) fn text(&self, level: Level) -> &str {
        std::str::from_utf8(self.entries[level as usize].text.as_bytes()).expect("texts come from filters")
    }

    /// Counts one more use of a text and returns its number.
    pub(super) fn acquire(&mut self, text: &str) -> Level {
        if let Some(level) = self.find(text) {
            self.entries[level as usize].uses += 1;
            return level;
        }
        let entry = Entry {
            text: Text::new(text),
            uses: 1,
        };
        self.bytes += ENTRY_BYTES + entry.text.heap_bytes();
        let level = match self.free.pop() {
            Some(level) => {
                self.entries[level as usize] = entry;
                level
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as Level
            }
        };
        let Levels {
            hash,
            numbers,
            entries,
            ..
        } = self;
        let rehash = |level: &Level| hash.hash_one(entries[*level as usize].text.as_bytes());
        numbers.insert_unique(rehash(&level), level, rehash);
        level
    }

    /// Counts one use less; forgets the text after the last.
    pub(super) fn release(&mut self, level: Level) {
        let Levels {
            hash,
            numbers,
            entries,
            ..
        } = self;
        let entry = &mut entries[level as usize];
        entry.uses -= 1;
        if entry.uses > 0 {
            return;
        }
        if let Ok(found) = numbers.find_entry(hash.hash_one(entry.text.as_bytes()), |known| *known == level) {
            found.remove();
        }
        self.bytes -= ENTRY_BYTES + entry.text.heap_bytes();
        entry.text = Text::new("");
        self.free.push(level);
    }
}

/// What a text is accounted for, in bytes, with its place in the table of numbers.
const ENTRY_BYTES: usize = size_of::<Entry>() + SLOT_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_number_until_its_last_use_ends() {
        let mut levels = Levels::new(HashState::with_seed(1));
        let long = "a level whose text is too long to be kept in place";
        let (first, second) = (levels.acquire("host"), levels.acquire(long));
        assert_eq!(levels.acquire("host"), first);
        assert_eq!((levels.text(first), levels.text(second)), ("host", long));
        levels.release(first);
        assert_eq!(levels.find("host"), Some(first));
        levels.release(first);
        levels.release(second);
        assert_eq!(
            (levels.find("host"), levels.find(long), levels.bytes()),
            (None, None, 0)
        );
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 32);
    }
}
