//! The rarer half of an outbox: what does not fit into a lane's open buffer, or was written in part. Owns the order in
//! which segments go out and where deliveries may be dropped.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use buslane_protocol::{Framing, Gap};

use super::segment::{GAP_BYTES, Partial, Segment, encode_gap};
use super::{Dropped, take};
use crate::buffer_pool::BufferPool;

/// Segments of both lanes, and what is left of something written in part, which goes before them all.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    partial: Option<Partial>,
    control: VecDeque<Segment>,
    deliveries: VecDeque<Segment>,
    /// The gap at the head of the deliveries as it stands on the wire, while it is offered.
    gap: Vec<u8>,
}

/// The gaps that come together at one place: one for the client, and one for each subscription that has its own.
#[derive(Default)]
struct HeadGaps {
    plain: Option<Box<Gap>>,
    labelled: Vec<Box<Gap>>,
}

impl HeadGaps {
    fn add(&mut self, gap: Box<Gap>, pool: &mut BufferPool) {
        if self
            .plain
            .iter_mut()
            .chain(&mut self.labelled)
            .any(|there| merge(there, &gap))
        {
            pool.resized(GAP_BYTES, 0);
        } else if same_subscription(&gap, &Gap::default()) {
            self.plain = Some(gap);
        } else {
            self.labelled.push(gap);
        }
    }
}

/// What one call of [`Backlog::offer`] moved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offered {
    /// Whether all was taken that was offered.
    pub(super) all: bool,
    /// Bytes of messages that left the control lane.
    pub(super) control: usize,
    /// Bytes of messages that left the delivery lane.
    pub(super) deliveries: usize,
}

impl Backlog {
    /// Tells whether nothing is left to write.
    pub(super) fn is_empty(&self) -> bool {
        self.partial.is_none() && self.control.is_empty() && self.deliveries.is_empty()
    }

    /// Appends to the control lane.
    pub(super) fn push_control(&mut self, segment: Segment) {
        self.control.push_back(segment);
    }

    /// Appends to the delivery lane.
    pub(super) fn push_delivery(&mut self, segment: Segment) {
        self.deliveries.push_back(segment);
    }

    /// Appends a gap to the delivery lane, or adds it to one of the same subscription at the lane's end.
    pub(super) fn push_gap(&mut self, gap: Gap, pool: &mut BufferPool) {
        let at_the_end = self
            .deliveries
            .iter_mut()
            .rev()
            .map_while(|segment| match segment {
                Segment::Gap(there) => Some(there),
                _ => None,
            });
        for there in at_the_end {
            if merge(there, &gap) {
                return;
            }
        }
        pool.resized(0, GAP_BYTES);
        self.deliveries.push_back(Segment::Gap(Box::new(gap)));
    }

    /// Discards the oldest deliveries until at least `surplus` bytes of messages are gone or no segment is left, and
    /// puts a gap in their place.
    pub(super) fn drop_oldest(&mut self, framing: Framing, surplus: usize, pool: &mut BufferPool) -> Dropped {
        let mut dropped = Dropped::default();
        let mut gaps = HeadGaps::default();
        while dropped.bytes < surplus as u64 {
            let Some(segment) = self.deliveries.pop_front() else {
                break;
            };
            let length = match segment {
                Segment::Gap(gap) => {
                    gaps.add(gap, pool);
                    continue;
                }
                Segment::Run(mut run) => {
                    let length = run.drop_first(framing);
                    match run.length() {
                        0 => Segment::Run(run).release(pool),
                        _ => self.deliveries.push_front(Segment::Run(run)),
                    }
                    length
                }
                whole => {
                    let length = whole.length();
                    whole.release(pool);
                    length
                }
            };
            dropped.count += 1;
            dropped.bytes += length as u64;
        }
        self.stand_in(dropped, gaps, pool);
        dropped
    }

    /// Puts the gaps that were passed back at the head of the deliveries, with what was dropped around them.
    fn stand_in(&mut self, dropped: Dropped, mut gaps: HeadGaps, pool: &mut BufferPool) {
        while let Some(Segment::Gap(_)) = self.deliveries.front() {
            if let Some(Segment::Gap(gap)) = self.deliveries.pop_front() {
                gaps.add(gap, pool);
            }
        }
        if dropped.count > 0 {
            let plain = gaps.plain.get_or_insert_with(|| {
                pool.resized(0, GAP_BYTES);
                Box::default()
            });
            plain.count += dropped.count;
            plain.bytes += dropped.bytes;
        }
        let all = gaps.labelled.into_iter().chain(gaps.plain);
        for gap in all.rev() {
            self.deliveries.push_front(Segment::Gap(gap));
        }
    }

