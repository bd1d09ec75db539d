//! Clients that mean ill: what they do to a broker while somebody else's requests are timed. Each is a thread that runs
//! where nobody else wants to, since whoever attacks from another machine takes no time from this one. Measures nothing.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// What is done to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// Nothing; somebody on this machine computes.
    OtherWork,
    /// Connections that say nothing.
    Silence,
    /// Lines that are no messages, as fast as they are refused.
    Garbage,
    /// Connections that come and go.
    Connects,
    /// Subscriptions that come and go.
    Subscribes,
    /// Publishes that thousands of wildcards have to be looked at for.
    Wildcards,
    /// Retained values without end.
    Retained,
    /// A reader that never reads what is published to it.
    Stalled,
    /// The longest messages that are taken.
    Giants,
    /// A hundred clients that send byte by byte.
    Bytes,
}

/// A disturbance that goes on until this is dropped.
pub(crate) struct Disturber {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Disturbance {
    /// Everything that is done, one after another.
    pub(crate) const ALL: [Disturbance; 10] = [
        Disturbance::OtherWork,
        Disturbance::Silence,
        Disturbance::Garbage,
        Disturbance::Connects,
        Disturbance::Subscribes,
        Disturbance::Wildcards,
        Disturbance::Retained,
        Disturbance::Stalled,
        Disturbance::Giants,
        Disturbance::Bytes,
    ];

    /// Begins; ready once it is under way.
    pub(crate) async fn begin(self, address: SocketAddr, connections: usize) -> io::Result<Disturber> {
        let is_over = Arc::new(AtomicBool::new(false));
        let (ready, under_way) = oneshot::channel();
        let attack = Attack {
            address,
            connections,
            is_over: Arc::clone(&is_over),
        };
        let thread = thread::Builder::new().name("disturbance".into()).spawn(move || {
            give_way()?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(attack.run(self, ready))
        })?;
        let disturber = Disturber {
            is_over,
            thread: Some(thread),
        };
        if under_way.await.is_err() {
            return Err(disturber
                .end()
                .err()
                .unwrap_or_else(|| io::Error::other("the attack ended")));
        }
        Ok(disturber)
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Disturbance::OtherWork => "other-work",
            Disturbance::Silence => "silent-connections",
            Disturbance::Garbage => "garbage-flood",
            Disturbance::Connects => "connect-flood",
            Disturbance::Subscribes => "subscribe-flood",
            Disturbance::Wildcards => "wildcard-bomb",
            Disturbance::Retained => "retained-flood",
            Disturbance::Stalled => "reader-that-never-reads",
            Disturbance::Giants => "giant-messages",
            Disturbance::Bytes => "byte-at-a-time",
        })
    }
}

impl Disturber {
    /// Ends it, and tells what went wrong with it if something did.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.stop()
    }

    fn stop(&mut self) -> io::Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        ended.map_or(Ok(()), |ended| {
            ended.unwrap_or_else(|_| Err(io::Error::other("the attack panicked")))
        })
    }
}

impl Drop for Disturber {
    fn drop(&mut self) {
        // Whoever wants to know how it went calls `end`.
        let _ended = self.stop();
    }
}

/// A disturbance under way.
struct Attack {
    address: SocketAddr,
    /// Connections that one may hold.
    connections: usize,
    is_over: Arc<AtomicBool>,
}

