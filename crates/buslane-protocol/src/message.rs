//! The envelope: every message that travels, in the form that both encodings decode to and encode from.
//!
//! The frequent messages borrow from the frame they came in; the rare ones own their parts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::{read_object, utf8};
use crate::object::{object, or_default};
use crate::{
    Address, CompatibilityReport, DecodeError, Filter, Headers, Id, Name, Payload, Problem, Registration,
    Topic,
};

/// What a client sends to the broker.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientMessage<'a> {
    /// Introduces the client.
    Connect(Connect),
    /// Registers an instance of a service, or a consumer.
    Register(Box<Register>),
    /// Ends a registration.
    Unregister(Unregister),
    /// Adds a subscription.
    Subscribe(Subscribe),
    /// Ends a subscription.
    Unsubscribe(Unsubscribe),
    /// Publishes to a topic.
    Publish(Publish<'a>),
    /// Calls a method.
    Request(Request<'a>),
    /// Answers a request.
    Reply(Reply<'a>),
    /// Answers a request with one part of a stream.
    Chunk(Chunk<'a>),
    /// Answers a request with an error.
    Error(Failure),
    /// Ends a request of one's own.
    Cancel(Id),
    /// Allows more deliveries or chunks.
    Credit(Credit),
    /// Asks whether the broker has processed everything before.
    Ping(Option<Id>),
    /// Answers a ping.
    Pong(Option<Id>),
    /// Announces a clean close.
    Goodbye(Goodbye),
}

/// What the broker sends to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum BrokerMessage<'a> {
    /// Accepts the client.
    Connected(Box<Connected>),
    /// Accepts a registration.
    Registered(Registered),
    /// Accepts a subscription.
    Subscribed(Subscribed),
    /// Hands over a publish.
    Delivery(Delivery<'a>),
    /// Hands over a request.
    Request(Invocation<'a>),
    /// Answers a request.
    Reply(Answer<'a>),
    /// Answers a request with one part of a stream.
    Chunk(Part<'a>),
    /// Ends a stream or a gathered request.
    End(End),
    /// Confirms a publish, or another message that carried an id.
    Ack(Ack),
    /// Refuses a message, or answers a request with an error.
    Error(Refusal),
    /// Tells a callee that nobody waits for the delivery any more.
    Cancel(Withdrawal),
    /// Allows a callee more chunks.
    Credit(StreamCredit),
    /// Stands where deliveries are missing.
    Gap(Gap),
    /// Asks for a sign of life.
    Ping(Option<Id>),
    /// Answers a ping.
    Pong(Option<Id>),
    /// Announces that the broker shuts down.
    Draining(Draining),
}

/// Introduces the client. Optional on loopback.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Connect {
    /// Echoed by `connected` or `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The name that the broker stamps as `from` while the client has no registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Proves who the client is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Silence, in milliseconds, after which the broker shall ping; 0 asks for no heartbeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<u32>,
    /// The protocol versions that the client speaks; if left out, the one that is in use already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<Vec<u8>>,
    /// Features without which the client cannot work: the broker has them all, or refuses the client.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "or_default"
    )]
    pub requires: Vec<String>,
}

/// Accepts the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connected {
    /// The id of the `connect`, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The protocol version in use.
    pub version: u8,
    /// The broker's node name.
    pub node: Name,
    /// The broker's software and version, `buslane/0.1.0`.
    pub server: String,
    /// The client's id on this broker, of this connection only.
    pub client: String,
    /// Silence, in milliseconds, after which the broker pings; 0 for no heartbeats.
    pub heartbeat_ms: u32,
    /// Limits that the client has to keep, by name: `payload`, `frame`, `headers`, `headers_bytes`, `requests`,
    /// `subscriptions`, `registrations`, `longest_deadline_ms`.
    pub limits: BTreeMap<String, u64>,
}

/// Registers an instance of a service, or a consumer. In JSON the registration's members stand beside the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Register {
    /// Echoed by `registered` or `error`.
    pub id: Option<Id>,
    /// The secret of an earlier `registered`, to take the instance over at once.
    pub resume: Option<String>,
    /// What is registered.
    pub registration: Registration,
}

/// Accepts a registration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// The id of the `register`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The service's name.
    pub name: Name,
    /// The instance's name, chosen by the broker where the registration names none.
    pub instance: Name,
    /// The secret with which a later connection takes the instance over at once.
    pub resume: String,
    /// Silence, in milliseconds, after which the broker pings; 0 for no heartbeats.
    pub heartbeat_ms: u32,
    /// What the registration may break, compared with the last version of the service that the broker knows. Absent
    /// if nothing, or if the broker is configured not to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<Box<CompatibilityReport>>,
}

