//! The comparison with another broker: both run side by side and take turns, and each row is a ratio of one run.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::binary::Binary;
use super::figures::{Spread, short};
use super::lines::Lines;
use super::measurement::Period;
use super::progress::Progress;
use super::rows::{Row, Sample, Workload};
use super::server::{Program, Server};
use super::wire::Wire;
use super::{idle, pubsub, request};
use crate::failure::Failure;
use crate::output::Output;

/// What is compared, and how.
#[derive(Debug)]
pub(crate) struct Versus {
    /// The other broker.
    pub(crate) program: Program,
    /// The rows wanted.
    pub(crate) rows: Vec<&'static Row>,
    /// Turns of each side.
    pub(crate) rounds: usize,
    /// How long a turn takes.
    pub(crate) period: Period,
    /// Idle connections.
    pub(crate) connections: usize,
}

/// One row of the comparison.
#[derive(Debug, Serialize)]
struct Outcome {
    row: &'static str,
    ours: Option<f64>,
    theirs: Option<f64>,
    unit: &'static str,
    ratio: Option<f64>,
    ratio_min: Option<f64>,
    ratio_max: Option<f64>,
    rounds: usize,
    /// Messages that never came, of both sides.
    lost: u64,
    /// Cores that the load generator kept busy on our turns. Where it is near a whole one, the generator may be what
    /// is measured.
    client_cores: Option<f64>,
}

/// One turn of each side.
type Round = (Sample, Sample);

impl Versus {
    /// Runs every row and prints each when it is done.
    pub(crate) async fn run<P: Wire>(&self, json: bool, out: &mut Output) -> Result<(), Failure> {
        let ours = Program::buslane()?;
        if !json {
            self.print_heading(out)?;
        }
        for rows in self.rows.chunk_by(|one, next| one.workload == next.workload) {
            let rounds = match rows[0].workload {
                Workload::Idle => self.alternate_fresh::<P>(&ours).await?,
                workload => self.alternate::<P>(&ours, workload).await?,
            };
            for row in rows {
                let outcome = Outcome::new(row, &rounds);
                if json {
                    out.json(&outcome)?
                } else {
                    outcome.print(row, out)?
                }
            }
            out.flush()?;
        }
        Ok(())
    }

    fn print_heading(&self, out: &mut Output) -> Result<(), Failure> {
        let version = self.program.version().unwrap_or_else(|| "the peer".into());
        out.line(format_args!(
            "buslane {} beside {version}, {} rounds",
            env!("CARGO_PKG_VERSION"),
            self.rounds
        ))?;
        out.line(format_args!(
            "{:<13} {:>10} {:>10}  {:<13} {:>6}  RANGE",
            "ROW", "OURS", "THEIRS", "UNIT", "RATIO"
        ))?;
        out.flush()
    }

    /// Lets both servers run and gives them turns.
    async fn alternate<P: Wire>(&self, program: &Program, workload: Workload) -> anyhow::Result<Vec<Round>> {
        let (ours, theirs) = (program.start::<Binary>().await?, self.program.start::<P>().await?);
        let mut rounds = Vec::with_capacity(self.rounds);
        for round in 1..=self.rounds {
            let progress = self.progress(workload, round, "buslane");
            let our_turn = self
                .our_turn(&ours, workload, &progress)
                .await
                .context("buslane")?;
            let progress = self.progress(workload, round, "peer");
            let their_turn = self
                .turn::<P>(&theirs, workload, &progress)
                .await
                .context("the peer")?;
            rounds.push((our_turn, their_turn));
        }
        Ok(rounds)
    }

    /// Starts both servers anew for each turn.
    async fn alternate_fresh<P: Wire>(&self, program: &Program) -> anyhow::Result<Vec<Round>> {
        let mut rounds = Vec::with_capacity(self.rounds);
        for round in 1..=self.rounds {
            let progress = self.progress(Workload::Idle, round, "buslane");
            let our_turn = self
                .fresh_turn::<Binary>(program, &progress)
                .await
                .context("buslane")?;
            let progress = self.progress(Workload::Idle, round, "peer");
            let their_turn = self
                .fresh_turn::<P>(&self.program, &progress)
                .await
                .context("the peer")?;
            rounds.push((our_turn, their_turn));
        }
        Ok(rounds)
    }

    /// Measures this broker, with a contract where the workload has one.
    async fn our_turn(
        &self,
        server: &Server,
        workload: Workload,
        progress: &Progress,
    ) -> anyhow::Result<Sample> {
        let declared = match workload.contract() {
            Some(contract) => Some(contract.declare(server.target()).await?),
            None => None,
        };
        let sample = match workload {
            Workload::OneToOneJson => self.turn::<Lines>(server, workload, progress).await,
            _ => self.turn::<Binary>(server, workload, progress).await,
        };
        drop(declared);
        sample
    }

