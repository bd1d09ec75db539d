//! The simulated broker: drives the real engine as the broker's driver does, and tells the oracle all it sees. What it
//! writes is in `outlet.rs`.

use std::sync::Arc;
use std::time::Duration;

use buslane_engine::{
    ClientId, CloseReason, Compared, CompileRequest, Config, Engine, Flow, Notice, Output, Peer, Principal,
    Ticket, Validate,
};
use buslane_protocol::binary::Preamble;
use buslane_protocol::{ClientMessage, DecodeError, Framing, Instant, Limits, Name, PROTOCOL_VERSION};

use crate::connection::decode_client;
use crate::inlet::Unusable;
use crate::random::Random;
use crate::said::{NODE, Said};
use crate::schema;
use crate::websocket::UPGRADE;
use crate::world::World;

/// Work that is done elsewhere.
pub(crate) struct Job {
    /// When it is done.
    pub(crate) due: Instant,
    ticket: Ticket,
    work: Work,
}

enum Work {
    Compile(CompileRequest),
    Compare,
    Validate(Arc<dyn Validate>, Arc<[u8]>),
}

/// Makes an engine without clients.
pub(crate) fn engine(limits: &Limits, random: &mut Random) -> Engine {
    let mut seed = [0; 32];
    let (words, _) = seed.as_chunks_mut::<8>();
    for word in words {
        *word = random.next().to_le_bytes();
    }
    let node = Name::parse(NODE).expect("the simulated broker has a good name");
    let mut config = Config::new(node, seed);
    config.limits = limits.clone();
    Engine::new(config)
}

impl World {
    /// Lets the broker do what is due.
    pub(crate) fn drive_broker(&mut self) {
        if self.engine.poll_timeout().is_some_and(|due| due <= self.now) {
            self.look_at_clock();
        }
        self.work();
        for connection in 0..self.connections.len() {
            self.read(connection);
        }
        self.flush();
    }

    /// Tells the broker what time it is.
    pub(crate) fn look_at_clock(&mut self) {
        self.engine.handle_timeout(self.now);
        self.oracle.timed();
        self.follow(None);
    }

    /// Hands back the results of work that is done.
    fn work(&mut self) {
        while let Some(place) = self.jobs.iter().position(|job| job.due <= self.now) {
            let Job { ticket, work, .. } = self.jobs.remove(place);
            match work {
                Work::Compile(request) => self.engine.compiled(self.now, ticket, schema::compile(&request)),
                Work::Compare => self.engine.compared(self.now, ticket, Compared::default()),
                Work::Validate(validator, payload) => {
                    self.engine
                        .validated(self.now, ticket, validator.validate(&payload));
                }
            }
            self.oracle.coverage.count("work done elsewhere");
            self.follow(None);
        }
    }

    /// Reads what has arrived on a connection.
    fn read(&mut self, place: usize) {
        while self.connections[place].is_read() {
            let Some(piece) = self.connections[place].up.read(self.now) else {
                break;
            };
            self.connections[place].input.extend(&piece);
            if let Some(client) = self.connections[place].client {
                self.engine.touch(self.now, client);
                self.oracle.heard(place);
                self.follow(None);
            }
            self.take_in(place);
        }
        if self.connections[place].is_read() && self.connections[place].up.is_over(self.now) {
            self.end(place, CloseReason::EndOfStream);
        }
    }

    /// Hands the engine every whole message that was read.
    pub(crate) fn take_in(&mut self, place: usize) {
        while self.connections[place].is_read() {
            let Some(client) = self.connections[place].client else {
                if !self.greet(place) {
                    return;
                }
                continue;
            };
            let limit = self.settings.limits.frame();
            let framing = self.connections[place].framing;
            match self.connections[place].input.take(limit) {
                Ok(None) => return self.give_sign(place, client),
                Ok(Some(line)) if framing == Framing::JsonLines && line.bytes.is_empty() => {}
                Ok(Some(frame)) => match decode_client(framing, &frame.bytes) {
                    Ok(message) => self.handle(place, client, message),
                    Err(error) => self.refuse(place, client, &error),
                },
                Err(Unusable::Message(error)) => {
                    self.connections[place].input.clear();
                    self.refuse(place, client, &error);
                }
                Err(Unusable::End) => {
                    self.oracle.coverage.count("websocket broken");
                    self.end(place, CloseReason::Framing);
                }
            }
        }
    }

