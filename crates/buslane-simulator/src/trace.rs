//! What happened in a run: a hash of all of it, and its last lines when somebody wants to read them.

use std::collections::VecDeque;

/// What happened in a run.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    recording: bool,
    lines: VecDeque<String>,
}

impl Trace {
    /// Begins a trace, which keeps lines only if they are wanted.
    pub(crate) fn new(recording: bool) -> Self {
        Trace {
            hash: OFFSET,
            recording,
            lines: VecDeque::new(),
        }
    }

    /// Takes bytes into the hash.
    pub(crate) fn mix(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix_number(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.mix_number(u64::from(*byte));
        }
        self.mix_number(bytes.len() as u64);
    }

    /// Takes a number into the hash.
    pub(crate) fn mix_number(&mut self, number: u64) {
        self.hash = (self.hash ^ number).wrapping_mul(PRIME).rotate_left(29);
    }

    /// Notes a line, made only if lines are kept.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if !self.recording {
            return;
        }
        if self.lines.len() == KEPT_LINES {
            self.lines.pop_front();
        }
        let mut line = line();
        if let Some((end, _)) = line.char_indices().nth(LINE_LENGTH) {
            line.truncate(end);
        }
        self.lines.push_back(line);
    }

    /// Returns the hash of everything so far.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// Returns the last lines that name one of the subjects, or the last lines at all if there are no subjects.
    pub(crate) fn concerning(&self, subjects: &[String], count: usize) -> Vec<String> {
        let names = |line: &str, subject: &String| {
            line.split(|letter: char| !letter.is_ascii_alphanumeric())
                .any(|word| word == subject)
        };
        let concerned =
            |line: &&String| subjects.is_empty() || subjects.iter().any(|subject| names(line, subject));
        let mut lines: Vec<String> = self
            .lines
            .iter()
            .rev()
            .filter(concerned)
            .take(count)
            .cloned()
            .collect();
        lines.reverse();
        lines
    }
}

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
/// Letters kept of a line.
const LINE_LENGTH: usize = 400;
/// Lines kept of a run that is recorded.
const KEPT_LINES: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_whole_words() {
        let mut trace = Trace::new(true);
        for line in ["c1 says n10", "c10 says n1", "c2 says n10"] {
            trace.note(|| line.to_owned());
        }
        assert_eq!(trace.concerning(&["c1".to_owned()], 9), ["c1 says n10"]);
        assert_eq!(trace.concerning(&["n10".to_owned()], 1), ["c2 says n10"]);
        assert_eq!(trace.concerning(&[], 2).len(), 2);
    }

    #[test]
    fn other_bytes_give_another_hash() {
        let hash = |bytes: &[u8]| {
            let mut trace = Trace::new(false);
            trace.mix(bytes);
            trace.hash()
        };
        assert_ne!(hash(b"abcdefghi"), hash(b"abcdefghj"));
        assert_ne!(hash(b""), hash(b"\0"));
    }
}
