//! Services with scripted handlers, and a record of what happens to them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use buslane_client::protocol::{CompatibilityReport, Registration as Declaration};
use buslane_client::{Body, Client, Context, Payload, ServiceBuilder, ServiceError, TopicContract};
use futures_util::{Stream, StreamExt, future, stream};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::format::Answer;
use crate::item::{self, Item};
use crate::matcher;

/// What happened to the handlers of one client, by method.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Mutex<HashMap<String, Method>>>);

struct Method {
    invocations: (mpsc::UnboundedSender<Item>, Option<mpsc::UnboundedReceiver<Item>>),
    withdrawals: (mpsc::UnboundedSender<Item>, Option<mpsc::UnboundedReceiver<Item>>),
    /// Requests that wait for a step to answer them, the oldest first; those that nobody waits for any more among them.
    held: VecDeque<oneshot::Sender<Answer>>,
}

/// Reports a withdrawal when it is dropped before the handler was done.
struct Guard {
    record: Record,
    method: String,
    done: bool,
}

impl Default for Method {
    fn default() -> Self {
        let (invoked, invocations) = mpsc::unbounded_channel();
        let (withdrawn, withdrawals) = mpsc::unbounded_channel();
        Method {
            invocations: (invoked, Some(invocations)),
            withdrawals: (withdrawn, Some(withdrawals)),
            held: VecDeque::new(),
        }
    }
}

impl Record {
    /// Waits for the next invocation of a method.
    pub(crate) async fn next_invocation(&self, method: &str) -> Item {
        self.next(method, |method| &mut method.invocations.1).await
    }

    /// Waits for the next withdrawal of a method.
    pub(crate) async fn next_withdrawal(&self, method: &str) -> Item {
        self.next(method, |method| &mut method.withdrawals.1).await
    }

    /// Answers the oldest request that a method holds.
    pub(crate) fn answer(&self, method: &str, answer: Answer) -> Result<(), String> {
        let held = self.with(method, |method| method.held.pop_front());
        // Whether somebody still waits for the answer is not for this side to know.
        held.map(|held| drop(held.send(answer)))
            .ok_or_else(|| format!("{method} holds no request"))
    }

    async fn next(
        &self,
        method: &str,
        queue: impl Fn(&mut Method) -> &mut Option<mpsc::UnboundedReceiver<Item>>,
    ) -> Item {
        let lent = self.with(method, |method| queue(method).take());
        let mut receiver = lent.expect("one step at a time waits for a method");
        // Put back even if the wait is given up, which ends the scenario.
        let item = receiver.recv().await.expect("the record holds the sender");
        self.with(method, |method| *queue(method) = Some(receiver));
        item
    }

    fn with<T>(&self, method: &str, action: impl FnOnce(&mut Method) -> T) -> T {
        let mut methods = self.0.lock().expect("no holder of the lock panics");
        action(methods.entry(method.to_owned()).or_default())
    }

    fn invoked(&self, method: &str, context: &Context) -> Guard {
        self.with(method, |method| {
            drop(method.invocations.0.send(item::of_call(context)))
        });
        Guard {
            record: self.clone(),
            method: method.to_owned(),
            done: false,
        }
    }

    async fn hold(&self, method: &str) -> Answer {
        let (sender, receiver) = oneshot::channel();
        self.with(method, |method| method.held.push_back(sender));
        match receiver.await {
            Ok(answer) => answer,
            Err(_) => future::pending().await,
        }
    }
}

impl Guard {
    fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.done {
            self.record.with(&self.method, |method| {
                drop(method.withdrawals.0.send(item::bare("withdrawn")))
            });
        }
    }
}

/// Makes a service of its declaration, with handlers that do what their answers say.
pub(crate) fn build(
    client: &Client,
    declaration: &Declaration,
    handlers: &BTreeMap<String, Answer>,
    record: &Record,
) -> ServiceBuilder {
    let mut service = client.service(declaration.name.as_str(), declaration.version.as_str());
    if let Some(instance) = &declaration.instance {
        service = service.instance(instance.as_str());
    }
    for group in &declaration.groups {
        service = service.group(group.as_str());
    }
    for (method, contract) in &declaration.methods {
        let method = method.as_str();
        let answer = handlers
            .get(method)
            .cloned()
            .unwrap_or(Answer::Hold { hold: true });
        service = add_method(service, method, answer, record);
        if let Some(schema) = &contract.input {
            service = service.input_schema(method, schema.clone());
        }
        if let Some(schema) = &contract.output {
            service = service.output_schema(method, schema.clone());
        }
        if let Some(description) = &contract.description {
            service = service.description(method, description);
        }
    }
    for (topic, contract) in &declaration.topics {
        let mut declared = TopicContract::new(topic.as_str());
        if let Some(schema) = &contract.schema {
            declared = declared.schema(schema.clone());
        }
        if contract.retain {
            declared = declared.retained();
        }
        if let Some(description) = &contract.description {
            declared = declared.description(description);
        }
        if contract.refuse {
            declared = declared.refuse_when_full();
        }
        service = service.topic(declared);
    }
    for (uri, schema) in &declaration.schemas {
        service = service.schema(uri, schema.clone());
    }
    match &declaration.meta {
        Some(meta) => service.meta(meta),
        None => service,
    }
}

/// Compares what the broker said of a registration with what it has to say; `null` stands for nothing.
pub(crate) fn check_report(expected: &Value, report: Option<&CompatibilityReport>) -> Result<(), String> {
    let found = report.map_or(Value::Null, |report| json!(report));
    match matcher::matches(expected, Some(&found)) {
        true => Ok(()),
        false => Err(format!("compatibility: expected {expected}, found {found}")),
    }
}

fn add_method(service: ServiceBuilder, method: &str, answer: Answer, record: &Record) -> ServiceBuilder {
    let (record, name) = (record.clone(), method.to_owned());
    match answer {
        Answer::Stream { stream, hold } => service.stream_method(method, move |_input: Value, context| {
            parts(stream, hold, &record, &name, &context)
        }),
        answer => service.body_method(method, move |context: Context| async move {
            let guard = record.invoked(&name, &context);
            let answer = match answer {
                Answer::Hold { .. } => record.hold(&name).await,
                other => other,
            };
            guard.done();
            reply(answer, &context)
        }),
    }
}

/// Yields the parts of a scripted stream, and then ends or stays open.
fn parts(
    values: Vec<Value>,
    hold: bool,
    record: &Record,
    method: &str,
    context: &Context,
) -> impl Stream<Item = Result<Value, ServiceError>> + use<> {
    let guard = record.invoked(method, context);
    let parts = stream::iter(values).map(Ok);
    let rest = stream::once(async move {
        if hold {
            future::pending::<()>().await;
        }
        guard.done();
    });
    parts.chain(rest.filter_map(|()| future::ready(None)))
}

fn echo(payload: Payload<'_>) -> Body {
    match payload.as_text().filter(|_| payload.is_json()) {
        Some("") => Body::none(),
        Some(text) => Body::json_text(text),
        None => Body::bytes(payload.content_type().to_owned(), payload.as_bytes()),
    }
}

fn reply(answer: Answer, context: &Context) -> Result<Body, ServiceError> {
    match answer {
        Answer::Reply { reply } => Ok(Body::json(&reply)?),
        Answer::Echo { .. } => Ok(echo(context.payload())),
        Answer::Error { error } => {
            let failure = ServiceError::new(error.code, error.title);
            Err(match error.data {
                Some(data) => failure.data(&data),
                None => failure,
            })
        }
        Answer::Hold { .. } | Answer::Stream { .. } => unreachable!("these are no answers to one request"),
    }
}
