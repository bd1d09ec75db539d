//! Registrations of the program: remembered until it ends them, made anew by each connection.

use buslane_protocol::{
    ClientMessage, ErrorCode, Instant, Invocation, Problem, Register, Registered, Registration, Retry,
    Unregister,
};

use crate::config::Backoff;
use crate::ids::Control;
use crate::numbered::Numbered;
use crate::random::Random;
use crate::{Event, RegistrationKey, routing};

/// The registrations, by key.
#[derive(Debug)]
pub(crate) struct Registrations {
    entries: Numbered<Entry>,
    next: u64,
    backoff: Backoff,
    random: Random,
}

/// A registration.
#[derive(Debug)]
struct Entry {
    registration: Registration,
    /// The secret of the last time; absent until the broker accepted it once.
    resume: Option<String>,
    /// Failures since the broker last accepted it.
    failures: u32,
    retry_at: Option<Instant>,
    /// Whether the broker has not answered yet on this connection.
    asked: bool,
    /// Whether it is to end, and then whether current requests may be finished.
    ending: Option<bool>,
}

impl Registrations {
    /// Makes an empty table.
    pub(crate) fn new(backoff: Backoff, random: Random) -> Self {
        Registrations {
            entries: Numbered::default(),
            next: 1,
            backoff,
            random,
        }
    }

    /// Remembers a registration.
    pub(crate) fn insert(&mut self, registration: Registration) -> RegistrationKey {
        let key = self.next;
        self.next += 1;
        let entry = Entry {
            registration,
            resume: None,
            failures: 0,
            retry_at: None,
            asked: false,
            ending: None,
        };
        self.entries.insert(key, entry);
        RegistrationKey(key)
    }

    /// Returns the message that makes a registration.
    pub(crate) fn message(&mut self, key: RegistrationKey) -> Option<ClientMessage<'static>> {
        self.entries.get_mut(key.0).map(|entry| entry.ask(key.0))
    }

    /// Returns the messages that make all registrations on a new connection.
    pub(crate) fn opened(&mut self) -> Vec<ClientMessage<'static>> {
        self.entries
            .iter_mut()
            .map(|(key, entry)| entry.ask(key))
            .collect()
    }

    /// Ends a registration: returns the message that tells the broker, once it has answered the registration itself.
    /// The answer to the message brings the event.
    pub(crate) fn end_one(&mut self, key: RegistrationKey, drain: bool) -> Option<ClientMessage<'static>> {
        let entry = self.entries.get_mut(key.0)?;
        if entry.ending.replace(drain).is_some() || entry.asked {
            return None;
        }
        Some(entry.unregister(key.0, drain))
    }

    /// Tells whether the broker refused a registration on this connection, which is tried again later.
    pub(crate) fn is_refused(&self, key: RegistrationKey) -> bool {
        let entry = self.entries.get(key.0);
        entry.is_some_and(|entry| entry.retry_at.is_some())
    }

    /// Forgets a registration that no broker knows of.
    pub(crate) fn forget(&mut self, key: RegistrationKey) -> Option<Event<'static>> {
        self.entries.remove(key.0).map(|_| Event::Unregistered { key })
    }

    /// Takes the broker's acceptance. Returns the message to send instead of an event if the registration is to end.
    pub(crate) fn handle_registered(
        &mut self,
        key: u64,
        registered: Registered,
    ) -> Option<Result<Event<'static>, ClientMessage<'static>>> {
        let entry = self.entries.get_mut(key)?;
        let again = entry.resume.replace(registered.resume).is_some();
        entry.registration.instance = Some(registered.instance.clone());
        entry.failures = 0;
        entry.asked = false;
        if let Some(drain) = entry.ending {
            return Some(Err(entry.unregister(key, drain)));
        }
        Some(Ok(Event::Registered {
            key: RegistrationKey(key),
            instance: registered.instance,
            again,
            compatibility: registered.compatibility,
        }))
    }

    /// Takes the broker's refusal. A registration that stood before, or that came while the broker was leaving, is
    /// tried again where that can help.
    pub(crate) fn handle_refused(
        &mut self,
        now: Instant,
        key: u64,
        problem: Problem,
    ) -> Option<Event<'static>> {
        let entry = self.entries.get_mut(key)?;
        entry.asked = false;
        if entry.ending.is_some() {
            return self.handle_unregistered(key);
        }
        let key = RegistrationKey(key);
        let code = problem.error_code();
        let may_help = code.is_some_and(|code| code.retry() == Retry::Later);
        if !may_help || (entry.resume.is_none() && code != Some(ErrorCode::Draining)) {
            self.entries.remove(key.0);
            return Some(Event::RegistrationFailed {
                key,
                problem,
                retry_at: None,
            });
        }
        let retry_at = now + self.backoff.delay(entry.failures, &mut self.random);
        entry.failures = entry.failures.saturating_add(1);
        entry.retry_at = Some(retry_at);
        Some(Event::RegistrationFailed {
            key,
            problem,
            retry_at: Some(retry_at),
        })
    }

    /// Takes the broker's answer to the end of a registration; a refusal means that there was none.
    pub(crate) fn handle_unregistered(&mut self, key: u64) -> Option<Event<'static>> {
        self.entries.remove(key).map(|_| Event::Unregistered {
            key: RegistrationKey(key),
        })
    }

    /// Returns when a registration is tried again.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| entry.retry_at).min()
    }

    /// Returns the registrations that are to be tried again.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<ClientMessage<'static>> {
        let due = |entry: &Entry| entry.retry_at.is_some_and(|retry_at| retry_at <= now);
        let retry = |(key, entry): (u64, &mut Entry)| due(entry).then(|| entry.ask(key));
        self.entries.iter_mut().filter_map(retry).collect()
    }

    /// Finds the registration that a request is for.
    pub(crate) fn route(&self, invocation: &Invocation<'_>) -> Option<RegistrationKey> {
        let mut entries = self.entries.iter();
        let (key, _) = entries.find(|(_, entry)| routing::is_for(invocation, &entry.registration))?;
        Some(RegistrationKey(key))
    }

    /// Takes note of a lost connection: what was about to end has ended with it.
    pub(crate) fn lost(&mut self, mut unregistered: impl FnMut(Event<'static>)) {
        self.entries.retain(|key, entry| {
            entry.retry_at = None;
            entry.asked = false;
            if entry.ending.is_some() {
                unregistered(Event::Unregistered {
                    key: RegistrationKey(key),
                });
            }
            entry.ending.is_none()
        });
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

impl Entry {
    fn ask(&mut self, key: u64) -> ClientMessage<'static> {
        self.asked = true;
        self.retry_at = None;
        ClientMessage::Register(Box::new(Register {
            id: Some(Control::Register(key).id()),
            resume: self.resume.clone(),
            registration: self.registration.clone(),
        }))
    }

    fn unregister(&self, key: u64, drain: bool) -> ClientMessage<'static> {
        ClientMessage::Unregister(Unregister {
            id: Some(Control::Unregister(key).id()),
            name: self.registration.name.clone(),
            instance: self.registration.instance.clone(),
            drain,
        })
    }
}
