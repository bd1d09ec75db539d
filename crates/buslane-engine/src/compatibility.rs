//! What is done about a registration that changes what a service declares: when it is compared, with what, and who is
//! told. The comparison itself is the driver's.
//!
//! ```text
//!   compiled ──> examine ──> Output::Compare ──> compared ──> join (registered, or the instance's name is asked for)
//!                   ^                                │
//!                   └──── the service changed ───────┘
//! ```
//!
//! What a registration is compared with is the newest interface of its service at the moment in which it joins: if that
//! changed while the comparison ran, or while the instance's name was asked for, it is compared again.

use std::sync::Arc;

use buslane_protocol::{
    Affected, CompatibilityReport, ContractChange, ErrorCode, Name, Problem, Register, Registration, Topic,
    Verdict,
};
use serde_json::json;

use crate::engine::Engine;
use crate::interface::{CompareRequest, Compared, Compatibility, Interface, Subject};
use crate::memory::Category;
use crate::parked::{Parked, Waiting};
use crate::reports::{Kind, Report};
use crate::unhandled::object;
use crate::{ClientId, Contracts, Notice, Output, Ticket};

/// A registration's compiled schemas, and what is known of their relation to those before.
#[derive(Debug, Default)]
pub(crate) struct Examined {
    /// The compiled schemas.
    pub(crate) contracts: Contracts,
    /// What changed, and the version that it was compared with.
    pub(crate) compared: Option<(Compared, String)>,
    /// The state of the service that it was compared with.
    changed: u64,
}

impl Engine {
    /// Goes on with a registration whose schemas are compiled: compares them with those of the service's last version,
    /// if there is anything to compare.
    pub(crate) fn examine(&mut self, id: ClientId, register: Box<Register>, contracts: Contracts) {
        let service = register.registration.name.clone();
        let mut examined = Examined {
            contracts,
            compared: None,
            changed: self.lineages.changed(&service),
        };
        let Some((previous, next)) = self.versions(&register.registration) else {
            return self.join(id, register, examined, None);
        };
        let charged = register.registration.text_length();
        if !self.ledger.charge(Category::Waiting, charged) {
            let problem = self.memory_full();
            return self.refuse_message(id, register.id, problem);
        }
        examined.compared = Some((Compared::default(), previous.version.clone()));
        let ticket = self.take_ticket(id);
        let what = Waiting::Compare { register, examined };
        self.park(
            id,
            Parked {
                ticket,
                charged,
                what,
            },
        );
        let request = CompareRequest {
            service,
            previous,
            next: Arc::new(next),
        };
        self.outputs.push_back(Output::Compare { ticket, request });
    }

    /// Returns the two versions that have to be compared; `None` if the registration changes nothing that anybody uses.
    fn versions(&self, registration: &Registration) -> Option<(Arc<Interface>, Interface)> {
        if self.config.compatibility == Compatibility::Allow {
            return None;
        }
        let previous = self.lineages.newest(&registration.name)?;
        let next = Interface::of(registration)?;
        let changes = !self.lineages.is_served(&registration.name, &next) && !previous.says_the_same(&next);
        changes.then(|| (previous.clone(), next))
    }

    /// Takes in the result of a comparison.
    pub(crate) fn finish_comparison(&mut self, ticket: Ticket, result: Compared) {
        let Some((id, parked)) = self.unpark(ticket) else {
            return;
        };
        if let Waiting::Compare {
            register,
            mut examined,
        } = parked.what
        {
            if let Some((compared, _)) = &mut examined.compared {
                *compared = result;
            }
            self.join(id, register, examined, None);
        }
        self.resume(id);
    }

    /// Tells whether a registration has to be compared again, since its service changed meanwhile.
    pub(crate) fn is_outdated(&self, registration: &Registration, examined: &Examined) -> bool {
        examined.changed != self.lineages.changed(&registration.name)
    }

    /// Remembers what a registration declares, for the next version to be compared with.
    pub(crate) fn remember(&mut self, registration: &Registration) -> Option<Arc<Interface>> {
        if self.config.compatibility == Compatibility::Allow {
            return None;
        }
        let interface = Interface::of(registration)?;
        Some(
            self.lineages
                .enter(&mut self.ledger, &registration.name, interface),
        )
    }

    /// Tells whether a registration is kept out for what it breaks.
    pub(crate) fn refuses(&self, registration: &Registration, report: &CompatibilityReport) -> bool {
        let refuses =
            self.config.compatibility == Compatibility::Refuse && report.verdict == Verdict::Breaking;
        // What was accepted once is not kept out: an instance that comes back, a version that is rolled back.
        refuses
            && !Interface::of(registration)
                .is_some_and(|next| self.lineages.was_accepted(&registration.name, &next))
    }

