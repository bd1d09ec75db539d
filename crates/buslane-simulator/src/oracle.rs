//! What the protocol promises, held against what the broker and the sessions do.
//!
//! Written from `docs/protocol.md`, not from the engine: it keeps a shadow of what each client was promised, fed with
//! every message that the broker took in, and compares it with every message that the broker wrote. It sees the wire,
//! the sessions' events, the log and the published numbers, and nothing of the engine's inside.

mod answers;
mod backlog;
mod balance;
mod deliveries;
mod draining;
mod handed;
mod log;
mod numbers;
mod overflow;
mod owed;
mod presence;
mod programs;
mod publishes;
mod refusals;
mod registry;
mod requests;
mod retained;
mod shadow;
mod standing;
mod sums;
mod topics;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use buslane_engine::{ClientId, CloseReason};
use buslane_protocol::{BrokerMessage, ErrorCode, Framing, Instant, Limits};

use crate::connection::is_websocket;
use crate::coverage::Coverage;
use crate::said::Said;
use crate::trace::Trace;

pub(crate) use programs::Programs;
use publishes::Published;
use registry::Held;
use requests::Asked;
use retained::Kept;
use shadow::Shadow;
use sums::Sums;

/// What the protocol promises, held against what happens in one run.
pub(crate) struct Oracle {
    /// The broker's clock, which never goes back.
    pub(crate) now: Instant,
    /// The clock of everybody else.
    clock: Instant,
    pub(crate) trace: Trace,
    pub(crate) coverage: Coverage,
    pub(crate) programs: Programs,
    /// The promise that was broken first.
    pub(crate) broken: Option<Broken>,
    limits: Limits,
    clients: Vec<Shadow>,
    /// Where the broker's own handles lead.
    handles: BTreeMap<ClientId, usize>,
    held: Vec<Held>,
    published: BTreeMap<u64, Published>,
    kept: BTreeMap<String, Vec<Kept>>,
    /// Topics of which nobody knows whether they have a retained value.
    unsure: BTreeSet<String>,
    asked: BTreeMap<u64, Asked>,
    answers: BTreeMap<u64, answers::Answer>,
    /// To which requests programs gave their answers.
    meant: BTreeMap<u64, u64>,
    /// Messages that the broker has decided about.
    dealt: BTreeSet<u64>,
    /// Registrations that the broker said to have ended during the call that is being looked at.
    vanished: Vec<(usize, String, String)>,
    /// Who took which instances over during it.
    seized: Vec<(usize, String, String)>,
    /// After how many messages the broker began to shut down.
    draining: Option<u64>,
    /// Messages that the broker was handed, by which what was said before something is told from what came after.
    said: u64,
    /// Publishes that were accepted, which also numbers them in the order in which they were.
    accepted: u64,
    /// Whether any delivery was dropped so far.
    dropped: bool,
    /// Whether any events about services were merged so far.
    merged: bool,
    /// Whether memory was refused so far.
    starved: bool,
    received: BTreeMap<&'static str, u64>,
    /// Whether the broker was called since its numbers were looked at.
    stirred: bool,
    sums: Sums,
}

/// A promise that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    /// Which, and how.
    pub(crate) promise: String,
    /// Whom and what it concerns, as words of the trace.
    pub(crate) subjects: Vec<String>,
}

/// Who or what a promise concerns.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// A connection.
    Client(usize),
    /// A message with its number.
    Message(u64),
    /// A program.
    Program(usize),
}

impl Subject {
    fn word(self) -> String {
        match self {
            Subject::Client(client) => format!("c{client}"),
            Subject::Message(number) => format!("n{number}"),
            Subject::Program(program) => format!("p{program}"),
        }
    }
}

impl Oracle {
    /// Makes the oracle of a run.
    pub(crate) fn new(limits: Limits, recording: bool) -> Self {
        Oracle {
            now: Instant::ZERO,
            clock: Instant::ZERO,
            trace: Trace::new(recording),
            coverage: Coverage::default(),
            programs: Programs::default(),
            broken: None,
            limits,
            clients: Vec::new(),
            handles: BTreeMap::new(),
            held: Vec::new(),
            published: BTreeMap::new(),
            kept: BTreeMap::new(),
            unsure: BTreeSet::new(),
            asked: BTreeMap::new(),
            answers: BTreeMap::new(),
            meant: BTreeMap::new(),
            dealt: BTreeSet::new(),
            vanished: Vec::new(),
            seized: Vec::new(),
            draining: None,
            said: 0,
            accepted: 0,
            dropped: false,
            merged: false,
            starved: false,
            received: BTreeMap::new(),
            stirred: false,
            sums: Sums::default(),
        }
    }

