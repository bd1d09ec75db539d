//! Measures what connections cost that do nothing: how fast they are accepted, and the memory that each holds.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::measurement::Target;
use super::process::resident_kib;
use super::progress::Progress;
use super::wire::{self, Wire};

/// What idle connections cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    /// Connections held open.
    pub(crate) connections: usize,
    /// Sessions with a subscription begun per second.
    pub(crate) connects: f64,
    /// The server's memory before the first connection, in KiB.
    pub(crate) resident_before: Option<u64>,
    /// The server's memory while all are open, in KiB.
    pub(crate) resident_after: Option<u64>,
}

impl Idle {
    /// Returns the server's memory per connection, in KiB.
    pub(crate) fn kib_per_connection(&self) -> Option<f64> {
        Some((self.resident_after? as f64 - self.resident_before? as f64) / self.connections.max(1) as f64)
    }
}

/// Opens connections with a subscription each, lets them rest, and looks at the server's memory.
pub(crate) async fn measure<W: Wire>(
    target: Target,
    connections: usize,
    rest: Duration,
    progress: &Progress,
) -> io::Result<Idle> {
    let resident_before = target.pid.and_then(resident_kib);
    let start = Instant::now();
    let open = open_many::<W>(target, connections, progress).await?;
    let connects = connections as f64 / start.elapsed().as_secs_f64();
    tokio::time::sleep(rest).await;
    let resident_after = target.pid.and_then(resident_kib);
    drop(open);
    Ok(Idle {
        connections,
        connects,
        resident_before,
        resident_after,
    })
}

/// Opens connections with a subscription each.
pub(crate) async fn open_many<W: Wire>(
    target: Target,
    connections: usize,
    progress: &Progress,
) -> io::Result<Vec<TcpStream>> {
    let opened = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..PARALLEL {
        workers.spawn(open_some::<W>(target, connections, opened.clone()));
    }
    let mut open = Vec::with_capacity(connections);
    while let Some(sockets) = workers.join_next().await {
        open.extend(sockets.map_err(io::Error::other)??);
        progress.show(format_args!("{} connections", open.len()));
    }
    Ok(open)
}

/// Opens connections, one after the other, until all workers together have opened enough.
async fn open_some<W: Wire>(
    target: Target,
    connections: usize,
    opened: Arc<AtomicUsize>,
) -> io::Result<Vec<TcpStream>> {
    let mut sockets = Vec::new();
    loop {
        let index = opened.fetch_add(1, Ordering::Relaxed);
        if index >= connections {
            return Ok(sockets);
        }
        sockets.push(wire::open_subscribed::<W>(target.address, &[format!("idle/{index}")]).await?);
    }
}

/// Connections that are being opened at any time.
const PARALLEL: usize = 64;
