//! One client of a scenario: does what steps say, and keeps what comes until a step expects it.

use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use buslane_client::protocol::Registration as Declaration;
use buslane_client::{Client, ConnectionState, Registration, Reports, Subscription};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::format::{Action, Answer, ErrorMatcher, Label, Publish, Queue, Request, Subscribe, To};
use crate::item::{self, Item};
use crate::matcher;
use crate::relay::{Link, Mode};
use crate::service::{self, Record};

/// One client of a scenario.
pub(crate) struct Actor {
    client: Client,
    link: Link,
    record: Record,
    registrations: HashMap<String, Registration>,
    leaving: HashMap<String, mpsc::UnboundedReceiver<Item>>,
    subscriptions: HashMap<Label, Subscription>,
    requests: HashMap<Label, Asked>,
    states: watch::Receiver<Item>,
    reports: Reports,
}

/// The requests of one label: what came of them, and what still waits for more.
struct Asked {
    outcomes: mpsc::UnboundedReceiver<Item>,
    waiting: Vec<AbortHandle>,
}

/// What comes of a request.
type Outcomes = Pin<Box<dyn Stream<Item = Item> + Send>>;

impl Actor {
    pub(crate) fn new(client: Client, link: Link) -> Actor {
        let (mut changes, reports) = (client.states(), client.reports());
        let (sender, states) = watch::channel(of_state(&client.state()));
        tokio::spawn(async move {
            while let Some(state) = changes.next().await {
                sender.send_replace(of_state(&state));
            }
        });
        Actor {
            client,
            link,
            record: Record::default(),
            registrations: HashMap::new(),
            leaving: HashMap::new(),
            subscriptions: HashMap::new(),
            requests: HashMap::new(),
            states,
            reports,
        }
    }

