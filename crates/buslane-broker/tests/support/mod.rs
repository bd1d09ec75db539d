//! Brokers on free ports, and clients that speak to them with nothing but sockets.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod greeter;
pub(crate) mod http;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use buslane_broker::{Broker, Config, ListenAddress, RunningBroker};
use buslane_protocol::binary::{self, Preamble};
use buslane_protocol::{BrokerMessage, ClientMessage};
use serde_json::Value;

/// How long anything may take. Only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Looks again and again until something holds. Only a test that fails does so for long.
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "it did not come to hold");
    }
}

/// Starts a broker on a free port, with changes to its configuration.
pub(crate) fn start(change: impl FnOnce(&mut Config)) -> RunningBroker {
    let mut config = Config::ephemeral();
    change(&mut config);
    Broker::spawn(config).unwrap()
}

/// Connects to a broker's first address.
pub(crate) fn connect(broker: &RunningBroker) -> TcpStream {
    let ListenAddress::Tcp { host, port } = &broker.local_addresses()[0] else {
        panic!("it is no TCP port")
    };
    let stream = TcpStream::connect((host.as_str(), *port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads until the other side ends.
pub(crate) fn read_to_end(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A client that speaks JSON lines.
pub(crate) struct Lines<S = TcpStream> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

impl Lines {
    /// Joins a broker.
    pub(crate) fn join(broker: &RunningBroker) -> Self {
        Lines::over(connect(broker))
    }
}

impl<S: Read + Write> Lines<S> {
    /// Speaks over a stream.
    pub(crate) fn over(stream: S) -> Self {
        Lines {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Sends a line.
    pub(crate) fn send(&mut self, message: Value) {
        self.send_raw(format!("{message}\n").as_bytes());
    }

    /// Sends bytes.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Receives a line; `None` at the end of the stream.
    pub(crate) fn try_receive(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).unwrap() {
                0 => return None,
                count => self.buffer.extend_from_slice(&bytes[..count]),
            }
        }
    }

    /// Receives a line.
    pub(crate) fn receive(&mut self) -> Value {
        self.try_receive().expect("the broker goes on")
    }

    /// Receives a line of a type.
    pub(crate) fn expect(&mut self, kind: &str) -> Value {
        let message = self.receive();
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// Receives an error and returns its code.
    pub(crate) fn expect_error(&mut self) -> String {
        let message = self.expect("error");
        message["error"]["code"].as_str().unwrap().to_owned()
    }

    /// Waits until everything sent before was handled.
    pub(crate) fn flush(&mut self) {
        assert_eq!(self.flushed(), None);
    }

    /// Waits until everything sent before was handled. Returns what came meanwhile, if something did.
    pub(crate) fn flushed(&mut self) -> Option<Value> {
        self.send(serde_json::json!({ "type": "ping", "id": "flush" }));
        let first = self.receive();
        if first["type"] == "pong" {
            return None;
        }
        while self.receive()["type"] != "pong" {}
        Some(first)
    }
}

/// A client that speaks raw binary.
pub(crate) struct Frames {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Frames {
    /// Joins a broker.
    pub(crate) fn join(broker: &RunningBroker) -> Self {
        let mut client = Frames {
            stream: connect(broker),
            buffer: Vec::new(),
        };
        client.stream.write_all(&Preamble::OURS.encode()).unwrap();
        let mut answer = [0; Preamble::LENGTH];
        client.stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, Preamble::answer(Some(1)));
        client
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, message: &ClientMessage<'_>) {
        self.stream.write_all(&encoded(message)).unwrap();
    }

    /// Receives a message and looks at it.
    pub(crate) fn receive<T>(&mut self, look: impl FnOnce(BrokerMessage<'_>) -> T) -> T {
        let frame = self.receive_frame().expect("the broker goes on");
        look(binary::decode_broker(&frame).unwrap())
    }

    /// Receives a frame; `None` at the end of the stream.
    pub(crate) fn receive_frame(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = binary::frame_length(&self.buffer, usize::MAX).unwrap()
                && self.buffer.len() >= length
            {
                return Some(self.buffer.drain(..length).collect());
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).unwrap() {
                0 => return None,
                count => self.buffer.extend_from_slice(&bytes[..count]),
            }
        }
    }
}

/// Encodes a client's message as a frame.
pub(crate) fn encoded(message: &ClientMessage<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    binary::encode_client(&mut frame, message);
    frame
}
