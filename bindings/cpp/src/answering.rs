//! Requests that came in.

use crate::border::crossing::{Carried, Content, Header};
use crate::delivering::{carried, headers_of};
use crate::failing::{Failed, attempt};
use crate::joining::lent;

/// A request that came in.
pub(crate) struct Request(pub(crate) buslane_bridge::Request);

impl Request {
    pub(crate) fn carried(&self) -> Carried<'_> {
        let context = self.0.context();
        carried(context.address(), context.from(), context.id(), context.payload())
    }

    pub(crate) fn headers(&self) -> Result<Vec<Header>, Failed> {
        attempt(|| Ok(headers_of(self.0.context().headers())))
    }

    pub(crate) fn attempt(&self) -> Result<u8, Failed> {
        attempt(|| Ok(self.0.context().attempt()))
    }

    /// Returns the milliseconds left, -1 for as long as it takes.
    pub(crate) fn time_left(&self) -> Result<i64, Failed> {
        attempt(|| {
            let left = self.0.context().time_left();
            Ok(left.map_or(-1, |left| i64::try_from(left.as_millis()).unwrap_or(i64::MAX)))
        })
    }

    pub(crate) fn wants_stream(&self) -> Result<bool, Failed> {
        attempt(|| Ok(self.0.context().wants_stream()))
    }

    pub(crate) fn is_cancelled(&self) -> Result<bool, Failed> {
        attempt(|| Ok(self.0.context().is_cancelled()))
    }

    pub(crate) fn reply(&self, content: Content<'_>) -> Result<(), Failed> {
        attempt(|| self.0.reply(lent(&content)))
    }

    pub(crate) fn fail(&self, code: &str, title: &str, data: &str) -> Result<(), Failed> {
        attempt(|| self.0.fail(code, title, data))
    }

    pub(crate) fn chunk(&self, content: Content<'_>) -> Result<(), Failed> {
        attempt(|| self.0.chunk(lent(&content)))
    }

    pub(crate) fn end(&self) -> Result<(), Failed> {
        attempt(|| self.0.end())
    }
}
