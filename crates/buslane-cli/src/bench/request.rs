//! Measures how long a request takes, and how many are answered.
//!
//! Caller and responder have a thread each, so that neither waits for the other's turn in one event loop. Answers
//! are matched first in, first out.

use std::collections::VecDeque;
use std::io;
use std::thread;
use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::measurement::{Cost, Measured, Period, Target, payload};
use super::process::CpuTimes;
use super::progress::Progress;
use super::wire::{self, Event, Frames, Wire, closed};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requests {
    /// Requests that await their answer at any time.
    pub(crate) outstanding: usize,
    /// Bytes of a payload, either way.
    pub(crate) size: usize,
    /// Services that take turns, all offered by one connection.
    pub(crate) services: usize,
}

impl Requests {
    /// Makes requests to one service.
    pub(crate) fn new(outstanding: usize, size: usize) -> Requests {
        Requests {
            outstanding,
            size,
            services: 1,
        }
    }

    /// Returns the names of the services.
    fn names(self) -> Vec<String> {
        match self.services {
            1 => vec!["bench".to_owned()],
            count => (0..count).map(|index| format!("bench-{index}")).collect(),
        }
    }
}

/// How long requests took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    /// Requests answered per second.
    pub(crate) rate: f64,
    /// Half of the requests took at most this many microseconds.
    pub(crate) p50: f64,
    /// 9 of 10 took at most this many.
    pub(crate) p90: f64,
    /// 99 of 100 took at most this many.
    pub(crate) p99: f64,
    /// 999 of 1,000 took at most this many.
    pub(crate) p999: f64,
    /// What it cost.
    pub(crate) cost: Cost,
}

/// Measures requests from one connection that another answers.
pub(crate) async fn measure<W: Wire>(
    target: Target,
    period: Period,
    shape: Requests,
    progress: &Progress,
) -> io::Result<Latency> {
    progress.show(format_args!("{} outstanding", shape.outstanding));
    let (ready, offered) = oneshot::channel();
    let (stop, stopped) = oneshot::channel();
    let mut responder = Box::pin(on_thread(move || respond::<W>(target, shape, ready, stopped))?);
    let caller = async {
        let _ = offered.await;
        on_thread(move || call::<W>(target, period, shape))?.await
    };
    let latency = tokio::select! {
        latency = caller => latency?,
        ended = &mut responder => return Err(ended.err().unwrap_or_else(|| closed("of the responder"))),
    };
    drop(stop);
    responder.await?;
    Ok(latency)
}

/// Runs a future on a thread and an event loop of its own.
fn on_thread<T: Send + 'static, F: Future<Output = io::Result<T>>>(
    start: impl FnOnce() -> F + Send + 'static,
) -> io::Result<impl Future<Output = io::Result<T>>> {
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new().name("bench".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        // Nobody listens any more if the measurement was given up.
        let _ = sender.send(runtime.and_then(|runtime| runtime.block_on(start())));
    })?;
    Ok(async { receiver.await.map_err(io::Error::other)? })
}

/// Offers the method and answers every request until it is stopped.
async fn respond<W: Wire>(
    target: Target,
    shape: Requests,
    ready: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let mut socket = wire::open::<W>(target.address).await?;
    wire::confirm_all::<W, _>(&mut socket, &shape.names(), |out, name| W::offer(out, name)).await?;
    let _ = ready.send(());
    tokio::select! {
        biased;
        result = answer_all::<W>(&mut socket, shape) => result,
        _ = stopped => Ok(()),
    }
}

/// Answers every request until the connection fails.
async fn answer_all<W: Wire>(socket: &mut TcpStream, shape: Requests) -> io::Result<()> {
    let payload = payload(shape.size);
    let mut frames = Frames::with_capacity(64 << 10);
    let mut out = Vec::new();
    loop {
        let open = frames.read::<W, _>(socket, |event| match event {
            Event::Call(call) => W::reply(&mut out, call, &payload),
            Event::Ping => W::pong(&mut out),
            _ => {}
        });
        if !open.await? {
            return Err(closed("of the responder"));
        }
        socket.write_all(&out).await?;
        out.clear();
    }
}

