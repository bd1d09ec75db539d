//! How a registration comes to be. Owns the order of its checks: what costs nothing first, then the schemas elsewhere,
//! then the instance's name and the memory, and only then anything changes. How it ends is in `unregister.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use buslane_protocol::{
    BrokerMessage, CompatibilityReport, ErrorCode, Id, Name, Problem, Register, Registered, Registration,
    Schema, Topic, TopicDeclaration,
};

use crate::compatibility::{Examined, incompatible};
use crate::connect::draining;
use crate::contracts::Place;
use crate::engine::Engine;
use crate::memory::Category;
use crate::parked::{Parked, Waiting};
use crate::policy::Action;
use crate::registry::{Declared, Instance, InstanceKey, Offer};
use crate::takeover::Claim;
use crate::topic_contracts::TopicContract;
use crate::{ClientId, CompileRequest, Contracts, Notice, Output, Ticket, Validate};

/// What is charged and kept for a registration that nothing refuses.
struct Admitted {
    charged: usize,
    compiled: Vec<Arc<dyn Validate>>,
    report: Option<Arc<CompatibilityReport>>,
}

impl Engine {
    /// Takes in a registration: it is refused at once, joins at once, or waits for its schemas.
    pub(crate) fn register(&mut self, id: ClientId, register: Box<Register>) {
        if let Err(problem) = self.check_registration(id, &register) {
            return self.refuse_message(id, register.id, *problem);
        }
        let schemas = schemas(&register.registration);
        if schemas.is_empty() {
            self.examine(id, register, Contracts::default())
        } else {
            self.compile(id, register, schemas)
        }
    }

    fn check_registration(&self, id: ClientId, register: &Register) -> Result<(), Box<Problem>> {
        let registration = &register.registration;
        if self.draining.is_some() {
            return Err(draining().into());
        }
        registration
            .check(&self.config.limits)
            .map_err(|error| Problem::new(error.code()).about(&registration.name).detail(error))?;
        let held = self
            .clients
            .find(id)
            .map_or(0, |client| client.registrations.len());
        let limit = self.config.limits.registrations;
        if held >= limit {
            let detail = format!("a client may have {limit} registrations; unregister one first");
            return Err(Problem::new(ErrorCode::TooManyRegistrations)
                .detail(detail)
                .into());
        }
        self.decide(id, Action::Register(registration))?;
        self.check_topics(registration)
    }

    fn check_topics(&self, registration: &Registration) -> Result<(), Box<Problem>> {
        for (topic, declared) in &registration.topics {
            if let Some(owner) = self.contracts.conflict(&registration.name, topic, declared) {
                let detail = format!(
                    "the service {owner} declared another contract; declare the same, or another topic"
                );
                return Err(Problem::new(ErrorCode::TopicConflict)
                    .about(topic)
                    .detail(detail)
                    .into());
            }
        }
        Ok(())
    }

    fn compile(&mut self, id: ClientId, register: Box<Register>, schemas: Vec<(Place, Schema)>) {
        let charged = register.registration.text_length();
        if !self.ledger.charge(Category::Waiting, charged) {
            let problem = self.memory_full();
            return self.refuse_message(id, register.id, problem);
        }
        let ticket = self.take_ticket(id);
        let (service, references) = (
            register.registration.name.clone(),
            register.registration.schemas.clone(),
        );
        self.park(
            id,
            Parked {
                ticket,
                charged,
                what: Waiting::Compile(register),
            },
        );
        let request = CompileRequest {
            service,
            schemas,
            references,
        };
        self.outputs.push_back(Output::Compile { ticket, request });
    }

    /// Takes in compiled schemas.
    pub(crate) fn finish_compilation(&mut self, ticket: Ticket, result: Result<Contracts, Problem>) {
        let Some((id, parked)) = self.unpark(ticket) else {
            return;
        };
        if let Waiting::Compile(register) = parked.what {
            match result {
                Ok(contracts) => self.examine(id, register, contracts),
                Err(problem) => self.refuse_message(id, register.id, problem),
            }
        }
        self.resume(id);
    }

