//! `buslane request`: calls a method and prints what comes back, from one instance or from several.

use buslane_client::{Body, Call, Gather, Reply, ReplyStream, RequestError};
use buslane_protocol::{Address, Destination, Problem};
use serde::Serialize;

use super::payload;
use crate::arguments::{ConnectionArguments, RequestArguments};
use crate::failure::Failure;
use crate::output::{Output, notice};
use crate::{json_text, json_view, refusal};

/// Calls and prints.
pub(crate) async fn run(
    arguments: &RequestArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let address = Address::parse(arguments.address.as_str())
        .map_err(|error| Failure::usage(format_args!("{:?} is no address: {error}", arguments.address)))?;
    let body = payload::read(arguments.payload.as_deref())?;
    let bus = connection.connect().await?;
    let call = prepare(bus.call(address.as_str()), arguments);
    let result = match address.destination() {
        Destination::Group(_) | Destination::Every => gather(call.gather_body(body), arguments, out).await,
        _ if arguments.stream => stream(call.stream_body(body), arguments, out).await,
        _ => single(call, body, arguments, out).await,
    };
    out.flush()?;
    bus.close().await;
    result
}

fn prepare(mut call: Call, arguments: &RequestArguments) -> Call {
    if let Some(timeout) = arguments.timeout {
        call = call.timeout(timeout);
    }
    for (name, value) in &arguments.header {
        call = call.header(name, value);
    }
    call
}

async fn single(
    call: Call,
    body: Body,
    arguments: &RequestArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    match call.send_body(body).await {
        Ok(reply) if arguments.json => out.json(&Line::of(&reply)),
        Ok(reply) => print(&reply, out),
        Err(error) => Err(fail(&error, arguments, out)?),
    }
}

async fn stream(
    mut parts: ReplyStream<Reply>,
    arguments: &RequestArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    while let Some(part) = parts.next().await {
        match part {
            Ok(part) if arguments.json => out.json(&Line::of(&part))?,
            Ok(part) => out.line(payload::line(&part.payload()))?,
            Err(error) => return Err(fail(&error, arguments, out)?),
        }
        out.flush()?;
    }
    Ok(())
}

async fn gather(
    mut replies: Gather<Reply>,
    arguments: &RequestArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut failed = 0;
    while let Some(gathered) = replies.next().await {
        let from = gathered.from.as_str();
        match &gathered.result {
            Ok(reply) if arguments.json => out.json(&Line::of(reply))?,
            Ok(reply) => out.line(format_args!("{from} {}", payload::line(&reply.payload())))?,
            // The request failed as a whole.
            Err(error) if from.is_empty() => return Err(fail(error, arguments, out)?),
            Err(error) => {
                failed += 1;
                print_failure(from, error.problem(), arguments.json, out)?;
            }
        }
        out.flush()?;
    }
    match (failed, replies.summary()) {
        (0, _) => Ok(()),
        (_, Some(summary)) => Err(Failure::failed(format_args!(
            "{} of {} instances failed",
            summary.failed, summary.expected
        ))),
        (_, None) => Err(Failure::failed(format_args!("{failed} instances failed"))),
    }
}

/// Prints a reply alone: laid out for people, as it came for everybody else.
fn print(reply: &Reply, out: &mut Output) -> Result<(), Failure> {
    let payload = reply.payload();
    match payload.as_text().filter(|_| payload.is_json()) {
        _ if payload.is_empty() => Ok(()),
        Some(text) if out.is_terminal() && json_text::check(text).is_ok() => {
            out.line(json_view::laid_out(text, out))
        }
        None if !out.is_terminal() => out.bytes(payload.as_bytes()),
        _ => out.line(payload::line(&payload)),
    }
}

fn print_failure(from: &str, problem: &Problem, json: bool, out: &mut Output) -> Result<(), Failure> {
    if json {
        return out.json(&FailedLine {
            from: Some(from),
            error: problem,
        });
    }
    out.flush()?;
    notice(format_args!(
        "{from} failed: {} ({})",
        refusal::text(problem),
        problem.code
    ));
    Ok(())
}

/// Makes the failure of the whole request, which machines are told on stdout as well.
fn fail(error: &RequestError, arguments: &RequestArguments, out: &mut Output) -> Result<Failure, Failure> {
    if arguments.json {
        out.json(&FailedLine {
            from: None,
            error: error.problem(),
        })?;
    }
    Ok(refusal::failure(error.problem(), &arguments.address))
}

/// A reply as machines read it.
#[derive(Serialize)]
struct Line<'a> {
    from: &'a str,
    #[serde(flatten)]
    payload: payload::Member<'a>,
}

/// A failure as machines read it.
#[derive(Serialize)]
struct FailedLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    error: &'a Problem,
}

impl<'a> Line<'a> {
    fn of(reply: &'a Reply) -> Line<'a> {
        Line {
            from: reply.from(),
            payload: payload::Member::of(&reply.payload()),
        }
    }
}
