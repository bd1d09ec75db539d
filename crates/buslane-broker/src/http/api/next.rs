//! `GET /next`: waits for one message and answers with it, as a CloudEvent in binary or in structured mode.

use std::time::Duration;

use buslane_protocol::{BrokerMessage, Headers, HeadersBuf, Overflow, Problem};
use hyper::header::HeaderName;
use hyper::{Response, StatusCode};
use tokio::time::timeout;

use super::ask::FROM;
use super::subscribe::{FILTER, filters, lost, subscribe_to};
use crate::clock::new_id;
use crate::driver::{Frame, InProcess};
use crate::http::cloud_events::CloudEvent;
use crate::http::exchange::Exchange;
use crate::http::media_type::{BYTES, CLOUD_EVENT, JSON};
use crate::http::message_headers;
use crate::http::query::Parameter;
use crate::http::response::{Body, nothing, payload, set};

/// The parameters that the path takes.
pub(in crate::http) const PARAMETERS: &[Parameter] = &[Parameter::many(FILTER), Parameter::once("timeout")];

/// Answers with the next message, or with nothing if none comes in time.
pub(in crate::http) async fn next(exchange: Exchange) -> Result<Response<Body>, Problem> {
    // Of what type the message will be is not known: JSON stands for whatever it is, and nothing is refused here.
    let is_structured = exchange
        .accepted(&[JSON, CLOUD_EVENT])
        .is_ok_and(|chosen| chosen == CLOUD_EVENT);
    let filters = filters(&exchange.query)?;
    let longest = exchange.hub.limits.longest_deadline;
    let patience = exchange.query.time("timeout", longest)?.unwrap_or(PATIENCE);
    let mut client = exchange.join()?;
    let waiting = async {
        let early = subscribe_to(&mut client, &filters, None, Overflow::DropNewest).await?;
        first_delivery(&mut client, early.into()).await
    };
    let response = match timeout(patience, waiting).await {
        Ok(frame) => respond(&exchange, frame?, is_structured),
        Err(_) => nothing(StatusCode::NO_CONTENT),
    };
    client.leave();
    Ok(response)
}

async fn first_delivery(client: &mut InProcess, early: Vec<Frame>) -> Result<Frame, Problem> {
    let is_delivery = |frame: &Frame| matches!(frame.message(), BrokerMessage::Delivery(_));
    if let Some(frame) = early.into_iter().find(is_delivery) {
        return Ok(frame);
    }
    loop {
        let frame = client.next().await.map_err(lost)?;
        if is_delivery(&frame) {
            return Ok(frame);
        }
    }
}

fn respond(exchange: &Exchange, frame: Frame, is_structured: bool) -> Response<Body> {
    let BrokerMessage::Delivery(delivery) = frame.message() else {
        return nothing(StatusCode::NO_CONTENT);
    };
    let event = CloudEvent::of_delivery(&delivery, &exchange.hub.node, new_id);
    let mut response = if is_structured {
        let mut text = Vec::new();
        event.write_json(&mut text);
        payload(CLOUD_EVENT, Body::whole(text))
    } else {
        let mut response = payload(BYTES, Body::whole(frame.share(&delivery.payload.bytes)));
        event.write_headers(response.headers_mut());
        message_headers::write(&without_attributes(&delivery.headers), response.headers_mut());
        response
    };
    set(&mut response, TOPIC, delivery.topic.as_str());
    set(&mut response, FROM, &delivery.from);
    response
}

/// Leaves out what the event says in headers of its own.
fn without_attributes(headers: &Headers<'_>) -> Headers<'static> {
    let mut others = HeadersBuf::new();
    for (name, value) in headers.iter().filter(|(name, _)| !CloudEvent::is_attribute(name)) {
        others.push(name, value).expect("it stood among other headers");
    }
    others.finish()
}

/// How long to wait where nothing is said.
const PATIENCE: Duration = Duration::from_secs(30);
/// The topic of the message that an answer is.
const TOPIC: HeaderName = HeaderName::from_static("buslane-topic");
