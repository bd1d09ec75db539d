//! What a client may send in which phase, and where each type of message goes. Also how a refusal is told.

use buslane_protocol::{BrokerMessage, ClientMessage, ErrorCode, Id, Problem, Refusal};

use crate::client::Phase;
use crate::engine::Engine;
use crate::parked::{Carrier, Known, Step};
use crate::policy::Action;
use crate::reports::PERIOD;
use crate::{ClientId, Notice};

impl Engine {
    /// Takes in one message of a client. What is borrowed from its frame is copied only if it has to wait.
    #[inline]
    pub(crate) fn receive(&mut self, id: ClientId, message: &mut ClientMessage<'_>) {
        match self.greet(id) {
            Phase::Open | Phase::Silent => {}
            Phase::Closing => return,
            Phase::Unknown if matches!(message, ClientMessage::Connect(_) | ClientMessage::Goodbye(_)) => {}
            Phase::Unknown => return self.demand_connect(id, message),
        }
        self.ledger.counters.received[index(message)] += 1;
        let known = Known::default();
        let step = match &*message {
            ClientMessage::Publish(publish) => self.publish(id, publish, &known),
            ClientMessage::Request(request) => self.request(id, request, &known),
            ClientMessage::Reply(reply) => self.reply(id, reply, &known),
            ClientMessage::Chunk(chunk) => self.chunk(id, chunk, &known),
            _ => return self.receive_rare(id, take(message)),
        };
        if let Step::Offload(validator) = step
            && let Some(carrier) = Carrier::of(take(message))
        {
            self.offload(id, carrier, known, validator);
        }
    }

    fn receive_rare(&mut self, id: ClientId, message: ClientMessage<'_>) {
        match message {
            ClientMessage::Connect(connect) => self.connect(id, connect),
            ClientMessage::Register(register) => self.register(id, register),
            ClientMessage::Unregister(unregister) => self.unregister(id, &unregister),
            ClientMessage::Subscribe(subscribe) => self.subscribe(id, subscribe),
            ClientMessage::Unsubscribe(unsubscribe) => self.unsubscribe(id, &unsubscribe),
            ClientMessage::Error(failure) => self.failure(id, failure),
            ClientMessage::Cancel(request) => self.cancel(id, request),
            ClientMessage::Credit(credit) => self.credit(id, &credit),
            ClientMessage::Ping(ping) => self.send(id, &BrokerMessage::Pong(ping)),
            ClientMessage::Goodbye(goodbye) => self.goodbye(id, goodbye),
            ClientMessage::Pong(_)
            | ClientMessage::Publish(_)
            | ClientMessage::Request(_)
            | ClientMessage::Reply(_)
            | ClientMessage::Chunk(_) => {}
        }
    }

    /// Notes that a client sent a complete frame, which proves life too. Returns the phase that it is in.
    #[inline]
    pub(crate) fn greet(&mut self, id: ClientId) -> Phase {
        let Some(client) = self.clients.find_mut(id) else {
            return Phase::Closing;
        };
        client.heard = self.now;
        if client.pinged || client.probes > 0 || client.phase == Phase::Silent {
            return self.welcome(id);
        }
        client.phase
    }

    #[cold]
    fn welcome(&mut self, id: ClientId) -> Phase {
        self.hear(id);
        match self.clients.find(id).map(|client| client.phase) {
            Some(Phase::Silent) => self.begin(id),
            Some(phase) => phase,
            None => Phase::Closing,
        }
    }

    fn begin(&mut self, id: ClientId) -> Phase {
        let require = self.config.require_connect;
        let Some(client) = self.clients.find_mut(id) else {
            return Phase::Closing;
        };
        client.phase = if require && !client.loopback {
            Phase::Unknown
        } else {
            Phase::Open
        };
        let phase = client.phase;
        if phase == Phase::Open {
            self.rearm(id);
        }
        phase
    }

    #[cold]
    fn demand_connect(&mut self, id: ClientId, message: &ClientMessage<'_>) {
        let detail = "send `connect` with a `token` first";
        let (message, delivery) = names(message);
        self.tell_refusal(
            id,
            message,
            delivery,
            Problem::new(ErrorCode::Unauthenticated).detail(detail),
        );
    }

