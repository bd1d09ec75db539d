//! The engine's surface: takes each input to the part that it concerns, and settles what came of it. Holds no rule of
//! its own.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice};
use std::time::Duration;

use buslane_protocol::binary::PlainPublish;
use buslane_protocol::{BrokerMessage, ClientMessage, DecodeError, Id, Instant, Problem};

use crate::clients::Clients;
use crate::compiled::Compiled;
use crate::counters::{Counters, Gauges};
use crate::entropy::Entropy;
use crate::event::Event;
use crate::frames::Frames;
use crate::ledger::Ledger;
use crate::lineage::Lineages;
use crate::memory::Category;
use crate::pending::{CallKey, Pending};
use crate::registry::{InstanceKey, Registry};
use crate::reports::{ReportKey, Reports};
use crate::retained::RetainedValues;
use crate::takeover::Probe;
use crate::timers::Timers;
use crate::topic_contracts::TopicContracts;
use crate::topics::Topics;
use crate::{
    ClientId, CloseReason, Compared, Config, Contracts, Flow, Notice, Output, Peer, Ticket, Transmit,
    Violation,
};

/// The broker's half as a state machine. See the [crate's front page](crate).
pub struct Engine {
    pub(crate) config: Config,
    /// The time of the input that is being handled.
    pub(crate) now: Instant,
    pub(crate) entropy: Entropy,
    pub(crate) ledger: Ledger,
    pub(crate) timers: Timers<Timer>,

    pub(crate) clients: Clients,
    pub(crate) registry: Registry,
    pub(crate) contracts: TopicContracts,
    pub(crate) lineages: Lineages,
    pub(crate) compiled: Compiled,
    pub(crate) pending: Pending,
    pub(crate) topics: Topics,
    pub(crate) retained: RetainedValues,
    pub(crate) reports: Reports,

    /// Who waits for work done elsewhere.
    pub(crate) tickets: BTreeMap<Ticket, ClientId>,
    /// Who waits for a sign of life of somebody else.
    pub(crate) probes: BTreeMap<Ticket, Probe>,
    /// When everybody is closed, once the broker shuts down.
    pub(crate) draining: Option<Instant>,

    /// When the log was last told that the memory is full.
    pub(crate) memory_told: Option<Instant>,

    pub(crate) last_ticket: u64,
    pub(crate) opened: u64,
    pub(crate) serial: u64,
    /// How many subscriptions select topics of the broker.
    pub(crate) bus_subscriptions: usize,

    /// What is to be done before the engine returns; see [`Engine::settle`].
    pub(crate) drained: VecDeque<InstanceKey>,
    pub(crate) released: VecDeque<Ticket>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) outputs: VecDeque<Output>,

    /// Buffers that are kept from message to message.
    pub(crate) frames: Frames,
    pub(crate) shared_frames: Frames,
    /// Who sent the message that is being handled.
    pub(crate) sender: String,
    due: Vec<Timer>,
}

/// What is to be done at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    /// Look whether a client lives.
    Alarm(ClientId),
    /// End a request.
    Call(CallKey),
    /// Take an instance over.
    Probe(Ticket),
    /// Tell again what happened to a subject.
    Report(ReportKey),
    /// Tell again what was dropped from a client's deliveries.
    Drops(ClientId),
    /// Look again whether there is memory for a client's feed.
    Feed(ClientId),
    /// Close everybody.
    Drain,
}

