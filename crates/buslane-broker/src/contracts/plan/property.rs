//! A property of an object: its name, in a form that is compared with the text of a payload at once, and its rule.

use std::sync::atomic::{AtomicU8, Ordering};

use super::RuleId;
use crate::contracts::tape::{Cursor, word};

/// A property, which is declared or only required.
#[derive(Debug)]
pub(super) struct Property {
    /// `None` if it is only required, so that it counts as a member that nothing covers.
    pub(super) rule: Option<RuleId>,
    pub(super) required: bool,
    /// Which property came behind this one in the last object. Only a guess of what comes next.
    next: AtomicU8,
    /// Bytes of `"name":`; 0 if a payload has to write the name with escapes.
    length: u32,
    /// The first eight of these bytes, or all of them behind as many zeros as are missing.
    head: u64,
    /// The last eight bytes, if there are more.
    tail: u64,
}

impl Property {
    /// Makes a property without a rule.
    pub(super) fn new(name: &str, required: bool, next: u8) -> Property {
        let quoted = format!("\"{name}\":");
        let bytes = quoted.as_bytes();
        let (head, tail) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
            _ => (word(bytes) << missing(bytes.len()), 0),
        };
        let is_plain = !name.bytes().any(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
        Property {
            required,
            rule: None,
            next: AtomicU8::new(next),
            // A schema is not that long.
            length: if is_plain { bytes.len() as u32 } else { 0 },
            head,
            tail,
        }
    }

    /// Takes the name with the quotation marks and the colon, if exactly that comes next. `name` is the property's own.
    #[inline]
    pub(super) fn takes<'a>(&self, cursor: &mut Cursor<'_>, name: impl Fn() -> &'a str) -> bool {
        let length = self.length as usize;
        let Some(head) = cursor.ahead(0) else {
            return false;
        };
        let comes = match length {
            0 => false,
            1..=8 => head << missing(length) == self.head,
            _ => {
                head == self.head
                    && cursor.ahead(length - 8) == Some(self.tail)
                    && (length <= 16 || cursor.comes(1, name().as_bytes()))
            }
        };
        if comes {
            cursor.skip(length);
        }
        comes
    }

    /// Returns which property is likely to come behind this one.
    #[inline]
    pub(super) fn next(&self) -> u8 {
        self.next.load(Ordering::Relaxed)
    }

    /// Notes which property came behind this one.
    pub(super) fn lead_to(&self, next: u8) {
        self.next.store(next, Ordering::Relaxed);
    }
}

/// Returns how many bits are missing to eight bytes.
fn missing(bytes: usize) -> usize {
    64 - 8 * bytes
}
