//! An engine under a clock that the input moves, with its clients: does what a driver does, and keeps who was asked and
//! who still waits. Panics if a request ends twice or the engine writes what is no message.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use buslane_engine::{
    ClientId, CloseReason, Compared, CompileRequest, Config, Contracts, Engine, Flow, Output, Peer,
    Principal, Ticket, Transmit, Validate, Violation,
};
use buslane_protocol::{
    BrokerMessage, ClientMessage, Deadline, Encoding, ErrorCode, Framing, Instant, Name, Problem, Refusal,
    binary, json,
};

use crate::{books, wire};

/// A connection as the driver sees it, and what its client knows.
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) framing: Framing,
    /// Deliveries that want an answer.
    pub(crate) asked: Vec<u64>,
    /// Requests that have not ended, and whether several answers may come.
    open: BTreeMap<String, bool>,
    /// Requests of which nothing can be said, since the client used their ids in other ways too.
    spoilt: BTreeSet<String>,
    /// Whether that holds for every id.
    all_spoilt: bool,
    /// Bytes that were written and make no whole message yet.
    written: Vec<u8>,
    waiting: VecDeque<Vec<u8>>,
    paused: bool,
    over: bool,
}

/// Work that the engine gave out.
enum Work {
    Compile(Ticket, CompileRequest),
    Compare(Ticket),
    Validate(Ticket, Arc<dyn Validate>, Arc<[u8]>),
}

/// An engine with its clients.
pub(crate) struct Driven {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
    pub(crate) clients: Vec<Client>,
    /// Whether work that the engine gave out is kept back.
    pub(crate) holds_work: bool,
    work: VecDeque<Work>,
}

impl Driven {
    /// Makes an engine without clients.
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Driven {
        let mut config = Config::new(Name::parse("here").expect("it is a name"), [7; 32]);
        config.unix_ms_at_zero = 1_700_000_000_000;
        change(&mut config);
        Driven {
            engine: Engine::new(config),
            now: Instant::from_micros(1),
            clients: Vec::new(),
            holds_work: false,
            work: VecDeque::new(),
        }
    }

    /// Lets a client come in, if the engine has room.
    pub(crate) fn open(&mut self, framing: Framing, principal: &str, loopback: bool) {
        let peer = Peer {
            framing,
            principal: Principal::new(principal),
            loopback,
            address: "fuzzer".to_owned(),
        };
        if let Ok(id) = self.engine.open(self.now, peer) {
            self.clients.push(Client {
                id,
                framing,
                asked: Vec::new(),
                open: BTreeMap::new(),
                spoilt: BTreeSet::new(),
                all_spoilt: false,
                written: Vec::new(),
                waiting: VecDeque::new(),
                paused: false,
                over: false,
            });
        }
        self.follow();
    }

    /// Ends a client's transport.
    pub(crate) fn close(&mut self, place: usize, reason: CloseReason) {
        let client = self.clients.swap_remove(place);
        self.engine.close(self.now, client.id, reason);
        self.follow();
    }

    /// Sends a message, given as JSON text. Requests are followed to their end, unless the text was made by chance.
    pub(crate) fn send(&mut self, place: usize, text: &[u8], by_chance: bool) {
        let client = &mut self.clients[place];
        let decoded = json::decode_client(text);
        if let Ok(message) = &decoded {
            client.note(message, by_chance);
        }
        let frame = match decoded {
            Ok(message) if client.framing.encoding() == Encoding::Binary => {
                let mut frame = Vec::new();
                binary::encode_client(&mut frame, &message);
                frame
            }
            _ => text.to_vec(),
        };
        self.send_frame(place, frame);
    }

    /// Sends bytes that stand for one frame. While the client is paused they wait, as in a driver.
    pub(crate) fn send_frame(&mut self, place: usize, frame: Vec<u8>) {
        self.clients[place].waiting.push_back(frame);
        self.engine.touch(self.now, self.clients[place].id);
        self.hand_in(place);
        self.follow();
    }

