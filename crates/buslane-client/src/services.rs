//! What this client offers: the services it registered, and the handlers of their methods.

use std::collections::HashMap;
use std::sync::Arc;

use buslane_protocol::{CompatibilityReport, Name, Problem};
use buslane_session::RegistrationKey;

use crate::handler::Handler;
use crate::state::Report;
use crate::waiters::{Outcome, tell};

/// The services of one client. They are few, so a list does.
#[derive(Default)]
pub(crate) struct Services {
    entries: Vec<(RegistrationKey, Service)>,
    /// Handlers that nobody needs any more. They hold what user code captured, so they are dropped outside the lock.
    discarded: Vec<HashMap<Name, Handler>>,
}

/// One registration.
pub(crate) struct Service {
    pub(crate) name: Name,
    /// Unknown until the broker has accepted the registration, unless the program chose it.
    pub(crate) instance: Option<Name>,
    /// What the broker said of the last registration.
    pub(crate) compatibility: Option<Arc<CompatibilityReport>>,
    pub(crate) methods: HashMap<Name, Handler>,
    /// Waits for the broker's first answer.
    pub(crate) accepted: Option<Outcome<()>>,
    /// Wait for the registration's end.
    pub(crate) leaving: Vec<Outcome<()>>,
}

impl Services {
    pub(crate) fn insert(&mut self, key: RegistrationKey, service: Service) {
        self.entries.push((key, service));
    }

    pub(crate) fn find(&mut self, key: RegistrationKey) -> Option<&mut Service> {
        self.entries
            .iter_mut()
            .find(|(known, _)| *known == key)
            .map(|(_, service)| service)
    }

    /// Returns the handler of a registration's method.
    pub(crate) fn handler(&mut self, key: RegistrationKey, method: &str) -> Option<Handler> {
        self.find(key)?.methods.get(method).cloned()
    }

    /// Takes note that the broker accepted a registration.
    pub(crate) fn accept(
        &mut self,
        key: RegistrationKey,
        instance: Name,
        compatibility: Option<Box<CompatibilityReport>>,
    ) {
        let Some(service) = self.find(key) else { return };
        service.instance = Some(instance);
        service.compatibility = compatibility.map(Arc::from);
        if let Some(waiter) = service.accepted.take() {
            tell(waiter, Ok(()));
        }
    }

    /// Takes note that the broker refused a registration. Returns what to report if no call waits for it.
    pub(crate) fn refuse(
        &mut self,
        key: RegistrationKey,
        problem: Box<Problem>,
        retries: bool,
    ) -> Option<Report> {
        let service = self.find(key)?;
        if let Some(waiter) = service.accepted.take() {
            tell(waiter, Err(problem));
            self.remove(key);
            return None;
        }
        let report = Report::RegistrationFailed {
            service: service.name.to_string(),
            problem,
            retries,
        };
        if !retries {
            self.remove(key);
        }
        Some(report)
    }

    /// Takes note that a registration has ended.
    pub(crate) fn remove(&mut self, key: RegistrationKey) {
        if let Some(position) = self.entries.iter().position(|(known, _)| *known == key) {
            let (_, service) = self.entries.remove(position);
            self.discarded.push(service.methods);
            service
                .leaving
                .into_iter()
                .for_each(|waiter| tell(waiter, Ok(())));
        }
    }

    /// Returns the handlers that nobody needs any more, to be dropped outside the lock.
    pub(crate) fn take_discarded(&mut self) -> Vec<HashMap<Name, Handler>> {
        std::mem::take(&mut self.discarded)
    }

    /// Lets whoever waits go on: the registrations are remembered for the next connection.
    pub(crate) fn remember(&mut self) {
        for waiter in self
            .entries
            .iter_mut()
            .filter_map(|(_, service)| service.accepted.take())
        {
            tell(waiter, Ok(()));
        }
    }

    /// Ends them all.
    pub(crate) fn end(&mut self, problem: &Problem) {
        for (_, service) in self.entries.drain(..) {
            self.discarded.push(service.methods);
            for waiter in service.accepted.into_iter().chain(service.leaving) {
                tell(waiter, Err(Box::new(problem.clone())));
            }
        }
    }
}
