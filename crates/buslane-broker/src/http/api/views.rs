//! What the broker tells about itself and those who joined it: the service `$bus`, asked as anybody asks it.

use buslane_protocol::{
    Address, BrokerMessage, ClientMessage, Deadline, ErrorCode, Headers, Payload, Problem, Request, Targets,
    Topic,
};
use hyper::Response;
use serde_json::{Map, Value, json};

use super::ask::{next, not_sent, unexpected};
use crate::clock::new_id;
use crate::driver::{Frame, InProcess};
use crate::http::exchange::Exchange;
use crate::http::media_type::JSON;
use crate::http::problem::shown;
use crate::http::response::{Body, answer, json as json_answer};

/// `GET /api/v1/services`.
pub(super) async fn services(exchange: Exchange) -> Result<Response<Body>, Problem> {
    list(exchange, "$bus:services").await
}

/// `GET /api/v1/services/{service}`.
pub(super) async fn service(exchange: Exchange) -> Result<Response<Body>, Problem> {
    let input = json!({ "service": exchange.target() });
    whole(exchange, "$bus:describe", input).await
}

/// `GET /api/v1/services/{service}/instances`.
pub(super) async fn service_instances(exchange: Exchange) -> Result<Response<Body>, Problem> {
    let mut input = page(&exchange)?;
    input["service"] = json!(exchange.target());
    let mut description = about(&exchange, "$bus:describe", input).await?;
    description.retain(|member, _| ["instances", "next"].contains(&member.as_str()));
    Ok(json_answer(Value::Object(description).to_string()))
}

/// `GET /api/v1/services/{service}/schemas`.
pub(super) async fn service_schemas(exchange: Exchange) -> Result<Response<Body>, Problem> {
    let input = json!({ "service": exchange.target(), "limit": 1 });
    let mut description = about(&exchange, "$bus:describe", input).await?;
    let told = ["name", "version", "methods", "topics", "schemas"];
    description.retain(|member, _| told.contains(&member.as_str()));
    Ok(json_answer(Value::Object(description).to_string()))
}

/// `GET /api/v1/topics`.
pub(super) async fn topics(exchange: Exchange) -> Result<Response<Body>, Problem> {
    list(exchange, "$bus:topics").await
}

/// `GET /api/v1/topics/{topic}`.
pub(super) async fn topic(exchange: Exchange) -> Result<Response<Body>, Problem> {
    let topic = Topic::parse(exchange.target()).map_err(|error| {
        Problem::new(ErrorCode::InvalidTopic)
            .detail(error)
            .about(shown(exchange.target()))
    })?;
    let topic = topic.as_str();
    // The list is in the order of the topics, so this one comes behind what is left of it without its last character.
    let mut after = topic.to_owned();
    after.pop();
    let mut client = exchange.join()?;
    loop {
        let page = ask(&mut client, "$bus:topics", json!({ "after": after })).await?;
        let mut page = object(&page)?;
        let Some(Value::Array(entries)) = page.remove("topics") else {
            return Err(odd());
        };
        if let Some(found) = entries.iter().find(|entry| entry["topic"] == topic) {
            client.leave();
            return Ok(json_answer(found.to_string()));
        }
        match page.remove("next") {
            Some(Value::String(next)) if next.as_str() < topic => after = next,
            _ => break,
        }
    }
    client.leave();
    let detail = "no service that is here declared a contract for this topic";
    Err(Problem::new(ErrorCode::NotFound).detail(detail).about(topic))
}

/// `GET /api/v1/clients`.
pub(super) async fn clients(exchange: Exchange) -> Result<Response<Body>, Problem> {
    list(exchange, "$bus:clients").await
}

/// `GET /api/v1/statistics`.
pub(super) async fn statistics(exchange: Exchange) -> Result<Response<Body>, Problem> {
    whole(exchange, "$bus:stats", json!({})).await
}

/// `GET /api/v1/instances`: those of one service after the other.
pub(super) async fn instances(exchange: Exchange) -> Result<Response<Body>, Problem> {
    let limit = limit(&exchange)?.unwrap_or(LONGEST_PAGE) as usize;
    let after = exchange.query.find("after").unwrap_or_default();
    let (from, mut after) = after.split_once('#').unwrap_or((after, ""));
    let mut client = exchange.join()?;
    let mut found = Vec::new();
    let mut services = Services::from(from);
    while let Some(service) = services.next(&mut client).await? {
        if service != from {
            after = "";
        }
        let input = json!({ "service": service, "after": after, "limit": limit + 1 - found.len() });
        let described = ask(&mut client, "$bus:describe", input).await;
        let described = match described {
            // It may have gone since it was listed.
            Err(problem) if problem.error_code() == Some(ErrorCode::NotFound) => continue,
            described => object(&described?)?,
        };
        let cut = described.contains_key("next");
        let Some(Value::Array(instances)) = described.get("instances") else {
            return Err(odd());
        };
        found.extend(instances.iter().map(|instance| labelled(&service, instance)));
        if cut || found.len() > limit {
            found.truncate(limit);
            client.leave();
            return Ok(page_of(found, true));
        }
    }
    client.leave();
    Ok(page_of(found, false))
}

