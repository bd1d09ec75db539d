//! Reads the text of a payload, or one value of it, onto a tape.

use super::{Cursor, Entry, Kind, Tape, Unread, word};

/// Reads one value.
pub(super) struct Reader<'a, 'b> {
    cursor: Cursor<'a>,
    tape: &'b mut Tape,
}

impl<'a, 'b> Reader<'a, 'b> {
    /// Makes a reader that writes to an empty tape.
    pub(super) fn new(cursor: Cursor<'a>, tape: &'b mut Tape) -> Self {
        Reader { cursor, tape }
    }

    /// Reads all of the text, which is one value.
    pub(super) fn document(&mut self) -> Result<(), Unread> {
        let first = self.cursor.next_sign();
        self.value(first, DEEPEST)?;
        self.cursor.expect_end()
    }

    /// Reads a value whose first byte was taken, and returns the place behind it.
    pub(super) fn part(&mut self, first: u8, levels: u32) -> Result<Cursor<'a>, Unread> {
        self.value(first, levels)?;
        Ok(self.cursor)
    }

    /// Reads a value whose first byte was taken.
    fn value(&mut self, first: u8, levels: u32) -> Result<(), Unread> {
        match first {
            b'"' => self.string().map(drop),
            b'{' => self.object(levels.checked_sub(1).ok_or(Unread)?),
            b'[' => self.array(levels.checked_sub(1).ok_or(Unread)?),
            b'-' | b'0'..=b'9' => {
                let (kind, word) = self.cursor.number(first)?.entry();
                self.push(kind, word);
                Ok(())
            }
            b't' => self.literal(b"rue", Kind::True),
            b'f' => self.literal(b"alse", Kind::False),
            b'n' => self.literal(b"ull", Kind::Null),
            _ => Err(Unread),
        }
    }

    fn literal(&mut self, rest: &[u8], kind: Kind) -> Result<(), Unread> {
        self.cursor.literal(rest)?;
        self.push(kind, 0);
        Ok(())
    }

    fn array(&mut self, levels: u32) -> Result<(), Unread> {
        let opened = self.open(Kind::Array);
        let mut sign = self.cursor.next_sign();
        if sign == b']' {
            return self.close(opened, 0);
        }
        let mut items = 0;
        loop {
            self.value(sign, levels)?;
            items += 1;
            match self.cursor.next_sign() {
                b',' => sign = self.cursor.next_sign(),
                b']' => return self.close(opened, items),
                _ => return Err(Unread),
            }
        }
    }

    fn object(&mut self, levels: u32) -> Result<(), Unread> {
        let opened = self.open(Kind::Object);
        let mut sign = self.cursor.next_sign();
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
            if self.cursor.next_sign() != b':' {
                return Err(Unread);
            }
            let first = self.cursor.next_sign();
            self.value(first, levels)?;
            members += 1;
            match self.cursor.next_sign() {
                b',' => sign = self.cursor.next_sign(),
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
                _ => self.cursor.whole().as_bytes(),
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

    /// Reads a string whose first quotation mark was taken, and returns its word.
    fn string(&mut self) -> Result<u64, Unread> {
        let span = self.cursor.string()?;
        if span.is_plain {
            let word = self.cursor.word(span);
            return Ok(self.push_string(Kind::String, span.start, span.end - span.start, word));
        }
        let text = self.cursor.unescaped(span)?;
        let place = self.tape.unescaped.len();
        self.tape.unescaped.push_str(&text);
        let word = word(text.as_bytes());
        Ok(self.push_string(Kind::Unescaped, place, text.len(), word))
    }
}

/// The words of names, as marks in two rows: two equal words leave the same marks.
#[derive(Default)]
pub(in crate::contracts) struct Marks {
    rows: [u64; 2],
    pub(in crate::contracts) may_hold_twins: bool,
}

impl Marks {
    /// Adds the word of a name.
    #[inline]
    pub(in crate::contracts) fn add(&mut self, word: u64) {
        let hash = word.wrapping_mul(FACTOR);
        let marks = [1 << (hash >> 58), 1 << ((hash >> 52) & 63)];
        self.may_hold_twins |= self.rows[0] & marks[0] != 0 && self.rows[1] & marks[1] != 0;
        self.rows[0] |= marks[0];
        self.rows[1] |= marks[1];
    }
}

/// Levels of arrays and objects in each other: as deeply as `serde_json` goes.
pub(in crate::contracts) const DEEPEST: u32 = 127;
/// An odd number whose bits are spread.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
