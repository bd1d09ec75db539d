//! How a registration ends. Owns what leads to it and is taken back with it; the end of its client is in `connect.rs`.

use buslane_protocol::{ErrorCode, Problem, Unregister};

use crate::engine::Engine;
use crate::memory::Category;
use crate::registry::{Declared, Instance, InstanceKey};
use crate::{ClientId, Notice};

impl Engine {
    /// Ends a registration of a client's own, at once or when it has answered what it was asked.
    pub(crate) fn unregister(&mut self, id: ClientId, unregister: &Unregister) {
        let key = match self.find_own(id, unregister) {
            Ok(key) => key,
            Err(problem) => return self.refuse_message(id, unregister.id, problem.about(&unregister.name)),
        };
        let Some(instance) = self.registry.instance_mut(key) else {
            return;
        };
        if unregister.drain && instance.outstanding > 0 {
            instance.draining.get_or_insert_default().push(unregister.id);
            return self.registry.remove_routes(key);
        }
        self.lose_legs_of_instance(id, key);
        self.leave(id, key);
        self.acknowledge(id, unregister.id, 0);
    }

    fn find_own(&self, id: ClientId, unregister: &Unregister) -> Result<InstanceKey, Problem> {
        let own = self
            .clients
            .find(id)
            .map_or(&[][..], |client| &client.registrations);
        let fits = |key: &&InstanceKey| {
            self.registry.instance(**key).is_some_and(|instance| {
                instance.declared.service == unregister.name
                    && unregister
                        .instance
                        .as_ref()
                        .is_none_or(|name| *name == instance.name)
            })
        };
        let mut found = own.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(*key),
            (None, _) => {
                let detail = "name and instance must be those of this client's own registration";
                Err(Problem::new(ErrorCode::NotRegistered).detail(detail))
            }
            (Some(_), Some(_)) => {
                let detail =
                    "this client registered several instances of this name: say which, by `instance`";
                Err(Problem::new(ErrorCode::InvalidMessage).detail(detail))
            }
        }
    }

    /// Ends the registration of an instance that was draining and has answered its last request.
    pub(crate) fn finish_drain(&mut self, key: InstanceKey) {
        let Some(instance) = self
            .registry
            .instance_mut(key)
            .filter(|instance| instance.outstanding == 0)
        else {
            return;
        };
        let Some(waiting) = instance.draining.take() else {
            return;
        };
        let client = instance.client;
        self.leave(client, key);
        for message in waiting {
            self.acknowledge(client, message, 0);
        }
    }

    /// Ends a registration while its client stays.
    fn leave(&mut self, id: ClientId, key: InstanceKey) {
        if let Some(client) = self.clients.find_mut(id) {
            client.registrations.retain(|own| *own != key);
        }
        self.remove_registration(key, "unregistered");
        self.stamp(id);
    }

    /// Removes a registration and everything that leads to it, and announces it.
    pub(crate) fn remove_registration(&mut self, key: InstanceKey, reason: &'static str) {
        let Some(instance) = self.registry.remove(key) else {
            return;
        };
        for topic in instance.declared.topics.keys() {
            self.contracts.withdraw(key, topic.as_str());
        }
        self.ledger.release(Category::Registrations, instance.charged);
        self.compiled.give(&mut self.ledger, &instance.compiled);
        if let Some(interface) = &instance.interface {
            self.lineages.leave(&instance.declared.service, interface);
        }
        self.announce_departure(&instance, reason);
        self.end_probes_of(key);
        let Instance {
            client,
            name,
            declared: Declared { service, .. },
            ..
        } = instance;
        self.notice(Notice::Unregistered {
            client,
            service,
            instance: name,
        });
    }
}
