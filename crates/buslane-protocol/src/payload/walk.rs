//! Walks over JSON text to see that it is one value.
//!
//! Only ever says yes to what is one; what it says no to may be nested deeper than it follows, and has to be read by a
//! parser, which also tells what is wrong.

/// Tells whether UTF-8 text is exactly one JSON value, for sure.
pub(super) fn is_one_value(text: &[u8]) -> bool {
    let mut walk = Walk::new(text);
    walk.run().is_some() && walk.position == text.len()
}

/// Measures the value that a text begins with, without the space behind it.
pub(super) fn value_length(text: &[u8]) -> Option<usize> {
    let mut walk = Walk::new(text);
    walk.run()?;
    Some(text[..walk.position].trim_ascii_end().len())
}

/// How far the text is walked. Everything in it returns `None` where the text goes wrong.
struct Walk<'a> {
    text: &'a [u8],
    position: usize,
    /// How many arrays and objects are open.
    depth: u32,
    /// Which of them are objects: one bit each, the innermost lowest.
    objects: u64,
}

impl<'a> Walk<'a> {
    fn new(text: &'a [u8]) -> Walk<'a> {
        Walk {
            text,
            position: 0,
            depth: 0,
            objects: 0,
        }
    }

    /// Takes one value, and the space behind it.
    fn run(&mut self) -> Option<()> {
        loop {
            if self.begin()? {
                continue;
            }
            while !self.go_on()? {
                if self.depth == 0 {
                    return Some(());
                }
            }
        }
    }

    /// Takes a value, or the beginning of one that holds others: then it returns true, and another is to begin.
    fn begin(&mut self) -> Option<bool> {
        self.pass_space();
        match self.next()? {
            b'"' => self.pass_string()?,
            b'{' => return self.open(true, b'}'),
            b'[' => return self.open(false, b']'),
            b't' => self.pass_word(b"rue")?,
            b'f' => self.pass_word(b"alse")?,
            b'n' => self.pass_word(b"ull")?,
            b'-' => {
                let first = self.next()?;
                self.pass_number(first)?;
            }
            first => self.pass_number(first)?,
        }
        Some(false)
    }

    /// Takes what may follow a value. Returns true if that is another one.
    fn go_on(&mut self) -> Option<bool> {
        self.pass_space();
        if self.depth == 0 {
            return Some(false);
        }
        let in_object = self.objects & 1 == 1;
        match self.next()? {
            b',' if in_object => self.pass_name()?,
            b',' => {}
            b'}' if in_object => return self.close(),
            b']' if !in_object => return self.close(),
            _ => return None,
        }
        Some(true)
    }

    /// Opens an object or array, unless it closes at once.
    fn open(&mut self, is_object: bool, end: u8) -> Option<bool> {
        self.pass_space();
        if self.text.get(self.position) == Some(&end) {
            self.position += 1;
            return Some(false);
        }
        if self.depth == u64::BITS {
            return None;
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u64::from(is_object);
        if is_object {
            self.pass_name()?;
        }
        Some(true)
    }

    fn close(&mut self) -> Option<bool> {
        self.depth -= 1;
        self.objects >>= 1;
        self.pass_space();
        Some(false)
    }

    /// Passes the name of a member, and the colon.
    fn pass_name(&mut self) -> Option<()> {
        self.pass_space();
        self.expect(b'"')?;
        self.pass_string()?;
        self.pass_space();
        self.expect(b':')
    }

    /// Passes the rest of a string.
    fn pass_string(&mut self) -> Option<()> {
        loop {
            self.position += plain_length(&self.text[self.position..]);
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.pass_escape()?,
                // A control character.
                _ => return None,
            }
        }
    }

    fn pass_escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.text[self.position..].first_chunk::<4>()?;
                self.position += digits.len();
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    /// Passes the rest of a number whose first digit is taken.
    fn pass_number(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.pass_digits(),
            _ => return None,
        }
        if self.text.get(self.position) == Some(&b'.') {
            self.position += 1;
            self.pass_some_digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.position) {
            self.position += 1;
            if let Some(b'+' | b'-') = self.text.get(self.position) {
                self.position += 1;
            }
            self.pass_some_digits()?;
        }
        Some(())
    }

    fn pass_some_digits(&mut self) -> Option<()> {
        let before = self.position;
        self.pass_digits();
        (self.position > before).then_some(())
    }

    fn pass_digits(&mut self) {
        while self.text.get(self.position).is_some_and(u8::is_ascii_digit) {
            self.position += 1;
        }
    }

    fn pass_word(&mut self, word: &[u8]) -> Option<()> {
        let rest = self.text[self.position..].strip_prefix(word)?;
        self.position = self.text.len() - rest.len();
        Some(())
    }

