//! What this client offers: the services it registered, and which handler a request is for.

use std::collections::HashMap;
use std::sync::Arc;

use buslane_protocol::{Address, CompatibilityReport, Destination, Invocation, Name, Problem};
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
    pub(crate) groups: Vec<Name>,
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

    /// Returns the handler of a request. Where several registrations fit its address, the broker says which is meant.
    pub(crate) fn route(&self, invocation: &Invocation<'_>) -> Option<Handler> {
        let address = &invocation.to;
        let mut services = self.entries.iter().map(|(_, service)| service);
        let service = match invocation.headers.callee() {
            Some(callee) => services.find(|service| service.is_called(callee)),
            None => services.find(|service| service.answers(address)),
        };
        service?.methods.get(address.method()).cloned()
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

impl Service {
    /// Tells whether a label, `service#instance`, is this registration's.
    fn is_called(&self, label: &str) -> bool {
        let own = |instance: &Name| label.split_once('#') == Some((self.name.as_str(), instance.as_str()));
        self.instance.as_ref().is_some_and(own)
    }

    fn answers(&self, address: &Address<'_>) -> bool {
        let selected = match address.destination() {
            Destination::Service(service) => self.name.as_str() == service,
            Destination::Instance { service, instance } => {
                self.name.as_str() == service
                    && self.instance.as_ref().is_some_and(|own| own.as_str() == instance)
            }
            Destination::Group(group) => self.groups.iter().any(|own| own.as_str() == group),
            Destination::Every => true,
        };
        selected && self.methods.contains_key(address.method())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use buslane_protocol::{Headers, HeadersBuf, Payload};

    fn service(name: &str, instance: &str, group: &str) -> (Service, Handler) {
        let handler: Handler = Arc::new(|_, _| {});
        let service = Service {
            name: Name::parse(name).unwrap(),
            instance: Some(Name::parse(instance).unwrap()),
            compatibility: None,
            groups: vec![Name::parse(group).unwrap()],
            methods: HashMap::from([(Name::parse("get").unwrap(), handler.clone())]),
            accepted: None,
            leaving: Vec::new(),
        };
        (service, handler)
    }

    fn routed(services: &Services, address: &str, callee: Option<&str>) -> Option<Handler> {
        let mut headers = HeadersBuf::new();
        if let Some(callee) = callee {
            headers.push(Headers::CALLEE, callee).unwrap();
        }
        services.route(&Invocation {
            delivery: 1,
            id: None,
            from: "shell".into(),
            to: Address::parse(address).unwrap(),
            headers: headers.finish(),
            payload: Payload::default(),
            expires_in_ms: None,
            attempt: 1,
            stream: false,
            credit: 0,
        })
    }

    #[test]
    fn each_form_of_address_finds_its_service() {
        let (mut services, (attic, handler)) = (Services::default(), service("attic", "one", "storage"));
        services.insert(RegistrationKey::from_number(1), attic);
        for address in [
            "attic:get",
            "attic#one:get",
            "@storage:get",
            "*:get",
            "node/attic:get",
        ] {
            assert!(
                Arc::ptr_eq(&routed(&services, address, None).unwrap(), &handler),
                "{address}"
            );
        }
        for address in ["attic:set", "attic#two:get", "@other:get", "cellar:get", "*:set"] {
            assert!(routed(&services, address, None).is_none(), "{address}");
        }
    }

    #[test]
    fn of_two_that_fit_the_broker_says_which_is_meant() {
        let mut services = Services::default();
        let ((first, one), (second, two)) = (
            service("attic", "one", "storage"),
            service("cellar", "two", "storage"),
        );
        services.insert(RegistrationKey::from_number(1), first);
        services.insert(RegistrationKey::from_number(2), second);
        for (callee, handler) in [("attic#one", &one), ("cellar#two", &two)] {
            let chosen = routed(&services, "@storage:get", Some(callee)).unwrap();
            assert!(Arc::ptr_eq(&chosen, handler), "{callee}");
        }
        assert!(routed(&services, "@storage:get", Some("cellar#one")).is_none());
        assert!(Arc::ptr_eq(&routed(&services, "cellar:get", None).unwrap(), &two));
    }
}
