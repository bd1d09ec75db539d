//! One measurement of one broker: runs it and prints its figures.

use serde::Serialize;
use serde_json::{Map, Value};

use super::arguments::{BenchArguments, Encoding, Scenario};
use super::binary::Binary;
use super::figures::{Spread, short};
use super::lines::Lines;
use super::measurement::{Cost, Target};
use super::process::{raise_file_limit, resident_kib};
use super::progress::Progress;
use super::server::{Program, Server};
use super::wire::Wire;
use super::{idle, pubsub, request};
use crate::failure::Failure;
use crate::output::Output;

/// Runs a scenario in the encoding that the user asks for.
pub(crate) async fn run(
    scenario: Scenario,
    arguments: &BenchArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    match arguments.encoding() {
        Encoding::Binary => run_over::<Binary>(scenario, arguments, out).await,
        Encoding::Json => run_over::<Lines>(scenario, arguments, out).await,
    }
}

async fn run_over<W: Wire>(
    scenario: Scenario,
    arguments: &BenchArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    if scenario == Scenario::Startup {
        return startup::<W>(arguments).await?.print(arguments, out);
    }
    let shape = arguments.pubsub()?;
    let files = raise_file_limit();
    let broker = Broker::find::<W>(arguments).await?;
    let period = arguments.period(0.5, 2.0);
    let progress = Progress::new("measuring");
    match scenario {
        Scenario::Pubsub => {
            let figures = pubsub::measure::<W>(broker.target(), period, &shape, &progress).await?;
            drop(progress);
            pubsub_report(&shape, &figures).print(arguments, out)
        }
        Scenario::Request => {
            let shape = arguments.requests();
            let figures = request::measure::<W>(broker.target(), period, shape, &progress).await?;
            drop(progress);
            request_report(shape, &figures).print(arguments, out)
        }
        Scenario::Idle | Scenario::Startup => {
            let connections = arguments.connections(files);
            let figures =
                idle::measure::<W>(broker.target(), connections, period.measured, &progress).await?;
            drop(progress);
            idle_report(&figures).print(arguments, out)
        }
    }
}

/// The broker that is measured.
enum Broker {
    /// One that the user runs.
    Foreign(Target),
    /// One of our own, which ends with the measurement.
    Own(Server),
}

impl Broker {
    async fn find<W: Wire>(arguments: &BenchArguments) -> Result<Broker, Failure> {
        match arguments.address().await? {
            Some(address) => Ok(Broker::Foreign(Target {
                address,
                pid: arguments.pid(),
            })),
            None => Ok(Broker::Own(Program::buslane()?.start::<W>().await?)),
        }
    }

    fn target(&self) -> Target {
        match self {
            Broker::Foreign(target) => *target,
            Broker::Own(server) => server.target(),
        }
    }
}

/// Figures of a scenario, in the order in which they are printed.
struct Report {
    scenario: &'static str,
    setting: Vec<(&'static str, usize)>,
    figures: Vec<Figure>,
}

/// One figure: its name in JSON, and what people call it.
struct Figure {
    member: &'static str,
    title: &'static str,
    unit: &'static str,
    value: Option<f64>,
}

/// A report as machines read it.
#[derive(Serialize)]
struct Line {
    scenario: &'static str,
    encoding: &'static str,
    #[serde(flatten)]
    members: Map<String, Value>,
}

impl Report {
    fn print(&self, arguments: &BenchArguments, out: &mut Output) -> Result<(), Failure> {
        let encoding = match arguments.encoding() {
            Encoding::Binary => "binary",
            Encoding::Json => "json",
        };
        if arguments.json() {
            return out.json(&Line {
                scenario: self.scenario,
                encoding,
                members: self.members(),
            });
        }
        let setting: Vec<_> = self
            .setting
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        out.line(format_args!(
            "{}: {}",
            self.scenario,
            [setting.join(", "), encoding.into()].join(", ")
        ))?;
        for figure in &self.figures {
            let value = figure.value.map_or_else(|| "-".into(), short);
            out.line(format_args!("  {:<16} {value:>8} {}", figure.title, figure.unit))?;
        }
        Ok(())
    }

