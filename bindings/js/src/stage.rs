//! What JavaScript writes into this module's memory before a call: texts and bytes, each with its length in the call, so
//! that what crosses are numbers only. Owns the layout; knows not what the parts are for.
//!
//! ```text
//! 0          1024
//! | address  | first part | second part | ...
//! ```
//!
//! The address of one call is often that of the next, and then it is not written again. One that has no room in its
//! place stands before the first part.
//!
//! Publishes that are gathered stand in the place of the parts, as items: a `u32`, four times the length and what kind of
//! item it is, then so many bytes. An item of kind 3 is the topic of those that follow; the others are payloads.

use std::str;

use crate::batch::place;

/// The memory that JavaScript writes to.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    bytes: Vec<u8>,
}

impl Stage {
    /// Gets room for so many bytes, keeps what there is, and returns where it begins.
    pub(crate) fn resize(&mut self, length: u32) -> u32 {
        self.bytes.resize(length as usize, 0);
        self.bytes.shrink_to(length as usize);
        place(&self.bytes)
    }

    /// Begins to take parts out.
    pub(crate) fn parts(&self) -> Parts<'_> {
        Parts(self.bytes.get(ADDRESS_BYTES..).unwrap_or_default())
    }

    /// Takes the items out that were gathered in so many bytes: what kind each is, and its bytes.
    pub(crate) fn gathered(&self, length: u32) -> impl Iterator<Item = (u8, &[u8])> {
        let mut items = Parts(self.parts().bytes(length));
        std::iter::from_fn(move || {
            let head = u32::from_le_bytes(items.bytes(4).try_into().ok()?);
            Some(((head & 3) as u8, items.bytes(head >> 2)))
        })
    }

    /// Begins to take parts out, after the address.
    pub(crate) fn addressed(&self, length: u32) -> (&str, Parts<'_>) {
        let mut parts = self.parts();
        let address = match self.bytes.get(..length as usize) {
            Some(address) if address.len() <= ADDRESS_BYTES => text(address),
            _ => parts.text(length),
        };
        (address, parts)
    }
}

/// The parts of a call that were not taken yet.
#[derive(Debug)]
pub(crate) struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    /// Takes bytes; none if there are not so many.
    pub(crate) fn bytes(&mut self, length: u32) -> &'a [u8] {
        let (part, rest) = self.0.split_at_checked(length as usize).unwrap_or_default();
        self.0 = rest;
        part
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, length: u32) -> &'a str {
        text(self.bytes(length))
    }

    /// Takes a text that may be absent, which a length below 0 says.
    pub(crate) fn optional(&mut self, length: i32) -> Option<&'a str> {
        u32::try_from(length).ok().map(|length| self.text(length))
    }

    /// Takes texts that have their lengths before them, in so many bytes.
    pub(crate) fn texts(&mut self, length: u32) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut parts = Parts(self.bytes(length));
        std::iter::from_fn(move || {
            let length: [u8; 4] = parts.bytes(4).try_into().ok()?;
            Some(parts.text(u32::from_le_bytes(length)))
        })
    }
}

/// Reads what the encoder of JavaScript wrote, which is never anything but UTF-8.
pub(crate) fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

/// The kind of an item that is a topic; the others are those of a payload.
pub(crate) const TOPIC: u8 = 3;
/// Bytes that are kept for the address.
const ADDRESS_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(address: &[u8], rest: &[u8]) -> Stage {
        let mut stage = Stage::default();
        stage.resize((ADDRESS_BYTES + rest.len()) as u32);
        stage.bytes[..address.len()].copy_from_slice(address);
        stage.bytes[ADDRESS_BYTES..].copy_from_slice(rest);
        stage
    }

    #[test]
    fn parts_follow_one_another_behind_the_place_of_the_address() {
        let stage = stage(b"a/b", b"onetwo");
        let (address, mut parts) = stage.addressed(3);
        assert_eq!(address, "a/b");
        assert_eq!(
            (parts.text(3), parts.optional(-1), parts.optional(3)),
            ("one", None, Some("two"))
        );
    }

    #[test]
    fn an_address_without_room_in_its_place_is_the_first_part() {
        let long = "x".repeat(ADDRESS_BYTES + 1);
        let stage = stage(b"before", format!("{long}rest").as_bytes());
        let (address, mut parts) = stage.addressed(long.len() as u32);
        assert_eq!((address, parts.bytes(4)), (&long[..], &b"rest"[..]));
    }

    #[test]
    fn texts_have_their_lengths_before_them() {
        let stage = stage(b"", b"\x01\0\0\0a\0\0\0\0\x02\0\0\0bcd");
        let mut parts = stage.parts();
        assert!(parts.texts(15).eq(["a", "", "bc"]));
        assert_eq!(parts.bytes(1), b"d");
    }

    #[test]
    fn gathered_publishes_follow_their_topics() {
        let stage = stage(b"", b"\x0f\0\0\0a/b\x05\0\0\x001\0\0\0\0\x0b\0\0\0cd\x0a\0\0\0xy");
        let items: [(u8, &[u8]); 5] = [(TOPIC, b"a/b"), (1, b"1"), (0, b""), (TOPIC, b"cd"), (2, b"xy")];
        assert!(stage.gathered(28).eq(items));
    }

    #[test]
    fn lengths_that_are_not_there_give_nothing() {
        let stage = stage(b"", b"ab");
        assert_eq!(stage.parts().bytes(3), b"");
        assert_eq!(Stage::default().addressed(1).0, "");
        assert_eq!(stage.parts().texts(2).next(), None);
    }
}
