//! What a measurement is made of: a target, a period, and the figures that come out.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::process::{CpuTimes, Load};
use super::progress::Progress;

/// The server that is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its process, where CPU and memory are wanted.
    pub(crate) pid: Option<u32>,
}

/// How long a measurement takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Period {
    /// Time before it.
    pub(crate) warmup: Duration,
    /// Its own time.
    pub(crate) measured: Duration,
}

/// What happened within a [`Period`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Operations counted.
    pub(crate) operations: u64,
    /// Seconds that it took.
    pub(crate) seconds: f64,
    /// CPU seconds used meanwhile.
    pub(crate) load: Load,
}

/// How much got through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throughput {
    /// Operations per second.
    pub(crate) rate: f64,
    /// Messages that never came.
    pub(crate) lost: u64,
    /// What it cost.
    pub(crate) cost: Cost,
}

/// What operations cost in CPU time, as far as the system tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// The server's CPU seconds per million operations.
    pub(crate) server_per_million: Option<f64>,
    /// Cores that the server kept busy.
    pub(crate) server_cores: Option<f64>,
    /// Cores that the load generator kept busy.
    pub(crate) client_cores: Option<f64>,
}

impl Period {
    /// Looks at a counter at the beginning and at the end of the period.
    pub(crate) async fn observe(
        self,
        pid: Option<u32>,
        count: impl Fn() -> u64,
        progress: &Progress,
    ) -> Measured {
        tokio::time::sleep(self.warmup).await;
        let (first, times, start) = (count(), CpuTimes::read(pid), Instant::now());
        while start.elapsed() < self.measured {
            tokio::time::sleep(STEP.min(self.measured - start.elapsed().min(self.measured))).await;
            let rate = (count() - first) as f64 / start.elapsed().as_secs_f64();
            progress.show(format_args!("{}/s", super::figures::short(rate)));
        }
        Measured {
            operations: count() - first,
            seconds: start.elapsed().as_secs_f64(),
            load: CpuTimes::read(pid).since(&times),
        }
    }
}

impl Measured {
    /// Returns operations per second.
    pub(crate) fn rate(&self) -> f64 {
        self.operations as f64 / self.seconds
    }

    /// Returns what an operation cost.
    pub(crate) fn cost(&self) -> Cost {
        let millions = self.operations.max(1) as f64 / 1e6;
        Cost {
            server_per_million: self.load.server.map(|seconds| seconds / millions),
            server_cores: self.load.server.map(|seconds| seconds / self.seconds),
            client_cores: self.load.own.map(|seconds| seconds / self.seconds),
        }
    }
}

impl Throughput {
    /// Makes the figures of a measurement.
    pub(crate) fn new(measured: Measured, lost: u64) -> Throughput {
        Throughput {
            rate: measured.rate(),
            lost,
            cost: measured.cost(),
        }
    }
}

/// Makes a payload of some bytes that is a JSON value: a string, or a number where a string does not fit.
pub(crate) fn payload(size: usize) -> Vec<u8> {
    match size {
        0 => Vec::new(),
        1 => b"1".to_vec(),
        _ => [b"\"", &vec![b'x'; size - 2][..], b"\""].concat(),
    }
}

/// How often a terminal is told how it goes.
const STEP: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_json_of_the_size_asked_for() {
        for size in 1..10 {
            let payload = payload(size);
            assert_eq!(payload.len(), size);
            serde_json::from_slice::<serde_json::Value>(&payload).unwrap();
        }
    }

    #[test]
    fn costs_are_per_million_and_per_second() {
        let load = Load {
            server: Some(1.0),
            own: None,
        };
        let measured = Measured {
            operations: 4_000_000,
            seconds: 2.0,
            load,
        };
        assert_eq!(measured.rate(), 2e6);
        assert_eq!(measured.cost().server_per_million, Some(0.25));
        assert_eq!(measured.cost().server_cores, Some(0.5));
        assert_eq!(measured.cost().client_cores, None);
    }
}
