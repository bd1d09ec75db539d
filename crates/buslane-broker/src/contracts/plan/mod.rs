//! Plans: schemas compiled for the keywords that most schemas consist of, and held against payloads without anything
//! being allocated. Says yes or no, not where or why.
//!
//! ```text
//!   build -> compact -> Plan
//!                        |     walk: over the text; values of straight rules, in the order in which they stand
//!                        |      +- hold: over a tape; values of all other rules
//! ```
//!
//! # Invariants worth naming
//! - A plan only ever answers what the general validator answers. What it does not know how to do in the same way, it
//!   does not do: a schema with other keywords has no plan, and a payload that raises a [`Doubt`] is left to the other.
//! - The work for one payload is bounded by the payload's length, whatever the schema.
//! - What a plan notes while it is used guides guesses only, and never an answer.

mod automaton;
mod build;
mod compact;
mod demands;
mod hold;
mod names;
mod pattern;
mod positions;
mod property;
mod scalars;
mod walk;

use std::cell::RefCell;
use std::sync::atomic::AtomicU8;

pub(super) use build::Builder;
use demands::Demands;
use hold::Holder;
use names::Names;
use pattern::Pattern;
use property::Property;
use scalars::Scalars;
use walk::{Stop, Walk};

use super::tape::{Number, Tape};

/// A compiled schema.
#[derive(Debug)]
pub(super) struct Plan {
    /// Every schema that takes part; the first is the one to begin with.
    rules: Box<[Rule]>,
    bytes: usize,
}

/// The place of a rule in its plan.
type RuleId = u32;

/// One schema.
#[derive(Debug)]
struct Rule {
    types: Types,
    demands: Demands,
    /// Whether a walk over the text can tell all of this of a value, without knowing what comes behind it.
    straight: bool,
}

/// A set of types, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Types(u8);

#[derive(Debug, Default)]
struct NumberRule {
    at_least: Option<Number>,
    at_most: Option<Number>,
    more_than: Option<Number>,
    less_than: Option<Number>,
    multiple_of: Option<u64>,
}

#[derive(Debug, Default)]
struct TextRule {
    shortest: u64,
    /// In characters, as the shortest.
    longest: Option<u64>,
    pattern: Option<Pattern>,
}

#[derive(Debug, Default)]
struct ArrayRule {
    fewest: u64,
    most: Option<u64>,
    unique: bool,
    /// For the first items, one after another.
    first: Vec<RuleId>,
    /// For the items behind those.
    others: Option<RuleId>,
    contains: Option<Contains>,
}

#[derive(Debug)]
struct Contains {
    rule: RuleId,
    fewest: u64,
    most: Option<u64>,
}

#[derive(Debug, Default)]
struct ObjectRule {
    fewest: u64,
    most: Option<u64>,
    /// The names of `properties`.
    names: Names,
    /// One for each of the names.
    properties: Box<[Property]>,
    /// How many of the properties are required.
    required: u32,
    /// Those of them, one bit each. Of use only to a walk.
    needed: u64,
    /// The property with which the last object began.
    begins: AtomicU8,
    patterns: Box<[(Pattern, RuleId)]>,
    /// For members that neither a name nor a pattern covers.
    others: Option<RuleId>,
    /// For the names of members.
    naming: Option<RuleId>,
    dependents: Box<[Dependent]>,
    /// Whether the name alone decides what a member that is covered by a property is held against.
    plain: bool,
}

/// What has to hold where a member is there.
#[derive(Debug)]
struct Dependent {
    name: Box<str>,
    /// Members that have to be there too.
    required: Vec<Box<str>>,
    rule: Option<RuleId>,
}

/// What is applied to the same value.
#[derive(Debug, Default)]
struct InPlace {
    /// All of these hold.
    all: Vec<RuleId>,
    /// One at least of each of these holds.
    any: Vec<Vec<RuleId>>,
    /// Exactly one of each of these holds.
    one: Vec<Vec<RuleId>>,
    not: Option<RuleId>,
    condition: Option<Condition>,
}

#[derive(Debug)]
struct Condition {
    holds: RuleId,
    then: Option<RuleId>,
    otherwise: Option<RuleId>,
}

/// A plan does not know the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Doubt;

impl Plan {
    /// Tells whether a payload matches. `None` if that is for others to find out: it is not JSON, or this plan is not
    /// sure.
    pub(super) fn judge(&self, payload: &[u8]) -> Option<bool> {
        let text = std::str::from_utf8(payload).ok()?;
        TAPE.with_borrow_mut(|tape| {
            let verdict = match Walk::new(&self.rules, text, tape)?.document(ROOT) {
                Ok(()) => Some(true),
                Err(Stop::Mismatch) => Some(false),
                Err(Stop::Unsure) => None,
                Err(Stop::Elsewhere) => self.judge_at_leisure(text, tape),
            };
            tape.shrink();
            verdict
        })
    }

    /// Judges what a walk does not, with all of the payload on the tape.
    #[cold]
    fn judge_at_leisure(&self, text: &str, tape: &mut Tape) -> Option<bool> {
        let values = tape.read(text).ok()?;
        let steps = STEPS + STEPS_PER_VALUE * values.len();
        Holder::new(&self.rules, values, steps).holds(ROOT, 0).ok()
    }

    /// Returns about how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Types {
    const ALL: Types = Types(0b111_1111);
    const NULL: Types = Types(1);
    const BOOLEAN: Types = Types(1 << 1);
    const NUMBER: Types = Types(1 << 2);
    /// Numbers without a fraction.
    const INTEGER: Types = Types(1 << 3);
    const STRING: Types = Types(1 << 4);
    const ARRAY: Types = Types(1 << 5);
    const OBJECT: Types = Types(1 << 6);
    const NONE: Types = Types(0);

    fn contains(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    fn with(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }
}

impl Default for Rule {
    fn default() -> Self {
        Rule {
            types: Types::ALL,
            demands: Demands::Nothing,
            straight: true,
        }
    }
}

thread_local! {
    /// The tape of the payload that is being judged on this thread.
    static TAPE: RefCell<Tape> = RefCell::default();
}

/// The rule to begin with.
const ROOT: RuleId = 0;
/// Steps that the smallest payload may take: rules applied, members compared, and the like.
const STEPS: usize = 1_000;
/// Steps that each value of a payload adds.
const STEPS_PER_VALUE: usize = 64;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
