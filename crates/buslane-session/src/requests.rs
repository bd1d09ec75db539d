//! Requests of the program: which are in flight, when each ends at the latest, and what a lost connection means to it.

use std::collections::BTreeSet;
use std::time::Duration;

use buslane_protocol::{
    Answer, Credit, Deadline, End, ErrorCode, Id, Instant, Part, Problem, Request, Targets,
};

use crate::error::own;
use crate::ids::key_of;
use crate::numbered::Numbered;
use crate::transmit::{Batch, Outgoing};
use crate::{Event, RequestKey, RequestOptions, SessionError};

/// The requests in flight, by key.
#[derive(Debug)]
pub(crate) struct Requests {
    pending: Numbered<Pending>,
    /// When to look at which request. May be early: the request itself knows better.
    timers: BTreeSet<(Instant, u64)>,
    default_deadline: Duration,
    grace: Duration,
}

/// A request in flight.
#[derive(Debug)]
struct Pending {
    id: Id,
    /// When it ends by the broker's clock; never if absent.
    expires: Option<Instant>,
    /// How long a stream may pause.
    pause: Duration,
    gathered: bool,
    stream: bool,
    credit: u32,
    /// Chunks that the program is done with and the broker does not know of yet.
    consumed: u32,
    /// The buffer that it was written to; absent while it waits for a connection.
    batch: Option<Batch>,
}

impl Requests {
    /// Makes an empty table.
    pub(crate) fn new(default_deadline: Duration, grace: Duration) -> Self {
        Requests {
            pending: Numbered::default(),
            timers: BTreeSet::new(),
            default_deadline,
            grace,
        }
    }

    /// Refuses requests whose parts do not go together.
    pub(crate) fn check(to: &Targets<'_>, options: &RequestOptions<'_>) -> Result<(), SessionError> {
        let reason = if options.stream && is_gathered(to) {
            "a gathered request gives no stream"
        } else if options.deadline == Deadline::Never && !options.stream {
            "only a stream goes without a deadline"
        } else if matches!(to, Targets::Several(addresses) if !(2..=Targets::MAX).contains(&addresses.len()))
        {
            "a request to several addresses names 2 to 64"
        } else {
            return Ok(());
        };
        Err(SessionError::InvalidRequest { reason })
    }

