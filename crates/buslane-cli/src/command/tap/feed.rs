//! Several subscriptions as one feed, in which every message and every gap stands once.

use buslane_client::{Client, Gap, Message, Subscription, SubscriptionEvent};
use buslane_protocol::{Filter, Topic};
use futures_util::stream::{BoxStream, SelectAll, StreamExt, select_all, unfold};

use crate::failure::Failure;
use crate::refusal;

/// What a feed yields.
#[derive(Debug)]
pub(super) enum Seen {
    Message(Message),
    /// Messages are missing here.
    Gap(Gap),
}

/// The messages of several filters.
pub(super) struct Feed {
    filters: Vec<Filter<'static>>,
    /// Events with the index of the filter that they came by.
    events: SelectAll<BoxStream<'static, Option<(usize, SubscriptionEvent)>>>,
    gaps: GapLedger,
}

impl Feed {
    /// Subscribes to every filter.
    pub(super) async fn subscribe(bus: &Client, filters: Vec<Filter<'static>>) -> Result<Feed, Failure> {
        let mut streams = Vec::new();
        for (index, filter) in filters.iter().enumerate() {
            let subscription = bus
                .subscribe(filter.as_str())
                .await
                .map_err(|error| refusal::failure(error.problem(), filter.as_str()))?;
            streams.push(events(index, subscription));
        }
        Ok(Feed {
            gaps: GapLedger::new(filters.len()),
            events: select_all(streams),
            filters,
        })
    }

    /// Waits for the next message or gap; `None` once a subscription has ended. Dropping the wait loses nothing.
    pub(super) async fn next(&mut self) -> Option<Seen> {
        loop {
            match self.events.next().await?? {
                (index, SubscriptionEvent::Message(message)) if self.comes_first(index, &message) => {
                    return Some(Seen::Message(message));
                }
                (index, SubscriptionEvent::Gap(gap)) if self.gaps.is_news(index, gap) => {
                    return Some(Seen::Gap(gap));
                }
                _ => {}
            }
        }
    }

    /// Tells whether no earlier filter yields the message too.
    fn comes_first(&self, index: usize, message: &Message) -> bool {
        let Ok(topic) = Topic::parse(message.topic()) else {
            return true;
        };
        !self.filters[..index].iter().any(|filter| filter.matches(&topic))
    }
}

/// Makes a stream of a subscription, which ends with `None`.
fn events(
    index: usize,
    subscription: Subscription,
) -> BoxStream<'static, Option<(usize, SubscriptionEvent)>> {
    let step = move |state: Option<Subscription>| async move {
        let mut subscription = state?;
        match subscription.next_event().await {
            Some(event) => Some((Some((index, event)), Some(subscription))),
            None => Some((None, None)),
        }
    };
    unfold(Some(subscription), step).boxed()
}

/// Knows the gaps that some subscriptions have told of and others have still to: a gap of the whole connection comes
/// by each of them.
struct GapLedger {
    subscriptions: usize,
    /// Gaps with the subscriptions that told of them.
    open: Vec<(Gap, Vec<usize>)>,
}

impl GapLedger {
    fn new(subscriptions: usize) -> GapLedger {
        GapLedger {
            subscriptions,
            open: Vec::new(),
        }
    }

    /// Takes a gap; tells whether it is the first time.
    fn is_news(&mut self, index: usize, gap: Gap) -> bool {
        let known = self
            .open
            .iter_mut()
            .find(|(open, told)| *open == gap && !told.contains(&index));
        let news = known.is_none();
        match known {
            Some((_, told)) => told.push(index),
            None => self.open.push((gap, vec![index])),
        }
        self.open.retain(|(_, told)| told.len() < self.subscriptions);
        if self.open.len() > MOST_OPEN {
            self.open.remove(0);
        }
        news
    }
}

/// Gaps of one subscription alone stay open; so many are kept.
const MOST_OPEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(count: u64) -> Gap {
        Gap {
            count,
            ..Gap::default()
        }
    }

    #[test]
    fn a_gap_of_the_connection_is_news_once() {
        let mut ledger = GapLedger::new(2);
        assert!(ledger.is_news(0, gap(3)));
        assert!(!ledger.is_news(1, gap(3)));
        assert!(
            ledger.is_news(1, gap(3)),
            "the next one of the same size is another"
        );
        assert!(ledger.is_news(0, gap(4)));
    }

    #[test]
    fn gaps_of_one_subscription_are_each_news() {
        let mut ledger = GapLedger::new(2);
        for _ in 0..100 {
            assert!(ledger.is_news(0, gap(3)));
        }
        assert!(ledger.open.len() <= MOST_OPEN);
    }
}
