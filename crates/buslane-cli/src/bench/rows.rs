//! The rows of the comparison with other brokers: what is measured, in which unit, and which side of it is better.

use super::contract::{self, Contract};
use super::idle::Idle;
use super::measurement::Throughput;
use super::pubsub::PubSub;
use super::request::{Latency, Requests};

/// One figure of the comparison.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its name, as `--rows` takes it.
    pub(crate) name: &'static str,
    /// What it says, for people.
    pub(crate) title: &'static str,
    /// The unit of both sides' figures.
    pub(crate) unit: &'static str,
    /// What has to run for it; rows that stand together share a run.
    pub(crate) workload: Workload,
    /// Which side of the figure is better.
    pub(crate) better: Better,
    /// Finds it in what a run yields; `None` where the system does not tell.
    pub(crate) figure: fn(&Sample) -> Option<f64>,
}

/// Which side of a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    /// Rates.
    Higher,
    /// Times and memory.
    Lower,
}

/// What runs for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// One publisher to one subscriber, with payloads of some bytes.
    OneToOne(usize),
    /// The same with one write per message.
    SingleWrites,
    /// One publisher to one subscriber, this broker in lines of JSON.
    OneToOneJson,
    /// One publisher to some subscribers.
    FanOut(usize),
    /// Eight publishers to eight subscribers, over as many topics.
    ManyToMany,
    /// Some requests at a time.
    Requests(usize),
    /// One publisher to one subscriber, with payloads of some fields that this broker holds against a schema.
    Contract(usize),
    /// A fresh server and many connections that do nothing.
    Idle,
}

/// What a run of a [`Workload`] yields.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample {
    /// Of publishers and subscribers.
    Throughput(Throughput),
    /// Of requests.
    Latency(Latency),
    /// Of idle connections.
    Idle {
        /// What they cost.
        idle: Idle,
        /// Milliseconds from the server's start to its first session.
        started_in: f64,
    },
}

impl Workload {
    /// Returns the publishers and subscribers of the workload, if it has such.
    pub(crate) fn pubsub(self) -> Option<PubSub> {
        Some(match self {
            Workload::OneToOne(size) => PubSub::new(1, 1, 1, size),
            Workload::SingleWrites => PubSub::new(1, 1, 1, SIZE).batches_of(1, SINGLE_WINDOW),
            Workload::OneToOneJson => PubSub::new(1, 1, 1, SIZE),
            Workload::FanOut(subscribers) => {
                PubSub::new(1, subscribers, 1, SIZE).batches_of(FAN_OUT_BATCH, FAN_OUT_WINDOW)
            }
            Workload::ManyToMany => PubSub::new(8, 8, 8, SIZE),
            Workload::Contract(_) => PubSub::new(1, 1, 1, self.contract()?.payload.len()),
            Workload::Requests(_) | Workload::Idle => return None,
        })
    }

    /// Returns the contract that payloads are held against, if there is one.
    pub(crate) fn contract(self) -> Option<Contract> {
        let Workload::Contract(fields) = self else {
            return None;
        };
        [contract::SMALL, contract::LARGE]
            .into_iter()
            .find(|contract| contract.fields == fields)
    }

    /// Returns the requests of the workload, if it has such.
    pub(crate) fn requests(self) -> Option<Requests> {
        match self {
            Workload::Requests(outstanding) => Some(Requests::new(outstanding, SIZE)),
            _ => None,
        }
    }
}

impl Better {
    /// Returns how much better one figure is than another, above 1 if it is.
    pub(crate) fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Better::Higher => ours / theirs,
            Better::Lower => theirs / ours,
        }
    }
}

impl Sample {
    /// Returns the messages that never came.
    pub(crate) fn lost(&self) -> u64 {
        self.throughput().map_or(0, |throughput| throughput.lost)
    }

    /// Returns the cores that the load generator kept busy, if the system tells.
    pub(crate) fn client_cores(&self) -> Option<f64> {
        match self {
            Sample::Throughput(throughput) => throughput.cost.client_cores,
            Sample::Latency(latency) => latency.cost.client_cores,
            Sample::Idle { .. } => None,
        }
    }

    fn throughput(&self) -> Option<&Throughput> {
        if let Sample::Throughput(throughput) = self {
            Some(throughput)
        } else {
            None
        }
    }

    fn latency(&self) -> Option<&Latency> {
        if let Sample::Latency(latency) = self {
            Some(latency)
        } else {
            None
        }
    }

    fn idle(&self) -> Option<&Idle> {
        if let Sample::Idle { idle, .. } = self {
            Some(idle)
        } else {
            None
        }
    }

    fn rate(&self) -> Option<f64> {
        self.throughput().map(|throughput| throughput.rate)
    }

    fn started_in(&self) -> Option<f64> {
        if let Sample::Idle { started_in, .. } = self {
            Some(*started_in)
        } else {
            None
        }
    }
}

/// Finds rows by name, in any case; the error is the name that there is no row of.
pub(crate) fn select<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<&'static Row>, &'a str> {
    let wanted = names
        .into_iter()
        .map(|name| {
            ROWS.iter()
                .position(|row| row.name.eq_ignore_ascii_case(name))
                .ok_or(name)
        })
        .collect::<Result<std::collections::BTreeSet<_>, _>>()?;
    Ok(wanted.into_iter().map(|index| &ROWS[index]).collect())
}

