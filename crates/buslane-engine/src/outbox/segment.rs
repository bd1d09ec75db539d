//! The pieces that a lane's backlog is made of. Owns how each stands on the wire and where it may be cut.

use buslane_protocol::{Framing, Gap};

use super::SharedFrame;
use super::websocket::Header;
use crate::buffer_pool::BufferPool;

/// A piece of a lane. Each begins and ends with whole messages.
#[derive(Debug)]
pub(super) enum Segment {
    /// Messages one after another.
    Run(Run),
    /// Bytes that stand on the wire exactly so.
    Wire(Vec<u8>),
    /// A message that other outboxes hold too.
    Shared(SharedFrame),
    /// Stands where deliveries are missing; encoded when its turn to be written comes.
    Gap(Box<Gap>),
}

/// Messages one after another from `start` to the buffer's end. For [`Framing::WebSocketBinary`] their WebSocket
/// header stands right before `start`.
#[derive(Debug)]
pub(super) struct Run {
    buffer: Vec<u8>,
    start: usize,
}

/// What is left of something that was written in part.
#[derive(Debug)]
pub(super) enum Partial {
    /// The bytes of a buffer from the offset on.
    Owned(Vec<u8>, usize),
    /// The bytes of a shared message from the offset on.
    Shared(SharedFrame, usize),
}

impl Run {
    /// Makes a run of a lane's open buffer, which is not empty.
    pub(super) fn new(framing: Framing, buffer: Vec<u8>) -> Run {
        let mut run = Run {
            buffer,
            start: Header::room(framing),
        };
        run.write_header(framing);
        run
    }

    /// Returns the length of all messages.
    pub(super) fn length(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Takes the first message off and returns its length.
    pub(super) fn drop_first(&mut self, framing: Framing) -> usize {
        let length = first(framing, &self.buffer[self.start..]);
        self.start += length;
        self.write_header(framing);
        length
    }

    /// Gives back room that the messages do not need, if it is much.
    pub(super) fn shrink(&mut self, pool: &mut BufferPool) {
        shrink(&mut self.buffer, pool);
    }

    fn write_header(&mut self, framing: Framing) {
        write_header(framing, &mut self.buffer, self.start);
    }

    fn wire_start(&self, framing: Framing) -> usize {
        self.start - Header::length(framing, self.length())
    }

    /// Takes off `taken` bytes of the wire, more than none and fewer than all. Returns the run of what stays whole and
    /// the rest of the message that is cut.
    fn cut(
        mut self,
        framing: Framing,
        taken: usize,
        pool: &mut BufferPool,
    ) -> (Option<Run>, Option<Partial>) {
        let cut = self.wire_start(framing) + taken;
        if framing == Framing::WebSocketBinary {
            return (None, Some(Partial::Owned(self.buffer, cut)));
        }
        while self.start < cut {
            self.start += first(framing, &self.buffer[self.start..]);
        }
        if self.start == cut {
            return (Some(self), None);
        }
        if self.start == self.buffer.len() {
            return (None, Some(Partial::Owned(self.buffer, cut)));
        }
        let rest = self.buffer[cut..self.start].to_vec();
        let held = self.buffer.capacity();
        self.forget_written();
        pool.resized(held, self.buffer.capacity() + rest.capacity());
        (Some(self), Some(Partial::Owned(rest, 0)))
    }

    /// Gives back the room of what was written, so that a message that is cut takes none that was not there: the
    /// account must not grow where nobody asks whether it may.
    fn forget_written(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.shrink_to_fit();
    }
}

impl Segment {
    /// Returns the length of the messages.
    pub(super) fn length(&self) -> usize {
        match self {
            Segment::Run(run) => run.length(),
            Segment::Wire(wire) => wire.len(),
            Segment::Shared(frame) => frame.message_length(),
            Segment::Gap(_) => 0,
        }
    }

    /// Returns the bytes that stand on the wire; none for a gap, which is not encoded yet.
    pub(super) fn wire(&self, framing: Framing) -> &[u8] {
        match self {
            Segment::Run(run) => &run.buffer[run.wire_start(framing)..],
            Segment::Wire(wire) => wire,
            Segment::Shared(frame) => frame.wire(),
            Segment::Gap(_) => &[],
        }
    }

