//! The text format in which Prometheus reads figures (version 0.0.4). Knows how figures are written, not which there
//! are.

use std::fmt::{Display, Write};

/// How figures behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They only grow.
    Counter,
    /// They rise and fall.
    Gauge,
    /// They are distributions in fixed buckets.
    Histogram,
}

/// Where the figures of one metric go.
pub(super) struct Samples<'a> {
    document: &'a mut String,
    name: &'static str,
    labels: &'static [&'static str],
}

impl Kind {
    /// Returns the word that the format has for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

impl<'a> Samples<'a> {
    /// Begins a metric of a document with its help and its kind.
    pub(super) fn begin(
        document: &'a mut String,
        (name, kind, help): (&'static str, Kind, &str),
        labels: &'static [&'static str],
    ) -> Self {
        let kind = kind.as_str();
        append(
            document,
            format_args!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n"),
        );
        Samples {
            document,
            name,
            labels,
        }
    }

    /// Gives the one figure of a metric without labels.
    pub(super) fn value(&mut self, value: impl Display) {
        self.labelled(&[], value);
    }

    /// Gives the one figure of a metric without labels, if it is known.
    pub(super) fn known(&mut self, value: Option<impl Display>) {
        if let Some(value) = value {
            self.value(value);
        }
    }

    /// Gives a figure with the values of its labels.
    pub(super) fn labelled(&mut self, values: &[&str], value: impl Display) {
        let named = self.labels.iter().copied().zip(values.iter().copied());
        self.sample("", named, value);
    }

    /// Gives figures that one label tells apart.
    pub(super) fn each<V: Display>(&mut self, values: impl IntoIterator<Item = (&'static str, V)>) {
        for (label, value) in values {
            self.labelled(&[label], value);
        }
    }

    /// Gives a distribution: how many values lay at or below each bound, how many there were, and their sum.
    pub(super) fn distribution(
        &mut self,
        buckets: impl IntoIterator<Item = (f64, u64)>,
        count: u64,
        sum: impl Display,
    ) {
        for (bound, below) in buckets {
            self.sample("_bucket", [("le", bound.to_string().as_str())], below);
        }
        self.sample("_bucket", [("le", "+Inf")], count);
        self.sample("_sum", [], sum);
        self.sample("_count", [], count);
    }

    fn sample<'l>(
        &mut self,
        suffix: &str,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
        value: impl Display,
    ) {
        let Samples { document, name, .. } = self;
        append(document, format_args!("{PREFIX}{name}{suffix}"));
        let mut before = '{';
        for (label, of) in labels {
            append(document, format_args!("{before}{label}=\"{}\"", escaped(of)));
            before = ',';
        }
        let after = if before == ',' { "}" } else { "" };
        append(document, format_args!("{after} {value}\n"));
    }
}

fn append(document: &mut String, text: std::fmt::Arguments<'_>) {
    document
        .write_fmt(text)
        .expect("writing to a string does not fail");
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// What the names of all metrics begin with.
pub(super) const PREFIX: &str = "buslane_";

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: Kind, labels: &'static [&'static str], give: impl FnOnce(&mut Samples<'_>)) -> String {
        let mut document = String::new();
        give(&mut Samples::begin(
            &mut document,
            ("things", kind, "Things."),
            labels,
        ));
        document
    }

    #[test]
    fn a_metric_has_help_type_and_samples() {
        assert_eq!(
            written(Kind::Gauge, &[], |out| out.value(3)),
            "# HELP buslane_things Things.\n# TYPE buslane_things gauge\nbuslane_things 3\n"
        );
    }

    #[test]
    fn labels_are_named_and_escaped() {
        let document = written(Kind::Counter, &["type", "end"], |out| {
            out.labelled(&["a\"b\\", "c"], 1);
        });
        assert!(
            document.ends_with("\nbuslane_things{type=\"a\\\"b\\\\\",end=\"c\"} 1\n"),
            "{document}"
        );
    }

    #[test]
    fn a_distribution_has_buckets_sum_and_count() {
        let document = written(Kind::Histogram, &[], |out| {
            out.distribution([(0.001, 1), (2.5, 3)], 4, 12.5);
        });
        let expected = "buslane_things_bucket{le=\"0.001\"} 1\nbuslane_things_bucket{le=\"2.5\"} 3\n\
            buslane_things_bucket{le=\"+Inf\"} 4\nbuslane_things_sum 12.5\nbuslane_things_count 4\n";
        assert!(document.ends_with(expected), "{document}");
    }
}