/// Ends a registration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unregister {
    /// Echoed by `ack` or `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The service's name.
    pub name: Name,
    /// The instance; may be left out where the client has one registration of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Name>,
    /// Whether current requests may be finished first; the `ack` comes when they are.
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "or_default")]
    pub drain: bool,
}

/// What happens to a subscriber's deliveries when its outbox is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// The oldest deliveries give way.
    #[default]
    DropOldest,
    /// The new delivery is dropped.
    DropNewest,
    /// The client is disconnected.
    Disconnect,
}

/// Adds a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscribe {
    /// Echoed by `subscribed` or `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// Which topics.
    pub filter: Filter<'static>,
    /// Makes it a shared subscription: each message goes to one of the members of this name and filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Name>,
    /// What happens when the outbox is full.
    #[serde(default, skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub overflow: Overflow,
    /// Deliveries allowed before the next `credit`; unlimited if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<u32>,
}

/// Accepts a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subscribed {
    /// The id of the `subscribe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// Its filter.
    pub filter: Filter<'static>,
    /// Its shared name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Name>,
}

/// Ends a subscription, answered by `ack` if it has an id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unsubscribe {
    /// Echoed by `ack` or `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The subscription's filter.
    pub filter: Filter<'static>,
    /// The subscription's shared name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Name>,
}

/// What a publish does to the topic's retained value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retain {
    /// Leaves it.
    #[default]
    Keep,
    /// Replaces it by this payload.
    Set,
    /// Removes it.
    Clear,
}

/// Publishes to a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Publish<'a> {
    /// Echoed by `ack` or `error`, and handed on with the delivery. Required for `ack`.
    pub id: Option<Id>,
    /// Where to.
    pub topic: Topic<'a>,
    /// Headers and the envelope's rarer members.
    pub headers: Headers<'a>,
    /// What.
    pub payload: Payload<'a>,
    /// Whether an `ack` is wanted.
    pub ack: bool,
    /// What it does to the retained value.
    pub retain: Retain,
    /// How long a retained value lives, in milliseconds; for ever if left out.
    pub retain_ms: Option<u32>,
    /// Whether the publisher's own subscriptions are left out.
    pub exclude_self: bool,
}

/// Hands over a publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery<'a> {
    /// The publisher's id.
    pub id: Option<Id>,
    /// The topic.
    pub topic: Topic<'a>,
    /// Who published, stamped by the broker.
    pub from: Cow<'a, str>,
    /// Headers and the envelope's rarer members. `:shared` names the shared subscription that it is a copy for,
    /// `:snapshot` marks an event of the present state, `:filter` names the new subscription that a retained value is
    /// for.
    pub headers: Headers<'a>,
    /// What.
    pub payload: Payload<'a>,
    /// Whether it is a retained value from before the subscription.
    pub retained: bool,
}

/// When a request ends at the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deadline {
    /// After the broker's default.
    #[default]
    Default,
    /// After this many milliseconds, at least 1.
    After(u32),
    /// Never; for streams only.
    Never,
}

/// Calls a method.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// The caller's id for it, unique among the requests in flight.
    pub id: Id,
    /// Where to: one address, or several for one labelled outcome each.
    pub to: Targets<'a>,
    /// Headers and the envelope's rarer members.
    pub headers: Headers<'a>,
    /// The input.
    pub payload: Payload<'a>,
    /// When it ends at the latest.
    pub deadline: Deadline,
    /// Whether the caller takes the answer in chunks.
    pub stream: bool,
    /// Chunks allowed before the next `credit`; 0 for unlimited.
    pub credit: u32,
}

/// One address or several.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets<'a> {
    /// The usual case.
    One(Address<'a>),
    /// At least two addresses, at most [`Targets::MAX`].
    Several(Vec<Address<'a>>),
}

impl<'a> Targets<'a> {
    /// The most addresses of one request.
    pub const MAX: usize = 64;

    /// Returns the addresses.
    pub fn as_slice(&self) -> &[Address<'a>] {
        match self {
            Targets::One(address) => std::slice::from_ref(address),
            Targets::Several(addresses) => addresses,
        }
    }
}

/// Hands over a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation<'a> {
    /// The number that the answer names; counts up per connection.
    pub delivery: u64,
    /// The caller's id, for logs and traces.
    pub id: Option<Id>,
    /// Who calls, stamped by the broker.
    pub from: Cow<'a, str>,
    /// The address as the caller wrote it.
    pub to: Address<'a>,
    /// Headers and the envelope's rarer members. `:callee` names the instance that is meant, where `to` could
    /// mean several of the client's.
    pub headers: Headers<'a>,
    /// The input.
    pub payload: Payload<'a>,
    /// Time left, in milliseconds; `None` if there is no bound.
    pub expires_in_ms: Option<u32>,
    /// Which attempt this is, from 1.
    pub attempt: u8,
    /// Whether the caller takes the answer in chunks.
    pub stream: bool,
    /// Chunks allowed before the next `credit`; 0 for unlimited.
    pub credit: u32,
}

