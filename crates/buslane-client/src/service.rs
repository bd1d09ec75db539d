//! Declares a service: methods with their handlers and schemas, topics, groups. Collects; [`Registration`] is what
//! comes of it.

use std::collections::HashMap;
use std::future::Future;

use buslane_protocol::{
    ErrorCode, MethodDeclaration, Name, Problem, Registration as Declaration, Schema, Topic,
};
use futures_util::Stream;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::own_problem;
use crate::handler::{self, Handler};
use crate::{
    Body, Client, Context, Incoming, IntoSchema, RegisterError, Registration, ServiceError, TopicContract,
    schema,
};

/// A service about to be registered, made by [`Client::service`].
///
/// A handler is an async function or closure of the input and a [`Context`]; it returns a `Result` whose value serde
/// writes and whose error converts into a [`ServiceError`]. It is cloned for each request, so that it may own what it
/// captures: an `Arc`, a channel, a [`Client`] from [`Context::client`].
///
/// ```no_run
/// # use buslane_client::{Client, ServiceError};
/// # async fn serve(bus: Client) -> Result<(), Box<dyn std::error::Error>> {
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Add { left: i64, right: i64 }
///
/// bus.service("calculator", "1.0.0")
///     .method("add", |add: Add, _context| async move {
///         add.left.checked_add(add.right).ok_or(ServiceError::new("too_large", "the sum is too large"))
///     })
///     .register()
///     .await?;
/// # Ok(()) }
/// ```
///
/// What is wrong with a name or schema is told by [`ServiceBuilder::register`].
#[must_use = "a service is not registered until `register` is awaited"]
pub struct ServiceBuilder {
    client: Client,
    name: String,
    version: String,
    instance: Option<String>,
    groups: Vec<String>,
    methods: Vec<(String, MethodDeclaration, Handler)>,
    topics: Vec<TopicContract>,
    schemas: Vec<(String, Schema)>,
    meta: Option<serde_json::Value>,
    /// The first thing that was wrong.
    problem: Option<Box<Problem>>,
}

impl ServiceBuilder {
    pub(crate) fn new(client: Client, name: String, version: String) -> ServiceBuilder {
        ServiceBuilder {
            client,
            name,
            version,
            instance: None,
            groups: Vec::new(),
            methods: Vec::new(),
            topics: Vec::new(),
            schemas: Vec::new(),
            meta: None,
            problem: None,
        }
    }

