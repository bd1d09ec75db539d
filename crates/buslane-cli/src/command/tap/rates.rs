//! How much flows: messages and bytes of each topic, second by second.

use std::collections::BTreeMap;

use buslane_client::{Gap, Message};
use serde::Serialize;
use tokio::time::Instant;

use super::printing::clock;
use crate::failure::Failure;
use crate::output::{FAINT, HEADING, Output};

/// Counts what flows, and shows it.
pub(super) struct Rates {
    json: bool,
    since: Instant,
    topics: BTreeMap<String, Flow>,
    missing: u64,
    /// Lines on the terminal that the next ones replace; `None` where lines stay.
    replaced: Option<usize>,
}

/// How much of something there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Flow {
    messages: u64,
    bytes: u64,
}

/// What machines are told each second.
#[derive(Serialize)]
struct Report<'a> {
    seconds: f64,
    #[serde(flatten)]
    total: Flow,
    missing: u64,
    topics: &'a BTreeMap<String, Flow>,
}

impl Rates {
    /// Begins to count.
    pub(super) fn new(json: bool, out: &Output) -> Rates {
        Rates {
            json,
            since: Instant::now(),
            topics: BTreeMap::new(),
            missing: 0,
            replaced: (!json && out.is_redrawable()).then_some(0),
        }
    }

    /// Counts a message.
    pub(super) fn count(&mut self, message: &Message) {
        let name = match self.topics.len() < MOST_TOPICS || self.topics.contains_key(message.topic()) {
            true => message.topic(),
            false => OTHERS,
        };
        let bytes = message.payload().as_bytes().len() as u64;
        match self.topics.get_mut(name) {
            Some(flow) => flow.add(1, bytes),
            None => drop(self.topics.insert(name.to_owned(), Flow { messages: 1, bytes })),
        }
    }

    /// Counts messages that are missing.
    pub(super) fn miss(&mut self, gap: Gap) {
        self.missing += gap.count.max(u64::from(gap.unknown));
    }

    /// Shows what came since the last time, and begins anew.
    pub(super) fn print(&mut self, out: &mut Output) -> Result<(), Failure> {
        let seconds = self.since.elapsed().as_secs_f64();
        let mut total = Flow::default();
        self.topics
            .values()
            .for_each(|flow| total.add(flow.messages, flow.bytes));
        if self.json {
            let (missing, topics) = (self.missing, &self.topics);
            out.json(&Report {
                seconds,
                total,
                missing,
                topics,
            })?;
        } else if let Some(replaced) = self.replaced {
            out.erase_lines(replaced)?;
            self.replaced = Some(self.print_table(seconds, total, out)?);
        } else {
            out.line(self.line(seconds, total))?;
        }
        self.since = Instant::now();
        self.topics.clear();
        self.missing = 0;
        out.flush()
    }

    /// Writes a table and returns the number of its lines.
    fn print_table(&self, seconds: f64, total: Flow, out: &mut Output) -> Result<usize, Failure> {
        let room = out.rows().saturating_sub(HEIGHT_OF_THE_REST).max(1);
        let busiest = self.busiest();
        let width = out.columns().saturating_sub(WIDTH_OF_THE_REST).max(NARROWEST);
        let heading = format!("{:<width$} {:>12} {:>14}", "TOPIC", "MESSAGES/S", "BYTES/S");
        out.line(out.paint(HEADING, heading).to_string())?;
        for (topic, flow) in busiest.iter().take(room) {
            out.line(row(topic, width, **flow, seconds))?;
        }
        let hidden = busiest.len().saturating_sub(room);
        let title = match hidden {
            0 => format!("{} topics", busiest.len()),
            hidden => format!("{} topics, {hidden} not shown", busiest.len()),
        };
        out.line(out.paint(HEADING, row(&title, width, total, seconds)).to_string())?;
        let note = self.missing_note();
        out.line(out.paint(FAINT, format_args!("{}{note}", clock())).to_string())?;
        Ok(busiest.len().min(room) + HEIGHT_OF_THE_REST - 1)
    }

