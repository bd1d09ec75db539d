//! A pattern as positions: the places in it at which one character stands, and which may follow which (Glushkov's
//! construction). Repetitions are written out, so only patterns of some hundred characters have this form. Matches
//! nothing itself.
//!
//! ```text
//!   ^a(b|c)*$        0 before the text   1 a   2 b   3 c
//!                    0 is followed by 1; 1, 2 and 3 by 2 or 3; the text may end behind 1, 2 and 3
//! ```

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

/// The positions of a pattern.
#[derive(Debug)]
pub(super) struct Positions {
    /// Sets of characters, all different.
    pub(super) classes: Vec<ClassUnicode>,
    /// Which of the classes stands at each position. What stands at the first, [`BEFORE`], means nothing.
    pub(super) class_of: Vec<usize>,
    /// What may follow each position.
    pub(super) follows: Vec<Set>,
    /// The positions behind which the match may end.
    pub(super) ends: Set,
    /// Whether a match may begin anywhere in a text, and not only where the text does.
    pub(super) begins_anywhere: bool,
    /// Whether a match may end anywhere.
    pub(super) ends_anywhere: bool,
}

/// Some positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Set([u64; WORDS]);

/// A part of a pattern.
#[derive(Clone, Copy, Default)]
struct Piece {
    /// Where it may begin.
    first: Set,
    /// Where it may end.
    last: Set,
    /// Whether nothing matches it, too.
    may_be_empty: bool,
}

impl Positions {
    /// Finds the positions of a pattern, as the crate `regex` reads it. `None` if there are too many, or if it looks
    /// around anywhere but at both ends of the text.
    pub(super) fn of(pattern: &str) -> Option<Positions> {
        let hir = regex_syntax::parse(pattern).ok()?;
        let parts = match hir.kind() {
            HirKind::Concat(parts) => parts.as_slice(),
            _ => std::slice::from_ref(&hir),
        };
        let is = |part: &Hir, look| *part.kind() == HirKind::Look(look);
        let start = parts.iter().take_while(|part| is(part, Look::Start)).count();
        let parts = &parts[start..];
        let end = parts.iter().rev().take_while(|part| is(part, Look::End)).count();
        let mut positions = Positions {
            classes: Vec::new(),
            class_of: vec![0],
            follows: vec![Set::default()],
            ends: Set::default(),
            begins_anywhere: start == 0,
            ends_anywhere: end == 0,
        };
        let whole = positions.row(&parts[..parts.len() - end])?;
        positions.follows[BEFORE] = whole.first;
        positions.ends = whole.last;
        if whole.may_be_empty {
            positions.ends.insert(BEFORE);
        }
        Some(positions)
    }

    fn piece(&mut self, hir: &Hir) -> Option<Piece> {
        match hir.kind() {
            HirKind::Empty => Some(Piece::empty()),
            HirKind::Literal(literal) => {
                let mut whole = Piece::empty();
                for character in std::str::from_utf8(&literal.0).ok()?.chars() {
                    let range = ClassUnicodeRange::new(character, character);
                    let piece = self.class(&ClassUnicode::new([range]))?;
                    whole = self.join(whole, piece);
                }
                Some(whole)
            }
            HirKind::Class(Class::Unicode(class)) => self.class(class),
            HirKind::Class(Class::Bytes(class)) => self.class(&class.to_unicode_class()?),
            HirKind::Look(_) => None,
            HirKind::Repetition(repetition) => self.repetition(repetition),
            HirKind::Capture(capture) => self.piece(&capture.sub),
            HirKind::Concat(parts) => self.row(parts),
            HirKind::Alternation(branches) => {
                let mut any = Piece::default();
                for branch in branches {
                    let piece = self.piece(branch)?;
                    any.first = any.first.with(&piece.first);
                    any.last = any.last.with(&piece.last);
                    any.may_be_empty |= piece.may_be_empty;
                }
                Some(any)
            }
        }
    }