    /// Tells whether there is memory for everything that has to be told.
    pub(crate) fn has_ample_memory(&self) -> bool {
        self.limits.memory >= AMPLE_MEMORY
    }

    /// Lets time pass.
    pub(crate) fn tell_time(&mut self, now: Instant) {
        self.clock = now;
        self.now = self.now.max(now);
    }

    /// Tells whether the broker was called since this was asked last.
    pub(crate) fn is_stirred(&mut self) -> bool {
        std::mem::take(&mut self.stirred)
    }

    /// Notes that a promise was broken; only the first one counts.
    pub(crate) fn broken(&mut self, promise: impl Into<String>, subjects: &[Subject]) {
        let subjects = subjects.iter().map(|subject| subject.word()).collect();
        self.broken.get_or_insert(Broken {
            promise: promise.into(),
            subjects,
        });
    }

    /// Takes in that the broker died and another one began with nothing.
    pub(crate) fn restarted(&mut self) {
        for client in 0..self.clients.len() {
            self.forget(client);
        }
        self.handles.clear();
        self.now = self.clock;
        self.kept.clear();
        self.unsure.clear();
        self.received.clear();
        self.vanished.clear();
        self.seized.clear();
        self.draining = None;
        self.dropped = false;
        self.merged = false;
        self.starved = false;
        self.sums = Sums::default();
    }

    /// Takes in that the broker took a connection in.
    pub(crate) fn opened(&mut self, client: usize, handle: ClientId, framing: Framing, principal: usize) {
        while self.clients.len() <= client {
            self.clients.push(Shadow::default());
        }
        self.clients[client] = Shadow::opened(principal, self.now);
        self.handles.insert(handle, client);
        if is_websocket(framing) {
            self.owe_greeting(client);
        }
        if self.draining.is_some() {
            self.broken(
                "a broker that shuts down takes no connections",
                &[Subject::Client(client)],
            );
        }
    }

    /// Takes in that bytes of a client arrived.
    pub(crate) fn heard(&mut self, client: usize) {
        self.clients[client].heard = self.now;
    }

    /// Takes in a message that the broker has dealt with, and with what it was refused, if it was.
    pub(crate) fn took(&mut self, client: usize, said: &Said, refusal: Option<ErrorCode>) {
        self.trace.note(|| match refusal {
            None => format!("c{client}{} broker took {said:?}", Numbered(said.number())),
            Some(code) => format!(
                "c{client}{} broker refused {code:?} {said:?}",
                Numbered(said.number())
            ),
        });
        self.starved |= refusal == Some(ErrorCode::MemoryFull);
        self.dealt.extend(said.number());
        self.owe(client, said, refusal);
        if let Some(code) = refusal {
            return self.check_refusal(client, said, code);
        }
        match said {
            Said::Connect { name, .. } => {
                self.clients[client].name = name.clone().or(self.clients[client].name.take())
            }
            Said::Unregister {
                service,
                instance,
                drain,
                ..
            } => {
                self.unregistered(client, service, instance.as_deref(), *drain);
            }
            Said::Subscribe {
                filter,
                shared,
                overflow,
                credit,
                ..
            } => {
                self.clients[client].policies.insert(*overflow as u8);
                self.sums.policies.insert(*overflow as u8);
                self.subscribed(client, filter, shared.as_deref(), *credit);
            }
            Said::Unsubscribe { filter, shared, .. } => self.unsubscribed(client, filter, shared.as_deref()),
            Said::Credit {
                filter,
                shared,
                count,
            } => self.credited(client, filter, shared.as_deref(), *count),
            Said::Publish(publish) => self.published(client, publish),
            Said::Request(request) => self.requested(client, request),
            Said::Answer {
                delivery,
                kind,
                number,
                digest,
                valid,
            } => {
                self.answered(client, *delivery, *kind, (*number, *digest, *valid));
            }
            Said::Cancel { id } => self.cancelled(client, *id),
            Said::StreamCredit { id, count } => self.stream_credited(client, *id, *count),
            _ => {}
        }
    }

