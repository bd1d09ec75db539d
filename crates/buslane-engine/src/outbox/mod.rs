//! What is queued for one client. Owns the bytes and their order; the limits, and which policy applies past them, are
//! its owner's.
//!
//! ```text
//!  goes out first: the rest of what was written in part (a message, or a whole WebSocket message)
//!  then            the control lane:  segment | segment | .. | open buffer   <- write_control
//!  then            the delivery lane: segment | gap | segment | open buffer  <- push_delivery
//!                                     ^ drop_oldest                 ^ push_gap
//! ```
//!
//! Messages are appended to a lane's open buffer, which becomes a segment at about 64 KiB. Most outboxes are written
//! out in full each turn and never have more than the two open buffers.
//!
//! # Invariants worth naming
//! - An empty outbox holds no heap memory.
//! - Lanes are cut between messages only: whatever is written in part has left its lane, so nothing can drop it.
//! - For [`Framing::WebSocketBinary`] each run of frames that is offered has one WebSocket header; once a byte of it is
//!   written, the run goes out before anything else.
//! - Every buffer and segment is accounted in the [`BufferPool`] that is handed in, always the same one.

use std::io::{self, IoSlice};

use buslane_protocol::{Framing, Gap};

use crate::Transmit;
use crate::buffer_pool::BufferPool;

mod backlog;
mod segment;
mod shared_frame;
#[cfg(test)]
mod tests;
mod websocket;

pub(crate) use segment::GAP_BYTES;
pub(crate) use shared_frame::SharedFrame;

use backlog::Backlog;
use segment::{Run, Segment};
use websocket::Header;

/// The queue of one client. See the [module](self).
#[derive(Debug)]
pub(crate) struct Outbox {
    control: Lane,
    deliveries: Lane,
    backlog: Option<Box<Backlog>>,
    framing: Framing,
}

/// What [`Outbox::drop_oldest`] discarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// How many deliveries.
    pub(crate) count: u64,
    /// How many bytes of frames they had.
    pub(crate) bytes: u64,
}

/// The end of a lane, with the length of all messages in it.
#[derive(Debug, Default)]
struct Lane {
    open: Vec<u8>,
    bytes: usize,
}

impl Outbox {
    /// Makes an empty queue.
    pub(crate) fn new(framing: Framing) -> Outbox {
        Outbox {
            control: Lane::default(),
            deliveries: Lane::default(),
            backlog: None,
            framing,
        }
    }