    fn members(&self) -> Map<String, Value> {
        let setting = self
            .setting
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let figures = self
            .figures
            .iter()
            .map(|figure| (figure.member.to_owned(), figure.value.map_or(Value::Null, number)));
        setting.chain(figures).collect()
    }
}

/// Makes a number of JSON, a whole one where it can be.
fn number(figure: f64) -> Value {
    if figure.fract() == 0.0 && figure.abs() < 1e15 {
        Value::from(figure as i64)
    } else {
        Value::from(figure)
    }
}

fn pubsub_report(shape: &pubsub::PubSub, figures: &super::measurement::Throughput) -> Report {
    let mut report = Report {
        scenario: "pubsub",
        setting: vec![
            ("publishers", shape.publishers),
            ("subscribers", shape.subscribers),
            ("topics", shape.topics),
            ("size", shape.size),
            ("batch", shape.batch as usize),
            ("window", shape.window as usize),
        ],
        figures: vec![
            Figure {
                member: "rate",
                title: "delivered",
                unit: "msg/s",
                value: Some(figures.rate),
            },
            Figure {
                member: "lost",
                title: "lost",
                unit: "messages",
                value: Some(figures.lost as f64),
            },
        ],
    };
    report.figures.extend(cost_figures(&figures.cost));
    report
}

fn request_report(shape: request::Requests, figures: &request::Latency) -> Report {
    let mut report = Report {
        scenario: "request",
        setting: vec![("outstanding", shape.outstanding), ("size", shape.size)],
        figures: vec![
            Figure {
                member: "rate",
                title: "answered",
                unit: "req/s",
                value: Some(figures.rate),
            },
            Figure {
                member: "p50_us",
                title: "p50",
                unit: "us",
                value: Some(figures.p50),
            },
            Figure {
                member: "p99_us",
                title: "p99",
                unit: "us",
                value: Some(figures.p99),
            },
            Figure {
                member: "p999_us",
                title: "p99.9",
                unit: "us",
                value: Some(figures.p999),
            },
        ],
    };
    report.figures.extend(cost_figures(&figures.cost));
    report
}

fn idle_report(figures: &idle::Idle) -> Report {
    let kib = |kib: Option<u64>| kib.map(|kib| kib as f64);
    Report {
        scenario: "idle",
        setting: vec![("connections", figures.connections)],
        figures: vec![
            Figure {
                member: "connects",
                title: "begun",
                unit: "sessions/s",
                value: Some(figures.connects),
            },
            Figure {
                member: "rss_before_kib",
                title: "before",
                unit: "KiB",
                value: kib(figures.resident_before),
            },
            Figure {
                member: "rss_after_kib",
                title: "after",
                unit: "KiB",
                value: kib(figures.resident_after),
            },
            Figure {
                member: "kib_per_connection",
                title: "a connection",
                unit: "KiB",
                value: figures.kib_per_connection(),
            },
        ],
    }
}

/// Starts a broker of our own several times.
async fn startup<W: Wire>(arguments: &BenchArguments) -> anyhow::Result<Report> {
    let program = Program::buslane()?;
    let progress = Progress::new("starting");
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds() {
        progress.show(format_args!("{round}/{}", arguments.rounds()));
        let server = program.start::<W>().await?;
        times.push(server.started_in);
        memory.extend(server.target().pid.and_then(resident_kib).map(|kib| kib as f64));
    }
    let time = Spread::of(times);
    Ok(Report {
        scenario: "startup",
        setting: vec![("rounds", arguments.rounds())],
        figures: vec![
            Figure {
                member: "ms",
                title: "first session",
                unit: "ms",
                value: time.map(|time| time.median),
            },
            Figure {
                member: "ms_min",
                title: "at best",
                unit: "ms",
                value: time.map(|time| time.min),
            },
            Figure {
                member: "ms_max",
                title: "at worst",
                unit: "ms",
                value: time.map(|time| time.max),
            },
            Figure {
                member: "rss_kib",
                title: "memory",
                unit: "KiB",
                value: Spread::of(memory).map(|memory| memory.median),
            },
        ],
    })
}

fn cost_figures(cost: &Cost) -> [Figure; 3] {
    [
        Figure {
            member: "broker_cpu_s_per_million",
            title: "broker CPU",
            unit: "s per 1M",
            value: cost.server_per_million,
        },
        Figure {
            member: "broker_cores",
            title: "broker",
            unit: "cores",
            value: cost.server_cores,
        },
        Figure {
            member: "client_cores",
            title: "load generator",
            unit: "cores",
            value: cost.client_cores,
        },
    ]
}
