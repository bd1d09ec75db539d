//! CloudEvents 1.0 over HTTP: an event that is published becomes a message, and a message that is delivered becomes an
//! event, in binary mode (attributes as `ce-` headers) and in structured mode (one JSON object).
//!
//! ```text
//!  attribute            in a message                          a message without it gets
//!  specversion          header ce-specversion                 1.0
//!  id                   header ce-id                          the message's id, else a new UUIDv7
//!  source               header ce-source                      /NODE/FROM
//!  type                 header ce-type                        the topic with '.' for '/'
//!  time                 header ce-time                        sent_at, where there is one
//!  subject, dataschema, header ce-NAME                        -
//!    extensions
//!  datacontenttype      content type                          what the payload is
//!  data, data_base64    payload                               -
//!  buslanetopic         -                                     the topic
//!  buslanefrom          -                                     who published
//! ```
//!
//! So the attributes survive any transport: whoever gets the message, over whatever, finds them among its headers. The
//! last two are the broker's word: what a publisher says there is passed over. Pure functions; nothing here knows a
//! socket or the engine.

mod attribute;
mod binary;
mod structured;
mod timestamp;

use std::borrow::Cow;

use buslane_protocol::{Delivery, ErrorCode, Headers, HeadersBuf, HeadersError, Id, Name, Payload, Problem};
use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;

use super::media_type::{BYTES, CLOUD_EVENT, FORM, JSON, essence};
use attribute::check;

/// How a request or an answer holds an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Attributes are headers, the data is the body.
    Binary,
    /// The body is the event.
    Structured,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CloudEvent<'a> {
    /// Every attribute but `specversion` and `datacontenttype`, as text.
    attributes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// `datacontenttype`.
    content_type: Option<Cow<'a, str>>,
    /// The data; what it says of its kind goes with `content_type`.
    data: Payload<'a>,
}

/// Why something is no event. Final: the same text is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum CloudEventError {
    /// Several events in one body.
    #[error("a batch of events is not taken: send each event in a request of its own")]
    Batch,
    /// A format of events that is not JSON.
    #[error("events are taken as {CLOUD_EVENT} or in binary mode, not as {found}")]
    Format {
        /// The media type found.
        found: String,
    },
    /// The body is not one JSON object.
    #[error("the event is not one JSON object: {reason}")]
    Json {
        /// What the parser says.
        reason: String,
    },
    /// An attribute that every event has is not there.
    #[error("the attribute {attribute} is missing")]
    Missing {
        /// Its name.
        attribute: &'static str,
    },
    /// An attribute is not what it must be.
    #[error("the attribute {attribute} must be {expected}")]
    Value {
        /// Its name.
        attribute: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A name is none of an attribute.
    #[error("the name of an attribute has 1 to 61 of a-z 0-9; {attribute:?} does not")]
    Name {
        /// The name.
        attribute: String,
    },
    /// An attribute occurs twice.
    #[error("the attribute {attribute} occurs twice")]
    Doubled {
        /// Its name.
        attribute: String,
    },
    /// The data is there twice.
    #[error("data and data_base64 exclude each other")]
    TwoData,
    /// In binary mode the data's type stands elsewhere.
    #[error("the attribute datacontenttype stands in the header content-type, not in ce-datacontenttype")]
    ContentTypeHeader,
    /// The attributes do not fit among a message's headers.
    #[error(transparent)]
    Headers(#[from] HeadersError),
}

impl CloudEventError {
    /// Makes the problem that the publisher is told.
    pub(super) fn problem(&self) -> Problem {
        let code = match self {
            CloudEventError::Batch | CloudEventError::Format { .. } => ErrorCode::UnsupportedMediaType,
            CloudEventError::Json { .. } => ErrorCode::InvalidJson,
            CloudEventError::Headers(error) => error.code(),
            _ => ErrorCode::InvalidMessage,
        };
        Problem::new(code).detail(self)
    }
}

impl Mode {
    /// Finds out whether a request holds an event.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Mode>, CloudEventError> {
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        let essence = content_type.map(|value| essence(&String::from_utf8_lossy(value)));
        match essence.as_deref() {
            Some(CLOUD_EVENT) => return Ok(Some(Mode::Structured)),
            Some(found) if found.starts_with("application/cloudevents-batch") => {
                return Err(CloudEventError::Batch);
            }
            Some(found) if found.starts_with("application/cloudevents") => {
                let found = found.to_owned();
                return Err(CloudEventError::Format { found });
            }
            _ => {}
        }
        let is_binary = headers.keys().any(|name| name.as_str().starts_with(PREFIX));
        Ok(is_binary.then_some(Mode::Binary))
    }
}

