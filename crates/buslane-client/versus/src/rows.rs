//! What is measured.

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;

use crate::bus::Bus;

/// A row of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// Microseconds of a request, one at a time: the median
    RequestP50,
    /// Microseconds of a request, one at a time: the 99th of a hundred
    RequestP99,
    /// Requests in a second, 64 at a time
    Requests64,
    /// Messages published in a second, flat out, each a value that is written as JSON
    Publish,
    /// The same with JSON text, which ours checks
    PublishText,
    /// The same with a payload that is ready
    PublishBody,
    /// Messages received in a second, in bursts of 2,000
    Receive,
}

/// What one turn gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) figure: f64,
    /// Microseconds of processor time of the measured program for each operation.
    pub(crate) cpu_us: f64,
}

impl Row {
    /// Returns the unit of the figure.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Row::RequestP50 | Row::RequestP99 => "us",
            Row::Requests64 => "req/s",
            Row::Publish | Row::PublishText | Row::PublishBody | Row::Receive => "msg/s",
        }
    }

    /// Tells whether less is better.
    pub(crate) fn is_latency(self) -> bool {
        matches!(self, Row::RequestP50 | Row::RequestP99)
    }

    /// Measures once, after warming up.
    pub(crate) async fn run<B: Bus>(self, bus: &B) -> anyhow::Result<Sample> {
        match self {
            Row::RequestP50 => latency(bus, 0.5).await,
            Row::RequestP99 => latency(bus, 0.99).await,
            Row::Requests64 => requests(bus).await,
            Row::Publish => publish(bus, B::publish).await,
            Row::PublishText => publish(bus, B::publish_text).await,
            Row::PublishBody => publish(bus, B::publish_body).await,
            Row::Receive => receive(bus).await,
        }
    }
}

async fn latency<B: Bus>(bus: &B, quantile: f64) -> anyhow::Result<Sample> {
    for _ in 0..WARM_UP {
        bus.echo().await?;
    }
    let mut taken = Vec::new();
    let clock = Clock::start()?;
    while clock.elapsed() < PERIOD {
        let start = Instant::now();
        bus.echo().await?;
        taken.push(start.elapsed());
    }
    taken.sort_unstable();
    let at = ((taken.len() - 1) as f64 * quantile).round() as usize;
    Ok(Sample {
        figure: taken[at].as_secs_f64() * 1e6,
        cpu_us: clock.cpu_us(taken.len())?,
    })
}

async fn requests<B: Bus>(bus: &B) -> anyhow::Result<Sample> {
    for _ in 0..WARM_UP {
        bus.echo().await?;
    }
    let clock = Clock::start()?;
    let end = Instant::now() + PERIOD;
    let workers = (0..OUTSTANDING).map(|_| {
        let bus = bus.clone();
        tokio::spawn(async move {
            let mut done = 0;
            while Instant::now() < end {
                bus.echo().await?;
                done += 1;
            }
            anyhow::Ok(done)
        })
    });
    let mut done = 0;
    for worker in workers.collect::<Vec<_>>() {
        done += worker.await.context("a worker panicked")??;
    }
    clock.rate(done)
}

async fn publish<B: Bus>(bus: &B, one: impl AsyncFn(&B) -> anyhow::Result<()>) -> anyhow::Result<Sample> {
    bus.publish().await?;
    bus.flush().await?;
    let clock = Clock::start()?;
    for _ in 0..PUBLISHED {
        one(bus).await?;
    }
    bus.flush().await?;
    clock.rate(PUBLISHED)
}

async fn receive<B: Bus>(bus: &B) -> anyhow::Result<Sample> {
    let mut feed = bus.feed().await?;
    let clock = Clock::start()?;
    let asking = tokio::spawn({
        let bus = bus.clone();
        async move {
            for _ in 0..BURSTS {
                bus.burst(BURST).await?;
            }
            anyhow::Ok(())
        }
    });
    let messages = (BURSTS * BURST) as usize;
    for _ in 0..messages {
        let took = tokio::time::timeout(STALL, B::take(&mut feed)).await;
        took.context("messages were lost")??;
    }
    asking.await.context("the asking task panicked")??;
    clock.rate(messages)
}

/// Wall clock and processor time of this process.
struct Clock {
    start: Instant,
    cpu: Duration,
}

impl Clock {
    fn start() -> anyhow::Result<Clock> {
        Ok(Clock {
            start: Instant::now(),
            cpu: cpu()?,
        })
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn cpu_us(&self, operations: usize) -> anyhow::Result<f64> {
        Ok((cpu()? - self.cpu).as_secs_f64() * 1e6 / operations as f64)
    }

    fn rate(&self, operations: usize) -> anyhow::Result<Sample> {
        let figure = operations as f64 / self.elapsed().as_secs_f64();
        Ok(Sample {
            figure,
            cpu_us: self.cpu_us(operations)?,
        })
    }
}

/// Returns the processor time that this process took so far, to the nanosecond.
fn cpu() -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let statistics = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += statistics.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

const WARM_UP: usize = 500;
const PERIOD: Duration = Duration::from_millis(700);
const OUTSTANDING: usize = 64;
const PUBLISHED: usize = 500_000;
const BURST: u32 = 2_000;
const BURSTS: u32 = 150;
/// Longer than any burst takes.
const STALL: Duration = Duration::from_secs(5);
