//! The rarer half of an outbox: what does not fit into a lane's open buffer, or was written in part. Owns the order in
//! which segments go out and where deliveries may be dropped.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use buslane_protocol::{BrokerMessage, Framing, Gap};

use super::segment::{GAP_BYTES, Partial, Segment, write_header};
use super::websocket::Header;
use super::{Dropped, take};
use crate::buffer_pool::BufferPool;

/// Segments of both lanes, and what is left of something written in part, which goes before them all.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    partial: Option<Partial>,
    control: VecDeque<Segment>,
    /// Gaps of single subscriptions that stand before all deliveries, since what was between was dropped.
    passed: VecDeque<Box<Gap>>,
    deliveries: VecDeque<Segment>,
    head: HeadGaps,
}

/// The gaps before the first delivery as they stand on the wire, while they are offered.
#[derive(Debug, Default)]
struct HeadGaps {
    wire: Vec<u8>,
    /// Where each ends; all at the end of the WebSocket message if they share one.
    ends: Vec<usize>,
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
        self.partial.is_none()
            && self.control.is_empty()
            && self.passed.is_empty()
            && self.deliveries.is_empty()
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
        if let Some(Segment::Gap(there)) = self.deliveries.back_mut()
            && merge(there, &gap)
        {
            return;
        }
        pool.resized(0, GAP_BYTES);
        self.deliveries.push_back(Segment::Gap(Box::new(gap)));
    }

    /// Discards the oldest deliveries until at least `surplus` bytes of messages are gone or no segment is left, and
    /// puts a gap in their place.
    pub(super) fn drop_oldest(&mut self, framing: Framing, surplus: usize, pool: &mut BufferPool) -> Dropped {
        let mut dropped = Dropped::default();
        let mut gap = self.pass_gaps(None, pool);
        while dropped.bytes < surplus as u64 {
            let Some(segment) = self.deliveries.pop_front() else {
                break;
            };
            dropped.count += 1;
            dropped.bytes += self.drop_first(segment, framing, pool) as u64;
            gap = self.pass_gaps(gap, pool);
        }
        if dropped.count > 0 {
            let gap = gap.get_or_insert_with(|| {
                pool.resized(0, GAP_BYTES);
                Box::default()
            });
            gap.count += dropped.count;
            gap.bytes += dropped.bytes;
        }
        if let Some(gap) = gap {
            self.deliveries.push_front(Segment::Gap(gap));
        }
        dropped
    }

    /// Discards the first message of a segment that was the lane's first, and puts the rest back.
    fn drop_first(&mut self, segment: Segment, framing: Framing, pool: &mut BufferPool) -> usize {
        let Segment::Run(mut run) = segment else {
            let length = segment.length();
            segment.release(pool);
            return length;
        };
        let length = run.drop_first(framing);
        match run.length() {
            0 => Segment::Run(run).release(pool),
            _ => self.deliveries.push_front(Segment::Run(run)),
        }
        length
    }

    /// Takes the gaps at the head of the deliveries away: adds the client's to `gap`, and keeps those of single
    /// subscriptions apart, so that they are not looked at again for each message that is dropped behind them.
    fn pass_gaps(&mut self, mut gap: Option<Box<Gap>>, pool: &mut BufferPool) -> Option<Box<Gap>> {
        while self
            .deliveries
            .front()
            .is_some_and(|next| next.as_gap().is_some())
        {
            let Some(Segment::Gap(next)) = self.deliveries.pop_front() else {
                break;
            };
            let of_the_client = same_subscription(&next, &Gap::default());
            let there = if of_the_client {
                gap.as_mut()
            } else {
                self.passed.back_mut()
            };
            if there.is_some_and(|there| merge(there, &next)) {
                pool.resized(GAP_BYTES, 0);
            } else if of_the_client {
                gap = Some(next);
            } else {
                self.passed.push_back(next);
            }
        }
        gap
    }

    /// Offers what comes next to `write` and takes off what it took.
    pub(super) fn offer(
        &mut self,
        framing: Framing,
        pool: &mut BufferPool,
        write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<Offered> {
        let passed = self.passed.iter().map(|gap| &**gap);
        let gaps = passed.chain(self.deliveries.iter().map_while(Segment::as_gap));
        self.head.encode(framing, gaps);
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
        let partial = self.partial.iter().map(Partial::wire);
        let control = self.control.iter().map(move |segment| segment.wire(framing));
        let gaps = Some(&*self.head.wire).filter(|wire| !wire.is_empty());
        let encoded = self.head.ends.len().checked_sub(self.passed.len());
        let behind_gaps = encoded
            .into_iter()
            .flat_map(|encoded| self.deliveries.iter().skip(encoded));
        let deliveries = behind_gaps.take_while(|segment| segment.as_gap().is_none());
        partial
            .chain(control)
            .chain(gaps)
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
        self.consume_gaps(&mut taken, pool);
        let lane = &mut self.deliveries;
        moved.deliveries = consume(lane, framing, &mut taken, &mut self.partial, pool);
        moved
    }

    /// Takes off the gaps before the first delivery of which at least one byte was written.
    fn consume_gaps(&mut self, taken: &mut usize, pool: &mut BufferPool) {
        let HeadGaps { wire, ends } = &self.head;
        let here = wire.len().min(*taken);
        if here == 0 {
            return;
        }
        *taken -= here;
        let end = ends
            .iter()
            .copied()
            .find(|end| *end >= here)
            .unwrap_or(wire.len());
        if here < end {
            let rest = wire[here..end].to_vec();
            pool.resized(0, rest.capacity());
            self.partial = Some(Partial::Owned(rest, 0));
        }
        let begun = ends.iter().filter(|gap| **gap <= end).count();
        for _ in 0..begun {
            pool.resized(GAP_BYTES, 0);
            if self.passed.pop_front().is_none() {
                self.deliveries.pop_front();
            }
        }
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
        segments + self.passed.len() * GAP_BYTES + self.partial.as_ref().map_or(0, Partial::held)
    }

    /// Gives everything back.
    pub(super) fn release(self, pool: &mut BufferPool) {
        if let Some(partial) = self.partial {
            partial.release(pool);
        }
        pool.resized(self.passed.len() * GAP_BYTES, 0);
        self.control
            .into_iter()
            .chain(self.deliveries)
            .for_each(|segment| segment.release(pool));
    }
}

impl HeadGaps {
    /// Encodes gaps, but not too many for one write.
    fn encode<'a>(&mut self, framing: Framing, gaps: impl Iterator<Item = &'a Gap>) {
        self.wire.clear();
        self.ends.clear();
        let room = Header::room(framing);
        for gap in gaps.take(GAPS) {
            if self.wire.is_empty() {
                self.wire.resize(room, 0);
            }
            framing.encode(&mut self.wire, &BrokerMessage::Gap(gap.clone()));
            self.ends.push(self.wire.len());
        }
        if room > 0 && !self.wire.is_empty() {
            write_header(framing, &mut self.wire, room);
            self.wire
                .drain(..room - Header::length(framing, self.wire.len() - room));
            self.ends.fill(self.wire.len());
        }
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
/// The most gaps of one write.
const GAPS: usize = 64;
