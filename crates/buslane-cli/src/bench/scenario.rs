//! Measurements of one broker: runs what a scenario consists of and prints the figures of each.

use std::io;

use super::arguments::{BenchArguments, Encoding, Scenario};
use super::binary::Binary;
use super::disturbance::Disturbance;
use super::figures::Spread;
use super::lines::Lines;
use super::measurement::{Period, Target};
use super::process::{raise_file_limit, resident_kib};
use super::progress::Progress;
use super::pubsub::{PubSub, Traffic};
use super::report::Report;
use super::request::Requests;
use super::rows::{SIZE, Workload};
use super::server::{Program, Server};
use super::wire::{self, Own, Wire};
use super::{contract, disturbed, growth, idle, pubsub, request, service};
use crate::arguments::ConnectionArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::refusal::NO_BROKER;

/// Runs a scenario in the encoding that the user asks for, or in both.
pub(crate) async fn run(
    scenario: Scenario,
    arguments: &BenchArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let named = arguments.address(connection).await?;
    let mut bench = Bench {
        arguments,
        named,
        out,
    };
    if matches!(arguments.encoding(), Encoding::Binary | Encoding::Both) {
        bench.run::<Binary>(scenario, "binary").await?;
    }
    if matches!(arguments.encoding(), Encoding::Json | Encoding::Both) {
        bench.run::<Lines>(scenario, "json").await?;
    }
    Ok(())
}

/// What every scenario needs to know.
struct Bench<'a> {
    arguments: &'a BenchArguments,
    /// The broker that the user names.
    named: Option<std::net::SocketAddr>,
    out: &'a mut Output,
}

