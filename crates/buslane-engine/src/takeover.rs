//! Who gets an instance's name when two clients want it. Owns the probes: a newcomer without the secret waits for a
//! sign of life of the old connection.

use buslane_protocol::{BrokerMessage, ErrorCode, Problem, Refusal, Register};

use crate::compatibility::Examined;
use crate::engine::{Engine, Timer};
use crate::memory::Category;
use crate::parked::{Parked, Waiting};
use crate::registry::InstanceKey;
use crate::{ClientId, CloseReason, Notice, Ticket};

/// What a newcomer may do about an instance's name.
pub(crate) enum Claim {
    /// Nobody has it.
    Free,
    /// It proved that the instance is its own.
    Resume(InstanceKey),
    /// The holder may be dead.
    Ask(InstanceKey),
    /// It may not have it.
    Refused(Box<Problem>),
}

/// A newcomer that waits for a sign of life of a holder.
pub(crate) struct Probe {
    /// The instance that it wants.
    pub(crate) holder: InstanceKey,
    /// Who holds it.
    pub(crate) client: ClientId,
}

impl Engine {
    /// Fills in the instance's name for a newcomer that presents the secret of a living one without naming it.
    pub(crate) fn name_by_secret(&self, register: &mut Register) {
        let Register {
            resume: Some(secret),
            registration,
            ..
        } = register
        else {
            return;
        };
        let held = self
            .registry
            .by_secret(secret)
            .and_then(|key| self.registry.instance(key));
        if let Some(held) = held.filter(|held| held.declared.service == registration.name) {
            registration.instance.get_or_insert_with(|| held.name.clone());
        }
    }

    /// Decides about the name that a registration asks for.
    pub(crate) fn claim(&self, id: ClientId, register: &Register) -> Claim {
        let registration = &register.registration;
        let principal = self.clients.find(id).map(|client| &client.principal);
        let proven = register
            .resume
            .as_deref()
            .and_then(|secret| self.registry.by_secret(secret));
        let named = registration.instance.as_ref();
        let holder = named.and_then(|name| self.registry.find(registration.name.as_str(), name.as_str()));
        let Some((key, instance)) = holder.and_then(|key| Some((key, self.registry.instance(key)?))) else {
            return Claim::Free;
        };
        if instance.client == id {
            let detail = "unregister it first, or leave `instance` out to register another one";
            return Claim::Refused(
                Problem::new(ErrorCode::AlreadyRegistered)
                    .about(&instance.label)
                    .detail(detail)
                    .into(),
            );
        }
        let same = self.clients.find(instance.client).map(|client| &client.principal) == principal;
        match (same, proven == Some(key)) {
            (true, true) => Claim::Resume(key),
            (true, false) => Claim::Ask(key),
            (false, _) => Claim::Refused(in_use(&instance.label).into()),
        }
    }

    /// Takes an instance from the client that holds it, and closes that client.
    pub(crate) fn evict(&mut self, holder: InstanceKey, by: ClientId) {
        let Some(instance) = self.registry.instance(holder) else {
            return;
        };
        let (from, label) = (instance.client, instance.label.clone());
        let (service, name) = (instance.declared.service.clone(), instance.name.clone());
        self.ledger.counters.takeovers += 1;
        self.notice(Notice::TakenOver {
            service,
            instance: name,
            from,
            to: by,
        });
        let detail = "another connection registered this instance; do not reconnect under the same name";
        let error = Problem::new(ErrorCode::TakenOver).about(label).detail(detail);
        let refusal = Refusal {
            id: None,
            delivery: None,
            from: None,
            error,
        };
        self.clients
            .inform(&mut self.ledger, from, &BrokerMessage::Error(refusal));
        self.clients.doom(from, CloseReason::TakenOver);
        self.dismiss_doomed();
    }

    /// Has a newcomer wait until the holder's connection gives a sign of life, or none in time.
    pub(crate) fn probe(
        &mut self,
        id: ClientId,
        register: Box<Register>,
        examined: Examined,
        holder: InstanceKey,
    ) {
        let Some(client) = self.registry.instance(holder).map(|instance| instance.client) else {
            return;
        };
        let charged = register.registration.text_length();
        if !self.ledger.charge(Category::Waiting, charged) {
            let problem = self.memory_full();
            return self.refuse_message(id, register.id, problem);
        }
        let ticket = self.take_ticket(id);
        self.park(
            id,
            Parked {
                ticket,
                charged,
                what: Waiting::Probe {
                    register,
                    examined,
                    holder,
                },
            },
        );
        self.probes.insert(ticket, Probe { holder, client });
        if let Some(client) = self.clients.find_mut(client) {
            client.probes += 1;
        }
        if self.clients.find(client).is_some_and(|client| !client.pinged) {
            self.ping(client);
        }
        let deadline = self.now + self.config.limits.takeover_probe;
        self.timers.insert(deadline, Timer::Probe(ticket));
    }

    /// Tells everybody who waits for a client that it lives.
    pub(crate) fn fail_probes_of(&mut self, client: ClientId) {
        let waiting: Vec<Ticket> = self
            .probes
            .iter()
            .filter(|(_, probe)| probe.client == client)
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in waiting {
            self.end_probe(ticket);
            let Some((id, parked)) = self.unpark(ticket) else {
                continue;
            };
            if let Waiting::Probe { register, holder, .. } = parked.what {
                let label = self
                    .registry
                    .instance(holder)
                    .map(|instance| instance.label.clone());
                self.refuse_message(id, register.id, in_use(&label.unwrap_or_default()));
            }
            self.resume(id);
        }
    }

    /// Takes the instance over for a newcomer whose holder gave no sign of life.
    pub(crate) fn finish_probe(&mut self, ticket: Ticket) {
        let Some(holder) = self.probes.get(&ticket).map(|probe| probe.client) else {
            return;
        };
        if self
            .clients
            .find(holder)
            .is_some_and(|client| client.parked.is_some())
        {
            // Nothing is read from it on the broker's own account, so its silence says nothing.
            return self.fail_probes_of(holder);
        }
        let silent = self.end_probe(ticket).map(|probe| probe.holder);
        self.join_after_wait(ticket, silent);
    }

    /// Lets a newcomer go on whose reason to wait is gone.
    pub(crate) fn retry_join(&mut self, ticket: Ticket) {
        self.join_after_wait(ticket, None);
    }

    fn join_after_wait(&mut self, ticket: Ticket, silent: Option<InstanceKey>) {
        let Some((id, parked)) = self.unpark(ticket) else {
            return;
        };
        if let Waiting::Probe {
            register, examined, ..
        } = parked.what
        {
            self.join(id, register, examined, silent);
        }
        self.resume(id);
    }

    /// Remembers who waits for an instance that is gone, to let them go on when this input is done.
    pub(crate) fn end_probes_of(&mut self, holder: InstanceKey) {
        let waiting: Vec<Ticket> = self
            .probes
            .iter()
            .filter(|(_, probe)| probe.holder == holder)
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in waiting {
            self.end_probe(ticket);
            self.released.push_back(ticket);
        }
    }

    /// Stops waiting for a sign of life.
    pub(crate) fn end_probe(&mut self, ticket: Ticket) -> Option<Probe> {
        let probe = self.probes.remove(&ticket)?;
        if let Some(client) = self.clients.find_mut(probe.client) {
            client.probes = client.probes.saturating_sub(1);
        }
        Some(probe)
    }
}

fn in_use(label: &str) -> Problem {
    let detail = "its connection is alive; present the `resume` secret of its registration, or choose another instance";
    Problem::new(ErrorCode::InstanceInUse).about(label).detail(detail)
}
