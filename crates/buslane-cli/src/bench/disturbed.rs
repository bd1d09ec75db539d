//! Measures somebody's requests while somebody else attacks: by turns without and with the attack, so that a ratio is of
//! one run, and with what the broker held meanwhile.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::disturbance::Disturbance;
use super::figures::Spread;
use super::measurement::{Period, Target};
use super::process::resident_kib;
use super::progress::Progress;
use super::report::Report;
use super::request::{self, Latency, Requests};
use super::wire::Wire;

/// What became of somebody's requests under an attack.
#[derive(Clone, Debug)]
pub(crate) struct Disturbed {
    /// Turns without the attack.
    calm: Vec<Latency>,
    /// Turns with it.
    attacked: Vec<Latency>,
    /// The most that the broker accounted for.
    accounted: u64,
    /// What it may account for.
    cap: u64,
    /// The most memory that it took, in KiB.
    resident: Option<u64>,
}

impl Disturbed {
    /// Adds the figures to a report.
    pub(crate) fn report(&self, report: Report) -> Report {
        let of = |turns: &[Latency], figure: fn(&Latency) -> f64| Spread::of(turns.iter().map(figure));
        let median = |turns: &[Latency], figure| of(turns, figure).map(|spread| spread.median);
        let ratio = |figure: fn(&Latency) -> f64| {
            let ratios = self.calm.iter().zip(&self.attacked);
            Spread::of(ratios.map(|(calm, attacked)| figure(attacked) / figure(calm)))
        };
        let (p50, p99) = (ratio(|latency| latency.p50), ratio(|latency| latency.p99));
        let allowed = self.cap as f64 / KIB * RESIDENT_SHARE + RESIDENT_BASE_KIB;
        report
            .figure(
                "calm_p50_us",
                "p50 undisturbed",
                "us",
                median(&self.calm, |turn| turn.p50),
            )
            .figure(
                "p50_us",
                "disturbed",
                "us",
                median(&self.attacked, |turn| turn.p50),
            )
            .figure("p50_ratio", "ratio", "times", p50.map(|spread| spread.median))
            .figure(
                "calm_p99_us",
                "p99 undisturbed",
                "us",
                median(&self.calm, |turn| turn.p99),
            )
            .figure(
                "p99_us",
                "disturbed",
                "us",
                median(&self.attacked, |turn| turn.p99),
            )
            .figure("p99_ratio", "ratio", "times", p99.map(|spread| spread.median))
            .figure("p99_ratio_min", "at best", "times", p99.map(|spread| spread.min))
            .figure("p99_ratio_max", "at worst", "times", p99.map(|spread| spread.max))
            .figure("accounted_kib", "accounted", "KiB", self.accounted as f64 / KIB)
            .figure("cap_kib", "of", "KiB", self.cap as f64 / KIB)
            .figure("rss_kib", "memory", "KiB", self.resident.map(|kib| kib as f64))
            .figure("rss_allowed_kib", "of", "KiB", allowed)
    }
}

/// Times requests, by turns alone and under an attack.
pub(crate) async fn measure<W: Wire>(
    target: Target,
    period: Period,
    (disturbance, connections): (Disturbance, usize),
    progress: &Progress,
) -> io::Result<Disturbed> {
    let mut disturbed = Disturbed {
        calm: Vec::new(),
        attacked: Vec::new(),
        accounted: 0,
        cap: 0,
        resident: None,
    };
    for _ in 0..ROUNDS {
        let requests = Requests::new(1, SIZE);
        let calm = request::measure::<W>(target, period, requests, progress).await?;
        let disturber = disturbance.begin(target.address, connections).await?;
        let attacked = request::measure::<W>(target, period, requests, progress).await?;
        let held = held(target.address).await?;
        disturbed.resident = disturbed.resident.max(target.pid.and_then(resident_kib));
        disturber.end()?;
        disturbed.accounted = disturbed.accounted.max(held.accounted);
        disturbed.cap = held.cap;
        disturbed.calm.push(calm);
        disturbed.attacked.push(attacked);
    }
    Ok(disturbed)
}

/// What the broker says that it holds.
struct Held {
    accounted: u64,
    cap: u64,
}

/// Asks the broker for its figures.
async fn held(address: SocketAddr) -> io::Result<Held> {
    let mut socket = TcpStream::connect(address).await?;
    let ask = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    socket.write_all(ask).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    let figure = |name: &str| {
        let mut lines = answer.lines().filter_map(|line| line.split_once(' '));
        let value = lines.find(|(found, _)| *found == name)?.1;
        value.parse::<f64>().ok().map(|value| value as u64)
    };
    let missing = || io::Error::other("the broker does not tell what it holds");
    Ok(Held {
        accounted: figure("buslane_memory_bytes").ok_or_else(missing)?,
        cap: figure("buslane_memory_limit_bytes").ok_or_else(missing)?,
    })
}

/// Turns without the attack, and as many with it.
const ROUNDS: usize = 3;
/// Bytes of a request's payload.
const SIZE: usize = 128;
/// Bytes of a KiB.
const KIB: f64 = 1_024.0;
/// How often what is accounted for may be in memory.
const RESIDENT_SHARE: f64 = 1.2;
/// Memory that a broker may take beside what it accounts for, in KiB.
const RESIDENT_BASE_KIB: f64 = 16_384.0;
