//! One message for many receivers, encoded at most once for each framing among them. Keeps its buffers from message to
//! message, so that a publish costs no allocation.

use buslane_protocol::{BrokerMessage, Framing};

use crate::buffer_pool::BufferPool;
use crate::outbox::SharedFrame;

/// The encodings of one message.
pub(crate) struct Frames {
    frames: [Frame; 4],
}

/// A message as it stands on one kind of wire.
pub(crate) struct Frame {
    framing: Framing,
    ready: bool,
    bytes: Vec<u8>,
    shared: Option<SharedFrame>,
}

impl Frame {
    /// Returns the message as [`Framing::encode`] wrote it.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Tells whether outboxes hold this frame together instead of a copy each.
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        self.bytes.len() >= SHARED
    }

    /// Returns by how many bytes the account grows with another outbox that holds this frame.
    pub(crate) fn shared_growth(&self) -> usize {
        HOLDER_BYTES
            + if self.shared.is_some() {
                0
            } else {
                self.bytes.len() + HOLDER_BYTES
            }
    }

    /// Returns the frame that outboxes hold together.
    pub(crate) fn share(&mut self, pool: &BufferPool) -> SharedFrame {
        self.shared
            .get_or_insert_with(|| pool.share(self.framing, &self.bytes))
            .clone()
    }
}

impl Default for Frames {
    fn default() -> Self {
        Frames {
            frames: Framing::ALL.map(|framing| Frame {
                framing,
                ready: false,
                bytes: Vec::new(),
                shared: None,
            }),
        }
    }
}

impl Frames {
    /// Forgets the message. To be called before each, and after the last, so that nothing long is held on to.
    #[inline]
    pub(crate) fn reset(&mut self) {
        for frame in self.frames.iter_mut().filter(|frame| frame.ready) {
            frame.ready = false;
            frame.shared = None;
            if frame.bytes.capacity() > LARGEST {
                frame.bytes = Vec::new();
            }
        }
    }

    /// Returns the message as it stands on one kind of wire. Between two calls of [`Frames::reset`] it is always the
    /// same message.
    #[inline]
    pub(crate) fn encode(&mut self, framing: Framing, message: &BrokerMessage<'_>) -> &mut Frame {
        let frame = &mut self.frames[index(framing)];
        if !frame.ready {
            frame.ready = true;
            frame.bytes.clear();
            framing.encode(&mut frame.bytes, message);
        }
        frame
    }
}

/// Returns where a framing stands in [`Framing::ALL`].
const fn index(framing: Framing) -> usize {
    match framing {
        Framing::Binary => 0,
        Framing::JsonLines => 1,
        Framing::WebSocketBinary => 2,
        Framing::WebSocketText => 3,
    }
}

/// From this length on outboxes hold a frame together instead of a copy each.
pub(crate) const SHARED: usize = 16 << 10;
/// What a shared frame, and each outbox that holds one, takes beside its bytes.
const HOLDER_BYTES: usize = 64;
/// The largest buffer that is kept, in bytes.
const LARGEST: usize = 256 << 10;
