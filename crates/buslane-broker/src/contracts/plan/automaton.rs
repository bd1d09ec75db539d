//! Patterns as tables: for each state and each kind of character the next state. Takes some hundred bytes where what the
//! crate `regex` compiles takes some ten thousand, and one look-up for each character. Only for patterns whose table is
//! small.

use std::collections::HashMap;

use super::positions::{BEFORE, Positions, Set};

/// A table that tells whether a text matches.
#[derive(Debug)]
pub(super) struct Automaton {
    /// The kind of each character of ASCII.
    ascii: [u8; ASCII],
    /// For all others: where a kind begins, and which.
    others: Box<[(u32, u8)]>,
    /// A row for each state, in which stands for each kind of character, and for the end of the text, where the row of
    /// the next state starts. The first row never matches, the second always.
    table: Box<[u16]>,
    /// Where the row starts with which to begin.
    start: u16,
    /// The kind that stands for the end of the text: the last one.
    end: u8,
}

/// Characters that no class of a pattern tells apart are of one kind.
struct Kinds {
    /// Where a kind begins, and which.
    starts: Vec<(u32, u8)>,
    /// The positions at which each kind may stand.
    positions: Vec<Set>,
}

/// Makes the table, state by state. A state is a set of positions.
struct Table<'a> {
    positions: &'a Positions,
    kinds: &'a Kinds,
    states: Vec<Set>,
    numbers: HashMap<Set, u16>,
}

impl Automaton {
    /// Makes the automaton of a pattern of the crate `regex`. `None` if it would be too large, or if it cannot be one.
    pub(super) fn new(pattern: &str) -> Option<Automaton> {
        let positions = Positions::of(pattern)?;
        let kinds = Kinds::of(&positions)?;
        let table = Table {
            positions: &positions,
            kinds: &kinds,
            states: Vec::new(),
            numbers: HashMap::new(),
        };
        let (start, table) = table.fill()?;
        let mut ascii = [0; ASCII];
        for (kind, character) in ascii.iter_mut().zip(0..) {
            *kind = kind_of(&kinds.starts, character);
        }
        Some(Automaton {
            ascii,
            others: kinds.starts.into(),
            table: table.into(),
            start,
            end: u8::try_from(kinds.positions.len()).ok()?,
        })
    }

    /// Tells whether a text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut row = self.start;
        for (index, byte) in text.bytes().enumerate() {
            let Some(kind) = self.ascii.get(usize::from(byte)) else {
                return self.matches_on(row, &text[index..]);
            };
            row = self.next(row, *kind);
            if self.is_decided(row) {
                return row != NEVER;
            }
        }
        self.next(row, self.end) != NEVER
    }

    /// Tells whether the rest of a text matches, from a state on.
    fn matches_on(&self, mut row: u16, rest: &str) -> bool {
        for character in rest.chars() {
            row = self.next(row, kind_of(&self.others, character.into()));
            if self.is_decided(row) {
                return row != NEVER;
            }
        }
        self.next(row, self.end) != NEVER
    }

    /// Returns how many bytes it holds on the heap.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.table) + size_of_val(&*self.others)
    }

    /// Tells whether the row is the one that never matches or the one that always does.
    fn is_decided(&self, row: u16) -> bool {
        row <= u16::from(self.end) + 1
    }

    fn next(&self, row: u16, kind: u8) -> u16 {
        self.table[usize::from(row) + usize::from(kind)]
    }
}

impl Kinds {
    /// Finds the kinds of characters; `None` if they change too often.
    fn of(positions: &Positions) -> Option<Kinds> {
        let ranges = positions.classes.iter().flat_map(|class| class.ranges());
        let mut starts: Vec<u32> = ranges
            .flat_map(|range| [range.start().into(), u32::from(range.end()) + 1])
            .chain([0])
            .collect();
        starts.sort_unstable();
        starts.dedup();
        if starts.len() > MOST_STARTS {
            return None;
        }
        let mut kinds = Kinds {
            starts: Vec::new(),
            positions: Vec::new(),
        };
        for start in starts {
            let at = positions_of(positions, start);
            let known = kinds.positions.iter().position(|known| *known == at);
            let kind = known.unwrap_or_else(|| {
                kinds.positions.push(at);
                kinds.positions.len() - 1
            });
            kinds.starts.push((start, u8::try_from(kind).ok()?));
        }
        Some(kinds)
    }
}

