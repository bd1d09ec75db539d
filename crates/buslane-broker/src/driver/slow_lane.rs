//! Where clients wait whose last turn was too short for what they sent, or brought too little for what it cost. They go
//! on one by one, and between two of them everybody goes who became ready meanwhile: so whoever sends more than others
//! takes time from himself and his like, and from nobody else more than one turn.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::connection::Connection;
use super::hub::Hub;

/// Who waits, first come first served.
#[derive(Default)]
pub(crate) struct SlowLane {
    waiting: RefCell<VecDeque<Rc<Connection>>>,
    /// Wakes the usher where nobody waited.
    usher: RefCell<Option<Waker>>,
}

/// Lets the next client of the slow lane go on whenever nobody else is ready. Never ends.
pub(crate) struct Usher {
    hub: Rc<Hub>,
    /// Whether everybody went who was ready since it admitted somebody.
    is_due: bool,
}

impl SlowLane {
    /// Waits for its turn on behalf of a connection; ready once for each turn.
    pub(crate) fn poll_turn(&self, connection: &Rc<Connection>) -> Poll<()> {
        let state = connection.state();
        if state.admitted {
            connection.change(|state| state.admitted = false);
            return Poll::Ready(());
        }
        if !state.queued {
            connection.change(|state| state.queued = true);
            self.waiting.borrow_mut().push_back(Rc::clone(connection));
            if let Some(usher) = self.usher.take() {
                usher.wake();
            }
        }
        Poll::Pending
    }

    fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    /// Lets the first go on who is still there.
    fn admit_next(&self) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(connection) = waiting.pop_front() {
            connection.change(|state| state.queued = false);
            if connection.state().ended.is_none() {
                connection.change(|state| state.admitted = true);
                connection.wake();
                break;
            }
        }
    }
}

impl Usher {
    /// Makes the usher of a hub.
    pub(crate) fn new(hub: Rc<Hub>) -> Self {
        Usher { hub, is_due: false }
    }
}

impl Future for Usher {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let lane = &self.hub.slow_lane;
        if self.is_due {
            lane.admit_next();
        }
        let is_empty = lane.is_empty();
        if is_empty {
            *lane.usher.borrow_mut() = Some(context.waker().clone());
        } else {
            // Wakes the usher once all who are ready have run, and whoever the system says is ready by then.
            let _pending = pin!(tokio::task::yield_now()).poll(context);
        }
        self.is_due = !is_empty;
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use buslane_engine::{Config, Engine};
    use buslane_protocol::Limits;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;
    use tokio::runtime::{Builder, LocalOptions};
    use tokio::task::{spawn_local, yield_now};

    use super::super::{Conversation, Flusher, Setup, Socket};
    use super::*;
    use crate::clock::Clock;

    /// Runs a test beside a broker without listeners, on the same thread.
    fn with_hub<F: Future<Output = ()>>(test: impl FnOnce(Rc<Hub>) -> F) {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default());
        runtime.unwrap().block_on(async {
            let config = Config::new("tester".parse().unwrap(), [7; 32]);
            let hub = Rc::new(Hub::new(Setup {
                node: config.node.clone(),
                engine: Engine::new(config),
                clock: Clock::start(),
                limits: Limits::default(),
                origins: Vec::new(),
                page_client: std::path::PathBuf::new(),
            }));
            spawn_local(Flusher::new(Rc::clone(&hub)));
            spawn_local(Usher::new(Rc::clone(&hub)));
            test(hub).await;
        });
    }

    /// Joins with a first message, and waits for the answers to it.
    async fn join(hub: &Rc<Hub>) -> UnixStream {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let admission = hub.admit().unwrap();
        spawn_local(Conversation::begin(hub, Socket::unix(theirs, admission)));
        ours.write_all(PING).await.unwrap();
        while count_lines(&ours) == 0 {
            yield_now().await;
        }
        ours
    }

    /// Counts the lines that are there.
    fn count_lines(socket: &UnixStream) -> usize {
        let (mut buffer, mut lines) = ([0; 4_096], 0);
        while let Ok(count @ 1..) = socket.try_read(&mut buffer) {
            lines += buffer[..count].iter().filter(|byte| **byte == b'\n').count();
        }
        lines
    }

    fn flood(messages: usize) -> Vec<u8> {
        let line = |number| format!("{{\"type\":\"subscribe\",\"id\":\"1\",\"filter\":\"a/{number}/#\"}}\n");
        (0..messages).map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn who_sends_much_is_overtaken_and_loses_nothing() {
        with_hub(async |hub| {
            let (mut greedy, mut modest) = (join(&hub).await, join(&hub).await);
            greedy.write_all(&flood(MESSAGES)).await.unwrap();
            modest.write_all(PING).await.unwrap();
            let mut answered = 0;
            while count_lines(&modest) == 0 {
                yield_now().await;
                answered += count_lines(&greedy);
            }
            assert!(answered < MESSAGES / 2, "{answered} answers came first");
            while answered < MESSAGES {
                yield_now().await;
                answered += count_lines(&greedy);
            }
            assert_eq!(hub.engine().gauges().subscriptions, MESSAGES as u64);
        });
    }

    #[test]
    fn who_sends_byte_by_byte_is_heard_in_the_end() {
        with_hub(async |hub| {
            let mut slow = join(&hub).await;
            for byte in PING {
                slow.write_all(&[*byte]).await.unwrap();
                yield_now().await;
            }
            while count_lines(&slow) == 0 {
                yield_now().await;
            }
        });
    }

    #[test]
    fn nothing_is_kept_of_who_leaves_while_it_waits() {
        with_hub(async |hub| {
            let mut greedy = join(&hub).await;
            greedy.write_all(&flood(SEVERAL_READS)).await.unwrap();
            while hub.slow_lane.waiting.borrow().is_empty() {
                yield_now().await;
            }
            hub.end_all();
            while hub.admitted() > 0 || !hub.slow_lane.waiting.borrow().is_empty() {
                count_lines(&greedy);
                yield_now().await;
            }
            assert_eq!(hub.input.used(), 0);
        });
    }

    const PING: &[u8] = b"{\"type\":\"ping\"}\n";
    /// Messages that one read brings, and that take longer than a turn.
    const MESSAGES: usize = 300;
    /// Messages that are read in several parts.
    const SEVERAL_READS: usize = 2_000;
}
