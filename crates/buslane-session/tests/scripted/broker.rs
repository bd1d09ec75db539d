//! A broker that says what a test wants, to one session under a fake clock.

use std::time::Duration;

use buslane_protocol::binary::{Preamble, frame_length};
use buslane_protocol::{Address, Filter, Framing, Instant, Payload, Targets, Topic, binary, json};
use buslane_session::{
    Action, Config, Event, PublishKey, PublishOptions, RegistrationKey, RequestKey, RequestOptions, Session,
    SubscribeOptions, SubscriptionKey,
};
use serde_json::{Value, json};

/// A session and what a test does to it.
pub(crate) struct Scripted {
    pub(crate) session: Session,
    pub(crate) now: Instant,
    framing: Framing,
}

impl Scripted {
    /// Makes a session that dials, with binary frames.
    pub(crate) fn new() -> Scripted {
        Scripted::with(|_| {})
    }

    /// Makes a session of another configuration that dials.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Scripted {
        let mut config = Config {
            seed: 1,
            unix_ms_at_zero: 1_700_000_000_000,
            ..Config::default()
        };
        change(&mut config);
        let now = Instant::from_micros(1_000_000);
        let framing = config.framing;
        let mut scripted = Scripted {
            session: Session::new(config, now),
            now,
            framing,
        };
        assert_eq!(scripted.action(), Some(Action::Dial));
        scripted
    }

    /// Makes a session that the broker has accepted, and forgets how.
    pub(crate) fn connected() -> Scripted {
        Scripted::connected_with(|_| {})
    }

    /// Makes a session of another configuration that the broker has accepted, and forgets how.
    pub(crate) fn connected_with(change: impl FnOnce(&mut Config)) -> Scripted {
        let mut scripted = Scripted::with(change);
        scripted.accept();
        scripted.events();
        scripted
    }

    /// Opens the transport and accepts the client. Returns what the session wrote before it was accepted.
    pub(crate) fn accept(&mut self) -> Vec<Value> {
        let written = self.open();
        self.say(connected());
        written
    }

    /// Opens the transport, and returns what the session wrote. In raw binary the preambles are exchanged.
    pub(crate) fn open(&mut self) -> Vec<Value> {
        self.session.handle_connected(self.now);
        let written = self.written_after_preamble();
        if self.framing == Framing::Binary {
            self.bytes(&Preamble::answer(Some(1)));
        }
        written
    }

    /// Loses the transport, and waits until the session dials again.
    pub(crate) fn lose(&mut self) {
        self.session.handle_disconnected(self.now, "lost");
        assert_eq!(self.action(), None);
    }

    /// Waits until the session dials.
    #[track_caller]
    pub(crate) fn dial(&mut self) {
        let due = self
            .session
            .poll_timeout()
            .expect("a session that waits has a timer");
        self.pass(due - self.now);
        assert_eq!(self.action(), Some(Action::Dial));
    }

    /// Says something, given as JSON, in the session's framing.
    pub(crate) fn say(&mut self, message: Value) {
        let text = message.to_string().into_bytes();
        match self.framing {
            Framing::Binary => self.bytes(&frame(&text)),
            Framing::JsonLines => self.bytes(&[&text[..], b"\n"].concat()),
            Framing::WebSocketBinary => self.session.handle_message(self.now, &frame(&text)),
            Framing::WebSocketText => self.session.handle_message(self.now, &text),
        }
    }

    /// Hands in bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.session.handle_bytes(self.now, bytes);
    }

    /// Takes what the session wrote, as JSON.
    pub(crate) fn written(&mut self) -> Vec<Value> {
        self.written_with(false)
    }

    /// Takes what the session wrote first on a connection.
    pub(crate) fn written_after_preamble(&mut self) -> Vec<Value> {
        self.written_with(true)
    }

    /// Takes the one message that the session must have written.
    #[track_caller]
    pub(crate) fn one_written(&mut self) -> Value {
        let mut written = self.written();
        assert_eq!(written.len(), 1, "{written:#?}");
        written.remove(0)
    }

    /// Takes what happened.
    pub(crate) fn events(&mut self) -> Vec<Event<'static>> {
        let mut events = Vec::new();
        while let Some(event) = self.session.poll_event() {
            events.push(event.into_owned());
        }
        events
    }

    /// Takes the one thing that must have happened.
    #[track_caller]
    pub(crate) fn one(&mut self) -> Event<'static> {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:#?}");
        events.remove(0)
    }

    /// Takes what the session asks of its driver, after what happened.
    pub(crate) fn action(&mut self) -> Option<Action> {
        self.session.poll_action()
    }

    /// Asserts that the session gave the connection up for a reason, and waits to make another.
    #[track_caller]
    pub(crate) fn gave_up(&mut self, code: &str) {
        let events = self.events();
        let Some(Event::Disconnected { problem, .. }) = events.last() else {
            panic!("{events:#?}")
        };
        assert_eq!(problem.code, code, "{problem:#?}");
        assert_eq!(self.action(), Some(Action::Close { flush: false }));
        self.dial();
    }

    /// Lets time pass, and the session do what is due then.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.session.handle_timeout(self.now);
    }

    /// Lets milliseconds pass.
    pub(crate) fn pass_ms(&mut self, milliseconds: u64) {
        self.pass(Duration::from_millis(milliseconds));
    }

    /// Registers, given as JSON.
    pub(crate) fn register(&mut self, registration: Value) -> RegistrationKey {
        self.session
            .register(self.now, serde_json::from_value(registration).unwrap())
            .unwrap()
    }

    /// Calls an address.
    pub(crate) fn call(&mut self, address: &str, options: RequestOptions<'_>) -> RequestKey {
        let to = Targets::One(Address::parse(address).unwrap());
        self.session
            .request(self.now, to, Payload::json(&b"{}"[..]), options)
            .unwrap()
    }

    /// Subscribes.
    pub(crate) fn subscribe(&mut self, filter: &str, options: SubscribeOptions) -> SubscriptionKey {
        self.session
            .subscribe(Filter::parse(filter).unwrap(), options)
            .unwrap()
    }

    /// Publishes.
    pub(crate) fn publish(&mut self, topic: &str, ack: bool) -> Option<PublishKey> {
        let options = PublishOptions {
            ack,
            ..PublishOptions::default()
        };
        let topic = Topic::parse(topic).unwrap();
        self.session
            .publish(self.now, &topic, Payload::json(&b"1"[..]), options)
            .unwrap()
    }

    fn written_with(&mut self, begins: bool) -> Vec<Value> {
        let Some(transmit) = self.session.poll_transmit() else {
            return Vec::new();
        };
        let mut messages = Vec::new();
        for message in transmit.messages() {
            let preamble = if begins && self.framing == Framing::Binary {
                Preamble::LENGTH
            } else {
                0
            };
            messages.extend(parse(self.framing, &message[preamble..]));
        }
        self.session.recycle(transmit);
        messages
    }
}

