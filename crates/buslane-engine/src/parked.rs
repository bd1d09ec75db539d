//! Messages that wait for an answer from elsewhere while their client is paused, so that its messages keep their
//! order. Owns the tickets; what is done with an answer is decided where the message is handled.

use std::sync::Arc;

use buslane_protocol::{Chunk, ClientMessage, Problem, Publish, Register, Reply, Request, Targets};

use crate::compatibility::Examined;
use crate::engine::Engine;
use crate::memory::Category;
use crate::registry::InstanceKey;
use crate::{ClientId, Flow, Output, Ticket, Validate, Violation};

/// A message that waits.
pub(crate) struct Parked {
    /// For which answer.
    pub(crate) ticket: Ticket,
    /// Bytes charged meanwhile.
    pub(crate) charged: usize,
    /// What waits.
    pub(crate) what: Waiting,
}

/// What waits for what.
pub(crate) enum Waiting {
    /// A registration for its schemas.
    Compile(Box<Register>),
    /// A registration for the comparison with the version before it.
    Compare {
        /// The registration.
        register: Box<Register>,
        /// Its compiled schemas.
        examined: Examined,
    },
    /// A registration for a sign of life of whoever holds its instance.
    Probe {
        /// The registration.
        register: Box<Register>,
        /// Its compiled schemas.
        examined: Examined,
        /// The instance that is held.
        holder: InstanceKey,
    },
    /// A message for the validation of its payload.
    Validate {
        /// The message.
        message: Carrier<'static>,
        /// What is known of its payload already.
        known: Known,
        /// Against what it is validated now.
        validator: Arc<dyn Validate>,
    },
}

