//! Turning members into what a message needs, each error naming the member and carrying the message's id.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::envelope::{Envelope, Member};
use super::headers;
use crate::clip::{REPEATED, clip};
use crate::{Address, DecodeError, Headers, Id, Payload, PayloadError, Targets, Topic};

/// Which side a message came from; clients cannot set what only the broker sets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Broker,
}

/// Reads members of a message whose id is known.
pub(super) struct Reader {
    pub(super) id: Option<Id>,
    side: Side,
}

impl Reader {
    /// Begins with the id, so that every later error carries it.
    pub(super) fn new(envelope: &Envelope<'_>, side: Side) -> Result<Reader, DecodeError> {
        Ok(Reader {
            id: envelope.id()?,
            side,
        })
    }

    /// Makes the error of a member.
    pub(super) fn fault(&self, reason: impl Into<String>) -> DecodeError {
        DecodeError::Member {
            id: self.id,
            reason: reason.into(),
        }
    }

    /// Returns the id, which the message must have.
    pub(super) fn required_id(&self, message: &str) -> Result<Id, DecodeError> {
        self.id.ok_or_else(|| self.fault(format!("{message} needs `id`")))
    }

    /// Reads a string that may be left out.
    pub(super) fn text<'a>(
        &self,
        member: Member<'a>,
        name: &str,
    ) -> Result<Option<Cow<'a, str>>, DecodeError> {
        match member {
            Member::Absent | Member::Null => Ok(None),
            Member::Text(text) => Ok(Some(text)),
            _ => Err(self.fault(format!("`{name}` must be a string"))),
        }
    }

    /// Reads a string.
    pub(super) fn required_text<'a>(
        &self,
        member: Member<'a>,
        name: &str,
    ) -> Result<Cow<'a, str>, DecodeError> {
        self.text(member, name)?.ok_or_else(|| self.missing(name))
    }

    /// Reads a boolean that is false if left out.
    pub(super) fn flag(&self, member: &Member<'_>, name: &str) -> Result<bool, DecodeError> {
        match member {
            Member::Absent | Member::Null => Ok(false),
            Member::Flag(flag) => Ok(*flag),
            _ => Err(self.fault(format!("`{name}` must be true or false"))),
        }
    }

    /// Reads a whole number that may be left out.
    pub(super) fn number(
        &self,
        member: &Member<'_>,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, DecodeError> {
        match member {
            Member::Absent | Member::Null => Ok(None),
            Member::Number(number) if range.contains(number) => Ok(Some(*number)),
            _ => {
                let (low, high) = range.into_inner();
                Err(self.fault(format!("`{name}` must be a whole number from {low} to {high}")))
            }
        }
    }

    /// Reads a whole number.
    pub(super) fn required_number(
        &self,
        member: &Member<'_>,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<u64, DecodeError> {
        self.number(member, name, range)?
            .ok_or_else(|| self.missing(name))
    }

    /// Reads a topic.
    pub(super) fn topic<'a>(&self, member: Member<'a>) -> Result<Topic<'a>, DecodeError> {
        let text = self.required_text(member, "topic")?;
        Topic::parse(text).map_err(|source| DecodeError::Topic { id: self.id, source })
    }

    /// Parses an address.
    pub(super) fn address<'a>(&self, text: Cow<'a, str>) -> Result<Address<'a>, DecodeError> {
        Address::parse(text).map_err(|source| DecodeError::Address { id: self.id, source })
    }

    /// Reads one address.
    pub(super) fn one_target<'a>(&self, raw: Option<&'a RawValue>) -> Result<Address<'a>, DecodeError> {
        match parse_raw(raw.ok_or_else(|| self.missing("to"))?) {
            Some(text) => self.address(text),
            None => Err(self.fault("`to` must be an address")),
        }
    }

    /// Reads one address or an array of them.
    pub(super) fn targets<'a>(&self, raw: Option<&'a RawValue>) -> Result<Targets<'a>, DecodeError> {
        let raw = raw.ok_or_else(|| self.missing("to"))?;
        if !raw.get().starts_with('[') {
            return self.one_target(Some(raw)).map(Targets::One);
        }
        let elements: Vec<Member<'a>> =
            serde_json::from_str(raw.get()).map_err(|error| self.fault(format!("`to`: {error}")))?;
        if !(2..=Targets::MAX).contains(&elements.len()) {
            return Err(self.fault(format!(
                "`to` has 2 to {} addresses, not {}",
                Targets::MAX,
                elements.len()
            )));
        }
        let address = |element| match element {
            Member::Text(text) => self.address(text),
            _ => Err(self.fault("`to` must be an address or an array of addresses")),
        };
        elements
            .into_iter()
            .map(address)
            .collect::<Result<_, _>>()
            .map(Targets::Several)
    }

    /// Reads the payload: a JSON value, or other bytes in base64.
    pub(super) fn payload<'a>(&self, envelope: &Envelope<'a>) -> Result<Payload<'a>, DecodeError> {
        let refused = |source| DecodeError::Payload { id: self.id, source };
        match &envelope.encoding {
            Member::Absent | Member::Null => Ok(match envelope.payload {
                Some(raw) => Payload::checked(raw.get().as_bytes()),
                None => Payload::absent(),
            }),
            Member::Text(name) if name == "base64" => {
                let raw = envelope.payload.ok_or_else(|| self.missing("payload"))?;
                let text = parse_raw(raw)
                    .ok_or_else(|| self.fault("`payload` must be a string where `encoding` is base64"))?;
                let bytes = STANDARD.decode(text.as_bytes());
                bytes.map(Payload::bytes).map_err(|error| {
                    refused(PayloadError::Base64 {
                        reason: error.to_string(),
                    })
                })
            }
            Member::Text(name) => Err(refused(PayloadError::Encoding {
                name: clip(name, REPEATED).to_owned(),
            })),
            _ => Err(self.fault("`encoding` must be a string")),
        }
    }

    /// Reads the headers and the members that travel among them.
    pub(super) fn headers(&self, envelope: &Envelope<'_>) -> Result<Headers<'static>, DecodeError> {
        headers::read(self, envelope, self.side)
    }

    /// Makes the error of a member that is not there.
    pub(super) fn missing(&self, name: &str) -> DecodeError {
        self.fault(format!("`{name}` is missing"))
    }
}

/// Reads a JSON string, borrowed if it holds no escape; `None` if the value is no string.
fn parse_raw(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inside = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str(raw.get()).ok().map(Cow::Owned)
}
