//! Requests and publishes that wait for a connection, in the bytes in which they will travel.
//!
//! What a lost connection left unsent comes here as it is, so that a message is encoded once and the hot path keeps
//! no copy of anything.

use buslane_protocol::{ClientMessage, Encoding, Framing, binary};

use crate::SessionError;
use crate::frames::Frames;
use crate::transmit::encode;

/// The messages that wait, in order.
#[derive(Debug)]
pub(crate) struct Queue {
    framing: Framing,
    bytes: Vec<u8>,
    limit: usize,
    /// Whether messages in it may have ended meanwhile.
    stale: bool,
}

impl Queue {
    /// Makes an empty queue of up to `limit` bytes.
    pub(crate) fn new(framing: Framing, limit: usize) -> Self {
        Queue {
            framing,
            bytes: Vec::new(),
            limit,
            stale: false,
        }
    }

    /// Appends a message. What `ended` says is over gives way if there is no room otherwise.
    pub(crate) fn push(
        &mut self,
        message: &ClientMessage<'_>,
        ended: impl Fn(&ClientMessage<'_>) -> bool,
    ) -> Result<(), SessionError> {
        let before = self.bytes.len();
        encode(self.framing, &mut self.bytes, message);
        if self.bytes.len() <= self.limit {
            return Ok(());
        }
        let added = self.bytes.split_off(before);
        if std::mem::take(&mut self.stale) {
            let bytes = std::mem::take(&mut self.bytes);
            self.keep(&bytes, |message| !ended(message));
        }
        if self.bytes.len() + added.len() > self.limit {
            return Err(SessionError::QueueFull { limit: self.limit });
        }
        self.bytes.extend_from_slice(&added);
        Ok(())
    }

    /// Puts what a connection left unsent before everything else: its requests and publishes, over the limit if need
    /// be. The rest was of that connection only.
    pub(crate) fn salvage(&mut self, unsent: &[u8]) {
        let later = std::mem::take(&mut self.bytes);
        self.keep(unsent, |_| true);
        self.bytes.extend_from_slice(&later);
        self.stale = true;
    }

    /// Takes note that a message in it may have ended.
    pub(crate) fn mark_stale(&mut self) {
        self.stale = true;
    }

    /// Takes everything out.
    pub(crate) fn take(&mut self) -> Waiting {
        self.stale = false;
        Waiting {
            framing: self.framing,
            bytes: std::mem::take(&mut self.bytes),
        }
    }

    /// Returns how many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    fn keep(&mut self, bytes: &[u8], mut wanted: impl FnMut(&ClientMessage<'_>) -> bool) {
        for frame in Frames::new(self.framing.encoding(), bytes) {
            if decode(self.framing, frame).is_some_and(|message| wanted(&message)) {
                self.bytes.extend_from_slice(frame);
                if self.framing.encoding() == Encoding::Json {
                    self.bytes.push(b'\n');
                }
            }
        }
    }
}

/// Messages taken out of a [`Queue`].
#[derive(Debug)]
pub(crate) struct Waiting {
    framing: Framing,
    bytes: Vec<u8>,
}

impl Waiting {
    /// Counts the publishes whose loss nobody would be told of.
    pub(crate) fn unacknowledged(&self) -> u64 {
        let untold =
            |message: &ClientMessage<'_>| matches!(message, ClientMessage::Publish(publish) if !publish.ack);
        self.messages().filter(|(message, _)| untold(message)).count() as u64
    }

    /// Walks the messages with their bytes.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (ClientMessage<'_>, &[u8])> {
        Frames::new(self.framing.encoding(), &self.bytes)
            .filter_map(|frame| decode(self.framing, frame).map(|message| (message, frame)))
    }
}

/// Decodes what the session itself encoded, if it is a request or a publish: no other message may wait.
fn decode(framing: Framing, frame: &[u8]) -> Option<ClientMessage<'_>> {
    let message = match framing.encoding() {
        #[cfg(feature = "json")]
        Encoding::Json => buslane_protocol::json::decode_client(frame).map(Some),
        _ => binary::decode_held(frame),
    };
    let Ok(message) = message else {
        unreachable!("the session encoded it from a checked message");
    };
    message.filter(|message| matches!(message, ClientMessage::Request(_) | ClientMessage::Publish(_)))
}
