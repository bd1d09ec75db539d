//! `POST /api/v1/publish/{topic}`.

use buslane_protocol::{BrokerMessage, ClientMessage, ErrorCode, Problem, Publish, Retain, Topic};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::ask::{next, not_sent, unexpected};
use crate::http::body;
use crate::http::exchange::Exchange;
use crate::http::problem::{invalid, shown};
use crate::http::query::{Query, wrong};
use crate::http::response::{Body, json, nothing};

/// Publishes the body.
pub(super) async fn publish(mut exchange: Exchange) -> Result<Response<Body>, Problem> {
    let topic = Topic::parse(exchange.target().to_owned()).map_err(|error| {
        Problem::new(ErrorCode::InvalidTopic)
            .detail(error)
            .about(shown(exchange.target()))
    })?;
    let ack = exchange.query.flag("ack")?.unwrap_or(true);
    let retain = retain(&exchange.query)?;
    let retain_ms = exchange.query.number("retain_ms", 1, u32::MAX)?;
    if retain_ms.is_some() && retain != Retain::Set {
        return Err(invalid(
            "retain_ms says how long a value is kept that retain=set keeps",
        ));
    }
    let content = body::read(&mut exchange).await?;
    let id = exchange.id()?;
    let mut client = exchange.join()?;
    let publish = Publish {
        id: Some(id),
        topic,
        headers: content.headers.borrowed(),
        payload: content.payload(),
        ack,
        retain,
        retain_ms,
        exclude_self: false,
    };
    client
        .send(ClientMessage::Publish(publish))
        .await
        .map_err(not_sent)?;
    if !ack {
        // Who wants no receipt still hears why a message was refused: the answer to this comes behind that.
        client.send(ClientMessage::Ping(None)).await.map_err(not_sent)?;
    }
    let frame = next(&mut client).await?;
    let response = match frame.message() {
        BrokerMessage::Ack(ack) => json(json!({ "receivers": ack.receivers }).to_string()),
        BrokerMessage::Pong(_) => nothing(StatusCode::ACCEPTED),
        BrokerMessage::Error(refusal) => return Err(refusal.error),
        other => return Err(unexpected(&other)),
    };
    client.leave();
    Ok(response)
}

fn retain(query: &Query) -> Result<Retain, Problem> {
    match query.find("retain") {
        None => Ok(Retain::Keep),
        Some("set") => Ok(Retain::Set),
        Some("clear") => Ok(Retain::Clear),
        Some(other) => Err(wrong("retain", "set or clear", other)),
    }
}