impl Attack {
    async fn run(&self, what: Disturbance, ready: oneshot::Sender<()>) -> io::Result<()> {
        match what {
            Disturbance::OtherWork => self.compute(ready),
            Disturbance::Silence => self.say_nothing(ready).await,
            Disturbance::Garbage => {
                self.flood(ready, |_, out| out.extend(b"this is no message\n"))
                    .await
            }
            Disturbance::Connects => self.come_and_go(ready).await,
            Disturbance::Subscribes => self.flood(ready, subscribe_and_leave).await,
            Disturbance::Wildcards => self.explode(ready).await,
            Disturbance::Retained => self.flood(ready, retain).await,
            Disturbance::Stalled => self.publish_to_nobody(ready).await,
            Disturbance::Giants => self.publish_giants(ready).await,
            Disturbance::Bytes => self.dribble(ready).await,
        }
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    fn compute(&self, ready: oneshot::Sender<()>) -> io::Result<()> {
        let _ = ready.send(());
        let mut number = 1_u64;
        while self.goes_on() {
            for _ in 0..1_000 {
                number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005));
            }
        }
        Ok(())
    }

    async fn say_nothing(&self, ready: oneshot::Sender<()>) -> io::Result<()> {
        let mut silent = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            silent.push(TcpStream::connect(self.address).await?);
        }
        let _ = ready.send(());
        while self.goes_on() {
            tokio::time::sleep(STEP).await;
        }
        // Ports that wait for late packets would run out.
        silent.iter().try_for_each(TcpStream::set_zero_linger)
    }

    async fn come_and_go(&self, ready: oneshot::Sender<()>) -> io::Result<()> {
        let _ = ready.send(());
        while self.goes_on() {
            let mut socket = TcpStream::connect(self.address).await?;
            socket.set_zero_linger()?;
            socket.write_all(b"{\"type\":\"ping\"}\n").await?;
        }
        Ok(())
    }

    /// Sends lines that are answered with one line each, a batch for each batch of answers.
    async fn flood(&self, ready: oneshot::Sender<()>, append: impl Fn(u64, &mut Vec<u8>)) -> io::Result<()> {
        let mut client = Client::join(self.address).await?;
        let _ = ready.send(());
        let mut number = 0;
        while self.goes_on() {
            client
                .exchange(BATCH, |out| {
                    append(number, out);
                    number += 1;
                })
                .await?;
        }
        Ok(())
    }

    /// Subscribes to filters of which many have to be looked at for a topic, then publishes to it.
    async fn explode(&self, ready: oneshot::Sender<()>) -> io::Result<()> {
        let mut watcher = Client::join(self.address).await?;
        let mut number = 0_usize;
        for _ in 0..BOMB / BATCH {
            watcher
                .exchange(BATCH, |out| {
                    let filter =
                        (0..DEPTH).map(|level| match WILDCARDS[number % WILDCARDS.len()] & (1 << level) {
                            0 => "a".to_owned(),
                            _ => "+".to_owned(),
                        });
                    let filter: Vec<_> = filter.collect();
                    line(
                        out,
                        format_args!(
                            r#"{{"type":"subscribe","id":"1","filter":"{}/{}"}}"#,
                            filter.join("/"),
                            number
                        ),
                    );
                    number += 1;
                })
                .await?;
        }
        let topic = ["a"; DEPTH].join("/");
        self.flood(ready, |number, out| {
            line(
                out,
                format_args!(r#"{{"type":"publish","id":"1","topic":"{topic}/no{number}","ack":true}}"#),
            );
        })
        .await
    }

    async fn publish_to_nobody(&self, ready: oneshot::Sender<()>) -> io::Result<()> {
        let mut reader = TcpStream::connect(self.address).await?;
        reader
            .write_all(b"{\"type\":\"subscribe\",\"filter\":\"stalled\"}\n")
            .await?;
        let payload = "x".repeat(LONG);
        self.flood(ready, |_, out| {
            line(
                out,
                format_args!(
                    r#"{{"type":"publish","id":"1","topic":"stalled","payload":"{payload}","ack":true}}"#
                ),
            );
        })
        .await
    }

    async fn publish_giants(&self, ready: oneshot::Sender<()>) -> io::Result<()> {
        let mut client = Client::join(self.address).await?;
        let mut giant = Vec::new();
        let payload = "x".repeat(GIANT);
        line(
            &mut giant,
            format_args!(r#"{{"type":"publish","id":"1","topic":"giant","payload":"{payload}","ack":true}}"#),
        );
        let _ = ready.send(());
        while self.goes_on() {
            client.exchange(1, |out| out.extend(&giant)).await?;
        }
        Ok(())
    }

    async fn dribble(&self, ready: oneshot::Sender<()>) -> io::Result<()> {
        let mut clients = Vec::new();
        for _ in 0..DRIBBLERS {
            let client = TcpStream::connect(self.address).await?;
            client.set_nodelay(true)?;
            clients.push(client);
        }
        let message = b"{\"type\":\"publish\",\"topic\":\"dribble\",\"payload\":\"0123456789\"}\n";
        let _ = ready.send(());
        for byte in message.iter().cycle() {
            if !self.goes_on() {
                break;
            }
            for client in &mut clients {
                client.write_all(&[*byte]).await?;
            }
        }
        Ok(())
    }
}

/// A client that speaks JSON lines.
struct Client {
    socket: TcpStream,
    out: Vec<u8>,
    read: Vec<u8>,
}

impl Client {
    async fn join(address: SocketAddr) -> io::Result<Client> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let mut client = Client {
            socket,
            out: Vec::new(),
            read: vec![0; READ],
        };
        client
            .exchange(1, |out| out.extend(b"{\"type\":\"ping\"}\n"))
            .await?;
        Ok(client)
    }

    /// Sends so many lines and reads as many.
    async fn exchange(&mut self, lines: usize, mut append: impl FnMut(&mut Vec<u8>)) -> io::Result<()> {
        self.out.clear();
        (0..lines).for_each(|_| append(&mut self.out));
        let (mut reader, mut writer) = self.socket.split();
        let read = async {
            let mut answers = 0;
            while answers < lines {
                let count = reader.read(&mut self.read).await?;
                if count == 0 {
                    return Err(super::wire::closed("of an attacker"));
                }
                answers += memchr::memchr_iter(b'\n', &self.read[..count]).count();
            }
            Ok(())
        };
        let write = async {
            for part in self.out.chunks(WRITE) {
                writer.write_all(part).await?;
            }
            Ok(())
        };
        tokio::try_join!(write, read).map(|_| ())
    }
}

