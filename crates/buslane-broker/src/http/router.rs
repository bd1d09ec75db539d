//! Leads a request to whoever answers it: finds the route by the path, and refuses what the route does not take before
//! anybody looks at the rest.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;

use buslane_protocol::{ErrorCode, Problem};
use hyper::body::Body as _;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response};

use super::accept::choose;
use super::api::ROUTES;
use super::body;
use super::cors;
use super::exchange::Exchange;
use super::percent::decode;
use super::problem::{refusal, shown};
use super::query::{Parameter, Query};
use super::response::Body;
use crate::driver::{Hub, Origin};

/// What a path answers.
pub(super) struct Route {
    /// The name under which it is counted.
    pub(super) name: &'static str,
    /// Its path: `{name}` takes one segment, `{name...}` one or more.
    pub(super) path: &'static str,
    /// How it is asked.
    pub(super) verb: Verb,
    /// What may stand behind the `?`.
    pub(super) query: &'static [Parameter],
    /// The media types in which it answers, the preferred first; none where that depends on the request.
    pub(super) produces: &'static [&'static str],
    /// Whether its answer lasts until the other side goes away or the broker ends, which waits for others.
    pub(super) lasts: bool,
    /// Gives the answer.
    pub(super) handle: fn(Exchange) -> Handling,
}

/// An answer that comes.
pub(super) type Handling = Pin<Box<dyn Future<Output = Result<Response<Body>, Problem>>>>;

/// How a route is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// It tells something, and changes nothing.
    Get,
    /// It waits for something that comes once: asking for the head alone would take it away.
    Wait,
    /// It does something.
    Post,
}

/// A path that fits a route, with what stands where the route's path has names in braces.
struct Match {
    route: &'static Route,
    captured: Result<Vec<String>, Box<Problem>>,
}

impl Verb {
    fn allowed(self) -> &'static str {
        match self {
            Verb::Get => "GET, HEAD, OPTIONS",
            Verb::Wait => "GET, OPTIONS",
            Verb::Post => "POST, OPTIONS",
        }
    }

    fn takes(self, method: &Method) -> bool {
        match self {
            Verb::Get => matches!(*method, Method::GET | Method::HEAD),
            Verb::Wait => *method == Method::GET,
            Verb::Post => *method == Method::POST,
        }
    }
}

/// Answers a request whose path belongs to the API. Returns the name under which the answer is counted.
pub(super) async fn respond(
    hub: &Rc<Hub>,
    origin: &Origin,
    request: Request<Incoming>,
) -> (Response<Body>, &'static str) {
    let is_read = Rc::new(Cell::new(request.body().is_end_stream()));
    let (mut response, name) = lead(hub, origin, request, &is_read).await;
    if !is_read.get() {
        // Nobody reads a body that is not wanted only to find the next request behind it.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    (response, name)
}

async fn lead(
    hub: &Rc<Hub>,
    origin: &Origin,
    request: Request<Incoming>,
    is_read: &Rc<Cell<bool>>,
) -> (Response<Body>, &'static str) {
    let Some(found) = find(ROUTES, request.uri().path()) else {
        return (refusal(&nowhere(request.uri().path())), NOWHERE);
    };
    let route = found.route;
    if *request.method() == Method::OPTIONS {
        let options = cors::options(request.headers(), route.verb.allowed());
        return (options, route.name);
    }
    if !route.verb.takes(request.method()) {
        return (method_not_allowed(route.verb.allowed()), route.name);
    }
    let is_read = Rc::clone(is_read);
    let response = match prepare(hub, origin, request, found, is_read) {
        Ok(exchange) => attend(exchange, route).await,
        Err(problem) => refusal(&problem),
    };
    (response, route.name)
}

/// Tells whether a path is the API's, whether or not there is something at it.
pub(super) fn is_api(path: &str) -> bool {
    path.starts_with(BASE) || ROUTES.iter().any(|route| route.path == path)
}

/// Refuses a method, naming those that there are.
pub(super) fn method_not_allowed(allowed: &'static str) -> Response<Body> {
    let detail = format!("this path answers {allowed}");
    let mut response = refusal(&Problem::new(ErrorCode::MethodNotAllowed).detail(detail));
    let allowed = HeaderValue::from_static(allowed);
    response.headers_mut().insert(ALLOW, allowed);
    response
}

/// Makes the problem of a path with nothing at it.
pub(super) fn nowhere(path: &str) -> Problem {
    let problem = Problem::new(ErrorCode::NotFound).about(shown(path));
    if path.starts_with(BASE) {
        return problem.detail("the API here is /api/v1, and its paths are in /openapi.json");
    }
    problem
}

fn prepare(
    hub: &Rc<Hub>,
    origin: &Origin,
    request: Request<Incoming>,
    found: Match,
    is_read: Rc<Cell<bool>>,
) -> Result<Exchange, Problem> {
    let Match { route, captured } = found;
    let (head, body) = request.into_parts();
    let query = Query::parse(head.uri.query().unwrap_or_default(), route.query)?;
    accept(&head.headers, route)?;
    if route.verb != Verb::Post {
        body::refuse(&body)?;
    }
    if hub.is_draining() {
        return Err(Problem::new(ErrorCode::Draining).detail("the broker is shutting down; try again later"));
    }
    Ok(Exchange {
        hub: Rc::clone(hub),
        origin: origin.clone(),
        headers: head.headers,
        body,
        is_read,
        captured: captured.map_err(|problem| *problem)?,
        query,
    })
}

fn accept(headers: &HeaderMap, route: &Route) -> Result<(), Problem> {
    if route.produces.is_empty() {
        return Ok(());
    }
    choose(headers, route.produces).map(drop)
}

/// Has a request answered. The broker does not end before it is, unless the answer lasts.
async fn attend(exchange: Exchange, route: &Route) -> Response<Body> {
    let busy = (!route.lasts).then(|| exchange.hub.begin_exchange());
    match (route.handle)(exchange).await {
        Ok(mut response) => {
            response.body_mut().hold(busy);
            response
        }
        Err(problem) => refusal(&problem),
    }
}

fn find(routes: &'static [Route], path: &str) -> Option<Match> {
    routes.iter().find_map(|route| {
        let captured = fit(route.path, path)?;
        let decoded: Result<Vec<_>, _> = captured
            .into_iter()
            .map(|(name, text)| read(name, text))
            .collect();
        Some(Match {
            route,
            captured: decoded,
        })
    })
}

/// Holds a path against a pattern. Returns what stands where the pattern has names in braces, as it was written.
fn fit<'a>(pattern: &'static str, path: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let mut captured = Vec::new();
    let mut rest = Some(path);
    for part in pattern.split('/') {
        let text = rest?;
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix("...}")) {
            captured.push((name, text));
            return (!text.is_empty()).then_some(captured);
        }
        let (segment, behind) = text
            .split_once('/')
            .map_or((text, None), |(segment, behind)| (segment, Some(behind)));
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => captured.push((name, segment)),
            Some(_) => return None,
            None if part != segment => return None,
            None => {}
        }
        rest = behind;
    }
    rest.is_none().then_some(captured)
}

