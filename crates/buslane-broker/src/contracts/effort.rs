//! How much work one payload may make: bounded by what it holds and what its schema applies, before the work is done.
//!
//! Whether a schema can be used at all is found out by `cost.rs`. What is left grows with the payload only:
//!
//! ```text
//!   values of the payload  x  subschemas that apply to one value      at most 100 million
//!   bytes of the payload   x  size of all patterns, in 8 KiB          at most 400 million
//! ```

use serde_json::Value;

use super::cost::Cost;
use super::size::{PATTERN_SIZES, patterns_of};

/// What a payload costs for each of its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Subschemas that apply to one value at most.
    per_value: u64,
    /// The size of the patterns, each of them one at least.
    per_byte: u64,
}

impl Effort {
    /// Finds out the effort of a schema, from its cost and from all documents that take part.
    pub(super) fn of<'a>(cost: &Cost, documents: impl Iterator<Item = &'a Value>) -> Effort {
        let unit = PATTERN_SIZES[0];
        let patterns = documents.flat_map(patterns_of);
        let weights = patterns.map(|size| size.div_ceil(unit) as u64);
        Effort {
            per_value: cost.width(),
            per_byte: weights.sum(),
        }
    }

    /// Tells whether a payload of some bytes may be held against the schema. Its values are counted only if the answer
    /// depends on them.
    pub(super) fn allows(&self, bytes: usize, count: impl FnOnce() -> usize) -> bool {
        let bytes = bytes as u64;
        if bytes.saturating_mul(self.per_byte) > MOST_MATCHED {
            return false;
        }
        // Each value has a byte at least.
        bytes.saturating_mul(self.per_value) <= MOST_APPLIED
            || (count() as u64).saturating_mul(self.per_value) <= MOST_APPLIED
    }
}

/// Counts the values in a text that is JSON, from above.
pub(super) fn values(text: &[u8]) -> usize {
    let separators = text
        .iter()
        .filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{'));
    1 + separators.count()
}

/// Subschemas applied for one payload.
const MOST_APPLIED: u64 = 100_000_000;
/// Bytes matched for one payload, by patterns of the smallest size.
const MOST_MATCHED: u64 = 400_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_only_counted_where_there_may_be_too_many() {
        let effort = Effort {
            per_value: 1_000,
            per_byte: 0,
        };
        assert!(effort.allows(100_000, || panic!("they need no counting")));
        assert!(effort.allows(1_000_000, || 100_000));
        assert!(!effort.allows(1_000_000, || 100_001));
    }

    #[test]
    fn patterns_count_by_byte() {
        let effort = Effort {
            per_value: 1,
            per_byte: 400,
        };
        assert!(effort.allows(1_000_000, || 1));
        assert!(!effort.allows(1_000_001, || 1));
    }

    #[test]
    fn no_value_is_left_out_of_the_count() {
        for (text, count) in [
            ("1", 1),
            ("[]", 2),
            ("[1,2]", 3),
            ("{\"a\":1,\"b\":[2]}", 6),
            ("\",,\"", 3),
        ] {
            assert_eq!(values(text.as_bytes()), count, "{text}");
        }
    }
}