    /// Asks the policy.
    #[inline]
    pub(crate) fn decide(&self, id: ClientId, action: Action<'_>) -> Result<(), Box<Problem>> {
        match self.clients.find(id) {
            Some(client) => self
                .config
                .policy
                .decide(&client.principal, action)
                .map_err(Box::new),
            None => Ok(()),
        }
    }

    /// Tells a client that a message or an answer of it was refused, and why.
    #[cold]
    pub(crate) fn tell_refusal(
        &mut self,
        to: ClientId,
        id: Option<Id>,
        delivery: Option<u64>,
        error: Problem,
    ) {
        let code = error.error_code().unwrap_or(ErrorCode::Internal);
        self.ledger.refused(code);
        self.notice(Notice::Refused { client: to, code });
        self.send(
            to,
            &BrokerMessage::Error(Refusal {
                id,
                delivery,
                from: None,
                error,
            }),
        );
    }

    /// Makes the refusal of a broker whose memory is full, and notes it in the log once a second.
    pub(crate) fn memory_full(&mut self) -> Problem {
        if self.memory_told.is_none_or(|told| self.now >= told + PERIOD) {
            self.memory_told = Some(self.now);
            self.notice(Notice::MemoryFull {
                used: self.ledger.memory.total(),
            });
        }
        let cap = self.config.limits.memory;
        let detail = format!(
            "the broker accounts for as much as it may, {cap} bytes; try again later, or raise limits.memory"
        );
        Problem::new(ErrorCode::MemoryFull).detail(detail)
    }
}

/// Returns what an error about a message names: its id, or the delivery that it answers.
fn names(message: &ClientMessage<'_>) -> (Option<Id>, Option<u64>) {
    match message {
        ClientMessage::Connect(connect) => (connect.id, None),
        ClientMessage::Register(register) => (register.id, None),
        ClientMessage::Unregister(unregister) => (unregister.id, None),
        ClientMessage::Subscribe(subscribe) => (subscribe.id, None),
        ClientMessage::Unsubscribe(unsubscribe) => (unsubscribe.id, None),
        ClientMessage::Publish(publish) => (publish.id, None),
        ClientMessage::Request(request) => (Some(request.id), None),
        ClientMessage::Reply(reply) => (None, Some(reply.delivery)),
        ClientMessage::Chunk(chunk) => (None, Some(chunk.delivery)),
        ClientMessage::Error(failure) => (None, Some(failure.delivery)),
        ClientMessage::Cancel(id) => (Some(*id), None),
        ClientMessage::Credit(credit) => (credit.id, None),
        ClientMessage::Ping(id) | ClientMessage::Pong(id) => (*id, None),
        ClientMessage::Goodbye(_) => (None, None),
    }
}

/// Takes a message and leaves one that says nothing.
fn take<'a>(message: &mut ClientMessage<'a>) -> ClientMessage<'a> {
    std::mem::replace(message, ClientMessage::Pong(None))
}

/// Returns the place of a message's type in [`Counters::TYPES`](crate::Counters::TYPES).
#[inline]
fn index(message: &ClientMessage<'_>) -> usize {
    match message {
        ClientMessage::Connect(_) => 0,
        ClientMessage::Register(_) => 1,
        ClientMessage::Unregister(_) => 2,
        ClientMessage::Subscribe(_) => 3,
        ClientMessage::Unsubscribe(_) => 4,
        ClientMessage::Publish(_) => PUBLISH,
        ClientMessage::Request(_) => 6,
        ClientMessage::Reply(_) => 7,
        ClientMessage::Chunk(_) => 8,
        ClientMessage::Error(_) => 9,
        ClientMessage::Cancel(_) => 10,
        ClientMessage::Credit(_) => 11,
        ClientMessage::Ping(_) => 12,
        ClientMessage::Pong(_) => 13,
        ClientMessage::Goodbye(_) => 14,
    }
}

/// The place of publishes in [`Counters::TYPES`](crate::Counters::TYPES).
pub(crate) const PUBLISH: usize = 5;
