//! Publishes that await an acknowledgement, and flushes. Those without one leave no trace here.

use buslane_protocol::{Ack, ErrorCode, Id, Problem};

use crate::error::own;
use crate::ids::{Control, key_of};
use crate::numbered::Numbered;
use crate::transmit::{Batch, Outgoing};
use crate::{Event, FlushKey, PublishKey};

/// The publishes that await an acknowledgement, by key.
#[derive(Debug, Default)]
pub(crate) struct Publishes {
    /// The buffer that each was written to; absent while it waits for a connection.
    pending: Numbered<Option<Batch>>,
}

impl Publishes {
    /// Takes a publish in; `batch` is the buffer that it was written to.
    pub(crate) fn insert(&mut self, key: u64, batch: Option<Batch>) -> PublishKey {
        self.pending.insert(key, batch);
        PublishKey(key)
    }

    /// Takes note that a publish that waited was written to a buffer.
    pub(crate) fn written(&mut self, id: &Id, batch: Batch) {
        if let Some(publish) = key_of(id).and_then(|key| self.pending.get_mut(key)) {
            *publish = Some(batch);
        }
    }

    /// Tells whether the broker has any publish that it has not acknowledged.
    pub(crate) fn any_sent(&self) -> bool {
        self.pending.values().any(Option::is_some)
    }

    /// Takes an acknowledgement. `None` if it is of no publish.
    pub(crate) fn handle_ack(&mut self, ack: &Ack) -> Option<Event<'static>> {
        let key = key_of(&ack.id)?;
        self.pending.remove(key)?;
        Some(Event::Acked {
            key: PublishKey(key),
            receivers: ack.receivers,
        })
    }

    /// Takes an error. `None` if it is about no publish.
    pub(crate) fn handle_error(&mut self, key: u64, problem: Problem) -> Option<Event<'static>> {
        self.pending.remove(key).map(|_| Event::PublishFailed {
            key: PublishKey(key),
            problem,
        })
    }

    /// Ends the publishes that were sent on a connection that is lost; the others wait for the next one.
    pub(crate) fn lost(&mut self, outgoing: &Outgoing, mut failed: impl FnMut(Event<'static>)) {
        self.pending.retain(|key, batch| {
            let sent = batch.take().is_some_and(|batch| outgoing.is_sent(batch));
            if sent {
                let problem = own(ErrorCode::OutcomeUnknown)
                    .detail("the connection was lost after the publish was sent");
                failed(Event::PublishFailed {
                    key: PublishKey(key),
                    problem,
                });
            }
            !sent
        });
    }

    /// Ends every publish.
    pub(crate) fn end(&mut self, problem: &Problem, mut failed: impl FnMut(Event<'static>)) {
        for (key, _) in self.pending.drain() {
            failed(Event::PublishFailed {
                key: PublishKey(key),
                problem: problem.clone(),
            });
        }
    }
}

/// The flushes that the broker has not confirmed, in order.
#[derive(Debug, Default)]
pub(crate) struct Flushes {
    pending: Vec<u64>,
    next: u64,
}

impl Flushes {
    /// Takes a flush in.
    pub(crate) fn insert(&mut self) -> FlushKey {
        self.next += 1;
        self.pending.push(self.next);
        FlushKey(self.next)
    }

    /// Returns the ids of the pings that ask for all of them again.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> + '_ {
        self.pending.iter().map(|key| Control::Flush(*key).id())
    }

    /// Takes the answer to a flush's ping. `None` if it is of none.
    pub(crate) fn handle_pong(&mut self, id: &Id) -> Option<Event<'static>> {
        let Some(Control::Flush(key)) = Control::parse(id) else {
            return None;
        };
        let index = self.pending.iter().position(|pending| *pending == key)?;
        self.pending.remove(index);
        Some(Event::Flushed { key: FlushKey(key) })
    }

    /// Ends every flush.
    pub(crate) fn end(&mut self, problem: &Problem, mut failed: impl FnMut(Event<'static>)) {
        for key in self.pending.drain(..) {
            failed(Event::FlushFailed {
                key: FlushKey(key),
                problem: problem.clone(),
            });
        }
    }
}