    fn hand_in(&mut self, place: usize) {
        let Driven {
            engine, clients, now, ..
        } = self;
        let client = &mut clients[place];
        while !client.paused && !client.over {
            let Some(frame) = client.waiting.pop_front() else {
                return;
            };
            let decoded = match client.framing.encoding() {
                Encoding::Binary => binary::decode_client(&frame),
                Encoding::Json => json::decode_client(&frame),
            };
            let flow = match decoded {
                Ok(message) => engine.handle(*now, client.id, message),
                Err(error) => engine.refuse(*now, client.id, &error),
            };
            client.paused = flow == Flow::Pause;
            client.over = flow == Flow::Close;
        }
    }

    /// Does what the engine asks for, and panics if its books do not balance.
    pub(crate) fn follow(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Log(_) => {}
                Output::Compile { ticket, request } => self.work.push_back(Work::Compile(ticket, request)),
                Output::Compare { ticket, .. } => self.work.push_back(Work::Compare(ticket)),
                Output::Validate {
                    ticket,
                    validator,
                    payload,
                } => {
                    self.work.push_back(Work::Validate(ticket, validator, payload));
                }
                Output::Resume { client } => {
                    if let Some(place) = self.place_of(client) {
                        self.clients[place].paused = false;
                        self.hand_in(place);
                    }
                }
                Output::Close { client, .. } => {
                    if let Some(place) = self.place_of(client) {
                        self.clients[place].over = true;
                    }
                }
            }
            if !self.holds_work {
                self.work_all();
            }
        }
        books::check(self.engine.counters(), &self.engine.gauges());
    }

    fn place_of(&self, id: ClientId) -> Option<usize> {
        self.clients.iter().position(|client| client.id == id)
    }

    /// Does the work that was given out.
    pub(crate) fn work_all(&mut self) {
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Compile(ticket, request) => self.engine.compiled(self.now, ticket, compile(&request)),
                Work::Compare(ticket) => self.engine.compared(self.now, ticket, Compared::default()),
                Work::Validate(ticket, validator, payload) => {
                    self.engine
                        .validated(self.now, ticket, validator.validate(&payload));
                }
            }
        }
    }

    /// Lets a client's transport take so many bytes.
    pub(crate) fn read(&mut self, place: usize, mut window: usize) {
        let Driven {
            engine, clients, now, ..
        } = self;
        let client = &mut clients[place];
        let transmit = engine.transmit(*now, client.id, |slices| {
            let bytes = slices.iter().flat_map(|slice| slice.iter().copied());
            let before = client.written.len();
            client.written.extend(bytes.take(window));
            let taken = client.written.len() - before;
            window -= taken;
            if taken == 0 && slices.iter().any(|slice| !slice.is_empty()) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(taken)
        });
        assert!(matches!(transmit, Ok(Transmit::Empty | Transmit::Blocked)));
        client.learn_all();
        self.follow();
    }

    /// Lets time pass, stopping whenever the engine asks to.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.engine.handle_timeout(self.now);
            assert!(
                self.engine.poll_timeout().is_none_or(|next| next > self.now),
                "what is due is not done"
            );
            self.follow();
        }
        self.now = end;
        self.engine.handle_timeout(self.now);
        self.follow();
    }

    /// Has everybody read for long, and panics if a request of somebody who is there has not ended by then. Then ends all
    /// connections, and panics if something is left of them.
    pub(crate) fn finish(mut self) {
        self.holds_work = false;
        self.work_all();
        self.follow();
        for _ in 0..ROUNDS {
            for place in 0..self.clients.len() {
                self.read(place, usize::MAX);
            }
            self.pass(LONGEST / ROUNDS);
        }
        for client in self.clients.iter().filter(|client| !client.over) {
            assert!(client.open.is_empty(), "these never ended: {:?}", client.open);
        }
        while !self.clients.is_empty() {
            self.close(0, CloseReason::EndOfStream);
        }
        self.pass(LONGEST);
        books::check_empty(&self.engine.gauges());
    }
}

