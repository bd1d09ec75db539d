//! Answers: replies, chunks and errors of callees. Owns which answer counts: the first, from the connection that got
//! the delivery, and only if it keeps its contract.

use buslane_protocol::{
    Answer, BrokerMessage, Chunk, End, ErrorCode, Failure, Headers, Origin, Part, Payload, Problem, Reply,
};

use crate::ClientId;
use crate::clients::Full;
use crate::ending::Ending;
use crate::engine::Engine;
use crate::parked::{Known, Step};
use crate::pending::{CallKey, CallKind, LegKey};
use crate::validation::Stop;

impl Engine {
    /// Handles a reply.
    #[inline]
    pub(crate) fn reply(&mut self, callee: ClientId, reply: &Reply<'_>, known: &Known) -> Step {
        let Some(key) = self.awaited(callee, reply.delivery) else {
            return Step::Done;
        };
        let mut payload = reply.payload.borrowed();
        match self.check_answer(callee, key, &reply.headers, &mut payload, known) {
            Ok(()) => self.forward_reply(key, &reply.headers, payload),
            Err(Stop::Offload(validator)) => return Step::Offload(validator),
            Err(Stop::Refuse(problem)) => self.refuse_bad_answer(callee, key, reply.delivery, *problem),
        }
        Step::Done
    }

    /// Handles one part of a stream.
    #[inline]
    pub(crate) fn chunk(&mut self, callee: ClientId, chunk: &Chunk<'_>, known: &Known) -> Step {
        let Some(key) = self.awaited(callee, chunk.delivery) else {
            return Step::Done;
        };
        let Some((call, CallKind::Stream { credit, .. })) = self.kind_of(key) else {
            let detail = "the caller did not ask for a stream: answer with one reply";
            self.refuse_answer(
                callee,
                chunk.delivery,
                Problem::new(ErrorCode::UnexpectedStream).detail(detail),
            );
            return Step::Done;
        };
        if chunk.last && chunk.payload.is_absent() {
            self.end_stream(key, call);
            return Step::Done;
        }
        if credit == Some(0) {
            self.overflow_stream(key, "the callee sent more chunks than it had credit for");
            return Step::Done;
        }
        let mut payload = chunk.payload.borrowed();
        match self.check_answer(callee, key, &chunk.headers, &mut payload, known) {
            Ok(()) => self.forward_chunk(key, call, chunk, payload),
            Err(Stop::Offload(validator)) => return Step::Offload(validator),
            Err(Stop::Refuse(problem)) => self.refuse_bad_answer(callee, key, chunk.delivery, *problem),
        }
        Step::Done
    }

    /// Handles an error that a callee answers with.
    pub(crate) fn failure(&mut self, callee: ClientId, failure: Failure) {
        let Some(key) = self.awaited(callee, failure.delivery) else {
            return;
        };
        self.fail_leg(key, of_service(failure.error), Ending::Failed, false);
    }

    /// Finds what an answer is for. An answer that comes late is counted; one to a number that was never handed out on
    /// this connection is refused.
    #[inline]
    fn awaited(&mut self, callee: ClientId, delivery: u64) -> Option<LegKey> {
        let found = self.pending.find_delivery(callee, delivery);
        if found.is_none() {
            let last = self.clients.find(callee).map_or(0, |client| client.deliveries);
            if (1..=last).contains(&delivery) {
                self.ledger.counters.late += 1;
            } else {
                let detail = "answer with the `delivery` of a request that came on this connection";
                self.refuse_answer(
                    callee,
                    delivery,
                    Problem::new(ErrorCode::UnknownDelivery).detail(detail),
                );
            }
        }
        found
    }

    fn kind_of(&self, key: LegKey) -> Option<(CallKey, CallKind)> {
        let call = self.pending.leg(key)?.call;
        Some((call, self.pending.call(call)?.kind))
    }

    /// Holds an answer against the limits, its contract and what its caller can read.
    #[inline]
    fn check_answer(
        &mut self,
        callee: ClientId,
        key: LegKey,
        headers: &Headers<'_>,
        payload: &mut Payload<'_>,
        known: &Known,
    ) -> Result<(), Stop> {
        self.check_size(headers, payload)?;
        let Some(leg) = self.pending.leg(key) else {
            return Ok(());
        };
        let call = leg.call;
        if leg.route.offer.output.is_some() {
            let offer = leg.route.offer.clone();
            if let Some(validator) = &offer.output {
                let address = format!("{}:{}", offer.label, offer.method);
                self.hold_against(validator, payload, known, callee, &address)?;
            }
        }
        match self.pending.call(call) {
            Some(call) => Ok(self.check_json_for(call.caller, payload)?),
            None => Ok(()),
        }
    }