    /// Makes one line of everything.
    fn line(&self, seconds: f64, total: Flow) -> String {
        let mut line = format!("{} {}", clock(), total.per(seconds));
        for (index, (topic, flow)) in self.busiest().into_iter().take(TOPICS_OF_A_LINE).enumerate() {
            let separator = if index == 0 { ':' } else { ',' };
            line.push_str(&format!("{separator} {topic} {}", flow.per(seconds)));
        }
        if self.topics.len() > TOPICS_OF_A_LINE {
            line.push_str(&format!(
                ", and {} topics more",
                self.topics.len() - TOPICS_OF_A_LINE
            ));
        }
        line + &self.missing_note()
    }

    fn missing_note(&self) -> String {
        match self.missing {
            0 => String::new(),
            missing => format!(" gap: {missing} messages are missing"),
        }
    }

    /// Returns the topics with the busiest first.
    fn busiest(&self) -> Vec<(&String, &Flow)> {
        let mut topics: Vec<_> = self.topics.iter().collect();
        topics.sort_by_key(|(_, flow)| std::cmp::Reverse(flow.messages));
        topics
    }
}

impl Flow {
    fn add(&mut self, messages: u64, bytes: u64) {
        self.messages += messages;
        self.bytes += bytes;
    }

    fn per(self, seconds: f64) -> String {
        format!(
            "{}/s {}/s",
            messages(self.messages, seconds),
            size(self.bytes, seconds)
        )
    }
}

fn row(title: &str, width: usize, flow: Flow, seconds: f64) -> String {
    let cut: String = match title.chars().count() > width {
        true => title.chars().take(width - 1).chain(['…']).collect(),
        false => title.to_owned(),
    };
    format!(
        "{cut:<width$} {:>12} {:>14}",
        messages(flow.messages, seconds),
        size(flow.bytes, seconds)
    )
}

fn messages(count: u64, seconds: f64) -> String {
    format!("{:.1}", count as f64 / seconds)
}

fn size(bytes: u64, seconds: f64) -> String {
    let bytes = bytes as f64 / seconds;
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes / unit),
        None => format!("{bytes:.0} B"),
    }
}

/// So many topics are counted apart, the rest together.
const MOST_TOPICS: usize = 10_000;
const OTHERS: &str = "(others)";
const TOPICS_OF_A_LINE: usize = 10;
/// Lines of a table beside its topics, and one below that stays empty.
const HEIGHT_OF_THE_REST: usize = 4;
/// Columns of a table beside the topic.
const WIDTH_OF_THE_REST: usize = 29;
/// The least width of the column of topics.
const NARROWEST: usize = 16;
const UNITS: [(f64, &str); 3] = [(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1_024.0, "KiB")];

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(topics: &[(&str, u64, u64)]) -> Rates {
        Rates {
            json: false,
            since: Instant::now(),
            topics: topics
                .iter()
                .map(|(topic, messages, bytes)| {
                    (
                        (*topic).to_owned(),
                        Flow {
                            messages: *messages,
                            bytes: *bytes,
                        },
                    )
                })
                .collect(),
            missing: 0,
            replaced: None,
        }
    }

    #[test]
    fn a_line_begins_with_the_total_and_names_the_busiest_first() {
        let mut rates = rates(&[("a", 1, 10), ("b", 4, 4_096)]);
        rates.missing = 3;
        let line = rates.line(
            2.0,
            Flow {
                messages: 5,
                bytes: 4_106,
            },
        );
        let expected = "Z 2.5/s 2.0 KiB/s: b 2.0/s 2.0 KiB/s, a 0.5/s 5 B/s gap: 3 messages are missing";
        assert!(line.ends_with(expected), "{line}");
    }

    #[test]
    fn long_topics_are_cut_to_the_column() {
        let line = row(&"é".repeat(40), 16, Flow::default(), 1.0);
        assert!(line.starts_with(&format!("{}… ", "é".repeat(15))), "{line}");
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!(size(0, 1.0), "0 B");
        assert_eq!(size(3 << 20, 2.0), "1.5 MiB");
        assert_eq!(size(1 << 31, 1.0), "2.0 GiB");
    }
}