    /// Does what a step says, until it is done as the format defines.
    pub(crate) async fn act(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Register {
                registration,
                handlers,
                compatibility,
                fails,
            } => {
                self.register(&registration, &handlers, compatibility, fails)
                    .await
            }
            Action::Unregister { name, drain } => self.unregister(&name, drain).await,
            Action::Subscribe(subscribe) => self.subscribe(subscribe).await,
            Action::Unsubscribe { subscription } => {
                let subscription = self
                    .subscriptions
                    .remove(&subscription)
                    .ok_or("no such subscription")?;
                subscription
                    .unsubscribe()
                    .await
                    .map_err(|error| error.to_string())
            }
            Action::Publish(publish) => self.publish(publish).await,
            Action::Request(request) => {
                self.request(request).await;
                Ok(())
            }
            Action::Cancel { request } => {
                let asked = self.requests.remove(&request).ok_or("no such request")?;
                asked.waiting.iter().for_each(AbortHandle::abort);
                tokio::task::yield_now().await;
                Ok(())
            }
            Action::Answer { method, with } => self.record.answer(&method, with),
            // Nothing is taken from a subscription but by an expectation.
            Action::Pause | Action::Resume => Ok(()),
            Action::Flush => self.flush().await,
            Action::Disconnect { unnoticed_by_broker } => {
                self.link.set(if unnoticed_by_broker {
                    Mode::HalfCut
                } else {
                    Mode::Cut
                });
                Ok(())
            }
            Action::Reconnect => {
                self.link.set(Mode::Open);
                self.wait_for("connected").await;
                self.flush().await
            }
            Action::Freeze => {
                self.link.set(Mode::Frozen);
                Ok(())
            }
            Action::Thaw => {
                self.link.set(Mode::Open);
                Ok(())
            }
            Action::Connect { .. } => Err("it is connected already".to_owned()),
            Action::Close => {
                self.client.close().await;
                Ok(())
            }
        }
    }

    /// Waits for the next thing of a queue. Of the connection's states, those that are not wanted are passed over.
    pub(crate) async fn next(&mut self, queue: &Queue, wanted: &str) -> Result<Item, String> {
        match queue {
            Queue::Request(label) => {
                let asked = self.requests.get_mut(label).ok_or("no such request")?;
                Ok(asked
                    .outcomes
                    .recv()
                    .await
                    .unwrap_or_else(|| item::bare("nothing more")))
            }
            Queue::Subscription(label) => {
                let subscription = self.subscriptions.get_mut(label).ok_or("no such subscription")?;
                Ok(subscription
                    .next_event()
                    .await
                    .map_or_else(|| item::bare("nothing more"), item::of_event))
            }
            Queue::Invocations(method) => Ok(self.record.next_invocation(method).await),
            Queue::Withdrawals(method) => Ok(self.record.next_withdrawal(method).await),
            Queue::Registration(name) => {
                let leaving = self
                    .leaving
                    .get_mut(name)
                    .ok_or("no such registration is leaving")?;
                Ok(leaving.recv().await.unwrap_or_else(|| item::bare("nothing more")))
            }
            Queue::Reports => Ok(self
                .reports
                .next()
                .await
                .map_or_else(|| item::bare("nothing more"), item::of_report)),
            Queue::State => Ok(self.wait_for(wanted).await),
        }
    }

    /// Returns a subscription, to look for what it has.
    pub(crate) fn subscription(&mut self, label: &str) -> Result<&mut Subscription, String> {
        self.subscriptions
            .get_mut(label)
            .ok_or_else(|| "no such subscription".to_owned())
    }

    /// Finds what came and was not expected.
    pub(crate) async fn left_over(&mut self) -> Vec<String> {
        if self.client.is_connected() {
            // What the broker sent before is here when its answer is.
            let _ = tokio::time::timeout(LAST_LOOK, self.client.flush()).await;
        }
        let mut left = Vec::new();
        for (label, subscription) in &mut self.subscriptions {
            if let Some(Some(event)) = subscription.next_event().now_or_never() {
                left.push(format!(
                    "subscription {label} has {}",
                    Value::Object(item::of_event(event))
                ));
            }
        }
        for (label, asked) in &mut self.requests {
            if let Ok(item) = asked.outcomes.try_recv() {
                left.push(format!("request {label} has {}", Value::Object(item)));
            }
        }
        left
    }

    async fn flush(&self) -> Result<(), String> {
        self.client.flush().await.map_err(|error| error.to_string())
    }

    async fn wait_for(&mut self, state: &str) -> Item {
        let found = self
            .states
            .wait_for(|item| item["state"] == state)
            .await
            .map(|item| item.clone());
        found.unwrap_or_else(|_| self.states.borrow().clone())
    }

    async fn register(
        &mut self,
        declaration: &Declaration,
        handlers: &BTreeMap<String, Answer>,
        compatibility: Option<Value>,
        fails: Option<ErrorMatcher>,
    ) -> Result<(), String> {
        let service = service::build(&self.client, declaration, handlers, &self.record);
        let registered = service.register().await;
        let report = registered
            .as_ref()
            .ok()
            .and_then(|registration| registration.compatibility());
        if let Some(expected) = compatibility {
            service::check_report(&expected, report.as_deref())?;
        }
        let name = declaration.name.to_string();
        let registered = registered.map(|registration| drop(self.registrations.insert(name, registration)));
        check(registered.map_err(|error| error.problem().clone()), fails)
    }

    async fn unregister(&mut self, name: &str, drain: bool) -> Result<(), String> {
        let registration = self.registrations.remove(name).ok_or("no such registration")?;
        if !drain {
            return registration.unregister().await.map_err(|error| error.to_string());
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        self.leaving.insert(name.to_owned(), receiver);
        let mut drained = Box::pin(async move { registration.drain().await });
        let first = poll_once(&mut drained).await;
        tokio::spawn(async move {
            let ended = match first {
                Poll::Ready(ended) => ended,
                Poll::Pending => drained.await,
            };
            let kind = if ended.is_ok() {
                "unregistered"
            } else {
                "not unregistered"
            };
            let _ = sender.send(item::bare(kind));
        });
        Ok(())
    }

    async fn subscribe(&mut self, subscribe: Subscribe) -> Result<(), String> {
        let mut made = self
            .client
            .subscribe(&subscribe.filter)
            .overflow(subscribe.overflow);
        if let Some(shared) = subscribe.shared {
            made = made.shared(shared);
        }
        if let Some(credit) = subscribe.credit {
            made = made.credit(credit);
        }
        let made = made
            .await
            .map(|subscription| drop(self.subscriptions.insert(subscribe.label, subscription)));
        check(made.map_err(|error| error.problem().clone()), subscribe.fails)
    }

    async fn publish(&mut self, publish: Publish) -> Result<(), String> {
        let acknowledged = publish.receivers.is_some() || publish.fails.is_some();
        for _ in 0..publish.outgoing.repeat {
            let mut message = match publish.retain {
                buslane_client::protocol::Retain::Clear => self.client.clear_retained(&publish.topic),
                _ => self.client.publish_body(&publish.topic, publish.outgoing.body()),
            };
            if publish.retain == buslane_client::protocol::Retain::Set {
                message = match publish.retain_ms {
                    Some(lifetime) => message.retain_for(Duration::from_millis(lifetime)),
                    None => message.retain(),
                };
            }
            if publish.exclude_self {
                message = message.exclude_self();
            }
            for (name, value) in publish.outgoing.headers() {
                message = message.header(&name, &value);
            }
            let receivers = match acknowledged {
                true => message.ack().await.map(Some),
                false => message.await.map(|()| None),
            };
            let found = receivers.as_ref().ok().copied().flatten().map(Value::from);
            check(
                receivers.map(drop).map_err(|error| error.problem().clone()),
                publish.fails.clone(),
            )?;
            if let Some(expected) = publish
                .receivers
                .as_ref()
                .filter(|_| !matches(&publish, found.as_ref()))
            {
                return Err(format!("receivers: expected {expected}, found {found:?}"));
            }
        }
        Ok(())
    }

    /// Sends requests, and collects what comes of them.
    async fn request(&mut self, request: Request) {
        let (sender, outcomes) = mpsc::unbounded_channel();
        let mut waiting = Vec::new();
        for _ in 0..request.outgoing.repeat {
            waiting.push(ask(self.outcomes(&request), sender.clone()).await);
        }
        self.requests.insert(request.label, Asked { outcomes, waiting });
    }

    fn outcomes(&self, request: &Request) -> Outcomes {
        let gathers = match &request.to {
            To::One(address) => address.contains("@") || address.contains("*"),
            To::Several(_) => true,
        };
        let mut call = match &request.to {
            To::One(address) => self.client.call(address),
            To::Several(addresses) => self.client.call(addresses.as_slice()),
        };
        call = match &request.expires_in_ms {
            None => call,
            Some(Value::Null) => call.without_timeout(),
            Some(time) => call.timeout(Duration::from_millis(time.as_u64().unwrap_or_default())),
        };
        for (name, value) in request.outgoing.headers() {
            call = call.header(&name, &value);
        }
        let body = request.outgoing.body();
        if gathers {
            let replies = call.gather_body(body);
            Box::pin(stream::unfold(Some(replies), |replies| async move {
                let mut replies = replies?;
                match replies.next().await {
                    Some(gathered) => Some((item::of_gathered(gathered), Some(replies))),
                    None => replies.summary().map(|summary| (item::of_summary(summary), None)),
                }
            }))
        } else if request.stream {
            Box::pin(stream::unfold(Some(call.stream_body(body)), |parts| async move {
                let mut parts = parts?;
                match parts.next().await {
                    Some(Ok(part)) => Some((item::of_reply("chunk", &part), Some(parts))),
                    Some(Err(error)) => Some((item::of_error(&error), None)),
                    None => Some((item::bare("end"), None)),
                }
            }))
        } else {
            let reply = call.send_body(body);
            Box::pin(stream::once(async {
                match reply.await {
                    Ok(reply) => item::of_reply("reply", &reply),
                    Err(error) => item::of_error(&error),
                }
            }))
        }
    }
}

