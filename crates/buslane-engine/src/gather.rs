//! Gathered requests: to a group, to every instance, to several addresses. Owns whom they reach, which is fixed when
//! they are accepted; each gives one labelled outcome, then comes `end`.

use std::time::Duration;

use buslane_protocol::{Address, BUS_SERVICE, Destination, ErrorCode, Payload, Problem, Request, Targets};

use crate::ClientId;
use crate::engine::Engine;
use crate::memory::Category;
use crate::parked::Known;
use crate::pending::{Call, CallKey, CallKind, Pending};
use crate::registry::Route;
use crate::request::missed;
use crate::validation::Stop;

/// One outcome that a gathered request will have.
struct Target<'a> {
    address: &'a Address<'a>,
    reach: Reach,
}

enum Reach {
    /// An instance.
    Instance(Route),
    /// The broker itself.
    Broker,
    /// Nobody: who or what failed, and why.
    Nobody(String, Box<Problem>),
}

impl Engine {
    /// Accepts a gathered request, or refuses it as a whole.
    pub(crate) fn gather(
        &mut self,
        caller: ClientId,
        request: &Request<'_>,
        known: &Known,
        span: Option<Duration>,
    ) -> Result<(), Stop> {
        if request.stream {
            let detail = "a stream comes from one instance: address one, or leave `stream` out";
            return Err(Problem::new(ErrorCode::InvalidMessage).detail(detail).into());
        }
        let mut targets = self.targets(caller, request)?;
        let mut payload = request.payload.borrowed();
        for target in &mut targets {
            let Reach::Instance(route) = &target.reach else {
                continue;
            };
            self.check_json_for(route.client, &mut payload)?;
            let Some(validator) = route.offer.input.clone() else {
                continue;
            };
            let mut own = request.payload.borrowed();
            match self.hold_against(&validator, &mut own, known, caller, target.address.as_str()) {
                Ok(()) => payload.kind = own.kind,
                Err(Stop::Refuse(problem)) => {
                    target.reach = Reach::Nobody(route.offer.label.to_string(), problem);
                }
                Err(offload) => return Err(offload),
            }
        }
        let bytes = Pending::CALL_BYTES + targets.len() * Pending::LEG_BYTES;
        if !self.ledger.charge(Category::Requests, bytes) {
            return Err(self.memory_full().into());
        }
        let kind = CallKind::Gather {
            expected: targets.len() as u32,
            replied: 0,
            failed: 0,
        };
        let call = Call::new(caller, request.id, kind, self.now, span);
        match self.open_call(call) {
            Some(key) => {
                for target in targets {
                    self.reach(key, caller, request, &payload, target, span);
                }
                self.close_gathered(key);
            }
            None => self.ledger.release(Category::Requests, bytes),
        }
        Ok(())
    }

    /// Fixes whom a request reaches. A group or `*` that nobody answers to refuses the request if it is alone, and is
    /// one failed outcome beside others.
    fn targets<'a>(&mut self, caller: ClientId, request: &'a Request<'_>) -> Result<Vec<Target<'a>>, Stop> {
        let alone = matches!(request.to, Targets::One(_));
        let mut targets = Vec::new();
        let mut routes = Vec::new();
        for address in request.to.as_slice() {
            let found = self
                .check_address(caller, address)
                .and_then(|()| self.routes(address, &mut routes));
            match found {
                Ok(()) if routes.is_empty() => targets.push(Target {
                    address,
                    reach: Reach::Broker,
                }),
                Ok(()) => {
                    let reach = routes.drain(..).map(|route| Target {
                        address,
                        reach: Reach::Instance(route),
                    });
                    targets.extend(reach);
                }
                Err(problem) => {
                    let problem = self.report_miss(caller, request, address, problem);
                    if alone {
                        return Err(problem.into());
                    }
                    targets.push(Target {
                        address,
                        reach: Reach::Nobody(address.as_str().to_owned(), problem),
                    });
                }
            }
        }
        Ok(targets)
    }

    /// Appends the routes that an address means; none for the broker's own service.
    fn routes(&mut self, address: &Address<'_>, routes: &mut Vec<Route>) -> Result<(), Box<Problem>> {
        let method = address.method();
        let found = match address.destination() {
            Destination::Service(BUS_SERVICE) => Ok(()),
            Destination::Group(group) => self.registry.choose_group(group, method, routes),
            Destination::Every => self.registry.choose_every(method, routes),
            Destination::Service(_) | Destination::Instance { .. } => {
                routes.push(self.choose(address)?);
                Ok(())
            }
        };
        found.map_err(|miss| missed(miss, address).into())
    }

    /// Asks one of those that a gathered request reaches, or notes at once how that failed.
    fn reach(
        &mut self,
        key: CallKey,
        caller: ClientId,
        request: &Request<'_>,
        payload: &Payload<'_>,
        target: Target<'_>,
        span: Option<Duration>,
    ) {
        let Target { address, reach } = target;
        let outcome = match reach {
            Reach::Instance(route) => match self.invoke(caller, request, address, payload, &route, span) {
                Ok(()) => return self.open_leg(key, route),
                Err(problem) => Err((route.offer.label.to_string(), problem)),
            },
            Reach::Broker => match self.answer_as_broker(address.method(), &request.payload) {
                Ok(output) => Ok(output),
                Err(problem) => Err((BUS_SERVICE.to_owned(), problem.into())),
            },
            Reach::Nobody(from, problem) => Err((from, problem)),
        };
        self.ledger.release(Category::Requests, Pending::LEG_BYTES);
        match outcome {
            Ok(output) => self.gathered_reply(key, request.id, caller, &output),
            Err((from, problem)) => self.gathered_failure(key, from, *problem),
        }
    }
}