    /// Names the instance; the broker chooses a name otherwise.
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.instance = Some(instance.into());
        self
    }

    /// Adds the instance to a group, which callers address as `@group:method`.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.groups.push(group.into());
        self
    }

    /// Adds anything else worth knowing, handed out verbatim.
    pub fn meta(mut self, meta: &impl Serialize) -> Self {
        match serde_json::to_value(meta) {
            Ok(meta) => self.meta = Some(meta),
            Err(error) => self.refuse(own_problem(ErrorCode::InvalidPayload, format!("meta: {error}"))),
        }
        self
    }

    /// Adds a method whose input schema (draft 2020-12) is derived from the input's type.
    pub fn method<I, T, E, F, Fut>(self, name: impl Into<String>, handler: F) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        T: Serialize,
        E: Into<ServiceError>,
        F: FnOnce(I, Context) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send,
    {
        self.add(name.into(), schema::of_input::<I>(), handler::unary(handler))
    }

    /// Adds a method with an input schema of the program's own.
    pub fn method_with_schema<I, T, E, F, Fut>(
        mut self,
        name: impl Into<String>,
        schema: impl IntoSchema,
        handler: F,
    ) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        T: Serialize,
        E: Into<ServiceError>,
        F: FnOnce(I, Context) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send,
    {
        let name = name.into();
        let schema = self.take_schema(&format!("methods.{name}.input"), schema);
        self.add(name, schema, handler::unary(handler))
    }

    /// Adds a method that takes any input which serde can read.
    pub fn method_without_schema<I, T, E, F, Fut>(self, name: impl Into<String>, handler: F) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        T: Serialize,
        E: Into<ServiceError>,
        F: FnOnce(I, Context) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send,
    {
        self.add(name.into(), None, handler::unary(handler))
    }

    /// Adds a method that reads its input from [`Context::payload`] and answers with a [`Body`]: for anything that is
    /// not a type of serde's, or not JSON.
    pub fn body_method<E, F, Fut>(self, name: impl Into<String>, handler: F) -> Self
    where
        E: Into<ServiceError>,
        F: FnOnce(Context) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Body, E>> + Send,
    {
        self.add(name.into(), None, handler::bodied(handler))
    }

    /// Adds a method whose handler is called with each request and returns at once; the [`Incoming`] is answered then or
    /// later, from any thread. For callbacks of other languages and for programs with threads of their own.
    ///
    /// The handler runs where the connection does, so it must not block: hand the request over. If it does block, what
    /// else this client does is delayed, except for heartbeats.
    pub fn deferred_method(
        self,
        name: impl Into<String>,
        handler: impl Fn(Incoming) + Send + Sync + 'static,
    ) -> Self {
        self.add(name.into(), None, handler::deferred(handler))
    }

    /// Adds a method that answers in a stream: the handler returns a `Stream` of results, the first error ends it.
    /// The stream is polled only as fast as the caller takes its parts, and dropped when the caller goes away. The
    /// input schema is derived from the input's type.
    pub fn stream_method<I, T, E, F, S>(self, name: impl Into<String>, handler: F) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        T: Serialize,
        E: Into<ServiceError>,
        F: FnOnce(I, Context) -> S + Clone + Send + Sync + 'static,
        S: Stream<Item = Result<T, E>> + Send,
    {
        self.add(name.into(), schema::of_input::<I>(), handler::streaming(handler))
    }

    /// Sets the schema of what a method answers, of each part in a stream. The broker holds the service to it.
    pub fn output_schema(mut self, method: &str, schema: impl IntoSchema) -> Self {
        let schema = self.take_schema(&format!("methods.{method}.output"), schema);
        self.change(method, |declaration| declaration.output = schema)
    }

    /// Sets the schema of what a method answers to the one (draft 2020-12) derived from a type.
    pub fn output_schema_of<T: JsonSchema>(self, method: &str) -> Self {
        self.change(method, |declaration| {
            declaration.output = schema::of_output::<T>()
        })
    }

    /// Replaces the input schema of a method.
    pub fn input_schema(mut self, method: &str, schema: impl IntoSchema) -> Self {
        let schema = self.take_schema(&format!("methods.{method}.input"), schema);
        self.change(method, |declaration| declaration.input = schema)
    }

    /// Describes a method, for people.
    pub fn description(self, method: &str, description: impl Into<String>) -> Self {
        self.change(method, |declaration| {
            declaration.description = Some(description.into())
        })
    }

    /// Declares the contract of a topic, which holds for whoever publishes to it.
    pub fn topic(mut self, contract: TopicContract) -> Self {
        self.topics.push(contract);
        self
    }

    /// Adds a schema to which the others may refer by its URI.
    pub fn schema(mut self, uri: impl Into<String>, schema: impl IntoSchema) -> Self {
        let uri = uri.into();
        if let Some(schema) = self.take_schema(&format!("schemas.{uri}"), schema) {
            self.schemas.push((uri, schema));
        }
        self
    }

    /// Registers the service and waits until the broker has accepted it.
    ///
    /// The registration lasts as long as the client, across lost connections, unless [`Registration::unregister`]
    /// ends it; dropping the [`Registration`] does not. Without a connection this returns at once: the registration
    /// is remembered and takes place with the next connection, and if it is refused then, [`Client::reports`] tells.
    pub async fn register(self) -> Result<Registration, RegisterError> {
        let client = self.client.clone();
        let (declaration, handlers) = self.build().map_err(RegisterError::from)?;
        Registration::make(client, declaration, handlers).await
    }

    fn add(mut self, name: String, input: Option<Schema>, handler: Handler) -> Self {
        self.methods.push((
            name,
            MethodDeclaration {
                input,
                ..MethodDeclaration::default()
            },
            handler,
        ));
        self
    }

    fn change(mut self, method: &str, change: impl FnOnce(&mut MethodDeclaration)) -> Self {
        match self.methods.iter_mut().find(|(name, ..)| name == method) {
            Some((_, declaration, _)) => change(declaration),
            None => {
                let detail = format!("the method {method} is described before it is added");
                self.refuse(own_problem(ErrorCode::InvalidMessage, detail));
            }
        }
        self
    }

    fn take_schema(&mut self, place: &str, schema: impl IntoSchema) -> Option<Schema> {
        match schema.into_schema() {
            Ok(schema) => Some(schema),
            Err(error) => {
                self.refuse(own_problem(ErrorCode::InvalidSchema, format!("{place}: {error}")));
                None
            }
        }
    }

    fn refuse(&mut self, problem: Box<Problem>) {
        self.problem.get_or_insert(problem);
    }

    fn build(self) -> Result<(Declaration, HashMap<Name, Handler>), Box<Problem>> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let mut declaration = Declaration {
            name: parse_name("name", &self.name)?,
            version: self.version,
            instance: self
                .instance
                .map(|name| parse_name("instance", &name))
                .transpose()?,
            groups: self
                .groups
                .iter()
                .map(|name| parse_name("group", name))
                .collect::<Result<_, _>>()?,
            methods: Default::default(),
            topics: Default::default(),
            schemas: self.schemas.into_iter().collect(),
            meta: self.meta,
        };
        let mut handlers = HashMap::new();
        for (name, method, handler) in self.methods {
            let name = parse_name("method", &name)?;
            if handlers.insert(name.clone(), handler).is_some() {
                let detail = format!("the method {name} is added twice");
                return Err(own_problem(ErrorCode::InvalidMessage, detail));
            }
            declaration.methods.insert(name, method);
        }
        for contract in self.topics {
            let (topic, contract) = contract.build()?;
            let topic: Topic<'static> = topic;
            declaration.topics.insert(topic, contract);
        }
        Ok((declaration, handlers))
    }
}

fn parse_name(part: &str, text: &str) -> Result<Name, Box<Problem>> {
    Name::parse(text)
        .map_err(|error| own_problem(ErrorCode::InvalidName, format!("{part} {text:?}: {error}")))
}
