//! Which registration of the program a request is for, by its address and by what the broker says.

use buslane_protocol::{Address, Destination, Invocation, Registration};

/// Tells whether a request is for a registration. Where several of a session's fit the address, the broker names the one
/// that is meant.
pub(crate) fn is_for(invocation: &Invocation<'_>, registration: &Registration) -> bool {
    let meant = match invocation.headers.callee() {
        Some(label) => is_called(registration, label),
        None => is_selected(registration, &invocation.to),
    };
    meant && registration.methods.contains_key(invocation.to.method())
}

/// Tells whether a label, `service#instance`, is the registration's.
fn is_called(registration: &Registration, label: &str) -> bool {
    label
        .split_once('#')
        .is_some_and(|(service, instance)| is_instance(registration, service, instance))
}

fn is_selected(registration: &Registration, address: &Address<'_>) -> bool {
    match address.destination() {
        Destination::Service(service) => registration.name.as_str() == service,
        Destination::Instance { service, instance } => is_instance(registration, service, instance),
        Destination::Group(group) => registration.groups.iter().any(|own| own.as_str() == group),
        Destination::Every => true,
    }
}

fn is_instance(registration: &Registration, service: &str, instance: &str) -> bool {
    let own = registration.instance.as_ref();
    registration.name.as_str() == service && own.is_some_and(|own| own.as_str() == instance)
}

#[cfg(test)]
mod tests {
    use buslane_protocol::{Headers, HeadersBuf, MethodDeclaration, Name, Payload};

    use super::*;

    fn registration(service: &str, instance: &str) -> Registration {
        Registration {
            name: Name::parse(service).unwrap(),
            version: "1".into(),
            instance: Some(Name::parse(instance).unwrap()),
            groups: vec![Name::parse("storage").unwrap()],
            methods: [(Name::parse("get").unwrap(), MethodDeclaration::default())].into(),
            topics: Default::default(),
            schemas: Default::default(),
            meta: None,
        }
    }

    fn is_for(address: &str, callee: Option<&str>, registration: &Registration) -> bool {
        let mut headers = HeadersBuf::new();
        if let Some(callee) = callee {
            headers.push(Headers::CALLEE, callee).unwrap();
        }
        let invocation = Invocation {
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
        };
        super::is_for(&invocation, registration)
    }

    #[test]
    fn each_form_of_address_finds_its_registration() {
        let attic = registration("attic", "one");
        for address in [
            "attic:get",
            "attic#one:get",
            "@storage:get",
            "*:get",
            "node/attic:get",
        ] {
            assert!(is_for(address, None, &attic), "{address}");
        }
        for address in ["attic:set", "attic#two:get", "@other:get", "cellar:get", "*:set"] {
            assert!(!is_for(address, None, &attic), "{address}");
        }
    }

    #[test]
    fn of_two_that_fit_the_broker_says_which_is_meant() {
        let (attic, cellar) = (registration("attic", "one"), registration("cellar", "two"));
        for (callee, chosen, other) in [("attic#one", &attic, &cellar), ("cellar#two", &cellar, &attic)] {
            assert!(is_for("@storage:get", Some(callee), chosen), "{callee}");
            assert!(!is_for("@storage:get", Some(callee), other), "{callee}");
        }
        assert!(!is_for("@storage:get", Some("cellar#one"), &cellar));
    }
}