impl Bench<'_> {
    async fn run<W: Own>(&mut self, scenario: Scenario, encoding: &'static str) -> Result<(), Failure> {
        match scenario {
            Scenario::Throughput => {
                for shape in self.throughput_shapes() {
                    self.publish::<W>("throughput", encoding, shape).await?;
                }
                Ok(())
            }
            Scenario::FanOut => {
                let size = self.arguments.size().unwrap_or(SIZE);
                for subscribers in FAN_OUT {
                    let shape = shape_of(Workload::FanOut(subscribers), size);
                    self.publish::<W>("fan-out", encoding, shape).await?;
                }
                Ok(())
            }
            Scenario::ManyToMany => {
                let size = self.arguments.size().unwrap_or(SIZE);
                let shape = shape_of(Workload::ManyToMany, size);
                self.publish::<W>("many-to-many", encoding, shape).await
            }
            Scenario::Pubsub => {
                self.publish::<W>("pubsub", encoding, self.arguments.pubsub()?)
                    .await
            }
            Scenario::Request => self.request::<W>(encoding).await,
            Scenario::Idle => self.idle::<W>(encoding).await,
            Scenario::Startup => self.startup::<W>(encoding).await,
            Scenario::Contracts => self.contracts::<W>(encoding).await,
            Scenario::Registrations => self.registrations::<W>(encoding).await,
            Scenario::Disturbed => self.disturbed::<W>(encoding).await,
            Scenario::Growth => self.growth::<W>(encoding).await,
        }
    }

    /// Returns one publisher to one subscriber in every size, or in the one that the user names, and once with a write
    /// per message.
    fn throughput_shapes(&self) -> Vec<PubSub> {
        let named = self.arguments.size();
        let sizes = named.map_or(SIZES.to_vec(), |size| vec![size]);
        let batched = sizes.into_iter().map(|size| PubSub::new(1, 1, 1, size));
        let single = shape_of(Workload::SingleWrites, named.unwrap_or(SIZE));
        batched.chain([single]).collect()
    }

    async fn publish<W: Wire>(
        &mut self,
        scenario: &'static str,
        encoding: &'static str,
        shape: PubSub,
    ) -> Result<(), Failure> {
        let broker = self.broker::<W>().await?;
        let report = Report::new(scenario, encoding).shape(&shape);
        self.publish_to::<W>(&broker, report, &shape.traffic()).await
    }

    async fn publish_to<W: Wire>(
        &mut self,
        broker: &Broker,
        report: Report,
        traffic: &Traffic,
    ) -> Result<(), Failure> {
        let progress = Progress::new("measuring");
        let figures = pubsub::measure::<W>(broker.target(), self.period(), traffic, &progress).await?;
        drop(progress);
        self.print(&report.throughput(&figures))
    }

    async fn request<W: Wire>(&mut self, encoding: &'static str) -> Result<(), Failure> {
        for outstanding in self.arguments.outstanding() {
            let broker = self.broker::<W>().await?;
            let shape = Requests::new(outstanding, self.arguments.size().unwrap_or(SIZE));
            let progress = Progress::new("measuring");
            let figures = request::measure::<W>(broker.target(), self.period(), shape, &progress).await?;
            drop(progress);
            let report = Report::new("request", encoding)
                .setting("outstanding", shape.outstanding)
                .setting("size", shape.size);
            self.print(&report.latency(&figures))?;
        }
        Ok(())
    }

    async fn idle<W: Wire>(&mut self, encoding: &'static str) -> Result<(), Failure> {
        let connections = self.arguments.connections(raise_file_limit())?;
        let broker = self.broker::<W>().await?;
        let progress = Progress::new("connecting");
        let rest = self.period().measured;
        let figures = idle::measure::<W>(broker.target(), connections, rest, &progress).await?;
        drop(progress);
        let report = Report::new("idle", encoding).setting("connections", connections);
        self.print(&report.idle(&figures))
    }

    /// Starts a broker of our own several times.
    async fn startup<W: Wire>(&mut self, encoding: &'static str) -> Result<(), Failure> {
        self.refuse_named("startup")?;
        let program = Program::buslane()?;
        let rounds = self.arguments.rounds();
        let progress = Progress::new("starting");
        let (mut times, mut memory) = (Vec::new(), Vec::new());
        for round in 1..=rounds {
            progress.show(format_args!("{round}/{rounds}"));
            let server = program.start::<W>().await?;
            times.push(server.started_in);
            memory.extend(server.target().pid.and_then(resident_kib).map(|kib| kib as f64));
        }
        drop(progress);
        let time = Spread::of(times);
        let report = Report::new("startup", encoding)
            .setting("rounds", rounds)
            .figure("ms", "first session", "ms", time.map(|time| time.median))
            .figure("ms_min", "at best", "ms", time.map(|time| time.min))
            .figure("ms_max", "at worst", "ms", time.map(|time| time.max))
            .figure(
                "rss_kib",
                "memory",
                "KiB",
                Spread::of(memory).map(|memory| memory.median),
            );
        self.print(&report)
    }

    /// Publishes the payload of each contract twice: first to a topic that has none, then to one that does.
    async fn contracts<W: Wire>(&mut self, encoding: &'static str) -> Result<(), Failure> {
        for contract in [contract::SMALL, contract::LARGE] {
            let shape = PubSub::new(1, 1, 1, contract.payload.len());
            let traffic = shape.carrying(contract.payload.into());
            for validated in [false, true] {
                let broker = self.broker::<W>().await?;
                let declared = match validated {
                    true => Some(contract.declare(broker.target()).await?),
                    false => None,
                };
                let report = Report::new("contracts", encoding)
                    .setting("fields", contract.fields)
                    .setting("size", shape.size)
                    .setting("validated", validated);
                self.publish_to::<W>(&broker, report, &traffic).await?;
                drop(declared);
            }
        }
        Ok(())
    }

    async fn registrations<W: Own>(&mut self, encoding: &'static str) -> Result<(), Failure> {
        self.refuse_named("registrations")?;
        let services = self.arguments.services();
        let broker = Program::buslane()?
            .with("BUSLANE_LIMITS_REGISTRATIONS", services)
            .with("BUSLANE_LIMITS_MEMORY", MEMORY)
            .start::<W>()
            .await?;
        let progress = Progress::new("registering");
        let figures = service::measure::<W>(broker.target(), services, &progress).await?;
        drop(progress);
        let report = Report::new("registrations", encoding)
            .setting("services", services)
            .setting("schemas", service::SCHEMAS);
        self.print(&report.registered(&figures))
    }

    /// Times requests while a broker with little memory is attacked.
    async fn disturbed<W: Wire>(&mut self, encoding: &'static str) -> Result<(), Failure> {
        let connections = self.arguments.connections(raise_file_limit())?;
        for disturbance in Disturbance::ALL {
            let broker = match self.named {
                Some(_) => self.broker::<W>().await?,
                None => {
                    let program = Program::buslane()?
                        .with("BUSLANE_LIMITS_MEMORY", DISTURBED_MEMORY)
                        .with("BUSLANE_LIMITS_RETAINED", DISTURBED_RETAINED);
                    Broker::Own(program.start::<W>().await?)
                }
            };
            let progress = Progress::new(disturbance.to_string());
            let attack = (disturbance, connections);
            let figures = disturbed::measure::<W>(broker.target(), self.period(), attack, &progress).await?;
            drop(progress);
            let report = Report::new("disturbed", encoding).setting("attack", disturbance.to_string());
            self.print(&figures.report(report))?;
        }
        Ok(())
    }

    async fn growth<W: Own>(&mut self, encoding: &'static str) -> Result<(), Failure> {
        self.refuse_named("growth")?;
        for axis in self.arguments.axes() {
            let most = self.arguments.most(axis.most());
            axis.check(most, raise_file_limit())?;
            let mut first = None;
            for count in growth::steps(most) {
                let progress = Progress::new(format!("{axis}: {count}"));
                let step = growth::measure::<W>(*axis, count, self.period(), &progress).await?;
                drop(progress);
                first = first.or(step.microseconds);
                let report = Report::new("growth", encoding)
                    .setting("axis", axis.to_string())
                    .setting("count", count);
                self.print(&report.growth(&step, first))?;
            }
        }
        Ok(())
    }

    /// Refuses a broker that runs already where it would have to be started anew, with other limits.
    fn refuse_named(&self, scenario: &str) -> Result<(), Failure> {
        match self.named {
            None => Ok(()),
            Some(_) => Err(
                Failure::usage(format_args!("{scenario} measures brokers that it starts itself"))
                    .hint("leave out --url, and clear BUSLANE_URL"),
            ),
        }
    }

    /// Finds the broker that the user names, or starts one.
    async fn broker<W: Wire>(&self) -> Result<Broker, Failure> {
        let Some(address) = self.named else {
            return Ok(Broker::Own(Program::buslane()?.start::<W>().await?));
        };
        wire::open::<W>(address)
            .await
            .map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionRefused => {
                    Failure::failed(format_args!("no broker answers at {address}: {error}")).hint(NO_BROKER)
                }
                _ => Failure::failed(format_args!("no session begins at {address}: {error}")),
            })?;
        Ok(Broker::Named(Target {
            address,
            pid: self.arguments.pid(),
        }))
    }

    fn period(&self) -> Period {
        self.arguments.period(WARMUP, MEASURED)
    }

    fn print(&mut self, report: &Report) -> Result<(), Failure> {
        report.print(self.arguments.json(), self.out)
    }
}