    /// Registers an instance whose schemas are compiled and compared, unless another client holds its name that is not
    /// known to be silent.
    pub(crate) fn join(
        &mut self,
        id: ClientId,
        mut register: Box<Register>,
        examined: Examined,
        silent: Option<InstanceKey>,
    ) {
        if self.is_outdated(&register.registration, &examined) {
            return self.examine(id, register, examined.contracts);
        }
        self.name_by_secret(&mut register);
        match self.claim(id, &register) {
            Claim::Free => self.enter(id, *register, examined, None),
            Claim::Resume(holder) => self.enter(id, *register, examined, Some(holder)),
            Claim::Ask(holder) if silent == Some(holder) => {
                self.enter(id, *register, examined, Some(holder));
            }
            Claim::Ask(holder) => self.probe(id, register, examined, holder),
            Claim::Refused(problem) => self.refuse_message(id, register.id, *problem),
        }
    }

    /// Registers an instance whose name is free, or is taken from whoever holds it once nothing can refuse it any more.
    fn enter(&mut self, id: ClientId, register: Register, examined: Examined, holder: Option<InstanceKey>) {
        let (message, name) = (register.id, register.registration.name.clone());
        let version = register.registration.version.clone();
        // Registering gives the client another name.
        let from = self.clients.stamp_of(id);
        let Examined {
            contracts, compared, ..
        } = examined;
        let report = compared.and_then(|compared| self.compatibility_report(&name, compared));
        if let Some(report) = &report
            && self.refuses(&register.registration, report)
        {
            self.tell_compatibility(id, (&name, &version, &from), report, true);
            return self.refuse_message(id, message, incompatible(report).about(name));
        }
        let report = report.map(Arc::new);
        let admitted =
            match self.admit_registration(&register.registration, &contracts, report.clone(), holder) {
                Ok(admitted) => admitted,
                Err(problem) => return self.refuse_message(id, message, problem.about(name)),
            };
        if let Some(holder) = holder {
            self.evict(holder, id);
        }
        if self.clients.alive(id).is_none() {
            // It asked the old connection more than it could be told the end of.
            return self.turn_away(&admitted);
        }
        let key = self.insert(id, register.registration, contracts, admitted);
        if let Some(report) = report {
            self.tell_compatibility(id, (&name, &version, &from), &report, false);
        }
        self.confirm(id, message, key);
    }

    /// Charges for a registration, in the place of the one whose instance it takes over.
    fn admit_registration(
        &mut self,
        registration: &Registration,
        contracts: &Contracts,
        report: Option<Arc<CompatibilityReport>>,
        holder: Option<InstanceKey>,
    ) -> Result<Admitted, Box<Problem>> {
        self.check_topics(registration)?;
        let compiled: Vec<_> = contracts.all().cloned().collect();
        if !self.compiled.take(&mut self.ledger, &compiled) {
            return Err(self.memory_full().into());
        }
        let reported = report.as_ref().map_or(0, |report| report.text_length());
        let charged = CHARGE_FACTOR * registration.text_length() + CHARGE_BASE + reported;
        if !self.charge_instance(charged, holder) {
            self.compiled.give(&mut self.ledger, &compiled);
            return Err(self.memory_full().into());
        }
        Ok(Admitted {
            charged,
            compiled,
            report,
        })
    }

    /// Charges for an instance, in the place of what is charged for the one that it replaces; tells whether there is
    /// memory.
    fn charge_instance(&mut self, charged: usize, replaced: Option<InstanceKey>) -> bool {
        let Some(replaced) = replaced.and_then(|key| self.registry.instance_mut(key)) else {
            return self.ledger.charge(Category::Registrations, charged);
        };
        let fits = self
            .ledger
            .exchange(Category::Registrations, replaced.charged, charged);
        if fits {
            replaced.charged = 0;
        }
        fits
    }

    /// Takes back what was charged for a registration that comes to nothing.
    fn turn_away(&mut self, admitted: &Admitted) {
        self.ledger.release(Category::Registrations, admitted.charged);
        self.compiled.give(&mut self.ledger, &admitted.compiled);
    }

