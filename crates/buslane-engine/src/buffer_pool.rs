//! Buffers that no outbox needs at the moment, and the account of those that outboxes hold. A client with nothing
//! queued holds no buffer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use buslane_protocol::Framing;

use crate::outbox::websocket;

/// Spare buffers, used again in the order last in, first out, so that the one in the processor's cache comes first.
///
/// All buffers that outboxes hold are accounted here with their whole capacity, and shared frames once each, however
/// many outboxes hold them.
#[derive(Debug)]
pub(crate) struct BufferPool {
    spare: Vec<Vec<u8>>,
    retained: usize,
    lent: usize,
    shared: Arc<AtomicUsize>,
}

/// A message that several outboxes hold without copying it, as it stands on the wire. Cloning shares it. Its bytes are
/// accounted from the moment it is made until the last holder drops it.
#[derive(Clone, Debug)]
pub(crate) struct SharedFrame(Arc<ChargedFrame>);

#[derive(Debug)]
struct ChargedFrame {
    bytes: Box<[u8]>,
    account: Arc<AtomicUsize>,
}

impl Drop for ChargedFrame {
    fn drop(&mut self) {
        self.account.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl SharedFrame {
    /// Returns the bytes as they stand on the wire.
    pub(crate) fn wire(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl BufferPool {
    /// The most bytes of spare buffers that are kept, by default.
    pub(crate) const RETAINED: usize = 1 << 20;
    /// The largest buffer that is kept, in bytes.
    pub(crate) const LARGEST: usize = 256 << 10;

    /// Makes an empty pool that keeps up to this many bytes of spare buffers.
    pub(crate) fn new() -> BufferPool {
        BufferPool { spare: Vec::new(), retained: 0, lent: 0, shared: Arc::default() }
    }

    /// Returns the bytes that outboxes hold: the capacity of their buffers, and shared frames once each.
    #[inline]
    pub(crate) fn lent(&self) -> usize {
        self.lent + self.shared.load(Ordering::Relaxed)
    }

    /// Returns the bytes of spare buffers.
    pub(crate) fn retained(&self) -> usize {
        self.retained
    }

    /// Frees the spare buffers.
    pub(crate) fn trim(&mut self) {
        self.spare = Vec::new();
        self.retained = 0;
    }

    /// Makes a message that several outboxes can hold. For [`Framing::WebSocketBinary`] the WebSocket header is put in
    /// front of it.
    pub(crate) fn share(&self, framing: Framing, message: &[u8]) -> SharedFrame {
        let header = websocket::header(framing, message.len());
        let mut bytes = Vec::with_capacity(header.len() + message.len());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(message);
        self.shared.fetch_add(bytes.len(), Ordering::Relaxed);
        SharedFrame(Arc::new(ChargedFrame { bytes: bytes.into_boxed_slice(), account: self.shared.clone() }))
    }

    /// Hands out an empty buffer, the one that came back last if there is one.
    #[inline]
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let Some(buffer) = self.spare.pop() else { return Vec::new() };
        self.retained -= buffer.capacity();
        self.lent += buffer.capacity();
        buffer
    }

    /// Notes that a buffer handed out has another capacity now.
    #[inline]
    pub(crate) fn resized(&mut self, before: usize, after: usize) {
        self.lent = self.lent - before + after;
    }

    /// Takes a buffer back.
    #[inline]
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        self.lent -= capacity;
        if capacity > 0 && capacity <= Self::LARGEST && self.retained + capacity <= Self::RETAINED {
            buffer.clear();
            self.retained += capacity;
            self.spare.push(buffer);
        }
    }
}
