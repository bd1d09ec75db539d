//! The choices of one attempt after the other: first those that are best, then systematically others, then by chance.

/// Answers questions in the order in which they are asked, and remembers the answers.
#[derive(Debug, Default)]
pub(super) struct Choices {
    /// The answers, each with the number of possible ones.
    made: Vec<(usize, usize)>,
    /// How many of them the present attempt has asked for.
    asked: usize,
    attempts: usize,
    /// Steps taken in the present attempt, and in all before.
    steps: usize,
    steps_before: usize,
    /// The state of the generator, once chance decides.
    chance: Option<u64>,
}

impl Choices {
    /// Chooses one of so many, the best of which is 0.
    pub(super) fn pick(&mut self, count: usize) -> usize {
        if count < 2 {
            return 0;
        }
        let index = self.asked;
        self.asked += 1;
        if let Some(state) = &mut self.chance {
            return chosen_by_chance(state, count);
        }
        match self.made.get_mut(index) {
            Some(made) => {
                made.1 = count;
                made.0.min(count - 1)
            }
            None => {
                self.made.push((0, count));
                0
            }
        }
    }

    /// Counts a step of the work; tells whether it is still worth it.
    pub(super) fn step(&mut self) -> bool {
        self.steps += 1;
        self.steps <= STEPS_OF_AN_ATTEMPT
    }

    /// Goes on to the next attempt; tells whether there is one.
    pub(super) fn advance(&mut self) -> bool {
        self.attempts += 1;
        self.steps_before += std::mem::take(&mut self.steps);
        if self.steps_before > STEPS_IN_ALL {
            return false;
        }
        self.made.truncate(self.asked);
        self.asked = 0;
        if self.chance.is_some() {
            return true;
        }
        while let Some((chosen, count)) = self.made.pop() {
            if chosen + 1 < count {
                self.made.push((chosen + 1, count));
                if self.attempts >= SYSTEMATIC {
                    self.chance = Some(SEED);
                }
                return true;
            }
        }
        false
    }
}

/// Chooses the best in half of the cases, so that what is right already mostly stays.
fn chosen_by_chance(state: &mut u64, count: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    let random = (*state >> 16) as usize;
    match random % 2 {
        0 => 0,
        _ => random / 2 % count,
    }
}

/// Schemas and values that an attempt may look at: a schema can ask for more than anybody waits for.
const STEPS_OF_AN_ATTEMPT: usize = 20_000;
const STEPS_IN_ALL: usize = 100_000;
/// Attempts that change the last choice first.
const SYSTEMATIC: usize = 120;
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_comes_once() {
        let mut choices = Choices::default();
        let mut seen = Vec::new();
        loop {
            let first = choices.pick(2);
            seen.push((first, choices.pick(if first == 0 { 3 } else { 1 })));
            if !choices.advance() {
                break;
            }
        }
        assert_eq!(seen, [(0, 0), (0, 1), (0, 2), (1, 0)]);
    }

    #[test]
    fn chance_takes_over_where_there_are_too_many() {
        let mut choices = Choices::default();
        let mut firsts = Vec::new();
        for _ in 0..4 * SYSTEMATIC {
            firsts.push(choices.pick(2));
            for _ in 0..20 {
                choices.pick(5);
            }
            assert!(choices.advance());
        }
        assert!(firsts.contains(&1));
    }
}
