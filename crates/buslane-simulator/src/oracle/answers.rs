//! Answers: what a callee said, and that it comes to the asker alone, once, and ends what it ends.

use buslane_protocol::{End, ErrorCode, Id, Origin, Part, Refusal};

use super::requests::{Leg, close_gathered};
use super::{Oracle, Subject};
use crate::content::{digest, number_of, number_of_problem};
use crate::said::AnswerKind;

/// What a callee said.
#[derive(Debug)]
pub(super) struct Answer {
    /// The request.
    asked: u64,
    label: String,
    kind: AnswerKind,
    digest: u64,
    /// Which part of a stream it is, from 0.
    place: u64,
}

impl Oracle {
    /// Takes in an answer that was accepted, or came too late.
    pub(super) fn answered(
        &mut self,
        client: usize,
        delivery: u64,
        kind: AnswerKind,
        (number, digest, valid): (Option<u64>, u64, bool),
    ) {
        let Some((asks, place)) = self.clients[client].handed.get(&delivery).copied() else {
            let promise = "an answer to what was never handed over was accepted";
            return self.broken(promise, &[Subject::Client(client)]);
        };
        let subjects = [Subject::Client(client), Subject::Message(asks)];
        self.check_meant(client, number, asks);
        let slow = self.asked.get(&asks).is_some_and(|asked| self.is_slow(asked));
        let Some(asked) = self.asked.get_mut(&asks) else {
            return;
        };
        let leg = &mut asked.legs[place];
        if leg.done || asked.over.is_some() {
            self.sums.late += 1;
            return self.coverage.count("answer too late");
        }
        self.sums.answers += 1;
        self.sums.perhaps_late += 1;
        let (held, method) = (leg.held, leg.method.clone());
        let chunks = matches!(kind, AnswerKind::Chunk { .. }) && number.is_some();
        let over_credit = chunks && asked.credit.is_some_and(|credit| asked.chunks_in >= credit);
        if matches!(kind, AnswerKind::Chunk { .. }) && !asked.stream {
            return self.broken("chunks answer streams only", &subjects);
        }
        if !valid && !over_credit && self.holds_output(held, &method) {
            return self.broken("an answer against its contract was accepted", &subjects);
        }
        self.note_answer(asks, place, kind, (number, digest));
        self.move_on(asks, place, kind, slow);
    }

    /// Tells whether an instance's answers are held against a schema.
    fn holds_output(&self, held: usize, method: &str) -> bool {
        let mut methods = self.held[held].declared.methods.iter();
        methods.any(|known| known.name == method && known.strict_output)
    }

    /// Remembers an answer, to be found again when it is handed on.
    fn note_answer(
        &mut self,
        asks: u64,
        place: usize,
        kind: AnswerKind,
        (number, digest): (Option<u64>, u64),
    ) {
        let (Some(number), Some(asked)) = (number, self.asked.get_mut(&asks)) else {
            return;
        };
        let answer = Answer {
            asked: asks,
            label: self.held[asked.legs[place].held].label(),
            kind,
            digest,
            place: asked.chunks_in,
        };
        asked.chunks_in += u64::from(matches!(kind, AnswerKind::Chunk { .. }));
        self.answers.insert(number, answer);
    }

    /// Ends a request that was answered, or moves the deadline of a stream that goes on.
    fn move_on(&mut self, asks: u64, place: usize, kind: AnswerKind, slow: bool) {
        let Some(asked) = self.asked.get_mut(&asks) else {
            return;
        };
        let leg = &mut asked.legs[place];
        if asked.credit.is_some_and(|credit| asked.chunks_in > credit) {
            self.coverage.count("more chunks than allowed");
            asked.may_end.push(ErrorCode::Overflow);
            asked.over = Some("its callee sent more chunks than were allowed");
            leg.done = true;
            return;
        }
        if asked.stream && slow {
            asked.may_end.push(ErrorCode::Overflow);
        }
        asked.deadline = match (asked.stream, asked.span) {
            (true, Some(span)) => Some(self.now + span),
            _ => asked.deadline,
        };
        leg.done = !matches!(kind, AnswerKind::Chunk { last: false });
        if asked.gathered {
            close_gathered(asked);
        } else if asked.legs[place].done {
            asked.over = Some("it was answered");
        }
    }

    /// Takes in an answer of which nobody knows whether it was accepted.
    pub(super) fn may_have_answered(
        &mut self,
        client: usize,
        delivery: u64,
        kind: AnswerKind,
        (number, digest): (Option<u64>, u64),
    ) {
        let asks = self.clients[client].handed.get(&delivery).map(|(asks, _)| *asks);
        let Some(asked) = asks.and_then(|asks| self.asked.get_mut(&asks)) else {
            return;
        };
        if asked.over.is_none() {
            asked.may_end.push(ErrorCode::OutcomeUnknown);
            self.answered(client, delivery, kind, (number, digest, true));
        }
    }

