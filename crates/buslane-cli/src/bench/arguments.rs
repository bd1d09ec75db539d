//! The arguments of `buslane bench`, checked.

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, ValueEnum};

use super::measurement::Period;
use super::peer::Peer;
use super::pubsub::PubSub;
use super::request::Requests;
use super::rows::{ROWS, Row, select};
use crate::failure::Failure;

/// Measures a broker with clients that cost next to nothing.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("what").required(true).args(["scenario", "against"])))]
pub(crate) struct BenchArguments {
    /// What to measure
    scenario: Option<Scenario>,
    /// Compare with another broker, found on the PATH and started beside one of our own
    #[arg(long, value_name = "PEER", value_enum)]
    against: Option<Peer>,
    /// Rows of the comparison, all if left out
    #[arg(long, value_delimiter = ',', requires = "against", ignore_case = true,
        value_parser = PossibleValuesParser::new(ROWS.iter().map(|row| row.name)))]
    rows: Vec<String>,
    /// Turns of each side of the comparison
    #[arg(long, default_value_t = 5, value_parser = at_least::<5>)]
    rounds: usize,
    /// Print JSON, one object a result
    #[arg(long)]
    json: bool,
    /// The broker to measure; one of our own is started if there is none
    #[arg(long, env = buslane_protocol::URL_VARIABLE)]
    url: Option<String>,
    /// The broker's process, where CPU and memory of one at --url are wanted
    #[arg(long)]
    pid: Option<u32>,
    /// How the clients speak
    #[arg(long, value_enum, default_value_t)]
    encoding: Encoding,
    /// Bytes of a payload
    #[arg(long, default_value_t = 128, value_parser = at_least::<1>)]
    size: usize,
    /// Seconds of a measurement
    #[arg(long, value_parser = seconds)]
    seconds: Option<Duration>,
    /// Seconds before a measurement
    #[arg(long, value_parser = seconds)]
    warmup: Option<Duration>,
    /// pubsub: publishing connections
    #[arg(long, default_value_t = 1, value_parser = at_least::<1>)]
    publishers: usize,
    /// pubsub: subscribing connections
    #[arg(long, default_value_t = 1, value_parser = at_least::<1>)]
    subscribers: usize,
    /// pubsub: topics, at most as many as publishers and as subscribers
    #[arg(long, default_value_t = 1, value_parser = at_least::<1>)]
    topics: usize,
    /// pubsub: messages per write [default: what makes 32 KiB]
    #[arg(long, value_parser = at_least::<1>)]
    batch: Option<usize>,
    /// pubsub: messages of a topic that may be undelivered [default: 16 batches]
    #[arg(long, value_parser = at_least::<1>)]
    window: Option<usize>,
    /// request: requests that await their answer at any time
    #[arg(long, default_value_t = 1, value_parser = at_least::<1>)]
    outstanding: usize,
    /// idle: connections
    #[arg(long, default_value_t = 10_000, value_parser = at_least::<1>)]
    connections: usize,
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Messages from publishers to subscribers
    Pubsub,
    /// Requests and how long they take
    Request,
    /// Connections that do nothing
    Idle,
    /// The time from the broker's start to its first session
    Startup,
}

/// How the clients speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// Binary frames
    #[default]
    Binary,
    /// JSON, one object a line
    Json,
}

impl BenchArguments {
    /// Returns the scenario, unless it is a comparison.
    pub(crate) fn scenario(&self) -> Option<Scenario> {
        self.scenario
    }

    /// Returns the broker to compare with, if it is a comparison.
    pub(crate) fn against(&self) -> Option<Peer> {
        self.against
    }

