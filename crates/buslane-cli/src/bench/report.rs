//! Figures of one measurement, printed for people or as one JSON object. Measures nothing.

use serde::Serialize;
use serde_json::{Map, Value};

use super::figures::short;
use super::growth::Step;
use super::idle::Idle;
use super::measurement::{Cost, Throughput};
use super::pubsub::PubSub;
use super::request::Latency;
use super::service::Registered;
use crate::failure::Failure;
use crate::output::Output;

/// Settings and figures, in the order in which they are printed.
#[derive(Debug)]
pub(crate) struct Report {
    scenario: &'static str,
    encoding: &'static str,
    settings: Vec<(&'static str, Value)>,
    figures: Vec<Figure>,
}

/// One figure: its name in JSON, and what people call it.
#[derive(Debug)]
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
    /// Makes a report without settings and figures.
    pub(crate) fn new(scenario: &'static str, encoding: &'static str) -> Report {
        Report {
            scenario,
            encoding,
            settings: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// Adds what was measured.
    pub(crate) fn setting(mut self, name: &'static str, value: impl Into<Value>) -> Report {
        self.settings.push((name, value.into()));
        self
    }

    /// Adds a figure: its member of the JSON object, what people call it, its unit; `None` is what the system does not
    /// tell.
    pub(crate) fn figure(
        mut self,
        member: &'static str,
        title: &'static str,
        unit: &'static str,
        value: impl Into<Option<f64>>,
    ) -> Report {
        self.figures.push(Figure {
            member,
            title,
            unit,
            value: value.into(),
        });
        self
    }

    /// Adds who publishes what to whom.
    pub(crate) fn shape(self, shape: &PubSub) -> Report {
        self.setting("publishers", shape.publishers)
            .setting("subscribers", shape.subscribers)
            .setting("topics", shape.topics)
            .setting("size", shape.size)
            .setting("batch", shape.batch)
            .setting("window", shape.window)
    }

    /// Adds the figures of publishers and subscribers.
    pub(crate) fn throughput(self, figures: &Throughput) -> Report {
        self.figure("rate", "delivered", "msg/s", figures.rate)
            .figure("lost", "lost", "messages", figures.lost as f64)
            .cost(&figures.cost)
    }

    /// Adds the figures of requests.
    pub(crate) fn latency(self, figures: &Latency) -> Report {
        self.figure("rate", "answered", "req/s", figures.rate)
            .figure("p50_us", "p50", "us", figures.p50)
            .figure("p90_us", "p90", "us", figures.p90)
            .figure("p99_us", "p99", "us", figures.p99)
            .figure("p999_us", "p99.9", "us", figures.p999)
            .cost(&figures.cost)
    }

    /// Adds the figures of one step of growth; `first` is the broker's time at the first step.
    pub(crate) fn growth(self, step: &Step, first: Option<f64>) -> Report {
        let relative = step.microseconds.zip(first).map(|(now, first)| now / first);
        self.figure("rate", "messages", "msg/s", step.rate)
            .figure("lost", "lost", "messages", step.lost as f64)
            .figure(
                "broker_us_per_message",
                "broker CPU",
                "us a message",
                step.microseconds,
            )
            .figure("relative_cost", "of the first", "times", relative)
            .figure("rss_kib", "memory", "KiB", step.resident.map(|kib| kib as f64))
    }

    /// Adds the figures of services with schemas.
    pub(crate) fn registered(self, figures: &Registered) -> Report {
        let kib = |kib: Option<u64>| kib.map(|kib| kib as f64);
        self.figure("rate", "registered", "services/s", figures.rate)
            .figure("rss_before_kib", "before", "KiB", kib(figures.resident_before))
            .figure("rss_after_kib", "after", "KiB", kib(figures.resident_after))
            .figure("kib_per_service", "a service", "KiB", figures.kib_per_service())
            .cost(&figures.cost)
    }

    /// Adds the figures of idle connections.
    pub(crate) fn idle(self, figures: &Idle) -> Report {
        let kib = |kib: Option<u64>| kib.map(|kib| kib as f64);
        self.figure("connects", "begun", "sessions/s", figures.connects)
            .figure("rss_before_kib", "before", "KiB", kib(figures.resident_before))
            .figure("rss_after_kib", "after", "KiB", kib(figures.resident_after))
            .figure(
                "kib_per_connection",
                "a connection",
                "KiB",
                figures.kib_per_connection(),
            )
    }

    fn cost(self, cost: &Cost) -> Report {
        self.figure(
            "broker_cpu_s_per_million",
            "broker CPU",
            "s per 1M",
            cost.server_per_million,
        )
        .figure("broker_cores", "broker", "cores", cost.server_cores)
        .figure("client_cores", "load generator", "cores", cost.client_cores)
    }

    /// Prints it, and hands it over at once: the next may take a while.
    pub(crate) fn print(&self, json: bool, out: &mut Output) -> Result<(), Failure> {
        if json {
            out.json(&Line {
                scenario: self.scenario,
                encoding: self.encoding,
                members: self.members(),
            })?;
        } else {
            self.print_lines(out)?;
        }
        out.flush()
    }

    fn print_lines(&self, out: &mut Output) -> Result<(), Failure> {
        let mut settings: Vec<_> = self
            .settings
            .iter()
            .map(|(name, value)| format!("{name} {}", plain(value)))
            .collect();
        settings.push(self.encoding.to_owned());
        out.line(format_args!("{}: {}", self.scenario, settings.join(", ")))?;
        for figure in &self.figures {
            let value = figure.value.map_or_else(|| "-".into(), short);
            out.line(format_args!("  {:<16} {value:>8} {}", figure.title, figure.unit))?;
        }
        Ok(())
    }

    fn members(&self) -> Map<String, Value> {
        let settings = self
            .settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        let figures = self
            .figures
            .iter()
            .map(|figure| (figure.member.to_owned(), figure.value.map_or(Value::Null, number)));
        settings.chain(figures).collect()
    }
}

/// Writes a setting as people read it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        other => other.to_string(),
    }
}

/// Makes a number of JSON, a whole one where it can be.
fn number(figure: f64) -> Value {
    if figure.fract() == 0.0 && figure.abs() < EXACT {
        Value::from(figure as i64)
    } else {
        Value::from(figure)
    }
}

/// Whole numbers below are exact as floating-point numbers.
const EXACT: f64 = 1e15;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_and_figures_are_members() {
        let report = Report::new("pubsub", "binary")
            .setting("size", 16)
            .figure("rate", "delivered", "msg/s", 2.5)
            .figure("lost", "lost", "messages", 0.0)
            .figure("broker_cores", "broker", "cores", None);
        let expected = json!({"size": 16, "rate": 2.5, "lost": 0, "broker_cores": null});
        assert_eq!(Value::Object(report.members()), expected);
    }

    #[test]
    fn settings_are_plain_for_people() {
        let texts = [json!("a b"), json!(true), json!(false), json!(16)].map(|value| plain(&value));
        assert_eq!(texts, ["a b", "yes", "no", "16"]);
    }
}