    /// Takes in an answer that was refused.
    pub(super) fn answer_refused(&mut self, client: usize, delivery: u64, code: ErrorCode) {
        self.coverage.count("answer refused");
        self.sums.refused_answers += 1;
        let Some((number, place)) = self.clients[client].handed.get(&delivery).copied() else {
            return;
        };
        let subjects = [Subject::Client(client), Subject::Message(number)];
        if code == ErrorCode::UnknownDelivery {
            return self.broken("what was handed over is no unknown delivery", &subjects);
        }
        let Some(asked) = self.asked.get_mut(&number).filter(|asked| asked.over.is_none()) else {
            return;
        };
        let ends = matches!(
            code,
            ErrorCode::SchemaViolation
                | ErrorCode::InvalidPayload
                | ErrorCode::PayloadTooLarge
                | ErrorCode::HeadersTooLarge
        );
        asked.may_end.push(code);
        if ends && !asked.gathered {
            asked.legs[place].done = true;
            asked.over = Some("its answer was refused");
        } else if ends {
            asked.legs[place].done = true;
            close_gathered(asked);
        }
    }

    /// Returns the request that an answer is for.
    pub(super) fn asks_of(&self, answer: u64) -> Option<u64> {
        self.answers.get(&answer).map(|answer| answer.asked)
    }

    /// Finds the request of a client to which a message belongs: the first of its id that has not ended.
    fn ask_of(&self, client: usize, id: Id) -> Option<u64> {
        let mut pending = self.clients[client].pending.iter();
        pending
            .find(|number| {
                self.asked
                    .get(number)
                    .is_some_and(|asked| asked.id == id && !asked.ended)
            })
            .copied()
    }

    fn end_ask(&mut self, client: usize, number: u64) {
        self.clients[client].pending.retain(|pending| *pending != number);
        if let Some(asked) = self.asked.get_mut(&number) {
            self.sums.ends += 1;
            asked.ended = true;
            asked.over.get_or_insert(ENDED);
        }
    }

    /// Takes in a reply.
    pub(super) fn reply(&mut self, client: usize, reply: &buslane_protocol::Answer<'_>) {
        self.coverage.count("replied");
        let Some(number) = self.ask_of(client, reply.id) else {
            let promise = format!("a reply to no request in flight: {:?}", reply.id);
            return self.broken(promise, &[Subject::Client(client)]);
        };
        let subjects = [Subject::Client(client), Subject::Message(number)];
        if reply.from == "$bus" {
            return self.end_ask(client, number);
        }
        let answer = number_of(&reply.headers).and_then(|number| self.answers.get(&number));
        let fits = answer.is_some_and(|answer| {
            answer.asked == number
                && answer.kind == AnswerKind::Reply
                && answer.label == reply.from
                && answer.digest == digest(&reply.payload)
        });
        if !fits {
            return self.broken("a reply that is not the answer to this request", &subjects);
        }
        let Some(asked) = self.asked.get_mut(&number) else {
            return;
        };
        if !asked.gathered {
            return self.end_ask(client, number);
        }
        asked.replied += 1;
        self.label_seen(client, number, &reply.from);
    }

    fn label_seen(&mut self, client: usize, number: u64, label: &str) {
        let Some(asked) = self.asked.get_mut(&number) else {
            return;
        };
        let times = asked.labels.entry(label.to_owned()).or_default();
        *times += 1;
        if *times as usize > asked.to.len() {
            let promise = format!("a gathered request has one outcome of each instance: {label} has more");
            self.broken(promise, &[Subject::Client(client), Subject::Message(number)]);
        }
    }

    /// Takes in one part of a stream.
    pub(super) fn chunk(&mut self, client: usize, part: &Part<'_>) {
        self.coverage.count("chunk");
        let Some(number) = self.ask_of(client, part.id) else {
            return self.broken("a chunk for no request in flight", &[Subject::Client(client)]);
        };
        let subjects = [Subject::Client(client), Subject::Message(number)];
        let Some(asked) = self.asked.get_mut(&number) else {
            return;
        };
        let answer = number_of(&part.headers).and_then(|number| self.answers.get(&number));
        let fits = answer.is_some_and(|answer| {
            answer.asked == number
                && matches!(answer.kind, AnswerKind::Chunk { .. })
                && answer.label == part.from
                && answer.place == part.sequence
                && answer.digest == digest(&part.payload)
        });
        if !fits || part.sequence != asked.chunks_out {
            return self.broken("a chunk that is not the next of this stream", &subjects);
        }
        asked.chunks_out += 1;
        if let Some(credit) = asked.credit.filter(|credit| asked.chunks_out > *credit) {
            let promise = format!(
                "credit is never exceeded: {} chunks of {credit}",
                asked.chunks_out
            );
            self.broken(promise, &subjects);
        }
    }

