//! Requests: what is accepted, to which instance it goes, and how that instance gets it. Gathered requests are in
//! `gather.rs`, answers in `reply.rs`, ends in `ending.rs`.

use std::time::Duration;

use buslane_protocol::{
    Address, BUS_SERVICE, BrokerMessage, Deadline, Destination, Encoding, ErrorCode, Headers, HeadersBuf,
    HeadersError, Invocation, Payload, PayloadKind, Problem, Request, Targets,
};

use crate::ClientId;
use crate::clients::Full;
use crate::connect::draining;
use crate::engine::{Engine, Timer};
use crate::memory::Category;
use crate::parked::{Known, Step};
use crate::pending::{Call, CallKey, CallKind, Pending};
use crate::policy::Action;
use crate::registry::{InstanceKey, Miss, Route};
use crate::unhandled::Unhandled;
use crate::validation::Stop;

impl Engine {
    /// Handles a request.
    #[inline]
    pub(crate) fn request(&mut self, id: ClientId, request: &Request<'_>, known: &Known) -> Step {
        match self.try_request(id, request, known) {
            Ok(()) => {}
            Err(Stop::Refuse(problem)) => self.refuse_message(id, Some(request.id), *problem),
            Err(Stop::Offload(validator)) => return Step::Offload(validator),
        }
        Step::Done
    }

    fn try_request(&mut self, caller: ClientId, request: &Request<'_>, known: &Known) -> Result<(), Stop> {
        let span = self.check_request(caller, request)?;
        match &request.to {
            Targets::One(address) => match address.destination() {
                Destination::Service(BUS_SERVICE) => self.ask_broker(caller, request, address),
                Destination::Service(_) | Destination::Instance { .. } => {
                    self.ask_one(caller, request, address, known, span)
                }
                Destination::Group(_) | Destination::Every => self.gather(caller, request, known, span),
            },
            Targets::Several(_) => self.gather(caller, request, known, span),
        }
    }

    /// Checks everything about a request but its targets. Returns how long it may take.
    fn check_request(
        &self,
        caller: ClientId,
        request: &Request<'_>,
    ) -> Result<Option<Duration>, Box<Problem>> {
        if self.draining.is_some() {
            return Err(draining().into());
        }
        if self.pending.find(caller, &request.id).is_some() {
            let detail = "wait for the end of the request with this id, or choose another id";
            return Err(Problem::new(ErrorCode::DuplicateId).detail(detail).into());
        }
        let (limit, held) = (
            self.config.limits.requests,
            self.clients.find(caller).map_or(0, |c| c.calls.count()),
        );
        if held >= limit {
            let detail = format!("a client may have {limit} requests in flight; wait for some to end");
            return Err(Problem::new(ErrorCode::TooManyRequests).detail(detail).into());
        }
        self.check_size(&request.headers, &request.payload)?;
        if request.credit > 0 && !request.stream {
            return Err(invalid("`credit` is for requests with `stream`").into());
        }
        self.span(request).map_err(Box::new)
    }

    /// Returns how long a request may take; `None` for a stream without bound.
    fn span(&self, request: &Request<'_>) -> Result<Option<Duration>, Problem> {
        let limits = &self.config.limits;
        match request.deadline {
            Deadline::Default => Ok(Some(limits.default_deadline)),
            Deadline::Never if request.stream => Ok(None),
            Deadline::Never => Err(invalid("`expires_in_ms: null` is for requests with `stream`")),
            Deadline::After(0) => Err(invalid("`expires_in_ms` is at least 1")),
            Deadline::After(ms) => {
                let span = Duration::from_millis(u64::from(ms));
                let longest = limits.longest_deadline;
                if span <= longest {
                    return Ok(Some(span));
                }
                Err(invalid(&format!(
                    "`expires_in_ms` is at most {}",
                    longest.as_millis()
                )))
            }
        }
    }