/// A message with a payload.
pub(crate) enum Carrier<'a> {
    /// See [`Publish`].
    Publish(Publish<'a>),
    /// See [`Request`].
    Request(Request<'a>),
    /// See [`Reply`].
    Reply(Reply<'a>),
    /// See [`Chunk`].
    Chunk(Chunk<'a>),
}

/// What is known of a payload: which schemas it was held against elsewhere, and with which result.
#[derive(Default)]
pub(crate) struct Known(Vec<(Arc<dyn Validate>, Result<(), Violation>)>);

impl Known {
    /// Returns the result against a schema.
    pub(crate) fn find(&self, validator: &Arc<dyn Validate>) -> Option<Result<(), Violation>> {
        let same = |known: &Arc<dyn Validate>| std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(validator));
        self.0
            .iter()
            .find(|(known, _)| same(known))
            .map(|(_, result)| result.clone())
    }
}

/// How handling a message went.
pub(crate) enum Step {
    /// It is handled, or refused.
    Done,
    /// Its payload is too long to be validated here. Nothing was changed: it is handled again when the result is
    /// known.
    Offload(Arc<dyn Validate>),
}

impl Engine {
    /// Handles a message again of whose payload more is known.
    fn reroute(&mut self, id: ClientId, message: Carrier<'static>, known: Known) {
        let step = match &message {
            Carrier::Publish(publish) => self.publish(id, publish, &known),
            Carrier::Request(request) => self.request(id, request, &known),
            Carrier::Reply(reply) => self.reply(id, reply, &known),
            Carrier::Chunk(chunk) => self.chunk(id, chunk, &known),
        };
        if let Step::Offload(validator) = step {
            self.offload(id, message, known, validator);
        }
    }

    /// Parks a message until its payload is validated elsewhere.
    #[cold]
    pub(crate) fn offload(
        &mut self,
        id: ClientId,
        message: Carrier<'_>,
        known: Known,
        validator: Arc<dyn Validate>,
    ) {
        let payload: Arc<[u8]> = Arc::from(message.payload());
        let charged = 2 * payload.len();
        if !self.ledger.charge(Category::Waiting, charged) {
            let problem = self.memory_full();
            return self.refuse_carrier(id, &message, problem);
        }
        let ticket = self.take_ticket(id);
        let what = Waiting::Validate {
            message: message.into_owned(),
            known,
            validator: validator.clone(),
        };
        self.park(
            id,
            Parked {
                ticket,
                charged,
                what,
            },
        );
        self.outputs.push_back(Output::Validate {
            ticket,
            validator,
            payload,
        });
    }

    fn refuse_carrier(&mut self, id: ClientId, message: &Carrier<'_>, problem: Problem) {
        match message {
            Carrier::Publish(publish) => self.refuse_message(id, publish.id, problem),
            Carrier::Request(request) => self.refuse_message(id, Some(request.id), problem),
            Carrier::Reply(Reply { delivery, .. }) | Carrier::Chunk(Chunk { delivery, .. }) => {
                self.refuse_answer(id, *delivery, problem);
            }
        }
    }

    /// Takes in the result of a validation.
    pub(crate) fn finish_validation(&mut self, ticket: Ticket, result: Result<(), Violation>) {
        let Some((id, parked)) = self.unpark(ticket) else {
            return;
        };
        if let Waiting::Validate {
            message,
            mut known,
            validator,
        } = parked.what
        {
            known.0.push((validator, result));
            self.reroute(id, message, known);
        }
        self.resume(id);
    }

    /// Hands out a ticket for work on behalf of a client.
    pub(crate) fn take_ticket(&mut self, id: ClientId) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.tickets.insert(ticket, id);
        ticket
    }

    /// Keeps a message of a client until its answer comes. A client that is paused hands in no other, so there is
    /// none that this one could displace.
    pub(crate) fn park(&mut self, id: ClientId, parked: Parked) {
        debug_assert!(self.clients.find(id).is_none_or(|client| client.parked.is_none()));
        self.abandon_parked(id);
        if let Some(client) = self.clients.find_mut(id) {
            client.parked = Some(Box::new(parked));
        }
    }

    /// Takes out what waits for a ticket; nothing if its client is gone.
    pub(crate) fn unpark(&mut self, ticket: Ticket) -> Option<(ClientId, Box<Parked>)> {
        let id = self.tickets.remove(&ticket)?;
        let parked = self
            .clients
            .find_mut(id)?
            .parked
            .take_if(|parked| parked.ticket == ticket)?;
        self.ledger.release(Category::Waiting, parked.charged);
        Some((id, parked))
    }

    /// Lets a client go on, unless it has to wait again.
    pub(crate) fn resume(&mut self, id: ClientId) {
        let now = self.now;
        if let Some(client) = self.clients.find_mut(id).filter(|client| client.parked.is_none()) {
            client.heard = now;
            if !client.is_closing() {
                self.outputs.push_back(Output::Resume { client: id });
            }
        }
    }

    /// Forgets what a leaving client waits for.
    pub(crate) fn abandon_parked(&mut self, id: ClientId) {
        let Some(parked) = self.clients.find_mut(id).and_then(|client| client.parked.take()) else {
            return;
        };
        self.tickets.remove(&parked.ticket);
        self.ledger.release(Category::Waiting, parked.charged);
        self.end_probe(parked.ticket);
    }

    /// Tells what the driver is to do next with a client.
    pub(crate) fn flow(&self, id: ClientId) -> Flow {
        match self.clients.find(id) {
            Some(client) if client.is_closing() => Flow::Close,
            Some(client) if client.parked.is_some() => Flow::Pause,
            Some(_) => Flow::Continue,
            None => Flow::Close,
        }
    }
}

impl<'a> Carrier<'a> {
    /// Takes a message that may carry a payload.
    pub(crate) fn of(message: ClientMessage<'a>) -> Option<Carrier<'a>> {
        match message {
            ClientMessage::Publish(publish) => Some(Carrier::Publish(publish)),
            ClientMessage::Request(request) => Some(Carrier::Request(request)),
            ClientMessage::Reply(reply) => Some(Carrier::Reply(reply)),
            ClientMessage::Chunk(chunk) => Some(Carrier::Chunk(chunk)),
            _ => None,
        }
    }

    /// Returns the payload.
    fn payload(&self) -> &[u8] {
        match self {
            Carrier::Publish(publish) => &publish.payload.bytes,
            Carrier::Request(request) => &request.payload.bytes,
            Carrier::Reply(reply) => &reply.payload.bytes,
            Carrier::Chunk(chunk) => &chunk.payload.bytes,
        }
    }

    /// Copies the message, so that it borrows nothing from its frame.
    fn into_owned(self) -> Carrier<'static> {
        match self {
            Carrier::Publish(publish) => Carrier::Publish(own_publish(publish)),
            Carrier::Request(request) => Carrier::Request(own_request(request)),
            Carrier::Reply(Reply {
                delivery,
                headers,
                payload,
            }) => Carrier::Reply(Reply {
                delivery,
                headers: headers.into_owned(),
                payload: payload.into_owned(),
            }),
            Carrier::Chunk(Chunk {
                delivery,
                headers,
                payload,
                last,
            }) => {
                let (headers, payload) = (headers.into_owned(), payload.into_owned());
                Carrier::Chunk(Chunk {
                    delivery,
                    headers,
                    payload,
                    last,
                })
            }
        }
    }
}

fn own_publish(publish: Publish<'_>) -> Publish<'static> {
    let Publish {
        id,
        topic,
        headers,
        payload,
        ack,
        retain,
        retain_ms,
        exclude_self,
    } = publish;
    let (topic, headers, payload) = (topic.into_owned(), headers.into_owned(), payload.into_owned());
    Publish {
        id,
        topic,
        headers,
        payload,
        ack,
        retain,
        retain_ms,
        exclude_self,
    }
}

fn own_request(request: Request<'_>) -> Request<'static> {
    let Request {
        id,
        to,
        headers,
        payload,
        deadline,
        stream,
        credit,
    } = request;
    let to = match to {
        Targets::One(address) => Targets::One(address.into_owned()),
        Targets::Several(all) => {
            Targets::Several(all.into_iter().map(|address| address.into_owned()).collect())
        }
    };
    Request {
        id,
        to,
        headers: headers.into_owned(),
        payload: payload.into_owned(),
        deadline,
        stream,
        credit,
    }
}
