//! Requests that this program sends, and their answers.

use std::sync::Arc;
use std::time::Duration;

use buslane_bridge::{Outcome, TimeOver};

use crate::border::crossing::{Carried, Header, Summary};
use crate::delivering::{carried, headers_of};
use crate::failing::{Failed, attempt};
use crate::joining::{Bus, taken};

/// A request under way.
pub(crate) struct Pending(pub(crate) buslane_bridge::Pending);

/// An answer.
pub(crate) struct Reply(pub(crate) buslane_bridge::client::Reply);

/// An answer in parts.
pub(crate) struct Parts(pub(crate) Arc<buslane_bridge::Parts>);

/// One part of an answer, the end, or that none came in time.
pub(crate) enum Part {
    /// A part.
    Came { from: String, outcome: Option<Outcome> },
    /// Nothing more comes.
    Over,
    /// Nothing came in time.
    Late,
}

impl Pending {
    pub(crate) fn wait(&self) -> Result<Box<Reply>, Failed> {
        attempt(|| Ok(Box::new(Reply(self.0.wait()?))))
    }

    pub(crate) fn has_ended_within(&self, milliseconds: u64) -> Result<bool, Failed> {
        attempt(|| Ok(self.0.wait_for(Duration::from_millis(milliseconds)).is_some()))
    }

    /// Returns whether the outcome comes as an event; if not, nobody takes events any more, and it is there.
    pub(crate) fn then(&self, bus: &Bus, token: u64) -> Result<bool, Failed> {
        attempt(|| Ok(self.0.then(bus.0.events(), token).is_none()))
    }

    pub(crate) fn cancel(&self) -> Result<bool, Failed> {
        attempt(|| Ok(self.0.cancel()))
    }
}

impl Parts {
    pub(crate) fn next(&self) -> Result<Box<Part>, Failed> {
        attempt(|| Ok(Box::new(Part::of(self.0.next()))))
    }

    pub(crate) fn next_within(&self, milliseconds: u64) -> Result<Box<Part>, Failed> {
        attempt(|| {
            let part = match self.0.next_within(Duration::from_millis(milliseconds)) {
                Ok(part) => Part::of(part),
                Err(TimeOver) => Part::Late,
            };
            Ok(Box::new(part))
        })
    }

    pub(crate) fn cancel(&self) -> Result<(), Failed> {
        attempt(|| {
            self.0.cancel();
            Ok(())
        })
    }

    pub(crate) fn summary(&self) -> Result<Summary, Failed> {
        attempt(|| {
            let summary = self.0.summary();
            let count =
                |count: fn(&buslane_bridge::client::Summary) -> u32| summary.as_ref().map_or(0, count);
            Ok(Summary {
                known: summary.is_some(),
                expected: count(|summary| summary.expected),
                replied: count(|summary| summary.replied),
                failed: count(|summary| summary.failed),
            })
        })
    }
}

impl Part {
    fn of(part: Option<buslane_bridge::Part>) -> Part {
        match part {
            Some(part) => Part::Came {
                from: part.from,
                outcome: Some(part.outcome),
            },
            None => Part::Over,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Part::Over)
    }

    pub(crate) fn is_late(&self) -> bool {
        matches!(self, Part::Late)
    }

    pub(crate) fn from(&self) -> &str {
        match self {
            Part::Came { from, .. } => from,
            Part::Over | Part::Late => "",
        }
    }

    pub(crate) fn take_reply(&mut self) -> Result<Box<Reply>, Failed> {
        attempt(|| match self {
            Part::Came { outcome, .. } => Ok(Box::new(Reply(outcome.take().ok_or_else(taken)??))),
            Part::Over | Part::Late => Err(taken()),
        })
    }
}

impl Reply {
    pub(crate) fn carried(&self) -> Carried<'_> {
        carried("", self.0.from(), None, self.0.payload())
    }

    pub(crate) fn headers(&self) -> Result<Vec<Header>, Failed> {
        attempt(|| Ok(headers_of(self.0.headers())))
    }
}
