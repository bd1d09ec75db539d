//! A reader of server-sent events, who remembers the last id as browsers do.

use std::collections::VecDeque;
use std::io::Read;

use buslane_broker::RunningBroker;
use serde_json::{Value, json};

use super::support::Lines;
use super::support::http::{Answer, Connection, get};

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) data: Value,
}

/// A reader of a feed.
pub(crate) struct Reader {
    pub(crate) answer: Answer,
    connection: Connection,
    text: Vec<u8>,
    /// The id of the last event, those without data included.
    pub(crate) last_id: String,
    events: VecDeque<Event>,
    pub(crate) has_ended: bool,
}

impl Reader {
    /// Opens a feed.
    pub(crate) fn open(broker: &RunningBroker, query: &str) -> Self {
        Reader::over(Connection::open(broker), query, "")
    }

    /// Comes back to a feed.
    pub(crate) fn resume(broker: &RunningBroker, query: &str, last_id: &str) -> Self {
        Reader::over(Connection::open(broker), query, last_id)
    }

    /// Asks over a connection.
    pub(crate) fn over(mut connection: Connection, query: &str, last_id: &str) -> Self {
        let header = format!("last-event-id: {last_id}");
        let headers = if last_id.is_empty() {
            vec![]
        } else {
            vec![header.as_str()]
        };
        connection.send(&format!("GET /api/v1/subscribe?{query}"), &headers, b"");
        let answer = connection.receive_head();
        assert_eq!(answer.status, 200, "{answer:?}");
        Reader {
            answer,
            connection,
            text: Vec::new(),
            last_id: last_id.to_owned(),
            events: VecDeque::new(),
            has_ended: false,
        }
    }

    /// Receives the next event; `None` at the end of the feed.
    pub(crate) fn try_next(&mut self) -> Option<Event> {
        while self.events.is_empty() && !self.has_ended {
            self.receive();
        }
        self.events.pop_front()
    }

    /// Receives the next event.
    pub(crate) fn next(&mut self) -> Event {
        self.try_next().expect("the feed goes on")
    }

    /// Receives the next event, which is of a type, and returns its data.
    pub(crate) fn expect(&mut self, kind: &str) -> Value {
        let event = self.next();
        assert_eq!(event.kind, kind, "{event:?}");
        event.data
    }

    /// Takes out what came whole.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Reads the feed's beginning, loses the connection, and returns the id to come back with.
    pub(crate) fn lose(mut self) -> String {
        self.receive();
        self.last_id
    }

    /// Reads what is there, and returns how much that was.
    pub(crate) fn receive(&mut self) -> usize {
        let chunk = self.connection.receive_chunk();
        self.has_ended = chunk.is_empty();
        self.text.extend_from_slice(&chunk);
        while let Some(end) = memchr::memmem::find(&self.text, b"\n\n") {
            let block: Vec<u8> = self.text.drain(..end + 2).collect();
            self.understand(&String::from_utf8(block).unwrap());
        }
        chunk.len()
    }

    /// Understands the fields of one event, as the specification tells.
    fn understand(&mut self, block: &str) {
        let (mut kind, mut data) = (String::new(), None);
        for line in block.lines().filter(|line| !line.is_empty()) {
            match line.split_once(": ").unwrap_or((line, "")) {
                ("event", value) => kind = value.to_owned(),
                ("data", value) => data = Some(serde_json::from_str(value).unwrap()),
                ("id", value) => self.last_id = value.to_owned(),
                (comment, _) => assert!(comment.starts_with(':'), "{block:?}"),
            }
        }
        if let Some(data) = data {
            self.events.push_back(Event { kind, data });
        }
    }
}

/// Counts what a reader is told of numbered messages.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The number that comes next.
    pub(crate) next: u64,
    /// How many were told to be missing.
    pub(crate) missing: u64,
}

impl Tally {
    /// Takes in an event: a delivery has to be the one that comes next, once the missing ones are counted.
    pub(crate) fn take(&mut self, event: &Event) {
        match event.kind.as_str() {
            "delivery" => {
                assert_eq!(event.data["payload"]["number"], self.next, "{self:?}");
                self.next += 1;
            }
            "gap" => {
                let count = event.data["count"].as_u64().unwrap();
                self.next += count;
                self.missing += count;
            }
            other => panic!("{other}: {}", event.data),
        }
    }
}

/// Publishes numbered messages and hears that they were routed.
pub(crate) fn publish(writer: &mut Lines, numbers: impl IntoIterator<Item = u64>, length: usize) {
    let filler = "x".repeat(length);
    for number in numbers {
        let payload = json!({ "number": number, "filler": filler });
        writer.send(json!({ "type": "publish", "id": "p", "topic": "a/b", "payload": payload, "ack": true }));
        writer.expect("ack");
    }
}

/// Returns a figure of a broker.
pub(crate) fn figure(broker: &RunningBroker, name: &str) -> u64 {
    let metrics = get(broker, "/metrics");
    let prefix = format!("buslane_{name} ");
    let line = metrics.text().lines().find_map(|line| line.strip_prefix(&prefix));
    line.unwrap_or_else(|| panic!("{name} is missing"))
        .parse()
        .unwrap()
}

/// Looks again and again until something holds. Only a test that fails looks for long.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !holds() {
        assert!(begin.elapsed() < super::support::PATIENCE, "{what} never came");
        std::thread::yield_now();
    }
}

/// Reads everything that comes until the other side ends.
pub(crate) fn read_rest(connection: &mut Connection) -> String {
    let mut rest = String::new();
    connection.stream.read_to_string(&mut rest).unwrap();
    rest
}