    /// Tells whether machines read the results.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Returns how the clients speak.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns the broker's process as the user names it.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Returns the turns of each side, or of one measurement that is repeated.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds
    }

    /// Returns the rows of the comparison.
    pub(crate) fn rows(&self) -> Vec<&'static Row> {
        let names: Vec<_> = match self.rows.is_empty() {
            true => ROWS.iter().map(|row| row.name).collect(),
            false => self.rows.iter().map(String::as_str).collect(),
        };
        select(names).expect("the argument parser lets only rows through")
    }

    /// Returns how long a measurement takes, unless the user says so.
    pub(crate) fn period(&self, warmup: f64, measured: f64) -> Period {
        Period {
            warmup: self.warmup.unwrap_or(Duration::from_secs_f64(warmup)),
            measured: self.seconds.unwrap_or(Duration::from_secs_f64(measured)),
        }
    }

    /// Returns who publishes what to whom.
    pub(crate) fn pubsub(&self) -> Result<PubSub, Failure> {
        if self.topics > self.publishers.min(self.subscribers) {
            return Err(Failure::usage(
                "--topics is at most --publishers and at most --subscribers",
            ));
        }
        let usual = PubSub::one_to_one(self.size);
        let batch = self.batch.map_or(usual.batch, |batch| batch as u64);
        let window = self.window.map_or(16 * batch, |window| window as u64);
        if window < batch {
            return Err(Failure::usage("--window is at least --batch"));
        }
        let (publishers, subscribers, topics) = (self.publishers, self.subscribers, self.topics);
        Ok(PubSub {
            publishers,
            subscribers,
            topics,
            size: self.size,
            batch,
            window,
        })
    }

    /// Returns the requests to send.
    pub(crate) fn requests(&self) -> Requests {
        Requests {
            outstanding: self.outstanding,
            size: self.size,
        }
    }

    /// Returns the number of idle connections, as far as the system allows so many open files.
    pub(crate) fn connections(&self, files: Option<u64>) -> usize {
        let allowed = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
        self.connections.min(allowed.saturating_sub(SPARE_FILES).max(1))
    }

    /// Returns the address of the broker at `--url`, which the raw clients reach over TCP only.
    pub(crate) async fn address(&self) -> Result<Option<SocketAddr>, Failure> {
        let Some(url) = &self.url else { return Ok(None) };
        let host = url.strip_prefix("buslane://").ok_or_else(|| {
            Failure::usage(format!("bench speaks to buslane://HOST:PORT only, not to {url}"))
        })?;
        let found = tokio::net::lookup_host(host.trim_end_matches('/'))
            .await
            .map(|mut addresses| addresses.next());
        match found {
            Ok(Some(address)) => Ok(Some(address)),
            Ok(None) => Err(Failure::usage(format!("{url} has no address"))),
            Err(error) => Err(Failure::usage(format!("{url} is no URL of a broker: {error}"))),
        }
    }
}

fn at_least<const LEAST: usize>(text: &str) -> Result<usize, String> {
    let number: usize = text.parse().map_err(|_| "not a whole number".to_owned())?;
    if number < LEAST {
        Err(format!("at least {LEAST}"))
    } else {
        Ok(number)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// Files that a process needs beside its connections.
const SPARE_FILES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command, FromArgMatches};

    fn parse(arguments: &[&str]) -> Result<BenchArguments, clap::Error> {
        let command = BenchArguments::augment_args(Command::new("bench"));
        let matches = command.try_get_matches_from([&["bench"], arguments].concat())?;
        BenchArguments::from_arg_matches(&matches)
    }

    #[test]
    fn a_peer_that_is_not_offered_is_named_with_those_that_are() {
        let error = parse(&["--against", "rabbitmq"]).unwrap_err().to_string();
        assert!(
            error.contains("'rabbitmq'") && error.contains("[possible values: nats, redis, mosquitto]"),
            "{error}"
        );
    }

    #[test]
    fn there_is_a_scenario_or_a_peer_and_not_both() {
        assert!(parse(&[]).is_err());
        assert!(parse(&["pubsub", "--against", "nats"]).is_err());
        assert_eq!(parse(&["idle"]).unwrap().scenario(), Some(Scenario::Idle));
    }

    #[test]
    fn rows_are_all_or_those_named() {
        let names = |arguments: &[&str]| {
            parse(arguments)
                .unwrap()
                .rows()
                .iter()
                .map(|row| row.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&["--against", "nats", "--rows", "d,A"]), ["A", "D"]);
        assert_eq!(names(&["--against", "nats"]).len(), ROWS.len());
        assert!(parse(&["--against", "nats", "--rows", "Z"]).is_err());
    }

    #[test]
    fn topics_need_a_publisher_and_a_subscriber_each() {
        assert!(parse(&["pubsub", "--topics", "2"]).unwrap().pubsub().is_err());
        assert!(
            parse(&["pubsub", "--batch", "2", "--window", "1"])
                .unwrap()
                .pubsub()
                .is_err()
        );
        let shape = parse(&["pubsub", "--size", "16384"]).unwrap().pubsub().unwrap();
        assert_eq!((shape.batch, shape.window), (1, 16));
    }

    #[test]
    fn connections_stay_below_the_limit_of_open_files() {
        let arguments = parse(&["idle", "--connections", "5000"]).unwrap();
        assert_eq!(arguments.connections(None), 5_000);
        assert_eq!(arguments.connections(Some(1_024)), 960);
    }
}
