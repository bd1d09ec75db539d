//! Buffers that no outbox needs at the moment, and the account of those that outboxes hold. A client with nothing
//! queued holds none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use buslane_protocol::{Framing, Instant};

use crate::outbox::SharedFrame;

/// Spare buffers, used again in the order last in, first out, so that the one in the processor's cache comes first.
///
/// All buffers that outboxes hold are accounted here with their whole capacity, and shared frames once each, however
/// many outboxes hold them.
///
/// A turn that fans out to a thousand clients takes megabytes and gives them back, again and again; getting those from
/// the system each time costs several times what copying the messages does. So the pool keeps what it is given, up to
/// [`MOST`] bytes, and [frees](BufferPool::relax) what was not needed again a while later.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    spare: Vec<Vec<u8>>,
    retained: usize,
    /// The least that was spare since the last look: so much was not needed.
    unneeded: usize,
    relaxed_at: Instant,
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

    /// Returns the bytes of spare buffers: at most [`MOST`].
    #[cfg(test)]
    pub(crate) fn retained(&self) -> usize {
        self.retained
    }

    /// Frees half of the spare buffers that were not needed for a while, those first that were not used for longest,
    /// down to [`AT_REST`] bytes. To be called now and then; once a second has an effect.
    pub(crate) fn relax(&mut self, now: Instant) {
        if now - self.relaxed_at < WHILE {
            return;
        }
        let target = (self.retained - self.unneeded / 2).max(AT_REST);
        let mut freed = 0;
        while self.retained > target {
            self.retained -= self.spare[freed].capacity();
            freed += 1;
        }
        self.spare.drain(..freed);
        self.spare.shrink_to(2 * self.spare.len());
        self.unneeded = self.retained;
        self.relaxed_at = now;
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
                self.unneeded = self.unneeded.min(self.retained);
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
        if (SMALLEST..=LARGEST).contains(&capacity) && self.retained + capacity <= MOST {
            buffer.clear();
            self.retained += capacity;
            self.spare.push(buffer);
        }
    }
}

/// The most bytes of spare buffers that are kept; what comes back beyond is freed.
const MOST: usize = 16 << 20;
/// The bytes of spare buffers that are kept however long they are not needed.
const AT_REST: usize = 1 << 20;
/// How long buffers are watched before some are freed.
const WHILE: Duration = Duration::from_secs(1);
/// The largest buffer that is kept, in bytes: one huge message shall not take up the pool for ever.
const LARGEST: usize = 256 << 10;
/// The size of a new buffer and of the smallest that is kept, in bytes: a short message to each of very many clients
/// shall not take much.
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

    fn give(pool: &mut BufferPool, capacity: usize) {
        pool.resized(0, capacity);
        pool.give(Vec::with_capacity(capacity));
    }

    #[test]
    fn spare_buffers_are_bounded_and_huge_ones_are_not_kept() {
        let mut pool = BufferPool::new();
        give(&mut pool, LARGEST + 1);
        assert_eq!((pool.retained(), pool.lent()), (0, 0));
        for _ in 0..2 * MOST / LARGEST {
            give(&mut pool, LARGEST);
        }
        assert_eq!((pool.retained(), pool.lent()), (MOST, 0));
    }

    #[test]
    fn what_is_not_needed_is_freed_after_a_while() {
        let mut pool = BufferPool::new();
        (0..16).for_each(|_| give(&mut pool, LARGEST));
        let mut now = Instant::ZERO;
        let mut relax = |pool: &mut BufferPool| {
            now = now + WHILE;
            pool.relax(now);
            pool.retained() / LARGEST
        };
        assert_eq!(relax(&mut pool), 16);
        let busy: Vec<_> = (0..12).map(|_| pool.take()).collect();
        busy.into_iter().for_each(|buffer| pool.give(buffer));
        assert_eq!(relax(&mut pool), 14);
        let steps: Vec<usize> = (0..4).map(|_| relax(&mut pool)).collect();
        assert_eq!(steps, [7, 4, 4, 4]);
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