    /// Takes parts one behind another.
    fn row(&mut self, parts: &[Hir]) -> Option<Piece> {
        let mut whole = Piece::empty();
        for part in parts {
            let piece = self.piece(part)?;
            whole = self.join(whole, piece);
        }
        Some(whole)
    }

    fn class(&mut self, class: &ClassUnicode) -> Option<Piece> {
        let position = self.class_of.len();
        if position == MOST_POSITIONS {
            return None;
        }
        let known = self.classes.iter().position(|known| known == class);
        self.class_of.push(known.unwrap_or_else(|| {
            self.classes.push(class.clone());
            self.classes.len() - 1
        }));
        self.follows.push(Set::default());
        let mut only = Set::default();
        only.insert(position);
        Some(Piece {
            first: only,
            last: only,
            may_be_empty: false,
        })
    }

    fn repetition(&mut self, repetition: &Repetition) -> Option<Piece> {
        // Whatever is not empty has a position, and so ends these loops soon.
        let is_empty = repetition.sub.properties().maximum_len() == Some(0);
        if is_empty {
            return self.piece(&repetition.sub).map(|piece| Piece {
                may_be_empty: piece.may_be_empty || repetition.min == 0,
                ..piece
            });
        }
        let mut whole = Piece::empty();
        for _ in 0..repetition.min {
            let piece = self.piece(&repetition.sub)?;
            whole = self.join(whole, piece);
        }
        let mut rest = Piece::empty();
        match repetition.max {
            None => {
                rest = self.piece(&repetition.sub)?;
                self.link(&rest.last, &rest.first);
                rest.may_be_empty = true;
            }
            // The last is only there if the one before is: x{0,2} is (x(x)?)?.
            Some(most) => {
                for _ in repetition.min..most {
                    let piece = self.piece(&repetition.sub)?;
                    rest = self.join(piece, rest);
                    rest.may_be_empty = true;
                }
            }
        }
        Some(self.join(whole, rest))
    }

    /// Puts one part behind another.
    fn join(&mut self, one: Piece, two: Piece) -> Piece {
        self.link(&one.last, &two.first);
        let first = match one.may_be_empty {
            true => one.first.with(&two.first),
            false => one.first,
        };
        let last = match two.may_be_empty {
            true => two.last.with(&one.last),
            false => two.last,
        };
        Piece {
            first,
            last,
            may_be_empty: one.may_be_empty && two.may_be_empty,
        }
    }

    fn link(&mut self, from: &Set, to: &Set) {
        for position in from.iter() {
            self.follows[position] = self.follows[position].with(to);
        }
    }
}

impl Set {
    /// Adds a position.
    pub(super) fn insert(&mut self, position: usize) {
        self.0[position / 64] |= 1 << (position % 64);
    }

    /// Returns the positions that are in either.
    pub(super) fn with(&self, other: &Set) -> Set {
        Set(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    /// Returns the positions that are in both.
    pub(super) fn both(&self, other: &Set) -> Set {
        Set(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    /// Tells whether no position is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    /// Returns all positions in it.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        let words = self.0.into_iter().enumerate();
        words.flat_map(|(index, word)| {
            let after = |word: &u64| Some(word & (word - 1)).filter(|rest| *rest != 0);
            let rests = std::iter::successors(Some(word).filter(|word| *word != 0), after);
            rests.map(move |rest| index * 64 + rest.trailing_zeros() as usize)
        })
    }
}

impl Piece {
    /// Makes what only nothing matches.
    fn empty() -> Piece {
        Piece {
            may_be_empty: true,
            ..Piece::default()
        }
    }
}

/// The position before the first character.
pub(super) const BEFORE: usize = 0;
const WORDS: usize = 8;
/// Positions that a pattern may have, of which a set has a bit each.
const MOST_POSITIONS: usize = 64 * WORDS;