impl Engine {
    /// Makes an engine without clients.
    pub fn new(config: Config) -> Self {
        let mut entropy = Entropy::new(config.seed);
        let limits = &config.limits;
        Engine {
            now: Instant::ZERO,
            ledger: Ledger::new(limits.memory),
            timers: Timers::new(Instant::ZERO),
            clients: Clients::new(limits.outbox, &mut entropy),
            registry: Registry::new(&mut entropy),
            contracts: TopicContracts::new(&mut entropy),
            lineages: Lineages::new(&mut entropy, limits.memory / LINEAGE_SHARE),
            compiled: Compiled::new(&mut entropy),
            pending: Pending::new(&mut entropy),
            topics: Topics::new(entropy.hash_state(), limits.matches),
            reports: Reports::new(&mut entropy),
            retained: RetainedValues::new(entropy.hash_state()),
            tickets: BTreeMap::new(),
            probes: BTreeMap::new(),
            draining: None,
            memory_told: None,
            last_ticket: 0,
            opened: 0,
            serial: 0,
            bus_subscriptions: 0,
            drained: VecDeque::new(),
            released: VecDeque::new(),
            events: VecDeque::new(),
            outputs: VecDeque::new(),
            frames: Frames::default(),
            shared_frames: Frames::default(),
            sender: String::new(),
            due: Vec::new(),
            entropy,
            config,
        }
    }

    /// Takes in a connection whose transport is ready: after a WebSocket's upgrade, after the preamble of raw binary,
    /// at once on JSON lines. Refused with `too_many_connections`, `memory_full` or `draining`: tell the peer as its
    /// framing allows, and close.
    pub fn open(&mut self, now: Instant, peer: Peer) -> Result<ClientId, Problem> {
        self.advance(now);
        let opened = self.admit(peer).map_err(|problem| {
            problem
                .error_code()
                .into_iter()
                .for_each(|code| self.ledger.refused(code));
            *problem
        });
        self.settle();
        opened
    }

    /// Takes in one message of a client and routes it at once, into the outboxes of whom it concerns.
    ///
    /// After [`Flow::Pause`] the next message of this client may come only after [`Output::Resume`].
    pub fn handle(&mut self, now: Instant, client: ClientId, mut message: ClientMessage<'_>) -> Flow {
        self.handle_in_place(now, client, &mut message)
    }

    /// Does the same as [`Engine::handle`] with a message that stays where it is, since moving one costs as much as
    /// finding its receivers. What is left there is no message that means anything.
    #[inline]
    pub fn handle_in_place(
        &mut self,
        now: Instant,
        client: ClientId,
        message: &mut ClientMessage<'_>,
    ) -> Flow {
        self.advance(now);
        self.receive(client, message);
        self.settle();
        self.flow(client)
    }

    /// Takes in a publish that asks for nothing but its delivery, if nothing about its way is unusual, at a fraction of
    /// what [`Engine::handle`] costs. Where it returns false, nothing has happened: the message is to be handed in as any
    /// other.
    #[inline]
    pub fn handle_plain(&mut self, now: Instant, client: ClientId, publish: &PlainPublish<'_>) -> bool {
        self.advance(now);
        self.receive_plain(client, publish)
    }

    /// Takes in a frame that is no message: the client is told why, and loses its connection only if the place of the
    /// next frame is unknown.
    pub fn refuse(&mut self, now: Instant, client: ClientId, error: &DecodeError) -> Flow {
        self.advance(now);
        if self.clients.alive(client).is_none() {
            return Flow::Close;
        }
        self.ledger.counters.malformed += 1;
        self.greet(client);
        self.refuse_message(client, error.id(), error.problem());
        if error.is_fatal() {
            self.clients.doom(client, CloseReason::Framing);
        }
        self.settle();
        self.flow(client)
    }

    /// Notes that bytes of a client arrived. Once per read is enough, and a WebSocket's pong counts.
    pub fn touch(&mut self, now: Instant, client: ClientId) {
        self.advance(now);
        self.hear(client);
        self.settle();
    }

    /// Puts bytes into a client's control lane exactly as they are to stand on the wire, between two messages: a
    /// WebSocket's pong or close frame, of which only the driver knows.
    pub fn send_raw(&mut self, now: Instant, client: ClientId, wire: &[u8]) {
        self.advance(now);
        self.clients.send_raw(&mut self.ledger, client, wire);
        self.settle();
    }

