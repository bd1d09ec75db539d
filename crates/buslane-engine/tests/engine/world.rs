//! An engine under a fake clock with its clients: does what a driver does, and keeps what it was told.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use buslane_engine::{
    ClientId, CloseReason, CompareRequest, CompileRequest, Config, Engine, Flow, Notice, Output, Peer,
    Principal, Ticket, Transmit, Validate,
};
use buslane_protocol::{ErrorCode, Framing, Instant, Limits, Name, Problem};
use serde_json::{Value, json};

use crate::{schema, wire};

/// Work that the engine gave out, held back by [`World::hold_work`].
pub(crate) enum Work {
    /// Schemas to compile.
    Compile(Ticket, CompileRequest),
    /// Two versions of a service to compare.
    Compare(Ticket, CompareRequest),
    /// A payload to validate.
    Validate(Ticket, Arc<dyn Validate>, Arc<[u8]>),
}

/// A connection as the driver sees it.
pub(crate) struct Connection {
    pub(crate) framing: Framing,
    /// Bytes that the transport takes before it blocks.
    pub(crate) window: usize,
    read: Vec<u8>,
    paused: bool,
    waiting: VecDeque<Vec<u8>>,
    pub(crate) closed: Option<CloseReason>,
}

/// An engine with its clients.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
    pub(crate) connections: BTreeMap<ClientId, Connection>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) work: Vec<Work>,
    hold_work: bool,
}

impl World {
    /// Makes an engine with the default limits.
    pub(crate) fn new() -> World {
        World::with(|_| {})
    }

    /// Makes an engine with other limits.
    pub(crate) fn limited(change: impl FnOnce(&mut Limits)) -> World {
        World::with(|config| change(&mut config.limits))
    }