    /// Takes a request in, and says what deadline is written with it. Whoever writes it calls
    /// [`Requests::written`].
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        (key, id): (u64, Id),
        to: &Targets<'_>,
        options: &RequestOptions<'_>,
    ) -> Deadline {
        let pause = match options.deadline {
            Deadline::Default => Some(self.default_deadline),
            Deadline::After(milliseconds) => Some(Duration::from_millis(u64::from(milliseconds.max(1)))),
            Deadline::Never => None,
        };
        let pending = Pending {
            id,
            expires: pause.map(|pause| now + pause),
            pause: pause.unwrap_or_default(),
            gathered: is_gathered(to),
            stream: options.stream,
            credit: options.credit,
            consumed: 0,
            batch: None,
        };
        if let Some(expires) = pending.expires {
            self.timers.insert((expires, key));
        }
        let deadline = pending.remaining(now);
        self.pending.insert(key, pending);
        deadline
    }

    /// Takes note that a request was written to a buffer.
    pub(crate) fn written(&mut self, key: u64, batch: Batch) {
        if let Some(pending) = self.pending.get_mut(key) {
            pending.batch = Some(batch);
        }
    }

    /// Brings a request that waited up to date. `None` if it has ended meanwhile.
    pub(crate) fn refresh<'a>(&self, now: Instant, request: Request<'a>) -> Option<(u64, Request<'a>)> {
        let key = key_of(&request.id)?;
        let deadline = self.pending.get(key)?.remaining(now);
        Some((key, Request { deadline, ..request }))
    }

    /// Tells whether a request is in flight.
    pub(crate) fn is_pending(&self, id: &Id) -> bool {
        key_of(id).is_some_and(|key| self.pending.get(key).is_some())
    }

    /// Tells whether the broker has any request of ours.
    pub(crate) fn any_sent(&self) -> bool {
        self.pending.values().any(|pending| pending.batch.is_some())
    }

    /// Forgets a request.
    pub(crate) fn cancel(&mut self, key: RequestKey) -> Cancelled {
        match self.remove(key.0) {
            Some(pending) if pending.batch.is_some() => Cancelled::Written(pending.id),
            Some(_) => Cancelled::Waiting,
            None => Cancelled::Unknown,
        }
    }

    /// Adds up what the program is done with. Returns the credit to give once it is worth a message.
    pub(crate) fn consumed(&mut self, key: RequestKey, count: u32) -> Option<Credit> {
        let pending = self.pending.get_mut(key.0)?;
        if pending.credit == 0 || pending.batch.is_none() {
            return None;
        }
        pending.consumed = pending.consumed.saturating_add(count);
        if pending.consumed < pending.credit.div_ceil(2) {
            return None;
        }
        let count = std::mem::take(&mut pending.consumed);
        Some(Credit {
            id: Some(pending.id),
            filter: None,
            shared: None,
            count,
        })
    }

    /// Takes a reply. `None` if nobody waits for it.
    pub(crate) fn handle_reply<'a>(&mut self, answer: Answer<'a>) -> Option<Event<'a>> {
        let number = key_of(&answer.id)?;
        let key = RequestKey(number);
        if self.pending.get(number)?.gathered {
            return Some(Event::PartialReply { key, answer });
        }
        self.remove(number);
        Some(Event::Reply { key, answer })
    }

    /// Takes a part of a stream. `None` if nobody waits for it.
    pub(crate) fn handle_chunk<'a>(&mut self, now: Instant, part: Part<'a>) -> Option<Event<'a>> {
        let key = key_of(&part.id)?;
        let pending = self.pending.get_mut(key).filter(|pending| pending.stream)?;
        if let Some(expires) = &mut pending.expires {
            // A clock that was set back brings no deadline nearer.
            *expires = (*expires).max(now + pending.pause);
        }
        Some(Event::Chunk {
            key: RequestKey(key),
            part,
        })
    }

    /// Takes the end of a stream or of a gathered request. `None` if nobody waits for it.
    pub(crate) fn handle_end(&mut self, end: &End) -> Option<Event<'static>> {
        let key = key_of(&end.id)?;
        self.remove(key)?;
        let End {
            expected,
            replied,
            failed,
            ..
        } = *end;
        Some(Event::End {
            key: RequestKey(key),
            expected,
            replied,
            failed,
        })
    }

    /// Takes an error, in a gathered request with who it is from. `None` if nobody waits for it.
    pub(crate) fn handle_error(
        &mut self,
        number: u64,
        from: Option<String>,
        problem: Problem,
    ) -> Option<Event<'static>> {
        let key = RequestKey(number);
        match from {
            Some(from) if self.pending.get(number)?.gathered => {
                Some(Event::PartialFailure { key, from, problem })
            }
            _ => self.remove(number).map(|_| Event::Failed { key, problem }),
        }
    }

    /// Returns when a request is to be looked at.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(when, _)| *when)
    }

    /// Takes out the requests whose time is over.
    pub(crate) fn handle_timeout(&mut self, now: Instant, mut ended: impl FnMut(Expired)) {
        while let Some(&(when, key)) = self.timers.first().filter(|(when, _)| *when <= now) {
            self.timers.remove(&(when, key));
            let Some(pending) = self.pending.get(key) else {
                continue;
            };
            match pending.ends_at(self.grace) {
                Some(end) if end > now => {
                    self.timers.insert((end, key));
                }
                Some(_) => {
                    let written = pending.batch.is_some().then_some(pending.id);
                    self.pending.remove(key);
                    ended(Expired {
                        key: RequestKey(key),
                        written,
                    });
                }
                None => {}
            }
        }
    }

    /// Ends the requests that were sent on a connection that is lost; the others wait for the next one.
    pub(crate) fn lost(&mut self, outgoing: &Outgoing, mut failed: impl FnMut(Event<'static>)) {
        let sent = |pending: &Pending| pending.batch.is_some_and(|batch| outgoing.is_sent(batch));
        let gone: Vec<u64> = self
            .pending
            .iter()
            .filter(|(_, pending)| sent(pending))
            .map(|(key, _)| key)
            .collect();
        for key in gone {
            self.remove(key);
            let problem =
                own(ErrorCode::OutcomeUnknown).detail("the connection was lost after the request was sent");
            failed(Event::Failed {
                key: RequestKey(key),
                problem,
            });
        }
        for (key, pending) in self.pending.iter_mut() {
            pending.batch = None;
            if let Some(expires) = pending.expires {
                self.timers.insert((expires, key));
            }
        }
    }

    /// Ends every request.
    pub(crate) fn end(&mut self, problem: &Problem, mut failed: impl FnMut(Event<'static>)) {
        self.timers.clear();
        for (key, _) in self.pending.drain() {
            failed(Event::Failed {
                key: RequestKey(key),
                problem: problem.clone(),
            });
        }
    }

    /// Removes a request with its timer, where that is the one it was made with.
    fn remove(&mut self, key: u64) -> Option<Pending> {
        let pending = self.pending.remove(key)?;
        if let Some(expires) = pending.expires {
            self.timers.remove(&(expires, key));
        }
        Some(pending)
    }
}

/// What became of a request that was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// It was written; the broker is to be told.
    Written(Id),
    /// It waited for a connection.
    Waiting,
    /// There was none.
    Unknown,
}

/// A request whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expired {
    /// The request.
    pub(crate) key: RequestKey,
    /// Its id, if it was written; absent if it waited for a connection to the end.
    pub(crate) written: Option<Id>,
}

impl Pending {
    /// Returns the deadline to write with it now.
    fn remaining(&self, now: Instant) -> Deadline {
        match self.expires {
            None => Deadline::Never,
            Some(expires) => {
                let milliseconds = (expires - now).as_millis().clamp(1, u128::from(u32::MAX - 1));
                Deadline::After(milliseconds as u32)
            }
        }
    }

    /// Returns when this side ends it: at its deadline while it waits, a little later once the broker has it.
    fn ends_at(&self, grace: Duration) -> Option<Instant> {
        let expires = self.expires?;
        Some(if self.batch.is_some() {
            expires + grace
        } else {
            expires
        })
    }
}

/// Tells whether a request has several outcomes.
fn is_gathered(to: &Targets<'_>) -> bool {
    use buslane_protocol::Destination::{Every, Group};
    match to {
        Targets::One(address) => matches!(address.destination(), Group(_) | Every),
        Targets::Several(_) => true,
    }
}
