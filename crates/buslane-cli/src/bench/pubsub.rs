//! Measures how many messages go from publishers to subscribers.
//!
//! A publisher never has more than a window of messages of its channel undelivered, so that no server is driven into
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

/// Publishers and subscribers that take turns over topics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PubSub {
    /// Publishing connections.
    pub(crate) publishers: usize,
    /// Subscribing connections.
    pub(crate) subscribers: usize,
    /// Topics, at most as many as publishers and as subscribers.
    pub(crate) topics: usize,
    /// Bytes of a payload.
    pub(crate) size: usize,
    /// Messages per write.
    pub(crate) batch: usize,
    /// Messages of one topic that may be undelivered.
    pub(crate) window: usize,
}

/// What goes from whom to whom.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    /// What is published apart from each other.
    pub(crate) channels: Vec<Channel>,
    /// What every message carries.
    pub(crate) payload: Vec<u8>,
    /// Messages per write.
    pub(crate) batch: usize,
    /// Messages of one channel that may be undelivered.
    pub(crate) window: usize,
}

/// Publishers and the subscribers that get everything they publish.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    /// Publishing connections.
    pub(crate) publishers: usize,
    /// The topics that each of them goes round over.
    pub(crate) topics: Vec<String>,
    /// The filters of each subscribing connection; exactly one copy of each message goes to each.
    pub(crate) subscribers: Vec<Vec<String>>,
}

impl PubSub {
    /// Makes a shape with writes of about 32 KiB.
    pub(crate) fn new(publishers: usize, subscribers: usize, topics: usize, size: usize) -> PubSub {
        let batch = (WRITE_BYTES / (size + FRAME_BYTES)).clamp(1, MOST_PER_WRITE);
        PubSub {
            publishers,
            subscribers,
            topics,
            size,
            batch,
            window: BATCHES_UNDER_WAY * batch,
        }
    }

    /// Changes how many messages are written at once and how many may be undelivered.
    pub(crate) fn batches_of(self, batch: usize, window: usize) -> PubSub {
        PubSub {
            batch,
            window,
            ..self
        }
    }

    /// Returns what goes from whom to whom.
    pub(crate) fn traffic(&self) -> Traffic {
        self.carrying(payload(self.size))
    }

    /// Returns what goes from whom to whom, with a payload of the caller's.
    pub(crate) fn carrying(&self, payload: Vec<u8>) -> Traffic {
        let share = |total: usize, index: usize| (index..total).step_by(self.topics).count();
        let channel = |index: usize| Channel {
            publishers: share(self.publishers, index),
            topics: vec![topic(index)],
            subscribers: vec![vec![topic(index)]; share(self.subscribers, index)],
        };
        Traffic {
            channels: (0..self.topics).map(channel).collect(),
            payload,
            batch: self.batch,
            window: self.window,
        }
    }
}

/// Returns the name of a topic that a benchmark publishes to.
pub(crate) fn topic(index: usize) -> String {
    format!("bench/t{index}")
}

/// Counts deliveries per second.
pub(crate) async fn measure<W: Wire>(
    target: Target,
    period: Period,
    traffic: &Traffic,
    progress: &Progress,
) -> io::Result<Throughput> {
    let flows: Vec<_> = traffic
        .channels
        .iter()
        .map(|channel| Arc::new(Flow::new(channel, traffic)))
        .collect();
    let mut receivers = subscribe_all::<W>(target.address, traffic, &flows).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut publishers = publish_all::<W>(target.address, traffic, &flows, &stop).await?;
    let received = || {
        flows
            .iter()
            .map(|flow| flow.received.load(Ordering::Acquire))
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
    let lost = await_the_rest(&flows, received).await;
    Ok(Throughput::new(measured, lost))
}

/// One channel and how far it has got.
struct Flow {
    /// Copies that the server makes of each message.
    subscribers: u64,
    batch: u64,
    window: u64,
    sent: AtomicU64,
    received: AtomicU64,
    /// Whether a publisher waits for room in the window.
    waiting: AtomicBool,
    room: Notify,
}

impl Flow {
    fn new(channel: &Channel, traffic: &Traffic) -> Flow {
        Flow {
            subscribers: channel.subscribers.len() as u64,
            batch: traffic.batch as u64,
            window: traffic.window as u64,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            room: Notify::new(),
        }
    }

    /// Tells whether a further batch would exceed the window.
    fn is_full(&self) -> bool {
        let delivered = self.received.load(Ordering::Acquire) / self.subscribers;
        self.sent.load(Ordering::Acquire) + self.batch > delivered + self.window
    }

    /// Counts messages in and wakes a publisher that waits for them.
    fn count(&self, messages: u64) {
        self.received.fetch_add(messages, Ordering::AcqRel);
        if self.waiting.load(Ordering::Acquire) && self.waiting.swap(false, Ordering::AcqRel) {
            self.room.notify_waiters();
        }
    }

    /// Waits until a batch fits into the window; a while at most, so that the caller can see that it shall stop.
    async fn wait_for_room(&self) {
        let woken = self.room.notified();
        self.waiting.store(true, Ordering::Release);
        if self.is_full() {
            let _ = timeout(STOP_CHECK, woken).await;
        }
    }
}

async fn subscribe_all<W: Wire>(
    address: SocketAddr,
    traffic: &Traffic,
    flows: &[Arc<Flow>],
) -> io::Result<JoinSet<io::Result<()>>> {
    let subscribers: usize = traffic
        .channels
        .iter()
        .map(|channel| channel.subscribers.len())
        .sum();
    let buffer = if subscribers > FEW_SUBSCRIBERS {
        SMALL_BUFFER
    } else {
        LARGE_BUFFER
    };
    let mut receivers = JoinSet::new();
    for (channel, flow) in traffic.channels.iter().zip(flows) {
        for filters in &channel.subscribers {
            let socket = wire::open_subscribed::<W>(address, filters).await?;
            receivers.spawn(receive::<W>(socket, flow.clone(), buffer));
        }
    }
    Ok(receivers)
}

async fn publish_all<W: Wire>(
    address: SocketAddr,
    traffic: &Traffic,
    flows: &[Arc<Flow>],
    stop: &Arc<AtomicBool>,
) -> io::Result<JoinSet<io::Result<()>>> {
    let mut publishers = JoinSet::new();
    for (channel, flow) in traffic.channels.iter().zip(flows) {
        let batches: Arc<[Vec<u8>]> = batches::<W>(channel, traffic).into();
        for _ in 0..channel.publishers {
            let socket = wire::open::<W>(address).await?;
            publishers.spawn(publish::<W>(socket, flow.clone(), batches.clone(), stop.clone()));
        }
    }
    Ok(publishers)
}

/// Writes out what a publisher sends, batch by batch, until it begins anew.
fn batches<W: Wire>(channel: &Channel, traffic: &Traffic) -> Vec<Vec<u8>> {
    let mut topics = channel.topics.iter().cycle();
    let batch = || {
        let mut bytes = Vec::new();
        for topic in topics.by_ref().take(traffic.batch) {
            W::publish(&mut bytes, topic, &traffic.payload);
        }
        bytes
    };
    let count = channel.topics.len().div_ceil(traffic.batch);
    std::iter::repeat_with(batch).take(count).collect()
}

/// Counts what comes in.
async fn receive<W: Wire>(mut socket: TcpStream, flow: Arc<Flow>, buffer: usize) -> io::Result<()> {
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
        flow.count(messages);
        socket.write_all(&out).await?;
        out.clear();
    }
}

