//! How the events of a feed stand on the wire: as server-sent events (WHATWG HTML, section 9.2) or as JSON lines, each
//! with an envelope or a CloudEvent.

use buslane_protocol::{BrokerMessage, Id, Name, json};

use crate::http::cloud_events::CloudEvent;
use crate::http::media_type::{EVENTS, LINES};

/// How the events of a feed stand on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// What is around each event.
    pub(super) framing: Framing,
    /// What a delivery is written as; other events are envelopes.
    pub(super) format: Format,
}

/// What is around each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// `event`, `id` and `data`, and an empty line.
    Events,
    /// One JSON object a line, the id among its members.
    Lines,
}

/// What a delivery is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// The envelope's JSON.
    #[default]
    Envelope,
    /// A CloudEvent in structured mode.
    CloudEvents,
}

/// Where an event comes from.
pub(super) struct Source<'a> {
    /// The id of the event, in its feed.
    pub(super) id: &'a str,
    /// The broker's name.
    pub(super) node: &'a Name,
}

impl Form {
    /// Returns the media type.
    pub(super) fn media_type(self) -> &'static str {
        match self.framing {
            Framing::Events => EVENTS,
            Framing::Lines => LINES,
        }
    }

    /// Writes an event. `new_id` is asked for the id of a CloudEvent whose message has none.
    pub(super) fn event(
        self,
        source: &Source<'_>,
        message: &BrokerMessage<'_>,
        new_id: impl FnOnce() -> Id,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        if self.framing == Framing::Events {
            for part in ["event: ", name(message), "\nid: ", source.id, "\ndata: "] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        let member = match (message, self.format) {
            (BrokerMessage::Delivery(delivery), Format::CloudEvents) => {
                CloudEvent::of_delivery(delivery, source.node, new_id).write_json(&mut out);
                ATTRIBUTE
            }
            _ => {
                json::encode_broker(&mut out, message);
                MEMBER
            }
        };
        match self.framing {
            Framing::Events => out.extend_from_slice(b"\n\n"),
            Framing::Lines => {
                out.pop();
                for part in [",\"", member, "\":\"", source.id, "\"}\n"] {
                    out.extend_from_slice(part.as_bytes());
                }
            }
        }
        out
    }

    /// Writes what a reader gets first: where the feed begins, in case nothing else comes before the connection is
    /// lost. JSON lines have no word for that.
    pub(super) fn opening(self, id: &str) -> Vec<u8> {
        match self.framing {
            Framing::Events => format!("id: {id}\n\n").into_bytes(),
            Framing::Lines => Vec::new(),
        }
    }

    /// Returns a sign of life.
    pub(super) fn heartbeat(self) -> &'static [u8] {
        match self.framing {
            Framing::Events => b":\n\n",
            Framing::Lines => b"{\"type\":\"ping\"}\n",
        }
    }
}

/// Returns the type of an event.
fn name(message: &BrokerMessage<'_>) -> &'static str {
    match message {
        BrokerMessage::Delivery(_) => "delivery",
        BrokerMessage::Gap(_) => "gap",
        BrokerMessage::Draining(_) => "draining",
        _ => "error",
    }
}

/// The member of an envelope on a line that tells the event's id.
const MEMBER: &str = "event_id";
/// The attribute of a CloudEvent on a line that tells the event's id.
const ATTRIBUTE: &str = "buslaneevent";

#[cfg(test)]
mod tests {
    use buslane_protocol::{Delivery, Gap, Headers, Payload, Topic};

    use super::*;

    fn delivery(payload: &'static [u8]) -> BrokerMessage<'static> {
        BrokerMessage::Delivery(Delivery {
            id: None,
            topic: Topic::parse("a/b").unwrap(),
            from: "me".into(),
            headers: Headers::default(),
            payload: Payload::json(payload),
            retained: false,
        })
    }

    fn event(framing: Framing, format: Format, message: &BrokerMessage<'_>) -> String {
        let node = "broker".parse().unwrap();
        let source = Source {
            id: "f-1",
            node: &node,
        };
        let form = Form { framing, format };
        let text = form.event(&source, message, || Id::parse("new").unwrap());
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn an_event_has_a_type_an_id_and_one_line_of_data() {
        let text = event(Framing::Events, Format::Envelope, &delivery(b"{\"a\":\n\r1}"));
        let data = r#"{"type":"delivery","topic":"a/b","from":"me","payload":{"a":1}}"#;
        assert_eq!(text, format!("event: delivery\nid: f-1\ndata: {data}\n\n"));
        let gap = BrokerMessage::Gap(Gap {
            count: 2,
            ..Gap::default()
        });
        let text = event(Framing::Events, Format::CloudEvents, &gap);
        assert!(
            text.starts_with("event: gap\nid: f-1\ndata: {\"type\":\"gap\",\"count\":2,"),
            "{text}"
        );
    }

    #[test]
    fn a_line_is_one_object_with_the_id_in_it() {
        for (format, member) in [
            (Format::Envelope, "event_id"),
            (Format::CloudEvents, "buslaneevent"),
        ] {
            let text = event(Framing::Lines, format, &delivery(b"[\n]"));
            let line = text.strip_suffix('\n').unwrap();
            assert!(!line.contains('\n'));
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(object[member], "f-1");
            assert_eq!(object.get("specversion").is_some(), format == Format::CloudEvents);
        }
    }
}
