//! Measures how many messages go from publishers to subscribers.
//!
//! A publisher never has more than a window of messages of its topic undelivered, so that no server is driven into
//! dropping; what is lost all the same is counted.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::measurement::{Period, Target, Throughput, payload};
use super::progress::Progress;
use super::wire::{self, Event, Frames, Wire, closed};

/// Who publishes what to whom.
#[derive(Clone, Debug)]
pub(crate) struct PubSub {
    /// Publishing connections; they take turns over the topics.
    pub(crate) publishers: usize,
    /// Subscribing connections; they take turns over the topics.
    pub(crate) subscribers: usize,
    /// Topics, at most as many as publishers and as subscribers.
    pub(crate) topics: usize,
    /// Bytes of a payload.
    pub(crate) size: usize,
    /// Messages per write.
    pub(crate) batch: u64,
    /// Messages of one topic that may be undelivered.
    pub(crate) window: u64,
}

impl PubSub {
    /// Makes one publisher and one subscriber with messages of some size, in writes of about 32 KiB.
    pub(crate) fn one_to_one(size: usize) -> PubSub {
        let batch = (WRITE_BYTES / (size + FRAME_BYTES)).clamp(1, 512) as u64;
        PubSub {
            publishers: 1,
            subscribers: 1,
            topics: 1,
            size,
            batch,
            window: 16 * batch,
        }
    }
}

/// Counts deliveries per second.
pub(crate) async fn measure<W: Wire>(
    target: Target,
    period: Period,
    shape: &PubSub,
    progress: &Progress,
) -> io::Result<Throughput> {
    let topics: Vec<_> = (0..shape.topics)
        .map(|index| Arc::new(Topic::new(index, shape)))
        .collect();
    let mut receivers = subscribe_all::<W>(target.address, shape, &topics).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut publishers = publish_all::<W>(target.address, shape, &topics, &stop).await?;
    let received = || {
        topics
            .iter()
            .map(|topic| topic.received.load(Ordering::Acquire))
            .sum::<u64>()
    };
    let measured = tokio::select! {
        measured = period.observe(target.pid, received, progress) => measured,
        error = first_error(&mut receivers) => return Err(error),
        error = first_error(&mut publishers) => return Err(error),
    };
    stop.store(true, Ordering::Release);
    while let Some(finished) = publishers.join_next().await {
        finished.map_err(io::Error::other)??;
    }
    let lost = await_the_rest(&topics, received).await;
    Ok(Throughput::new(measured, lost))
}

/// One topic and how far it has got.
struct Topic {
    name: String,
    /// Copies that the server makes of each message.
    subscribers: u64,
    sent: AtomicU64,
    received: AtomicU64,
    /// Whether a publisher waits for room in the window.
    waiting: AtomicBool,
    room: Notify,
}

impl Topic {
    fn new(index: usize, shape: &PubSub) -> Topic {
        Topic {
            name: format!("bench/t{index}"),
            subscribers: (index..shape.subscribers).step_by(shape.topics).count() as u64,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            room: Notify::new(),
        }
    }

    /// Tells whether a further batch would exceed the window.
    fn is_full(&self, shape: &PubSub) -> bool {
        let delivered = self.received.load(Ordering::Acquire) / self.subscribers;
        self.sent.load(Ordering::Acquire) + shape.batch > delivered + shape.window
    }

    /// Counts messages in and wakes a publisher that waits for them.
    fn count(&self, messages: u64) {
        self.received.fetch_add(messages, Ordering::AcqRel);
        if self.waiting.load(Ordering::Acquire) && self.waiting.swap(false, Ordering::AcqRel) {
            self.room.notify_waiters();
        }
    }

    /// Waits until a batch fits into the window; a while at most, so that the caller can see that it shall stop.
    async fn wait_for_room(&self, shape: &PubSub) {
        let woken = self.room.notified();
        self.waiting.store(true, Ordering::Release);
        if self.is_full(shape) {
            let _ = timeout(STOP_CHECK, woken).await;
        }
    }
}

async fn subscribe_all<W: Wire>(
    address: SocketAddr,
    shape: &PubSub,
    topics: &[Arc<Topic>],
) -> io::Result<JoinSet<io::Result<()>>> {
    let buffer = if shape.subscribers > 64 {
        16 << 10
    } else {
        256 << 10
    };
    let mut receivers = JoinSet::new();
    for index in 0..shape.subscribers {
        let topic = topics[index % topics.len()].clone();
        let socket = wire::open_subscribed::<W>(address, &topic.name).await?;
        receivers.spawn(receive::<W>(socket, topic, buffer));
    }
    Ok(receivers)
}

