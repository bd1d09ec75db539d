//! One thread of the process that stands in for clients whose runtime is held up, so that a handler that blocks delays
//! no heartbeat. It looks at each client now and then, and works only where nobody else does.
//!
//! ```text
//!            polled since the last visit                nobody polled it, and there was something to do
//!   +----> next visit after a third of the silence       next visit after 5 ms ----+
//!   |      that brings a ping                                                       |
//!   +---------------------------------------------------------------------------- visit
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::shared::Shared;

/// How a visit went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    /// Nobody was needed.
    Idle,
    /// The guard did what the client's own task should have done.
    StoodIn,
    /// The client is gone.
    Gone,
}

/// The thread, and the process that it lives in: a forked child has to start its own.
struct Guard {
    process: u32,
    clients: Sender<Watched>,
}

/// A client under guard.
struct Watched {
    client: Weak<Shared>,
    every: Duration,
    due: Instant,
    /// How often the client's driver was polled, as of the last visit.
    polls: u64,
}

static GUARD: Mutex<Option<Guard>> = Mutex::new(None);

/// Watches over a client that pings after so long a silence.
pub(crate) fn watch(client: &Arc<Shared>, ping_after: Duration) {
    let every = if ping_after.is_zero() {
        LONGEST_PAUSE
    } else {
        (ping_after / VISITS_BEFORE_A_PING).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    };
    let watched = Watched {
        client: Arc::downgrade(client),
        every,
        due: Instant::now() + every,
        polls: 0,
    };
    let mut guard = GUARD.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if guard.as_ref().is_none_or(|guard| guard.process != process) {
        *guard = start().map(|clients| Guard { process, clients });
    }
    if let Some(guard) = &*guard {
        // The thread never ends while this sender lives.
        let _ = guard.clients.send(watched);
    }
}

/// Starts the thread. Without it, as where no thread can be had, clients work all the same.
fn start() -> Option<Sender<Watched>> {
    let (clients, newcomers) = mpsc::channel();
    let thread = thread::Builder::new().name("buslane-guard".into());
    thread.spawn(move || keep_watch(&newcomers)).ok()?;
    Some(clients)
}

fn keep_watch(newcomers: &Receiver<Watched>) {
    let mut clients: Vec<Watched> = Vec::new();
    loop {
        let next = clients.iter().map(|watched| watched.due).min();
        let newcomer = match next {
            None => newcomers.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => newcomers.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match newcomer {
            Ok(watched) => clients.push(watched),
            Err(RecvTimeoutError::Timeout) => clients.retain_mut(Watched::visit_if_due),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Watched {
    /// Returns whether the client is still there.
    fn visit_if_due(&mut self) -> bool {
        let now = Instant::now();
        if self.due > now {
            return true;
        }
        let Some(client) = self.client.upgrade() else {
            return false;
        };
        // Who is woken may panic, as wakers are the program's; the other clients are watched all the same.
        let visit = catch_unwind(AssertUnwindSafe(|| client.visit(&mut self.polls)));
        let visit = visit.unwrap_or(Visit::Idle);
        self.due = now
            + match visit {
                Visit::StoodIn => STEP,
                _ => self.every,
            };
        visit != Visit::Gone
    }
}

/// A client that is held up between two visits still pings in time.
const VISITS_BEFORE_A_PING: u32 = 3;
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the guard waits between two steps for a client that it stands in for.
const STEP: Duration = Duration::from_millis(5);
