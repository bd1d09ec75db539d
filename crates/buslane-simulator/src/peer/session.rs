//! A program behind a session: what its driver does, and how it answers requests.

use buslane_protocol::binary::{Preamble, frame_length};
use buslane_protocol::{ClientMessage, Encoding, Headers, Name, Payload};
use buslane_session::{
    Action, Config, DeliveryToken, Event, RegistrationKey, RequestKey, Session, State, SubscriptionKey,
};

use crate::connection::{decode_client, is_websocket};
use crate::content::{Content, number_of, problem};
use crate::peer::Program;
use crate::websocket::UPGRADE;
use crate::world::World;

/// A program behind a session.
pub(crate) struct Behind {
    pub(crate) session: Session,
    /// Its number at the oracle.
    pub(crate) number: usize,
    pub(crate) registrations: Vec<RegistrationKey>,
    /// Its subscriptions, and whether each has credit.
    pub(crate) subscriptions: Vec<(SubscriptionKey, bool)>,
    pub(crate) requests: Vec<RequestKey>,
    pub(crate) invocations: Vec<Open>,
    /// Whether it answers at once.
    eager: bool,
}

/// A request that awaits an answer.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) token: DeliveryToken,
    pub(crate) stream: bool,
    /// The number of the request.
    pub(crate) number: u64,
}

impl World {
    /// Begins a new session for a peer.
    pub(crate) fn join_by_session(&mut self, peer: usize) {
        let config = Config {
            name: self.random.chance(50).then(|| name(&format!("peer-{peer}"))),
            framing: self.peers[peer].kind.framing,
            seed: self.random.next(),
            ..Config::default()
        };
        let number = self.oracle.program();
        self.oracle.trace.note(|| format!("peer {peer} is p{number} now"));
        let behind = Behind {
            session: Session::new(config, self.now),
            number,
            registrations: Vec::new(),
            subscriptions: Vec::new(),
            requests: Vec::new(),
            invocations: Vec::new(),
            eager: self.random.chance(60),
        };
        self.peers[peer].program = Program::Session(Box::new(behind));
        self.run_session(peer);
    }

    /// Lends the session of a peer, if it has one that has not ended.
    pub(crate) fn behind(&mut self, peer: usize) -> Option<&mut Behind> {
        match &mut self.peers[peer].program {
            Program::Session(behind) if behind.session.state() != State::Ended => Some(behind),
            _ => None,
        }
    }

    /// Lets a session read what arrived, do what is due, and write.
    pub(super) fn drive_session(&mut self, peer: usize) {
        let now = self.now;
        while let Some(place) = self.peers[peer].connection {
            let connection = &mut self.connections[place];
            if let Some(piece) = connection.down.read(now) {
                if is_websocket(connection.framing) {
                    connection.received.extend(&piece);
                    self.take_websocket(peer, place);
                } else if let Some(behind) = self.behind(peer) {
                    behind.session.handle_bytes(now, &piece);
                    self.run_session(peer);
                }
            } else if connection.down.is_over(now) {
                self.hang_up(peer);
                if let Some(behind) = self.behind(peer) {
                    behind.session.handle_disconnected(now, "the connection ended");
                }
                self.run_session(peer);
            } else {
                break;
            }
        }
        let Some(behind) = self.behind(peer) else { return };
        if behind.session.poll_timeout().is_some_and(|due| due <= now) {
            behind.session.handle_timeout(now);
            self.run_session(peer);
        }
        if let Program::Session(behind) = &self.peers[peer].program {
            self.oracle.program_timed(behind.number);
        }
        self.write_on(peer);
    }

    /// Hands a session what a WebSocket library would: that the upgrade is made, signs of life, and whole messages.
    fn take_websocket(&mut self, peer: usize, place: usize) {
        let now = self.now;
        if self.connections[place].ungreeted {
            if !self.connections[place].is_greeted() {
                return;
            }
            if let Some(behind) = self.behind(peer) {
                behind.session.handle_connected(now);
            }
            self.run_session(peer);
        }
        while self.peers[peer].connection == Some(place) {
            let message = match self.connections[place].received.take_websocket(usize::MAX) {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(problem) => {
                    return self
                        .oracle
                        .broken(format!("what arrived is no frame: {problem:?}"), &[]);
                }
            };
            if let Some(behind) = self.behind(peer) {
                behind.session.handle_message(now, &message.bytes);
            }
            self.run_session(peer);
        }
        if self.connections[place].received.pings > 0 {
            if let Some(behind) = self.behind(peer) {
                behind.session.handle_activity(now);
            }
            self.answer_pings(peer);
        }
    }

