//! A message that several outboxes hold at once. Owns its bytes and their charge.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use buslane_protocol::Framing;

use super::websocket::Header;

/// A message that several outboxes hold without copying it, as it stands on the wire of one framing. Cloning shares it.
///
/// Its bytes are accounted once, from the moment it is made until the last holder drops it.
#[derive(Clone, Debug)]
pub(crate) struct SharedFrame(Arc<Charged>);

#[derive(Debug)]
struct Charged {
    wire: Box<[u8]>,
    header: u8,
    account: Arc<AtomicUsize>,
}

impl SharedFrame {
    /// Copies a message as [`Framing::encode`] wrote it, behind its WebSocket header where the framing has one, and
    /// charges it to an account.
    pub(crate) fn new(framing: Framing, message: &[u8], account: &Arc<AtomicUsize>) -> SharedFrame {
        let header = Header::new(framing, message.len());
        let wire = [&*header, message].concat().into_boxed_slice();
        account.fetch_add(wire.len(), Ordering::Relaxed);
        SharedFrame(Arc::new(Charged {
            wire,
            header: header.len() as u8,
            account: account.clone(),
        }))
    }

    /// Returns the bytes as they stand on the wire.
    pub(crate) fn wire(&self) -> &[u8] {
        &self.0.wire
    }

    /// Returns the length of the message itself.
    pub(crate) fn message_length(&self) -> usize {
        self.0.wire.len() - usize::from(self.0.header)
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        self.account.fetch_sub(self.wire.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_frame_is_charged_once_until_its_last_holder_drops_it() {
        let account = Arc::default();
        let first = SharedFrame::new(Framing::Binary, &[7; 100], &account);
        let second = first.clone();
        assert_eq!(account.load(Ordering::Relaxed), 100);
        drop(first);
        assert_eq!(
            (account.load(Ordering::Relaxed), second.message_length()),
            (100, 100)
        );
        drop(second);
        assert_eq!(account.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_shared_frame_carries_its_websocket_header() {
        let frame = SharedFrame::new(Framing::WebSocketBinary, &[7; 3], &Arc::default());
        assert_eq!(
            (frame.wire(), frame.message_length()),
            (&[0x82, 3, 7, 7, 7][..], 3)
        );
    }
}
