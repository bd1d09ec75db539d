//! One message for many receivers, encoded at most once for each framing among them. Keeps its buffers from message to
//! message, so that a publish costs no allocation.

use buslane_protocol::{BrokerMessage, Framing};

use crate::buffer_pool::BufferPool;
use crate::outbox::SharedFrame;

/// The encodings of one message.
#[derive(Default)]
pub(crate) struct Frames {
    frames: [Frame; 4],
}

/// A message as it stands on one kind of wire.
#[derive(Default)]
pub(crate) struct Frame {
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

    /// Returns the frame that outboxes hold together, if the message is long enough for that.
    #[inline]
    pub(crate) fn shared(&self) -> Option<&SharedFrame> {
        self.shared.as_ref()
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
    pub(crate) fn encode(&mut self, pool: &BufferPool, framing: Framing, message: &BrokerMessage<'_>) -> &Frame {
        let frame = &mut self.frames[index(framing)];
        if !frame.ready {
            frame.ready = true;
            frame.bytes.clear();
            framing.encode(&mut frame.bytes, message);
            if frame.bytes.len() >= SHARED {
                frame.shared = Some(pool.share(framing, &frame.bytes));
            }
        }
        frame
    }
}

const fn index(framing: Framing) -> usize {
    match framing {
        Framing::Binary => 0,
        Framing::JsonLines => 1,
        Framing::WebSocketBinary => 2,
        Framing::WebSocketText => 3,
    }
}

/// From this length on outboxes hold a frame together instead of a copy each.
const SHARED: usize = 16 << 10;
/// The largest buffer that is kept, in bytes.
const LARGEST: usize = 256 << 10;