/// Bytes of a payload unless a row says otherwise.
pub(crate) const SIZE: usize = 128;
/// Messages that may be undelivered where each is written alone.
const SINGLE_WINDOW: usize = 1_000;
/// Messages per write of a publisher with many subscribers.
const FAN_OUT_BATCH: usize = 16;
/// Messages that may be undelivered to many subscribers.
const FAN_OUT_WINDOW: usize = 256;

/// Every row, those of one workload side by side.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "A-16",
        title: "1 publisher, 1 subscriber, 16 B, binary",
        unit: "msg/s",
        workload: Workload::OneToOne(16),
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "A",
        title: "1 publisher, 1 subscriber, 128 B, binary",
        unit: "msg/s",
        workload: Workload::OneToOne(SIZE),
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "A-cpu",
        title: "the broker's CPU time at A",
        unit: "s per 1M msg",
        workload: Workload::OneToOne(SIZE),
        better: Better::Lower,
        figure: |sample| sample.throughput()?.cost.server_per_million,
    },
    Row {
        name: "A-1K",
        title: "A with 1 KiB",
        unit: "msg/s",
        workload: Workload::OneToOne(1 << 10),
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "A-16K",
        title: "A with 16 KiB",
        unit: "msg/s",
        workload: Workload::OneToOne(16 << 10),
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "A-single",
        title: "A with one write per message",
        unit: "msg/s",
        workload: Workload::SingleWrites,
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "A-json",
        title: "A in lines of JSON",
        unit: "msg/s",
        workload: Workload::OneToOneJson,
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "B",
        title: "1 publisher, 100 subscribers, 128 B",
        unit: "deliveries/s",
        workload: Workload::FanOut(100),
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "B-1000",
        title: "1 publisher, 1000 subscribers, 128 B",
        unit: "deliveries/s",
        workload: Workload::FanOut(1_000),
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "C",
        title: "8 publishers, 8 subscribers, 8 topics, 128 B",
        unit: "msg/s",
        workload: Workload::ManyToMany,
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "D",
        title: "request and reply, 1 outstanding, p50",
        unit: "us",
        workload: Workload::Requests(1),
        better: Better::Lower,
        figure: |sample| Some(sample.latency()?.p50),
    },
    Row {
        name: "D-p99",
        title: "request and reply, 1 outstanding, p99",
        unit: "us",
        workload: Workload::Requests(1),
        better: Better::Lower,
        figure: |sample| Some(sample.latency()?.p99),
    },
    Row {
        name: "D-p999",
        title: "request and reply, 1 outstanding, p99.9",
        unit: "us",
        workload: Workload::Requests(1),
        better: Better::Lower,
        figure: |sample| Some(sample.latency()?.p999),
    },
    Row {
        name: "D64",
        title: "request and reply, 64 outstanding",
        unit: "req/s",
        workload: Workload::Requests(64),
        better: Better::Higher,
        figure: |sample| Some(sample.latency()?.rate),
    },
    Row {
        name: "V-3",
        title: "A with 3 fields in 41 B, validated by us, not by them",
        unit: "msg/s",
        workload: Workload::Contract(3),
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "V",
        title: "A with 20 fields in 326 B, validated by us, not by them",
        unit: "msg/s",
        workload: Workload::Contract(20),
        better: Better::Higher,
        figure: Sample::rate,
    },
    Row {
        name: "F",
        title: "memory of an idle broker",
        unit: "KiB",
        workload: Workload::Idle,
        better: Better::Lower,
        figure: |sample| sample.idle()?.resident_before.map(|kib| kib as f64),
    },
    Row {
        name: "F-connection",
        title: "memory of an idle connection",
        unit: "KiB",
        workload: Workload::Idle,
        better: Better::Lower,
        figure: |sample| sample.idle()?.kib_per_connection(),
    },
    Row {
        name: "F-connects",
        title: "sessions begun",
        unit: "sessions/s",
        workload: Workload::Idle,
        better: Better::Higher,
        figure: |sample| Some(sample.idle()?.connects),
    },
    Row {
        name: "F-start",
        title: "start to first session",
        unit: "ms",
        workload: Workload::Idle,
        better: Better::Lower,
        figure: Sample::started_in,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_in_any_case_and_come_in_their_order() {
        let names = |rows: Vec<&Row>| rows.iter().map(|row| row.name).collect::<Vec<_>>();
        assert_eq!(names(select(["d64", "A"]).unwrap()), ["A", "D64"]);
        assert_eq!(select(["A", "Z"]).unwrap_err(), "Z");
    }

    #[test]
    fn rows_of_one_workload_stand_together() {
        let mut workloads: Vec<_> = ROWS.iter().map(|row| row.workload).collect();
        workloads.dedup();
        for (index, workload) in workloads.iter().enumerate() {
            assert!(!workloads[..index].contains(workload), "{workload:?}");
        }
    }

    #[test]
    fn every_row_has_something_to_run() {
        for row in ROWS {
            let runs = [row.workload.pubsub().is_some(), row.workload.requests().is_some()];
            assert_eq!(
                runs.contains(&true),
                row.workload != Workload::Idle,
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn ratios_above_one_are_better() {
        assert_eq!(Better::Higher.ratio(3.0, 1.0), 3.0);
        assert_eq!(Better::Lower.ratio(50.0, 100.0), 2.0);
    }
}
