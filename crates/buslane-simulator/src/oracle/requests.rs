//! Requests as the broker accepts them: who may be asked, and what ends each.

use std::collections::BTreeMap;
use std::time::Duration;

use buslane_protocol::{Deadline, ErrorCode, Id, Instant};

use super::balance::Load;
use super::{Oracle, Subject};
use crate::said::{Request, Target, Whom};

/// A request that was accepted.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) client: usize,
    pub(super) from: Option<String>,
    pub(super) id: Id,
    pub(super) to: Vec<Target>,
    pub(super) digest: u64,
    pub(super) valid: bool,
    pub(super) gathered: bool,
    pub(super) stream: bool,
    /// Chunks allowed so far, if they are counted.
    pub(super) credit: Option<u64>,
    /// Credit that was handed on to the callee, and what it was asked for.
    pub(super) first_credit: u32,
    pub(super) credit_handed: u64,
    pub(super) span: Option<Duration>,
    pub(super) deadline: Option<Instant>,
    /// When, among all that were accepted, from 1.
    pub(super) order: u64,
    /// Who could be asked when it was accepted, and what they had to do if that is known.
    pub(super) candidates: Vec<usize>,
    pub(super) loads: Vec<Load>,
    /// Who is known to be asked.
    pub(super) legs: Vec<Leg>,
    /// How many outcomes there are to be, if that is known.
    pub(super) expected: Option<usize>,
    /// What ended it for the broker.
    pub(super) over: Option<&'static str>,
    /// When its deadline passed, if that ended it.
    pub(super) expired_at: Option<Instant>,
    /// Errors with which it may end.
    pub(super) may_end: Vec<ErrorCode>,
    /// Whether its end was written.
    pub(super) ended: bool,
    pub(super) chunks_in: u64,
    pub(super) chunks_out: u64,
    pub(super) replied: u32,
    pub(super) failed: u32,
    pub(super) labels: BTreeMap<String, u32>,
}

impl Asked {
    /// Tells whether everything that could end it is known.
    pub(super) fn is_known(&self) -> bool {
        let asks = |leg: &Leg| leg.delivery.is_some() && !leg.done;
        let alone = !self.gathered || (self.expected.is_some() && self.legs.iter().any(asks));
        self.may_end.is_empty() && alone
    }
}

/// One instance that is asked.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) held: usize,
    pub(super) client: usize,
    pub(super) method: String,
    /// The number under which the instance got it.
    pub(super) delivery: Option<u64>,
    /// Whether it answered, was lost, or nobody waits for its answer any more.
    pub(super) done: bool,
    /// Whether it is to be told that nobody waits any more, and whether it was.
    pub(super) withdrawn: bool,
    pub(super) told: bool,
    /// Whether its registration ended; it may be told then too.
    pub(super) lost: bool,
}

impl Leg {
    /// Begins with an instance that was not handed the request yet.
    pub(super) fn new(held: usize, client: usize, method: String) -> Leg {
        Leg {
            held,
            client,
            method,
            delivery: None,
            done: false,
            withdrawn: false,
            told: false,
            lost: false,
        }
    }
}

impl Oracle {
    /// Takes in a request that was accepted.
    pub(super) fn requested(&mut self, client: usize, request: &Request) {
        let subjects = [Subject::Client(client), Subject::Message(request.number)];
        if self.surely_in_flight(client, request.id) {
            self.broken("two requests with one id were accepted", &subjects);
        }
        if self
            .draining
            .is_some_and(|since| since < self.clients[client].asked_at)
        {
            self.broken("a broker that shuts down takes no requests", &subjects);
        }
        let candidates: Vec<usize> = request
            .to
            .iter()
            .flat_map(|target| self.candidates(target))
            .collect();
        let mut asked = self.begin(client, request, candidates);
        let bus = asked.to.iter().any(|target| target.whom == Whom::Bus);
        if asked.to.len() == 1 && asked.candidates.is_empty() && !bus {
            self.broken("a request was accepted that nobody could answer", &subjects);
        }
        asked.loads = self.loads(&asked);
        let strict = |held: &usize| self.is_strict(*held, &request.to[0].method);
        if asked.gathered && !request.valid {
            asked
                .legs
                .iter_mut()
                .filter(|leg| strict(&leg.held))
                .for_each(|leg| leg.done = true);
            close_gathered(&mut asked);
        }
        let all_strict = !asked.candidates.is_empty() && asked.candidates.iter().all(strict);
        if !asked.gathered && !request.valid && all_strict {
            self.broken("a payload against the method's contract was accepted", &subjects);
        }
        self.coverage.count(match (asked.gathered, asked.stream) {
            (true, _) => "request to several accepted",
            (false, true) => "stream accepted",
            (false, false) => "request accepted",
        });
        self.sums.requests += 1;
        self.clients[client].pending.push(request.number);
        self.asked.insert(request.number, asked);
    }

