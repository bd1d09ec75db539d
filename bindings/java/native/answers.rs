//! Requests that came in and await an answer of Java's, by number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use buslane_client::{AnswerError, Body, Incoming, Problem, ServiceError};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use crate::bridge::Hasher;
use crate::events::{Events, Kind};

/// The requests of one client that await an answer.
#[derive(Default)]
pub(crate) struct Answers {
    next: AtomicU64,
    held: Mutex<HashMap<u64, Held, Hasher>>,
}

struct Held {
    answering: Answering,
    /// Waits for the caller to go away, if Java wants to know.
    watch: Option<Watch>,
}

enum Answering {
    Once(Incoming),
    /// What is to be sent, by a task that waits for credit.
    InParts(UnboundedSender<Part>),
}

/// What a stream says next.
enum Part {
    Chunk(Body),
    End,
    Failure(ServiceError),
}

struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Answers {
    /// Keeps a request until it is answered, and returns its number.
    pub(crate) fn hold(&self, incoming: Incoming) -> u64 {
        let token = self.next.fetch_add(1, Ordering::Relaxed);
        let answering = Answering::Once(incoming);
        self.lock().insert(
            token,
            Held {
                answering,
                watch: None,
            },
        );
        token
    }

    /// Answers with a reply. What cannot be sent is Java's to know; that nobody waits any more is not.
    pub(crate) fn reply(&self, token: u64, body: &Body) -> Result<(), Problem> {
        match self.take(token) {
            Some(Answering::Once(incoming)) => match incoming.reply(body) {
                Err(AnswerError::Unsendable(error)) => Err(error.problem()),
                _sent_or_not_awaited => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Answers with an error.
    pub(crate) fn fail(&self, token: u64, error: ServiceError) {
        match self.take(token) {
            Some(Answering::Once(incoming)) => drop(incoming.fail(error)),
            Some(Answering::InParts(parts)) => drop(parts.send(Part::Failure(error))),
            None => {}
        }
    }

    /// Sends one part of a stream, when the caller takes it. That it left is told as an event.
    pub(crate) fn chunk(self: &Arc<Self>, token: u64, body: Body, events: &Arc<Events>, runtime: &Handle) {
        self.part(token, Part::Chunk(body), events, runtime);
    }

    /// Ends a stream.
    pub(crate) fn end(self: &Arc<Self>, token: u64, events: &Arc<Events>, runtime: &Handle) {
        self.part(token, Part::End, events, runtime);
        self.take(token);
    }

    /// Tells whether nobody waits for the answer any more.
    pub(crate) fn is_withdrawn(&self, token: u64) -> bool {
        match self.lock().get(&token) {
            Some(held) => match &held.answering {
                Answering::Once(incoming) => incoming.context().is_cancelled(),
                Answering::InParts(parts) => parts.is_closed(),
            },
            None => false,
        }
    }

    /// Has it told when nobody waits for the answer any more.
    pub(crate) fn watch(&self, token: u64, events: &Arc<Events>, runtime: &Handle) {
        let mut table = self.lock();
        let Some(held) = table.get_mut(&token) else { return };
        let Answering::Once(incoming) = &held.answering else {
            return;
        };
        let (context, events) = (incoming.context().clone(), events.clone());
        let waiting = runtime.spawn(async move {
            context.cancelled().await;
            events.push(Kind::Withdrawn, token, |_| {});
        });
        held.watch = Some(Watch(waiting.abort_handle()));
    }

    /// Lets go of everything.
    pub(crate) fn clear(&self) {
        let held = std::mem::take(&mut *self.lock());
        drop(held);
    }

    fn take(&self, token: u64) -> Option<Answering> {
        let held = self.lock().remove(&token);
        held.map(|held| held.answering)
    }

    fn part(self: &Arc<Self>, token: u64, part: Part, events: &Arc<Events>, runtime: &Handle) {
        let mut table = self.lock();
        let Some(held) = table.remove(&token) else { return };
        let sender = match held.answering {
            Answering::InParts(sender) => sender,
            Answering::Once(incoming) => {
                let (sender, parts) = unbounded_channel();
                runtime.spawn(send_parts(incoming, token, parts, events.clone()));
                sender
            }
        };
        // Where nobody takes parts any more, the task has told so.
        let _ = sender.send(part);
        let answering = Answering::InParts(sender);
        let watch = held.watch;
        table.insert(token, Held { answering, watch });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Held, Hasher>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the parts of one stream, each when the caller takes it. Ends when nobody waits any more, and tells so.
async fn send_parts(incoming: Incoming, token: u64, mut parts: UnboundedReceiver<Part>, events: Arc<Events>) {
    let context = incoming.context().clone();
    let sending = async {
        while let Some(part) = parts.recv().await {
            let sent = match part {
                Part::Chunk(body) => send_chunk(&incoming, &body).await,
                Part::End => return Some(incoming.end()),
                Part::Failure(error) => return Some(incoming.fail(error)),
            };
            match sent {
                Ok(()) => events.push(Kind::Taken, token, |_| {}),
                Err(AnswerError::NoStream) => return Some(incoming.fail(stream_wanted())),
                Err(error) => return Some(incoming.fail(ServiceError::failed(error))),
            }
        }
        None
    };
    tokio::select! {
        _answered = sending => {}
        () = context.cancelled() => events.push(Kind::Withdrawn, token, |_| {}),
    }
}

async fn send_chunk(incoming: &Incoming, body: &Body) -> Result<(), AnswerError> {
    loop {
        let credit = incoming.credit();
        match incoming.chunk(body) {
            Err(AnswerError::NoCredit) => credit.await,
            sent => return sent,
        }
    }
}

fn stream_wanted() -> ServiceError {
    let title = "the method answers in a stream, and the request asks for none";
    ServiceError::new("unexpected_stream", title)
}
