//! What a change to one of the broker's tables costs while the table grows: values retained, subscriptions and services
//! that come and go beside others. Fills the tables and makes the changes; `churn.rs` sends them.

use std::io;

use buslane_protocol::{ClientMessage, Filter, Headers, Id, Payload, Publish, Retain, Topic, Unsubscribe};

use super::binary::{registration, subscription};
use super::churn::{self, Round};
use super::measurement::{Measured, Period, Target, payload};
use super::progress::Progress;
use super::rows::SIZE;
use super::service::Service;
use super::wire::{self, Own};

/// Sets retained values anew, one after the other.
pub(crate) async fn retained<W: Own>(
    target: Target,
    count: usize,
    period: Period,
    progress: &Progress,
) -> io::Result<Measured> {
    let mut socket = wire::open::<W>(target.address).await?;
    let rounds = retaining::<W>(count);
    churn::send::<W>(&mut socket, &rounds).await?;
    churn::measure::<W>(target, period, socket, &rounds, progress).await
}

/// Subscribes to [`SELECTED`] of many retained values, takes them, and unsubscribes.
pub(crate) async fn late_subscribers<W: Own>(
    target: Target,
    count: usize,
    period: Period,
    progress: &Progress,
) -> io::Result<Measured> {
    let mut socket = wire::open::<W>(target.address).await?;
    churn::send::<W>(&mut socket, &retaining::<W>(count)).await?;
    let filters: Vec<String> = spread(count / SELECTED)
        .map(|group| format!("table/{group}/+"))
        .collect();
    let mut rounds = Vec::new();
    for filters in filters.chunks(FEW) {
        let (mut subscribe, mut unsubscribe) = (Round::default(), Round::default());
        for filter in filters {
            subscribe.push(|out| W::push(out, &subscription(filter)), 1 + SELECTED, 1);
            unsubscribe.push(|out| W::push(out, &unsubscription(filter)), 1, 0);
        }
        rounds.extend([subscribe, unsubscribe]);
    }
    churn::measure::<W>(target, period, socket, &rounds, progress).await
}

/// Lets one client unsubscribe from one of its filters after the other, and subscribe again.
pub(crate) async fn subscribing<W: Own>(
    target: Target,
    count: usize,
    period: Period,
    progress: &Progress,
) -> io::Result<Measured> {
    let filters: Vec<String> = (0..count).map(filter).collect();
    let socket = wire::open_subscribed::<W>(target.address, &filters).await?;
    let changed: Vec<&String> = spread(count).map(|index| &filters[index]).collect();
    let rounds: Vec<Round> = changed
        .chunks(TOGETHER)
        .map(|filters| {
            let mut round = Round::default();
            for filter in filters {
                round.push(|out| W::push(out, &unsubscription(filter)), 1, 1);
                round.push(|out| W::push(out, &subscription(filter)), 1, 1);
            }
            round
        })
        .collect();
    churn::measure::<W>(target, period, socket, &rounds, progress).await
}

/// Registers services with schemas beside many without, and unregisters them.
pub(crate) async fn registrations<W: Own>(
    target: Target,
    count: usize,
    period: Period,
    progress: &Progress,
) -> io::Result<Measured> {
    let mut socket = wire::open::<W>(target.address).await?;
    let names: Vec<String> = (0..count).map(|index| format!("table-{index}")).collect();
    let fill = in_rounds(&names, |round, name| {
        round.push(|out| W::push(out, &registration(name)), 1, 0);
    });
    churn::send::<W>(&mut socket, &fill).await?;
    let services: Vec<Service> = (0..SERVICES).map(Service::new).collect();
    let rounds: Vec<Round> = services
        .chunks(FEW)
        .map(|services| {
            let mut round = Round::default();
            for service in services {
                round.push(|out| W::push(out, &service.register()), 1, 1);
            }
            for service in services {
                round.push(|out| W::push(out, &service.unregister()), 1, 0);
            }
            round
        })
        .collect();
    churn::measure::<W>(target, period, socket, &rounds, progress).await
}

/// Makes the messages that retain so many values, [`SELECTED`] under each parent.
fn retaining<W: Own>(count: usize) -> Vec<Round> {
    let value = payload(SIZE);
    let topics: Vec<String> = (0..count)
        .map(|index| format!("table/{}/{}", index / SELECTED, index % SELECTED))
        .collect();
    in_rounds(&topics, |round, topic| {
        let message = ClientMessage::Publish(Publish {
            id: Some(any_id()),
            topic: Topic::parse(topic.as_str()).expect("a benchmark's topic is a topic"),
            headers: Headers::default(),
            payload: Payload::json(value.clone()),
            ack: true,
            retain: Retain::Set,
            retain_ms: None,
            exclude_self: false,
        });
        round.push(|out| W::push(out, &message), 1, 1);
    })
}

fn in_rounds<T>(items: &[T], push: impl Fn(&mut Round, &T)) -> Vec<Round> {
    let round = |items: &[T]| {
        let mut round = Round::default();
        items.iter().for_each(|item| push(&mut round, item));
        round
    };
    items.chunks(TOGETHER).map(round).collect()
}

/// Makes a filter of one of three kinds.
fn filter(index: usize) -> String {
    match index % 3 {
        0 => format!("table/{index}/value"),
        1 => format!("table/{index}/+"),
        _ => format!("table/+/{index}/#"),
    }
}

fn unsubscription(filter: &str) -> ClientMessage<'static> {
    ClientMessage::Unsubscribe(Unsubscribe {
        id: Some(any_id()),
        filter: Filter::parse(filter.to_owned()).expect("a benchmark's filter is a filter"),
        shared: None,
    })
}

/// Returns up to [`CHANGED`] numbers below `count`, evenly spread.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    let step = count.div_ceil(CHANGED).max(1);
    (0..count).step_by(step)
}

/// The id of what is to be confirmed. One at a time is enough: answers are counted, not matched.
pub(super) fn any_id() -> Id {
    Id::parse("x").expect("it is an id")
}

/// Messages that are sent before the first answer is awaited, at most.
pub(crate) const TOGETHER: usize = 500;
/// The same where each has many answers, or takes long.
const FEW: usize = 20;
/// Retained values that a late subscriber gets.
const SELECTED: usize = 10;
/// Entries of a table that are changed in turn.
const CHANGED: usize = 50_000;
/// Services with schemas that come and go.
const SERVICES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::binary::Binary;

    #[test]
    fn entries_that_change_are_spread_over_the_table() {
        assert_eq!(spread(3).collect::<Vec<_>>(), [0, 1, 2]);
        let changed: Vec<usize> = spread(1_000_000).collect();
        assert_eq!((changed.len(), changed[1]), (CHANGED, 20));
        assert_eq!(spread(0).count(), 0);
    }

    #[test]
    fn every_value_is_retained_once() {
        let rounds = retaining::<Binary>(TOGETHER + 1);
        let answers: Vec<usize> = rounds.iter().map(|round| round.answers).collect();
        assert_eq!(answers, [TOGETHER, 1]);
    }
}
