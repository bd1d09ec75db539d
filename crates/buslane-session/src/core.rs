//! Everything a session knows apart from bytes that are not decoded yet, and what the turns of the connection's life
//! mean to all of it.

use std::collections::VecDeque;

use buslane_protocol::{
    ClientMessage, Connect, Connected, Encoding, ErrorCode, Goodbye, Headers, Instant, Limits, Payload,
    PayloadError, Problem,
};

use crate::connection::Connection;
use crate::error::own;
use crate::heartbeat::{Heartbeat, Silence};
use crate::ids::{Control, Ids};
use crate::invocations::Invocations;
use crate::publishes::{Flushes, Publishes};
use crate::queue::Queue;
use crate::random::Random;
use crate::registrations::Registrations;
use crate::requests::{Expired, Requests};
use crate::subscriptions::Subscriptions;
use crate::transmit::Outgoing;
use crate::{Action, Config, Counters, Event, SessionError};

/// Everything a session knows apart from bytes that are not decoded yet.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: Config,
    /// The last time that was handed in.
    pub(crate) now: Instant,
    pub(crate) connection: Connection,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) ids: Ids,
    pub(crate) registrations: Registrations,
    pub(crate) requests: Requests,
    pub(crate) invocations: Invocations,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) publishes: Publishes,
    pub(crate) flushes: Flushes,
    pub(crate) queue: Queue,
    pub(crate) outgoing: Outgoing,
    pub(crate) events: VecDeque<Event<'static>>,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) counters: Counters,
    /// What the broker said before it closes the connection.
    pub(crate) parting: Option<Problem>,
    /// Bytes of a payload that the broker takes.
    payload_bytes: usize,
    /// Bytes of a message that is taken from the broker.
    pub(crate) frame_bytes: usize,
}

impl Core {
    /// Makes the state of a session that dials.
    pub(crate) fn new(config: Config, now: Instant) -> Self {
        let mut random = Random::new(config.seed);
        Core {
            now,
            connection: Connection::new(now, config.handshake, config.backoff, Random::new(random.next())),
            heartbeat: Heartbeat::new(config.ping_after, config.gone_after),
            ids: Ids::new(&mut random, config.unix_ms_at_zero),
            registrations: Registrations::new(config.backoff, Random::new(random.next())),
            requests: Requests::new(config.default_deadline, config.deadline_grace),
            invocations: Invocations::default(),
            subscriptions: Subscriptions::new(random.next()),
            publishes: Publishes::default(),
            flushes: Flushes::default(),
            queue: Queue::new(config.framing, config.offline_bytes),
            outgoing: Outgoing::new(config.framing),
            events: VecDeque::new(),
            actions: VecDeque::from([Action::Dial]),
            counters: Counters::default(),
            parting: None,
            payload_bytes: Limits::default().payload,
            frame_bytes: config.frame_bytes,
            config,
        }
    }

    /// Begins a connection: introduces the client, and makes its registrations and subscriptions without waiting.
    pub(crate) fn opened(&mut self) {
        self.connection.opened(self.now);
        self.heartbeat.heard(self.now);
        self.invocations.opened(self.connection.generation());
        self.parting = None;
        self.outgoing.open();
        self.outgoing.push(&ClientMessage::Connect(Connect {
            id: Some(Control::Connect.id()),
            name: self.config.name.clone(),
            token: self.config.token.clone(),
            heartbeat_ms: self.config.wanted_heartbeat(),
            ..Connect::default()
        }));
        for register in self.registrations.opened() {
            self.outgoing.push(&register);
        }
        for subscribe in self.subscriptions.opened() {
            self.outgoing.push(&ClientMessage::Subscribe(subscribe));
        }
    }

    /// Takes note that the broker accepted the client, and sends what waited for that.
    pub(crate) fn greeted(&mut self, connected: Box<Connected>) {
        let limit = |name: &str| {
            connected
                .limits
                .get(name)
                .and_then(|limit| usize::try_from(*limit).ok())
        };
        if let Some(payload) = limit("payload") {
            self.payload_bytes = payload;
            // The broker's own envelope around the longest payload has to pass.
            let frame = limit("frame").unwrap_or(payload).saturating_add(Limits::ENVELOPE);
            self.frame_bytes = self.frame_bytes.max(frame);
        }
        self.connection.greeted(self.now, connected.clone());
        self.events.push_back(Event::Connected(connected));
        self.send_waiting();
        for id in self.flushes.ids() {
            self.outgoing.push(&ClientMessage::Ping(Some(id)));
        }
    }

    /// Takes note that the connection is lost or could not be made.
    pub(crate) fn lost(&mut self, problem: Problem) {
        self.salvage();
        self.disconnected(problem);
    }

    /// Gives the present transport up.
    pub(crate) fn abandon(&mut self, problem: Problem) {
        self.actions.push_back(Action::Close { flush: false });
        self.lost(problem);
    }

    /// Ends the session for good. Whoever waits for something is told.
    pub(crate) fn end(&mut self, problem: Problem, flush: bool) {
        if self.connection.is_ended() {
            return;
        }
        let open = self.connection.is_open();
        if open || self.connection.is_dialling() {
            self.actions.push_back(Action::Close { flush: flush && open });
        }
        if !(flush && open) {
            self.salvage();
        }
        self.counters.dropped_publishes += self.queue.take().unacknowledged();
        let Core { events, .. } = self;
        let mut tell = |event| events.push_back(event);
        self.requests.end(&problem, &mut tell);
        self.publishes.end(&problem, &mut tell);
        self.flushes.end(&problem, &mut tell);
        self.invocations.lost(&mut tell);
        self.registrations.clear();
        self.subscriptions.clear();
        self.connection.end(problem.clone());
        self.events.push_back(Event::Ended { problem });
    }

