//! What a client said, cut down to what the oracle asks about, so that it can be kept while the broker thinks.

use std::time::Duration;

use buslane_protocol::{
    ClientMessage, Deadline, Destination, Id, Overflow, Registration, Retain, Schema, Targets,
};

use crate::content::{digest, number_of, number_of_problem};
use crate::schema::WANTS_OK;

/// What a client said.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    Connect {
        id: Option<Id>,
        name: Option<String>,
    },
    Register {
        id: Option<Id>,
        declared: Declared,
    },
    Unregister {
        id: Option<Id>,
        service: String,
        instance: Option<String>,
        drain: bool,
    },
    Subscribe {
        id: Option<Id>,
        filter: String,
        shared: Option<String>,
        overflow: Overflow,
        credit: Option<u32>,
    },
    Unsubscribe {
        id: Option<Id>,
        filter: String,
        shared: Option<String>,
    },
    Publish(Publish),
    Request(Request),
    Answer {
        delivery: u64,
        kind: AnswerKind,
        number: Option<u64>,
        digest: u64,
        valid: bool,
    },
    Cancel {
        id: Id,
    },
    StreamCredit {
        id: Id,
        count: u32,
    },
    Credit {
        filter: String,
        shared: Option<String>,
        count: u32,
    },
    Ping {
        id: Option<Id>,
    },
    Goodbye,
    Other,
}

/// What a registration declares.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) service: String,
    pub(crate) instance: Option<String>,
    pub(crate) resume: Option<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) methods: Vec<Method>,
    pub(crate) topics: Vec<Contract>,
}

/// A method that is declared.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    pub(crate) name: String,
    /// Whether its input is held against a schema.
    pub(crate) strict_input: bool,
    /// Whether its output is held against a schema.
    pub(crate) strict_output: bool,
}

/// A topic that is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contract {
    pub(crate) topic: String,
    pub(crate) strict: bool,
    pub(crate) retain: bool,
    pub(crate) refuse: bool,
}

/// What a publish says.
#[derive(Clone, Debug)]
pub(crate) struct Publish {
    pub(crate) id: Option<Id>,
    pub(crate) number: u64,
    pub(crate) topic: String,
    pub(crate) ack: bool,
    pub(crate) retain: Retain,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) exclude_self: bool,
    /// Bytes of the payload.
    pub(crate) length: usize,
    pub(crate) digest: u64,
    pub(crate) valid: bool,
}

/// What a request says.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: Id,
    pub(crate) number: u64,
    pub(crate) to: Vec<Target>,
    pub(crate) deadline: Deadline,
    pub(crate) stream: bool,
    pub(crate) credit: u32,
    pub(crate) digest: u64,
    pub(crate) valid: bool,
}

/// Whom a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The address as it was written.
    pub(crate) address: String,
    pub(crate) method: String,
    pub(crate) foreign_node: bool,
    pub(crate) whom: Whom,
}

/// Who is meant by an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Bus,
    Service(String),
    Instance(String, String),
    Group(String),
    Every,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerKind {
    Reply,
    Chunk { last: bool },
    Error,
}

impl Said {
    /// Cuts a message down.
    pub(crate) fn of(message: &ClientMessage<'_>) -> Said {
        match message {
            ClientMessage::Connect(connect) => Said::Connect {
                id: connect.id,
                name: connect.name.as_ref().map(ToString::to_string),
            },
            ClientMessage::Register(register) => Said::Register {
                id: register.id,
                declared: Declared::of(&register.registration, register.resume.clone()),
            },
            ClientMessage::Unregister(message) => Said::Unregister {
                id: message.id,
                service: message.name.to_string(),
                instance: message.instance.as_ref().map(ToString::to_string),
                drain: message.drain,
            },
            ClientMessage::Subscribe(message) => Said::Subscribe {
                id: message.id,
                filter: message.filter.as_str().to_owned(),
                shared: message.shared.as_ref().map(ToString::to_string),
                overflow: message.overflow,
                credit: message.credit,
            },
            ClientMessage::Unsubscribe(message) => Said::Unsubscribe {
                id: message.id,
                filter: message.filter.as_str().to_owned(),
                shared: message.shared.as_ref().map(ToString::to_string),
            },
            ClientMessage::Ping(id) => Said::Ping { id: *id },
            ClientMessage::Goodbye(_) => Said::Goodbye,
            ClientMessage::Cancel(id) => Said::Cancel { id: *id },
            other => Said::of_content(other),
        }
    }

