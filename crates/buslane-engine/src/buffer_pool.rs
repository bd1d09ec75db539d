//! Buffers that no outbox needs at the moment, and the account of those that outboxes hold. A client with nothing
//! queued holds none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use buslane_protocol::Framing;

use crate::outbox::SharedFrame;

/// Spare buffers, used again in the order last in, first out, so that the one in the processor's cache comes first.
///
/// All buffers that outboxes hold are accounted here with their whole capacity, and shared frames once each, however
/// many outboxes hold them.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    spare: Vec<Vec<u8>>,
    retained: usize,
    lent: usize,
    shared: Arc<AtomicUsize>,
}

impl BufferPool {
    /// Makes an empty pool.
    pub(crate) fn new() -> BufferPool {
        BufferPool::default()
    }

    /// Returns the bytes that outboxes hold: the capacity of their buffers, and shared frames once each.
    #[inline]
    pub(crate) fn lent(&self) -> usize {
        self.lent + self.shared.load(Ordering::Relaxed)
    }

    /// Returns the bytes that outboxes hold without shared frames.
    #[cfg(test)]
    pub(crate) fn lent_buffers(&self) -> usize {
        self.lent
    }

    /// Returns the bytes of spare buffers: at most [`RETAINED`].
    #[cfg(test)]
    pub(crate) fn retained(&self) -> usize {
        self.retained
    }

    /// Frees the spare buffers.
    #[cfg(test)]
    pub(crate) fn trim(&mut self) {
        self.spare = Vec::new();
        self.retained = 0;
    }

    /// Makes a message, as [`Framing::encode`] wrote it, into one that several outboxes of this framing can hold.
    pub(crate) fn share(&self, framing: Framing, message: &[u8]) -> SharedFrame {
        SharedFrame::new(framing, message, &self.shared)
    }

    /// Hands out an empty buffer: the one that came back last, or a small new one.
    #[inline]
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let buffer = match self.spare.pop() {
            Some(buffer) => {
                self.retained -= buffer.capacity();
                buffer
            }
            None => Vec::with_capacity(SMALLEST),
        };
        self.lent += buffer.capacity();
        buffer
    }

    /// Returns the capacity of the buffer that [`BufferPool::take`] will hand out.
    #[inline]
    pub(crate) fn next_capacity(&self) -> usize {
        self.spare.last().map_or(SMALLEST, Vec::capacity)
    }

    /// Notes that a buffer handed out has another capacity now, or that something else of that many bytes came to be
    /// (from 0) or is gone (to 0).
    #[inline]
    pub(crate) fn resized(&mut self, before: usize, after: usize) {
        self.lent = self.lent - before + after;
    }

    /// Takes a buffer back.
    #[inline]
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        self.lent -= capacity;
        if (SMALLEST..=LARGEST).contains(&capacity) && self.retained + capacity <= RETAINED {
            buffer.clear();
            self.retained += capacity;
            self.spare.push(buffer);
        }
    }
}

/// The most bytes of spare buffers that are kept; what comes back beyond is freed.
pub(crate) const RETAINED: usize = 1 << 20;
/// The largest buffer that is kept, in bytes: one huge message shall not take up the pool for ever.
const LARGEST: usize = 256 << 10;
/// The size of a new buffer and of the smallest that is kept, in bytes: fan-out to very many clients with a short message each stays small.
const SMALLEST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_that_came_back_last_goes_out_first() {
        let mut pool = BufferPool::new();
        let (first, mut second) = (pool.take(), pool.take());
        second.reserve_exact(5_000);
        pool.resized(SMALLEST, second.capacity());
        assert_eq!(pool.lent(), SMALLEST + 5_000);
        pool.give(first);
        pool.give(second);
        assert_eq!((pool.lent(), pool.retained()), (0, SMALLEST + 5_000));
        assert_eq!(pool.take().capacity(), 5_000);
        assert_eq!((pool.lent(), pool.retained()), (5_000, SMALLEST));
    }

    #[test]
    fn spare_buffers_are_bounded_and_huge_ones_are_not_kept() {
        let mut pool = BufferPool::new();
        for _ in 0..10 {
            pool.resized(0, 200 << 10);
            pool.give(Vec::with_capacity(200 << 10));
        }
        assert_eq!(pool.retained(), 5 * (200 << 10));
        pool.trim();
        pool.resized(0, LARGEST + 1);
        pool.give(Vec::with_capacity(LARGEST + 1));
        assert_eq!((pool.retained(), pool.lent()), (0, 0));
    }

    #[test]
    fn buffers_come_back_empty() {
        let mut pool = BufferPool::new();
        let mut buffer = pool.take();
        buffer.extend_from_slice(b"secret");
        pool.give(buffer);
        assert!(pool.take().is_empty());
    }
}
