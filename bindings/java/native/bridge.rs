//! One client of Java's: the Rust client, the runtime that its connection lives on, and what is under way. Finds them
//! by number. Decides nothing about what travels.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use buslane_client::{Client, ClientBuilder, ConnectError, Encoding, ErrorCode, Pending, Problem};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::answers::Answers;
use crate::events::{Events, Taken};
use crate::reading::{Read, Reader};
use crate::sources;

pub(crate) use crate::events::Taken as Polled;

/// One client of Java's.
pub(crate) struct Bridge {
    /// Driven by the thread that polls, and by no other.
    runtime: Runtime,
    pub(crate) events: Arc<Events>,
    pub(crate) answers: Arc<Answers>,
    client: OnceLock<Client>,
    pub(crate) work: Work,
    pub(crate) services: Mutex<HashMap<u64, buslane_client::Registration, Hasher>>,
}

/// What is under way, by the number that Java gave it.
#[derive(Clone, Default)]
pub(crate) struct Work(Arc<Mutex<HashMap<u64, Undertaking, Hasher>>>);

/// Something that Java may cancel, or ask for more of.
pub(crate) enum Undertaking {
    /// A request with one reply, with nothing but its callback on this side.
    Pending(Pending),
    /// A task.
    Task(AbortHandle),
    /// Yields as much as Java has asked for, until it is stopped.
    Source {
        demand: Arc<Semaphore>,
        stop: Arc<Semaphore>,
    },
}

pub(crate) type Hasher = foldhash::fast::FixedState;

static BRIDGES: LazyLock<RwLock<HashMap<u64, Arc<Bridge>, Hasher>>> = LazyLock::new(RwLock::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Starts a client. How connecting ends is told as operation 0.
pub(crate) fn open(options: &[u8]) -> u64 {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime without threads of its own needs a few descriptors");
    let bridge = Arc::new(Bridge {
        runtime,
        events: Arc::default(),
        answers: Arc::default(),
        client: OnceLock::new(),
        work: Work::default(),
        services: Mutex::default(),
    });
    BRIDGES
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(number, bridge.clone());
    match builder(&mut Reader::new(options)) {
        Ok(builder) => bridge.connect(builder),
        Err(malformed) => bridge.give_up(&malformed.into()),
    }
    number
}

/// Finds a client.
pub(crate) fn find(number: u64) -> Option<Arc<Bridge>> {
    BRIDGES
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&number)
        .cloned()
}

/// Runs the client until there are events.
pub(crate) fn poll(number: u64, room: usize) -> Polled {
    match find(number) {
        Some(bridge) => bridge
            .runtime
            .block_on(poll_fn(|context| bridge.events.poll_take(context, room))),
        None => Taken::Ended,
    }
}

/// Takes back a block of events that was copied.
pub(crate) fn give_back(number: u64, block: Vec<u8>) {
    if let Some(bridge) = find(number) {
        bridge.events.give_back(block);
    }
}

/// Lets go of a client.
pub(crate) fn free(number: u64) {
    let bridge = BRIDGES
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&number);
    drop(bridge);
}

impl Bridge {
    /// Returns the client, or why there is none.
    pub(crate) fn client(&self) -> Result<&Client, Problem> {
        self.client.get().ok_or_else(closed)
    }

    pub(crate) fn runtime(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Leaves the bus, and ends the events after everything that comes of it.
    pub(crate) fn close(self: &Arc<Self>) {
        self.work.cancel(CONNECTING);
        let (client, events, answers) = (
            self.client.get().cloned(),
            self.events.clone(),
            self.answers.clone(),
        );
        self.runtime().spawn(async move {
            if let Some(client) = client {
                client.close().await;
                // Tasks that wait for the client see its end before the events do.
                tokio::task::yield_now().await;
            }
            answers.clear();
            events.end();
        });
    }

    fn connect(self: &Arc<Self>, builder: ClientBuilder) {
        // Weak, or the runtime would hold itself.
        let (bridge, events) = (Arc::downgrade(self), self.events.clone());
        let connecting = async move {
            let connected = builder.connect().await;
            let Some(bridge) = bridge.upgrade() else { return };
            match connected {
                Ok(client) => {
                    // Whoever hears that it is connected finds it so.
                    sources::tell_present(&client, &events);
                    sources::watch(&client, &events);
                    let _ = bridge.client.set(client);
                    events.done(CONNECTING, 0);
                }
                Err(error) => bridge.give_up(&problem_of(error)),
            }
        };
        self.work.begin(CONNECTING, || {
            Undertaking::Task(self.runtime().spawn(connecting).abort_handle())
        });
    }

    fn give_up(&self, problem: &Problem) {
        self.events.failed(CONNECTING, problem);
        self.events.end();
    }
}

impl Work {
    /// Holds the table while `start` starts something, so that its end finds what its beginning left.
    pub(crate) fn begin(&self, operation: u64, start: impl FnOnce() -> Undertaking) {
        let mut table = self.lock();
        table.insert(operation, start());
    }