/// Sends a request and has its outcomes collected.
async fn ask(mut outcomes: Outcomes, sender: mpsc::UnboundedSender<Item>) -> AbortHandle {
    // The first poll hands the request over.
    let over = match poll_once(&mut outcomes.next()).await {
        Poll::Ready(Some(item)) => sender.send(item).is_err(),
        Poll::Ready(None) => true,
        Poll::Pending => false,
    };
    let task = tokio::spawn(async move {
        while !over && let Some(item) = outcomes.next().await {
            let _ = sender.send(item);
        }
    });
    task.abort_handle()
}

/// Polls a future once, and lets go of it.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.poll_unpin(context))).await
}

/// Holds the outcome of an action against the error that it should have, if any.
pub(crate) fn check(
    outcome: Result<(), buslane_client::Problem>,
    fails: Option<ErrorMatcher>,
) -> Result<(), String> {
    match (outcome, fails) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(_)) => Err("it should have failed".to_owned()),
        (Err(problem), None) => Err(format!("it failed: {}", item::of_problem(&problem))),
        (Err(problem), Some(expected)) => {
            let found = item::of_problem(&problem);
            let wrong = matcher::differences(&expected, found.as_object().expect("a problem is an object"));
            if wrong.is_empty() {
                Ok(())
            } else {
                Err(format!("the error differs: {}", wrong.join("; ")))
            }
        }
    }
}

fn matches(publish: &Publish, found: Option<&Value>) -> bool {
    publish
        .receivers
        .as_ref()
        .is_none_or(|expected| matcher::matches(expected, found))
}

fn of_state(state: &ConnectionState) -> Item {
    let ended = |error: Value| ("ended", error);
    let (name, error) = match state {
        ConnectionState::Connected { .. } | ConnectionState::Draining { .. } => ("connected", Value::Null),
        ConnectionState::TakenOver => ended(json!({"code": "taken_over"})),
        ConnectionState::Closed => ended(json!({"code": "closed"})),
        ConnectionState::Refused { problem } => ended(item::of_problem(problem)),
        _ => ("disconnected", Value::Null),
    };
    let mut item = item::bare("state");
    item.insert("state".to_owned(), Value::from(name));
    item.insert("error".to_owned(), error);
    item
}

/// How long the last look at a client may take. It finds more when it is waited for, and never too much.
const LAST_LOOK: Duration = Duration::from_secs(5);
