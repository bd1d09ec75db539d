//! Who waits for what. Guarded by the client's lock; [`crate::dispatch`] hands the events to those who wait.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use buslane_protocol::Problem;
use buslane_session::{DeliveryToken, FlushKey, PublishKey, RequestKey, SubscriptionKey};
use tokio::sync::{oneshot, watch};

use crate::arrivals::Arrivals;
use crate::context::Call;
use crate::deliveries::Deliveries;
use crate::inbox::Inbox;
use crate::message::Message;
use crate::services::Services;
use crate::state::{ConnectionState, Report};
use crate::{Context, Reply, Summary};

/// Tells one waiter how it ended.
pub(crate) type Outcome<T> = oneshot::Sender<Result<T, Box<Problem>>>;

/// How one waiter hears how it ended.
pub(crate) type Awaited<T> = oneshot::Receiver<Result<T, Box<Problem>>>;

/// Who waits for what.
pub(crate) struct Waiters {
    pub(crate) requests: HashMap<RequestKey, Caller, Hasher>,
    pub(crate) publishes: HashMap<PublishKey, Outcome<u32>, Hasher>,
    pub(crate) flushes: HashMap<FlushKey, Outcome<()>, Hasher>,
    pub(crate) subscriptions: HashMap<SubscriptionKey, Subscriber, Hasher>,
    pub(crate) services: Services,
    /// Requests that handlers work on.
    pub(crate) calls: HashMap<DeliveryToken, Arc<Call>, Hasher>,
    /// Where the connection stands.
    pub(crate) standing: watch::Sender<ConnectionState>,
    states: Vec<Weak<Inbox<ConnectionState>>>,
    reports: Vec<Weak<Inbox<Report>>>,
    /// Callbacks of requests that have ended, to be called where no lock is held.
    completions: Vec<Completion>,
    /// Subscriptions to which messages came in this go.
    pub(crate) reached: Vec<SubscriptionKey>,
    /// A buffer for the messages of one go.
    pub(crate) spare: Vec<Message>,
}

/// Called with how a request ended.
pub(crate) type Then = Box<dyn FnOnce(Result<Reply, Box<Problem>>) + Send>;

/// A callback whose request has ended.
pub(crate) struct Completion {
    then: Then,
    outcome: Result<Reply, Box<Problem>>,
}

impl Completion {
    /// Calls the program.
    pub(crate) fn run(self) {
        let Completion { then, outcome } = self;
        // A callback that panics harms nobody else.
        let _ = catch_unwind(AssertUnwindSafe(|| then(outcome)));
    }
}

/// Keys are made by the session, not by outsiders, so that a fast hash is safe.
type Hasher = foldhash::fast::FixedState;

/// Who waits for the outcome of a request.
pub(crate) enum Caller {
    /// Wants one reply.
    One(Outcome<Reply>),
    /// Wants one reply, by being called.
    Then(Then),
    /// Wants whatever comes, until it ends.
    Many(Arc<Inbox<Arrival>>),
}

/// What comes of a streamed or gathered request.
pub(crate) enum Arrival {
    /// A reply, or one part of a stream.
    Reply(Reply),
    /// One target of several failed.
    Failure { from: String, problem: Box<Problem> },
    /// The request ended with an error.
    Failed(Box<Problem>),
    /// The request ended.
    End(Summary),
}

/// Who receives what a subscription selects.
pub(crate) struct Subscriber {
    pub(crate) deliveries: Arc<Deliveries>,
    /// What came in this go.
    pub(crate) arrivals: Arrivals,
    pub(crate) filter: String,
    /// Waits for the broker's answer to the subscription.
    pub(crate) accepted: Option<Outcome<()>>,
}

/// Work to start where no lock is held.
pub(crate) struct Job {
    pub(crate) handler: crate::handler::Handler,
    pub(crate) context: Context,
    pub(crate) call: Arc<Call>,
}

impl Job {
    /// Starts the work.
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
            completions: Vec::new(),
            reached: Vec::new(),
            spare: Vec::new(),
        }
    }
}

impl Waiters {
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

    /// Lets a caller see the reply that ends its request.
    pub(crate) fn succeed(&mut self, caller: Caller, reply: Reply) {
        match caller {
            Caller::One(waiter) => tell(waiter, Ok(reply)),
            Caller::Then(then) => self.completions.push(Completion {
                then,
                outcome: Ok(reply),
            }),
            Caller::Many(inbox) => {
                inbox.push(Arrival::Reply(reply));
                inbox.end();
            }
        }
    }

    /// Lets a caller see that its request ended with an error.
    pub(crate) fn fail(&mut self, caller: Caller, problem: Box<Problem>) {
        match caller {
            Caller::One(waiter) => tell(waiter, Err(problem)),
            Caller::Then(then) => self.completions.push(Completion {
                then,
                outcome: Err(problem),
            }),
            Caller::Many(inbox) => {
                inbox.push(Arrival::Failed(problem));
                inbox.end();
            }
        }
    }

    /// Moves the callbacks to call to where no lock is held.
    pub(crate) fn take_completions(&mut self, completions: &mut Vec<Completion>) {
        completions.append(&mut self.completions);
    }

    /// Lets everybody see the end, whatever they wait for.
    pub(crate) fn end(&mut self, problem: &Problem) {
        let boxed = || Box::new(problem.clone());
        self.calls.drain().for_each(|(_, call)| call.withdraw());
        for caller in self
            .requests
            .drain()
            .map(|(_, caller)| caller)
            .collect::<Vec<_>>()
        {
            self.fail(caller, boxed());
        }
        self.publishes
            .drain()
            .for_each(|(_, waiter)| tell(waiter, Err(boxed())));
        self.flushes
            .drain()
            .for_each(|(_, waiter)| tell(waiter, Err(boxed())));
        for (_, subscriber) in self.subscriptions.drain() {
            subscriber.end(Err(boxed()));
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

    /// Tells everybody where the connection stands now.
    pub(crate) fn set_state(&mut self, state: ConnectionState) {
        self.standing.send_replace(state.clone());
        self.states.retain(|inbox| match inbox.upgrade() {
            Some(inbox) => {
                inbox.push_bounded(state.clone(), LISTENER_ITEMS);
                true
            }
            None => false,
        });
    }

    /// Tells whoever listens what went wrong.
    pub(crate) fn report(&mut self, report: Report) {
        self.reports.retain(|inbox| match inbox.upgrade() {
            Some(inbox) => {
                inbox.push_bounded(report.clone(), LISTENER_ITEMS);
                true
            }
            None => false,
        });
    }
}

impl Subscriber {
    /// Lets whoever waits go on: the subscription is remembered for the next connection.
    pub(crate) fn remember(&mut self) {
        if let Some(waiter) = self.accepted.take() {
            tell(waiter, Ok(()));
        }
    }

    /// Ends the queue, and lets whoever waits see the outcome.
    pub(crate) fn end(self, outcome: Result<(), Box<Problem>>) {
        self.deliveries.end();
        if let Some(waiter) = self.accepted {
            tell(waiter, outcome);
        }
    }
}

/// Tells a waiter, who may have gone away meanwhile.
pub(crate) fn tell<T>(waiter: Outcome<T>, outcome: Result<T, Box<Problem>>) {
    let _ = waiter.send(outcome);
}

/// Items that a listener who does not look may pile up; the oldest give way.
const LISTENER_ITEMS: usize = 256;
