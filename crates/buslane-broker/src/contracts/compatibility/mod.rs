//! Compares the contracts of two versions of a service: what changed, and what of it breaks whom.
//!
//! ```text
//!   input   what the old schema accepts has to be accepted by the new one   else callers and publishers are refused
//!   output  what the new schema allows has to be accepted by the old one    else readers and subscribers are surprised
//! ```
//!
//! # Invariants worth naming
//! - Silence is a proof: what could not be shown to be compatible is reported, if only as what may break.
//! - The work is bounded in steps, in depth and in what is kept of its result, whatever the schemas are.
//! - The schemas were compiled before: references resolve, and none leads in a circle on the same value.

mod array;
mod branches;
mod dependent;
mod difference;
mod finding;
mod kinds;
mod number;
mod object;
mod part;
mod registrations;
mod same;
mod scalar;
mod search;
#[cfg(test)]
pub(super) mod tests;
mod values;

use buslane_protocol::{SchemaChange, Verdict};
use jsonschema::Draft;
use referencing::Registry;
use serde_json::Value;

use super::node::Node;
use super::references::{BASE, DocumentError, Refuse, parse};
use super::schema::Source;
use part::{Case, Part, Side};
use search::Search;

pub(crate) use difference::differences;
pub(crate) use registrations::{compare, uncompared};

/// Which of the two schemas has to accept what the other one allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The new one, what the old one accepted: the side of those who send.
    Sending,
    /// The old one, what the new one allows: the side of those who receive.
    Receiving,
}

/// What was found about two schemas.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Findings {
    /// What breaks or may break.
    pub(crate) changes: Vec<SchemaChange>,
    /// How much more there is.
    pub(crate) omitted: u64,
}

/// How many steps are left for all comparisons of one registration.
pub(crate) struct Budget(u32);

impl Default for Budget {
    fn default() -> Self {
        Budget(MOST_STEPS_IN_ALL)
    }
}

/// A schema, parsed.
struct Document<'a> {
    source: &'a Source,
    value: Value,
    draft: Draft,
    uri: String,
}

impl<'a> Document<'a> {
    fn new(source: &'a Source) -> Result<Document<'a>, DocumentError> {
        let (value, draft) = parse(source.text())?;
        let referred = source.references().documents().map(|(_, document)| document);
        if let Some(dialect) = referred.chain([&value]).find_map(foreign_dialect) {
            return Err(DocumentError::UnknownDraft(dialect.to_owned()));
        }
        let id = draft.create_resource_ref(&value).id().map(str::to_owned);
        let uri = id
            .filter(|id| id.contains(':'))
            .unwrap_or_else(|| BASE.to_owned());
        Ok(Document {
            source,
            value,
            draft,
            uri,
        })
    }

    fn registry<'r>(&'r self, base: &'r Registry<'r>) -> Result<Registry<'r>, DocumentError> {
        let builder = base.add(&self.uri, &self.value)?;
        Ok(builder.draft(self.draft).retriever(Refuse).prepare()?)
    }

    fn part<'r>(&'r self, registry: &'r Registry<'r>, side: Side) -> Result<Part<'r>, DocumentError> {
        let uri = referencing::uri::from_str(&self.uri)?;
        let node = Node::root(&self.value, registry.resolver(uri), self.draft);
        Ok(Part::new(node, side))
    }

    /// Returns every document that may be looked at, with the name under which what is in it is reported.
    fn all(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.source.references().documents().chain([("", &self.value)])
    }
}

/// Finds a dialect of which it is not known what its keywords mean.
fn foreign_dialect(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(members) if Draft::default().detect(schema) == Draft::Unknown => {
            members.get("$schema").and_then(Value::as_str)
        }
        Value::Object(members) => members.values().find_map(foreign_dialect),
        Value::Array(items) => items.iter().find_map(foreign_dialect),
        _ => None,
    }
}

/// Compares two schemas in one direction.
pub(crate) fn compare_schemas(
    old: &Source,
    new: &Source,
    direction: Direction,
    budget: &mut Budget,
) -> Findings {
    if old.same(new) {
        return Findings::default();
    }
    searched(old, new, direction, budget).unwrap_or_else(|error| Findings {
        changes: vec![SchemaChange {
            verdict: Verdict::MayBreak,
            pointer: String::new(),
            keyword: String::new(),
            old: None,
            new: None,
            detail: format!("the schemas cannot be compared: {error}"),
        }],
        omitted: 0,
    })
}

fn searched(
    old: &Source,
    new: &Source,
    direction: Direction,
    budget: &mut Budget,
) -> Result<Findings, DocumentError> {
    let (old, new) = (Document::new(old)?, Document::new(new)?);
    let (old_base, new_base) = (
        old.source.references().registry(old.draft)?,
        new.source.references().registry(new.draft)?,
    );
    let (old_registry, new_registry) = (old.registry(&old_base)?, new.registry(&new_base)?);
    let (before, after) = (
        old.part(&old_registry, Side::Old)?,
        new.part(&new_registry, Side::New)?,
    );
    let steps = budget.0.min(MOST_STEPS);
    let mut search = Search::new(old.all().chain(new.all()).collect(), steps);
    let _worst = match direction {
        Direction::Sending => search.covers(&Case::of(vec![before]), &after),
        Direction::Receiving => search.covers(&Case::of(vec![after]), &before),
    };
    let (changes, omitted, left) = search.finish();
    budget.0 -= steps - left;
    Ok(Findings { changes, omitted })
}

impl Findings {
    /// Returns the worst of what was found.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.changes.iter().map(|change| change.verdict).max()
    }
}

/// How much is looked at for one pair of schemas, in schemas: well under a second.
const MOST_STEPS: u32 = 100_000;
/// How much is looked at for one registration.
const MOST_STEPS_IN_ALL: u32 = 200_000;