fn line(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    out.extend(text.to_string().as_bytes());
    out.push(b'\n');
}

fn subscribe_and_leave(number: u64, out: &mut Vec<u8>) {
    let (kind, filter) = if number.is_multiple_of(2) {
        ("subscribe", number)
    } else {
        ("unsubscribe", number - 1)
    };
    line(
        out,
        format_args!(r#"{{"type":"{kind}","id":"1","filter":"flood/{filter}/+/#"}}"#),
    );
}

fn retain(number: u64, out: &mut Vec<u8>) {
    line(
        out,
        format_args!(
            r#"{{"type":"publish","id":"1","topic":"flood/{number}","payload":"{:0>1000}","retain":"set","ack":true}}"#,
            number
        ),
    );
}

/// Lets everybody else on this machine go first.
#[cfg(target_os = "linux")]
fn give_way() -> io::Result<()> {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    // A low priority is not enough: a thread that has it may finish its slice of time before others wake.
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle)
        .map_err(|error| io::Error::other(format!("the attacker cannot give way: {error}")))
}

#[cfg(not(target_os = "linux"))]
fn give_way() -> io::Result<()> {
    Ok(())
}

/// Messages that are sent at once.
const BATCH: usize = 500;
/// Subscriptions of a bomb.
const BOMB: usize = 10_000;
/// Levels of a bomb's filters.
const DEPTH: usize = 8;
/// Which levels of a filter are wildcards, by bit: up to three of eight.
const WILDCARDS: [usize; 12] = [
    0b111, 0b1110, 0b1_1100, 0b11_1000, 0b101, 0b1010, 0b1_0100, 0b10_1000, 0b1001, 0b1_0010, 0b10_0100,
    0b111_0000,
];
/// Clients that send byte by byte.
const DRIBBLERS: usize = 100;
/// Bytes of a payload that nobody reads.
const LONG: usize = 16 << 10;
/// Bytes of the longest payload, with its quotes, less a little.
const GIANT: usize = (1 << 20) - 16;
/// Bytes that are written at once, so that no call of the system keeps a processor for long.
const WRITE: usize = 16 << 10;
/// Bytes that are read at once.
const READ: usize = 64 << 10;
/// Time between two looks at whether it is over.
const STEP: std::time::Duration = std::time::Duration::from_millis(10);
