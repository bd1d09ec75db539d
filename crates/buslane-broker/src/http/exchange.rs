//! One request over HTTP with everything that a handler needs for its answer.

use std::cell::Cell;
use std::rc::Rc;

use buslane_protocol::{ErrorCode, Id, Name, Problem};
use hyper::HeaderMap;
use hyper::body::Incoming;
use hyper::header::HeaderValue;

use super::accept::choose;
use super::problem::invalid;
use super::query::Query;
use crate::clock::new_id;
use crate::driver::{Hub, InProcess, Origin};

/// One request over HTTP.
pub(super) struct Exchange {
    /// What all connections share.
    pub(super) hub: Rc<Hub>,
    /// Where it comes from.
    pub(super) origin: Origin,
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// Its body, of which nothing was read.
    pub(super) body: Incoming,
    /// Whether nothing of the body is left, so that another request may follow.
    pub(super) is_read: Rc<Cell<bool>>,
    /// What stands in the path where its pattern has a name in braces, in order.
    pub(super) captured: Vec<String>,
    /// What stands behind the `?`.
    pub(super) query: Query,
}

impl Exchange {
    /// Returns what stands in the path where its pattern has the first name in braces.
    pub(super) fn target(&self) -> &str {
        self.captured.first().map_or("", String::as_str)
    }

    /// Chooses among the media types in which the answer can be given, the preferred first.
    pub(super) fn accepted(&self, offers: &'static [&'static str]) -> Result<&'static str, Problem> {
        choose(&self.headers, offers)
    }

    /// Joins the engine on behalf of the other side, under the name that its `Buslane-Name` gives.
    pub(super) fn join(&self) -> Result<InProcess, Problem> {
        let name = single(&self.headers, NAME)?;
        let name = name
            .map(|name| Name::parse(name).map_err(|error| Problem::new(ErrorCode::InvalidName).detail(error)))
            .transpose()?;
        InProcess::open(&self.hub, &self.origin, name)
    }

    /// Returns the id of the message that the exchange is about: what `Buslane-Id` says, or a new one.
    pub(super) fn id(&self) -> Result<Id, Problem> {
        match single(&self.headers, ID)? {
            Some(id) => Id::parse(id).map_err(|error| Problem::new(ErrorCode::InvalidId).detail(error)),
            None => Ok(new_id()),
        }
    }
}

/// Reads a header that must not come twice.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(invalid(format_args!("the header {name} occurs twice")));
    }
    text(name, value).map(Some)
}

/// Reads a header's value as text.
pub(super) fn text<'a>(name: &str, value: &'a HeaderValue) -> Result<&'a str, Problem> {
    std::str::from_utf8(value.as_bytes())
        .map_err(|_| invalid(format_args!("the value of the header {name} is not UTF-8")))
}

/// Names the client for as long as the exchange lasts.
pub(super) const NAME: &str = "buslane-name";
/// Names the message.
pub(super) const ID: &str = "buslane-id";