async fn publish_all<W: Wire>(
    address: SocketAddr,
    shape: &PubSub,
    topics: &[Arc<Topic>],
    stop: &Arc<AtomicBool>,
) -> io::Result<JoinSet<io::Result<()>>> {
    let mut publishers = JoinSet::new();
    for index in 0..shape.publishers {
        let socket = wire::open::<W>(address).await?;
        let topic = topics[index % topics.len()].clone();
        publishers.spawn(publish::<W>(socket, topic, shape.clone(), stop.clone()));
    }
    Ok(publishers)
}

/// Counts what comes in.
async fn receive<W: Wire>(mut socket: TcpStream, topic: Arc<Topic>, buffer: usize) -> io::Result<()> {
    let mut frames = Frames::with_capacity(buffer);
    let mut out = Vec::new();
    loop {
        let mut messages = 0;
        let open = frames.read::<W, _>(&mut socket, |event| match event {
            Event::Message => messages += 1,
            Event::Ping => W::pong(&mut out),
            _ => {}
        });
        if !open.await? {
            return Err(closed("of a subscriber"));
        }
        topic.count(messages);
        socket.write_all(&out).await?;
        out.clear();
    }
}

/// Writes the same batch again and again while the window has room.
async fn publish<W: Wire>(
    socket: TcpStream,
    topic: Arc<Topic>,
    shape: PubSub,
    stop: Arc<AtomicBool>,
) -> io::Result<()> {
    let (reader, writer) = socket.into_split();
    let writer = Arc::new(Mutex::new(writer));
    let answers = tokio::spawn(answer_pings::<W>(reader, writer.clone()));
    let payload = payload(shape.size);
    let mut batch = Vec::new();
    for _ in 0..shape.batch {
        W::publish(&mut batch, &topic.name, &payload);
    }
    while !stop.load(Ordering::Relaxed) {
        if topic.is_full(&shape) {
            topic.wait_for_room(&shape).await;
        } else {
            topic.sent.fetch_add(shape.batch, Ordering::AcqRel);
            writer.lock().await.write_all(&batch).await?;
        }
        if answers.is_finished() {
            return answers.await.map_err(io::Error::other)?;
        }
    }
    answers.abort();
    Ok(())
}

/// Answers pings on a publishing connection.
async fn answer_pings<W: Wire>(
    mut reader: OwnedReadHalf,
    writer: Arc<Mutex<OwnedWriteHalf>>,
) -> io::Result<()> {
    let mut frames = Frames::with_capacity(16 << 10);
    loop {
        let mut out = Vec::new();
        let open = frames.read::<W, _>(&mut reader, |event| {
            if event == Event::Ping {
                W::pong(&mut out);
            }
        });
        if !open.await? {
            return Err(closed("of a publisher"));
        }
        if !out.is_empty() {
            writer.lock().await.write_all(&out).await?;
        }
    }
}

/// Waits until one of the connections fails.
async fn first_error(connections: &mut JoinSet<io::Result<()>>) -> io::Error {
    loop {
        match connections.join_next().await {
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => return error,
            Some(Err(error)) => return io::Error::other(error),
            None => std::future::pending().await,
        }
    }
}

/// Waits for what is under way and returns how many messages never came.
async fn await_the_rest(topics: &[Arc<Topic>], received: impl Fn() -> u64) -> u64 {
    let due: u64 = topics
        .iter()
        .map(|topic| topic.sent.load(Ordering::Acquire) * topic.subscribers)
        .sum();
    let give_up = Instant::now() + LOST_AFTER;
    while received() < due && Instant::now() < give_up {
        sleep(Duration::from_millis(1)).await;
    }
    due.saturating_sub(received())
}

/// Bytes that a publisher writes at once unless told otherwise.
const WRITE_BYTES: usize = 32 << 10;
/// Bytes that a frame adds to its payload, roughly.
const FRAME_BYTES: usize = 16;
/// How often a publisher that waits for room looks whether it shall stop.
const STOP_CHECK: Duration = Duration::from_millis(50);
/// When a message that has not come counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(8);