    /// Does what a session's driver does after each input.
    pub(crate) fn run_session(&mut self, peer: usize) {
        loop {
            self.tell(peer);
            let Program::Session(behind) = &mut self.peers[peer].program else {
                return;
            };
            match behind.session.poll_action() {
                Some(Action::Dial) => self.dial_for_session(peer),
                Some(Action::Close { flush }) => {
                    if flush {
                        // The session has told by now that it lost this connection: its last words promise nothing.
                        self.write_session(peer, |_, _, _, _| {});
                    }
                    self.hang_up(peer);
                }
                None => break,
            }
        }
        self.write_on(peer);
    }

    /// Writes what a session has, unless its connection takes nothing at the moment.
    fn write_on(&mut self, peer: usize) {
        let upward = self.settings.upward;
        let place = self.peers[peer].connection;
        if place.is_some_and(|place| self.connections[place].up.under_way() < upward) {
            self.write_session(peer, World::overhear);
        }
    }

    /// Hands a program everything that its session tells, and lets it answer.
    fn tell(&mut self, peer: usize) {
        let mut arrived = Vec::new();
        let mut gone = Vec::new();
        let Program::Session(behind) = &mut self.peers[peer].program else {
            return;
        };
        while let Some(event) = behind.session.poll_event() {
            self.oracle.told(behind.number, &event);
            self.oracle.coverage.count(word(&event));
            match &event {
                Event::Request {
                    token, invocation, ..
                } => arrived.push(Open {
                    token: *token,
                    stream: invocation.stream,
                    number: number_of(&invocation.headers).unwrap_or_default(),
                }),
                Event::Withdrawn { token, .. } => gone.push(*token),
                Event::Reply { key, .. } | Event::Failed { key, .. } | Event::End { key, .. } => {
                    behind.requests.retain(|known| known != key);
                }
                _ => {}
            }
        }
        self.oracle.program_settled(behind.number);
        let eager = behind.eager;
        behind.invocations.extend(arrived.iter().cloned());
        behind
            .invocations
            .retain(|open| !gone.contains(&open.token) || !eager);
        for open in arrived {
            if eager && self.random.chance(70) {
                self.answer_as_session(peer, &open);
            }
        }
    }

    fn dial_for_session(&mut self, peer: usize) {
        let now = self.now;
        let reachable = self.reachable;
        let upgrades = is_websocket(self.peers[peer].kind.framing);
        if reachable {
            self.dial(peer);
            if upgrades {
                // The session hears of its connection when the upgrade is answered.
                return self.write_bytes(peer, UPGRADE);
            }
        }
        let Program::Session(behind) = &mut self.peers[peer].program else {
            return;
        };
        if reachable {
            behind.session.handle_connected(now);
        } else {
            behind.session.handle_disconnected(now, "nobody listens");
        }
    }

    /// Writes what a session has, and shows each message to whoever listens.
    fn write_session(&mut self, peer: usize, listen: impl Fn(&mut World, usize, usize, &[u8])) {
        let Some(place) = self.peers[peer].connection else {
            return;
        };
        let Program::Session(behind) = &mut self.peers[peer].program else {
            return;
        };
        let Some(transmit) = behind.session.poll_transmit() else {
            return;
        };
        let program = behind.number;
        for message in transmit.messages() {
            listen(self, place, program, message);
            if is_websocket(self.connections[place].framing) {
                self.write_websocket(peer, message);
            } else {
                self.write_bytes(peer, message);
            }
        }
        if let Program::Session(behind) = &mut self.peers[peer].program {
            behind.session.recycle(transmit);
        }
    }