    fn of_content(message: &ClientMessage<'_>) -> Said {
        match message {
            ClientMessage::Publish(publish) => Said::Publish(Publish::of(publish)),
            ClientMessage::Request(request) => Said::Request(Request::of(request)),
            ClientMessage::Reply(reply) => Said::Answer {
                delivery: reply.delivery,
                kind: AnswerKind::Reply,
                number: number_of(&reply.headers),
                digest: digest(&reply.payload),
                valid: is_ok(&reply.payload.bytes),
            },
            ClientMessage::Chunk(chunk) => Said::Answer {
                delivery: chunk.delivery,
                kind: AnswerKind::Chunk { last: chunk.last },
                number: number_of(&chunk.headers).filter(|_| !(chunk.last && chunk.payload.is_absent())),
                digest: digest(&chunk.payload),
                valid: chunk.last && chunk.payload.is_absent() || is_ok(&chunk.payload.bytes),
            },
            ClientMessage::Error(failure) => Said::Answer {
                delivery: failure.delivery,
                kind: AnswerKind::Error,
                number: number_of_problem(&failure.error),
                digest: 0,
                valid: true,
            },
            ClientMessage::Credit(credit) => match (&credit.filter, credit.id) {
                (Some(filter), _) => Said::Credit {
                    filter: filter.as_str().to_owned(),
                    shared: credit.shared.as_ref().map(ToString::to_string),
                    count: credit.count,
                },
                (None, Some(id)) => Said::StreamCredit {
                    id,
                    count: credit.count,
                },
                (None, None) => Said::Other,
            },
            _ => Said::Other,
        }
    }

    /// Returns the number of a message that has one.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Said::Publish(publish) => Some(publish.number),
            Said::Request(request) => Some(request.number),
            Said::Answer { number, .. } => *number,
            _ => None,
        }
    }
}

impl Publish {
    fn of(publish: &buslane_protocol::Publish<'_>) -> Publish {
        Publish {
            id: publish.id,
            number: number_of(&publish.headers).unwrap_or_default(),
            topic: publish.topic.as_str().to_owned(),
            ack: publish.ack,
            retain: publish.retain,
            lifetime: publish.retain_ms.map(|ms| Duration::from_millis(u64::from(ms))),
            exclude_self: publish.exclude_self,
            length: publish.payload.bytes.len(),
            digest: digest(&publish.payload),
            valid: is_ok(&publish.payload.bytes),
        }
    }
}

impl Request {
    fn of(request: &buslane_protocol::Request<'_>) -> Request {
        Request {
            id: request.id,
            number: number_of(&request.headers).unwrap_or_default(),
            to: targets(&request.to),
            deadline: request.deadline,
            stream: request.stream,
            credit: request.credit,
            digest: digest(&request.payload),
            valid: is_ok(&request.payload.bytes),
        }
    }
}

impl Declared {
    fn of(registration: &Registration, resume: Option<String>) -> Declared {
        let strict =
            |schema: &Option<Schema>| schema.as_ref().is_some_and(|schema| schema.as_str() == WANTS_OK);
        let method =
            |(name, method): (&buslane_protocol::Name, &buslane_protocol::MethodDeclaration)| Method {
                name: name.to_string(),
                strict_input: strict(&method.input),
                strict_output: strict(&method.output),
            };
        Declared {
            service: registration.name.to_string(),
            instance: registration.instance.as_ref().map(ToString::to_string),
            resume,
            groups: registration.groups.iter().map(ToString::to_string).collect(),
            methods: registration.methods.iter().map(method).collect(),
            topics: registration
                .topics
                .iter()
                .map(|(topic, declared)| Contract {
                    topic: topic.as_str().to_owned(),
                    strict: strict(&declared.schema),
                    retain: declared.retain,
                    refuse: declared.refuse,
                })
                .collect(),
        }
    }
}

fn targets(targets: &Targets<'_>) -> Vec<Target> {
    let whom = |destination: Destination<'_>| match destination {
        Destination::Service("$bus") => Whom::Bus,
        Destination::Service(service) => Whom::Service(service.to_owned()),
        Destination::Instance { service, instance } => {
            Whom::Instance(service.to_owned(), instance.to_owned())
        }
        Destination::Group(group) => Whom::Group(group.to_owned()),
        Destination::Every => Whom::Every,
    };
    let target = |address: &buslane_protocol::Address<'_>| Target {
        address: address.as_str().to_owned(),
        method: address.method().to_owned(),
        foreign_node: address.node().is_some_and(|node| node != NODE),
        whom: whom(address.destination()),
    };
    targets.as_slice().iter().map(target).collect()
}

/// Tells whether a payload matches the one schema that the simulator has.
fn is_ok(payload: &[u8]) -> bool {
    payload.starts_with(b"{\"ok\":")
}

/// The name of the simulated broker.
pub(crate) const NODE: &str = "here";