    /// Takes in a message over which the broker thought while its client left: whether it took effect is not known.
    pub(crate) fn may_have_taken(&mut self, client: usize, said: &Said) {
        self.trace.note(|| {
            format!(
                "c{client}{} broker may have taken {said:?}",
                Numbered(said.number())
            )
        });
        self.dealt.extend(said.number());
        match said {
            Said::Request(request) => self.may_have_requested(client, request),
            Said::Publish(publish) => self.may_have_published(client, publish),
            Said::Answer {
                delivery,
                kind,
                number,
                digest,
                ..
            } => self.may_have_answered(client, *delivery, *kind, (*number, *digest)),
            _ => {}
        }
    }

    /// Takes in what a client begins to ask for, before the broker has decided.
    pub(crate) fn asks(&mut self, client: usize, said: &Said) {
        self.said += 1;
        self.clients[client].asked_at = self.said;
        if let Said::Register { declared, .. } = said {
            self.clients[client].registering = Some((declared.clone(), self.now));
        }
    }

    /// Takes in a message that the broker wrote to a client's connection.
    pub(crate) fn wrote(&mut self, client: usize, message: &BrokerMessage<'_>, bytes: usize) {
        self.trace.note(|| {
            format!(
                "c{client}{} broker wrote {message:?}",
                Numbered(handed::number(message))
            )
        });
        match message {
            BrokerMessage::Delivery(delivery) => {
                self.sums.wrote(delivery, bytes);
                self.delivery(client, delivery, bytes);
            }
            BrokerMessage::Draining(_) => self.told_of_drain(client),
            BrokerMessage::Gap(gap) => self.gap(client, gap),
            BrokerMessage::Request(invocation) => self.handed(client, invocation),
            BrokerMessage::Cancel(withdrawal) => self.withdrawn(client, withdrawal.delivery),
            BrokerMessage::Credit(credit) => self.credit_handed(client, credit.delivery, credit.count),
            BrokerMessage::Reply(answer) => self.reply(client, answer),
            BrokerMessage::Chunk(part) => self.chunk(client, part),
            BrokerMessage::End(end) => self.end(client, end),
            BrokerMessage::Error(refusal) => self.error(client, refusal),
            other => self.due(client, other),
        }
    }

    /// Takes in that everything that the broker had for a client was written.
    pub(crate) fn emptied(&mut self, client: usize) {
        self.clients[client].blocked = false;
        self.check_policy(client);
        self.check_draining(client);
        self.check_owed(client);
        self.check_copies(client);
        self.check_pending(client);
        self.check_withdrawals(client);
    }

    /// Takes in that a client's connection takes no more bytes for now.
    pub(crate) fn blocked(&mut self, client: usize) {
        let shadow = &mut self.clients[client];
        shadow.blocked = true;
        shadow.was_blocked = true;
    }

    /// Takes in that a connection ended for the broker, with everything that the client had.
    fn closed(&mut self, client: usize, reason: CloseReason) {
        self.coverage.count(reason.as_str());
        self.check_reason(client, reason);
        self.clients[client].open = false;
        self.end_subscriptions(client);
        self.end_registrations(client);
        self.abandon(client);
    }

    /// Takes in that nothing more will be written to a connection.
    pub(crate) fn forgotten(&mut self, client: usize, handle: ClientId, torn: bool) {
        self.sums.torn |= torn;
        self.handles.remove(&handle);
        self.forget(client);
    }

    fn forget(&mut self, client: usize) {
        if self.clients[client].open {
            self.closed(client, CloseReason::Transport);
        }
        self.clients[client].forget();
    }

    /// Looks at what a call of the broker caused, when all of its log was read.
    pub(crate) fn settled(&mut self) {
        self.stirred = true;
        self.check_vanished();
        self.check_seized();
    }
}

/// A message's number as a word of the trace.
struct Numbered(Option<u64>);

impl std::fmt::Display for Numbered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(number) => write!(formatter, " n{number}"),
            None => Ok(()),
        }
    }
}

/// A cap under which there may be no memory for what has to be told.
const AMPLE_MEMORY: usize = 1 << 20;
