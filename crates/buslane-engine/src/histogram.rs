//! Distributions in fixed buckets, as metrics tell them. Observing one value costs a few comparisons and no allocation.

/// How many values lay between fixed bounds, and their sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram<const N: usize> {
    counts: [u64; N],
    above: u64,
    sum: u64,
}

impl<const N: usize> Histogram<N> {
    /// Returns how many values were at most as large as each bound, in the order of the bounds.
    pub fn cumulated(&self) -> [u64; N] {
        let mut total = 0;
        self.counts.map(|count| {
            total += count;
            total
        })
    }

    /// Returns how many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.above
    }

    /// Returns the sum of all values.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// Takes in a value; the bounds are the same for all, in rising order.
    #[inline]
    pub(crate) fn observe(&mut self, bounds: &[u64; N], value: u64) {
        // Most values are small, so that looking from the lowest bound on ends soon.
        *match bounds.iter().position(|bound| value <= *bound) {
            Some(place) => &mut self.counts[place],
            None => &mut self.above,
        } += 1;
        self.sum = self.sum.saturating_add(value);
    }
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Histogram {
            counts: [0; N],
            above: 0,
            sum: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_count_up_to_their_bound_and_beyond() {
        let mut histogram = Histogram::default();
        for value in [0, 10, 11, 100, 101, 5_000] {
            histogram.observe(&[10, 100], value);
        }
        assert_eq!(histogram.cumulated(), [2, 4]);
        assert_eq!((histogram.count(), histogram.sum()), (6, 5_222));
    }
}
