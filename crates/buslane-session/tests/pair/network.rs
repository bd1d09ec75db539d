//! An engine and several sessions with pipes between them, each pipe open, blocked, silent or cut as a test wants.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use buslane_engine::{
    ClientId, CloseReason, Compared, Config as Broker, Engine, Flow, Output, Peer, Principal,
};
use buslane_protocol::binary::Preamble;
use buslane_protocol::{Framing, Instant, Limits, Name};
use buslane_session::{Action, Config, Event, Session};

use crate::wire::{self, Received};

/// One of the sessions of a [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node(usize);

/// An engine and several sessions.
pub(crate) struct Network {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
    ends: Vec<End>,
    /// Whether dialling succeeds.
    pub(crate) reachable: bool,
    closed: Vec<(ClientId, CloseReason)>,
}

/// A session with its pipe.
struct End {
    session: Session,
    framing: Framing,
    principal: String,
    link: Link,
    events: Vec<Event<'static>>,
    loss: Loss,
    /// Bytes that the session's side takes before the engine's writes block.
    window: usize,
    /// Bytes that arrive at once.
    portion: usize,
}

/// What gets lost on a connection without anybody noticing, until the session dials anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing.
    Nothing,
    /// What the session writes.
    Upward,
    /// What either side writes.
    Everything,
}

enum Link {
    None,
    Dialling,
    /// The session has written to the pipe, and the engine knows of the client once the preamble is there.
    Open(Pipe),
}

#[derive(Default)]
struct Pipe {
    client: Option<ClientId>,
    /// What the session wrote; WebSocket messages are apart.
    up: VecDeque<Vec<u8>>,
    down: Vec<u8>,
    paused: bool,
}

impl Network {
    /// Makes an engine without clients.
    pub(crate) fn new() -> Network {
        Network::limited(|_| {})
    }

    /// Makes an engine with other limits.
    pub(crate) fn limited(change: impl FnOnce(&mut Limits)) -> Network {
        let now = Instant::from_micros(1_000_000);
        Network {
            engine: engine(change),
            now,
            ends: Vec::new(),
            reachable: true,
            closed: Vec::new(),
        }
    }

    /// Adds a session that speaks binary frames, and connects it.
    pub(crate) fn add(&mut self) -> Node {
        self.add_with(|_| {})
    }

    /// Adds a session of another configuration, and connects it.
    pub(crate) fn add_with(&mut self, change: impl FnOnce(&mut Config)) -> Node {
        let mut config = Config {
            seed: self.ends.len() as u64,
            ..Config::default()
        };
        change(&mut config);
        self.ends.push(End {
            framing: config.framing,
            session: Session::new(config, self.now),
            principal: "tester".to_owned(),
            link: Link::None,
            events: Vec::new(),
            loss: Loss::Nothing,
            window: usize::MAX,
            portion: usize::MAX,
        });
        let node = Node(self.ends.len() - 1);
        self.drive();
        node
    }

    /// Lends a session.
    pub(crate) fn session(&mut self, node: Node) -> &mut Session {
        &mut self.ends[node.0].session
    }

