//! The format of `schemas/scenarios/` as types. README.md there says what each word means.

use std::collections::BTreeMap;
use std::time::Duration;

use buslane_protocol::Registration;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// A client's label.
pub(crate) type Label = String;

#[derive(Deserialize)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) promise: String,
    #[serde(default)]
    pub(crate) broker: BTreeMap<String, BTreeMap<String, Value>>,
    pub(crate) clients: Vec<Label>,
    #[serde(default)]
    pub(crate) unconnected: Vec<Label>,
    /// Why it cannot be played over a road, by road.
    #[serde(default)]
    pub(crate) not_over: BTreeMap<String, String>,
    pub(crate) steps: Vec<Value>,
}

pub(crate) enum Step {
    Broker(BrokerStep),
    Action { client: Label, action: Box<Action> },
    Expectation(Expectation),
    AnyOrder(Vec<Expectation>),
    Tally(Tally),
}

impl Step {
    /// Reads a step. That it keeps to the schema is for another test to see.
    pub(crate) fn parse(step: &Value) -> Result<Step, serde_json::Error> {
        if let Some(group) = step["any_order"].as_array() {
            return group
                .iter()
                .map(Expectation::parse)
                .collect::<Result<_, _>>()
                .map(Step::AnyOrder);
        }
        match (step["expect"].as_str(), step["client"].as_str()) {
            (Some("tally"), _) => Deserialize::deserialize(step).map(Step::Tally),
            (Some(_), _) => Expectation::parse(step).map(Step::Expectation),
            (None, Some(client)) => {
                let action = Deserialize::deserialize(step)?;
                Ok(Step::Action {
                    client: client.to_owned(),
                    action,
                })
            }
            (None, None) => Deserialize::deserialize(step).map(Step::Broker),
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
    Connect {
        #[serde(default)]
        lazy: bool,
        timeout_ms: Option<u64>,
        fails: Option<ErrorMatcher>,
    },
    Register {
        #[serde(deserialize_with = "registration")]
        registration: Box<Registration>,
        #[serde(default)]
        handlers: BTreeMap<String, Answer>,
        /// What the report of the registration has to match; `null` where there has to be none.
        #[serde(default, deserialize_with = "present")]
        compatibility: Option<Value>,
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
    Pause,
    Resume,
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
    pub(crate) credit: Option<u32>,
    pub(crate) fails: Option<ErrorMatcher>,
}

#[derive(Deserialize)]
pub(crate) struct Publish {
    pub(crate) topic: String,
    #[serde(flatten)]
    pub(crate) outgoing: Outgoing,
    #[serde(default)]
    pub(crate) retain: buslane_protocol::Retain,
    pub(crate) retain_ms: Option<u64>,
    #[serde(default)]
    pub(crate) exclude_self: bool,
    #[serde(default, deserialize_with = "present")]
    pub(crate) receivers: Option<Value>,
    pub(crate) fails: Option<ErrorMatcher>,
}

#[derive(Deserialize)]
pub(crate) struct Request {
    #[serde(rename = "as")]
    pub(crate) label: Label,
    pub(crate) to: To,
    #[serde(flatten)]
    pub(crate) outgoing: Outgoing,
    #[serde(default, deserialize_with = "present")]
    pub(crate) expires_in_ms: Option<Value>,
    #[serde(default)]
    pub(crate) stream: bool,
}

/// What a publish or a request carries.
#[derive(Deserialize)]
pub(crate) struct Outgoing {
    #[serde(default, deserialize_with = "present")]
    pub(crate) payload: Option<Value>,
    pub(crate) payload_text: Option<String>,
    pub(crate) payload_base64: Option<String>,
    pub(crate) payload_bytes: Option<usize>,
    pub(crate) content_type: Option<String>,
    #[serde(default)]
    pub(crate) content: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default = "once")]
    pub(crate) repeat: usize,
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

/// What has to come next of one queue of one client.
pub(crate) struct Expectation {
    pub(crate) client: Label,
    pub(crate) queue: Queue,
    /// What is compared, by member; `expect` is among them.
    pub(crate) members: BTreeMap<String, Value>,
    pub(crate) bound: Duration,
}

/// Where things queue up until a scenario expects them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// What comes of the request of this label.
    Request(Label),
    /// What comes for the subscription of this label.
    Subscription(Label),
    /// Calls of handlers of this method.
    Invocations(String),
    /// Calls of this method that nobody waits for any more.
    Withdrawals(String),
    /// The end of the registration of this name.
    Registration(String),
    /// What goes wrong outside any call.
    Reports,
    /// Where the connection stands.
    State,
}

/// Deliveries and gaps to be added up.
#[derive(Deserialize)]
pub(crate) struct Tally {
    pub(crate) of: Vec<Place>,
    pub(crate) total: u64,
    #[serde(default, deserialize_with = "present")]
    pub(crate) missing: Option<Value>,
    #[serde(default)]
    pub(crate) distinct: bool,
    #[serde(default = "default_bound")]
    pub(crate) within_ms: u64,
}

/// A subscription.
#[derive(Clone, Deserialize, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) client: Label,
    pub(crate) on: Label,
}

impl Expectation {
    fn parse(step: &Value) -> Result<Expectation, serde_json::Error> {
        let mut members = BTreeMap::<String, Value>::deserialize(step)?;
        let mut text = |name: &str| match members.remove(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(serde_json::Error::custom(format!(
                "an expectation without {name}"
            ))),
        };
        let (client, kind) = (text("client")?, text("expect")?);
        let queue = match kind.as_str() {
            "delivery" | "gap" => Queue::Subscription(text("on")?),
            "invoked" => Queue::Invocations(text("method")?),
            "withdrawn" => Queue::Withdrawals(text("method")?),
            "unregistered" => Queue::Registration(text("name")?),
            "report" => Queue::Reports,
            "state" => Queue::State,
            _ => Queue::Request(text("of")?),
        };
        let bound = members.remove("within_ms").and_then(|bound| bound.as_u64());
        members.remove("why");
        // Of these, others may come along.
        for name in ["error", "headers", "content"] {
            members
                .entry(name.to_owned())
                .and_modify(|wanted| *wanted = json!({ "$subset": wanted }));
        }
        members.insert("expect".to_owned(), Value::String(kind));
        let bound = Duration::from_millis(bound.unwrap_or_else(default_bound));
        Ok(Expectation {
            client,
            queue,
            members,
            bound,
        })
    }
}

/// Members that an error must have.
pub(crate) type ErrorMatcher = BTreeMap<String, Value>;

/// Reads a registration, which holds schemas verbatim, from its text.
fn registration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Registration>, D::Error> {
    let text = Value::deserialize(deserializer)?.to_string();
    serde_json::from_str(&text).map_err(D::Error::custom)
}

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
