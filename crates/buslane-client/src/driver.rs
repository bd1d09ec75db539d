//! Moves bytes between the transport and the session, arms one timer, hands events to whoever waits for them and
//! starts handlers. Knows no rule of the protocol, and not who polls it: [`crate::driving`] does.
//!
//! ```text
//!   Idle --Dial--> Dialling --opened--> Open --Close--> Closing --> Idle
//!                      |                  |
//!                      +-- failed ------> Idle <------ lost
//! ```

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use buslane_protocol::{Encoding, ErrorCode, Instant, Name};
use buslane_session::{Action, State as SessionState, Transmit};
use tokio::runtime::Handle;
use tokio::time::Sleep;

use crate::breather::Breather;
use crate::direct::stands_in;
use crate::dispatch::Round;
use crate::error::own_problem;
use crate::handler::Handler;
use crate::shared::{Shared, State};
use crate::transport::{Outgoing, Received, Transport, Undialled};
use crate::waiters::{Completion, Job};

/// Drives a session until it has ended and its last bytes are written.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    encoding: Encoding,
    link: Link,
    /// The runtime that watches over the transport and the timer.
    runtime: Handle,
    /// Wakes the client's task.
    task: Option<Waker>,
    /// How often the client's task polled.
    polls: u64,
    timer: Pin<Box<Sleep>>,
    /// When the timer fires, in the session's time; `None` if it has fired or was never set.
    armed: Option<Instant>,
    /// What was read last.
    scratch: Box<[u8]>,
    breather: Breather,
    /// What is to be run where no lock is held.
    work: Work,
    /// Who is to be woken where no lock is held.
    wakers: Vec<Waker>,
}

/// What the program is to be called for, or what is its to be dropped, by the client's own task and where no lock is held.
#[derive(Default)]
pub(crate) struct Work {
    jobs: Vec<Job>,
    completions: Vec<Completion>,
    /// Handlers of services that are gone, to be dropped: what they hold is the program's.
    discarded: Vec<HashMap<Name, Handler>>,
}

impl Work {
    /// Runs everything.
    pub(crate) fn run(&mut self) {
        self.completions.drain(..).for_each(Completion::run);
        self.jobs.drain(..).for_each(Job::start);
        self.discarded.clear();
    }

    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.completions.is_empty() && self.discarded.is_empty()
    }
}

enum Link {
    Idle,
    Dialling(Pin<Box<dyn Future<Output = Result<Transport, Undialled>> + Send>>),
    Open {
        transport: Transport,
        outgoing: Outgoing,
    },
    /// The session has done with it: the last bytes go out, then it is closed.
    Closing(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// How far a driver came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There was more to do than is done in one go.
    More,
    /// Everything is done.
    Still {
        /// Whether there was anything to do.
        moved: bool,
    },
    /// The session has ended, and its last bytes are written.
    Ended,
}

/// What came of doing what the session wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It wanted nothing.
    Still,
    /// More may follow.
    Moved,
    /// What there is to send waits for more.
    Waits,
    /// The session has ended, and its last bytes are written.
    Ended,
}

/// What the session wants next, taken in one go under the lock.
struct Turn {
    action: Option<Action>,
    transmit: Option<Transmit>,
    due: Option<Instant>,
    ended: bool,
    /// Whether what there is to send waits for more.
    waits: bool,
}

impl Driver {
    /// Makes the driver of a client; to be polled on the runtime that it is made on.
    pub(crate) fn new(shared: Arc<Shared>, encoding: Encoding) -> Driver {
        let timer = Box::pin(tokio::time::sleep_until(shared.at(Instant::ZERO)));
        let scratch = vec![0; READ_BYTES].into_boxed_slice();
        Driver {
            shared,
            encoding,
            link: Link::Idle,
            runtime: Handle::current(),
            task: None,
            polls: 0,
            timer,
            armed: None,
            scratch,
            breather: Breather::default(),
            work: Work::default(),
            wakers: Vec::new(),
        }
    }

    /// Moves the link on by one step of dialling, receiving or closing. Returns whether there was one.
    fn advance(&mut self, context: &mut Context<'_>) -> bool {
        match &mut self.link {
            Link::Idle => false,
            Link::Dialling(dialling) => match dialling.as_mut().poll(context) {
                Poll::Pending => false,
                Poll::Ready(dialled) => {
                    self.take_dialled(dialled);
                    true
                }
            },
            Link::Open { transport, .. } => match transport.poll_receive(context, &mut self.scratch) {
                Poll::Pending => false,
                Poll::Ready(received) => {
                    self.take_received(received);
                    true
                }
            },
            Link::Closing(closing) => {
                let closed = closing.as_mut().poll(context).is_ready();
                if closed {
                    self.link = Link::Idle;
                }
                closed
            }
        }
    }