    /// Leaves a broker that shuts down, once nothing is in flight.
    pub(crate) fn leave_if_done(&mut self) {
        let busy = self.requests.any_sent() || self.publishes.any_sent() || !self.invocations.is_empty();
        if !self.connection.is_draining() || busy {
            return;
        }
        self.outgoing.push(&ClientMessage::Goodbye(Goodbye::default()));
        self.actions.push_back(Action::Close { flush: true });
        self.disconnected(own(ErrorCode::Draining).detail("the broker shuts down"));
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self) {
        let now = self.now;
        if self.connection.is_late(now) {
            let detail = "the broker did not answer in time";
            self.abandon(own(ErrorCode::Unreachable).detail(detail));
        }
        if self.connection.dial_if_due(now) {
            self.actions.push_back(Action::Dial);
        }
        if self.connection.is_open() {
            match self.heartbeat.due(now) {
                Some(Silence::Ping) => {
                    self.outgoing.push(&ClientMessage::Ping(None));
                }
                Some(Silence::Gone) => self.abandon(own(ErrorCode::HeartbeatTimeout)),
                None => {}
            }
        }
        if self.connection.is_open() {
            for register in self.registrations.handle_timeout(now) {
                self.outgoing.push(&register);
            }
        }
        self.invocations
            .handle_timeout(now, |event| self.events.push_back(event));
        self.expire_requests();
    }

    /// Returns when something is due.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let open = self.connection.is_open();
        let heartbeat = if open { self.heartbeat.timeout() } else { None };
        let registrations = if open { self.registrations.timeout() } else { None };
        [
            self.connection.timeout(),
            heartbeat,
            registrations,
            self.invocations.timeout(),
            self.requests.timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Returns the longest payload that [`Core::check`] lets pass whatever it is, 0 while there is no connection.
    pub(crate) fn publishable_bytes(&self) -> usize {
        let is_checked = self.config.framing.encoding() == Encoding::Json;
        if is_checked || !self.connection.is_live() {
            0
        } else {
            self.payload_bytes
        }
    }

    /// Checks what a program wants to send.
    pub(crate) fn check<'a>(
        &self,
        mut payload: Payload<'a>,
        headers: &Headers<'_>,
    ) -> Result<Payload<'a>, SessionError> {
        if !headers.is_empty() {
            headers.check_from_client()?;
        }
        let (length, limit) = (payload.bytes.len(), self.payload_bytes);
        if length > limit {
            return Err(PayloadError::TooLarge { length, limit }.into());
        }
        if self.config.framing.encoding() == Encoding::Json {
            payload.ensure_json()?;
        }
        Ok(payload)
    }

    /// Tells whether a publish without options can be framed and sent right now.
    #[inline]
    pub(crate) fn takes_plain(&self, payload: &Payload<'_>) -> bool {
        self.connection.is_live()
            && payload.bytes.len() <= self.payload_bytes
            && self.config.framing.encoding() == Encoding::Binary
    }

    /// Puts a request or a publish where it waits for a connection.
    pub(crate) fn enqueue(&mut self, message: &ClientMessage<'_>) -> Result<(), SessionError> {
        let requests = &self.requests;
        let ended = |waiting: &ClientMessage<'_>| match waiting {
            ClientMessage::Request(request) => !requests.is_pending(&request.id),
            _ => false,
        };
        self.queue.push(message, ended)
    }

    /// Sends what waited for a connection, with the time that is left now.
    fn send_waiting(&mut self) {
        let waiting = self.queue.take();
        for (message, encoded) in waiting.messages() {
            match message {
                ClientMessage::Request(request) => {
                    if let Some((key, request)) = self.requests.refresh(self.now, request) {
                        let batch = self.outgoing.push(&ClientMessage::Request(request));
                        self.requests.written(key, batch);
                    }
                }
                ClientMessage::Publish(publish) => {
                    let batch = self.outgoing.push_encoded(encoded);
                    if let Some(id) = publish.id {
                        self.publishes.written(&id, batch);
                    }
                }
                _ => {}
            }
        }
    }

    /// Keeps the requests and publishes that were not sent. Before the greeting there are none.
    fn salvage(&mut self) {
        let unsent = self.outgoing.close();
        if self.connection.is_live() {
            self.queue.salvage(&unsent);
        }
    }

    fn disconnected(&mut self, problem: Problem) {
        let retry_at = self.connection.lost(self.now);
        self.events.push_back(Event::Disconnected { problem, retry_at });
        let Core { events, outgoing, .. } = self;
        let mut tell = |event| events.push_back(event);
        self.requests.lost(outgoing, &mut tell);
        self.publishes.lost(outgoing, &mut tell);
        self.invocations.lost(&mut tell);
        self.registrations.lost(&mut tell);
    }

    fn expire_requests(&mut self) {
        let Core {
            requests,
            outgoing,
            queue,
            events,
            connection,
            now,
            ..
        } = self;
        requests.handle_timeout(*now, |Expired { key, written }| {
            let problem = match written {
                Some(id) => {
                    if connection.is_live() {
                        outgoing.push(&ClientMessage::Cancel(id));
                    }
                    own(ErrorCode::DeadlineExceeded)
                        .detail("neither an answer nor the broker's word came in time")
                }
                None => {
                    queue.mark_stale();
                    own(ErrorCode::NotSent).detail("no broker could be reached before the deadline")
                }
            };
            events.push_back(Event::Failed { key, problem });
        });
    }
}
