//! A service that is registered.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use buslane_protocol::{CompatibilityReport, ErrorCode, Name, Problem, Registration as Declaration};
use buslane_session::{RegistrationKey, State as SessionState};
use tokio::sync::oneshot;

use crate::error::own_problem;
use crate::handler::Handler;
use crate::services::Service;
use crate::shared::Shared;
use crate::{Client, RegisterError};

/// A registered service.
///
/// Dropping it changes nothing: the service stays registered, across lost connections, until it is unregistered or the
/// client ends. It does not keep the client open either.
#[derive(Clone)]
pub struct Registration {
    shared: Weak<Shared>,
    key: RegistrationKey,
    name: Name,
}

impl Registration {
    pub(crate) async fn make(
        client: Client,
        declaration: Declaration,
        handlers: HashMap<Name, Handler>,
    ) -> Result<Registration, RegisterError> {
        let name = declaration.name.clone();
        let (waiter, accepted) = oneshot::channel();
        let key = client.shared().act(|state, now| {
            let mut service = Service {
                name: name.clone(),
                instance: declaration.instance.clone(),
                compatibility: None,
                methods: handlers,
                accepted: Some(waiter),
                leaving: Vec::new(),
            };
            let key = state
                .session
                .register(now, declaration)
                .map_err(|error| Box::new(error.problem()))?;
            if state.session.state() != SessionState::Connected {
                service.accepted = None;
            }
            state.waiters.services.insert(key, service);
            Ok::<_, Box<Problem>>(key)
        })?;
        let abandoned = Abandoned {
            client: &client,
            key: Some(key),
        };
        // Without a waiter, the registration is remembered for the next connection.
        let outcome = accepted.await.unwrap_or(Ok(()));
        abandoned.keep();
        outcome?;
        Ok(Registration {
            shared: Arc::downgrade(client.shared()),
            key,
            name,
        })
    }

    /// Returns the service's name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Returns the instance's name. `None` while the broker, who chooses it, has not accepted the registration, and
    /// after the registration has ended.
    pub fn instance(&self) -> Option<String> {
        let shared = self.shared.upgrade()?;
        shared.look(|state| {
            Some(
                state
                    .waiters
                    .services
                    .find(self.key)?
                    .instance
                    .as_ref()?
                    .to_string(),
            )
        })
    }

    /// Returns what the registration breaks, or may break, for those who use the service, compared with the last version
    /// of it that the broker knew. `None` if nothing, if the broker is configured not to look, and while it has not
    /// accepted the registration.
    pub fn compatibility(&self) -> Option<Arc<CompatibilityReport>> {
        let shared = self.shared.upgrade()?;
        shared.look(|state| state.waiters.services.find(self.key)?.compatibility.clone())
    }

    /// Ends the registration at once. Requests under way are withdrawn, and their callers learn that the outcome is
    /// unknown.
    pub async fn unregister(&self) -> Result<(), RegisterError> {
        self.end(false).await
    }

    /// Ends the registration after the requests under way; new ones go elsewhere from now on.
    pub async fn drain(&self) -> Result<(), RegisterError> {
        self.end(true).await
    }

    async fn end(&self, drain: bool) -> Result<(), RegisterError> {
        let (waiter, ended) = oneshot::channel();
        let shared = self.shared.upgrade().ok_or_else(closed)?;
        shared.act(|state, _| {
            let service = state
                .waiters
                .services
                .find(self.key)
                .ok_or_else(|| own_problem(ErrorCode::NotRegistered, "the registration has ended"))?;
            service.leaving.push(waiter);
            state.session.unregister(self.key, drain);
            Ok::<_, Box<Problem>>(())
        })?;
        drop(shared);
        Ok(ended.await.unwrap_or_else(|_| Err(closed()))?)
    }
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Registration")
            .field("name", &self.name)
            .field("instance", &self.instance())
            .finish_non_exhaustive()
    }
}

/// Takes a registration back if its future is dropped before the broker has answered.
struct Abandoned<'a> {
    client: &'a Client,
    key: Option<RegistrationKey>,
}

impl Abandoned<'_> {
    fn keep(mut self) {
        self.key = None;
    }
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.client.shared().act(|state, _| {
                state.session.unregister(key, false);
                state.waiters.services.remove(key);
            });
        }
    }
}

fn closed() -> Box<Problem> {
    own_problem(ErrorCode::Closed, "the client has ended")
}
