//! Hands each event of the session to whoever waits for it. Runs under the lock, so it only moves data into queues;
//! the handlers of requests are started by the driver afterwards.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use buslane_protocol::{Delivery, ErrorCode, Headers, Instant, Invocation, Payload, Problem};
use buslane_session::{DeliveryToken, Event, RegistrationKey, RequestKey, Session, SubscriptionKey};

use crate::context::Call;
use crate::deliveries::Delivered;
use crate::error::own_problem;
use crate::handler::Handler;
use crate::message::{Gap, Message};
use crate::parcel::{Parcel, Parts};
use crate::shared::Shared;
use crate::state::{ConnectionState, Report};
use crate::waiters::{Arrival, Caller, Job, Outcome, Subscriber, Waiters, tell};
use crate::{Context, Reply, Summary};

/// What is needed to take the events of one round, and what comes of them.
pub(crate) struct Round<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) now: Instant,
    /// The handlers to start.
    pub(crate) jobs: &'a mut Vec<Job>,
    /// Who is to be woken where no lock is held.
    pub(crate) wakers: &'a mut Vec<Waker>,
}

/// What the session is asked for after its events are taken.
#[derive(Default)]
struct Afterwards {
    unroutable: Vec<DeliveryToken>,
    overflown: Vec<SubscriptionKey>,
    abandoned: Vec<RegistrationKey>,
}

impl Waiters {
    /// Hands out what happened until nothing is left, and collects the handlers to start.
    pub(crate) fn take_events(&mut self, session: &mut Session, mut round: Round<'_>) {
        let mut afterwards = Afterwards::default();
        while let Some(event) = session.poll_event() {
            self.take_event(event, &mut round, &mut afterwards);
        }
        self.hand_over_all(round.wakers, &mut afterwards);
        for token in afterwards.unroutable {
            // Whoever asked may be gone, and then there is nobody to tell.
            let _ = session.fail(token, Problem::new(ErrorCode::NoInstance));
        }
        for key in afterwards.overflown {
            self.subscriptions.remove(&key);
            session.unsubscribe(key);
        }
        for key in afterwards.abandoned {
            session.unregister(key, false);
        }
    }