impl Client {
    /// Notes what the client asks for.
    fn note(&mut self, message: &ClientMessage<'_>, by_chance: bool) {
        match message {
            ClientMessage::Request(request) => {
                let id = request.id.as_str().to_owned();
                let gathers =
                    request.to.as_slice().len() > 1 || request.to.as_slice()[0].as_str().contains(['@', '*']);
                let unbounded = request.deadline == Deadline::Never;
                if by_chance || unbounded || self.open.contains_key(&id) {
                    self.spoil(id);
                } else if !self.all_spoilt && !self.spoilt.contains(&id) {
                    self.open.insert(id, gathers);
                }
            }
            ClientMessage::Publish(publish) if by_chance => {
                publish
                    .id
                    .iter()
                    .for_each(|id| self.spoil(id.as_str().to_owned()));
            }
            // Errors name the id of what they refuse, whatever it was.
            _ if by_chance => self.spoil_all(),
            _ => {}
        }
    }

    fn spoil(&mut self, id: String) {
        self.open.remove(&id);
        self.spoilt.insert(id);
    }

    fn spoil_all(&mut self) {
        self.all_spoilt = true;
        let open = std::mem::take(&mut self.open);
        self.spoilt.extend(open.into_keys());
    }

    /// Takes in every whole message that was written.
    fn learn_all(&mut self) {
        let written = std::mem::take(&mut self.written);
        let mut rest = &written[..];
        for message in wire::take(self.framing, &mut rest) {
            let decoded = match self.framing.encoding() {
                Encoding::Binary => binary::decode_broker(message),
                Encoding::Json => json::decode_broker(message),
            };
            let message = decoded.unwrap_or_else(|error| {
                let shown = String::from_utf8_lossy(message);
                panic!(
                    "the engine wrote no message over {:?}: {error}: {shown:?}",
                    self.framing
                )
            });
            self.learn(message);
        }
        self.written = rest.to_vec();
    }

    fn learn(&mut self, message: BrokerMessage<'_>) {
        match message {
            BrokerMessage::Request(invocation) => self.asked.push(invocation.delivery),
            BrokerMessage::Reply(answer) => self.answered(answer.id.as_str(), true),
            BrokerMessage::Chunk(part) => assert!(self.waits(part.id.as_str()), "a chunk after the end"),
            BrokerMessage::Error(Refusal {
                id: Some(id), from, ..
            }) => self.answered(id.as_str(), from.is_some()),
            BrokerMessage::End(end) => {
                assert!(self.waits(end.id.as_str()), "{} ended twice", end.id);
                self.open.remove(end.id.as_str());
            }
            _ => {}
        }
    }

    /// A gathered request goes on after a labelled answer; any other ends.
    fn answered(&mut self, id: &str, labelled: bool) {
        assert!(self.waits(id), "{id} was answered after its end");
        if self.open.get(id) == Some(&false) || !labelled {
            self.open.remove(id);
        }
    }

    fn waits(&self, id: &str) -> bool {
        self.all_spoilt || self.open.contains_key(id) || self.spoilt.contains(id) || !id.starts_with(FOLLOWED)
    }
}

/// Compiles the schemas of a registration: `false` is refused, anything else takes payloads of up to a few bytes.
fn compile(request: &CompileRequest) -> Result<Contracts, Problem> {
    let compiled = request
        .schemas
        .iter()
        .map(|(place, schema)| match schema.as_str() {
            "false" => Err(Problem::new(ErrorCode::InvalidSchema).detail("nothing would be taken")),
            _ => Ok((place.clone(), Arc::new(Short) as Arc<dyn Validate>)),
        });
    compiled.collect()
}

/// Takes payloads that are short.
struct Short;

impl Validate for Short {
    fn validate(&self, payload: &[u8]) -> Result<(), Violation> {
        if payload.len() <= SHORT {
            return Ok(());
        }
        Err(Violation::Mismatch {
            pointer: String::new(),
            keyword: "maxLength".to_owned(),
            expected: None,
            detail: "it is long".to_owned(),
        })
    }

    fn bytes(&self) -> usize {
        1_000
    }
}

/// How the ids of requests begin that are followed to their end.
pub(crate) const FOLLOWED: &str = "followed-";
/// Bytes of the longest payload that contracts take.
const SHORT: usize = 400;
/// Longer than any deadline, and than anybody is silent.
const LONGEST: Duration = Duration::from_secs(90);
/// In how many parts that passes.
const ROUNDS: u32 = 6;
