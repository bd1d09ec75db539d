//! What is published: a body, bytes that the program lends, or a value that was just written. Copied once, into what is
//! to be sent.

use std::borrow::Cow;
use std::cell::Cell;

use buslane_protocol::Payload;
use serde::Serialize;

use crate::Body;

/// What is published.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// A body, kept or lent.
    Body(Cow<'a, Body>),
    /// JSON text that is lent.
    JsonText(&'a [u8]),
    /// Any bytes that are lent, and what they are.
    Bytes(&'a str, &'a [u8]),
    /// A value that was written as JSON text.
    Draft(Draft),
}

/// A buffer that a value is written into. The thread that drops it uses it again, so that publishing value after value
/// allocates nothing.
#[derive(Debug)]
pub(crate) struct Draft(Vec<u8>);

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl<'a> Content<'a> {
    /// Writes a value as JSON text.
    pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> serde_json::Result<Content<'a>> {
        let mut draft = Draft::new();
        serde_json::to_writer(&mut draft.0, value)?;
        Ok(Content::Draft(draft))
    }

    /// Returns it as the session takes it.
    #[inline]
    pub(crate) fn payload(&self) -> Payload<'_> {
        match self {
            Content::Body(body) => body.payload(),
            Content::JsonText(text) => Payload::json(*text),
            Content::Bytes(_, bytes) => Payload::bytes(*bytes),
            Content::Draft(draft) => Payload::checked(draft.0.as_slice()),
        }
    }

    /// Returns what the sender says that it is.
    #[inline]
    pub(crate) fn content_type(&self) -> Option<&str> {
        match self {
            Content::Body(body) => body.content_type(),
            Content::Bytes(content_type, _) => Some(content_type),
            Content::JsonText(_) | Content::Draft(_) => None,
        }
    }
}

impl Draft {
    fn new() -> Draft {
        // A thread that ends has no spare buffer any more.
        let mut bytes = SPARE.try_with(Cell::take).unwrap_or_default();
        bytes.clear();
        Draft(bytes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.0.capacity() <= KEPT_BYTES {
            let bytes = std::mem::take(&mut self.0);
            let _ = SPARE.try_with(|spare| spare.set(bytes));
        }
    }
}

/// Bytes of a buffer that is worth keeping for each thread.
const KEPT_BYTES: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_writes_value_after_value_into_one_buffer() {
        let place = |value: &str| match Content::json(value).unwrap() {
            Content::Draft(draft) => (draft.0.as_ptr(), draft.0.clone()),
            other => panic!("{other:?}"),
        };
        let (first, text) = place("a longer text comes first");
        assert_eq!(text, br#""a longer text comes first""#);
        let (second, text) = place("a text");
        assert_eq!((second, text), (first, br#""a text""#.to_vec()));
    }

    #[test]
    fn two_values_at_a_time_have_a_buffer_each() {
        let (one, other) = (Content::json(&1).unwrap(), Content::json(&2).unwrap());
        assert_eq!(one.payload(), Payload::checked(&b"1"[..]));
        assert_eq!(other.payload(), Payload::checked(&b"2"[..]));
    }
}
