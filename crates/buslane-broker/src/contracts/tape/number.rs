//! Numbers as `serde_json` reads them: whole ones of 64 bits, and floating point for all others.

use std::cmp::Ordering;

use super::{Entry, Kind};

/// A number. Compares as what it stands for: `1` and `1.0` are equal.
#[derive(Clone, Copy, Debug)]
pub(in crate::contracts) enum Number {
    /// From 0 on.
    Unsigned(u64),
    /// Below 0.
    Negative(i64),
    /// With a fraction, with an exponent, or too long for the others. Finite.
    Float(f64),
}

impl Number {
    /// Takes over what `serde_json` has read.
    pub(in crate::contracts) fn of(number: &serde_json::Number) -> Option<Number> {
        if let Some(value) = number.as_u64() {
            return Some(Number::Unsigned(value));
        }
        if let Some(value) = number.as_i64() {
            return Some(Number::Negative(value));
        }
        number
            .as_f64()
            .filter(|value| value.is_finite())
            .map(Number::Float)
    }

    /// Returns the number of an entry that is one.
    pub(in crate::contracts) fn from_entry(entry: &Entry) -> Number {
        match entry.kind {
            Kind::Negative => Number::Negative(entry.word.cast_signed()),
            Kind::Float => Number::Float(f64::from_bits(entry.word)),
            _ => Number::Unsigned(entry.word),
        }
    }

    /// Returns what stands for it on a tape.
    pub(super) fn entry(self) -> (Kind, u64) {
        match self {
            Number::Unsigned(value) => (Kind::Unsigned, value),
            Number::Negative(value) => (Kind::Negative, value.cast_unsigned()),
            Number::Float(value) => (Kind::Float, value.to_bits()),
        }
    }

    /// Tells whether there is no fraction.
    pub(in crate::contracts) fn is_whole(self) -> bool {
        match self {
            Number::Float(value) => value.fract() == 0.0,
            _ => true,
        }
    }

    /// Returns the number as floating point, if that is exactly the same.
    fn exact(self) -> Option<f64> {
        match self {
            Number::Unsigned(value) if value <= LARGEST_EXACT => Some(value as f64),
            Number::Negative(value) if value.unsigned_abs() <= LARGEST_EXACT => Some(value as f64),
            Number::Float(value) => Some(value),
            _ => None,
        }
    }

    fn whole(self) -> Option<i128> {
        match self {
            Number::Unsigned(value) => Some(value.into()),
            Number::Negative(value) => Some(value.into()),
            Number::Float(_) => None,
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        if let (Some(one), Some(two)) = (self.exact(), other.exact()) {
            return one.partial_cmp(&two);
        }
        match (self, other) {
            (Number::Float(one), two) => two.whole().map(|two| compare(two, *one).reverse()),
            (one, Number::Float(two)) => one.whole().map(|one| compare(one, *two)),
            (one, two) => Some(one.whole().cmp(&two.whole())),
        }
    }
}

/// Compares a whole number of at most 65 bits with any other, exactly.
fn compare(whole: i128, float: f64) -> Ordering {
    // What is out of range becomes the largest or smallest number, which no whole number here is.
    let rounded = float.trunc();
    whole.cmp(&(rounded as i128)).then_with(|| {
        let rest = float - rounded;
        0.0.partial_cmp(&rest).unwrap_or(Ordering::Equal)
    })
}

/// Up to here, whole numbers are exact as floating point.
pub(super) const LARGEST_EXACT: u64 = 1 << 53;

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::of(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn numbers_compare_as_what_they_stand_for() {
        // Each is smaller than the next.
        let ascending = [
            "-1e300",
            "-9223372036854775808",
            "-9007199254740993",
            "-9007199254740992.0",
            "-1.5",
            "-1",
            "-0.5",
            "0",
            "0.5",
            "1",
            "1.5",
            "9007199254740992.0",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
        ];
        for (index, one) in ascending.iter().enumerate() {
            for (other, two) in ascending.iter().enumerate() {
                assert_eq!(
                    number(one).partial_cmp(&number(two)),
                    Some(index.cmp(&other)),
                    "{one} and {two}"
                );
            }
        }
        for (one, two) in [("1", "1.0"), ("-0", "0"), ("-3", "-3.0"), ("100", "1e2")] {
            assert!(number(one) == number(two), "{one} and {two}");
        }
    }

    #[test]
    fn a_number_without_a_fraction_is_whole_however_it_is_written() {
        for text in ["1", "-1", "1.0", "1e3", "18446744073709551616", "-0"] {
            assert!(number(text).is_whole(), "{text}");
        }
        assert!(!number("1.5").is_whole());
    }
}