/// Calls the method for a period, a new request for each answer.
async fn call<W: Wire>(target: Target, period: Period, shape: Requests) -> io::Result<Latency> {
    let mut socket = wire::open::<W>(target.address).await?;
    wire::confirm::<W>(&mut socket, W::expect_replies).await?;
    let mut caller = Caller::new(shape);
    caller.run::<W>(&mut socket, period.warmup).await?;
    caller.samples.clear();
    let (start, times) = (Instant::now(), CpuTimes::read(target.pid));
    caller.run::<W>(&mut socket, period.measured).await?;
    let measured = Measured {
        operations: caller.samples.len() as u64,
        seconds: start.elapsed().as_secs_f64(),
        load: CpuTimes::read(target.pid).since(&times),
    };
    Ok(Latency::new(measured, caller.samples))
}

/// The calling side between two reads.
struct Caller {
    payload: Vec<u8>,
    frames: Frames,
    out: Vec<u8>,
    /// When each request that awaits its answer was sent, oldest first.
    sent: VecDeque<Instant>,
    /// How long answered requests took, in nanoseconds.
    samples: Vec<u32>,
    number: u64,
    outstanding: usize,
    services: Vec<String>,
}

impl Caller {
    fn new(shape: Requests) -> Caller {
        Caller {
            payload: payload(shape.size),
            frames: Frames::with_capacity(256 << 10),
            out: Vec::new(),
            sent: VecDeque::with_capacity(shape.outstanding),
            samples: Vec::with_capacity(1 << 20),
            number: 0,
            outstanding: shape.outstanding,
            services: shape.names(),
        }
    }

    /// Keeps requests outstanding for a while.
    async fn run<W: Wire>(&mut self, socket: &mut TcpStream, time: std::time::Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.fill::<W>();
            socket.write_all(&self.out).await?;
            self.out.clear();
            self.take_answers::<W>(socket).await?;
        }
        Ok(())
    }

    /// Appends a request for each that may be outstanding and is not.
    fn fill<W: Wire>(&mut self) {
        let now = Instant::now();
        while self.sent.len() < self.outstanding {
            self.number += 1;
            let service = &self.services[self.number as usize % self.services.len()];
            W::request(&mut self.out, self.number, service, &self.payload);
            self.sent.push_back(now);
        }
    }

    /// Reads once and takes the time of every answer.
    async fn take_answers<W: Wire>(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        let (out, mut answers) = (&mut self.out, 0);
        let open = self.frames.read::<W, _>(socket, |event| match event {
            Event::Reply => answers += 1,
            Event::Ping => W::pong(out),
            _ => {}
        });
        if !open.await? {
            return Err(closed("of the caller"));
        }
        let now = Instant::now();
        for sent in self.sent.drain(..answers.min(self.sent.len())) {
            self.samples
                .push(u32::try_from((now - sent).as_nanos()).unwrap_or(u32::MAX));
        }
        Ok(())
    }
}

impl Latency {
    fn new(measured: Measured, mut nanoseconds: Vec<u32>) -> Latency {
        nanoseconds.sort_unstable();
        let microseconds = |share| f64::from(percentile(&nanoseconds, share)) / 1e3;
        Latency {
            rate: measured.rate(),
            p50: microseconds(0.5),
            p90: microseconds(0.9),
            p99: microseconds(0.99),
            p999: microseconds(0.999),
            cost: measured.cost(),
        }
    }
}

/// Returns the nearest-rank percentile of sorted samples; 0 of none.
fn percentile(sorted: &[u32], share: f64) -> u32 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let samples: Vec<u32> = (1..=1_000).collect();
        assert_eq!(percentile(&samples, 0.5), 500);
        assert_eq!(percentile(&samples, 0.99), 990);
        assert_eq!(percentile(&samples, 0.999), 999);
        assert_eq!(percentile(&[7], 0.5), 7);
        assert_eq!(percentile(&[], 0.5), 0);
    }
}