impl Table<'_> {
    /// Makes all rows; returns where the first state's starts, too.
    fn fill(mut self) -> Option<(u16, Vec<u16>)> {
        let width = self.kinds.positions.len() + 1;
        let mut table = vec![NEVER; width];
        // From here on, whatever follows matches.
        let always = u16::try_from(width).ok()?;
        table.resize((ALWAYS + 1) * width, always);
        let mut before = Set::default();
        before.insert(BEFORE);
        let start = self.row_of(before, width);
        let mut done = 0;
        while let Some(state) = self.states.get(done).copied() {
            done += 1;
            let follows = state.iter().fold(Set::default(), |follows, position| {
                follows.with(&self.positions.follows[position])
            });
            for kind in 0..width - 1 {
                let mut next = follows.both(&self.kinds.positions[kind]);
                if self.positions.begins_anywhere {
                    next.insert(BEFORE);
                }
                table.push(self.row_of(next, width));
            }
            let matches = !state.both(&self.positions.ends).is_empty();
            table.push(if matches { always } else { NEVER });
            if table.len() + self.states.len().saturating_sub(done) * width > MOST_CELLS {
                return None;
            }
        }
        Some((start, table))
    }

    /// Returns where the row of a state starts, which will be made.
    fn row_of(&mut self, state: Set, width: usize) -> u16 {
        let matches = !state.both(&self.positions.ends).is_empty();
        let known = match (state.is_empty(), matches && self.positions.ends_anywhere) {
            (true, _) => Some(usize::from(NEVER)),
            (_, true) => Some(ALWAYS),
            _ => None,
        };
        let row = known.unwrap_or_else(|| {
            let next = self.states.len() as u16;
            let number = *self.numbers.entry(state).or_insert(next);
            if number == next {
                self.states.push(state);
            }
            usize::from(number) + ALWAYS + 1
        });
        // There are fewer cells than fit: see `MOST_CELLS`.
        (row * width) as u16
    }
}

/// Returns the positions at which a character may stand.
fn positions_of(positions: &Positions, character: u32) -> Set {
    let is_in = |class: usize| {
        let mut ranges = positions.classes[class].ranges().iter();
        ranges.any(|range| (range.start().into()..=range.end().into()).contains(&character))
    };
    let classes: Vec<bool> = (0..positions.classes.len()).map(is_in).collect();
    let mut at = Set::default();
    for (position, class) in positions.class_of.iter().enumerate().skip(BEFORE + 1) {
        if classes[*class] {
            at.insert(position);
        }
    }
    at
}

/// Returns the kind of a character, of which the first begins with the first character.
fn kind_of(starts: &[(u32, u8)], character: u32) -> u8 {
    let behind = starts.partition_point(|(start, _)| *start <= character);
    starts[behind - 1].1
}

