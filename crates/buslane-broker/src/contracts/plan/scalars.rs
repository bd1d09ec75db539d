//! The values of `const` and `enum`, where none of them is an array or an object.

use serde_json::Value;

use super::names::Names;
use crate::contracts::tape::{Entry, Kind, Number, Values};

/// Scalars that are allowed.
#[derive(Debug)]
pub(super) struct Scalars {
    texts: Names,
    numbers: Vec<Number>,
    null: bool,
    no: bool,
    yes: bool,
}

impl Scalars {
    /// Takes over values; `None` if one is an array or an object, or if there are too many numbers.
    pub(super) fn new(values: &[Value]) -> Option<Scalars> {
        let mut texts: Vec<&str> = Vec::new();
        let mut numbers = Vec::new();
        for value in values {
            match value {
                Value::String(text) => texts.push(text),
                Value::Number(number) => numbers.push(Number::of(number)?),
                Value::Null | Value::Bool(_) => {}
                Value::Array(_) | Value::Object(_) => return None,
            }
        }
        texts.sort_unstable();
        texts.dedup();
        (numbers.len() <= MOST_NUMBERS).then_some(())?;
        Some(Scalars {
            texts: Names::new(texts)?,
            numbers,
            null: values.contains(&Value::Null),
            no: values.contains(&Value::Bool(false)),
            yes: values.contains(&Value::Bool(true)),
        })
    }

    /// Tells whether a value is one of these.
    pub(super) fn contain(&self, values: Values<'_>, entry: &Entry) -> bool {
        match entry.kind {
            Kind::Null => self.contain_literal(None),
            Kind::False => self.contain_literal(Some(false)),
            Kind::True => self.contain_literal(Some(true)),
            Kind::Unsigned | Kind::Negative | Kind::Float => self.contain_number(Number::from_entry(entry)),
            Kind::String | Kind::Unescaped => self.contain_text(entry.word, values.string(entry)),
            Kind::Array | Kind::Object => false,
        }
    }

    /// Tells whether a text, whose word is given, is one of these.
    pub(super) fn contain_text(&self, word: u64, text: &str) -> bool {
        self.texts.find(word, text.len(), || text).is_some()
    }

    /// Tells whether a number is one of these.
    pub(super) fn contain_number(&self, number: Number) -> bool {
        self.numbers.contains(&number)
    }

    /// Tells whether `null`, `false` or `true` is one of these.
    pub(super) fn contain_literal(&self, literal: Option<bool>) -> bool {
        match literal {
            None => self.null,
            Some(false) => self.no,
            Some(true) => self.yes,
        }
    }

    /// Returns about how many bytes it holds on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.texts.bytes() + self.numbers.capacity() * size_of::<Number>()
    }
}

/// Numbers that are compared one after another.
const MOST_NUMBERS: usize = 64;
