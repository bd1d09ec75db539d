//! What `/metrics` tells, and by how much that moved.

use std::collections::BTreeMap;

use buslane_broker::RunningBroker;

use crate::support::eventually;
use crate::support::http::{Connection, get};

/// The figures of one moment, by their sample.
#[derive(Clone, Debug)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Reads them.
    pub(crate) fn of(broker: &RunningBroker) -> Figures {
        Figures::parse(get(broker, "/metrics").text())
    }

    /// Reads them over a connection that stays open.
    pub(crate) fn over(connection: &mut Connection) -> Figures {
        connection.send("GET /metrics", &[], b"");
        Figures::parse(connection.receive().text())
    }

    fn parse(document: &str) -> Figures {
        let lines = document.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| line.strip_prefix("buslane_")?.rsplit_once(' '));
        Figures(
            samples
                .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
                .collect(),
        )
    }

    /// Returns a figure, 0 if it does not show.
    pub(crate) fn value(&self, sample: &str) -> f64 {
        self.0.get(sample).copied().unwrap_or(0.0)
    }

    /// Returns what blames somebody and moved since: refusals, broken frames, strangers sent away.
    pub(crate) fn blame_since(&self, earlier: &Figures) -> Vec<(String, f64)> {
        let moved = self
            .0
            .iter()
            .filter(|(name, _)| BLAME.iter().any(|blame| name.starts_with(blame)));
        moved
            .map(|(name, value)| (name.clone(), value - earlier.value(name)))
            .filter(|(_, by)| *by != 0.0)
            .collect()
    }

    /// Asserts that accounted memory is under its cap.
    pub(crate) fn check_memory(&self) {
        let (used, cap) = (self.value("memory_bytes"), self.value("memory_limit_bytes"));
        assert!(used <= cap, "{used} bytes are accounted for under a cap of {cap}");
    }
}

/// Asserts that what blames somebody has moved as expected since, and by nothing more.
#[track_caller]
pub(crate) fn expect_blame(broker: &RunningBroker, earlier: &Figures, expected: &[(&str, f64)], name: &str) {
    let mut expected: Vec<_> = expected
        .iter()
        .map(|(sample, by)| ((*sample).to_owned(), *by))
        .collect();
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    let found = Figures::of(broker).blame_since(earlier);
    assert_eq!(found, expected, "{name}");
}

/// Waits until a figure has a value.
pub(crate) fn wait_for(broker: &RunningBroker, sample: &str, value: f64) {
    eventually(|| Figures::of(broker).value(sample) == value);
}

/// Figures that somebody is to blame for when they move.
const BLAME: [&str; 7] = [
    "refused_total",
    "malformed_total",
    "sockets_refused_total",
    "sockets_foreign_total",
    "sockets_late_total",
    "sockets_turned_away_total",
    "connections_closed_total{reason=\"framing\"}",
];
