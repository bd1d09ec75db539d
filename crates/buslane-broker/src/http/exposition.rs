//! The text format in which Prometheus reads figures (version 0.0.4).

use std::fmt::{Display, Write};

/// A document in the making. Metrics come in groups of one name, each group with its help and type.
#[derive(Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// Appends a figure that only grows.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.group(name, help, "counter");
        self.sample(name, &[], value);
    }

    /// Appends figures that only grow, one for each value of a label.
    pub(super) fn counters<V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'static str, V)>,
    ) {
        self.group(name, help, "counter");
        for (of, value) in values {
            self.sample(name, &[(label, of)], value);
        }
    }

    /// Appends a figure that rises and falls.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.group(name, help, "gauge");
        self.sample(name, &[], value);
    }

    /// Appends a figure that is always 1 and whose labels tell something.
    pub(super) fn information(&mut self, name: &str, help: &str, labels: &[(&str, &str)]) {
        self.group(name, help, "gauge");
        self.sample(name, labels, 1);
    }

    /// Returns the document.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn group(&mut self, name: &str, help: &str, kind: &str) {
        self.line(format_args!(
            "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n"
        ));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.line(format_args!("{PREFIX}{name}"));
        for (index, (label, of)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            self.line(format_args!("{before}{label}=\"{}\"", escaped(of)));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        self.line(format_args!("{after} {value}\n"));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("writing to a string does not fail");
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

const PREFIX: &str = "buslane_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_help_type_and_samples() {
        let mut exposition = Exposition::default();
        exposition.gauge("clients", "Clients.", 3);
        exposition.counters(
            "messages_total",
            "Messages.",
            "type",
            [("publish", 1), ("a\"b\\", 2)],
        );
        let expected = "# HELP buslane_clients Clients.\n# TYPE buslane_clients gauge\nbuslane_clients 3\n\
            # HELP buslane_messages_total Messages.\n# TYPE buslane_messages_total counter\n\
            buslane_messages_total{type=\"publish\"} 1\nbuslane_messages_total{type=\"a\\\"b\\\\\"} 2\n";
        assert_eq!(exposition.finish(), expected);
    }
}