/// Answers a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply<'a> {
    /// The delivery that it answers.
    pub delivery: u64,
    /// Headers and the envelope's rarer members.
    pub headers: Headers<'a>,
    /// The output.
    pub payload: Payload<'a>,
}

/// Answers a request, as the caller sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<'a> {
    /// The caller's id.
    pub id: Id,
    /// `service#instance` that answered.
    pub from: Cow<'a, str>,
    /// Headers and the envelope's rarer members.
    pub headers: Headers<'a>,
    /// The output.
    pub payload: Payload<'a>,
}

/// Answers a request with one part of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk<'a> {
    /// The delivery that it answers.
    pub delivery: u64,
    /// Headers and the envelope's rarer members.
    pub headers: Headers<'a>,
    /// The part; may be absent in the last one.
    pub payload: Payload<'a>,
    /// Whether the stream ends here.
    pub last: bool,
}

/// One part of a stream, as the caller sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part<'a> {
    /// The caller's id.
    pub id: Id,
    /// `service#instance` that answers.
    pub from: Cow<'a, str>,
    /// Counts the parts of this stream from 0.
    pub sequence: u64,
    /// Headers and the envelope's rarer members.
    pub headers: Headers<'a>,
    /// The part.
    pub payload: Payload<'a>,
}

/// Ends a stream or a gathered request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// The caller's id.
    pub id: Id,
    /// How many instances were asked.
    pub expected: u32,
    /// How many replied.
    pub replied: u32,
    /// How many failed, were lost or did not answer in time.
    pub failed: u32,
}

/// Answers a request with an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The delivery that it answers.
    pub delivery: u64,
    /// What went wrong.
    #[serde(deserialize_with = "object")]
    pub error: Problem,
}

/// Refuses a message, or answers a request with an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The id of the message that failed, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The delivery that the refused answer named, if it was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<u64>,
    /// In a gathered request: `service#instance` that failed, or the address that nothing answers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What went wrong.
    #[serde(deserialize_with = "object")]
    pub error: Problem,
}

/// Allows more deliveries of a subscription, or more chunks of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credit {
    /// The request, where it is about chunks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The subscription's filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter<'static>>,
    /// The subscription's shared name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Name>,
    /// How many more.
    pub count: u32,
}

/// Allows a callee more chunks of the stream that answers a delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamCredit {
    /// The delivery.
    pub delivery: u64,
    /// How many more.
    pub count: u32,
}

/// Confirms a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Ack {
    /// The id of the message.
    pub id: Id,
    /// How many clients a publish was routed to.
    pub receivers: u32,
}

/// Tells a callee that nobody waits for the delivery any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// The delivery.
    pub delivery: u64,
}

/// Stands where deliveries are missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// How many deliveries are missing.
    #[serde(default)]
    pub count: u64,
    /// How many bytes of frames they had.
    #[serde(default)]
    pub bytes: u64,
    /// Whether the number is not known, after a lost connection.
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "or_default")]
    pub unknown: bool,
    /// The subscription, where the gap is of one with credit; else it is the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter<'static>>,
    /// The subscription's shared name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Name>,
}

/// Announces a clean close.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Goodbye {
    /// Why, for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Announces that the broker shuts down: finish, and reconnect elsewhere or later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draining {
    /// Milliseconds until connections are closed.
    pub closes_in_ms: u32,
}

/// The payload of the events under `$bus/`.
pub type Event = BTreeMap<String, Value>;

/// The payload of the event that ends the snapshot which a subscription begins with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SnapshotEnd {
    /// The subscription's filter.
    pub filter: Filter<'static>,
}

impl SnapshotEnd {
    /// Reads it from a payload: an object.
    pub fn parse(payload: &Payload<'_>) -> Result<SnapshotEnd, DecodeError> {
        read_object(utf8(&payload.bytes)?)
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
