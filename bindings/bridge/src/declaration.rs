//! A service as another language declares it: its methods are known by tokens.

use std::sync::Arc;

use buslane_client::{Client, ErrorCode, ServiceBuilder, TopicContract};

use crate::{Event, Events, Failure, Request};

/// What a program offers. Texts that are empty are left out; schemas and `meta` are JSON text.
#[derive(Clone, Debug, Default)]
pub struct ServiceDeclaration {
    /// The service's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The instance's name; empty for one that the broker chooses.
    pub instance: String,
    /// The groups that the instance belongs to.
    pub groups: Vec<String>,
    /// Its methods.
    pub methods: Vec<Method>,
    /// The topics of which it declares the contract.
    pub topics: Vec<Topic>,
    /// Schemas to which others may refer, each with its URI.
    pub schemas: Vec<(String, String)>,
    /// Anything else worth knowing.
    pub meta: String,
}

/// A method, whose requests come as [`Event::Requested`].
#[derive(Clone, Debug, Default)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// By which the other language knows its handler.
    pub token: u64,
    /// The schema of its input.
    pub input: String,
    /// The schema of its output.
    pub output: String,
    /// What it does, for people.
    pub description: String,
}

/// The contract of a topic.
#[derive(Clone, Debug, Default)]
pub struct Topic {
    /// The topic.
    pub topic: String,
    /// The schema of what may be published.
    pub schema: String,
    /// Whether publishes are retained unless they say otherwise.
    pub retain: bool,
    /// Whether a publish fails rather than overflow a receiver's queue.
    pub refuse: bool,
    /// What it is, for people.
    pub description: String,
}

impl ServiceDeclaration {
    /// Makes what the client registers.
    pub(crate) fn builder(self, client: &Client, events: &Arc<Events>) -> Result<ServiceBuilder, Failure> {
        let mut builder = client.service(self.name, self.version);
        if !self.instance.is_empty() {
            builder = builder.instance(self.instance);
        }
        if !self.meta.is_empty() {
            builder = builder.meta(&meta(&self.meta)?);
        }
        for group in self.groups {
            builder = builder.group(group);
        }
        for method in self.methods {
            builder = method.add_to(builder, events);
        }
        for topic in self.topics {
            builder = builder.topic(topic.contract());
        }
        for (uri, schema) in self.schemas {
            builder = builder.schema(uri, schema);
        }
        Ok(builder)
    }
}

impl Method {
    fn add_to(self, builder: ServiceBuilder, events: &Arc<Events>) -> ServiceBuilder {
        let (events, token) = (events.clone(), self.token);
        let mut builder = builder.deferred_method(&self.name, move |incoming| {
            let request = Request::new(incoming);
            events.push(Event::Requested { token, request });
        });
        if !self.input.is_empty() {
            builder = builder.input_schema(&self.name, self.input);
        }
        if !self.output.is_empty() {
            builder = builder.output_schema(&self.name, self.output);
        }
        if !self.description.is_empty() {
            builder = builder.description(&self.name, self.description);
        }
        builder
    }
}

impl Topic {
    fn contract(self) -> TopicContract {
        let mut contract = TopicContract::new(self.topic);
        if !self.schema.is_empty() {
            contract = contract.schema(self.schema);
        }
        if self.retain {
            contract = contract.retained();
        }
        if self.refuse {
            contract = contract.refuse_when_full();
        }
        if !self.description.is_empty() {
            contract = contract.description(self.description);
        }
        contract
    }
}

fn meta(text: &str) -> Result<serde_json::Value, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::new(ErrorCode::InvalidPayload, format!("meta: {error}")))
}
