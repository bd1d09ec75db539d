//! Runs after what was ready has run: does what the engine asks, writes each outbox once, and keeps the timer.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use buslane_engine::Output;
use buslane_protocol::{ErrorCode, Instant, Problem};
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::Sleep;

use super::breather::{Breather, Taken};
use super::hub::{Hub, status};
use crate::contracts::{compare, uncompared, undecided};

/// Does what the engine asks. Never ends.
pub(crate) struct Flusher {
    hub: Rc<Hub>,
    timer: Pin<Box<Sleep>>,
    /// When the timer fires.
    armed: Option<Instant>,
    breather: Breather,
}

impl Flusher {
    /// Makes the flusher of a hub.
    pub(crate) fn new(hub: Rc<Hub>) -> Self {
        Flusher {
            timer: Box::pin(tokio::time::sleep(std::time::Duration::ZERO)),
            hub,
            armed: None,
            breather: Breather::new(std::time::Instant::now()),
        }
    }

    /// Does everything that is to be done now.
    fn flush(&self) {
        let now = self.hub.clock.now();
        loop {
            self.do_outputs();
            let Some(client) = self.hub.take_dirty() else {
                break;
            };
            self.hub.write_to(now, client);
        }
    }

    fn do_outputs(&self) {
        loop {
            let Some(output) = self.hub.engine().poll_output() else {
                return;
            };
            match output {
                Output::Compile { ticket, request } => {
                    let compiler = self.hub.compiler.clone();
                    self.elsewhere(
                        move || compiler.compile(request),
                        move |hub, result| {
                            let result = result.unwrap_or_else(|| Err(Problem::new(ErrorCode::Internal)));
                            hub.engine().compiled(hub.clock.now(), ticket, result);
                        },
                    );
                }
                Output::Compare { ticket, request } => self.elsewhere(
                    move || compare(&request.previous, &request.next),
                    move |hub, result| {
                        let result = result.unwrap_or_else(uncompared);
                        hub.engine().compared(hub.clock.now(), ticket, result);
                    },
                ),
                Output::Validate {
                    ticket,
                    validator,
                    payload,
                } => self.elsewhere(
                    move || validator.validate(&payload),
                    move |hub, result| {
                        let result = result.unwrap_or_else(|| Err(undecided()));
                        hub.engine().validated(hub.clock.now(), ticket, result);
                    },
                ),
                Output::Resume { client } => {
                    if let Some(connection) = self.hub.find(client) {
                        connection.change(|state| (state.paused, state.resumed) = (false, true));
                        connection.wake();
                    }
                }
                Output::Close { client, reason } => {
                    if let Some(connection) = self.hub.find(client) {
                        self.hub.end(&connection, reason, status(reason));
                    }
                }
                Output::Log(notice) => self.hub.journal.borrow_mut().write(self.hub.clock.now(), notice),
            }
        }
    }

    /// Waits a moment where that lets more come together.
    fn breathe(&mut self) {
        let (messages, publishes) = self.hub.engine().counters().received_and_published();
        let taken = Taken {
            bytes: self.hub.statistics.bytes_in.get(),
            messages,
            publishes,
        };
        let pause = self.breather.note(std::time::Instant::now(), taken);
        self.breather.wait(pause);
    }

    /// Does work on a thread where nothing else waits, then hands its result on; `None` if it panicked.
    fn elsewhere<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&Hub, Option<T>) + 'static,
    ) {
        let hub = Rc::clone(&self.hub);
        spawn_local(async move {
            let result = spawn_blocking(work).await;
            then(&hub, result.ok());
            hub.schedule_flush();
        });
    }

    /// Lets the engine do what is due, and arms the timer; tells whether something was due. An armed timer is only
    /// ever brought forward: being woken too early costs less than arming it for each message.
    fn keep_time(&mut self, context: &mut Context<'_>) -> bool {
        let now = self.hub.clock.now();
        let Some(due) = self.hub.engine().poll_timeout() else {
            return false;
        };
        if due <= now {
            self.hub.engine().handle_timeout(now);
            return true;
        }
        let armed = self.armed.filter(|armed| *armed > now);
        if armed.is_none_or(|armed| due < armed) {
            self.armed = Some(due);
            self.timer.as_mut().reset(self.hub.clock.deadline(due));
            if self.timer.as_mut().poll(context).is_ready() {
                context.waker().wake_by_ref();
            }
        }
        false
    }
}

impl Future for Flusher {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.hub.take_flush(context.waker()) {
            self.flush();
            self.breathe();
        }
        if self.keep_time(context) {
            self.flush();
            // What is due next is found out after others had their turn.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