/// What a broker says to accept a client.
pub(crate) fn connected() -> Value {
    json!({
        "type": "connected", "id": "c", "version": 1, "node": "here", "server": "scripted", "client": "client-1",
        "heartbeat_ms": 15_000, "limits": {},
    })
}

/// Writes what a broker says as a binary frame.
pub(crate) fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    binary::encode_broker(
        &mut frame,
        &json::decode_broker(text).expect("a test's broker says good messages"),
    );
    frame
}

/// Returns the types of messages.
pub(crate) fn types(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["type"].as_str().unwrap())
        .collect()
}

fn parse(framing: Framing, bytes: &[u8]) -> Vec<Value> {
    match framing {
        Framing::JsonLines => bytes
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect(),
        Framing::WebSocketText => vec![serde_json::from_slice(bytes).unwrap()],
        Framing::Binary | Framing::WebSocketBinary => {
            let (mut messages, mut rest) = (Vec::new(), bytes);
            while !rest.is_empty() {
                let (frame, after) = rest.split_at(frame_length(rest, usize::MAX).unwrap().unwrap());
                let mut text = Vec::new();
                json::encode_client(&mut text, &binary::decode_client(frame).unwrap());
                messages.push(serde_json::from_slice(&text).unwrap());
                rest = after;
            }
            messages
        }
    }
}