/// The broker that is measured.
enum Broker {
    /// One that the user runs.
    Named(Target),
    /// One of our own, which ends with the measurement.
    Own(Server),
}

impl Broker {
    fn target(&self) -> Target {
        match self {
            Broker::Named(target) => *target,
            Broker::Own(server) => server.target(),
        }
    }
}

/// Returns the publishers and subscribers of a workload with payloads of another size.
fn shape_of(workload: Workload, size: usize) -> PubSub {
    let shape = workload.pubsub().expect("the workload has publishers");
    PubSub { size, ..shape }
}

/// Bytes of a payload, measurement by measurement.
const SIZES: [usize; 4] = [16, 128, 1 << 10, 16 << 10];
/// Subscribers of one publisher, measurement by measurement.
const FAN_OUT: [usize; 2] = [100, 1_000];
/// Memory that many services have room in.
const MEMORY: &str = "4GiB";
/// Memory of a broker that is attacked.
const DISTURBED_MEMORY: &str = "64MiB";
/// The part of it that retained values may have, as large as by default.
const DISTURBED_RETAINED: &str = "16MiB";
/// Seconds before a measurement unless told otherwise.
const WARMUP: f64 = 0.5;
/// Seconds of a measurement unless told otherwise.
const MEASURED: f64 = 2.0;