    /// Takes what a session has told since it was last asked.
    pub(crate) fn events(&mut self, node: Node) -> Vec<Event<'static>> {
        std::mem::take(&mut self.ends[node.0].events)
    }

    /// Takes the one event that there has to be.
    #[track_caller]
    pub(crate) fn one(&mut self, node: Node) -> Event<'static> {
        let mut events = self.events(node);
        assert_eq!(events.len(), 1, "{events:#?}");
        events.remove(0)
    }

    /// Forgets what was told so far.
    pub(crate) fn forget(&mut self) {
        self.ends.iter_mut().for_each(|end| end.events.clear());
    }

    /// Moves bytes until nothing moves any more.
    pub(crate) fn drive(&mut self) {
        while self.step() {}
    }

    /// Moves what there is once. Returns whether anything moved.
    pub(crate) fn step(&mut self) -> bool {
        let mut moved = false;
        for index in 0..self.ends.len() {
            moved |= self.turn(index);
            moved |= self.deliver_up(index);
        }
        self.pump();
        for index in 0..self.ends.len() {
            moved |= self.deliver_down(index);
        }
        moved
    }

    /// Lets time pass, stopping at each time that somebody asks for.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.drive();
        while let Some(due) = self.due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.tick();
        }
        self.now = end;
        self.tick();
    }

    /// Lets milliseconds pass.
    pub(crate) fn pass_ms(&mut self, milliseconds: u64) {
        self.pass(Duration::from_millis(milliseconds));
    }

    /// Cuts a session's connection; what is under way in the pipe is lost.
    pub(crate) fn cut(&mut self, node: Node) {
        self.close(node.0, CloseReason::EndOfStream, "cut by the test");
    }

    /// Makes a session's connection lose bytes.
    pub(crate) fn lose(&mut self, node: Node, loss: Loss) {
        self.ends[node.0].loss = loss;
    }

    /// Makes a session's transport take so many bytes from the engine and then block.
    pub(crate) fn narrow(&mut self, node: Node, window: usize) {
        self.ends[node.0].window = window;
    }

    /// Makes bytes arrive at a session in portions of so many.
    pub(crate) fn portion(&mut self, node: Node, portion: usize) {
        self.ends[node.0].portion = portion;
    }

    /// Replaces the engine by a new one, as if the broker had been restarted, and cuts every connection.
    pub(crate) fn restart(&mut self) {
        for index in 0..self.ends.len() {
            self.close(index, CloseReason::EndOfStream, "the broker died");
        }
        self.engine = engine(|_| {});
    }

    /// Returns why the engine closed a session's connection last.
    pub(crate) fn closed(&self) -> Option<CloseReason> {
        self.closed.last().map(|(_, reason)| *reason)
    }

    fn due(&self) -> Option<Instant> {
        let sessions = self.ends.iter().filter_map(|end| end.session.poll_timeout());
        sessions.chain(self.engine.poll_timeout()).min()
    }

    fn tick(&mut self) {
        self.engine.handle_timeout(self.now);
        for end in &mut self.ends {
            end.session.handle_timeout(self.now);
        }
        self.drive();
    }

    /// Does what a session's driver does in one turn: events, actions, bytes.
    fn turn(&mut self, index: usize) -> bool {
        let mut moved = false;
        self.drain(index);
        while let Some(action) = self.ends[index].session.poll_action() {
            moved = true;
            match action {
                Action::Dial => self.ends[index].link = Link::Dialling,
                Action::Close { flush } => {
                    if flush {
                        self.write(index);
                        self.deliver_up(index);
                    }
                    self.drop_pipe(index, CloseReason::EndOfStream);
                }
            }
        }
        if matches!(self.ends[index].link, Link::Dialling) {
            moved = true;
            self.dial(index);
        }
        moved | self.write(index)
    }

    fn dial(&mut self, index: usize) {
        let end = &mut self.ends[index];
        if !self.reachable {
            end.link = Link::None;
            end.session.handle_disconnected(self.now, "refused by the test");
            return;
        }
        end.link = Link::Open(Pipe::default());
        end.loss = Loss::Nothing;
        end.session.handle_connected(self.now);
        if end.framing != Framing::Binary {
            self.open(index);
        }
    }

    fn open(&mut self, index: usize) {
        let end = &mut self.ends[index];
        let peer = Peer {
            framing: end.framing,
            principal: Principal::new(&end.principal),
            loopback: true,
            address: format!("test-{index}"),
        };
        match (self.engine.open(self.now, peer), &mut end.link) {
            (Ok(client), Link::Open(pipe)) => pipe.client = Some(client),
            _ => self.close(index, CloseReason::Shutdown, "the broker takes no clients"),
        }
    }

    fn write(&mut self, index: usize) -> bool {
        let end = &mut self.ends[index];
        let Link::Open(pipe) = &mut end.link else {
            return false;
        };
        let Some(transmit) = end.session.poll_transmit() else {
            return false;
        };
        if end.loss == Loss::Nothing {
            pipe.up.extend(transmit.messages().map(<[u8]>::to_vec));
        }
        end.session.recycle(transmit);
        true
    }

    fn deliver_up(&mut self, index: usize) -> bool {
        let mut moved = false;
        while let Link::Open(pipe) = &mut self.ends[index].link {
            if pipe.client.is_none() {
                let Some(preamble) = pipe.up.front_mut().and_then(wire::take_preamble) else {
                    return moved;
                };
                pipe.down.extend(Preamble::answer(preamble.choose(1, 1)));
                self.open(index);
                continue;
            }
            if !self.deliver_frame(index) {
                return moved;
            }
            moved = true;
        }
        moved
    }

    /// Hands the engine one frame of a session.
    fn deliver_frame(&mut self, index: usize) -> bool {
        let end = &mut self.ends[index];
        let Link::Open(pipe) = &mut end.link else {
            return false;
        };
        let Some(client) = pipe.client.filter(|_| !pipe.paused) else {
            return false;
        };
        let Some(bytes) = pipe.up.front_mut() else {
            return false;
        };
        let Some(frame) = wire::take_frame(end.framing, bytes) else {
            assert!(bytes.is_empty(), "a session writes whole messages");
            pipe.up.pop_front();
            return true;
        };
        self.engine.touch(self.now, client);
        let flow = match wire::decode(end.framing, &frame) {
            Ok(message) => self.engine.handle(self.now, client, message),
            Err(error) => panic!("a session writes good messages: {error}"),
        };
        pipe.paused = flow != Flow::Continue;
        self.pump();
        true
    }

    fn deliver_down(&mut self, index: usize) -> bool {
        let end = &mut self.ends[index];
        let Link::Open(pipe) = &mut end.link else {
            return false;
        };
        if let Some(client) = pipe.client {
            let (window, down) = (&mut end.window, &mut pipe.down);
            let written = self.engine.transmit(self.now, client, |slices| {
                let offered: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                let taken = offered.len().min(*window);
                if taken == 0 && !offered.is_empty() {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                down.extend_from_slice(&offered[..taken]);
                *window = if *window == usize::MAX {
                    *window
                } else {
                    *window - taken
                };
                Ok(taken)
            });
            written.expect("a pipe takes bytes or blocks");
        }
        if end.loss == Loss::Everything {
            pipe.down.clear();
        }
        let moved = !pipe.down.is_empty();
        self.hand_over(index);
        self.pump();
        moved
    }

    /// Hands a session what the pipe holds for it.
    fn hand_over(&mut self, index: usize) {
        let now = self.now;
        loop {
            let End {
                session,
                framing,
                link,
                portion,
                ..
            } = &mut self.ends[index];
            let Link::Open(pipe) = link else { return };
            match framing {
                Framing::Binary | Framing::JsonLines => {
                    if pipe.down.is_empty() {
                        return;
                    }
                    let length = pipe.down.len().min(*portion);
                    let bytes: Vec<u8> = pipe.down.drain(..length).collect();
                    session.handle_bytes(now, &bytes);
                }
                Framing::WebSocketBinary | Framing::WebSocketText => {
                    match wire::take_websocket(&mut pipe.down) {
                        None => return,
                        Some(Received::Message(message)) => session.handle_message(now, &message),
                        Some(Received::Ping) => {
                            session.handle_activity(now);
                            let client = pipe.client.expect("a WebSocket's client is known");
                            self.engine.touch(now, client);
                        }
                    }
                }
            }
            self.drain(index);
        }
    }

    fn drain(&mut self, index: usize) {
        let End { session, events, .. } = &mut self.ends[index];
        while let Some(event) = session.poll_event() {
            events.push(event.into_owned());
        }
    }

    /// Does what the engine asks for.
    fn pump(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Compile { ticket, request } => {
                    self.engine
                        .compiled(self.now, ticket, Ok(crate::schema::compile(&request)));
                }
                Output::Compare { ticket, .. } => {
                    self.engine.compared(self.now, ticket, Compared::default());
                }
                Output::Validate {
                    ticket,
                    validator,
                    payload,
                } => {
                    self.engine
                        .validated(self.now, ticket, validator.validate(&payload));
                }
                Output::Resume { client } => {
                    for end in &mut self.ends {
                        if let Link::Open(pipe) = &mut end.link
                            && pipe.client == Some(client)
                        {
                            pipe.paused = false;
                        }
                    }
                }
                Output::Close { client, reason } => self.close_client(client, reason),
                Output::Log(_) => {}
            }
        }
    }

    fn close_client(&mut self, client: ClientId, reason: CloseReason) {
        self.closed.push((client, reason));
        let of_client = |end: &End| matches!(&end.link, Link::Open(pipe) if pipe.client == Some(client));
        match self.ends.iter().position(of_client) {
            Some(index) => {
                self.deliver_down_last(index);
                self.close(index, reason, "the broker closed the connection");
            }
            None => self.engine.close(self.now, client, reason),
        }
    }

    /// Hands a session the last bytes of a connection that the engine closes.
    fn deliver_down_last(&mut self, index: usize) {
        let end = &mut self.ends[index];
        let Link::Open(pipe) = &mut end.link else { return };
        let Some(client) = pipe.client else { return };
        let down = &mut pipe.down;
        let written = self.engine.transmit(self.now, client, |slices| {
            let before = down.len();
            slices.iter().for_each(|slice| down.extend_from_slice(slice));
            Ok(down.len() - before)
        });
        written.expect("a pipe takes everything at its end");
        if end.loss == Loss::Everything {
            pipe.down.clear();
        }
        self.hand_over(index);
    }

    fn close(&mut self, index: usize, reason: CloseReason, told: &str) {
        if matches!(self.ends[index].link, Link::Open(_)) {
            self.drop_pipe(index, reason);
            self.ends[index].session.handle_disconnected(self.now, told);
            self.drain(index);
        }
    }

    fn drop_pipe(&mut self, index: usize, reason: CloseReason) {
        if let Link::Open(pipe) = std::mem::replace(&mut self.ends[index].link, Link::None)
            && let Some(client) = pipe.client
        {
            self.engine.close(self.now, client, reason);
        }
    }
}

fn engine(change: impl FnOnce(&mut Limits)) -> Engine {
    let mut config = Broker::new(Name::parse("here").unwrap(), [7; 32]);
    change(&mut config.limits);
    Engine::new(config)
}