    /// Takes in a request of which nobody knows whether it was accepted.
    pub(super) fn may_have_requested(&mut self, client: usize, request: &Request) {
        let candidates = request
            .to
            .iter()
            .flat_map(|target| self.candidates(target))
            .collect();
        let asked = self.begin(client, request, candidates);
        self.sums.perhaps_requests += 1;
        self.clients[client].pending.push(request.number);
        self.asked.insert(request.number, asked);
    }

    fn begin(&self, client: usize, request: &Request, candidates: Vec<usize>) -> Asked {
        let one = request.to.len() == 1;
        let gathered = !one || matches!(request.to[0].whom, Whom::Group(_) | Whom::Every);
        let span = match request.deadline {
            Deadline::Default => Some(self.limits.default_deadline),
            Deadline::After(ms) => Some(Duration::from_millis(u64::from(ms))),
            Deadline::Never => None,
        };
        let legs = match gathered && one {
            true => candidates
                .iter()
                .map(|held| Leg::new(*held, self.held[*held].client, request.to[0].method.clone()))
                .collect(),
            false => Vec::new(),
        };
        let bus = one && request.to[0].whom == Whom::Bus;
        Asked {
            client,
            from: self.label(client),
            id: request.id,
            to: request.to.clone(),
            digest: request.digest,
            valid: request.valid,
            gathered,
            stream: request.stream,
            credit: (request.credit > 0).then_some(u64::from(request.credit)),
            first_credit: request.credit,
            credit_handed: 0,
            span,
            deadline: span.map(|span| self.now + span),
            expected: (gathered && one).then_some(candidates.len()),
            order: self.asked.len() as u64 + 1,
            candidates,
            loads: Vec::new(),
            legs,
            over: bus.then_some("the broker's own answer"),
            expired_at: None,
            may_end: Vec::new(),
            ended: false,
            chunks_in: 0,
            chunks_out: 0,
            replied: 0,
            failed: 0,
            labels: BTreeMap::new(),
        }
    }

    /// Tells whether an instance holds the input of a method against a schema.
    pub(super) fn is_strict(&self, held: usize, method: &str) -> bool {
        let mut methods = self.held[held].declared.methods.iter();
        methods.any(|known| known.name == method && known.strict_input)
    }

    /// Tells whether a request of this id has not ended and has no reason to have.
    fn surely_in_flight(&self, client: usize, id: Id) -> bool {
        self.in_flight(client)
            .any(|asked| asked.id == id && asked.over.is_none() && asked.is_known())
    }

    /// Walks the requests of a client whose end was not written.
    pub(super) fn in_flight(&self, client: usize) -> impl Iterator<Item = &Asked> {
        self.clients[client]
            .pending
            .iter()
            .filter_map(|number| self.asked.get(number))
    }

    /// Takes in that a caller withdrew a request.
    pub(super) fn cancelled(&mut self, client: usize, id: Id) {
        let pending = self.clients[client].pending.clone();
        for number in pending {
            if let Some(asked) = self
                .asked
                .get_mut(&number)
                .filter(|asked| asked.id == id && asked.over.is_none())
            {
                asked.may_end.push(ErrorCode::Cancelled);
                self.coverage.count("cancelled in flight");
                self.finish(number, "its caller cancelled it");
            }
        }
    }

    /// Takes in that a caller is gone.
    pub(super) fn abandon(&mut self, client: usize) {
        for number in self.clients[client].pending.clone() {
            if self.asked.get(&number).is_some_and(|asked| asked.over.is_none()) {
                self.coverage.count("abandoned");
                self.finish(number, "its caller is gone");
            }
        }
    }

    /// Takes in more credit for a stream.
    pub(super) fn stream_credited(&mut self, client: usize, id: Id, count: u32) {
        for number in self.clients[client].pending.clone() {
            let slow = self.asked.get(&number).is_some_and(|asked| self.is_slow(asked));
            if let Some(asked) = self.asked.get_mut(&number)
                && asked.id == id
                && asked.over.is_none()
                && let Some(credit) = &mut asked.credit
            {
                *credit += u64::from(count);
                // A callee that does not read cannot be told, and then the stream ends.
                asked.may_end.extend(slow.then_some(ErrorCode::Overloaded));
            }
        }
    }

    /// Tells whether the caller of a request, or one who may be asked, reads slowly.
    pub(super) fn is_slow(&self, asked: &Asked) -> bool {
        let mut callees = asked.candidates.iter().map(|held| self.held[*held].client);
        self.may_be_slow(asked.client) || callees.any(|callee| self.may_be_slow(callee))
    }

