//! A set of texts, each with its position, in which a text of a payload is found by one multiplication.

use crate::contracts::tape::word;

/// Some texts, all different.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// All texts, one behind another.
    joined: Box<str>,
    texts: Box<[Text]>,
    /// Positions in `texts` counted from 1; 0 is nothing.
    slots: Box<[u16]>,
    factor: u64,
    shift: u32,
}

/// One text.
#[derive(Debug)]
struct Text {
    word: u64,
    /// Where it is among all texts.
    start: u32,
    length: u32,
}

impl Names {
    /// Arranges texts, all different. `None` if they cannot be told apart soon, which takes texts that are made so.
    pub(super) fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Names> {
        let mut joined = String::new();
        let text = |text: &str| {
            // A schema is not that long.
            let (start, length) = (joined.len() as u32, text.len() as u32);
            joined.push_str(text);
            let word = word(text.as_bytes());
            Text { word, start, length }
        };
        let texts: Box<[Text]> = texts.into_iter().map(text).collect();
        let bits = (texts.len().max(1) * SLOTS_PER_TEXT)
            .next_power_of_two()
            .trailing_zeros();
        let (size, shift) = (1 << bits, u64::BITS - bits);
        let (slots, factor) = (0..ATTEMPTS).find_map(|attempt| {
            let factor = FACTOR.wrapping_mul(2 * attempt + 1);
            arrange(&texts, factor, shift, size).map(|slots| (slots, factor))
        })?;
        Some(Names {
            joined: joined.into(),
            texts,
            slots,
            factor,
            shift,
        })
    }

    /// Returns the position of a text, whose [`word`] and length are given: those of a short text are all there is to
    /// know of it.
    #[inline]
    pub(super) fn find<'a>(&self, word: u64, length: usize, text: impl Fn() -> &'a str) -> Option<usize> {
        let start = slot(word, self.factor, self.shift);
        for probe in 0..MOST_PROBES {
            let position = *self.slots.get(start + probe)?;
            let position = usize::from(position).checked_sub(1)?;
            let known = self.texts.get(position)?;
            let is_alike = known.word == word && known.length as usize == length;
            if is_alike && (length <= size_of::<u64>() || self.text(position) == text()) {
                return Some(position);
            }
        }
        None
    }

    /// Returns the text at a position.
    pub(super) fn text(&self, position: usize) -> &str {
        let text = &self.texts[position];
        &self.joined[text.start as usize..][..text.length as usize]
    }

    /// Returns about how many bytes it holds on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.joined.len() + size_of_val(&*self.texts) + size_of_val(&*self.slots) + ALLOCATIONS
    }
}

/// Puts each text into the first free slot from its own on; `None` if one is too far away.
fn arrange(texts: &[Text], factor: u64, shift: u32, size: usize) -> Option<Box<[u16]>> {
    let mut slots = vec![0; size + MOST_PROBES].into_boxed_slice();
    for (index, text) in texts.iter().enumerate() {
        let start = slot(text.word, factor, shift);
        let mut near = slots[start..start + MOST_PROBES].iter_mut();
        *near.find(|position| **position == 0)? = u16::try_from(index + 1).ok()?;
    }
    Some(slots)
}

fn slot(word: u64, factor: u64, shift: u32) -> usize {
    (word.wrapping_mul(factor) >> shift) as usize
}

/// An odd number whose bits are spread.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// How many factors are tried.
const ATTEMPTS: u64 = 16;
const SLOTS_PER_TEXT: usize = 4;
/// Slots that are looked at for one text.
const MOST_PROBES: usize = 8;
/// Bytes that the allocations take beside what they hold.
const ALLOCATIONS: usize = 3 * 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &Names, text: &str) -> Option<usize> {
        names.find(word(text.as_bytes()), text.len(), || text)
    }

    #[test]
    fn each_text_is_found_at_its_position_and_no_other() {
        for count in [0, 1, 2, 3, 10, 100, 2_000] {
            let texts: Vec<String> = (0..count).map(|index| format!("name{index}")).collect();
            let names = Names::new(texts.iter().map(String::as_str)).unwrap();
            for (index, text) in texts.iter().enumerate() {
                assert_eq!(find(&names, text), Some(index));
            }
            for other in ["", "n", "name", "name-1", "another name altogether"] {
                assert_eq!(find(&names, other), None);
            }
        }
    }

    #[test]
    fn texts_that_are_made_to_look_alike_are_not_arranged() {
        let texts: Vec<String> = (0..20)
            .map(|index| format!("the same{index:04}the same"))
            .collect();
        assert!(Names::new(texts.iter().map(String::as_str)).is_none());
        let few = &texts[..4];
        let names = Names::new(few.iter().map(String::as_str)).unwrap();
        for (index, text) in few.iter().enumerate() {
            assert_eq!(find(&names, text), Some(index));
        }
    }
}