/// Characters of ASCII.
const ASCII: usize = 128;
/// Where the row starts from which nothing matches any more.
const NEVER: u16 = 0;
/// The row from which everything matches.
const ALWAYS: usize = 1;
/// How often the kinds of characters may change, in the order of characters.
const MOST_STARTS: usize = 128;
/// The largest table, of two bytes a cell.
const MOST_CELLS: usize = 2_048;

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::contracts::compatibility::tests::random::Random;

    /// Holds texts against a pattern, and panics where the crate `regex` says something else.
    fn compare<'a>(pattern: &str, texts: impl IntoIterator<Item = &'a str>) {
        let Some(automaton) = Automaton::new(pattern) else {
            panic!("{pattern:?} has no automaton")
        };
        let regex = Regex::new(pattern).unwrap();
        for text in texts {
            let matches = regex.is_match(text);
            assert_eq!(automaton.matches(text), matches, "{text:?} under {pattern:?}");
        }
    }

    /// Writes a pattern by chance.
    fn pattern(random: &mut Random, depth: usize, out: &mut String) {
        match random.below(if depth == 0 { 2 } else { 8 }) {
            0 | 1 => *out += CHARACTERS[random.below(CHARACTERS.len())],
            2 => *out += ANCHORS[random.below(ANCHORS.len())],
            3 | 4 => {
                for _ in 0..random.below(4) {
                    pattern(random, depth - 1, out);
                }
            }
            5 => {
                *out += "(?:";
                pattern(random, depth - 1, out);
                out.push('|');
                pattern(random, depth - 1, out);
                out.push(')');
            }
            _ => {
                out.push('(');
                pattern(random, depth - 1, out);
                out.push(')');
                *out += REPETITIONS[random.below(REPETITIONS.len())];
            }
        }
    }

    fn text(random: &mut Random) -> String {
        let letter = |_| LETTERS[random.below(LETTERS.len())];
        (0..8).map(letter).collect::<String>()
    }

    #[test]
    fn automata_of_patterns_by_chance_match_what_regex_matches() {
        let (mut made, mut matched, mut held) = (0, 0, 0);
        for seed in 0..RUNS {
            let random = &mut Random::new(seed);
            let mut written = ["", "^"][random.below(2)].to_owned();
            pattern(random, 4, &mut written);
            written += ["", "$"][random.below(2)];
            let Some(automaton) = Automaton::new(&written) else {
                continue;
            };
            made += 1;
            let regex = Regex::new(&written).unwrap();
            for _ in 0..40 {
                let whole = text(random);
                let end = whole
                    .char_indices()
                    .nth(random.below(8))
                    .map_or(0, |(end, _)| end);
                let matches = regex.is_match(&whole[..end]);
                assert_eq!(
                    automaton.matches(&whole[..end]),
                    matches,
                    "{:?} under {written:?}",
                    &whole[..end]
                );
                (held, matched) = (held + 1, matched + usize::from(matches));
            }
        }
        // Otherwise little would be shown.
        assert!(made > RUNS / 2, "{made}");
        assert!(
            matched > held / 10 && matched < held * 9 / 10,
            "{matched} of {held}"
        );
    }

    #[test]
    fn usual_patterns_have_a_small_automaton_that_matches_what_regex_matches() {
        let usual = [
            "^[a-z0-9-]{8,36}$",
            "^[A-Za-z0-9_-]{1,255}$",
            "^[a-z0-9]+(-[a-z0-9]+)*$",
            "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
            "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
            "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?$",
            "^[^@ ]+@[^@ ]+\\.[^@ ]+$",
            "^\\+?[1-9][0-9]{1,14}$",
            "^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\\.|$)){0}([0-9]{1,3}\\.){3}[0-9]{1,3}$",
            "^https?://[^/]+(/.*)?$",
            "^#([0-9a-fA-F]{3}){1,2}$",
            "error|warn",
            "(?i)^abc",
            "[^a-zä]$",
            "",
            "^$",
        ];
        let texts = [
            "",
            "a",
            "-",
            "a1b2c3d4-5e6f",
            "A1b2c3d4-5e6f",
            "a1b2c3d",
            "a-b-c",
            "a--b",
            "2026-11-21",
            "2026-11-21T10:00:00Z",
            "2026-11-21T10:00:0Z",
            "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b",
            "0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b",
            "1.2.3",
            "1.2.3-rc.1",
            "01.2.3",
            "me@example.com",
            "me@@example.com",
            "+4712345678",
            "+0",
            "192.168.0.1",
            "https://example.com/ä/b",
            "http:///",
            "#fff",
            "#ffff",
            "an error here",
            "warm",
            "aBC and more",
            "ABCä\u{10ffff}",
            "\u{10ffff}",
            "a\n",
            "ä",
        ];
        let long = ["a".repeat(255), "a".repeat(256), "a".repeat(36), "a".repeat(37)];
        for pattern in usual {
            compare(pattern, texts.into_iter().chain(long.iter().map(String::as_str)));
            let bytes = Automaton::new(pattern).map_or(0, |automaton| automaton.bytes());
            assert!(bytes <= 4_096, "{pattern}: {bytes}");
        }
    }

    #[test]
    fn what_has_no_small_automaton_is_left_to_others() {
        for pattern in [
            "\\bword\\b",
            "^a$|^b$",
            "^\\p{L}+$",
            "^[a-z]{1,600}$",
            "(a|b)*a(a|b){12}$",
            "((a{100}){100}){100}",
            "(a{0,400}){0,400}",
            "(?m)^a",
            "(",
        ] {
            assert!(Automaton::new(pattern).is_none(), "{pattern}");
        }
    }

    const CHARACTERS: [&str; 10] = [
        "a",
        "b",
        "[ab]",
        "[^a]",
        ".",
        "[a-cä]",
        "ä",
        "ab",
        "[^\\x{ffff}]",
        "[b-\\x{10000}]",
    ];
    const ANCHORS: [&str; 4] = ["^", "$", "", "(?i:A)"];
    const REPETITIONS: [&str; 9] = ["*", "+", "?", "{2}", "{0,2}", "{1,3}", "{2,}", "*?", "{0}"];
    const LETTERS: [char; 7] = ['a', 'b', 'c', 'A', 'ä', '\n', '\u{10000}'];
    /// Patterns that are tried.
    const RUNS: u64 = 3_000;
}