    fn pass_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.text.get(self.position) {
            self.position += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.text.get(self.position)?;
        self.position += 1;
        Some(byte)
    }
}

/// Measures what stands for itself in a string: up to the next quotation mark, backslash or control character.
pub(crate) fn plain_length(text: &[u8]) -> usize {
    let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) else {
        return text.iter().take_while(|byte| !is_special(**byte)).count();
    };
    match first_special(*first) {
        WORD => long_plain_length(text, *last),
        // Most strings are short.
        length => length,
    }
}

/// Measures as [`plain_length`] does text whose first eight bytes are known to be plain. `last` are its last eight.
fn long_plain_length(text: &[u8], last: [u8; WORD]) -> usize {
    let blocks = text[WORD..].as_chunks().0.as_chunks::<WORDS>().0;
    let plain = blocks.iter().take_while(|block| is_plain(block)).count();
    let mut length = WORD + plain * WORDS * WORD;
    for word in text[length..].as_chunks().0 {
        match first_special(*word) {
            WORD => length += WORD,
            plain => return length + plain,
        }
    }
    // Some of them are seen again.
    text.len() - WORD + first_special(last)
}

/// Tells whether all of a few words stand for themselves.
#[inline]
fn is_plain([first, second, third, fourth]: &[[u8; WORD]; WORDS]) -> bool {
    special(*first) | special(*second) | special(*third) | special(*fourth) == 0
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// Finds the first of eight bytes that does not stand for itself in a string; 8 if all do.
#[inline]
fn first_special(bytes: [u8; WORD]) -> usize {
    special(bytes).trailing_zeros() as usize / 8
}

/// Flags in eight bytes those that do not stand for themselves in a string.
#[inline]
fn special(bytes: [u8; WORD]) -> u64 {
    let word = u64::from_le_bytes(bytes);
    // Sums of two bytes below 0x80 do not reach the next byte; what is above 0x7f is never special.
    let low = word & !FLAGS;
    let (quotes, escapes) = ((low ^ QUOTES) + REST, (low ^ ESCAPES) + REST);
    !(word | (low + CONTROLS) & quotes & escapes) & FLAGS
}

/// Repeats a byte eight times.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of each of eight bytes, and the others.
const FLAGS: u64 = each(0x80);
const REST: u64 = each(0x7f);
const QUOTES: u64 = each(b'"');
const ESCAPES: u64 = each(b'\\');
/// What lifts all but control characters to the highest bit.
const CONTROLS: u64 = each(0x80 - 0x20);
const WORD: usize = 8;
/// Words that are looked at together in a long string.
const WORDS: usize = 4;

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;
    use crate::payload::chance::Chance;

    fn parses(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn values_by_chance_are_one_value() {
        let mut chance = Chance::new(1);
        for _ in 0..20_000 {
            let text = chance.text();
            assert!(parses(&text) && is_one_value(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn what_is_almost_a_value_is_judged_as_the_parser_does() {
        let mut chance = Chance::new(2);
        let (mut good, mut bad) = (0, 0);
        for _ in 0..100_000 {
            let text = chance.damaged();
            let valid = parses(&text);
            assert_eq!(is_one_value(text.as_bytes()), valid, "{text:?}");
            *(if valid { &mut good } else { &mut bad }) += 1;
        }
        assert!(good > 10_000 && bad > 10_000, "{good} good, {bad} bad");
    }

    #[test]
    fn special_bytes_are_found_at_every_place() {
        for byte in 0..=u8::MAX {
            let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
            for place in 0..8 {
                let mut bytes = [b'x'; 8];
                bytes[place] = byte;
                let flags = if is_special { 0x80 << (8 * place) } else { 0 };
                assert_eq!(special(bytes), flags, "{byte:#x} at {place}");
            }
        }
    }

    #[test]
    fn strings_of_every_length_end_at_the_first_special_byte() {
        for length in 0..100 {
            for (place, special) in (0..=length)
                .flat_map(|place| ["\"", "\\", "\n", "\u{7f}", "\u{fc}"].map(|text| (place, text)))
            {
                let text = format!("{}{special}{}", "x".repeat(place), "x".repeat(length - place));
                let plain = text.bytes().position(is_special).unwrap_or(text.len());
                assert_eq!(plain_length(text.as_bytes()), plain, "{text:?}");
                let string = format!("\"{text}\"");
                assert_eq!(is_one_value(string.as_bytes()), parses(&string), "{string}");
            }
        }
    }

    #[test]
    fn what_is_nested_deeper_than_the_walk_follows_is_left_to_the_parser() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_one_value(nested(65).as_bytes()));
        assert!(!is_one_value(nested(66).as_bytes()));
        assert!(!is_one_value(b""));
    }
}