    /// Answers a WebSocket's pings: one answer for several is enough.
    fn give_sign(&mut self, place: usize, client: ClientId) {
        if std::mem::take(&mut self.connections[place].input.pings) > 0 {
            self.oracle.coverage.count("websocket pong");
            self.engine.send_raw(self.now, client, WEBSOCKET_PONG);
            self.follow(None);
        }
    }

    /// Takes in a connection when its first bytes are there.
    fn greet(&mut self, place: usize) -> bool {
        let connection = &mut self.connections[place];
        let Some(good) = connection.take_greeting() else {
            return false;
        };
        match connection.framing {
            Framing::JsonLines => {}
            Framing::Binary => {
                let answer = Preamble::answer(good.then_some(PROTOCOL_VERSION));
                connection.down.write(self.now, &answer, &mut self.random);
            }
            Framing::WebSocketBinary | Framing::WebSocketText => {
                connection.down.write(self.now, UPGRADE, &mut self.random);
            }
        }
        if !good {
            self.end(place, CloseReason::Framing);
            return false;
        }
        let connection = &self.connections[place];
        let peer = Peer {
            framing: connection.framing,
            principal: Principal::new(&format!("principal-{}", connection.principal)),
            loopback: true,
            address: format!("simulated-{}", connection.peer),
        };
        let (framing, principal) = (connection.framing, connection.principal);
        match self.engine.open(self.now, peer) {
            Ok(client) => {
                self.connections[place].client = Some(client);
                self.oracle.opened(place, client, framing, principal);
                self.follow(None);
                true
            }
            Err(_) => {
                self.oracle.coverage.count("connection refused");
                self.follow(None);
                self.end(place, CloseReason::Shutdown);
                false
            }
        }
    }

    fn handle(&mut self, place: usize, client: ClientId, message: ClientMessage<'_>) {
        let said = Said::of(&message);
        self.oracle.count_received(kind(&message));
        self.oracle.asks(place, &said);
        let flow = self.engine.handle(self.now, client, message);
        if flow == Flow::Pause {
            self.connections[place].parked = Some((said, None));
            self.connections[place].paused = true;
            self.oracle.coverage.count("paused");
            self.follow(None);
        } else {
            self.follow(Some((place, said)));
        }
    }

    fn refuse(&mut self, place: usize, client: ClientId, error: &DecodeError) {
        self.oracle.coverage.count("garbage");
        self.oracle.owe_error(place, error.id(), error.code());
        // Whether it closes is told by an output as well.
        let _flow = self.engine.refuse(self.now, client, error);
        self.follow(None);
    }

    /// Does what the engine asks for after a call, and tells the oracle what came of the message handed in.
    pub(crate) fn follow(&mut self, handled: Option<(usize, Said)>) {
        self.oracle.observe(self.engine.counters());
        let outputs: Vec<Output> = std::iter::from_fn(|| self.engine.poll_output()).collect();
        if let Some((place, said)) = handled {
            self.judge(place, &said, &outputs);
        }
        self.oracle.check_memory(&self.engine.gauges());
        let mut closing = Vec::new();
        let mut resumed = Vec::new();
        for output in outputs {
            match output {
                Output::Compile { ticket, request } => self.begin(ticket, Work::Compile(request)),
                Output::Compare { ticket, .. } => self.begin(ticket, Work::Compare),
                Output::Validate {
                    ticket,
                    validator,
                    payload,
                } => self.begin(ticket, Work::Validate(validator, payload)),
                Output::Resume { client } => resumed.extend(self.resume(client)),
                Output::Close { client, reason } => closing.push((client, reason)),
                Output::Log(notice) => self.notice(&notice),
            }
        }
        self.oracle.settled();
        for (client, reason) in closing {
            if let Some(place) = self.place_of(client) {
                self.end(place, reason);
            }
        }
        for place in resumed {
            self.take_in(place);
        }
    }