    /// Returns how messages are written.
    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    /// Tells whether nothing is left to write.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.control.open.is_empty() && self.deliveries.open.is_empty() && self.backlog.is_none()
    }

    /// Returns the bytes of messages in the control lane, without one that is written in part.
    #[inline]
    pub(crate) fn control_bytes(&self) -> usize {
        self.control.bytes
    }

    /// Returns the bytes of messages in the delivery lane, without one that is written in part.
    #[inline]
    pub(crate) fn delivery_bytes(&self) -> usize {
        self.deliveries.bytes
    }

    /// Returns by how many bytes the account grows when a message of this length is appended to the control lane.
    #[inline]
    pub(crate) fn control_growth(&self, pool: &BufferPool, length: usize) -> usize {
        let sealed = self.control.open.len() >= SEGMENT;
        self.control.growth(self.framing, pool, length, sealed)
    }

    /// Returns by how many bytes the account grows when this many bytes are appended as they are to the control lane.
    pub(crate) fn raw_growth(&self, pool: &BufferPool, length: usize) -> usize {
        match self.framing {
            Framing::WebSocketBinary => length,
            _ => self.control_growth(pool, length),
        }
    }

    /// Returns by how many bytes the account grows when a copy of a message of this length is appended to the delivery
    /// lane.
    #[inline]
    pub(crate) fn delivery_growth(&self, pool: &BufferPool, length: usize) -> usize {
        let sealed = self.deliveries.open.len() + length > SEGMENT;
        self.deliveries.growth(self.framing, pool, length, sealed)
    }

    /// Appends one whole message to the control lane: `encode` appends it to the buffer, as [`Framing::encode`] does.
    /// Returns its length.
    #[inline]
    pub(crate) fn write_control(
        &mut self,
        pool: &mut BufferPool,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> usize {
        if self.control.open.len() >= SEGMENT {
            self.seal_control();
        }
        self.control.append(self.framing, pool, encode)
    }

    /// Appends bytes to the control lane exactly as they are to stand on the wire, such as a WebSocket's ping: for
    /// [`Framing::WebSocketBinary`] they are not part of a run of frames.
    pub(crate) fn write_raw_control(&mut self, pool: &mut BufferPool, wire: &[u8]) {
        if self.framing != Framing::WebSocketBinary {
            self.write_control(pool, |buffer| buffer.extend_from_slice(wire));
            return;
        }
        self.seal_control();
        self.control.bytes += wire.len();
        let wire = wire.to_vec();
        pool.resized(0, wire.capacity());
        self.backlog
            .get_or_insert_default()
            .push_control(Segment::Wire(wire));
    }

    /// Appends a copy of one message, as [`Framing::encode`] wrote it, to the delivery lane.
    #[inline]
    pub(crate) fn push_delivery(&mut self, pool: &mut BufferPool, message: &[u8]) {
        self.write_delivery(pool, message.len(), |buffer| buffer.extend_from_slice(message));
    }

    /// Appends one message of a known length to the delivery lane: `encode` appends it to the buffer, as
    /// [`Framing::encode`] does.
    #[inline]
    pub(crate) fn write_delivery(
        &mut self,
        pool: &mut BufferPool,
        length: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.deliveries.open.len() + length > SEGMENT {
            self.seal_deliveries();
        }
        let written = self.deliveries.append(self.framing, pool, encode);
        debug_assert_eq!(written, length);
    }

    /// Appends a message to the delivery lane without copying it. It was made for this outbox's framing.
    pub(crate) fn push_shared_delivery(&mut self, pool: &mut BufferPool, frame: SharedFrame) {
        segment::shrink(&mut self.deliveries.open, pool);
        self.seal_deliveries();
        self.deliveries.bytes += frame.message_length();
        self.backlog
            .get_or_insert_default()
            .push_delivery(Segment::Shared(frame));
    }

    /// Discards the oldest deliveries until `need` more bytes fit under `limit` or none is left, and puts a gap in
    /// their place. Never touches a message of which a part is written, nor a gap.
    pub(crate) fn drop_oldest(&mut self, pool: &mut BufferPool, need: usize, limit: usize) -> Dropped {
        let surplus = (self.deliveries.bytes + need)
            .saturating_sub(limit)
            .min(self.deliveries.bytes);
        let mut dropped = Dropped::default();
        while (dropped.bytes as usize) < surplus {
            let left = surplus - dropped.bytes as usize;
            let more = match &mut self.backlog {
                Some(backlog) => backlog.drop_oldest(self.framing, left, pool),
                None => Dropped::default(),
            };
            dropped.count += more.count;
            dropped.bytes += more.bytes;
            if more.count == 0 && !self.seal_deliveries() {
                break;
            }
        }
        self.deliveries.bytes -= dropped.bytes as usize;
        dropped
    }

    /// Puts a gap behind all deliveries, or adds it to one of the same subscription that is there already. Gaps have
    /// no part in [`Outbox::delivery_bytes`].
    pub(crate) fn push_gap(&mut self, pool: &mut BufferPool, gap: Gap) {
        segment::shrink(&mut self.deliveries.open, pool);
        self.seal_deliveries();
        self.backlog.get_or_insert_default().push_gap(gap, pool);
    }

    /// Discards everything and gives the buffers back. To be called before an outbox is dropped, or its bytes stay
    /// accounted.
    pub(crate) fn clear(&mut self, pool: &mut BufferPool) {
        self.control.clear(pool);
        self.deliveries.clear(pool);
        if let Some(backlog) = self.backlog.take() {
            backlog.release(pool);
        }
    }

    /// Offers what is queued to `write`, which returns how many bytes it took, until nothing is left or it takes less
    /// than it was offered. `WouldBlock` means that it took nothing, `Interrupted` that it wants to be asked again; any
    /// other error is returned, and nothing counts as written.
    #[inline]
    pub(crate) fn transmit(
        &mut self,
        pool: &mut BufferPool,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<Transmit> {
        if self.backlog.is_none() {
            let offered = self.control.header(self.framing) + self.deliveries.header(self.framing);
            let taken = self.offer_open(offered, &mut write)?;
            if taken == offered {
                self.control.clear(pool);
                self.deliveries.clear(pool);
                return Ok(Transmit::Empty);
            }
            self.keep_rest(taken, pool);
            return Ok(Transmit::Blocked);
        }
        self.transmit_backlog(pool, &mut write)
    }

    fn offer_open(
        &self,
        offered: usize,
        write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let wires = [&self.control, &self.deliveries].map(|lane| IoSlice::new(lane.wire(self.framing)));
        match (wires[0].is_empty(), wires[1].is_empty()) {
            (true, true) => Ok(0),
            (false, true) => take(&wires[..1], offered, write),
            (true, false) => take(&wires[1..], offered, write),
            (false, false) => take(&wires, offered, write),
        }
    }

    /// Keeps what a write that was offered the open buffers did not take.
    fn keep_rest(&mut self, taken: usize, pool: &mut BufferPool) {
        if taken == 0 {
            segment::shrink(&mut self.control.open, pool);
            segment::shrink(&mut self.deliveries.open, pool);
            return;
        }
        self.seal_control();
        self.seal_deliveries();
        let backlog = self.backlog.get_or_insert_default();
        let moved = backlog.consume(self.framing, taken, pool);
        backlog.shrink(pool);
        self.control.bytes -= moved.control;
        self.deliveries.bytes -= moved.deliveries;
    }

    fn transmit_backlog(
        &mut self,
        pool: &mut BufferPool,
        write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<Transmit> {
        self.seal_control();
        self.seal_deliveries();
        let Some(backlog) = &mut self.backlog else {
            return Ok(Transmit::Empty);
        };
        while !backlog.is_empty() {
            let moved = backlog.offer(self.framing, pool, write)?;
            self.control.bytes -= moved.control;
            self.deliveries.bytes -= moved.deliveries;
            if !moved.all {
                backlog.shrink(pool);
                return Ok(Transmit::Blocked);
            }
        }
        self.backlog = None;
        Ok(Transmit::Empty)
    }

    /// Makes the control lane's open buffer a segment.
    fn seal_control(&mut self) {
        if !self.control.open.is_empty() {
            let run = Run::new(self.framing, std::mem::take(&mut self.control.open));
            self.backlog
                .get_or_insert_default()
                .push_control(Segment::Run(run));
        }
    }

    /// Makes the delivery lane's open buffer a segment; tells whether there was one.
    fn seal_deliveries(&mut self) -> bool {
        let filled = !self.deliveries.open.is_empty();
        if filled {
            let run = Run::new(self.framing, std::mem::take(&mut self.deliveries.open));
            self.backlog
                .get_or_insert_default()
                .push_delivery(Segment::Run(run));
        }
        filled
    }
}

impl Lane {
    /// Returns by how many bytes the account grows when the open buffer, or a new one if it is `sealed`, gets a message.
    #[inline]
    fn growth(&self, framing: Framing, pool: &BufferPool, length: usize, sealed: bool) -> usize {
        let fresh = sealed || self.open.is_empty();
        let (held, capacity, used) = match fresh {
            true => (0, pool.next_capacity(), Header::room(framing)),
            false => (self.open.capacity(), self.open.capacity(), self.open.len()),
        };
        // A vector that is full takes twice its room, or what it needs if that is more.
        let grown = if used + length <= capacity {
            capacity
        } else {
            (2 * capacity).max(used + length)
        };
        grown - held
    }

    /// Lets `encode` append one message to the open buffer; returns its length.
    #[inline]
    fn append(
        &mut self,
        framing: Framing,
        pool: &mut BufferPool,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> usize {
        if self.open.capacity() == 0 {
            self.open = pool.take();
        }
        let capacity = self.open.capacity();
        if self.open.is_empty() {
            self.open.resize(Header::room(framing), 0);
        }
        let length = self.open.len();
        encode(&mut self.open);
        if self.open.capacity() != capacity {
            pool.resized(capacity, self.open.capacity());
        }
        let added = self.open.len() - length;
        self.bytes += added;
        added
    }

    /// Writes the WebSocket header, where the framing has one, before the open buffer's messages; returns the length
    /// of what stands on the wire.
    #[inline]
    fn header(&mut self, framing: Framing) -> usize {
        if framing == Framing::WebSocketBinary && !self.open.is_empty() {
            segment::write_header(framing, &mut self.open, Header::room(framing));
        }
        self.wire(framing).len()
    }

    /// Returns the open buffer as it stands on the wire.
    #[inline]
    fn wire(&self, framing: Framing) -> &[u8] {
        match self.open.len().checked_sub(Header::room(framing)) {
            Some(length) => &self.open[Header::room(framing) - Header::length(framing, length)..],
            None => &[],
        }
    }

    #[inline]
    fn clear(&mut self, pool: &mut BufferPool) {
        self.bytes = 0;
        if self.open.capacity() > 0 {
            pool.give(std::mem::take(&mut self.open));
        }
    }
}

/// Calls `write` until it has an answer; returns how much of `offered` it took.
#[inline]
fn take(
    slices: &[IoSlice<'_>],
    offered: usize,
    write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<usize> {
    loop {
        match write(slices) {
            Ok(taken) => return Ok(taken.min(offered)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The length at which an open buffer becomes a segment, in bytes: large enough that a write call is spread over
/// hundreds of messages, small enough to stay in the processor's cache and to be given back soon.
const SEGMENT: usize = 64 << 10;