    /// Shows the oracle what a session hands to its connection.
    fn overhear(&mut self, place: usize, program: usize, message: &[u8]) {
        let connection = &mut self.connections[place];
        let encoding = connection.framing.encoding();
        let frames: Vec<&[u8]> = match encoding {
            Encoding::Json => message.split(|byte| *byte == b'\n').collect(),
            Encoding::Binary => binary_frames(message),
        };
        for frame in frames.into_iter().filter(|frame| !frame.is_empty()) {
            let number = match decode_client(connection.framing, frame) {
                Ok(ClientMessage::Request(request)) => number_of(&request.headers),
                Ok(ClientMessage::Publish(publish)) => number_of(&publish.headers),
                Ok(ClientMessage::Register(register)) => {
                    let (wanted, proven) = (&register.registration, register.resume.is_some());
                    let instance = wanted.instance.as_ref().map(Name::as_str);
                    self.oracle
                        .program_registers(program, wanted.name.as_str(), instance, proven);
                    None
                }
                Ok(_) => None,
                Err(error) => {
                    let promise = format!("a session writes whole messages: {error}");
                    return self.oracle.broken(promise, &[]);
                }
            };
            if let Some(number) = number {
                self.oracle.program_sent(program, number);
            }
        }
    }

    /// Answers a request in one of many ways, late and wrong ones included.
    pub(crate) fn answer_as_session(&mut self, peer: usize, open: &Open) {
        let (now, number) = (self.now, self.number());
        let valid = self.random.chance(85);
        let content = Content::random(number, valid, self.settings.largest, &mut self.random);
        let (chunks, how) = (self.random.within(1, 3), self.random.below(10));
        self.oracle.program_answers(number, open.number);
        let Some(behind) = self.behind(peer) else { return };
        let (token, session) = (open.token, &mut behind.session);
        // The request may be over; then its answer is refused, which is all that has to happen.
        let _ = match how {
            0 => session.fail(token, problem(number)),
            1 if open.stream => session.chunk(now, token, Headers::default(), Payload::absent(), true),
            2..=6 if open.stream => {
                for _ in 0..chunks {
                    let number = self.number();
                    let content = Content::random(number, true, 200, &mut self.random);
                    self.oracle.program_answers(number, open.number);
                    let Some(behind) = self.behind(peer) else { return };
                    let payload = content.payload.clone();
                    let _ = behind
                        .session
                        .chunk(now, token, content.headers(), payload, false);
                }
                return self.run_session(peer);
            }
            7 if open.stream => session.chunk(now, token, content.headers(), content.payload.clone(), true),
            _ => session.reply(token, content.headers(), content.payload.clone()),
        };
        behind.invocations.retain(|known| known.token != token);
        self.run_session(peer);
    }
}

/// Takes apart frames that stand one after another, perhaps behind a preamble.
fn binary_frames(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes.strip_prefix(&Preamble::OURS.encode()).unwrap_or(bytes);
    let mut frames = Vec::new();
    while let Ok(Some(length)) = frame_length(rest, usize::MAX)
        && let Some((frame, others)) = rest.split_at_checked(length)
    {
        frames.push(frame);
        rest = others;
    }
    frames.push(rest);
    frames
}

/// Makes a name.
pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("the simulator's names are good")
}

fn word(event: &Event<'_>) -> &'static str {
    match event {
        Event::Connected(_) => "session: connected",
        Event::Disconnected { .. } => "session: disconnected",
        Event::Draining { .. } => "session: draining",
        Event::Ended { .. } => "session: ended",
        Event::Refused { .. } => "session: refused",
        Event::Registered { again: true, .. } => "session: registered again",
        Event::Registered { .. } => "session: registered",
        Event::RegistrationFailed { .. } => "session: registration failed",
        Event::Unregistered { .. } => "session: unregistered",
        Event::Reply { .. } => "session: reply",
        Event::PartialReply { .. } => "session: reply of several",
        Event::PartialFailure { .. } => "session: failure of several",
        Event::Chunk { .. } => "session: chunk",
        Event::End { .. } => "session: end",
        Event::Failed { .. } => "session: failed",
        Event::Request { .. } => "session: request",
        Event::Withdrawn { .. } => "session: withdrawn",
        Event::AnswerRefused { .. } => "session: answer refused",
        Event::Credit { .. } => "session: credit",
        Event::Subscribed { .. } => "session: subscribed",
        Event::SubscriptionFailed { .. } => "session: subscription failed",
        Event::Delivery { .. } => "session: delivery",
        Event::Gap { unknown: true, .. } => "session: gap after a loss",
        Event::Gap { .. } => "session: gap",
        Event::Acked { .. } => "session: acked",
        Event::PublishFailed { .. } => "session: publish failed",
        Event::Flushed { .. } => "session: flushed",
        _ => "session: other",
    }
}
