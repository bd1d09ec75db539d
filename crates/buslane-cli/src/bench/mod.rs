//! `buslane bench`: how fast and how small a broker is, alone or beside another.
//!
//! # Invariants worth naming
//! - The clients are wires: bytes appended to a buffer and frames cut from one. No client library is measured here.
//! - A publisher never has more than a window of messages undelivered, so a rate is of messages that arrived.
//! - A comparison is a ratio of two turns of one round, never of two runs.

mod arguments;
mod binary;
mod churn;
mod contract;
mod disturbance;
mod disturbed;
mod figures;
mod growth;
mod idle;
mod lines;
mod measurement;
mod mqtt;
mod nats;
mod peer;
mod process;
mod progress;
mod pubsub;
mod redis;
mod report;
mod request;
mod rows;
mod scenario;
mod server;
mod service;
mod tables;
mod versus;
mod wire;

pub(crate) use arguments::BenchArguments;

use self::mqtt::Mqtt;
use self::nats::Nats;
use self::peer::Peer;
use self::process::raise_file_limit;
use self::redis::Redis;
use self::server::Program;
use self::versus::Versus;
use crate::arguments::ConnectionArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::shutdown::Shutdown;

/// Runs the command, until it is done or told to stop; then the servers that it started end with it.
pub(crate) fn run(
    arguments: &BenchArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        let mut shutdown = Shutdown::listen()?;
        tokio::select! {
            result = measure(arguments, connection, out) => result,
            () = shutdown.requested() => Err(Failure::failed("stopped before it was done")),
        }
    });
    // Threads of an unfinished measurement end with the process.
    runtime.shutdown_background();
    result?;
    out.flush()
}

async fn measure(
    arguments: &BenchArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let Some(peer) = arguments.against() else {
        let scenario = arguments
            .scenario()
            .expect("the argument parser asks for a scenario or a peer");
        return scenario::run(scenario, arguments, connection, out).await;
    };
    let named = arguments.peer_program();
    let program = Program::of(peer, named).ok_or_else(|| match (named, peer.program()) {
        (Some(path), _) => Failure::usage(format_args!("{} is no program", path.display()))
            .hint("--peer-program is the path of a file that can be started"),
        (None, name) => Failure::failed(format_args!("{name} is not on the PATH"))
            .hint(format_args!("install it, on Debian: apt install {name}")),
    })?;
    let versus = Versus {
        program,
        rows: arguments.rows(),
        rounds: arguments.rounds(),
        period: arguments.period(0.3, 1.0),
        connections: arguments.connections(raise_file_limit())?,
    };
    match peer {
        Peer::Nats => versus.run::<Nats>(arguments.json(), out).await,
        Peer::Redis => versus.run::<Redis>(arguments.json(), out).await,
        Peer::Mosquitto => versus.run::<Mqtt>(arguments.json(), out).await,
    }
}

/// Threads for publishers and subscribers.
const WORKERS: usize = 2;
