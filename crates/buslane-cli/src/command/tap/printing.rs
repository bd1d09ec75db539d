//! How a message looks: a line for programs that read text, laid out and coloured for people, an envelope for machines.

use std::time::{SystemTime, UNIX_EPOCH};

use buslane_client::{Gap, Message};
use buslane_protocol::{BrokerMessage, Delivery, Id, Payload, Topic, json};

use crate::command::payload;
use crate::failure::Failure;
use crate::json_text;
use crate::json_view;
use crate::output::{ERROR, FAINT, HINT, Output};

/// Prints messages and gaps.
pub(super) struct Printer {
    json: bool,
    pretty: bool,
}

impl Printer {
    /// Makes a printer; a person gets what is pretty.
    pub(super) fn new(json: bool, pretty: bool, out: &Output) -> Printer {
        Printer {
            json,
            pretty: pretty || out.is_terminal(),
        }
    }

    /// Prints a message.
    pub(super) fn message(&self, message: &Message, out: &mut Output) -> Result<(), Failure> {
        match self.json {
            true => match envelope(message) {
                Some(envelope) => print_envelope(&envelope, out),
                None => Ok(()),
            },
            false => self.print(message, out),
        }
    }

    /// Prints that messages are missing.
    pub(super) fn gap(&self, gap: Gap, out: &mut Output) -> Result<(), Failure> {
        if self.json {
            let Gap {
                count,
                bytes,
                unknown,
                ..
            } = gap;
            let (filter, shared) = (None, None);
            return print_envelope(
                &BrokerMessage::Gap(buslane_protocol::Gap {
                    count,
                    bytes,
                    unknown,
                    filter,
                    shared,
                }),
                out,
            );
        }
        out.line(
            format_args!(
                "{} {}",
                out.paint(FAINT, clock()),
                out.paint(ERROR, format_args!("gap: {gap}"))
            )
            .to_string(),
        )
    }

    fn print(&self, message: &Message, out: &mut Output) -> Result<(), Failure> {
        let time = clock();
        let from = message.from();
        let marks = marks(message);
        let heading = format!("{time} {} {from}{marks}", message.topic());
        let painted = format!(
            "{} {} {}",
            out.paint(FAINT, time),
            out.paint(HINT, message.topic()),
            out.paint(FAINT, format_args!("{from}{marks}"))
        );
        let body = message.payload();
        if body.is_empty() {
            return out.line(painted);
        }
        let line = payload::line(&body);
        let is_json = body.is_json() && json_text::check(&line).is_ok();
        let room = out.columns().saturating_sub(heading.chars().count() + 1);
        match is_json {
            true if self.pretty && line.chars().count() > room => {
                out.line(painted)?;
                let text = json_view::laid_out(&line, out);
                text.lines()
                    .try_for_each(|line| out.line(format_args!("  {line}")))
            }
            true => out.line(format_args!("{painted} {}", json_view::one_line(&line, out))),
            false => out.line(format_args!("{painted} {line}")),
        }
    }
}

/// What is special about a message.
fn marks(message: &Message) -> String {
    let mut marks = String::new();
    if message.is_retained() {
        marks.push_str(" retained");
    }
    if message.is_snapshot() {
        marks.push_str(" snapshot");
    }
    marks
}

/// Makes the envelope of a message again; `None` if a part of it cannot be one, which the broker does not let happen.
fn envelope(message: &Message) -> Option<BrokerMessage<'_>> {
    let body = message.payload();
    let bytes = body.as_bytes();
    Some(BrokerMessage::Delivery(Delivery {
        id: message.id().and_then(|id| Id::parse(id).ok()),
        topic: Topic::parse(message.topic()).ok()?,
        from: message.from().into(),
        headers: message.headers().clone(),
        payload: match body.is_json() {
            true => Payload::json(bytes),
            false => Payload::bytes(bytes),
        },
        retained: message.is_retained(),
    }))
}

fn print_envelope(envelope: &BrokerMessage<'_>, out: &mut Output) -> Result<(), Failure> {
    let mut line = Vec::new();
    json::encode_broker(&mut line, envelope);
    line.push(b'\n');
    out.bytes(&line)
}

/// Tells the time of day in UTC.
pub(super) fn clock() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    time_of_day(since.as_secs(), since.subsec_millis())
}

fn time_of_day(unix_seconds: u64, millis: u32) -> String {
    let seconds = unix_seconds % DAY;
    format!(
        "{:02}:{:02}:{:02}.{millis:03}Z",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

const DAY: u64 = 24 * 3_600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_in_utc() {
        assert_eq!(time_of_day(0, 0), "00:00:00.000Z");
        assert_eq!(time_of_day(2 * DAY - 1, 7), "23:59:59.007Z");
    }
}
