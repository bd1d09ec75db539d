//! `buslane tap`: watches everything that flows and that a client may see, until it is told to stop.

mod arguments;
mod feed;
mod printing;
mod rates;
mod selection;

use std::time::Duration;

use buslane_protocol::Filter;
use futures_util::FutureExt;
use tokio::time::{Instant, MissedTickBehavior};

pub(crate) use self::arguments::TapArguments;
use self::feed::{Feed, Seen};
use self::printing::Printer;
use self::rates::Rates;
use self::selection::Selection;
use super::standing::Standing;
use crate::arguments::ConnectionArguments;
use crate::failure::Failure;
use crate::output::{Output, notice};
use crate::shutdown::Shutdown;

/// Watches and prints.
pub(crate) async fn run(
    arguments: &TapArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let filters = filters(arguments)?;
    let mut shutdown = Shutdown::listen()?;
    tokio::select! {
        result = watch(filters, arguments, connection, out) => result?,
        () = shutdown.requested() => {}
    }
    out.flush()
}

/// Returns the filters to subscribe to: those that are wanted, and the broker's events.
fn filters(arguments: &TapArguments) -> Result<Vec<Filter<'static>>, Failure> {
    let events = (!arguments.no_events).then_some(EVENTS);
    let mut filters = Vec::new();
    for text in arguments.filters.iter().map(String::as_str).chain(events) {
        let filter = Filter::parse(text.to_owned())
            .map_err(|error| Failure::usage(format_args!("{text:?} is no filter: {error}")))?;
        if !filters.contains(&filter) {
            filters.push(filter);
        }
    }
    Ok(filters)
}

/// Prints until there was enough. May be dropped where it waits.
async fn watch(
    filters: Vec<Filter<'static>>,
    arguments: &TapArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let bus = connection.connect().await?;
    let mut standing = Standing::of(&bus);
    let names: Vec<&str> = filters.iter().map(Filter::as_str).collect();
    let watching = format!("watching {}", names.join(", "));
    let mut feed = Feed::subscribe(&bus, filters).await?;
    notice(watching);
    let selection = Selection::of(arguments);
    tokio::select! {
        result = show(&mut feed, &selection, arguments, out) => result?,
        () = standing.tell() => {}
    }
    bus.close().await;
    Ok(())
}

async fn show(
    feed: &mut Feed,
    selection: &Selection<'_>,
    arguments: &TapArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    match arguments.rates {
        true => show_rates(feed, selection, arguments, out).await,
        false => show_messages(feed, selection, arguments, out).await,
    }
}

async fn show_messages(
    feed: &mut Feed,
    selection: &Selection<'_>,
    arguments: &TapArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let printer = Printer::new(arguments.json, arguments.pretty, out);
    let mut left = arguments.count;
    while left != Some(0) {
        let seen = match feed.next().now_or_never() {
            Some(seen) => seen,
            None => {
                // Nothing more is there: now somebody may look at what came.
                out.flush()?;
                feed.next().await
            }
        };
        match seen {
            Some(Seen::Message(message)) if selection.takes(&message) => {
                printer.message(&message, out)?;
                left = left.map(|left| left - 1);
            }
            Some(Seen::Message(_)) => {}
            Some(Seen::Gap(gap)) => printer.gap(gap, out)?,
            None => return Err(Failure::failed(ENDED)),
        }
    }
    Ok(())
}

async fn show_rates(
    feed: &mut Feed,
    selection: &Selection<'_>,
    arguments: &TapArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut rates = Rates::new(arguments.json, out);
    let mut ticks = tokio::time::interval_at(Instant::now() + PERIOD, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut left = arguments.count;
    while left != Some(0) {
        tokio::select! {
            // A flood of messages must not keep its own rate from being shown.
            biased;
            _ = ticks.tick() => {
                rates.print(out)?;
                left = left.map(|left| left - 1);
            }
            seen = feed.next() => match seen {
                Some(Seen::Message(message)) if selection.takes(&message) => rates.count(&message),
                Some(Seen::Message(_)) => {}
                Some(Seen::Gap(gap)) => rates.miss(gap),
                None => return Err(Failure::failed(ENDED)),
            },
        }
    }
    Ok(())
}

/// The topics of the broker.
const EVENTS: &str = "$bus/#";
/// How often rates are shown.
const PERIOD: Duration = Duration::from_secs(1);
const ENDED: &str = "the broker ended the subscription";
