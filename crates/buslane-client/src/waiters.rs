//! Who waits for what: hands each event of the session to whoever asked for it. Runs under the lock, so it only moves
//! data into queues; the handlers of requests are started by the driver afterwards.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};

use buslane_protocol::{Instant, Problem};
use buslane_session::{
    DeliveryToken, Event, FlushKey, PublishKey, RegistrationKey, RequestKey, Session, SubscriptionKey,
};
use tokio::sync::{oneshot, watch};

use crate::context::Call;
use crate::deliveries::{Delivered, Deliveries};
use crate::inbox::Inbox;
use crate::message::{Gap, Message};
use crate::parcel::{Parcel, Parts};
use crate::services::Services;
use crate::shared::Shared;
use crate::state::{ConnectionState, Report};
use crate::{Context, Reply};

/// Tells one waiter how it ended.
pub(crate) type Outcome<T> = oneshot::Sender<Result<T, Problem>>;

/// Who waits for what.
pub(crate) struct Waiters {
    pub(crate) requests: HashMap<RequestKey, Caller, Hasher>,
    pub(crate) publishes: HashMap<PublishKey, Outcome<u32>, Hasher>,
    pub(crate) flushes: HashMap<FlushKey, Outcome<()>, Hasher>,
    pub(crate) subscriptions: HashMap<SubscriptionKey, Subscriber, Hasher>,
    pub(crate) services: Services,
    /// Requests that handlers work on.
    calls: HashMap<DeliveryToken, Arc<Call>, Hasher>,
    /// Where the connection stands.
    pub(crate) standing: watch::Sender<ConnectionState>,
    states: Vec<Weak<Inbox<ConnectionState>>>,
    reports: Vec<Weak<Inbox<Report>>>,
    scratch: Vec<u8>,
}

/// Keys are made by the session, not by outsiders, so that a fast hash is safe.
type Hasher = foldhash::fast::FixedState;

/// Who waits for the outcome of a request.
pub(crate) enum Caller {
    /// Wants one reply.
    One(Outcome<Reply>),
    /// Wants whatever comes, until it ends.
    Many(Arc<Inbox<Arrival>>),
}

/// What comes of a streamed or gathered request.
pub(crate) enum Arrival {
    /// A reply, or one part of a stream.
    Reply(Reply),
    /// One target of several failed.
    Failure { from: String, problem: Problem },
    /// The request ended with an error.
    Failed(Problem),
    /// The request ended.
    End {
        expected: u32,
        replied: u32,
        failed: u32,
    },
}

/// Who receives what a subscription selects.
pub(crate) struct Subscriber {
    pub(crate) deliveries: Arc<Deliveries>,
    pub(crate) filter: String,
    /// Waits for the broker's answer to the subscription.
    pub(crate) accepted: Option<Outcome<()>>,
}

/// Work to start after the lock is released.
pub(crate) struct Job {
    pub(crate) handler: crate::handler::Handler,
    pub(crate) context: Context,
    pub(crate) call: Arc<Call>,
}

impl Job {
    /// Starts the work in a task of its own.
    pub(crate) fn start(self) {
        (self.handler)(self.context, self.call);
    }
}

impl Default for Waiters {
    fn default() -> Waiters {
        Waiters {
            requests: HashMap::default(),
            publishes: HashMap::default(),
            flushes: HashMap::default(),
            subscriptions: HashMap::default(),
            services: Services::default(),
            calls: HashMap::default(),
            standing: watch::Sender::new(ConnectionState::Connecting),
            states: Vec::new(),
            reports: Vec::new(),
            scratch: Vec::new(),
        }
    }
}

impl Waiters {
    /// Hands out what happened until nothing is left, and collects the handlers to start.
    pub(crate) fn take_events(
        &mut self,
        session: &mut Session,
        shared: &Arc<Shared>,
        now: Instant,
        jobs: &mut Vec<Job>,
    ) {
        let mut afterwards = Afterwards::default();
        while let Some(event) = session.poll_event() {
            self.take_event(event, shared, now, jobs, &mut afterwards);
        }
        for token in afterwards.unroutable {
            let problem = Problem::new(buslane_protocol::ErrorCode::NoInstance);
            // Whoever asked may be gone, and then there is nobody to tell.
            let _ = session.fail(token, problem);
        }
        for key in afterwards.overflown {
            self.subscriptions.remove(&key);
            session.unsubscribe(key);
        }
        for key in afterwards.abandoned {
            session.unregister(key, false);
        }
    }