    fn take_dialled(&mut self, dialled: Result<Transport, Undialled>) {
        let now = self.shared.now();
        match dialled {
            Ok(transport) => {
                self.link = Link::Open {
                    transport,
                    outgoing: Outgoing::default(),
                };
                self.shared.look(|state| state.session.handle_connected(now));
            }
            Err(Undialled::Unreachable(reason)) => self.lose(now, &reason),
            Err(Undialled::Refused(problem)) => {
                self.link = Link::Idle;
                self.shared
                    .look(|state| state.session.handle_refused(now, *problem));
            }
        }
    }

    fn take_received(&mut self, received: std::io::Result<Received>) {
        let now = self.shared.now();
        match received {
            Ok(Received::Bytes(length)) => self.shared.look(|state| {
                state.session.handle_bytes(now, &self.scratch[..length]);
                hand_out(state, &self.shared, now, &mut self.work, &mut self.wakers);
            }),
            Ok(Received::Message(message)) => self.shared.look(|state| {
                state.session.handle_message(now, &message.into_data());
                hand_out(state, &self.shared, now, &mut self.work, &mut self.wakers);
            }),
            Ok(Received::Sign) => self.shared.look(|state| state.session.handle_activity(now)),
            Ok(Received::End) => self.lose(now, "the broker closed the connection"),
            Err(error) => self.lose(now, &error.to_string()),
        }
    }

    fn lose(&mut self, now: Instant, reason: &str) {
        self.link = Link::Idle;
        self.shared
            .look(|state| state.session.handle_disconnected(now, reason));
    }

    /// Lets the session do what is due. Returns whether the timer fired.
    fn tick(&mut self, context: &mut Context<'_>) -> bool {
        let Some(armed) = self.armed else { return false };
        let now = self.shared.now();
        // A runtime that is held up moves no timer.
        let fired = self.timer.as_mut().poll(context).is_ready() || (stands_in() && armed <= now);
        if fired {
            self.armed = None;
            self.shared.look(|state| state.session.handle_timeout(now));
        }
        fired
    }

    /// Sets the timer. One that is set too early stays, as firing early does no harm and setting it costs. Returns
    /// whether it has to be polled again.
    fn arm(&mut self, due: Option<Instant>) -> bool {
        let Some(due) = due else { return false };
        if self.armed.is_some_and(|armed| armed <= due) {
            return false;
        }
        self.timer.as_mut().reset(self.shared.at(due));
        self.armed = Some(due);
        true
    }

    /// Hands out events, takes what the session wants next, and leaves a waker behind if that is nothing.
    fn turn(&mut self, waker: &Waker) -> Turn {
        let now = self.shared.now();
        let outgoing = match &mut self.link {
            Link::Open { outgoing, .. } => Some(outgoing),
            _ => None,
        };
        let (shared, breather) = (&self.shared, &mut self.breather);
        let mut waits = false;
        self.shared.look(|state| {
            hand_out(state, &self.shared, now, &mut self.work, &mut self.wakers);
            let State { session, waiters, .. } = state;
            waiters.take_completions(&mut self.work.completions);
            let action = session.poll_action();
            let transmit = match (outgoing, &action) {
                (Some(outgoing), None) if outgoing.is_empty() => {
                    if let Some(spent) = outgoing.take_spent() {
                        session.recycle(spent);
                    }
                    let gathers = !shared.is_hurried() && !stands_in();
                    waits = gathers && breather.begins(now, session.queued_bytes());
                    if waits {
                        None
                    } else {
                        shared.calm();
                        session.poll_transmit()
                    }
                }
                _ => None,
            };
            let (due, ended) = (session.poll_timeout(), session.state() == SessionState::Ended);
            self.work.discarded.append(&mut waiters.services.take_discarded());
            state.take_crowd(&mut self.wakers);
            if action.is_none() && transmit.is_none() && !waits {
                state.sleep(waker);
            }
            Turn {
                action,
                transmit,
                due,
                ended,
                waits,
            }
        })
    }

    fn follow(&mut self, action: Action) {
        self.link = match action {
            Action::Dial => {
                let (url, encoding) = (self.shared.url.clone(), self.encoding);
                Link::Dialling(Box::pin(async move { Transport::dial(&url, encoding).await }))
            }
            Action::Close { flush } => match std::mem::replace(&mut self.link, Link::Idle) {
                Link::Open { transport, outgoing } if flush => {
                    let last = self.shared.look(|state| state.session.poll_transmit());
                    Link::Closing(Box::pin(transport.finish(outgoing, last)))
                }
                _ => Link::Idle,
            },
        };
    }

