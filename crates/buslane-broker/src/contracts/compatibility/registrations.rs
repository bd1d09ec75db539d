//! Compares what two versions of a service declare, contract by contract.

use std::collections::BTreeMap;
use std::sync::Arc;

use buslane_engine::{Compared, Interface, Subject};
use buslane_protocol::{Affected, ContractChange, MethodDeclaration, Schema, SchemaChange, Verdict};

use super::{Budget, Direction, Findings, compare_schemas};
use crate::contracts::references::References;
use crate::contracts::schema::Source;

/// Makes the answer where nobody can say what changed, since comparing panicked.
pub(crate) fn uncompared() -> Compared {
    let detail = "the versions could not be compared, which is a defect of the broker".to_owned();
    let change = SchemaChange {
        verdict: Verdict::MayBreak,
        pointer: String::new(),
        keyword: String::new(),
        old: None,
        new: None,
        detail,
    };
    let contract = ContractChange {
        place: "methods".to_owned(),
        affects: Affected::Callers,
        verdict: Verdict::MayBreak,
        clients: Vec::new(),
        more_clients: false,
        changes: vec![change],
        omitted: 0,
    };
    Compared {
        contracts: vec![(Subject::Service, contract)],
        omitted: 0,
    }
}

/// The references of one of the versions, parsed once.
struct Version(Arc<References>);

/// Compares two versions of a service. Says nothing of what is only in the new one: nobody relied on it.
pub(crate) fn compare(previous: &Interface, next: &Interface) -> Compared {
    let (old, new) = (Version::of(previous), Version::of(next));
    let mut contracts = Vec::new();
    let budget = &mut Budget::default();
    for (name, method) in &previous.methods {
        match next.methods.get(name) {
            Some(changed) => {
                let changes = compare_method((&old, &new), name.as_str(), (method, changed), budget);
                contracts.extend(changes.map(|change| (Subject::Method(name.clone()), change)));
            }
            None => contracts.push((Subject::Method(name.clone()), gone_method(name.as_str()))),
        }
    }
    for (topic, declared) in &previous.topics {
        let changed = next
            .topics
            .get(topic)
            .and_then(|declared| declared.schema.as_ref());
        let (place, sides) = (
            format!("topics.{topic}.schema"),
            [
                (Affected::Publishers, Direction::Sending),
                (Affected::Subscribers, Direction::Receiving),
            ],
        );
        for (affects, direction) in sides {
            let findings = compare_sources(
                (&old, declared.schema.as_ref()),
                (&new, changed),
                direction,
                budget,
            );
            let change = contract(place.clone(), affects, findings);
            contracts.extend(change.map(|change| (Subject::Topic(topic.clone()), change)));
        }
    }
    bounded(contracts)
}

impl Version {
    fn of(declared: &Interface) -> Version {
        let references = References::parse(declared.schemas.clone());
        // They were parsed when the version was compiled; a reference that leads nowhere is reported.
        Version(Arc::new(references.unwrap_or_default()))
    }

    fn source(&self, schema: Option<&Schema>) -> Source {
        let anything = || Schema::parse("true").expect("the word is JSON");
        Source::new(schema.cloned().unwrap_or_else(anything), &self.0)
    }
}

fn compare_method(
    (old, new): (&Version, &Version),
    name: &str,
    (before, after): (&MethodDeclaration, &MethodDeclaration),
    budget: &mut Budget,
) -> impl Iterator<Item = ContractChange> + use<> {
    let inputs = ((old, before.input.as_ref()), (new, after.input.as_ref()));
    let outputs = ((old, before.output.as_ref()), (new, after.output.as_ref()));
    let input = compare_sources(inputs.0, inputs.1, Direction::Sending, budget);
    let output = compare_sources(outputs.0, outputs.1, Direction::Receiving, budget);
    let input = contract(format!("methods.{name}.input"), Affected::Callers, input);
    let output = contract(format!("methods.{name}.output"), Affected::Readers, output);
    input.into_iter().chain(output)
}

fn compare_sources(
    (old, before): (&Version, Option<&Schema>),
    (new, after): (&Version, Option<&Schema>),
    direction: Direction,
    budget: &mut Budget,
) -> Findings {
    if before.is_none() && after.is_none() {
        return Findings::default();
    }
    compare_schemas(&old.source(before), &new.source(after), direction, budget)
}

fn contract(place: String, affects: Affected, findings: Findings) -> Option<ContractChange> {
    let verdict = findings.verdict()?;
    let Findings { mut changes, omitted } = findings;
    let more = changes.len().saturating_sub(MOST_CHANGES);
    // What breaks for certain comes first, so that it is what is kept.
    changes.sort_by_key(|change| std::cmp::Reverse(change.verdict));
    changes.truncate(MOST_CHANGES);
    Some(ContractChange {
        place,
        affects,
        verdict,
        clients: Vec::new(),
        more_clients: false,
        changes,
        omitted: omitted + more as u64,
    })
}

fn gone_method(name: &str) -> ContractChange {
    let change = SchemaChange {
        verdict: Verdict::Breaking,
        pointer: String::new(),
        keyword: String::new(),
        old: None,
        new: None,
        detail: "the method is not offered any more".to_owned(),
    };
    ContractChange {
        place: format!("methods.{name}"),
        affects: Affected::Callers,
        verdict: Verdict::Breaking,
        clients: Vec::new(),
        more_clients: false,
        changes: vec![change],
        omitted: 0,
    }
}

/// Keeps as much as a report has room for, what breaks for certain first.
fn bounded(mut contracts: Vec<(Subject, ContractChange)>) -> Compared {
    contracts.sort_by_key(|(_, contract)| std::cmp::Reverse(contract.verdict));
    let mut kept = BTreeMap::new();
    let (mut bytes, mut omitted) = (0, 0);
    for (subject, contract) in contracts {
        bytes += length(&contract);
        if kept.len() >= MOST_CONTRACTS || (bytes > MOST_BYTES && !kept.is_empty()) {
            omitted += 1;
        } else {
            kept.insert((contract.place.clone(), contract.affects), (subject, contract));
        }
    }
    Compared {
        contracts: kept.into_values().collect(),
        omitted,
    }
}

fn length(contract: &ContractChange) -> usize {
    serde_json::to_string(contract).map_or(0, |text| text.len())
}

/// Changes of one contract that are reported.
const MOST_CHANGES: usize = 16;
/// Contracts that are reported.
const MOST_CONTRACTS: usize = 64;
/// Bytes of a report, but for its first contract.
const MOST_BYTES: usize = 24 << 10;