    /// Adds a listener to the states, which sees the present one first.
    pub(crate) fn watch_states(&mut self) -> Arc<Inbox<ConnectionState>> {
        let inbox = Arc::new(Inbox::new());
        let present = self.standing.borrow().clone();
        let ended = present.is_final();
        inbox.push(present);
        if ended {
            inbox.end();
        }
        self.states.push(Arc::downgrade(&inbox));
        inbox
    }

    /// Adds a listener to what goes wrong outside any call.
    pub(crate) fn watch_reports(&mut self) -> Arc<Inbox<Report>> {
        let inbox = Arc::new(Inbox::new());
        if self.standing.borrow().is_final() {
            inbox.end();
        }
        self.reports.push(Arc::downgrade(&inbox));
        inbox
    }

    /// Takes note that a request which came in is answered.
    pub(crate) fn finish(&mut self, token: DeliveryToken) {
        self.calls.remove(&token);
    }

    /// Lets everybody see the end, whatever they wait for.
    pub(crate) fn end(&mut self, problem: &Problem) {
        self.calls.drain().for_each(|(_, call)| call.withdraw());
        for (_, caller) in self.requests.drain() {
            caller.fail(problem.clone());
        }
        self.publishes
            .drain()
            .for_each(|(_, waiter)| tell(waiter, Err(problem.clone())));
        self.flushes
            .drain()
            .for_each(|(_, waiter)| tell(waiter, Err(problem.clone())));
        for (_, subscriber) in self.subscriptions.drain() {
            subscriber.end(Err(problem.clone()));
        }
        self.services.end(problem);
        if !self.standing.borrow().is_final() {
            self.set_state(ConnectionState::ended(problem));
        }
        self.states
            .drain(..)
            .filter_map(|inbox| inbox.upgrade())
            .for_each(|inbox| inbox.end());
        self.reports
            .drain(..)
            .filter_map(|inbox| inbox.upgrade())
            .for_each(|inbox| inbox.end());
    }

    fn take_event(
        &mut self,
        event: Event<'_>,
        shared: &Arc<Shared>,
        now: Instant,
        jobs: &mut Vec<Job>,
        afterwards: &mut Afterwards,
    ) {
        match event {
            Event::Delivery { keys, delivery } => {
                let parts = Parts {
                    id: delivery.id.as_ref(),
                    subject: delivery.topic.as_str(),
                    from: &delivery.from,
                    headers: &delivery.headers,
                    payload: &delivery.payload,
                };
                let message = Message::new(Parcel::new(parts, &mut self.scratch), delivery.retained);
                self.deliver(&keys, message, afterwards);
            }
            Event::Reply { key, answer } => {
                let reply = self.reply(&answer.from, &answer.headers, &answer.payload);
                match self.requests.remove(&key) {
                    Some(Caller::One(waiter)) => tell(waiter, Ok(reply)),
                    Some(Caller::Many(inbox)) => {
                        inbox.push(Arrival::Reply(reply));
                        inbox.end();
                    }
                    None => {}
                }
            }
            Event::PartialReply { key, answer } => {
                let reply = self.reply(&answer.from, &answer.headers, &answer.payload);
                self.arrive(key, Arrival::Reply(reply));
            }
            Event::Chunk { key, part } => {
                let reply = self.reply(&part.from, &part.headers, &part.payload);
                self.arrive(key, Arrival::Reply(reply));
            }
            Event::PartialFailure { key, from, problem } => {
                self.arrive(key, Arrival::Failure { from, problem })
            }
            Event::End {
                key,
                expected,
                replied,
                failed,
            } => {
                self.arrive(
                    key,
                    Arrival::End {
                        expected,
                        replied,
                        failed,
                    },
                );
                self.end_request(key);
            }
            Event::Failed { key, problem } => {
                if let Some(caller) = self.requests.remove(&key) {
                    caller.fail(problem);
                }
            }
            Event::Request { token, invocation } => {
                let Some(handler) = self.services.route(&invocation.to) else {
                    return afterwards.unroutable.push(token);
                };
                let deadline = invocation
                    .expires_in_ms
                    .map(|left| shared.at(now + std::time::Duration::from_millis(u64::from(left))));
                let call = Arc::new(Call::new(
                    shared.clone(),
                    token,
                    invocation.stream,
                    invocation.attempt,
                    deadline,
                ));
                let parts = Parts {
                    id: invocation.id.as_ref(),
                    subject: invocation.to.as_str(),
                    from: &invocation.from,
                    headers: &invocation.headers,
                    payload: &invocation.payload,
                };
                let context = Context::new(Parcel::new(parts, &mut self.scratch), call.clone());
                self.calls.insert(token, call.clone());
                jobs.push(Job {
                    handler,
                    context,
                    call,
                });
            }
            event => self.take_rare_event(event, now, afterwards),
        }
    }

