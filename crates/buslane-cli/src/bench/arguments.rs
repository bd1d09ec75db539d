//! The arguments of `buslane bench`, checked.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use buslane_protocol::URL_VARIABLE;
use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, ValueEnum, ValueHint};

use super::growth::Axis;
use super::measurement::Period;
use super::peer::Peer;
use super::pubsub::{BATCHES_UNDER_WAY, PubSub};
use super::rows::{ROWS, Row, SIZE, select};
use crate::arguments::ConnectionArguments;
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
    /// The other broker's program, where it is not the one on the PATH
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, requires = "against")]
    peer_program: Option<PathBuf>,
    /// Rows of the comparison, all if left out
    #[arg(long, value_delimiter = ',', requires = "against", ignore_case = true,
        value_parser = PossibleValuesParser::new(ROWS.iter().map(|row| row.name)))]
    rows: Vec<String>,
    /// Turns of each side of the comparison; starts of startup
    #[arg(long, default_value_t = 5, value_parser = at_least::<5>)]
    rounds: usize,
    /// Print JSON, one object a result
    #[arg(long)]
    json: bool,
    /// The broker's process, where CPU and memory of one at --url are wanted
    #[arg(long)]
    pid: Option<u32>,
    /// How the clients speak
    #[arg(long, value_enum, default_value_t)]
    encoding: Encoding,
    /// Bytes of a payload [default: 128; throughput: 16, 128, 1024 and 16384]
    #[arg(long, value_parser = at_least::<1>)]
    size: Option<usize>,
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
    /// request: requests that await their answer at any time [default: 1, then 64]
    #[arg(long, value_parser = at_least::<1>)]
    outstanding: Option<usize>,
    /// idle: connections [default: 10000, or as many as the system lets a process open]
    #[arg(long, value_parser = at_least::<1>)]
    connections: Option<usize>,
    /// registrations: services
    #[arg(long, default_value_t = 2_000, value_parser = at_least::<1>)]
    services: usize,
    /// growth: what grows, all if left out
    #[arg(long, value_enum, value_delimiter = ',')]
    axis: Vec<Axis>,
    /// growth: how far, at most [default: as far as the axis goes]
    #[arg(long, value_parser = at_least::<10>)]
    most: Option<usize>,
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// One publisher, one subscriber: payloads of four sizes, then one write per message
    Throughput,
    /// One publisher, 100 subscribers, then 1,000
    FanOut,
    /// Eight publishers, eight subscribers, eight topics
    ManyToMany,
    /// Publishers and subscribers of your choice
    Pubsub,
    /// Requests and how long they take, one at a time and 64 at a time
    Request,
    /// Connections that do nothing
    Idle,
    /// The time from the broker's start to its first session
    Startup,
    /// Payloads that the broker holds against a schema
    Contracts,
    /// Services with ten schemas each: how fast they are registered, and what they take
    Registrations,
    /// Requests of one client while others attack, one attack after another
    Disturbed,
    /// What a message costs while something grows
    Growth,
}

