//! A client of HTTP that writes what it is told and reads whole answers, also from connections that stay open.

use std::io::{Read, Write};
use std::net::TcpStream;

use buslane_broker::RunningBroker;
use serde_json::Value;

use super::connect;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Everything before the body.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut fields = lines.filter_map(|line| line.split_once(": "));
        fields
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Returns the body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Returns the body's JSON lines.
    pub(crate) fn lines(&self) -> Vec<Value> {
        assert_eq!(
            self.header("content-type"),
            Some("application/x-ndjson"),
            "{self:?}"
        );
        self.text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Returns the problem that the answer is.
    pub(crate) fn problem(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status, "{problem}");
        problem
    }

    /// Expects a problem of a status and a code, and returns its detail.
    pub(crate) fn refused(&self, status: u16, code: &str) -> String {
        assert_eq!(
            self.status,
            status,
            "{self:?} {}",
            String::from_utf8_lossy(&self.body)
        );
        let problem = self.problem();
        assert_eq!(problem["code"], code, "{problem}");
        problem["detail"].as_str().unwrap_or_default().to_owned()
    }
}

/// A connection that stays open.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects to a broker.
    pub(crate) fn open(broker: &RunningBroker) -> Self {
        Connection {
            stream: connect(broker),
            read: Vec::new(),
        }
    }

    /// Writes bytes.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Writes a request with more header lines and a body.
    pub(crate) fn send(&mut self, first: &str, headers: &[&str], body: &[u8]) {
        self.write(request(first, headers, body));
    }

    /// Reads an answer that is no answer to HEAD.
    pub(crate) fn receive(&mut self) -> Answer {
        let mut answer = self.receive_head();
        answer.body = match (
            answer.header("content-length"),
            answer.header("transfer-encoding"),
        ) {
            (Some(length), _) => {
                let length = length.parse().unwrap();
                self.take(length)
            }
            (None, Some("chunked")) => self.rest_of_chunks(),
            _ => Vec::new(),
        };
        answer
    }

    /// Reads an answer up to its body.
    pub(crate) fn receive_head(&mut self) -> Answer {
        let head = String::from_utf8(self.take_until(b"\r\n\r\n")).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer {
            status,
            head,
            body: Vec::new(),
        }
    }

    /// Reads the next chunk of a body; empty at its end.
    pub(crate) fn receive_chunk(&mut self) -> Vec<u8> {
        let size = String::from_utf8(self.take_until(b"\r\n")).unwrap();
        let size = usize::from_str_radix(&size, 16).unwrap();
        let chunk = self.take(size);
        assert_eq!(self.take(2), b"\r\n");
        chunk
    }

    /// Reads so many bytes.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            self.more();
        }
        self.read.drain(..count).collect()
    }

    /// Tells whether the other side ended the connection, once everything is read.
    pub(crate) fn is_ended(&mut self) -> bool {
        assert_eq!(String::from_utf8_lossy(&self.read), "");
        matches!(self.stream.read(&mut [0]), Ok(0))
    }

    fn rest_of_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let chunk = self.receive_chunk();
            if chunk.is_empty() {
                return body;
            }
            body.extend(chunk);
        }
    }

    fn take_until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end) {
                let found = self.take(at);
                self.take(end.len());
                return found;
            }
            self.more();
        }
    }

    fn more(&mut self) {
        let mut bytes = [0; 16 << 10];
        let count = self.stream.read(&mut bytes).unwrap();
        assert!(
            count > 0,
            "the broker ended the connection after {:?}",
            String::from_utf8_lossy(&self.read)
        );
        self.read.extend_from_slice(&bytes[..count]);
    }
}

/// Makes a request with more header lines and a body.
pub(crate) fn request(first: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{first} HTTP/1.1\r\n");
    let mut line = |line: &str| head.extend([line, "\r\n"]);
    if !headers.iter().any(|header| header.starts_with("host:")) {
        line("host: localhost");
    }
    headers.iter().for_each(|header| line(header));
    let is_bodiless = first.starts_with("GET") || first.starts_with("HEAD") || first.starts_with("OPTIONS");
    if !is_bodiless || !body.is_empty() {
        line(&format!("content-length: {}", body.len()));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// Asks once.
pub(crate) fn ask(broker: &RunningBroker, first: &str, headers: &[&str], body: &[u8]) -> Answer {
    let mut connection = Connection::open(broker);
    connection.send(first, headers, body);
    if first.starts_with("HEAD") {
        connection.receive_head()
    } else {
        connection.receive()
    }
}

/// Asks for something.
pub(crate) fn get(broker: &RunningBroker, path: &str) -> Answer {
    ask(broker, &format!("GET {path}"), &[], b"")
}

/// Sends JSON.
pub(crate) fn post(broker: &RunningBroker, path: &str, body: &str) -> Answer {
    let headers = ["content-type: application/json"];
    ask(broker, &format!("POST {path}"), &headers, body.as_bytes())
}
