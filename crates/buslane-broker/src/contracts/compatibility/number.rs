//! Numbers and values as JSON Schema compares them: by value, so that 1 is 1.0, and without rounding.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Compares two numbers.
pub(super) fn compare(one: &Number, other: &Number) -> Ordering {
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        // One of them has a fraction, which only small numbers have, or lies beyond all whole numbers of 128 bits: as
        // floating point they differ as they do by value.
        _ => match (one.as_f64(), other.as_f64()) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            _ => Ordering::Equal,
        },
    }
}

/// Returns a number as a whole one, if it is whole and not astronomically large.
pub(super) fn whole(number: &Number) -> Option<i128> {
    if let Some(number) = number.as_i64() {
        return Some(i128::from(number));
    }
    if let Some(number) = number.as_u64() {
        return Some(i128::from(number));
    }
    let number = number.as_f64()?;
    (number.fract() == 0.0 && number.abs() < LARGEST_WHOLE).then_some(number as i128)
}

/// Tells whether two values are the same to a schema.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => compare(one, other).is_eq(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same =
                |(name, value): (&String, &Value)| other.get(name).is_some_and(|other| equal(value, other));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

/// Whole numbers of 128 bits end beyond this.
const LARGEST_WHOLE: f64 = 1e38;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_compared_by_value_and_without_rounding() {
        let number = |value: Value| match value {
            Value::Number(number) => number,
            other => panic!("{other} is no number"),
        };
        let ordered = [
            json!(-1e300),
            json!(i64::MIN),
            json!(-0.5),
            json!(0),
            json!(0.5),
            json!(9_007_199_254_740_992_u64),
            json!(9_007_199_254_740_993_u64),
            json!(u64::MAX),
            json!(1e300),
        ];
        for (index, one) in ordered.iter().enumerate() {
            for (place, other) in ordered.iter().enumerate() {
                let order = compare(&number(one.clone()), &number(other.clone()));
                assert_eq!(order, index.cmp(&place), "{one} {other}");
            }
        }
        assert!(equal(&json!({ "a": [1, -0.0] }), &json!({ "a": [1.0, 0] })));
        assert!(!equal(&json!({ "a": 1 }), &json!({ "a": 1, "b": 1 })));
        assert!(!equal(&json!(1), &json!("1")));
    }
}
