//! Patterns of a plan, which match what those of the other validator match: both read them by the same translation.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jsonschema_regex::{PatternAnalysis, analyze_pattern, contains_ecma_whitespace, to_rust_regex};
use regex::{Regex, RegexBuilder};

use super::Doubt;
use super::automaton::Automaton;
use crate::contracts::schema::PATTERN_SIZE;
use crate::contracts::size;

/// A pattern, in the simplest form that matches the same.
#[derive(Debug)]
pub(super) enum Pattern {
    /// The text starts so.
    Prefix(Box<str>),
    /// The text is one of these.
    OneOf(Vec<Box<str>>),
    /// The text has no white space.
    NoWhitespace,
    /// Most others.
    Automaton(Box<Automaton>),
    /// Anything else, in linear time, with about how many bytes it holds.
    Regex(Regex, usize),
}

impl Pattern {
    /// Compiles a pattern; `None` if it is too large.
    pub(super) fn new(text: &str) -> Option<Pattern> {
        Some(match analyze_pattern(text) {
            Some(PatternAnalysis::Prefix(prefix)) => Pattern::Prefix(prefix.into()),
            Some(PatternAnalysis::Exact(exact)) => Pattern::OneOf(vec![exact.into()]),
            Some(PatternAnalysis::Alternation(texts)) => {
                Pattern::OneOf(texts.into_iter().map(Into::into).collect())
            }
            Some(PatternAnalysis::NoWhitespace) => Pattern::NoWhitespace,
            None => {
                let translated = to_rust_regex(text).ok()?;
                match Automaton::new(&translated) {
                    Some(automaton) => Pattern::Automaton(Box::new(automaton)),
                    None => Pattern::Regex(compile(&translated)?, size::of_pattern(text)),
                }
            }
        })
    }

    /// Returns about how many bytes it holds on the heap.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Pattern::Prefix(prefix) => prefix.len(),
            Pattern::OneOf(texts) => texts.iter().map(|text| text.len() + size_of_val(text)).sum(),
            Pattern::NoWhitespace => 0,
            Pattern::Automaton(automaton) => size_of_val(&**automaton) + automaton.bytes(),
            Pattern::Regex(_, bytes) => *bytes,
        }
    }

    /// Tells whether a text matches.
    pub(super) fn matches(&self, text: &str) -> Result<bool, Doubt> {
        match self {
            Pattern::Prefix(prefix) => Ok(text.starts_with(&**prefix)),
            Pattern::OneOf(texts) => Ok(texts.iter().any(|one| **one == *text)),
            Pattern::NoWhitespace => Ok(!contains_ecma_whitespace(text)),
            Pattern::Automaton(automaton) => Ok(automaton.matches(text)),
            // The engine is known to panic on some patterns, which is no reason to lose the thread.
            Pattern::Regex(regex, _) => {
                catch_unwind(AssertUnwindSafe(|| regex.is_match(text))).map_err(|_| Doubt)
            }
        }
    }
}

fn compile(translated: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(translated);
    builder.size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE);
    builder.build().ok()
}