    /// Adds an instance that was admitted to everything by which it is found.
    fn insert(
        &mut self,
        id: ClientId,
        registration: Registration,
        mut contracts: Contracts,
        admitted: Admitted,
    ) -> InstanceKey {
        let topics = registration.topics.clone();
        let instance = self.make_instance(id, registration, &mut contracts, admitted);
        let service = instance.declared.service.clone();
        let key = self.registry.insert(instance);
        for (topic, declared) in topics {
            let validator = contracts.take(&Place::Topic(topic.clone()));
            self.contracts.declare(
                key,
                &topic,
                TopicContract {
                    service: service.clone(),
                    declared,
                    validator,
                },
            );
        }
        if let Some(client) = self.clients.find_mut(id) {
            client.registrations.push(key);
        }
        self.stamp(id);
        key
    }

    fn make_instance(
        &mut self,
        client: ClientId,
        registration: Registration,
        contracts: &mut Contracts,
        admitted: Admitted,
    ) -> Instance {
        let name = registration
            .instance
            .clone()
            .unwrap_or_else(|| self.invent_name());
        let label: Arc<str> = format!("{}#{name}", registration.name).into();
        let interface = self.remember(&registration);
        let offer = |method: &Name| {
            let input = contracts.take(&Place::Input(method.clone()));
            let output = contracts.take(&Place::Output(method.clone()));
            let offer = Offer {
                method: method.clone(),
                label: label.clone(),
                input,
                output,
                callers: self.lineages.callers_key(&registration.name, method),
            };
            (method.clone(), Arc::new(offer))
        };
        let offers = registration.methods.keys().map(offer).collect();
        Instance {
            client,
            name,
            label: label.clone(),
            offers,
            declared: Declared::from(registration),
            interface,
            compiled: admitted.compiled,
            report: admitted.report,
            secret: self.entropy.secret(),
            since: self.now,
            order: 0,
            outstanding: 0,
            used: 0,
            draining: None,
            charged: admitted.charged,
        }
    }

    fn invent_name(&mut self) -> Name {
        let unix_ms = self.unix_ms();
        Name::parse(self.entropy.uuid_v7(unix_ms).as_str()).expect("a UUID is a name")
    }

    fn confirm(&mut self, id: ClientId, message: Option<Id>, key: InstanceKey) {
        let (Some(instance), Some(client)) = (self.registry.instance(key), self.clients.find(id)) else {
            return;
        };
        let registered = Registered {
            id: message,
            name: instance.declared.service.clone(),
            instance: instance.name.clone(),
            resume: instance.secret.clone(),
            heartbeat_ms: client.heartbeat_ms,
            compatibility: instance.report.as_deref().cloned().map(Box::new),
        };
        let notice = Notice::Registered {
            client: id,
            service: instance.declared.service.clone(),
            instance: instance.name.clone(),
            version: instance.declared.version.clone(),
        };
        self.ledger.counters.registrations += 1;
        self.notice(notice);
        self.send(id, &BrokerMessage::Registered(registered));
        self.announce_arrival(key);
    }
}

/// Collects what has to be compiled, in the order of the places.
fn schemas(registration: &Registration) -> Vec<(Place, Schema)> {
    let inputs = registration.methods.iter().filter_map(|(name, method)| {
        method
            .input
            .clone()
            .map(|schema| (Place::Input(name.clone()), schema))
    });
    let outputs = registration.methods.iter().filter_map(|(name, method)| {
        method
            .output
            .clone()
            .map(|schema| (Place::Output(name.clone()), schema))
    });
    let topics: &BTreeMap<Topic<'static>, TopicDeclaration> = &registration.topics;
    let topics = topics.iter().filter_map(|(topic, declared)| {
        declared
            .schema
            .clone()
            .map(|schema| (Place::Topic(topic.clone()), schema))
    });
    inputs.chain(outputs).chain(topics).collect()
}

/// A registration is charged its JSON text this many times: verbatim, and parsed.
const CHARGE_FACTOR: usize = 2;
/// Bytes charged for a registration beside its text.
const CHARGE_BASE: usize = 1 << 10;