    async fn turn<W: Wire>(
        &self,
        server: &Server,
        workload: Workload,
        progress: &Progress,
    ) -> anyhow::Result<Sample> {
        let target = server.target();
        if let Some(requests) = workload.requests() {
            return Ok(Sample::Latency(
                request::measure::<W>(target, self.period, requests, progress).await?,
            ));
        }
        let shape = workload.pubsub().context("this workload needs fresh servers")?;
        let traffic = match workload.contract() {
            Some(contract) => shape.carrying(contract.payload.into()),
            None => shape.traffic(),
        };
        Ok(Sample::Throughput(
            pubsub::measure::<W>(target, self.period, &traffic, progress).await?,
        ))
    }

    async fn fresh_turn<W: Wire>(&self, program: &Program, progress: &Progress) -> anyhow::Result<Sample> {
        let server = program.start::<W>().await?;
        tokio::time::sleep(REST).await;
        let idle = idle::measure::<W>(server.target(), self.connections, REST, progress).await?;
        Ok(Sample::Idle {
            idle,
            started_in: server.started_in,
        })
    }

    fn progress(&self, workload: Workload, round: usize, side: &str) -> Progress {
        let names: Vec<_> = self
            .rows
            .iter()
            .filter(|row| row.workload == workload)
            .map(|row| row.name)
            .collect();
        Progress::new(format!(
            "{} round {round}/{} {side}",
            names.join(","),
            self.rounds
        ))
    }
}

impl Outcome {
    fn new(row: &Row, rounds: &[Round]) -> Outcome {
        let figures: Vec<_> = rounds
            .iter()
            .filter_map(|(ours, theirs)| Some(((row.figure)(ours)?, (row.figure)(theirs)?)))
            .collect();
        let ratio = Spread::of(
            figures
                .iter()
                .map(|(ours, theirs)| row.better.ratio(*ours, *theirs)),
        );
        let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
        Outcome {
            row: row.name,
            ours: median(Spread::of(figures.iter().map(|(ours, _)| *ours))),
            theirs: median(Spread::of(figures.iter().map(|(_, theirs)| *theirs))),
            unit: row.unit,
            ratio: median(ratio),
            ratio_min: ratio.map(|ratio| ratio.min),
            ratio_max: ratio.map(|ratio| ratio.max),
            rounds: rounds.len(),
            lost: rounds
                .iter()
                .map(|(ours, theirs)| ours.lost() + theirs.lost())
                .sum(),
            client_cores: median(Spread::of(
                rounds.iter().filter_map(|(ours, _)| ours.client_cores()),
            )),
        }
    }

    fn print(&self, row: &Row, out: &mut Output) -> Result<(), Failure> {
        let figure = |figure: Option<f64>| figure.map_or_else(|| "-".into(), short);
        let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".into(), |ratio| format!("{ratio:.2}"));
        let lost = if self.lost > 0 {
            format!("  {} lost", self.lost)
        } else {
            String::new()
        };
        out.line(format_args!(
            "{:<13} {:>10} {:>10}  {:<13} {:>6}  {:<11} {}{lost}",
            self.row,
            figure(self.ours),
            figure(self.theirs),
            self.unit,
            ratio(self.ratio),
            format!("{}-{}", ratio(self.ratio_min), ratio(self.ratio_max)),
            row.title,
        ))
    }
}

/// How long a server rests before its memory is read.
const REST: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measurement::{Cost, Throughput};
    use crate::bench::rows::select;

    fn rate(rate: f64, lost: u64) -> Sample {
        Sample::Throughput(Throughput {
            rate,
            lost,
            cost: Cost::default(),
        })
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let rounds = [
            (rate(30.0, 0), rate(10.0, 1)),
            (rate(10.0, 2), rate(10.0, 0)),
            (rate(40.0, 0), rate(20.0, 0)),
        ];
        let outcome = Outcome::new(select(["A"]).unwrap()[0], &rounds);
        assert_eq!((outcome.ours, outcome.theirs), (Some(30.0), Some(10.0)));
        assert_eq!(
            (outcome.ratio, outcome.ratio_min, outcome.ratio_max),
            (Some(2.0), Some(1.0), Some(3.0))
        );
        assert_eq!(outcome.lost, 3);
    }

    #[test]
    fn a_figure_that_the_system_does_not_tell_is_absent() {
        let outcome = Outcome::new(select(["A-cpu"]).unwrap()[0], &[(rate(1.0, 0), rate(1.0, 0))]);
        assert_eq!((outcome.ours, outcome.ratio), (None, None));
    }
}
