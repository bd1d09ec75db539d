//! JSON texts that seem to come by chance, for tests.

/// Makes numbers that seem to come by chance, and are the same in each run.
pub(crate) struct Chance(u64);

impl Chance {
    /// Begins a run of its own for each seed.
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// Makes the text of a value.
    pub(crate) fn text(&mut self) -> String {
        let mut text = String::new();
        self.value(0, &mut text);
        text
    }

    /// Makes the text of a value with something put in, or in the place of a character.
    pub(crate) fn damaged(&mut self) -> String {
        let faults = [
            "", "\"", "\\", "\\u12", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", " ", "\n", "\u{1}",
            "\u{7f}", "x", "null", "\u{fc}",
        ];
        let mut text = self.text();
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let at = places[self.below(places.len())];
        let cut = text[at..].chars().next().map_or(0, char::len_utf8) * self.below(2);
        text.replace_range(at..at + cut, faults[self.below(faults.len())]);
        text
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }

    /// Appends a value.
    fn value(&mut self, depth: u32, text: &mut String) {
        match self.below(if depth < 6 { 8 } else { 6 }) {
            0 => text.push_str("null"),
            1 => text.push_str(["true", "false"][self.below(2)]),
            2 | 3 => text.push_str(
                [
                    "0",
                    "-0.5",
                    "12",
                    "1e9",
                    "3.25E-07",
                    "-7e+1",
                    "1234567890123456789012",
                ][self.below(7)],
            ),
            4 | 5 => self.string(text),
            kind => {
                let brackets = [['[', ']'], ['{', '}']][kind - 6];
                text.push(brackets[0]);
                for index in 0..self.below(4) {
                    text.push_str(["", ","][index.min(1)]);
                    text.push_str(["", " ", "\n\t"][self.below(3)]);
                    if kind == 7 {
                        self.string(text);
                        text.push_str([":", " : "][self.below(2)]);
                    }
                    self.value(depth + 1, text);
                }
                text.push(brackets[1]);
            }
        }
    }

    fn string(&mut self, text: &mut String) {
        text.push('"');
        for _ in 0..self.below(5) {
            text.push_str(
                [
                    "plain text",
                    "\u{fc}",
                    "\\n",
                    "\\u00fc",
                    "\\\"",
                    "\\\\",
                    "/",
                    "x",
                    "\u{1f980}",
                ][self.below(9)],
            );
        }
        text.push('"');
    }
}
