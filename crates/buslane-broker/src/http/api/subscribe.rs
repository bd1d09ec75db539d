//! `GET /subscribe`: deliveries as they come, as server-sent events or JSON lines, which a reader can take up again.

use std::collections::VecDeque;
use std::rc::Rc;

use buslane_engine::CloseReason;
use buslane_protocol::{
    BrokerMessage, ClientMessage, ErrorCode, Filter, Id, Name, Overflow, Problem, Subscribe,
};
use hyper::header::HeaderName;
use hyper::{Response, StatusCode};

use super::ask::ended;
use super::feed::{Feed, FeedId, Feeds, Place, Plan, Reading};
use super::sse::{Form, Format, Framing};
use crate::driver::{Frame, InProcess};
use crate::http::exchange::{Exchange, single};
use crate::http::media_type::{EVENTS, LINES};
use crate::http::problem::{invalid, shown};
use crate::http::query::{Parameter, Query, wrong};
use crate::http::response::{Body, answer, set};

/// The parameters that the path takes.
pub(in crate::http) const PARAMETERS: &[Parameter] = &[
    Parameter::many(FILTER),
    Parameter::once("shared"),
    Parameter::once("overflow"),
    Parameter::once("format"),
    Parameter::once("last_event_id"),
];

/// Answers with a feed: a new one, or one that a reader comes back to.
pub(in crate::http) async fn subscribe(exchange: Exchange) -> Result<Response<Body>, Problem> {
    let plan = plan(&exchange)?;
    let reading = match last_place(&exchange)? {
        None => begin(&exchange, plan, false).await?,
        Some(place) => match exchange.hub.feeds.find(place.feed) {
            Some(feed) => go_on(&exchange, feed, &plan, place)?,
            None => begin(&exchange, plan, true).await?,
        },
    };
    Ok(reading)
}

/// Reads which topics are subscribed to.
pub(super) fn filters(query: &Query) -> Result<Vec<Filter<'static>>, Problem> {
    let parse = |text: &str| {
        let filter = Filter::parse(text.to_owned());
        filter.map_err(|error| {
            Problem::new(ErrorCode::InvalidFilter)
                .detail(format_args!("{error}; in a URL write # as %23"))
                .about(shown(text))
        })
    };
    let mut filters = query.all(FILTER).map(parse).collect::<Result<Vec<_>, _>>()?;
    if filters.is_empty() {
        return Err(invalid(
            "the query parameter filter is missing: name the topics, as in filter=host/+/cpu",
        ));
    }
    filters.sort();
    filters.dedup();
    Ok(filters)
}

/// Subscribes a client to filters, and returns what came meanwhile.
pub(super) async fn subscribe_to(
    client: &mut InProcess,
    filters: &[Filter<'static>],
    shared: Option<&Name>,
    overflow: Overflow,
) -> Result<VecDeque<Frame>, Problem> {
    let mut early = VecDeque::new();
    for filter in filters {
        let id = Id::parse(SUBSCRIPTION).expect("the word is an id");
        let subscribe = Subscribe {
            id: Some(id),
            filter: filter.clone(),
            shared: shared.cloned(),
            overflow,
            credit: None,
        };
        client
            .send(ClientMessage::Subscribe(subscribe))
            .await
            .map_err(lost)?;
        loop {
            let frame = client.next().await.map_err(lost)?;
            match frame.message() {
                BrokerMessage::Subscribed(_) => break,
                BrokerMessage::Error(refusal) => return Err(refusal.error),
                _ => {}
            }
            early.push_back(frame);
        }
    }
    Ok(early)
}

/// Makes the problem of a client that ended before its answer.
pub(super) fn lost(reason: CloseReason) -> Problem {
    Problem::new(match reason {
        CloseReason::Shutdown => ErrorCode::Draining,
        reason => ended(reason),
    })
}

fn plan(exchange: &Exchange) -> Result<Plan, Problem> {
    let query = &exchange.query;
    let framing = match exchange.accepted(&[EVENTS, LINES])? {
        LINES => Framing::Lines,
        _ => Framing::Events,
    };
    let format = match query.find("format") {
        None | Some("envelope") => Format::Envelope,
        Some("cloudevents") => Format::CloudEvents,
        Some(other) => return Err(wrong("format", "envelope or cloudevents", other)),
    };
    let overflow = match query.find("overflow") {
        None | Some("drop_oldest") => Overflow::DropOldest,
        Some("drop_newest") => Overflow::DropNewest,
        Some("disconnect") => Overflow::Disconnect,
        Some(other) => return Err(wrong("overflow", "drop_oldest, drop_newest or disconnect", other)),
    };
    let shared = query.find("shared").map(Name::parse).transpose();
    Ok(Plan {
        filters: filters(query)?,
        shared: shared.map_err(|error| Problem::new(ErrorCode::InvalidName).detail(error))?,
        overflow,
        form: Form { framing, format },
    })
}

/// Finds out where a reader comes back to. The parameter is for those who cannot set headers.
fn last_place(exchange: &Exchange) -> Result<Option<Place>, Problem> {
    let header = single(&exchange.headers, LAST_EVENT_ID)?;
    let text = header.or_else(|| exchange.query.find("last_event_id"));
    text.filter(|text| !text.is_empty()).map(Place::parse).transpose()
}

async fn begin(exchange: &Exchange, plan: Plan, replaces_unknown: bool) -> Result<Response<Body>, Problem> {
    let hub = &exchange.hub;
    let mut client = exchange.join()?;
    let early = subscribe_to(&mut client, &plan.filters, plan.shared.as_ref(), plan.overflow).await?;
    let id = FeedId::random()?;
    let feed = Rc::new(Feed::new(
        id,
        plan,
        &hub.node,
        (client, early),
        hub.feeds.account(),
    ));
    Feeds::insert(hub, &feed);
    let reading = Reading::begin(hub, Rc::clone(&feed), replaces_unknown);
    Ok(respond(&feed, reading))
}

fn go_on(exchange: &Exchange, feed: Rc<Feed>, plan: &Plan, place: Place) -> Result<Response<Body>, Problem> {
    if feed.plan != *plan {
        return Err(invalid(
            "the feed was opened with another filter, shared, overflow, format or Accept: \
             ask for the same, or leave out the last event's id",
        ));
    }
    let resumption = feed.resume(place.position).ok_or_else(|| {
        Problem::new(ErrorCode::InvalidId)
            .detail("the feed has not come so far: show the last id that it gave")
    })?;
    let reading = Reading::go_on(&exchange.hub, Rc::clone(&feed), resumption);
    Ok(respond(&feed, reading))
}

fn respond(feed: &Feed, reading: Reading) -> Response<Body> {
    let mut response = answer(StatusCode::OK, feed.plan.form.media_type(), Body::stream(reading));
    set(&mut response, HeaderName::from_static(FEED), &feed.id.to_string());
    response
}

/// The parameter that names topics.
pub(super) const FILTER: &str = "filter";
/// The header with which browsers come back.
const LAST_EVENT_ID: &str = "last-event-id";
/// The header that tells the feed's name.
const FEED: &str = "buslane-feed";
/// What the client calls its subscriptions.
const SUBSCRIPTION: &str = "subscription";