    /// Tells the oracle what came of a message that did not have to wait.
    fn judge(&mut self, place: usize, said: &Said, outputs: &[Output]) {
        let client = self.connections[place].client;
        let refusal = outputs.iter().find_map(|output| match output {
            Output::Log(Notice::Refused { client: whose, code }) if Some(*whose) == client => Some(*code),
            _ => None,
        });
        let offloaded = |output: &Output| matches!(output, Output::Validate { .. });
        if outputs.iter().any(offloaded) {
            // It would have had to wait, but its client was given up meanwhile.
            self.oracle.may_have_taken(place, said);
        } else {
            self.oracle.took(place, said, refusal);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        if let Notice::Refused { client, code } = notice
            && let Some(place) = self.place_of(*client)
            && let Some((_, refusal)) = &mut self.connections[place].parked
        {
            *refusal = Some(*code);
        }
        if let Notice::Closed { client, .. } = notice
            && let Some(place) = self.place_of(*client)
            && let Some((said, None)) = self.connections[place].parked.take()
        {
            self.oracle.may_have_taken(place, &said);
        }
        self.oracle.noticed(notice);
    }

    fn begin(&mut self, ticket: Ticket, work: Work) {
        let due = self.now + Duration::from_micros(self.random.below(self.settings.work));
        self.jobs.push(Job { due, ticket, work });
    }

    fn resume(&mut self, client: ClientId) -> Option<usize> {
        let place = self.place_of(client)?;
        self.connections[place].paused = false;
        if let Some((said, refusal)) = self.connections[place].parked.take() {
            self.oracle.took(place, &said, refusal);
        }
        Some(place)
    }

    pub(crate) fn place_of(&self, client: ClientId) -> Option<usize> {
        let known = |connection: &crate::connection::Connection| connection.client == Some(client);
        self.connections.iter().rposition(known)
    }

    /// Ends a connection on the broker's side.
    pub(crate) fn end(&mut self, place: usize, reason: CloseReason) {
        if self.connections[place].over {
            return;
        }
        if self.connections[place].client.is_some() && reason != CloseReason::EndOfStream {
            self.transmit(place);
        }
        self.connections[place].over = true;
        if let Some(client) = self.connections[place].client {
            self.engine.close(self.now, client, reason);
            self.follow(None);
            let torn = self.connections[place].tap.is_within();
            self.oracle.forgotten(place, client, torn);
        }
        let connection = &mut self.connections[place];
        connection.client = None;
        connection.parked = None;
        connection.input.clear();
        connection.down.finish(self.now, &mut self.random);
    }
}

/// Returns a message's type as the broker counts it.
fn kind(message: &ClientMessage<'_>) -> &'static str {
    match message {
        ClientMessage::Connect(_) => "connect",
        ClientMessage::Register(_) => "register",
        ClientMessage::Unregister(_) => "unregister",
        ClientMessage::Subscribe(_) => "subscribe",
        ClientMessage::Unsubscribe(_) => "unsubscribe",
        ClientMessage::Publish(_) => "publish",
        ClientMessage::Request(_) => "request",
        ClientMessage::Reply(_) => "reply",
        ClientMessage::Chunk(_) => "chunk",
        ClientMessage::Error(_) => "error",
        ClientMessage::Cancel(_) => "cancel",
        ClientMessage::Credit(_) => "credit",
        ClientMessage::Ping(_) => "ping",
        ClientMessage::Pong(_) => "pong",
        ClientMessage::Goodbye(_) => "goodbye",
    }
}

/// A WebSocket's answer to a ping (RFC 6455, section 5.5.3), as a server writes it.
const WEBSOCKET_PONG: &[u8] = &[0x8a, 0x01, b'?'];