    /// Makes an engine of another configuration.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> World {
        let mut config = Config::new(Name::parse("here").unwrap(), [7; 32]);
        config.unix_ms_at_zero = 1_700_000_000_000;
        change(&mut config);
        World {
            engine: Engine::new(config),
            now: Instant::from_micros(1_000_000),
            connections: BTreeMap::new(),
            notices: Vec::new(),
            work: Vec::new(),
            hold_work: false,
        }
    }

    /// Keeps compilations and validations until [`World::do_work`], or goes back to doing them at once.
    pub(crate) fn hold_work(&mut self, hold: bool) {
        self.hold_work = hold;
        if !hold {
            self.do_work();
            self.pump();
        }
    }

    /// Opens a binary client on this machine.
    pub(crate) fn client(&mut self) -> ClientId {
        self.open(Framing::Binary)
    }

    /// Opens a client on this machine.
    pub(crate) fn open(&mut self, framing: Framing) -> ClientId {
        self.open_as(framing, "tester", true)
    }

    /// Opens a client.
    pub(crate) fn open_as(&mut self, framing: Framing, principal: &str, loopback: bool) -> ClientId {
        self.try_open(framing, principal, loopback)
            .expect("the engine has room")
    }

    /// Opens a client, if the engine takes it in.
    pub(crate) fn try_open(
        &mut self,
        framing: Framing,
        principal: &str,
        loopback: bool,
    ) -> Result<ClientId, Problem> {
        let peer = Peer {
            framing,
            principal: Principal::new(principal),
            loopback,
            address: "test".to_owned(),
        };
        let id = self.engine.open(self.now, peer)?;
        let (read, waiting) = (Vec::new(), VecDeque::new());
        let connection = Connection {
            framing,
            window: usize::MAX,
            read,
            paused: false,
            waiting,
            closed: None,
        };
        self.connections.insert(id, connection);
        self.pump();
        Ok(id)
    }

    /// Opens a client that subscribes to a filter.
    pub(crate) fn subscriber(&mut self, framing: Framing, filter: &str) -> ClientId {
        let id = self.open(framing);
        self.read(id);
        self.send(id, json!({ "type": "subscribe", "filter": filter }));
        assert_eq!(self.read(id)[0]["type"], "subscribed");
        id
    }

    /// Opens a client that subscribes to all topics, the broker's included.
    pub(crate) fn subscriber_of_everything(&mut self, framing: Framing) -> ClientId {
        let id = self.subscriber(framing, "#");
        self.send(id, json!({ "type": "subscribe", "filter": "$bus/#" }));
        id
    }

    /// Opens a client that registers a service with methods.
    pub(crate) fn service(&mut self, name: &str, instance: &str, methods: &[&str]) -> ClientId {
        let id = self.client();
        self.register(
            id,
            json!({ "name": name, "version": "1.0.0", "instance": instance, "methods": methods }),
        );
        id
    }

    /// Registers, and returns what came back.
    pub(crate) fn register(&mut self, id: ClientId, registration: Value) -> Value {
        let mut message = registration;
        message["type"] = json!("register");
        self.send(id, message);
        let answer = self.one(id);
        assert_eq!(answer["type"], "registered", "{answer}");
        answer
    }

    /// Sends a message, given as JSON, in the client's framing.
    pub(crate) fn send(&mut self, id: ClientId, message: Value) {
        let frame = wire::encode(self.connections[&id].framing, &message);
        self.send_frame(id, frame);
    }

    /// Sends a frame. While the client is paused it waits, as in a driver.
    pub(crate) fn send_frame(&mut self, id: ClientId, frame: Vec<u8>) {
        self.connections.get_mut(&id).unwrap().waiting.push_back(frame);
        self.engine.touch(self.now, id);
        self.hand_in(id);
        self.pump();
    }

    fn hand_in(&mut self, id: ClientId) {
        let connection = self.connections.get_mut(&id).unwrap();
        while !connection.paused && connection.closed.is_none() {
            let Some(frame) = connection.waiting.pop_front() else {
                return;
            };
            let plain = wire::plain_publish(connection.framing, &frame);
            if plain.is_some_and(|publish| self.engine.handle_plain(self.now, id, &publish)) {
                continue;
            }
            let flow = match wire::decode(connection.framing, &frame) {
                Ok(message) => self.engine.handle(self.now, id, message),
                Err(error) => self.engine.refuse(self.now, id, &error),
            };
            connection.paused = flow == Flow::Pause;
        }
    }

    /// Does what the engine asks for.
    pub(crate) fn pump(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Log(notice) => self.notices.push(notice),
                Output::Compile { ticket, request } => self.work.push(Work::Compile(ticket, request)),
                Output::Compare { ticket, request } => self.work.push(Work::Compare(ticket, request)),
                Output::Validate {
                    ticket,
                    validator,
                    payload,
                } => {
                    self.work.push(Work::Validate(ticket, validator, payload));
                }
                Output::Resume { client } => {
                    self.connections.get_mut(&client).unwrap().paused = false;
                    self.hand_in(client);
                }
                Output::Close { client, reason } => {
                    self.connections.get_mut(&client).unwrap().closed = Some(reason)
                }
            }
            if !self.hold_work {
                self.do_work();
            }
        }
    }

    /// Does the work that the engine gave out.
    pub(crate) fn do_work(&mut self) {
        for work in std::mem::take(&mut self.work) {
            match work {
                Work::Compile(ticket, request) => {
                    self.engine.compiled(self.now, ticket, schema::compile(&request));
                }
                Work::Compare(ticket, request) => {
                    self.engine.compared(self.now, ticket, schema::compare(&request));
                }
                Work::Validate(ticket, validator, payload) => {
                    self.engine
                        .validated(self.now, ticket, validator.validate(&payload));
                }
            }
        }
        if self.hold_work {
            self.pump();
        }
    }

    /// Reads what the engine has for a client, as far as the client's window goes, and returns the whole messages.
    pub(crate) fn read(&mut self, id: ClientId) -> Vec<Value> {
        let World {
            engine,
            connections,
            now,
            ..
        } = self;
        let connection = connections.get_mut(&id).unwrap();
        let transmit = engine.transmit(*now, id, |slices| {
            let offered: usize = slices.iter().map(|slice| slice.len()).sum();
            if connection.window == 0 && offered > 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let taken = offered.min(connection.window);
            let bytes = slices.iter().flat_map(|slice| slice.iter().copied());
            connection.read.extend(bytes.take(taken));
            connection.window = connection
                .window
                .saturating_sub(if connection.window == usize::MAX { 0 } else { taken });
            Ok(taken)
        });
        assert!(matches!(transmit, Ok(Transmit::Empty | Transmit::Blocked)));
        let messages = wire::take_messages(connection.framing, &mut connection.read);
        self.pump();
        messages
    }

    /// Reads the one message that there has to be.
    #[track_caller]
    pub(crate) fn one(&mut self, id: ClientId) -> Value {
        let mut messages = self.read(id);
        assert_eq!(messages.len(), 1, "{messages:#?}");
        messages.remove(0)
    }

    /// Reads the error that there has to be, and returns its code.
    #[track_caller]
    pub(crate) fn error(&mut self, id: ClientId) -> String {
        let message = self.one(id);
        assert_eq!(message["type"], "error", "{message}");
        assert!(
            message["error"]["detail"].is_string() || message["error"]["code"] == "cancelled",
            "{message}"
        );
        message["error"]["code"].as_str().unwrap().to_owned()
    }

    /// Asserts that nothing came.
    #[track_caller]
    pub(crate) fn nothing(&mut self, id: ClientId) {
        assert_eq!(self.read(id), Vec::<Value>::new());
    }

    /// Lets time pass, stopping at each time that the engine asks for.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.engine.handle_timeout(self.now);
            self.pump();
        }
        self.now = end;
        self.engine.handle_timeout(self.now);
        self.pump();
    }

    /// Lets seconds pass.
    pub(crate) fn pass_seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// Ends a client's transport.
    pub(crate) fn close(&mut self, id: ClientId) {
        self.engine.close(self.now, id, CloseReason::EndOfStream);
        self.connections.remove(&id);
        self.pump();
    }

    /// Returns why a client was closed.
    pub(crate) fn closed(&self, id: ClientId) -> Option<CloseReason> {
        self.connections[&id].closed
    }

    /// Makes a client's transport take this many bytes more, then block.
    pub(crate) fn narrow(&mut self, id: ClientId, window: usize) {
        self.connections.get_mut(&id).unwrap().window = window;
    }

    /// Asserts that the counters add up.
    #[track_caller]
    pub(crate) fn assert_balanced(&self) {
        let (counters, gauges) = (self.engine.counters(), self.engine.gauges());
        assert_eq!(counters.opened, counters.closed + gauges.clients);
        let ended = counters.replied
            + counters.streamed
            + counters.gathered
            + counters.failed
            + counters.expired
            + counters.cancelled
            + counters.lost
            + counters.overflowed
            + counters.abandoned;
        assert_eq!(
            counters.requests_accepted,
            ended + gauges.requests,
            "{counters:#?}"
        );
        let moved =
            counters.delivery_bytes_sent + counters.delivery_bytes_dropped + counters.delivery_bytes_lost;
        assert_eq!(
            counters.delivery_bytes,
            moved + gauges.queued_delivery_bytes,
            "{counters:#?}"
        );
        let dropped = counters.dropped_oldest + counters.dropped_newest + counters.dropped_disconnect;
        assert_eq!(counters.deliveries_dropped, dropped);
        let unhandled = counters.unhandled_no_receiver
            + counters.unhandled_no_instance
            + counters.unhandled_unknown_node
            + counters.unhandled_deadline_exceeded;
        assert_eq!(counters.unhandled, unhandled);
        let closed: u64 = counters.closed_for.iter().map(|(_, count)| count).sum();
        assert_eq!(counters.closed, closed);
        assert_eq!(counters.request_durations.count(), ended);
        assert!(gauges.memory <= gauges.memory_limit, "{gauges:#?}");
    }

    /// Returns how many refusals had a code.
    pub(crate) fn refused(&self, code: ErrorCode) -> u64 {
        self.engine.counters().refused.of(code)
    }
}

/// Returns the payloads of deliveries.
pub(crate) fn payloads(messages: &[Value]) -> Vec<Value> {
    messages
        .iter()
        .filter(|message| message["type"] == "delivery")
        .map(|message| message["payload"].clone())
        .collect()
}

/// Returns the topics of deliveries.
pub(crate) fn topics(messages: &[Value]) -> Vec<String> {
    let deliveries = messages.iter().filter(|message| message["type"] == "delivery");
    deliveries
        .map(|message| message["topic"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns the types of messages.
pub(crate) fn types(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["type"].as_str().unwrap())
        .collect()
}