    /// Ends what is past its deadline, now that the broker's timers have run.
    pub(crate) fn timed(&mut self) {
        let passed = |deadline: Instant| deadline.as_micros().div_ceil(TICK) * TICK <= self.now.as_micros();
        let late = |asked: &Asked| asked.over.is_none() && asked.deadline.is_some_and(passed);
        let numbers: Vec<u64> = self
            .asked
            .iter()
            .filter(|(_, asked)| late(asked))
            .map(|(number, _)| *number)
            .collect();
        for number in numbers {
            self.coverage.count("deadline passed");
            if let Some(asked) = self.asked.get_mut(&number) {
                asked.may_end.push(ErrorCode::DeadlineExceeded);
                asked.expired_at = Some(self.now);
            }
            self.finish(number, "its deadline passed");
        }
    }

    /// Ends a request for the broker. Whoever has not answered is to be told.
    pub(super) fn finish(&mut self, number: u64, why: &'static str) {
        let Some(asked) = self.asked.get_mut(&number) else {
            return;
        };
        asked.over.get_or_insert(why);
        for leg in asked.legs.iter_mut().filter(|leg| !leg.done) {
            leg.done = true;
            leg.withdrawn = self.clients[leg.client].open;
        }
    }

    /// Takes in that an instance is gone, with the requests that it was asked.
    pub(super) fn lose_legs(&mut self, held: usize) {
        let alive: Vec<bool> = self.held.iter().map(|held| held.alive).collect();
        for asked in self.asked.values_mut() {
            // What happens at one time happens in an order that is the broker's.
            if asked.expired_at == Some(self.now) && asked.candidates.contains(&held) {
                asked.may_end.push(ErrorCode::OutcomeUnknown);
            }
            if asked.over.is_some() {
                continue;
            }
            for leg in asked.legs.iter_mut().filter(|leg| leg.held == held) {
                leg.lost |= !leg.done;
                leg.done = true;
            }
            if !asked.candidates.contains(&held) {
                continue;
            }
            let asked_it = asked.legs.iter().any(|leg| leg.held == held);
            if asked.gathered {
                close_gathered(asked);
            } else if asked_it || asked.legs.is_empty() {
                asked.may_end.push(ErrorCode::OutcomeUnknown);
                let nobody = !asked.candidates.iter().any(|candidate| alive[*candidate]);
                if asked_it || nobody {
                    asked.over = Some("the instance that it was handed to is gone");
                }
            }
        }
    }

    /// Tells whether an instance may have requests to finish.
    pub(super) fn has_legs(&self, held: usize) -> bool {
        let waits = |leg: &Leg| leg.held == held && !leg.done;
        let may_wait = |asked: &Asked| {
            let unknown = asked.legs.is_empty() || (asked.gathered && asked.expected.is_none());
            let known = asked.legs.iter().any(|leg| leg.held == held);
            asked.legs.iter().any(waits) || (unknown && !known && asked.candidates.contains(&held))
        };
        self.asked
            .values()
            .any(|asked| asked.over.is_none() && may_wait(asked))
    }

    /// Tells whether an instance has requests that it was handed and did not answer.
    pub(super) fn has_known_legs(&self, held: usize) -> bool {
        let open = self
            .asked
            .values()
            .filter(|asked| asked.over.is_none() && asked.may_end.is_empty());
        open.flat_map(|asked| &asked.legs)
            .any(|leg| leg.held == held && !leg.done && leg.delivery.is_some())
    }

    /// Looks whether everything that has to be over was ended, now that nothing is queued.
    pub(super) fn check_pending(&mut self, client: usize) {
        if !self.clients[client].open {
            return;
        }
        for number in self.clients[client].pending.clone() {
            let Some(asked) = self.asked.get(&number) else {
                continue;
            };
            if let Some(why) = asked.over {
                let promise = format!("every request ends: nothing came although {why}");
                return self.broken(promise, &[Subject::Client(client), Subject::Message(number)]);
            }
        }
    }

    /// Tells whether a client's lane may have been full: its connection was blocked, or a turn's worth fills it.
    pub(super) fn may_be_slow(&self, client: usize) -> bool {
        self.clients[client].was_blocked || self.limits.outbox < SMALL_LANE
    }

    /// Counts the requests that are surely in flight, and those that may be.
    pub(super) fn flight_bounds(&self) -> (u64, u64) {
        let open = self.asked.values().filter(|asked| asked.over.is_none());
        let sure = open.clone().filter(|asked| asked.is_known());
        (sure.count() as u64, open.count() as u64)
    }
}

/// Ends a gathered request when everybody has answered or is lost.
pub(super) fn close_gathered(asked: &mut Asked) {
    if asked.expected.is_some() && asked.legs.iter().all(|leg| leg.done) {
        asked.over.get_or_insert("everybody has answered");
    }
}

/// Bytes of a lane that a single turn may fill.
const SMALL_LANE: usize = 100_000;
/// Microseconds to which the broker may round a deadline up.
const TICK: u64 = 1_000;