/// Decodes what stands in a path under a name.
fn read(name: &str, text: &str) -> Result<String, Box<Problem>> {
    let code = match name {
        "topic" => ErrorCode::InvalidTopic,
        "address" => ErrorCode::InvalidAddress,
        _ => ErrorCode::InvalidName,
    };
    let decoded = decode(text).map_err(|error| Problem::new(code).detail(error).about(shown(text)))?;
    Ok(decoded.into_owned())
}

/// What every path of the API begins with.
const BASE: &str = "/api/";
/// The name under which requests to nowhere are counted.
const NOWHERE: &str = "api_unknown";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<(&'static str, Vec<String>)> {
        let found = find(ROUTES, path)?;
        Some((found.route.name, found.captured.unwrap()))
    }

    fn captured(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[test]
    fn paths_lead_to_their_routes() {
        assert_eq!(found("/api/v1/publish/a/b"), Some(("publish", captured("a/b"))));
        assert_eq!(found("/api/v1/publish/a%2Fb"), Some(("publish", captured("a/b"))));
        assert_eq!(
            found("/api/v1/request/n/s%23i:m"),
            Some(("request", captured("n/s#i:m")))
        );
        assert_eq!(found("/api/v1/request"), Some(("request_many", Vec::new())));
        assert_eq!(found("/api/v1/services"), Some(("services", Vec::new())));
        assert_eq!(
            found("/api/v1/services/a/schemas"),
            Some(("service_schemas", captured("a")))
        );
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "/api/v1",
            "/api/v1/",
            "/api/v2/services",
            "/api/v1/services/",
            "/api/v1/services/a/b",
            "/api/v1/publish",
            "/api/v1/publish/",
            "/api/v1/Services",
            "//api/v1/services",
            "",
        ] {
            assert!(found(path).is_none(), "{path}");
        }
    }

    #[test]
    fn names_that_cannot_be_decoded_are_refused_as_what_they_stand_for() {
        for (path, code) in [
            ("/api/v1/publish/%zz", "invalid_topic"),
            ("/api/v1/request/%ff", "invalid_address"),
            ("/api/v1/services/%2", "invalid_name"),
        ] {
            let problem = find(ROUTES, path).unwrap().captured.unwrap_err();
            assert_eq!(problem.code, code);
        }
    }

    #[test]
    fn every_route_has_a_name_and_a_path_of_its_own() {
        for (index, route) in ROUTES.iter().enumerate() {
            assert!(route.path.starts_with('/'), "{}", route.name);
            for other in &ROUTES[..index] {
                assert!(
                    route.name != other.name && route.path != other.path,
                    "{}",
                    route.name
                );
            }
        }
    }
}
