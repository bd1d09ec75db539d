//! Measures what a message costs while one thing grows by powers of ten: services, topics, connections, subscriptions,
//! or what else the broker keeps a table of.
//!
//! What is compared is the broker's CPU time a message: rates of a machine that the load generator shares say less.

use std::fmt;
use std::io;

use clap::ValueEnum;
use tokio::task::JoinSet;

use super::arguments::check_files;
use super::idle;
use super::measurement::{Measured, Period, Target, Throughput};
use super::process::resident_kib;
use super::progress::Progress;
use super::pubsub::{self, Channel, PubSub, Traffic};
use super::request::{self, Requests};
use super::rows::SIZE;
use super::server::Program;
use super::tables;
use super::wire::{self, Own, Wire};
use crate::failure::Failure;

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Axis {
    /// Services that take turns in answering requests
    Services,
    /// Topics with a subscription each that are published to in turn
    Topics,
    /// Connections, of which 10 are busy
    Connections,
    /// Subscriptions with and without wildcards, of which 4 select each message
    Subscriptions,
    /// Retained values that are set anew in turn
    Retained,
    /// Retained values of which a late subscriber's wildcard selects 10
    LateSubscribers,
    /// Subscriptions of one client that come and go in turn
    Subscribing,
    /// Services beside which others with 10 schemas each come and go
    Registrations,
}

/// What a message costs at one size of what grows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Messages published, or requests answered, per second.
    pub(crate) rate: f64,
    /// Messages that never came.
    pub(crate) lost: u64,
    /// The broker's CPU time a message in microseconds, if the system tells.
    pub(crate) microseconds: Option<f64>,
    /// The broker's memory in KiB after it, if the system tells.
    pub(crate) resident: Option<u64>,
}

impl Axis {
    /// Returns how far it grows unless told otherwise.
    pub(crate) const fn most(self) -> usize {
        match self {
            Axis::Services | Axis::Connections | Axis::Registrations => 10_000,
            Axis::Topics => 100_000,
            Axis::Subscriptions | Axis::Retained | Axis::LateSubscribers | Axis::Subscribing => 1_000_000,
        }
    }