    fn take_rare_event(&mut self, event: Event<'_>, now: Instant, afterwards: &mut Afterwards) {
        match event {
            Event::Connected(connected) => self.set_state(ConnectionState::Connected {
                client: connected.client,
                node: connected.node.to_string(),
                server: connected.server,
            }),
            Event::Disconnected { problem, retry_at } => {
                self.subscriptions.values_mut().for_each(Subscriber::remember);
                self.services.remember();
                let retry_in = retry_at.saturating_since(now);
                self.set_state(ConnectionState::Disconnected {
                    problem: Box::new(problem),
                    retry_in,
                });
            }
            Event::Draining { closes_in } => self.set_state(ConnectionState::Draining { closes_in }),
            Event::Ended { problem } => self.end(&problem),
            Event::Refused { problem } => self.report(Report::Refused {
                problem: Box::new(problem),
            }),
            Event::Withdrawn { token, .. } => {
                if let Some(call) = self.calls.remove(&token) {
                    call.withdraw();
                }
            }
            Event::Credit { token, .. } => {
                if let Some(call) = self.calls.get(&token) {
                    call.credit.notify_waiters();
                }
            }
            Event::Registered { key, instance, .. } => self.services.accept(key, instance),
            Event::RegistrationFailed {
                key,
                problem,
                retry_at,
            } => {
                self.refuse_registration(key, problem, retry_at.is_some(), afterwards);
            }
            Event::Unregistered { key } => self.services.remove(key),
            Event::Subscribed { key } => {
                if let Some(waiter) = self
                    .subscriptions
                    .get_mut(&key)
                    .and_then(|known| known.accepted.take())
                {
                    tell(waiter, Ok(()));
                }
            }
            Event::SubscriptionFailed { key, problem } => self.refuse_subscription(key, problem),
            Event::Gap {
                keys,
                count,
                bytes,
                unknown,
            } => {
                for subscriber in keys.iter().filter_map(|key| self.subscriptions.get(key)) {
                    subscriber.deliveries.push_gap(Gap {
                        count,
                        bytes,
                        unknown,
                    });
                }
            }
            Event::Acked { key, receivers } => finish(self.publishes.entry(key), Ok(receivers)),
            Event::PublishFailed { key, problem } => finish(self.publishes.entry(key), Err(problem)),
            Event::Flushed { key } => finish(self.flushes.entry(key), Ok(())),
            Event::FlushFailed { key, problem } => finish(self.flushes.entry(key), Err(problem)),
            // Events of later versions concern nobody here.
            _ => {}
        }
    }

    fn deliver(&mut self, keys: &[SubscriptionKey], message: Message, afterwards: &mut Afterwards) {
        let Some((last, others)) = keys.split_last() else {
            return;
        };
        for key in others {
            self.deliver_to(*key, message.clone(), afterwards);
        }
        self.deliver_to(*last, message, afterwards);
    }