    fn take_event(&mut self, event: Event<'_>, round: &mut Round<'_>, afterwards: &mut Afterwards) {
        if !matches!(event, Event::Delivery { .. }) {
            // What came before this is seen before it.
            self.hand_over_all(round.wakers, afterwards);
        }
        match event {
            Event::Delivery { keys, delivery } => self.deliver(&keys, &delivery),
            Event::Reply { key, answer } => {
                let reply = self.reply(&answer.from, &answer.headers, &answer.payload);
                if let Some(caller) = self.requests.remove(&key) {
                    self.succeed(caller, reply);
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
            Event::PartialFailure { key, from, problem } => self.arrive(
                key,
                Arrival::Failure {
                    from,
                    problem: Box::new(problem),
                },
            ),
            Event::End {
                key,
                expected,
                replied,
                failed,
            } => {
                self.arrive(
                    key,
                    Arrival::End(Summary {
                        expected,
                        replied,
                        failed,
                    }),
                );
                self.end_request(key);
            }
            Event::Failed { key, problem } => {
                if let Some(caller) = self.requests.remove(&key) {
                    self.fail(caller, Box::new(problem));
                }
            }
            Event::Request {
                token,
                registration,
                invocation,
            } => {
                let method = invocation.to.method();
                match registration.and_then(|key| self.services.handler(key, method)) {
                    Some(handler) => self.invoke(token, &invocation, handler, round),
                    None => afterwards.unroutable.push(token),
                }
            }
            event => self.take_rare_event(event, round, afterwards),
        }
    }

    /// Takes what concerns what the program offers, subscribed to and published.
    fn take_rare_event(&mut self, event: Event<'_>, round: &mut Round<'_>, afterwards: &mut Afterwards) {
        match event {
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
            Event::Registered {
                key,
                instance,
                compatibility,
                ..
            } => self.services.accept(key, instance, compatibility),
            Event::RegistrationFailed {
                key,
                problem,
                retry_at,
            } => {
                self.refuse_registration(key, Box::new(problem), retry_at.is_some(), afterwards);
            }
            Event::Unregistered { key } => self.services.remove(key),
            Event::Subscribed { key } => {
                let subscriber = self.subscriptions.get_mut(&key);
                if let Some(waiter) = subscriber.and_then(|subscriber| subscriber.accepted.take()) {
                    tell(waiter, Ok(()));
                }
            }
            Event::SubscriptionFailed { key, problem } => self.refuse_subscription(key, Box::new(problem)),
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
            Event::PublishFailed { key, problem } => {
                finish(self.publishes.entry(key), Err(Box::new(problem)))
            }
            Event::Flushed { key } => finish(self.flushes.entry(key), Ok(())),
            Event::FlushFailed { key, problem } => finish(self.flushes.entry(key), Err(Box::new(problem))),
            event => self.take_state_event(event, round.now),
        }
    }

    /// Takes what concerns the connection.
    fn take_state_event(&mut self, event: Event<'_>, now: Instant) {
        match event {
            Event::Connected(connected) => self.set_state(ConnectionState::Connected {
                client: connected.client,
                node: connected.node.to_string(),
                server: connected.server,
            }),
            Event::Disconnected { problem, retry_at } => {
                self.subscriptions.values_mut().for_each(Subscriber::remember);
                self.services.remember();
                let (problem, retry_in) = (Box::new(problem), retry_at.saturating_since(now));
                self.set_state(ConnectionState::Disconnected { problem, retry_in });
            }
            Event::Draining { closes_in } => self.set_state(ConnectionState::Draining { closes_in }),
            Event::Ended { problem } => self.end(&problem),
            Event::Refused { problem } => self.report(Report::Refused {
                problem: Box::new(problem),
            }),
            Event::AnswerRefused { problem, .. } => self.report(Report::AnswerRefused {
                problem: Box::new(problem),
            }),
            // Events of later versions concern nobody here.
            _ => {}
        }
    }

    fn deliver(&mut self, keys: &[SubscriptionKey], delivery: &Delivery<'_>) {
        let Waiters {
            subscriptions,
            reached,
            spare,
            ..
        } = self;
        let mut copied: Option<Message> = None;
        for key in keys {
            let Some(Subscriber { arrivals, .. }) = subscriptions.get_mut(key) else {
                continue;
            };
            if arrivals.is_empty() {
                reached.push(*key);
            }
            let message = match copied.take() {
                Some(message) => message,
                None => arrivals.copy(parts_of(delivery), delivery.retained),
            };
            if keys.len() > 1 {
                copied = Some(message.clone());
            }
            arrivals.push(message, spare);
        }
    }

    /// Moves the messages that came so far to the queues of their subscriptions.
    fn hand_over_all(&mut self, wakers: &mut Vec<Waker>, afterwards: &mut Afterwards) {
        for key in self.reached.drain(..) {
            let Some(subscriber) = self.subscriptions.get_mut(&key) else {
                continue;
            };
            let Subscriber {
                arrivals, deliveries, ..
            } = subscriber;
            if arrivals.hand_over(deliveries, &mut self.spare, wakers) == Delivered::Ended {
                afterwards.overflown.push(key);
            }
        }
    }

    fn invoke(
        &mut self,
        token: DeliveryToken,
        invocation: &Invocation<'_>,
        handler: Handler,
        round: &mut Round<'_>,
    ) {
        let left = invocation
            .expires_in_ms
            .map(|left| Duration::from_millis(u64::from(left)));
        let call = Arc::new(Call::new(
            round.shared.clone(),
            token,
            invocation.stream,
            invocation.attempt,
            left.map(|left| round.shared.at(round.now + left)),
        ));
        let parts = Parts {
            id: invocation.id.as_ref(),
            subject: invocation.to.as_str(),
            from: &invocation.from,
            headers: &invocation.headers,
            payload: &invocation.payload,
        };
        let context = Context::new(Parcel::new(parts), call.clone());
        self.calls.insert(token, call.clone());
        round.jobs.push(Job {
            handler,
            context,
            call,
        });
    }

    fn reply(&mut self, from: &str, headers: &Headers<'_>, payload: &Payload<'_>) -> Reply {
        let parts = Parts {
            id: None,
            subject: "",
            from,
            headers,
            payload,
        };
        Reply::new(Parcel::new(parts))
    }

    fn arrive(&mut self, key: RequestKey, arrival: Arrival) {
        if let Some(Caller::Many(inbox)) = self.requests.get(&key) {
            inbox.push(arrival);
        }
    }

    fn end_request(&mut self, key: RequestKey) {
        match self.requests.remove(&key) {
            Some(Caller::Many(inbox)) => inbox.end(),
            Some(one) => {
                let problem = own_problem(ErrorCode::Internal, "the request ended without a reply");
                self.fail(one, problem);
            }
            None => {}
        }
    }

    fn refuse_registration(
        &mut self,
        key: RegistrationKey,
        problem: Box<Problem>,
        retries: bool,
        afterwards: &mut Afterwards,
    ) {
        match self.services.refuse(key, problem, retries) {
            Some(report) => self.report(report),
            None if retries => afterwards.abandoned.push(key),
            None => {}
        }
    }

    fn refuse_subscription(&mut self, key: SubscriptionKey, problem: Box<Problem>) {
        let Some(subscriber) = self.subscriptions.remove(&key) else {
            return;
        };
        if subscriber.accepted.is_none() {
            let filter = subscriber.filter.clone();
            self.report(Report::SubscriptionFailed {
                filter,
                problem: problem.clone(),
            });
        }
        subscriber.end(Err(problem));
    }
}

fn parts_of<'a>(delivery: &'a Delivery<'a>) -> Parts<'a> {
    Parts {
        id: delivery.id.as_ref(),
        subject: delivery.topic.as_str(),
        from: &delivery.from,
        headers: &delivery.headers,
        payload: &delivery.payload,
    }
}

fn finish<K, T>(entry: Entry<'_, K, Outcome<T>>, outcome: Result<T, Box<Problem>>) {
    if let Entry::Occupied(entry) = entry {
        tell(entry.remove(), outcome);
    }
}
