//! What is queued for one client, in two lanes. Owns the bytes and their order; the limits and what happens past them
//! are its owner's.

use std::io::{self, IoSlice};

use buslane_protocol::{Framing, Gap};

use crate::Transmit;
use crate::buffer_pool::{BufferPool, SharedFrame};

pub(crate) mod websocket;

/// The queue of one client. See the module.
pub(crate) struct Outbox {
    framing: Framing,
    control: Vec<u8>,
    deliveries: Vec<u8>,
}

/// What [`Outbox::drop_oldest`] discarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// How many deliveries.
    pub(crate) count: u64,
    /// How many bytes of frames they had.
    pub(crate) bytes: u64,
}

impl Outbox {
    /// Makes an empty queue. Holds no heap memory while empty.
    pub(crate) fn new(framing: Framing) -> Outbox {
        Outbox { framing, control: Vec::new(), deliveries: Vec::new() }
    }
    /// Returns how messages are written.
    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }
    /// Tells whether nothing is left to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.control.is_empty() && self.deliveries.is_empty()
    }
    /// Returns the bytes of messages in the control lane.
    pub(crate) fn control_bytes(&self) -> usize {
        self.control.len()
    }
    /// Returns the bytes of messages in the delivery lane.
    pub(crate) fn delivery_bytes(&self) -> usize {
        self.deliveries.len()
    }
    /// Appends one whole message to the control lane: `encode` appends it to the buffer as [`Framing::encode`] does.
    /// Returns its length.
    pub(crate) fn write_control(&mut self, pool: &mut BufferPool, encode: impl FnOnce(&mut Vec<u8>)) -> usize {
        let _ = pool;
        encode(&mut self.control);
        0
    }
    /// Appends bytes to the control lane exactly as they are to stand on the wire, such as a WebSocket's ping.
    pub(crate) fn write_raw_control(&mut self, pool: &mut BufferPool, wire: &[u8]) {
        let _ = pool;
        self.control.extend_from_slice(wire);
    }
    /// Appends one whole message to the delivery lane.
    pub(crate) fn write_delivery(&mut self, pool: &mut BufferPool, encode: impl FnOnce(&mut Vec<u8>)) -> usize {
        let _ = pool;
        encode(&mut self.deliveries);
        0
    }
    /// Appends a copy of one message, as [`Framing::encode`] wrote it, to the delivery lane.
    pub(crate) fn push_delivery(&mut self, pool: &mut BufferPool, message: &[u8]) {
        let _ = pool;
        self.deliveries.extend_from_slice(message);
    }
    /// Appends a message to the delivery lane without copying it. It was made for this outbox's framing.
    pub(crate) fn push_shared_delivery(&mut self, pool: &mut BufferPool, frame: SharedFrame) {
        let _ = pool;
        self.deliveries.extend_from_slice(frame.wire());
    }
    /// Discards the oldest deliveries until `need` more bytes fit under `limit` or none is left, and puts a gap in
    /// their place. Never touches a message of which a part is written, nor a gap.
    pub(crate) fn drop_oldest(&mut self, pool: &mut BufferPool, need: usize, limit: usize) -> Dropped {
        let _ = (pool, need, limit);
        Dropped::default()
    }
    /// Puts a gap behind all deliveries; merges it with one of the same subscription that is there already.
    pub(crate) fn push_gap(&mut self, pool: &mut BufferPool, gap: Gap) {
        let _ = (pool, gap);
    }
    /// Discards everything and gives the buffers back. To be called before an outbox is dropped.
    pub(crate) fn clear(&mut self, pool: &mut BufferPool) {
        let _ = pool;
    }
    /// Offers what is queued to `write`, which returns how many bytes it took, until nothing is left or it takes less
    /// than it was offered: first the rest of a message partly written, then the control lane, then deliveries.
    pub(crate) fn transmit(
        &mut self,
        pool: &mut BufferPool,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<Transmit> {
        let _ = pool;
        write(&[IoSlice::new(&self.control)])?;
        Ok(Transmit::Empty)
    }
}
