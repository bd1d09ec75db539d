//! Reads an input as a list of choices. An input that ends makes the first choice from then on, so that every input is
//! a whole script.

/// An input that is being read.
pub(crate) struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    /// Begins with an input.
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Choices { rest: input }
    }

    /// Tells whether the input has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads a byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.rest.split_off_first().copied().unwrap_or_default()
    }

    /// Reads a number below `count`, which is 256 at most.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }

    /// Reads a number of up to 65,535.
    pub(crate) fn number(&mut self) -> u32 {
        u32::from(u16::from_le_bytes([self.byte(), self.byte()]))
    }

    /// Reads which of several.
    pub(crate) fn among<'c, T>(&mut self, several: &'c [T]) -> &'c T {
        &several[self.below(several.len())]
    }

    /// Reads whether something rare happens: once in `often`.
    pub(crate) fn rarely(&mut self, often: u8) -> bool {
        self.byte() % often == often - 1
    }

    /// Reads bytes behind their number.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let count = usize::from(self.byte()).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(count);
        self.rest = rest;
        bytes
    }

    /// Takes everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}

/// Cuts bytes into pieces whose lengths the first bytes of the input say: up to that many zeros ends the list.
pub(crate) fn pieces<'a>(lengths: &[u8], mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for length in lengths.iter().map(|length| usize::from(*length)) {
        if length == 0 || length >= bytes.len() {
            break;
        }
        let (piece, rest) = bytes.split_at(length);
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}