    /// Returns the gap, if it is one.
    pub(super) fn as_gap(&self) -> Option<&Gap> {
        match self {
            Segment::Gap(gap) => Some(gap),
            _ => None,
        }
    }

    /// Takes off `taken` bytes of the wire, more than none and fewer than all. Returns what stays whole and the rest
    /// of what is cut.
    pub(super) fn cut(
        self,
        framing: Framing,
        taken: usize,
        pool: &mut BufferPool,
    ) -> (Option<Segment>, Option<Partial>) {
        match self {
            Segment::Run(run) => {
                let (whole, partial) = run.cut(framing, taken, pool);
                (whole.map(Segment::Run), partial)
            }
            Segment::Wire(wire) => (None, Some(Partial::Owned(wire, taken))),
            Segment::Shared(frame) => (None, Some(Partial::Shared(frame, taken))),
            Segment::Gap(_) => (Some(self), None),
        }
    }

    /// Returns what the pool accounts for the segment.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        match self {
            Segment::Run(run) => run.buffer.capacity(),
            Segment::Wire(wire) => wire.capacity(),
            Segment::Shared(_) => 0,
            Segment::Gap(_) => GAP_BYTES,
        }
    }

    /// Gives what the segment holds back.
    pub(super) fn release(self, pool: &mut BufferPool) {
        match self {
            Segment::Run(run) => pool.give(run.buffer),
            Segment::Wire(wire) => pool.give(wire),
            Segment::Shared(_) => {}
            Segment::Gap(_) => pool.resized(GAP_BYTES, 0),
        }
    }
}

impl Partial {
    /// Returns what is left to write.
    pub(super) fn wire(&self) -> &[u8] {
        match self {
            Partial::Owned(buffer, start) => &buffer[*start..],
            Partial::Shared(frame, start) => &frame.wire()[*start..],
        }
    }

    /// Takes off bytes that were written.
    pub(super) fn advance(&mut self, taken: usize) {
        match self {
            Partial::Owned(_, start) | Partial::Shared(_, start) => *start += taken,
        }
    }

    /// Returns what the pool accounts for the rest.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        match self {
            Partial::Owned(buffer, _) => buffer.capacity(),
            Partial::Shared(..) => 0,
        }
    }

    /// Gives the buffer back.
    pub(super) fn release(self, pool: &mut BufferPool) {
        match self {
            Partial::Owned(buffer, _) => pool.give(buffer),
            Partial::Shared(..) => {}
        }
    }
}

/// Writes the WebSocket header, where the framing has one, right before the messages that begin at `start`.
pub(super) fn write_header(framing: Framing, buffer: &mut [u8], start: usize) {
    if framing == Framing::WebSocketBinary {
        let header = Header::new(framing, buffer.len() - start);
        buffer[start - header.len()..start].copy_from_slice(&header);
    }
}

/// Gives back room that a buffer does not need, if it is much.
pub(super) fn shrink(buffer: &mut Vec<u8>, pool: &mut BufferPool) {
    let before = buffer.capacity();
    if before - buffer.len() > WASTE && before > 2 * buffer.len() {
        buffer.shrink_to_fit();
        pool.resized(before, buffer.capacity());
    }
}

/// The length of the first message, at least 1 so that no walk stands still.
fn first(framing: Framing, messages: &[u8]) -> usize {
    let length = framing.first(messages);
    debug_assert!(
        (1..=messages.len()).contains(&length),
        "a message of {length} bytes in {}",
        messages.len()
    );
    length.clamp(1, messages.len())
}

/// What a gap in a backlog is accounted for, in bytes: its entry, and the text that is left of it when a write takes
/// only a part.
pub(crate) const GAP_BYTES: usize = size_of::<Segment>() + size_of::<Gap>() + GAP_TEXT;
/// Bytes of the longest gap on a wire: its numbers and punctuation, a shared name, and a filter of which JSON escapes
/// every letter.
const GAP_TEXT: usize = 256 + 128 + 2 * 512;
/// Unused bytes of a waiting buffer that are left alone: giving them back would cost more than they do.
const WASTE: usize = 4 << 10;