    /// Takes in the end of a stream or of a gathered request.
    pub(super) fn end(&mut self, client: usize, end: &End) {
        self.coverage.count("end");
        let Some(number) = self.ask_of(client, end.id) else {
            return self.broken("the end of no request in flight", &[Subject::Client(client)]);
        };
        let subjects = [Subject::Client(client), Subject::Message(number)];
        let Some(asked) = self.asked.get(&number) else {
            return;
        };
        let fits = if asked.gathered {
            let known = asked
                .expected
                .is_none_or(|expected| end.expected as usize == expected);
            known && end.replied == asked.replied && end.failed == asked.failed
        } else {
            asked.stream && (end.expected, end.replied, end.failed) == (1, 1, 0)
        };
        if !fits || end.expected != end.replied + end.failed {
            let promise = format!(
                "an end counts what came: {end:?}, {} replied, {} failed",
                asked.replied, asked.failed
            );
            return self.broken(promise, &subjects);
        }
        if asked.over.is_none() && asked.expected.is_some() {
            return self.broken("a request ended before everybody had answered", &subjects);
        }
        if asked.over.is_none() && !asked.gathered {
            return self.broken("a stream ended before its last part", &subjects);
        }
        if !asked.gathered && asked.chunks_out != asked.chunks_in {
            return self.broken("a stream ended without all its parts", &subjects);
        }
        self.end_ask(client, number);
    }

    /// Takes in an error that ends a request, or one part of it.
    pub(super) fn failure(&mut self, client: usize, id: Id, refusal: &Refusal) {
        let Some(number) = self.ask_of(client, id) else {
            let promise = format!("an error for no request in flight: {refusal:?}");
            return self.broken(promise, &[Subject::Client(client)]);
        };
        let subjects = [Subject::Client(client), Subject::Message(number)];
        if !self.is_reasonable(number, refusal) {
            return self.broken(format!("a request failed for no reason: {refusal:?}"), &subjects);
        }
        let Some(asked) = self.asked.get_mut(&number) else {
            return;
        };
        self.coverage.count("request failed");
        match &refusal.from {
            Some(from) if asked.gathered => {
                asked.failed += 1;
                let from = from.clone();
                let alone = asked.expected.is_some();
                let named = |leg: &&mut Leg| alone && self.held[leg.held].label() == from;
                asked
                    .legs
                    .iter_mut()
                    .filter(named)
                    .for_each(|leg| leg.done = true);
                close_gathered(asked);
                self.label_seen(client, number, &from);
            }
            _ => self.end_ask(client, number),
        }
    }

    /// Tells whether a request may fail in this way.
    fn is_reasonable(&self, number: u64, refusal: &Refusal) -> bool {
        let asked = &self.asked[&number];
        let problem = &refusal.error;
        if problem.origin == Origin::Service {
            let answer = number_of_problem(problem).and_then(|number| self.answers.get(&number));
            let from_fits = |answer: &Answer| refusal.from.as_ref().is_none_or(|from| *from == answer.label);
            return answer.is_some_and(|answer| {
                answer.asked == number && answer.kind == AnswerKind::Error && from_fits(answer)
            });
        }
        let Some(code) = problem.error_code() else {
            return false;
        };
        let slow = self.is_slow(asked);
        let lost = |label: &String| {
            asked
                .candidates
                .iter()
                .any(|held| !self.held[*held].alive && self.held[*held].label() == *label)
        };
        match (code, &refusal.from) {
            (ErrorCode::Overflow | ErrorCode::Overloaded, _) if slow => true,
            (ErrorCode::MemoryFull, _) => self.starved,
            (ErrorCode::OutcomeUnknown, Some(from)) if asked.gathered => lost(from),
            (ErrorCode::SchemaViolation | ErrorCode::InvalidPayload, Some(_)) if asked.gathered => {
                !asked.valid || asked.may_end.contains(&code)
            }
            (ErrorCode::NoInstance | ErrorCode::UnknownNode | ErrorCode::Draining, Some(from)) => {
                asked.to.iter().any(|target| target.address == *from)
            }
            (code, _) => asked.may_end.contains(&code),
        }
    }
}

/// Why a request is over that the broker ended for a reason of its own.
pub(super) const ENDED: &str = "its end was written";
