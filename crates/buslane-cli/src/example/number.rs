//! Numbers between bounds.

use serde_json::{Number, Value};

use super::node::Node;

/// What a number has to be.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    least: Option<Bound>,
    most: Option<Bound>,
    multiples: Vec<f64>,
}

/// A bound, which may be excluded itself.
#[derive(Clone, Copy, Debug)]
struct Bound {
    value: f64,
    excluded: bool,
}

impl Bounds {
    /// Adds what a schema says.
    pub(super) fn narrow(&mut self, node: &Node<'_>) {
        // In draft 4 `exclusiveMinimum` is a mark of `minimum`.
        let bound = |plain: &str, exclusive: &str| {
            let excluded = node.keyword(exclusive) == Some(&Value::Bool(true));
            let value = node.keyword(plain).and_then(Value::as_f64);
            let other = node.keyword(exclusive).and_then(Value::as_f64);
            let bounds = [
                value.map(|value| Bound { value, excluded }),
                other.map(|value| Bound {
                    value,
                    excluded: true,
                }),
            ];
            bounds.into_iter().flatten()
        };
        for one in bound("minimum", "exclusiveMinimum") {
            let narrower = |known: Bound| one.value > known.value || one.value == known.value && one.excluded;
            if self.least.is_none_or(narrower) {
                self.least = Some(one);
            }
        }
        for one in bound("maximum", "exclusiveMaximum") {
            let narrower = |known: Bound| one.value < known.value || one.value == known.value && one.excluded;
            if self.most.is_none_or(narrower) {
                self.most = Some(one);
            }
        }
        let multiple = node.keyword("multipleOf").or(node.keyword("divisibleBy"));
        self.multiples
            .extend(multiple.and_then(Value::as_f64).filter(|step| *step > 0.0));
    }

    /// Tells whether anything is said.
    pub(super) fn are_any(&self) -> bool {
        self.least.is_some() || self.most.is_some() || !self.multiples.is_empty()
    }

    /// Finds an integer, `salt` places after the first one.
    pub(super) fn integer(&self, salt: usize) -> Option<Value> {
        let mut wanted: Vec<f64> = [1.0, 0.0].into_iter().chain(self.starts()).collect();
        if self.multiples.is_empty() {
            wanted = wanted
                .into_iter()
                .flat_map(|start| [start, start.ceil(), start.floor()])
                .collect();
        } else {
            wanted = wanted
                .into_iter()
                .flat_map(|start| self.multiples_from(start))
                .collect();
        }
        let found: Vec<f64> = wanted
            .into_iter()
            .filter(|number| number.fract() == 0.0 && self.admit(*number))
            .collect();
        let number = self.salted(&found, salt)?;
        exact(number)
    }

    /// Finds a number, `salt` places after the first one.
    pub(super) fn number(&self, salt: usize) -> Option<Value> {
        let mut wanted: Vec<f64> = [1.5, 1.0, 0.0].into_iter().chain(self.starts()).collect();
        if !self.multiples.is_empty() {
            wanted = wanted
                .into_iter()
                .flat_map(|start| self.multiples_from(start))
                .collect();
        }
        let found: Vec<f64> = wanted.into_iter().filter(|number| self.admit(*number)).collect();
        let number = self.salted(&found, salt)?;
        match number.fract() == 0.0 {
            true => exact(number),
            false => Number::from_f64(number).map(Value::Number),
        }
    }

    /// Returns numbers near the bounds.
    fn starts(&self) -> Vec<f64> {
        let (least, most) = (
            self.least.map(|bound| bound.value),
            self.most.map(|bound| bound.value),
        );
        let middle = least.zip(most).map(|(least, most)| least / 2.0 + most / 2.0);
        let after = least
            .map(|least| [least, least + 1.0, least + 0.5])
            .into_iter()
            .flatten();
        let before = most
            .map(|most| [most, most - 1.0, most - 0.5])
            .into_iter()
            .flatten();
        after.chain(middle).chain(before).collect()
    }

    /// Returns the first multiples from a number on and before it.
    fn multiples_from(&self, start: f64) -> Vec<f64> {
        let Some(step) = self.multiples.iter().copied().reduce(common_multiple) else {
            return vec![start];
        };
        let first = (start / step).ceil();
        [0.0, 1.0, -1.0]
            .iter()
            .map(|more| rounded((first + more) * step))
            .collect()
    }

    /// Tells whether a number is within the bounds.
    fn admit(&self, number: f64) -> bool {
        self.least
            .is_none_or(|bound| number > bound.value || number == bound.value && !bound.excluded)
            && self
                .most
                .is_none_or(|bound| number < bound.value || number == bound.value && !bound.excluded)
    }

    /// Goes on from the first number that was found.
    fn salted(&self, found: &[f64], salt: usize) -> Option<f64> {
        let first = *found.first()?;
        let step = self
            .multiples
            .iter()
            .copied()
            .reduce(common_multiple)
            .unwrap_or(1.0);
        let shifted = [first + salt as f64 * step, first - salt as f64 * step].map(rounded);
        let others = found.get(salt % found.len()).copied();
        shifted.into_iter().find(|number| self.admit(*number)).or(others)
    }
}

/// Returns a number that is a multiple of both, as far as a small one is.
fn common_multiple(one: f64, other: f64) -> f64 {
    let is_multiple = |number: &f64| (number / other - (number / other).round()).abs() < TINY;
    (1..=MOST_STEPS)
        .map(|times| rounded(one * f64::from(times)))
        .find(is_multiple)
        .unwrap_or(one)
}

/// Takes away what binary fractions add to decimal ones.
fn rounded(number: f64) -> f64 {
    format!("{number:.12}").parse().unwrap_or(number)
}

/// Makes an integer as JSON writes it.
fn exact(number: f64) -> Option<Value> {
    match number.abs() < EXACT {
        true => Some(Value::from(number as i64)),
        false => Number::from_f64(number).map(Value::Number),
    }
}

/// Integers below it are exact in 64 bits of floating point.
const EXACT: f64 = 9_007_199_254_740_992.0;
const TINY: f64 = 1e-9;
const MOST_STEPS: u32 = 1_000;
