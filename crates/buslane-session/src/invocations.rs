//! Requests that came in: which await an answer, for how long, and how many chunks their callers take.

use std::collections::BTreeSet;
use std::time::Duration;

use buslane_protocol::{Instant, Invocation, StreamCredit};

use crate::numbered::Numbered;
use crate::{AnswerError, DeliveryToken, Event, RegistrationKey, Withdrawn};

/// The requests of the present connection that await an answer, by delivery number.
#[derive(Debug, Default)]
pub(crate) struct Invocations {
    generation: u32,
    open: Numbered<Open>,
    /// When to look at which request. May be early: the request itself knows better.
    timers: BTreeSet<(Instant, u64)>,
}

/// A request that awaits an answer.
#[derive(Debug)]
struct Open {
    expires: Option<Instant>,
    /// How long a stream may pause.
    pause: Duration,
    stream: bool,
    /// Chunks that the caller takes; any number if absent.
    credit: Option<u32>,
}

impl Invocations {
    /// Begins a connection.
    pub(crate) fn opened(&mut self, generation: u32) {
        self.generation = generation;
        self.open.clear();
        self.timers.clear();
    }

    /// Tells whether no request awaits an answer.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes a request in.
    pub(crate) fn handle_request<'a>(
        &mut self,
        now: Instant,
        registration: Option<RegistrationKey>,
        invocation: Invocation<'a>,
    ) -> Event<'a> {
        let pause = invocation
            .expires_in_ms
            .map(|milliseconds| Duration::from_millis(u64::from(milliseconds)));
        let open = Open {
            expires: pause.map(|pause| now + pause),
            pause: pause.unwrap_or_default(),
            stream: invocation.stream,
            credit: (invocation.credit > 0).then_some(invocation.credit),
        };
        if let Some(expires) = open.expires {
            self.timers.insert((expires, invocation.delivery));
        }
        let token = self.token(invocation.delivery);
        self.open.insert(invocation.delivery, open);
        Event::Request {
            token,
            registration,
            invocation,
        }
    }

    /// Takes a withdrawal. `None` if the request was answered already.
    pub(crate) fn handle_cancel(&mut self, delivery: u64) -> Option<Event<'static>> {
        self.remove(delivery)?;
        Some(Event::Withdrawn {
            token: self.token(delivery),
            reason: Withdrawn::Cancelled,
        })
    }

    /// Takes credit for chunks. `None` if the request was answered already.
    pub(crate) fn handle_credit(&mut self, credit: &StreamCredit) -> Option<Event<'static>> {
        let StreamCredit { delivery, count } = *credit;
        let left = self.open.get_mut(delivery)?.credit.as_mut()?;
        *left = left.saturating_add(count);
        Some(Event::Credit {
            token: self.token(delivery),
            count,
        })
    }

    /// Tells whether an answer may be given.
    pub(crate) fn check(&self, token: DeliveryToken) -> Result<(), AnswerError> {
        if token.generation != self.generation {
            return Err(AnswerError::ConnectionGone);
        }
        if self.open.get(token.delivery).is_some() {
            Ok(())
        } else {
            Err(AnswerError::NotAwaited)
        }
    }

    /// Takes note of the final answer.
    pub(crate) fn answered(&mut self, token: DeliveryToken) {
        self.remove(token.delivery);
    }

    /// Takes note of a chunk, or tells why there can be none.
    pub(crate) fn chunk(
        &mut self,
        now: Instant,
        token: DeliveryToken,
        counts: bool,
    ) -> Result<(), AnswerError> {
        let open = self.open.get_mut(token.delivery).ok_or(AnswerError::NotAwaited)?;
        if !open.stream {
            return Err(AnswerError::NoStream);
        }
        if counts && let Some(credit) = &mut open.credit {
            *credit = credit.checked_sub(1).ok_or(AnswerError::NoCredit)?;
        }
        if let Some(expires) = &mut open.expires {
            *expires = now + open.pause;
        }
        Ok(())
    }

    /// Makes the token of a delivery on this connection.
    pub(crate) fn token(&self, delivery: u64) -> DeliveryToken {
        DeliveryToken {
            generation: self.generation,
            delivery,
        }
    }

    /// Returns when a request is to be looked at.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(when, _)| *when)
    }

    /// Withdraws the requests whose time is over.
    pub(crate) fn handle_timeout(&mut self, now: Instant, mut withdrawn: impl FnMut(Event<'static>)) {
        while let Some(&(when, delivery)) = self.timers.first().filter(|(when, _)| *when <= now) {
            self.timers.remove(&(when, delivery));
            match self.open.get(delivery).and_then(|open| open.expires) {
                Some(expires) if expires > now => {
                    self.timers.insert((expires, delivery));
                }
                Some(_) => {
                    self.open.remove(delivery);
                    withdrawn(Event::Withdrawn {
                        token: self.token(delivery),
                        reason: Withdrawn::Expired,
                    });
                }
                None => {}
            }
        }
    }

    /// Withdraws every request. Later answers are refused.
    pub(crate) fn lost(&mut self, mut withdrawn: impl FnMut(Event<'static>)) {
        self.timers.clear();
        for (delivery, _) in self.open.drain() {
            withdrawn(Event::Withdrawn {
                token: self.token(delivery),
                reason: Withdrawn::ConnectionLost,
            });
        }
        self.generation = 0;
    }

    fn remove(&mut self, delivery: u64) -> Option<Open> {
        let open = self.open.remove(delivery)?;
        if let Some(expires) = open.expires {
            self.timers.remove(&(expires, delivery));
        }
        Some(open)
    }
}
