//! `POST /api/v1/request/{address}` and `POST /api/v1/request?to=A&to=B`.

use buslane_protocol::{
    Address, BrokerMessage, ClientMessage, Deadline, Destination, ErrorCode, Problem, Request, Targets,
};
use hyper::Response;

use super::ask::{check_answer, next, not_sent, payload, unexpected};
use super::replies::{FORMATS, Format, Kind, Replies};
use crate::driver::InProcess;
use crate::http::body;
use crate::http::exchange::Exchange;
use crate::http::problem::{invalid, shown};
use crate::http::response::Body;

/// Calls the address in the path.
pub(super) async fn one(exchange: Exchange) -> Result<Response<Body>, Problem> {
    let address = address(exchange.target())?;
    ask(exchange, Targets::One(address)).await
}

/// Calls the addresses in the query.
pub(super) async fn several(exchange: Exchange) -> Result<Response<Body>, Problem> {
    let addresses: Result<Vec<_>, _> = exchange.query.all("to").map(address).collect();
    let mut addresses = addresses?;
    let targets = match addresses.len() {
        0 => {
            return Err(invalid(
                "name whom to ask: /request/{address}, or ?to=ADDRESS&to=ADDRESS",
            ));
        }
        1 => Targets::One(addresses.remove(0)),
        2..=Targets::MAX => Targets::Several(addresses),
        _ => {
            return Err(invalid(format_args!(
                "a request goes to {} addresses at the most",
                Targets::MAX
            )));
        }
    };
    ask(exchange, targets).await
}

fn address(text: &str) -> Result<Address<'static>, Problem> {
    Address::parse(text.to_owned()).map_err(|error| {
        Problem::new(ErrorCode::InvalidAddress)
            .detail(error)
            .about(shown(text))
    })
}

async fn ask(mut exchange: Exchange, to: Targets<'static>) -> Result<Response<Body>, Problem> {
    let stream = exchange.query.flag("stream")?.unwrap_or_default();
    let deadline = deadline(&exchange, stream)?;
    let kind = kind(&to, stream);
    let format = match kind {
        Some(_) => Some(Format::of(exchange.accepted(FORMATS)?)),
        None => None,
    };
    let id = exchange.id()?;
    let content = body::read(&mut exchange).await?;
    let mut client = exchange.join()?;
    let request = Request {
        id,
        to,
        headers: content.headers.borrowed(),
        payload: content.payload(),
        deadline,
        stream,
        credit: if stream { Replies::CREDIT } else { 0 },
    };
    client
        .send(ClientMessage::Request(request))
        .await
        .map_err(not_sent)?;
    drop(content);
    match kind.zip(format) {
        Some((kind, format)) => Replies::begin(client, id, kind, format).await,
        None => reply(client).await,
    }
}

/// Waits for the one reply.
async fn reply(mut client: InProcess) -> Result<Response<Body>, Problem> {
    let frame = next(&mut client).await?;
    let (body, response) = match frame.message() {
        BrokerMessage::Reply(mut reply) => {
            check_answer(&reply.from, &mut reply.payload)?;
            (
                frame.share(&reply.payload.bytes),
                payload(&reply.from, &reply.headers, &reply.payload),
            )
        }
        BrokerMessage::Error(refusal) => return Err(refusal.error),
        other => return Err(unexpected(&other)),
    };
    client.leave();
    Ok(response.map(|_| Body::leased(body, frame.into_lease())))
}

/// Tells how several answers come; `None` if one comes.
fn kind(to: &Targets<'_>, stream: bool) -> Option<Kind> {
    let gathers = match to {
        Targets::One(address) => {
            matches!(address.destination(), Destination::Group(_) | Destination::Every)
        }
        Targets::Several(_) => true,
    };
    match (gathers, stream) {
        (true, _) => Some(Kind::Gathered),
        (false, true) => Some(Kind::Stream),
        (false, false) => None,
    }
}

fn deadline(exchange: &Exchange, stream: bool) -> Result<Deadline, Problem> {
    match exchange.query.find("timeout") {
        Some("none") if stream => return Ok(Deadline::Never),
        Some("none") => {
            return Err(invalid(
                "timeout=none is for streams: add stream=true, or give a time",
            ));
        }
        _ => {}
    }
    let longest = exchange.hub.limits.longest_deadline;
    let time = exchange.query.time("timeout", longest)?;
    Ok(time.map_or(Deadline::Default, |time| {
        Deadline::After(u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
    }))
}
