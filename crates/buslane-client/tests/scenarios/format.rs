//! The format of `schemas/scenarios/` as types. README.md there says what each word means.

use std::collections::BTreeMap;
use std::time::Duration;

use buslane_protocol::Registration;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A client's label.
pub(crate) type Label = String;

#[derive(Deserialize)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) promise: String,
    #[serde(default)]
    pub(crate) broker: BTreeMap<String, BTreeMap<String, Value>>,
    pub(crate) clients: Vec<Label>,
    pub(crate) steps: Vec<Value>,
}

pub(crate) enum Step {
    Broker(BrokerStep),
    Action { client: Label, action: Box<Action> },
    Expectation(Box<Expectation>),
    AnyOrder(Vec<Expectation>),
}

impl Step {
    /// Reads a step. That it is well-formed is for the test of the schema, so an error here is the runner's.
    pub(crate) fn parse(step: &Value) -> Result<Step, serde_json::Error> {
        if let Some(group) = step.get("any_order") {
            return Deserialize::deserialize(group).map(Step::AnyOrder);
        }
        if step.get("expect").is_some() {
            return Deserialize::deserialize(step).map(Step::Expectation);
        }
        match step.get("client") {
            None => Deserialize::deserialize(step).map(Step::Broker),
            Some(client) => {
                let client = Deserialize::deserialize(client)?;
                Ok(Step::Action { client, action: Deserialize::deserialize(step)? })
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum BrokerStep {
    StopBroker { how: Stop },
    StartBroker,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stop {
    Kill,
    Drain,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Action {
    Register {
        registration: Box<Registration>,
        #[serde(default)]
        handlers: BTreeMap<String, Answer>,
        fails: Option<ErrorMatcher>,
    },
    Unregister {
        name: String,
        #[serde(default)]
        drain: bool,
    },
    Subscribe(Subscribe),
    Unsubscribe {
        subscription: Label,
    },
    Publish(Publish),
    Request(Request),
    Cancel {
        request: Label,
    },
    Answer {
        method: String,
        with: Answer,
    },
    Pause {
        subscription: Label,
    },
    Resume {
        subscription: Label,
    },
    Flush,
    Disconnect {
        #[serde(default)]
        unnoticed_by_broker: bool,
    },
    Reconnect,
    Freeze,
    Thaw,
    Close,
}

#[derive(Deserialize)]
pub(crate) struct Subscribe {
    #[serde(rename = "as")]
    pub(crate) label: Label,
    pub(crate) filter: String,
    pub(crate) shared: Option<String>,
    #[serde(default)]
    pub(crate) overflow: buslane_protocol::Overflow,
    pub(crate) fails: Option<ErrorMatcher>,
}

#[derive(Deserialize)]
pub(crate) struct Publish {
    pub(crate) topic: String,
    #[serde(default, deserialize_with = "present")]
    pub(crate) payload: Option<Value>,
    pub(crate) payload_bytes: Option<usize>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) retain: buslane_protocol::Retain,
    #[serde(default)]
    pub(crate) exclude_self: bool,
    #[serde(default = "once")]
    pub(crate) repeat: usize,
    #[serde(default, deserialize_with = "present")]
    pub(crate) receivers: Option<Value>,
    pub(crate) fails: Option<ErrorMatcher>,
}

#[derive(Deserialize)]
pub(crate) struct Request {
    #[serde(rename = "as")]
    pub(crate) label: Label,
    pub(crate) to: To,
    #[serde(default, deserialize_with = "present")]
    pub(crate) payload: Option<Value>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) expires_in_ms: Option<Value>,
    #[serde(default)]
    pub(crate) stream: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum To {
    One(String),
    Several(Vec<String>),
}

/// What a handler does with a request.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Error {
        error: ServiceFault,
    },
    Stream {
        stream: Vec<Value>,
        #[serde(default)]
        hold: bool,
    },
    Hold {
        #[allow(dead_code, reason = "its presence tells this answer from the others")]
        hold: bool,
    },
    Echo {
        #[allow(dead_code, reason = "its presence tells this answer from the others")]
        echo: bool,
    },
    Reply {
        reply: Value,
    },
}

#[derive(Clone, Deserialize)]
pub(crate) struct ServiceFault {
    pub(crate) code: String,
    pub(crate) title: String,
    #[serde(default, deserialize_with = "present")]
    pub(crate) data: Option<Value>,
}

#[derive(Clone, Deserialize)]
#[serde(tag = "expect", rename_all = "snake_case")]
pub(crate) enum Expectation {
    Reply(Outcome),
    Error(Outcome),
    Chunk(Outcome),
    End(Outcome),
    Delivery(Queued),
    Gap(Queued),
    Tally(Tally),
    Invoked(Call),
    Withdrawn(Call),
    Unregistered { client: Label, name: String, #[serde(flatten)] bound: Bound },
    State { client: Label, state: String, error: Option<ErrorMatcher>, #[serde(flatten)] bound: Bound },
}

/// An expectation of the next outcome of a request.
#[derive(Clone, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) client: Label,
    pub(crate) of: Label,
    #[serde(flatten)]
    pub(crate) bound: Bound,
    /// What is compared, by member.
    #[serde(flatten)]
    pub(crate) members: BTreeMap<String, Value>,
}

/// An expectation of the next item of a subscription.
#[derive(Clone, Deserialize)]
pub(crate) struct Queued {
    pub(crate) client: Label,
    pub(crate) on: Label,
    #[serde(flatten)]
    pub(crate) bound: Bound,
    #[serde(flatten)]
    pub(crate) members: BTreeMap<String, Value>,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Tally {
    pub(crate) of: Vec<Place>,
    pub(crate) total: u64,
    #[serde(default, deserialize_with = "present")]
    pub(crate) missing: Option<Value>,
    #[serde(default)]
    pub(crate) distinct: bool,
    #[serde(flatten)]
    pub(crate) bound: Bound,
}

/// A subscription.
#[derive(Clone, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) client: Label,
    pub(crate) on: Label,
}

/// An expectation of the next call of a method.
#[derive(Clone, Deserialize)]
pub(crate) struct Call {
    pub(crate) client: Label,
    pub(crate) method: String,
    #[serde(flatten)]
    pub(crate) bound: Bound,
    #[serde(flatten)]
    pub(crate) members: BTreeMap<String, Value>,
}

/// How long an expectation waits before the scenario has failed.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Bound {
    #[serde(default = "default_bound")]
    within_ms: u64,
}

impl Bound {
    pub(crate) fn longest(self) -> Duration {
        Duration::from_millis(self.within_ms)
    }
}

/// Members that an error must have.
pub(crate) type ErrorMatcher = BTreeMap<String, Value>;

/// Tells a member that is `null` from one that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn once() -> usize {
    1
}

fn default_bound() -> u64 {
    10_000
}