    /// Offers what comes next to `write` and takes off what it took.
    pub(super) fn offer(
        &mut self,
        framing: Framing,
        pool: &mut BufferPool,
        write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<Offered> {
        self.gap.clear();
        if let Some(Segment::Gap(gap)) = self.deliveries.front() {
            encode_gap(framing, gap, &mut self.gap);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (mut count, mut offered) = (0, 0);
        for wire in self.wires(framing).take(SLICES) {
            slices[count] = IoSlice::new(wire);
            count += 1;
            offered += wire.len();
        }
        let taken = take(&slices[..count], offered, write)?;
        let mut moved = self.consume(framing, taken, pool);
        moved.all = taken == offered;
        Ok(moved)
    }

    /// Walks what may be written in one call, in order: up to the first gap that is not encoded.
    fn wires(&self, framing: Framing) -> impl Iterator<Item = &[u8]> {
        let gap = Some(&*self.gap).filter(|gap| !gap.is_empty());
        let behind_gap = self.deliveries.iter().skip(usize::from(gap.is_some()));
        let deliveries = behind_gap.take_while(|segment| !matches!(segment, Segment::Gap(_)));
        let partial = self.partial.iter().map(Partial::wire);
        let control = self.control.iter().map(move |segment| segment.wire(framing));
        partial
            .chain(control)
            .chain(gap)
            .chain(deliveries.map(move |segment| segment.wire(framing)))
    }

    /// Takes off what was written.
    pub(super) fn consume(&mut self, framing: Framing, mut taken: usize, pool: &mut BufferPool) -> Offered {
        let mut moved = Offered::default();
        if let Some(mut partial) = self.partial.take() {
            let length = partial.wire().len();
            if taken < length {
                partial.advance(taken);
                self.partial = Some(partial);
                return moved;
            }
            taken -= length;
            partial.release(pool);
        }
        let lane = &mut self.control;
        moved.control = consume(lane, framing, &mut taken, &mut self.partial, pool);
        if taken == 0 {
            return moved;
        }
        if !self.gap.is_empty() {
            self.consume_gap(&mut taken, pool);
        }
        let lane = &mut self.deliveries;
        moved.deliveries = consume(lane, framing, &mut taken, &mut self.partial, pool);
        moved
    }

    /// Takes off the gap at the head of the deliveries, of which at least one byte was written.
    fn consume_gap(&mut self, taken: &mut usize, pool: &mut BufferPool) {
        if let Some(gap) = self.deliveries.pop_front() {
            gap.release(pool);
        }
        let length = self.gap.len();
        if *taken < length {
            pool.resized(0, self.gap.capacity());
            self.partial = Some(Partial::Owned(std::mem::take(&mut self.gap), *taken));
        }
        *taken -= length.min(*taken);
    }

    /// Gives back room that waiting segments do not need.
    pub(super) fn shrink(&mut self, pool: &mut BufferPool) {
        for lane in [&mut self.control, &mut self.deliveries] {
            if let Some(Segment::Run(run)) = lane.back_mut() {
                run.shrink(pool);
            }
        }
    }

    /// Returns what the pool accounts for the backlog.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let segments = self
            .control
            .iter()
            .chain(&self.deliveries)
            .map(Segment::held)
            .sum::<usize>();
        segments + self.partial.as_ref().map_or(0, Partial::held)
    }

    /// Gives everything back.
    pub(super) fn release(self, pool: &mut BufferPool) {
        if let Some(partial) = self.partial {
            partial.release(pool);
        }
        self.control
            .into_iter()
            .chain(self.deliveries)
            .for_each(|segment| segment.release(pool));
    }
}

/// Takes up to `taken` bytes off a lane and lowers `taken` by as many; what is cut becomes the partial. Returns the
/// bytes of the messages that left the lane.
fn consume(
    lane: &mut VecDeque<Segment>,
    framing: Framing,
    taken: &mut usize,
    partial: &mut Option<Partial>,
    pool: &mut BufferPool,
) -> usize {
    let mut moved = 0;
    while *taken > 0 {
        let Some(segment) = lane.pop_front() else { break };
        let (wire, length) = (segment.wire(framing).len(), segment.length());
        moved += length;
        if wire <= *taken {
            *taken -= wire;
            segment.release(pool);
            continue;
        }
        let (whole, cut) = segment.cut(framing, std::mem::take(taken), pool);
        *partial = cut;
        if let Some(whole) = whole {
            moved -= whole.length();
            lane.push_front(whole);
        }
    }
    moved
}

/// Adds a gap to one of the same subscription; tells whether they are.
fn merge(there: &mut Gap, gap: &Gap) -> bool {
    let same = same_subscription(there, gap);
    if same {
        there.count += gap.count;
        there.bytes += gap.bytes;
    }
    same
}

/// Tells whether two gaps are of the same subscription, or both of the client.
fn same_subscription(one: &Gap, other: &Gap) -> bool {
    (one.unknown, &one.filter, &one.shared) == (other.unknown, &other.filter, &other.shared)
}

/// The most slices of one write.
const SLICES: usize = 16;