impl<'a> CloudEvent<'a> {
    /// Reads the event of a request.
    pub(super) fn read(mode: Mode, headers: &HeaderMap, body: &'a [u8]) -> Result<Self, CloudEventError> {
        let event = match mode {
            Mode::Binary => binary::read(headers, body)?,
            Mode::Structured => structured::read(body)?,
        };
        let missing = |attribute: &&&'static str| event.find(attribute).is_none();
        match REQUIRED.iter().find(missing) {
            Some(attribute) => Err(CloudEventError::Missing { attribute }),
            None => Ok(event),
        }
    }

    /// Appends the event's attributes to the headers of a message, and returns the message's payload.
    pub(super) fn into_message(self, block: &mut HeadersBuf) -> Result<Payload<'a>, HeadersError> {
        block.push("ce-specversion", VERSION)?;
        for (name, value) in &self.attributes {
            block.push(&format!("{PREFIX}{name}"), value)?;
        }
        // Of JSON this is what a message without a content type is taken for.
        if let Some(content_type) = &self.content_type
            && content_type != JSON
        {
            block.push(Headers::CONTENT_TYPE, content_type)?;
        }
        Ok(self.data)
    }

    /// Makes the event of a message. `new_id` is asked for an id where the message has none.
    pub(super) fn of_delivery(
        delivery: &'a Delivery<'_>,
        node: &Name,
        new_id: impl FnOnce() -> Id,
    ) -> CloudEvent<'a> {
        let mut event = CloudEvent {
            attributes: Vec::new(),
            content_type: delivery.headers.content_type().map(Cow::Borrowed),
            data: delivery.payload.borrowed(),
        };
        for (name, value) in &delivery.headers {
            if let Some(name) = name.strip_prefix(PREFIX)
                && name != SPECVERSION
                && check(name, value).is_ok()
            {
                event.attributes.push((name.into(), value.into()));
            }
        }
        event.complete(delivery, node, new_id);
        if event.content_type.is_none() && !event.data.is_absent() {
            let assumed = if event.data.is_json() { JSON } else { BYTES };
            event.content_type = Some(assumed.into());
        }
        event
    }

    /// Writes the event in binary mode, and returns its data for the body.
    pub(super) fn write_headers(&self, headers: &mut HeaderMap) {
        binary::write(self, headers);
    }

    /// Appends the event in structured mode, without a line break.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        structured::write(self, out);
    }

    /// Adds what an event must have and a message need not, and what the broker knows.
    fn complete(&mut self, delivery: &Delivery<'_>, node: &Name, new_id: impl FnOnce() -> Id) {
        if self.find("id").is_none() {
            let id = delivery.id.unwrap_or_else(new_id);
            self.add("id", id.as_str().to_owned());
        }
        if self.find("source").is_none() {
            self.add("source", format!("/{node}/{}", delivery.from));
        }
        if self.find("type").is_none() {
            self.add("type", delivery.topic.as_str().replace('/', "."));
        }
        if self.find("time").is_none()
            && let Some(time) = delivery.headers.sent_at().and_then(timestamp::from_unix_ms)
        {
            self.add("time", time);
        }
        self.attributes.retain(|(name, _)| !attribute::is_stamped(name));
        self.add(attribute::TOPIC, delivery.topic.as_str().to_owned());
        self.add(attribute::FROM, delivery.from.to_string());
    }

    /// Tells whether a header of a message is an attribute of an event.
    pub(super) fn is_attribute(header: &str) -> bool {
        header.starts_with(PREFIX)
    }

    /// Returns an attribute.
    fn find(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_ref())
    }

    fn add(&mut self, name: &'static str, value: String) {
        self.attributes.push((name.into(), value.into()));
    }
}

/// Tells whether a media type says that the data is JSON. None says so, and so does what `curl -d` sends.
fn is_json(content_type: Option<&str>) -> bool {
    content_type
        .map(essence)
        .is_none_or(|essence| essence.ends_with("/json") || essence.ends_with("+json") || essence == FORM)
}

/// What the names of attributes are prefixed with, in HTTP as in a message.
const PREFIX: &str = "ce-";
/// The attribute that tells the version of the specification.
const SPECVERSION: &str = "specversion";
/// The one version there is.
const VERSION: &str = "1.0";
/// What every event has beside its version.
const REQUIRED: [&str; 3] = ["id", "source", "type"];

#[cfg(test)]
mod tests;