    fn forward_reply(&mut self, key: LegKey, headers: &Headers<'_>, payload: Payload<'_>) {
        let Some(leg) = self.close_leg(key, false) else {
            return;
        };
        let Some(call) = self.pending.call_mut(leg.call) else {
            return;
        };
        let (caller, id) = (call.caller, call.id);
        let gathered = if let CallKind::Gather { replied, .. } = &mut call.kind {
            *replied += 1;
            true
        } else {
            self.close_call(leg.call, Ending::Replied);
            false
        };
        let from = (&*leg.route.offer.label).into();
        self.send(
            caller,
            &BrokerMessage::Reply(Answer {
                id,
                from,
                headers: headers.borrowed(),
                payload,
            }),
        );
        if gathered {
            self.close_gathered(leg.call);
        }
    }

    fn forward_chunk(&mut self, key: LegKey, call: CallKey, chunk: &Chunk<'_>, payload: Payload<'_>) {
        let Some(leg) = self.pending.leg(key) else { return };
        let offer = leg.route.offer.clone();
        let now = self.now;
        let Some(open) = self.pending.call_mut(call) else {
            return;
        };
        let (caller, id) = (open.caller, open.id);
        let CallKind::Stream { sequence, credit } = &mut open.kind else {
            return;
        };
        let part = Part {
            id,
            from: (&*offer.label).into(),
            sequence: *sequence,
            headers: chunk.headers.borrowed(),
            payload,
        };
        *sequence += 1;
        if let Some(credit) = credit {
            *credit -= 1;
        }
        if let Some(deadline) = &mut open.deadline {
            *deadline = now + open.span;
        }
        match self
            .clients
            .offer_new(&mut self.ledger, caller, &BrokerMessage::Chunk(part))
        {
            Ok(()) if chunk.last => self.end_stream(key, call),
            Ok(()) | Err(Full::Gone) => {}
            Err(Full::Lane) => self.overflow_stream(key, "read faster, or ask for fewer chunks by credit"),
            Err(Full::Memory) => {
                let problem = self.memory_full();
                self.fail_leg(key, problem, Ending::Failed, true);
            }
        }
    }

    fn end_stream(&mut self, key: LegKey, call: CallKey) {
        self.close_leg(key, false);
        let Some((caller, id)) = self.pending.call(call).map(|call| (call.caller, call.id)) else {
            return;
        };
        if self.close_call(call, Ending::Streamed) {
            let end = End {
                id,
                expected: 1,
                replied: 1,
                failed: 0,
            };
            self.send(caller, &BrokerMessage::End(end));
        }
    }

    fn overflow_stream(&mut self, key: LegKey, detail: &str) {
        let problem = Problem::new(ErrorCode::Overflow).detail(detail);
        self.fail_leg(key, problem, Ending::Overflowed, true);
    }

    /// Refuses an answer that its caller cannot get, and tells both: there will be no other.
    fn refuse_bad_answer(&mut self, callee: ClientId, key: LegKey, delivery: u64, problem: Problem) {
        let mut told = problem.clone();
        let label = self
            .pending
            .leg(key)
            .map(|leg| leg.route.offer.label.clone())
            .unwrap_or_default();
        told.detail = Some(match told.detail {
            Some(detail) => format!("the answer of {label} was refused: {detail}"),
            None => format!("the answer of {label} was refused"),
        });
        self.refuse_answer(callee, delivery, problem);
        self.fail_leg(key, told, Ending::Failed, false);
    }
}

/// Makes a callee's error what its caller gets: the service's own, whatever it says about itself.
fn of_service(mut error: Problem) -> Problem {
    if error.title.is_empty() {
        error.title = ErrorCode::ServiceError.title().into();
    }
    if !(400..600).contains(&error.status) {
        error.status = ErrorCode::ServiceError.status();
    }
    error.from_origin(Origin::Service)
}
