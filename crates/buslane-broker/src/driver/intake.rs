//! Takes what a client sent into the engine, one whole message after another, as they stand in a buffer.

use buslane_engine::{ClientId, Engine, Flow};
use buslane_protocol::binary::PlainPublish;
use buslane_protocol::{ClientMessage, DecodeError, Instant, Retain};

use super::input::Head;
use super::turn::Turn;

/// The engine, open for the messages of one client.
pub(crate) struct Intake<'a> {
    /// The engine.
    pub(crate) engine: &'a mut Engine,
    /// The time at which the messages came.
    pub(crate) now: Instant,
    /// Whose they are.
    pub(crate) client: ClientId,
    /// Bytes that one frame may have.
    pub(crate) limit: usize,
    /// How long it may take.
    pub(crate) turn: Turn,
}

/// How far a buffer was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes from the buffer's start that were handled.
    pub(crate) consumed: usize,
    /// What comes next.
    pub(crate) next: Next,
}

/// What comes after a buffer was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// More has to be read; the rest of the buffer is the beginning of a frame.
    Read(Head),
    /// The rest has to wait until the engine resumes the client.
    Wait,
    /// The rest has to wait until others had their turn.
    Later,
    /// The engine closes the client.
    Close,
    /// The transport's own rules are broken, or it was closed by them: the driver closes the client.
    End(End),
}

/// Why a transport ends that has rules of its own, with a status of WebSocket (RFC 6455, section 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The status to close with.
    pub(crate) status: u16,
    /// Whether the other side asked for it.
    pub(crate) asked: bool,
}

impl Intake<'_> {
    /// Takes in a publish that asks for nothing but its delivery; false if it is to be taken in as any other message.
    #[inline]
    pub(crate) fn plain_publish(&mut self, publish: &PlainPublish<'_>) -> bool {
        let taken = self.engine.handle_plain(self.now, self.client, publish);
        self.turn
            .spend_plain(publish.payload.bytes.len(), || self.engine.dirty());
        taken
    }

    /// Takes in one frame.
    #[inline]
    pub(crate) fn message(&mut self, mut decoded: Result<ClientMessage<'_>, DecodeError>) -> Flow {
        let plain = match &decoded {
            Ok(ClientMessage::Publish(publish)) if !publish.ack && publish.retain == Retain::Keep => {
                Some(publish.payload.bytes.len())
            }
            _ => None,
        };
        let flow = match &mut decoded {
            Ok(message) => self.engine.handle_in_place(self.now, self.client, message),
            Err(error) => self.engine.refuse(self.now, self.client, error),
        };
        match plain {
            Some(bytes) => self.turn.spend_plain(bytes, || self.engine.dirty()),
            None => self.turn.spend(self.engine.dirty()),
        }
        flow
    }

    /// What the engine's answer and the time mean for what comes behind `consumed`; `None` if the next frame may come.
    #[inline]
    pub(crate) fn stopped(&self, consumed: usize, flow: Flow) -> Option<Progress> {
        let next = match flow {
            Flow::Continue if self.turn.is_over() => Next::Later,
            Flow::Continue => return None,
            Flow::Pause => Next::Wait,
            Flow::Close => Next::Close,
        };
        Some(Progress { consumed, next })
    }
}

impl Progress {
    /// Takes in that the place of the next frame is unknown.
    #[cold]
    pub(crate) fn lost(intake: &mut Intake<'_>, error: DecodeError) -> Progress {
        // Whatever is answered, nothing more can be read.
        let _closes = intake.message(Err(error));
        Progress {
            consumed: 0,
            next: Next::Close,
        }
    }
}