/// Writes batch after batch while the window has room.
async fn publish<W: Wire>(
    socket: TcpStream,
    flow: Arc<Flow>,
    batches: Arc<[Vec<u8>]>,
    stop: Arc<AtomicBool>,
) -> io::Result<()> {
    let (reader, writer) = socket.into_split();
    let writer = Arc::new(Mutex::new(writer));
    let answers = tokio::spawn(answer_pings::<W>(reader, writer.clone()));
    let mut next = 0;
    while !stop.load(Ordering::Relaxed) {
        if flow.is_full() {
            flow.wait_for_room().await;
        } else {
            flow.sent.fetch_add(flow.batch, Ordering::AcqRel);
            writer.lock().await.write_all(&batches[next]).await?;
            next = (next + 1) % batches.len();
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
    let mut frames = Frames::with_capacity(SMALL_BUFFER);
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
async fn await_the_rest(flows: &[Arc<Flow>], received: impl Fn() -> u64) -> u64 {
    let due: u64 = flows
        .iter()
        .map(|flow| flow.sent.load(Ordering::Acquire) * flow.subscribers)
        .sum();
    let give_up = Instant::now() + LOST_AFTER;
    while received() < due && Instant::now() < give_up {
        sleep(Duration::from_millis(1)).await;
    }
    due.saturating_sub(received())
}

/// How many subscribers get large buffers.
const FEW_SUBSCRIBERS: usize = 64;
/// Bytes of a large buffer.
const LARGE_BUFFER: usize = 256 << 10;
/// Bytes of a small buffer.
const SMALL_BUFFER: usize = 16 << 10;
/// Messages that a publisher writes at once at the most.
const MOST_PER_WRITE: usize = 512;
/// Writes of a channel that may be undelivered unless told otherwise.
pub(crate) const BATCHES_UNDER_WAY: usize = 16;
/// Bytes that a publisher writes at once unless told otherwise.
const WRITE_BYTES: usize = 32 << 10;
/// Bytes that a frame adds to its payload, roughly.
const FRAME_BYTES: usize = 16;
/// How often a publisher that waits for room looks whether it shall stop.
const STOP_CHECK: Duration = Duration::from_millis(50);
/// When a message that has not come counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::nats::Nats;

    #[test]
    fn publishers_and_subscribers_take_turns_over_the_topics() {
        let traffic = PubSub::new(3, 5, 2, 1).traffic();
        let shares: Vec<_> = traffic
            .channels
            .iter()
            .map(|channel| (channel.publishers, channel.subscribers.len()))
            .collect();
        assert_eq!(shares, [(2, 3), (1, 2)]);
    }

    #[test]
    fn batches_go_round_over_all_topics() {
        let channel = Channel {
            publishers: 1,
            topics: (0..3).map(topic).collect(),
            subscribers: Vec::new(),
        };
        let traffic = PubSub::new(1, 1, 1, 1).batches_of(2, 4).traffic();
        let text = batches::<Nats>(&channel, &traffic).concat();
        let text = String::from_utf8(text).unwrap();
        let subjects: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("PUB bench.")?.split(' ').next())
            .collect();
        assert_eq!(subjects, ["t0", "t1", "t2", "t0"]);
    }
}
