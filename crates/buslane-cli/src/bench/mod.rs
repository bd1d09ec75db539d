//! `buslane bench`: how fast and how small a broker is, alone or beside another.
//!
//! # Invariants worth naming
//! - The clients are wires: bytes appended to a buffer and frames cut from one. No client library is measured here.
//! - A publisher never has more than a window of messages undelivered, so a rate is of messages that arrived.
//! - A comparison is a ratio of two turns of one round, never of two runs.

mod arguments;
mod binary;
mod figures;
mod idle;
mod lines;
mod measurement;
mod nats;
mod process;
mod progress;
mod pubsub;
mod request;
mod rows;
mod scenario;
mod server;
mod versus;
mod wire;

pub(crate) use arguments::BenchArguments;

use self::process::raise_file_limit;
use self::server::{NATS_SERVER, Program};
use self::versus::Versus;
use crate::failure::Failure;
use crate::output::Output;
use crate::shutdown;

/// Runs the command, until it is done or told to stop; then the servers that it started end with it.
pub(crate) fn run(arguments: &BenchArguments, out: &mut Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = measure(arguments, out) => result,
            stopped = shutdown::requested() => Err(stopped.map_or_else(Failure::from, |()| Failure::failed("stopped"))),
        }
    });
    // Threads of an unfinished measurement end with the process.
    runtime.shutdown_background();
    result?;
    out.flush()
}

async fn measure(arguments: &BenchArguments, out: &mut Output) -> Result<(), Failure> {
    if let Some(scenario) = arguments.scenario() {
        return scenario::run(scenario, arguments, out).await;
    }
    let peer = Program::nats().ok_or_else(|| {
        Failure::failed(format!("{NATS_SERVER} is not on the PATH"))
            .hint("install it, on Debian: apt install nats-server")
    })?;
    let versus = Versus {
        peer,
        rows: arguments.rows(),
        rounds: arguments.rounds(),
        period: arguments.period(0.3, 1.0),
        connections: arguments.connections(raise_file_limit()),
    };
    versus.run(arguments.json(), out).await
}

/// Threads for publishers and subscribers.
const WORKERS: usize = 2;