    /// Refuses what needs more connections than this process may open.
    pub(crate) fn check(self, most: usize, files: Option<u64>) -> Result<(), Failure> {
        match self {
            Axis::Connections => check_files(most, files, "--most"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no axis is left out");
        formatter.write_str(value.get_name())
    }
}

/// Returns the sizes to measure at: 10, 100 and so on, and the greatest.
pub(crate) fn steps(most: usize) -> Vec<usize> {
    let powers = std::iter::successors(Some(FIRST), |count| count.checked_mul(10));
    powers.take_while(|count| *count < most).chain([most]).collect()
}

/// Starts a broker whose limits have room for it, and measures one step.
pub(crate) async fn measure<W: Own>(
    axis: Axis,
    count: usize,
    period: Period,
    progress: &Progress,
) -> anyhow::Result<Step> {
    let server = Program::buslane()?
        .with("BUSLANE_LIMITS_REGISTRATIONS", count + tables::TOGETHER)
        .with("BUSLANE_LIMITS_SUBSCRIPTIONS", count + tables::TOGETHER)
        .with("BUSLANE_LIMITS_MEMORY", MEMORY)
        .with("BUSLANE_LIMITS_RETAINED", MEMORY)
        .start::<W>()
        .await?;
    let target = server.target();
    let step = match axis {
        Axis::Services => services::<W>(target, count, period, progress).await?,
        Axis::Topics => publish::<W>(target, &topics(count), period, progress).await?,
        Axis::Connections => connections::<W>(target, count, period, progress).await?,
        Axis::Subscriptions => publish::<W>(target, &subscriptions(count), period, progress).await?,
        Axis::Retained => Step::of(tables::retained::<W>(target, count, period, progress).await?),
        Axis::LateSubscribers => {
            Step::of(tables::late_subscribers::<W>(target, count, period, progress).await?)
        }
        Axis::Subscribing => Step::of(tables::subscribing::<W>(target, count, period, progress).await?),
        Axis::Registrations => Step::of(tables::registrations::<W>(target, count, period, progress).await?),
    };
    Ok(Step {
        resident: target.pid.and_then(resident_kib),
        ..step
    })
}

async fn services<W: Wire>(
    target: Target,
    count: usize,
    period: Period,
    progress: &Progress,
) -> io::Result<Step> {
    let shape = Requests {
        services: count,
        ..Requests::new(OUTSTANDING, SIZE)
    };
    let latency = request::measure::<W>(target, period, shape, progress).await?;
    Ok(Step {
        rate: latency.rate,
        lost: 0,
        microseconds: latency.cost.server_per_million,
        resident: None,
    })
}

/// Holds idle connections beside five publishers and five subscribers.
async fn connections<W: Wire>(
    target: Target,
    count: usize,
    period: Period,
    progress: &Progress,
) -> io::Result<Step> {
    let mut idle = JoinSet::new();
    for socket in idle::open_many::<W>(target, count.saturating_sub(BUSY), progress).await? {
        idle.spawn(wire::rest::<W>(socket));
    }
    let shape = PubSub::new(BUSY / 2, BUSY / 2, BUSY / 2, SIZE);
    publish::<W>(target, &shape.traffic(), period, progress).await
}

async fn publish<W: Wire>(
    target: Target,
    traffic: &Traffic,
    period: Period,
    progress: &Progress,
) -> io::Result<Step> {
    let figures = pubsub::measure::<W>(target, period, traffic, progress).await?;
    Ok(Step::of_publishes(
        &figures,
        traffic.channels[0].subscribers.len(),
    ))
}

impl Step {
    /// Makes the step of what was confirmed.
    fn of(measured: Measured) -> Step {
        Step {
            rate: measured.rate(),
            lost: 0,
            microseconds: measured.cost().server_per_million,
            resident: None,
        }
    }

    /// Makes the step of what was delivered, so many copies a message.
    fn of_publishes(figures: &Throughput, copies: usize) -> Step {
        let copies = copies as f64;
        Step {
            rate: figures.rate / copies,
            lost: figures.lost,
            microseconds: figures.cost.server_per_million.map(|seconds| seconds * copies),
            resident: None,
        }
    }
}

/// Makes one publisher that goes round over all topics, and one subscriber with a subscription for each.
fn topics(count: usize) -> Traffic {
    let topics: Vec<_> = (0..count).map(pubsub::topic).collect();
    let subscribers = vec![topics.clone()];
    traffic(topics, subscribers)
}

/// Makes subscriptions in four kinds, each held by one connection, and a publisher that goes round over topics of five
/// levels which one subscription of each kind selects.
fn subscriptions(count: usize) -> Traffic {
    let each = count / KINDS;
    let exact = |index: usize| (index % NARROW, index / NARROW % NARROW, index / NARROW / NARROW);
    let pair = |index: usize| (index % WIDE, index / WIDE);
    let filters = vec![
        (0..count - (KINDS - 1) * each)
            .map(|index| level_topic(exact(index)))
            .collect(),
        (0..each)
            .map(|index| format!("growth/{}/+/{}/value", pair(index).0, pair(index).1))
            .collect(),
        (0..each)
            .map(|index| format!("growth/+/{}/{}/value", pair(index).0, pair(index).1))
            .collect(),
        (0..each)
            .map(|index| format!("growth/{}/{}/#", pair(index).0, pair(index).1))
            .collect(),
    ];
    let selected = |(one, two, three): &(usize, usize, usize)| {
        let others = [one + WIDE * three, two + WIDE * three, one + WIDE * two];
        others.iter().all(|index| *index < each)
    };
    let topics = (0..each).map(exact).filter(selected).map(level_topic).collect();
    traffic(topics, filters)
}

fn level_topic((one, two, three): (usize, usize, usize)) -> String {
    format!("growth/{one}/{two}/{three}/value")
}

fn traffic(topics: Vec<String>, subscribers: Vec<Vec<String>>) -> Traffic {
    let shape = PubSub::new(1, 1, 1, SIZE).traffic();
    let channel = Channel {
        publishers: 1,
        topics,
        subscribers,
    };
    Traffic {
        channels: vec![channel],
        ..shape
    }
}

/// The least of what grows.
const FIRST: usize = 10;
/// Busy connections among idle ones.
const BUSY: usize = 10;
/// Requests that await their answer at any time.
const OUTSTANDING: usize = 64;
/// Kinds of subscriptions.
const KINDS: usize = 4;
/// Names on each of the first two levels of topics that are published to.
const NARROW: usize = 64;
/// Names on a level of filters with wildcards.
const WIDE: usize = 512;
/// Memory that a million subscriptions have room in.
const MEMORY: &str = "4GiB";

#[cfg(test)]
mod tests {
    use super::*;
    use buslane_protocol::{Filter, Topic};
    use std::collections::HashSet;

    #[test]
    fn steps_are_powers_of_ten_up_to_the_greatest() {
        assert_eq!(steps(10), [10]);
        assert_eq!(steps(250), [10, 100, 250]);
        assert_eq!(steps(1_000), [10, 100, 1_000]);
    }

    #[test]
    fn every_topic_is_selected_once_by_each_subscriber() {
        for count in [10, 1_000, 30_000] {
            let traffic = subscriptions(count);
            let channel = &traffic.channels[0];
            let filters: Vec<HashSet<&str>> = channel
                .subscribers
                .iter()
                .map(|filters| filters.iter().map(String::as_str).collect())
                .collect();
            let distinct: usize = filters.iter().map(HashSet::len).sum();
            assert_eq!(distinct, count);
            assert!(!channel.topics.is_empty());
            let topic = channel.topics.last().unwrap();
            let levels: Vec<_> = topic.split('/').collect();
            let [_, one, two, three, _] = levels[..] else {
                panic!("{topic}")
            };
            assert!(filters[0].contains(topic.as_str()));
            assert!(filters[1].contains(format!("growth/{one}/+/{three}/value").as_str()));
            assert!(filters[2].contains(format!("growth/+/{two}/{three}/value").as_str()));
            assert!(filters[3].contains(format!("growth/{one}/{two}/#").as_str()));
        }
    }

    #[test]
    fn topics_and_filters_are_ones_that_the_broker_takes() {
        for traffic in [topics(20), subscriptions(20)] {
            let channel = &traffic.channels[0];
            assert!(
                channel
                    .topics
                    .iter()
                    .all(|topic| Topic::parse(topic.as_str()).is_ok())
            );
            let mut filters = channel.subscribers.iter().flatten();
            assert!(filters.all(|filter| Filter::parse(filter.as_str()).is_ok()));
        }
    }
}
