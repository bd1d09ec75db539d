//! One connection through the whole of the driver, without a listener and with a clock that moves only by what is waited
//! for. Built for fuzzing only, and no part of what programs may rely on.

use std::rc::Rc;
use std::time::Duration;

use buslane_engine::{Counters, Engine, Gauges};
use buslane_protocol::{Limits, Name};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::STACK_SIZE;
use crate::clock::Clock;
use crate::driver::{Conversation, Flusher, Hub, Setup, Socket, Usher};

/// What came of a connection that said something and went away.
#[derive(Clone, Debug)]
pub struct Conversed {
    /// What the broker answered.
    pub answer: Vec<u8>,
    /// What happened in the broker.
    pub counters: Counters,
    /// What was there when the connection had been gone for long.
    pub gauges: Gauges,
    /// Sockets that were open then.
    pub admitted: usize,
    /// Exchanges over HTTP that were not finished then.
    pub exchanges: usize,
    /// Bytes that waited then: of input, and of answers over HTTP.
    pub waiting: [usize; 2],
}

/// Sends the pieces to a new broker one after another, each once the one before was taken in; then ends the sending side,
/// and the connection.
pub fn converse(pieces: &[&[u8]]) -> Conversed {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime
        .enable_all()
        .start_paused(true)
        .max_blocking_threads(1)
        .thread_stack_size(STACK_SIZE)
        .build_local(LocalOptions::default())
        .expect("the system has room for a runtime");
    runtime.block_on(talk(pieces))
}

async fn talk(pieces: &[&[u8]]) -> Conversed {
    let hub = Rc::new(hub());
    spawn_local(Flusher::new(Rc::clone(&hub)));
    spawn_local(Usher::new(Rc::clone(&hub)));
    let (mut ours, theirs) = UnixStream::pair().expect("the system has room for two sockets");
    let admission = hub.admit().expect("the first connection is admitted");
    spawn_local(Conversation::begin(&hub, Socket::unix(theirs, admission)));
    let mut answer = Vec::new();
    for piece in pieces {
        // Whether the broker still takes it is its affair.
        let _taken = ours.write_all(piece).await;
        sleep(MOMENT).await;
        read(&ours, &mut answer);
    }
    let _ended = ours.shutdown().await;
    sleep(MOMENT).await;
    read(&ours, &mut answer);
    drop(ours);
    sleep(LONG).await;
    let engine = hub.engine();
    Conversed {
        answer,
        counters: engine.counters().clone(),
        gauges: engine.gauges(),
        admitted: hub.admitted(),
        exchanges: hub.exchanges(),
        waiting: [hub.input.used(), hub.outgoing.used()],
    }
}

/// Reads what is there.
fn read(socket: &UnixStream, answer: &mut Vec<u8>) {
    let mut buffer = [0; READ];
    while let Ok(count @ 1..) = socket.try_read(&mut buffer) {
        answer.extend_from_slice(&buffer[..count]);
    }
}

fn hub() -> Hub {
    let node = Name::parse("fuzzed").expect("it is a name");
    let limits = Limits {
        memory: MEMORY,
        ..Limits::default()
    };
    let mut config = buslane_engine::Config::new(node.clone(), [7; 32]);
    config.limits = limits.clone();
    Hub::new(Setup {
        engine: Engine::new(config),
        clock: Clock::start(),
        limits,
        node,
        origins: Vec::new(),
        page_client: std::path::PathBuf::new(),
    })
}

/// The time in which the broker takes in what was sent.
const MOMENT: Duration = Duration::from_millis(1);
/// The time after which nothing is left of a connection that went away.
const LONG: Duration = Duration::from_secs(600);
/// The memory of the broker.
const MEMORY: usize = 16 << 20;
/// Bytes that are read at once.
const READ: usize = 16 << 10;