    /// Checks that an address is on this broker and may be called.
    pub(crate) fn check_address(&self, caller: ClientId, address: &Address<'_>) -> Result<(), Box<Problem>> {
        match address.node() {
            Some(node) if node != self.config.node.as_str() => {
                let detail = format!("this broker is {} and has no link to {node}", self.config.node);
                Err(Problem::new(ErrorCode::UnknownNode)
                    .about(address)
                    .detail(detail)
                    .into())
            }
            _ => self.decide(caller, Action::Request(address)),
        }
    }

    fn ask_one(
        &mut self,
        caller: ClientId,
        request: &Request<'_>,
        address: &Address<'_>,
        known: &Known,
        span: Option<Duration>,
    ) -> Result<(), Stop> {
        let route = self
            .check_address(caller, address)
            .and_then(|()| self.choose(address))
            .map_err(|problem| self.report_miss(caller, request, address, problem))?;
        let mut payload = request.payload.borrowed();
        if let Some(validator) = &route.offer.input {
            self.hold_against(validator, &mut payload, known, caller, address.as_str())?;
        }
        self.check_json_for(route.client, &mut payload)?;
        if !self.ledger.charge(Category::Requests, ONE_BYTES) {
            return Err(self.memory_full().into());
        }
        if let Err(problem) = self.invoke(caller, request, address, &payload, &route, span) {
            self.ledger.release(Category::Requests, ONE_BYTES);
            return Err(problem.into());
        }
        let kind = match request.stream {
            true => CallKind::Stream {
                sequence: 0,
                credit: credit(request),
            },
            false => CallKind::Single,
        };
        let call = Call::new(caller, request.id, kind, self.now, span);
        if let Some(key) = self.open_call(call) {
            self.open_leg(key, route);
        }
        Ok(())
    }

    /// Counts a request, or a part of one, that nobody handles, and tells whoever wants to know.
    pub(crate) fn report_miss(
        &mut self,
        caller: ClientId,
        request: &Request<'_>,
        address: &Address<'_>,
        problem: Box<Problem>,
    ) -> Box<Problem> {
        if let Some(reason) = Unhandled::of(&problem) {
            self.report_unhandled(reason, address.as_str(), caller, "request", Some(request.id));
        }
        problem
    }

    /// Chooses the one instance that an address means.
    pub(crate) fn choose(&mut self, address: &Address<'_>) -> Result<Route, Box<Problem>> {
        let chosen = match address.destination() {
            Destination::Service(service) => self.registry.choose(service, address.method()),
            Destination::Instance { service, instance } => {
                self.registry.choose_instance(service, instance, address.method())
            }
            Destination::Group(_) | Destination::Every => Err(Miss::Unknown),
        };
        chosen.map_err(|miss| missed(miss, address).into())
    }

    /// Checks that a payload is JSON, if its receiver reads JSON text and nobody checked it before.
    pub(crate) fn check_json_for(
        &self,
        receiver: ClientId,
        payload: &mut Payload<'_>,
    ) -> Result<(), Box<Problem>> {
        if payload.kind == PayloadKind::Json
            && self
                .clients
                .framing(receiver)
                .is_some_and(|framing| framing.encoding() == Encoding::Json)
        {
            payload
                .ensure_json()
                .map_err(|error| Problem::new(error.code()).detail(error))?;
        }
        Ok(())
    }

    /// Hands a request to an instance, under the number after the last one of its client.
    pub(crate) fn invoke(
        &mut self,
        caller: ClientId,
        request: &Request<'_>,
        address: &Address<'_>,
        payload: &Payload<'_>,
        route: &Route,
        span: Option<Duration>,
    ) -> Result<(), Box<Problem>> {
        let (Some(client), Some(callee)) = (self.clients.find(caller), self.clients.find(route.client))
        else {
            return Err(missed(Miss::Unknown, address).into());
        };
        let from = client.from.clone();
        let headers = if self.leaves_doubt(route.client, &callee.registrations, address) {
            naming_callee(&request.headers, &route.offer.label)?
        } else {
            request.headers.borrowed()
        };
        let message = BrokerMessage::Request(Invocation {
            delivery: callee.deliveries + 1,
            id: Some(request.id),
            from: (&*from).into(),
            to: address.borrowed(),
            headers,
            payload: payload.borrowed(),
            expires_in_ms: span.map(|span| u32::try_from(span.as_millis()).unwrap_or(u32::MAX)),
            attempt: 1,
            stream: request.stream,
            credit: request.credit,
        });
        match self.clients.offer_new(&mut self.ledger, route.client, &message) {
            Ok(()) => {
                self.lineages
                    .note_call(route.offer.callers, caller, &self.clients);
                Ok(())
            }
            Err(Full::Gone) => Err(missed(Miss::Unknown, address).into()),
            Err(Full::Memory) => Err(self.memory_full().into()),
            Err(Full::Lane) => {
                let detail = format!(
                    "{} does not read its requests; try again later",
                    route.offer.label
                );
                Err(Problem::new(ErrorCode::Overloaded)
                    .about(address)
                    .detail(detail)
                    .into())
            }
        }
    }