    /// Takes in that a transport is gone, whoever ended it, and frees the client's id.
    pub fn close(&mut self, now: Instant, client: ClientId, reason: CloseReason) {
        self.advance(now);
        self.forget(client, reason);
        self.settle();
    }

    /// Takes in the answer to an [`Output::Compile`]. The problem of a failure is what the registering client is
    /// told, so it names the place: `invalid_schema`.
    pub fn compiled(&mut self, now: Instant, ticket: Ticket, result: Result<Contracts, Problem>) {
        self.advance(now);
        self.finish_compilation(ticket, result);
        self.settle();
    }

    /// Takes in the answer to an [`Output::Compare`].
    pub fn compared(&mut self, now: Instant, ticket: Ticket, result: Compared) {
        self.advance(now);
        self.finish_comparison(ticket, result);
        self.settle();
    }

    /// Takes in the answer to an [`Output::Validate`].
    pub fn validated(&mut self, now: Instant, ticket: Ticket, result: Result<(), Violation>) {
        self.advance(now);
        self.finish_validation(ticket, result);
        self.settle();
    }

    /// Does what is due. Calling it early or often does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        let mut due = std::mem::take(&mut self.due);
        self.timers.expire(self.now, &mut due);
        for timer in due.drain(..) {
            self.fire(timer);
            self.settle();
        }
        self.due = due;
        self.expire_retained();
        self.account_topics();
        self.clients.pool.relax(now);
    }

    /// Returns when [`Engine::handle_timeout`] has something to do. May be early, is never late.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let times = [self.timers.next_deadline(), self.retained.next_expiry()];
        times.into_iter().flatten().min()
    }

    /// Returns the next thing that the driver is to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns a client whose outbox got bytes since it was last asked about. Each is named once, until
    /// more bytes come; a client that is [`Transmit::Blocked`] is the driver's to come back to.
    pub fn poll_dirty(&mut self) -> Option<ClientId> {
        loop {
            let id = self.clients.dirty.pop_front()?;
            if let Some(client) = self.clients.find_mut(id) {
                client.dirty = false;
                return Some(id);
            }
        }
    }

    /// Returns how many clients [`Engine::poll_dirty`] names at the most until more bytes come.
    pub fn dirty(&self) -> usize {
        self.clients.dirty.len()
    }

    /// Offers a client's queued bytes to `write`, which returns how many it took, until nothing is left or it takes
    /// less than it was offered (`WouldBlock` means that it took nothing). Any other error is returned.
    ///
    /// For [`Framing::WebSocketBinary`](buslane_protocol::Framing::WebSocketBinary) the bytes include the WebSocket
    /// headers, as for every framing they include all that stands on the wire.
    pub fn transmit(
        &mut self,
        now: Instant,
        client: ClientId,
        write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<Transmit> {
        self.advance(now);
        self.account_topics();
        self.flush(client, write)
    }

    /// Stops taking in connections, registrations and requests, and tells every client when its connection will be
    /// closed. Requests in flight go on; when there are none left ([`Gauges::requests`]), the driver may close sooner.
    pub fn drain(&mut self, now: Instant, closes_in: Duration) {
        self.advance(now);
        self.begin_drain(closes_in);
        self.settle();
    }

    /// Returns what happened since the start.
    pub fn counters(&self) -> &Counters {
        &self.ledger.counters
    }

    /// Notes how many bytes the driver holds outside, which count under the same cap.
    #[inline]
    pub fn set_transport_bytes(&mut self, bytes: usize) {
        self.ledger.memory.set(Category::Transport, bytes);
    }

    /// Returns the bytes that are accounted for without those of the driver.
    #[inline]
    pub fn own_bytes(&self) -> usize {
        self.ledger.memory.total() - self.ledger.memory.used(Category::Transport)
    }

    /// Returns what is there at this moment. Looks at every client, so it is for metrics, not for each message.
    pub fn gauges(&self) -> Gauges {
        let outboxes = self.clients.table.iter().map(|(_, client)| &client.outbox);
        let (control, deliveries) = outboxes.fold((0, 0), |(control, deliveries), outbox| {
            (
                control + outbox.control_bytes(),
                deliveries + outbox.delivery_bytes(),
            )
        });
        let counters = self.counters();
        Gauges {
            clients: counters.opened - counters.closed,
            services: self.registry.service_count() as u64,
            instances: self.registry.instance_count() as u64,
            consumers: self.registry.consumer_count() as u64,
            subscriptions: self.topics.len() as u64,
            requests: self.pending.len() as u64,
            retained: self.retained.len() as u64,
            retained_bytes: self.retained.bytes() as u64,
            queued_delivery_bytes: (deliveries + self.clients.credits.waiting()) as u64,
            queued_control_bytes: control as u64,
            memory: self.ledger.memory.total() as u64,
            memory_limit: self.ledger.memory.cap() as u64,
            memory_used: Category::ALL.map(|category| self.ledger.memory.used(category) as u64),
        }
    }

    #[inline]
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Alarm(client) => self.check_alarm(client),
            Timer::Call(call) => self.expire_call(call),
            Timer::Probe(ticket) => self.finish_probe(ticket),
            Timer::Report(subject) => self.report_again(subject),
            Timer::Drops(client) => self.report_drops(client),
            Timer::Feed(client) => self.wake_feeds(client),
            Timer::Drain => self.end_drain(),
        }
    }

    /// Does what the input caused beside its own effect, until nothing is left.
    #[inline]
    fn settle(&mut self) {
        while self.is_unsettled() {
            self.settle_next();
        }
    }

    /// Empties the clients that were given up, or ends what has drained, or lets go on who waited, or publishes one of
    /// the broker's own events, in this order.
    #[cold]
    fn settle_next(&mut self) {
        self.dismiss_doomed();
        if let Some(instance) = self.drained.pop_front() {
            self.finish_drain(instance);
        } else if let Some(ticket) = self.released.pop_front() {
            self.retry_join(ticket);
        } else if let Some(client) = self.clients.overflowed.pop_front() {
            self.report_drops(client);
        } else if let Some(event) = self.events.pop_front() {
            self.publish_event(event);
        }
    }

    #[inline]
    fn is_unsettled(&self) -> bool {
        !(self.clients.doomed.is_empty()
            && self.clients.overflowed.is_empty()
            && self.drained.is_empty()
            && self.released.is_empty()
            && self.events.is_empty())
    }

    /// Takes everything from the clients that were given up.
    pub(crate) fn dismiss_doomed(&mut self) {
        while let Some((client, reason)) = self.clients.doomed.pop_front() {
            self.dismiss(client, reason);
        }
    }

    /// Queues a message that its receiver has to get.
    #[inline]
    pub(crate) fn send(&mut self, to: ClientId, message: &BrokerMessage<'_>) {
        self.clients.send(&mut self.ledger, to, message);
    }

    /// Puts something into the log.
    pub(crate) fn notice(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Log(notice));
    }

    /// Returns the broker's clock, in Unix milliseconds.
    pub(crate) fn unix_ms(&self) -> u64 {
        self.unix_ms_at(self.now)
    }

    /// Returns what the broker's clock showed at a time, in Unix milliseconds.
    pub(crate) fn unix_ms_at(&self, time: Instant) -> u64 {
        self.config.unix_ms_at_zero + time.as_micros() / 1_000
    }

    /// Refuses a message, by its id if it has one.
    pub(crate) fn refuse_message(&mut self, to: ClientId, id: Option<Id>, problem: Problem) {
        self.tell_refusal(to, id, None, problem);
    }

    /// Refuses an answer, by the delivery that it names.
    pub(crate) fn refuse_answer(&mut self, to: ClientId, delivery: u64, problem: Problem) {
        self.tell_refusal(to, None, Some(delivery), problem);
    }
}

/// Which part of the memory may be what is remembered of services.
const LINEAGE_SHARE: usize = 32;