    /// Does the same with something that may not start.
    pub(crate) fn try_begin<E>(
        &self,
        operation: u64,
        start: impl FnOnce() -> Result<Undertaking, E>,
    ) -> Result<(), E> {
        let mut table = self.lock();
        table.insert(operation, start()?);
        Ok(())
    }

    /// Takes note that something has come to its end. Returns whether it was still known.
    pub(crate) fn end(&self, operation: u64) -> bool {
        self.lock().remove(&operation).is_some()
    }

    /// Ends something. Returns whether it was under way, so that nothing comes of it any more.
    pub(crate) fn cancel(&self, operation: u64) -> bool {
        let Some(undertaking) = self.lock().remove(&operation) else {
            return false;
        };
        match undertaking {
            Undertaking::Pending(pending) => pending.cancel(),
            Undertaking::Task(task) => {
                task.abort();
                true
            }
            Undertaking::Source { stop, .. } => {
                stop.close();
                true
            }
        }
    }

    /// Lets a source yield so many more.
    pub(crate) fn grant(&self, source: u64, count: usize) {
        if let Some(Undertaking::Source { demand, .. }) = self.lock().get(&source) {
            let room =
                Semaphore::MAX_PERMITS / 2 - demand.available_permits().min(Semaphore::MAX_PERMITS / 2);
            demand.add_permits(count.min(room));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Undertaking, Hasher>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is to say of a client that is not there.
pub(crate) fn closed() -> Problem {
    Problem::new(ErrorCode::Closed)
        .from_origin(buslane_client::protocol::Origin::Client)
        .detail("the client is closed")
}

/// Reads what Java says about a client before it connects.
fn builder(reader: &mut Reader<'_>) -> Read<ClientBuilder> {
    let mut builder = Client::builder();
    if let Some(url) = reader.optional_text()? {
        builder = builder.url(url);
    }
    if let Some(name) = reader.optional_text()? {
        builder = builder.name(name);
    }
    if let Some(token) = reader.optional_text()? {
        builder = builder.token(token);
    }
    if reader.flag()? {
        builder = builder.lazy();
    }
    if reader.flag()? {
        builder = builder.encoding(Encoding::Json);
    }
    if let Some(timeout) = reader.milliseconds()? {
        builder = builder.connect_timeout(timeout);
    }
    if let Some(timeout) = reader.milliseconds()? {
        builder = builder.request_timeout(timeout);
    }
    if let Ok(bytes) = usize::try_from(reader.long()?) {
        builder = builder.queue_bytes(bytes);
    }
    if let Ok(bytes) = usize::try_from(reader.long()?) {
        builder = builder.offline_bytes(bytes);
    }
    if let (Some(ping), Some(gone)) = (reader.milliseconds()?, reader.milliseconds()?) {
        builder = builder.heartbeat(ping, gone);
    }
    if let (Some(first), Some(longest)) = (reader.milliseconds()?, reader.milliseconds()?) {
        builder = builder.backoff(first.max(Duration::from_millis(1)), longest);
    }
    Ok(builder)
}

fn problem_of(error: ConnectError) -> Problem {
    match error {
        ConnectError::Refused(problem) => *problem,
        other => Problem::new(other.error_code())
            .from_origin(buslane_client::protocol::Origin::Client)
            .detail(other),
    }
}

/// The operation that connecting is.
const CONNECTING: u64 = 0;