    /// Tells whether an address may mean more than one of a client's registrations.
    fn leaves_doubt(&self, client: ClientId, registrations: &[InstanceKey], address: &Address<'_>) -> bool {
        if registrations.len() < 2 {
            return false;
        }
        match address.destination() {
            Destination::Instance { .. } => false,
            Destination::Group(_) | Destination::Every => true,
            Destination::Service(service) => self.registry.has_several(service, client, registrations),
        }
    }

    /// Adds an accepted request to those in flight and sets its deadline.
    pub(crate) fn open_call(&mut self, call: Call) -> Option<CallKey> {
        let (caller, deadline) = (call.caller, call.deadline);
        let owner = &mut self.clients.find_mut(caller)?.calls;
        let key = self.pending.add_call(owner, call);
        self.ledger.counters.requests_accepted += 1;
        if let Some(deadline) = deadline {
            let timer = self.timers.insert(deadline, Timer::Call(key));
            if let Some(call) = self.pending.call_mut(key) {
                call.timer = Some(timer);
            }
        }
        Some(key)
    }

    /// Notes that an instance was handed a request.
    pub(crate) fn open_leg(&mut self, call: CallKey, route: Route) {
        let Some(callee) = self.clients.find_mut(route.client) else {
            return;
        };
        callee.deliveries += 1;
        if let Some(instance) = self.registry.instance_mut(route.instance) {
            instance.outstanding += 1;
        }
        self.registry.mark_used(route.instance);
        self.pending
            .add_leg(&mut callee.legs, call, route, callee.deliveries);
    }
}

/// Adds which instance is meant, for a client that could not tell.
fn naming_callee(headers: &Headers<'_>, label: &str) -> Result<Headers<'static>, Box<Problem>> {
    with_header(headers, Headers::CALLEE, label)
        .map_err(|error| Problem::new(ErrorCode::HeadersTooLarge).detail(error).into())
}

/// Adds a member of the broker's own to a message's headers.
pub(crate) fn with_header(
    headers: &Headers<'_>,
    name: &str,
    value: &str,
) -> Result<Headers<'static>, HeadersError> {
    let mut headers = HeadersBuf::from_headers(headers);
    headers.push(name, value)?;
    Ok(headers.finish())
}

/// Makes the refusal of an address that nobody answers to.
pub(crate) fn missed(miss: Miss, address: &Address<'_>) -> Problem {
    let (code, detail) = match miss {
        Miss::Unknown => (
            ErrorCode::NoInstance,
            "nobody is registered there; ask $bus:services who is",
        ),
        Miss::NoMethod => (
            ErrorCode::NoInstance,
            "the service is there, but offers no such method; ask $bus:describe",
        ),
        Miss::Draining => (
            ErrorCode::Draining,
            "the only instance is finishing what it has and takes nothing new",
        ),
    };
    Problem::new(code).about(address).detail(detail)
}

/// Returns how many chunks a caller takes before it gives credit; `None` for any number.
fn credit(request: &Request<'_>) -> Option<u64> {
    (request.credit > 0).then(|| u64::from(request.credit))
}

fn invalid(detail: &str) -> Problem {
    Problem::new(ErrorCode::InvalidMessage).detail(detail)
}

/// Bytes charged for a request to one instance.
const ONE_BYTES: usize = Pending::CALL_BYTES + Pending::LEG_BYTES;