    /// Makes the report of what a comparison found, if it found anything.
    pub(crate) fn compatibility_report(
        &mut self,
        service: &Name,
        (compared, previous): (Compared, String),
    ) -> Option<CompatibilityReport> {
        let verdict = compared
            .contracts
            .iter()
            .map(|(_, contract)| contract.verdict)
            .max()?;
        let mut contracts = Vec::new();
        for (subject, mut contract) in compared.contracts {
            let (concerned, more) = self.concerned(service, &subject, contract.affects);
            let mut names: Vec<String> = concerned
                .into_iter()
                .filter_map(|id| self.clients.alive(id))
                .map(|client| client.from.to_string())
                .collect();
            names.sort_unstable();
            names.dedup();
            contract.more_clients = more || names.len() > MOST_NAMED;
            names.truncate(MOST_NAMED);
            contract.clients = names;
            contracts.push(contract);
        }
        Some(CompatibilityReport {
            verdict,
            previous,
            contracts,
            omitted: compared.omitted,
        })
    }

    /// Finds the clients that a change concerns, as far as the broker knows, and whether there may be more.
    fn concerned(&mut self, service: &Name, subject: &Subject, affects: Affected) -> (Vec<ClientId>, bool) {
        match (subject, affects) {
            (Subject::Method(method), _) => self.lineages.callers(service, method),
            (Subject::Topic(topic), Affected::Subscribers) => (self.subscribers(topic), false),
            // Who will publish is not known, nor is it kept who did.
            (Subject::Topic(_) | Subject::Service, _) => (Vec::new(), false),
        }
    }

    fn subscribers(&mut self, topic: &Topic<'_>) -> Vec<ClientId> {
        let Ok(matches) = self.topics.matches(topic) else {
            return Vec::new();
        };
        let mut found: Vec<ClientId> = matches
            .clients()
            .iter()
            .map(|matching| ClientId::from_u64(matching.subscriber))
            .collect();
        for group in matches.groups() {
            let members = |member: crate::topics::Match| {
                found.push(ClientId::from_u64(member.subscriber));
                false
            };
            let _nobody = group.choose(members);
        }
        found
    }

    /// Tells the log and whoever subscribed to it what a registration breaks.
    pub(crate) fn tell_compatibility(
        &mut self,
        id: ClientId,
        (service, version, from): (&Name, &str, &str),
        report: &CompatibilityReport,
        refused: bool,
    ) {
        let counters = &mut self.ledger.counters;
        *match report.verdict {
            Verdict::Breaking => &mut counters.registrations_breaking,
            Verdict::MayBreak => &mut counters.registrations_may_break,
        } += 1;
        self.notice(Notice::Incompatible {
            client: id,
            service: service.clone(),
            version: version.to_owned(),
            previous: report.previous.clone(),
            verdict: report.verdict,
            summary: summary(report),
            refused,
        });
        if self.bus_subscriptions == 0 || !self.is_wanted(INCOMPATIBLE) {
            return;
        }
        let event = || {
            let payload = json!({
                "service": service,
                "version": version,
                "from": from,
                "refused": refused,
                "compatibility": report,
            });
            Report {
                topic: INCOMPATIBLE,
                payload: object(payload),
            }
        };
        self.report(Kind::Incompatible, service.as_str(), event);
    }
}

/// Makes the refusal of a registration for what it breaks.
pub(crate) fn incompatible(report: &CompatibilityReport) -> Problem {
    let detail = format!(
        "compared with version {}: {}; offer what is new under another name, or accept both forms for a while",
        report.previous,
        summary(report)
    );
    let mut problem = Problem::new(ErrorCode::IncompatibleSchema).detail(detail);
    problem.data = Some(serde_json::to_value(report).expect("a report has string keys"));
    problem
}

/// Says what breaks first, for people.
fn summary(report: &CompatibilityReport) -> String {
    let worst = |contract: &&ContractChange| contract.verdict == report.verdict;
    let Some(contract) = report.contracts.iter().find(worst) else {
        return String::new();
    };
    let detail = contract
        .changes
        .first()
        .map_or("", |change| change.detail.as_str());
    let more = match report.contracts.len() as u64 - 1 + report.omitted {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!(
        "{} for {}: {detail}{more}",
        contract.place,
        contract.affects.as_str()
    )
}

/// Clients that are named for one contract.
const MOST_NAMED: usize = 16;
/// Where what a registration breaks is told.
pub(crate) const INCOMPATIBLE: &str = "$bus/incompatible-schema";
