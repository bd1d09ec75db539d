//! The one source of chance of a simulated run: numbers that follow from the seed alone.

/// The session's own generator, with draws that a simulation needs.
#[derive(Clone, Debug)]
pub(crate) struct Random(buslane_session::Random);

impl Random {
    /// Starts the sequence that belongs to a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Random(buslane_session::Random::new(seed))
    }

    /// Returns the sequence's next number.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// Returns a number below `bound`, or 0 if that is 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// Returns a number from `low` up to and including `high`.
    pub(crate) const fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Returns an index into something of `length` entries.
    pub(crate) const fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// Tells yes in `percent` of 100 cases.
    pub(crate) const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Chooses one of several.
    pub(crate) const fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }

    /// Chooses an index by weights.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = u64> + Clone) -> usize {
        let mut left = self.below(weights.clone().sum());
        for (index, weight) in weights.enumerate() {
            if left < weight {
                return index;
            }
            left -= weight;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_weighs_nothing_is_never_chosen() {
        let mut random = Random::new(1);
        assert!((0..1_000).all(|_| random.weighted([0, 3, 0, 1].into_iter()) % 2 == 1));
    }
}