/// How the clients speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// Binary frames
    #[default]
    Binary,
    /// JSON, one object a line
    Json,
    /// One after the other
    Both,
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

    /// Returns the program of the broker to compare with, if the user names one.
    pub(crate) fn peer_program(&self) -> Option<&Path> {
        self.peer_program.as_deref()
    }

    /// Returns how many services are registered.
    pub(crate) fn services(&self) -> usize {
        self.services
    }

    /// Returns what grows.
    pub(crate) fn axes(&self) -> &[Axis] {
        match self.axis.is_empty() {
            true => Axis::value_variants(),
            false => &self.axis,
        }
    }

    /// Returns how far an axis grows that goes so far.
    pub(crate) fn most(&self, usual: usize) -> usize {
        self.most.map_or(usual, |most| most.min(usual))
    }

    /// Tells whether machines read the results, and not people.
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

    /// Returns the bytes of a payload where the user names them.
    pub(crate) fn size(&self) -> Option<usize> {
        self.size
    }

    /// Returns the requests that await their answer at any time, for each measurement.
    pub(crate) fn outstanding(&self) -> Vec<usize> {
        match self.outstanding {
            Some(outstanding) => vec![outstanding],
            None => OUTSTANDING.to_vec(),
        }
    }

    /// Returns who publishes what to whom.
    pub(crate) fn pubsub(&self) -> Result<PubSub, Failure> {
        if self.topics > self.publishers.min(self.subscribers) {
            return Err(Failure::usage(
                "--topics is at most --publishers and at most --subscribers",
            ));
        }
        let size = self.size.unwrap_or(SIZE);
        let usual = PubSub::new(self.publishers, self.subscribers, self.topics, size);
        let Some(batch) = self.batch.or(self.window.and(Some(usual.batch))) else {
            return Ok(usual);
        };
        let window = self.window.unwrap_or(BATCHES_UNDER_WAY * batch);
        if window < batch {
            return Err(Failure::usage(format!(
                "--window is at least --batch, which is {batch}"
            )));
        }
        Ok(usual.batches_of(batch, window))
    }

    /// Returns the number of idle connections. What the user asks for and the system does not allow is refused;
    /// otherwise it is as many as usual, or as the system allows.
    pub(crate) fn connections(&self, files: Option<u64>) -> Result<usize, Failure> {
        match self.connections {
            Some(connections) => check_files(connections, files, "--connections").map(|()| connections),
            None => Ok(CONNECTIONS.min(allowed(files))),
        }
    }

    /// Returns the address of the broker that the user names, which the raw clients reach over TCP only.
    pub(crate) async fn address(
        &self,
        connection: &ConnectionArguments,
    ) -> Result<Option<SocketAddr>, Failure> {
        let named = connection.url.clone().or_else(|| env::var(URL_VARIABLE).ok());
        let Some(url) = named.filter(|url| !url.is_empty()) else {
            return Ok(None);
        };
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

/// Refuses connections that this process may not open; `option` is what asks for them.
pub(crate) fn check_files(connections: usize, files: Option<u64>, option: &str) -> Result<(), Failure> {
    let allowed = allowed(files);
    if connections <= allowed {
        return Ok(());
    }
    let needed = connections + SPARE_FILES;
    Err(Failure::failed(format_args!(
        "{connections} connections need {needed} open files, this process may have {}",
        allowed + SPARE_FILES
    ))
    .hint(format_args!(
        "raise the limit with ulimit -n {needed}, or measure fewer: {option} {allowed}"
    )))
}

/// Returns how many connections this process may have open.
fn allowed(files: Option<u64>) -> usize {
    let files = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    files.saturating_sub(SPARE_FILES).max(1)
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
/// Idle connections unless told otherwise.
const CONNECTIONS: usize = 10_000;
/// Requests that await their answer, measurement by measurement, unless told otherwise.
const OUTSTANDING: [usize; 2] = [1, 64];

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
        let shape = parse(&["pubsub", "--batch", "5"]).unwrap().pubsub().unwrap();
        assert_eq!((shape.batch, shape.window), (5, 80));
    }

    #[test]
    fn connections_stay_below_the_limit_of_open_files() {
        let asked = parse(&["idle", "--connections", "5000"]).unwrap();
        assert_eq!(asked.connections(None).unwrap(), 5_000);
        assert_eq!(parse(&["idle"]).unwrap().connections(Some(1_024)).unwrap(), 960);
        let refused = asked.connections(Some(1_024)).unwrap_err().to_string();
        assert!(
            refused.contains("5000 connections need 5064 open files, this process may have 1024")
                && refused.contains("ulimit -n 5064")
                && refused.contains("--connections 960"),
            "{refused}"
        );
    }

    #[test]
    fn a_scenario_that_is_not_there_is_answered_with_the_nearest() {
        let error = parse(&["throughputs"]).unwrap_err().to_string();
        assert!(error.contains("a similar value exists: 'throughput'"), "{error}");
        let error = parse(&["--against", "nats", "--rows", "D65"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("D64"), "{error}");
    }

    #[test]
    fn everything_grows_unless_an_axis_is_named() {
        assert_eq!(
            parse(&["growth"]).unwrap().axes().len(),
            Axis::value_variants().len()
        );
        let some = parse(&["growth", "--axis", "topics", "--most", "100"]).unwrap();
        assert_eq!(
            (some.axes(), some.most(100_000), some.most(10)),
            (&[Axis::Topics][..], 100, 10)
        );
    }
}