/// The names of all services, page by page.
struct Services {
    names: std::vec::IntoIter<String>,
    /// Where the next page begins; `None` after the last.
    after: Option<String>,
    /// The first of all, if it is still there.
    first: Option<String>,
}

impl Services {
    /// Begins with a service, whether or not it is still there.
    fn from(name: &str) -> Self {
        Services {
            names: Vec::new().into_iter(),
            after: Some(name.to_owned()),
            first: Some(name.to_owned()).filter(|name| !name.is_empty()),
        }
    }

    async fn next(&mut self, client: &mut InProcess) -> Result<Option<String>, Problem> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        loop {
            if let Some(name) = self.names.next() {
                return Ok(Some(name));
            }
            let Some(after) = self.after.take() else {
                return Ok(None);
            };
            let page = object(&ask(client, "$bus:services", json!({ "after": after })).await?)?;
            self.after = page.get("next").and_then(Value::as_str).map(str::to_owned);
            let services = page.get("services").and_then(Value::as_array).ok_or_else(odd)?;
            let names = services.iter().filter_map(|service| service["name"].as_str());
            self.names = names.map(str::to_owned).collect::<Vec<_>>().into_iter();
        }
    }
}

fn labelled(service: &str, instance: &Value) -> Value {
    let mut entry = Map::from_iter([("service".to_owned(), json!(service))]);
    entry.extend(instance.as_object().cloned().unwrap_or_default());
    Value::Object(entry)
}

fn page_of(instances: Vec<Value>, more: bool) -> Response<Body> {
    let last = instances.last().filter(|_| more);
    let next = last.map(|last| {
        let part = |member: &str| last[member].as_str().unwrap_or_default().to_owned();
        format!("{}#{}", part("service"), part("instance"))
    });
    let mut page = json!({ "instances": instances });
    if let Some(next) = next {
        page["next"] = json!(next);
    }
    json_answer(page.to_string())
}

/// Answers with a page of a list.
async fn list(exchange: Exchange, address: &'static str) -> Result<Response<Body>, Problem> {
    let input = page(&exchange)?;
    whole(exchange, address, input).await
}

/// Answers with what `$bus` says, as it says it.
async fn whole(exchange: Exchange, address: &'static str, input: Value) -> Result<Response<Body>, Problem> {
    let mut client = exchange.join()?;
    let frame = ask(&mut client, address, input).await?;
    client.leave();
    let body = match frame.message() {
        BrokerMessage::Reply(reply) => frame.share(&reply.payload.bytes),
        other => return Err(unexpected(&other)),
    };
    Ok(answer(
        hyper::StatusCode::OK,
        JSON,
        Body::leased(body, frame.into_lease()),
    ))
}

/// Asks `$bus` once, for an object of which a part is told.
async fn about(
    exchange: &Exchange,
    address: &'static str,
    input: Value,
) -> Result<Map<String, Value>, Problem> {
    let mut client = exchange.join()?;
    let frame = ask(&mut client, address, input).await?;
    client.leave();
    object(&frame)
}

async fn ask(client: &mut InProcess, address: &'static str, input: Value) -> Result<Frame, Problem> {
    let request = Request {
        id: new_id(),
        to: Targets::One(Address::parse(address).map_err(|_| odd())?),
        headers: Headers::default(),
        payload: Payload::checked(input.to_string().into_bytes()),
        deadline: Deadline::Default,
        stream: false,
        credit: 0,
    };
    client
        .send(ClientMessage::Request(request))
        .await
        .map_err(not_sent)?;
    let frame = next(client).await?;
    match frame.message() {
        BrokerMessage::Reply(_) => {}
        BrokerMessage::Error(refusal) => return Err(refusal.error),
        other => return Err(unexpected(&other)),
    }
    Ok(frame)
}

fn object(frame: &Frame) -> Result<Map<String, Value>, Problem> {
    match frame.message() {
        BrokerMessage::Reply(reply) => serde_json::from_slice(&reply.payload.bytes).map_err(|_| odd()),
        other => Err(unexpected(&other)),
    }
}

/// Reads which part of a list is wanted.
fn page(exchange: &Exchange) -> Result<Value, Problem> {
    let mut page = json!({});
    if let Some(limit) = limit(exchange)? {
        page["limit"] = json!(limit);
    }
    if let Some(after) = exchange.query.find("after") {
        page["after"] = json!(after);
    }
    Ok(page)
}

fn limit(exchange: &Exchange) -> Result<Option<u32>, Problem> {
    exchange.query.number("limit", 1, LONGEST_PAGE)
}

/// Makes the problem of an answer of `$bus` that is not what it says it is, which is a defect.
fn odd() -> Problem {
    Problem::new(ErrorCode::Internal).detail("the broker did not understand itself")
}

/// The most entries of one page, as the schemas of `$bus` say.
const LONGEST_PAGE: u32 = 1_000;
