//! `buslane sub`: prints what is published, until it is told to stop or has printed enough.

use std::collections::BTreeMap;

use buslane_client::{Gap, Message, Subscription, SubscriptionEvent};
use buslane_protocol::{Filter, Name};
use futures_util::FutureExt;
use serde::Serialize;

use super::payload;
use super::standing::Standing;
use crate::arguments::{ConnectionArguments, SubscribeArguments};
use crate::failure::Failure;
use crate::output::{Output, notice};
use crate::refusal;
use crate::shutdown::Shutdown;

/// Subscribes and prints.
pub(crate) async fn run(
    arguments: &SubscribeArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let filter = arguments.filter.as_str();
    Filter::parse(filter)
        .map_err(|error| Failure::usage(format_args!("{filter:?} is no filter: {error}")))?;
    if let Some(name) = &arguments.shared {
        Name::check(name).map_err(|error| Failure::usage(format_args!("--shared {name:?}: {error}")))?;
    }
    let mut shutdown = Shutdown::listen()?;
    tokio::select! {
        result = follow(filter, arguments, connection, out) => result?,
        () = shutdown.requested() => {}
    }
    out.flush()
}

/// Prints messages until there were enough. May be dropped where it waits.
async fn follow(
    filter: &str,
    arguments: &SubscribeArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let bus = connection.connect().await?;
    let mut subscribe = bus.subscribe(filter);
    if let Some(name) = &arguments.shared {
        subscribe = subscribe.shared(name);
    }
    let mut standing = Standing::of(&bus);
    let mut subscription = subscribe
        .await
        .map_err(|error| refusal::failure(error.problem(), filter))?;
    notice(format_args!("subscribed to {filter}"));
    tokio::select! {
        result = show(&mut subscription, arguments, out) => result?,
        () = standing.tell() => {}
    }
    bus.close().await;
    Ok(())
}

async fn show(
    subscription: &mut Subscription,
    arguments: &SubscribeArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut left = arguments.count;
    while left != Some(0) {
        let event = match subscription.next_event().now_or_never() {
            Some(event) => event,
            None => {
                // Nothing more is there: now somebody may look at what came.
                out.flush()?;
                subscription.next_event().await
            }
        };
        match event {
            Some(SubscriptionEvent::Message(message)) => {
                print(&message, arguments.json, out)?;
                left = left.map(|left| left - 1);
            }
            Some(SubscriptionEvent::Gap(gap)) => print_gap(gap, arguments.json, out)?,
            Some(_) => {}
            None => return Err(Failure::failed("the broker ended the subscription")),
        }
    }
    Ok(())
}

fn print(message: &Message, json: bool, out: &mut Output) -> Result<(), Failure> {
    if json {
        return out.json(&Line::of(message));
    }
    match message.payload() {
        payload if payload.is_empty() => out.line(message.topic()),
        payload => out.line(format_args!("{} {}", message.topic(), payload::line(&payload))),
    }
}

fn print_gap(gap: Gap, json: bool, out: &mut Output) -> Result<(), Failure> {
    if json {
        let Gap {
            count,
            bytes,
            unknown,
            ..
        } = gap;
        return out.json(&GapLine {
            gap: GapMembers {
                count,
                bytes,
                unknown,
            },
        });
    }
    out.flush()?;
    notice(format_args!("gap: {gap}"));
    Ok(())
}

/// A message as machines read it.
#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    from: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(flatten)]
    payload: payload::Member<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retained: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    snapshot: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'a str, &'a str>,
}

/// A gap as machines read it.
#[derive(Serialize)]
struct GapLine {
    gap: GapMembers,
}

#[derive(Serialize)]
struct GapMembers {
    count: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unknown: bool,
}

impl<'a> Line<'a> {
    fn of(message: &'a Message) -> Line<'a> {
        Line {
            topic: message.topic(),
            from: message.from(),
            id: message.id(),
            payload: payload::Member::of(&message.payload()),
            retained: message.is_retained(),
            snapshot: message.is_snapshot(),
            shared: message.shared(),
            // Members of the envelope travel among the headers under names with a colon.
            headers: message
                .headers()
                .iter()
                .filter(|(name, _)| !name.starts_with(':'))
                .collect(),
        }
    }
}
