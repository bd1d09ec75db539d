//! What a registration changes for those who use the service: the report that `registered`, the event and the refusal
//! share. Owns its shape; what a change breaks is found out elsewhere.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::{any, or_default};

/// How sure it is that a change breaks somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It could not be shown that nobody is affected: some payloads may be refused that were accepted before, or come
    /// that could not come before.
    MayBreak,
    /// There is what was accepted before and is refused now, or what comes now and could not come before.
    Breaking,
}

/// Whom a change concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Affected {
    /// Those who call the method: what they send may be refused.
    Callers,
    /// Those who read the method's replies: what they get may be new to them.
    Readers,
    /// Those who publish to the topic: what they send may be refused.
    Publishers,
    /// Those who subscribe to the topic: what they get may be new to them.
    Subscribers,
}

/// What changed between the last version that a bus knew of a service and the one that registers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompatibilityReport {
    /// The worst of all changes.
    pub verdict: Verdict,
    /// The version of the service that it was compared with.
    pub previous: String,
    /// Each contract that changed, with those who are concerned.
    pub contracts: Vec<ContractChange>,
    /// How many contracts more changed that the report has no room for.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "or_default")]
    pub omitted: u64,
}

/// A contract that changed, for one group of those who use it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContractChange {
    /// Where in the registration the contract stands: `methods.get.input`, `methods.get` for a method that is gone.
    pub place: String,
    /// Whom it concerns.
    pub affects: Affected,
    /// The worst of its changes.
    pub verdict: Verdict,
    /// Clients that are connected and concerned, by the name that `from` carries, as far as the broker knows.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "or_default"
    )]
    pub clients: Vec<String>,
    /// Whether more clients are concerned than are named.
    #[serde(
        default,
        skip_serializing_if = "std::ops::Not::not",
        deserialize_with = "or_default"
    )]
    pub more_clients: bool,
    /// What changed.
    pub changes: Vec<SchemaChange>,
    /// How many changes more there are that the report has no room for.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "or_default")]
    pub omitted: u64,
}

/// One change of one keyword.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchemaChange {
    /// How sure it is that it breaks somebody.
    pub verdict: Verdict,
    /// JSON Pointer (RFC 6901) to the keyword in the schema, the new one unless it is only in the old one. Begins with
    /// the URI of the schema where that is one of the registration's `schemas`.
    pub pointer: String,
    /// The keyword.
    pub keyword: String,
    /// What the keyword was, where it was there and is short.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "any")]
    pub old: Option<Value>,
    /// What the keyword is, where it is there and is short.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "any")]
    pub new: Option<Value>,
    /// What that means, for people.
    pub detail: String,
}

impl Verdict {
    /// Returns the verdict as it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::MayBreak => "may_break",
            Verdict::Breaking => "breaking",
        }
    }
}

impl Affected {
    /// Returns the group as it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Affected::Callers => "callers",
            Affected::Readers => "readers",
            Affected::Publishers => "publishers",
            Affected::Subscribers => "subscribers",
        }
    }
}

impl CompatibilityReport {
    /// Returns the length of the report's JSON text, in bytes.
    pub fn text_length(&self) -> usize {
        serde_json::to_string(self)
            .expect("a report has string keys and is written to memory")
            .len()
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