    fn deliver_to(&mut self, key: SubscriptionKey, message: Message, afterwards: &mut Afterwards) {
        if let Some(subscriber) = self.subscriptions.get(&key)
            && subscriber.deliveries.push(message) == Delivered::Ended
        {
            afterwards.overflown.push(key);
        }
    }

    fn reply(
        &mut self,
        from: &str,
        headers: &buslane_protocol::Headers<'_>,
        payload: &buslane_protocol::Payload<'_>,
    ) -> Reply {
        let parts = Parts {
            id: None,
            subject: "",
            from,
            headers,
            payload,
        };
        Reply::new(Parcel::new(parts, &mut self.scratch))
    }

    fn arrive(&mut self, key: RequestKey, arrival: Arrival) {
        if let Some(Caller::Many(inbox)) = self.requests.get(&key) {
            inbox.push(arrival);
        }
    }

    fn end_request(&mut self, key: RequestKey) {
        match self.requests.remove(&key) {
            Some(Caller::Many(inbox)) => inbox.end(),
            Some(one) => one.fail(crate::error::own_problem(
                buslane_protocol::ErrorCode::Internal,
                "the request ended without a reply",
            )),
            None => {}
        }
    }

    fn refuse_registration(
        &mut self,
        key: RegistrationKey,
        problem: Problem,
        retries: bool,
        afterwards: &mut Afterwards,
    ) {
        match self.services.refuse(key, problem, retries) {
            Some(report) => self.report(report),
            None if retries => afterwards.abandoned.push(key),
            None => {}
        }
    }

    fn refuse_subscription(&mut self, key: SubscriptionKey, problem: Problem) {
        let Some(subscriber) = self.subscriptions.remove(&key) else {
            return;
        };
        if subscriber.accepted.is_none() {
            let filter = subscriber.filter.clone();
            self.report(Report::SubscriptionFailed {
                filter,
                problem: Box::new(problem.clone()),
            });
        }
        subscriber.end(Err(problem));
    }

    fn set_state(&mut self, state: ConnectionState) {
        self.standing.send_replace(state.clone());
        self.states.retain(|inbox| match inbox.upgrade() {
            Some(inbox) => {
                inbox.push_bounded(state.clone(), LISTENER_ITEMS);
                true
            }
            None => false,
        });
    }

    fn report(&mut self, report: Report) {
        self.reports.retain(|inbox| match inbox.upgrade() {
            Some(inbox) => {
                inbox.push_bounded(report.clone(), LISTENER_ITEMS);
                true
            }
            None => false,
        });
    }
}

/// What the session is asked for after its events are taken.
#[derive(Default)]
struct Afterwards {
    unroutable: Vec<DeliveryToken>,
    overflown: Vec<SubscriptionKey>,
    abandoned: Vec<RegistrationKey>,
}

impl Caller {
    fn fail(self, problem: Problem) {
        match self {
            Caller::One(waiter) => tell(waiter, Err(problem)),
            Caller::Many(inbox) => {
                inbox.push(Arrival::Failed(problem));
                inbox.end();
            }
        }
    }
}

impl Subscriber {
    /// Lets whoever waits go on: the subscription is remembered for the next connection.
    fn remember(&mut self) {
        if let Some(waiter) = self.accepted.take() {
            tell(waiter, Ok(()));
        }
    }

    fn end(self, outcome: Result<(), Problem>) {
        self.deliveries.end();
        if let Some(waiter) = self.accepted {
            tell(waiter, outcome);
        }
    }
}

/// Tells a waiter, who may have gone away meanwhile.
pub(crate) fn tell<T>(waiter: Outcome<T>, outcome: Result<T, Problem>) {
    let _ = waiter.send(outcome);
}

fn finish<K, T>(entry: Entry<'_, K, Outcome<T>>, outcome: Result<T, Problem>) {
    if let Entry::Occupied(entry) = entry {
        tell(entry.remove(), outcome);
    }
}

/// Items that a listener who does not look may pile up; the oldest give way.
const LISTENER_ITEMS: usize = 256;