    /// Writes as far as the transport takes it. Returns whether everything is out and more may follow.
    fn send(&mut self, context: &mut Context<'_>, transmit: Option<Transmit>) -> bool {
        let Link::Open { transport, outgoing } = &mut self.link else {
            return false;
        };
        if let Some(transmit) = transmit {
            outgoing.load(transmit);
        }
        if outgoing.is_empty() {
            return false;
        }
        match transport.poll_send(context, outgoing) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => {
                self.breather.wrote(self.shared.now());
                true
            }
            Poll::Ready(Err(error)) => {
                self.lose(self.shared.now(), &error.to_string());
                true
            }
        }
    }

    /// Moves everything on as far as it goes, for the client's own task.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.polls += 1;
        match &self.task {
            Some(task) if task.will_wake(context.waker()) => {}
            _ => self.task = Some(context.waker().clone()),
        }
        if !self.shared.is_hurried() && self.breather.lasts(|| self.shared.now()) {
            // Nobody has to wake this task meanwhile, and whoever could use the processor goes first.
            std::thread::yield_now();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.move_on(context) {
            Progress::Ended => Poll::Ready(()),
            Progress::Still { .. } => Poll::Pending,
            Progress::More => {
                // The program's own tasks take what came, before more comes.
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    /// Moves everything on in place of the client's own task, which is what is woken for whatever follows.
    pub(crate) fn stand_in(&mut self) -> Progress {
        let Some(task) = self.task.clone() else {
            return Progress::Still { moved: false };
        };
        let runtime = self.runtime.clone();
        let _runtime = runtime.enter();
        let progress = self.move_on(&mut Context::from_waker(&task));
        if !self.work.is_empty() {
            task.wake();
        }
        progress
    }

    /// Writes what there is in place of the client's own task, which is what is woken for whatever follows. Nothing is
    /// read meanwhile. Returns whether everything is done.
    pub(crate) fn send_in_place(&mut self) -> bool {
        let Some(task) = self.task.clone() else {
            return false;
        };
        let runtime = self.runtime.clone();
        let _runtime = runtime.enter();
        for step in 0..STEPS_A_SEND {
            match self.step(&mut Context::from_waker(&task)) {
                Step::Still => return step > 0,
                Step::Moved if self.is_open() && self.work.is_empty() => {}
                _ => return false,
            }
        }
        false
    }

    fn is_open(&self) -> bool {
        matches!(self.link, Link::Open { .. })
    }

    /// Exchanges what is to be run for what has been run.
    pub(crate) fn exchange_work(&mut self, work: &mut Work) {
        std::mem::swap(&mut self.work, work);
    }

    /// Returns how often the client's own task polled.
    pub(crate) fn polls(&self) -> u64 {
        self.polls
    }

    fn move_on(&mut self, context: &mut Context<'_>) -> Progress {
        for step in 0..STEPS_A_POLL {
            let advanced = self.advance(context) | self.tick(context);
            match self.step(context) {
                Step::Ended => return Progress::Ended,
                Step::Waits => return Progress::More,
                Step::Still if !advanced => return Progress::Still { moved: step > 0 },
                Step::Still | Step::Moved => {}
            }
        }
        Progress::More
    }

    /// Does what the session wants next.
    fn step(&mut self, context: &mut Context<'_>) -> Step {
        let turn = self.turn(context.waker());
        self.wakers.drain(..).for_each(Waker::wake);
        let mut moved = turn.action.is_some();
        if let Some(action) = turn.action {
            self.follow(action);
        } else if turn.ended && matches!(self.link, Link::Idle) {
            return Step::Ended;
        }
        moved |= self.send(context, turn.transmit);
        moved |= self.arm(turn.due);
        match (turn.waits, moved) {
            (true, _) => Step::Waits,
            (false, true) => Step::Moved,
            (false, false) => Step::Still,
        }
    }
}

impl Driver {
    /// Ends the client, because its session has ended or its runtime has. Returns what is left to be run.
    pub(crate) fn end(self) -> Work {
        let Driver { shared, mut work, .. } = self;
        let now = shared.now();
        shared.look(|state| {
            state.session.close(now);
            state.waiters.end(&own_problem(
                ErrorCode::Closed,
                "the runtime of the client has ended",
            ));
            state.waiters.take_completions(&mut work.completions);
            work.discarded
                .append(&mut state.waiters.services.take_discarded());
        });
        shared.finish();
        work
    }
}

/// Hands each event of the session to whoever waits for it; what is the program's to do is added to the work.
fn hand_out(state: &mut State, shared: &Arc<Shared>, now: Instant, work: &mut Work, wakers: &mut Vec<Waker>) {
    let jobs = &mut work.jobs;
    let round = Round {
        shared,
        now,
        jobs,
        wakers,
    };
    state.waiters.take_events(&mut state.session, round);
}

const READ_BYTES: usize = 64 << 10;
/// Steps of a thread that sends for itself: it sends, and sees that nothing is left.
const STEPS_A_SEND: usize = 3;
/// Steps after which other tasks get their turn: enough to keep the socket busy, and few enough for what they bring to
/// fit into a subscription's queue.
const STEPS_A_POLL: usize = 8;
