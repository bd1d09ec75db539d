//! What arrays, objects and verbatim values hold, one after the other.

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

use super::{Fault, Parser};

/// The elements of an array whose bracket is taken.
pub(super) struct Elements<'p, 'a> {
    parser: &'p mut Parser<'a>,
    is_first: bool,
}

impl<'p, 'a> Elements<'p, 'a> {
    pub(super) fn new(parser: &'p mut Parser<'a>) -> Self {
        Elements {
            parser,
            is_first: true,
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        if !self.parser.go_on(self.is_first, b']')? {
            return Ok(None);
        }
        self.is_first = false;
        seed.deserialize(&mut *self.parser).map(Some)
    }
}

/// The members of an object whose bracket is taken.
pub(super) struct Members<'p, 'a> {
    parser: &'p mut Parser<'a>,
    is_first: bool,
}

impl<'p, 'a> Members<'p, 'a> {
    pub(super) fn new(parser: &'p mut Parser<'a>) -> Self {
        Members {
            parser,
            is_first: true,
        }
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        if !self.parser.go_on(self.is_first, b'}')? {
            return Ok(None);
        }
        self.is_first = false;
        match self.parser.peek() {
            Some(b'"') => seed.deserialize(&mut *self.parser).map(Some),
            _ => Err(Fault::Syntax),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        match self.parser.take(b':') {
            true => seed.deserialize(&mut *self.parser),
            false => Err(Fault::Syntax),
        }
    }
}

/// A value that `serde_json` asks for verbatim: the name under which it asks, and the value's text.
pub(super) struct Verbatim<'a> {
    pub(super) name: Option<&'static str>,
    pub(super) text: &'a str,
}

impl<'de> MapAccess<'de> for Verbatim<'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let name = self.name.take().map(StrDeserializer::new);
        name.map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(BorrowedStrDeserializer::new(self.text))
    }
}
