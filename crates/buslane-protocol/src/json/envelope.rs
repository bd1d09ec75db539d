//! Every member that a frequent message may have, found in one pass and borrowed from the text.

use std::borrow::Cow;
use std::fmt;
use std::str;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::{DecodeError, Id};

/// The members of a text, each of whatever type the sender gave it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Member<'a>,
    pub(super) id: Member<'a>,
    pub(super) topic: Member<'a>,
    pub(super) from: Member<'a>,
    #[serde(deserialize_with = "raw")]
    pub(super) to: Option<&'a RawValue>,
    #[serde(deserialize_with = "raw")]
    pub(super) payload: Option<&'a RawValue>,
    #[serde(deserialize_with = "raw")]
    pub(super) headers: Option<&'a RawValue>,
    pub(super) delivery: Member<'a>,
    pub(super) expires_in_ms: Member<'a>,
    pub(super) attempt: Member<'a>,
    pub(super) stream: Member<'a>,
    pub(super) credit: Member<'a>,
    pub(super) ack: Member<'a>,
    pub(super) retain: Member<'a>,
    pub(super) retain_ms: Member<'a>,
    pub(super) exclude_self: Member<'a>,
    pub(super) retained: Member<'a>,
    pub(super) last: Member<'a>,
    pub(super) sequence: Member<'a>,
    pub(super) receivers: Member<'a>,
    pub(super) encoding: Member<'a>,
    pub(super) content_type: Member<'a>,
    pub(super) reply_to: Member<'a>,
    pub(super) sent_at: Member<'a>,
    pub(super) schema: Member<'a>,
    pub(super) signature: Member<'a>,
    pub(super) encryption: Member<'a>,
    pub(super) attempts: Member<'a>,
    pub(super) status: Member<'a>,
    pub(super) shared: Member<'a>,
    pub(super) snapshot: Member<'a>,
    /// With which a message without `type` is a registration.
    pub(super) name: Member<'a>,
    pub(super) destination: Member<'a>,
    pub(super) responder: Member<'a>,
}

/// A member of whatever type: which one is right is known when the message's type is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Member<'a> {
    #[default]
    Absent,
    Null,
    Text(Cow<'a, str>),
    Number(u64),
    Flag(bool),
    /// A negative number, a fraction, an array or an object.
    Other,
}

impl<'a> Envelope<'a> {
    /// Finds the members of a text.
    pub(super) fn parse(text: &'a [u8]) -> Result<(&'a str, Envelope<'a>), DecodeError> {
        let text = str::from_utf8(text).map_err(|error| DecodeError::Json {
            reason: error.to_string(),
        })?;
        if !text.trim_ascii_start().starts_with('{') {
            return Err(no_object(text));
        }
        match serde_json::from_str(text) {
            Ok(envelope) => Ok((text, envelope)),
            Err(error) if error.classify() == Category::Data => Err(DecodeError::Member {
                id: probable_id(text),
                reason: error.to_string(),
            }),
            Err(error) => Err(DecodeError::Json {
                reason: error.to_string(),
            }),
        }
    }

    /// Returns the id, if there is one.
    pub(super) fn id(&self) -> Result<Option<Id>, DecodeError> {
        match &self.id {
            Member::Absent | Member::Null => Ok(None),
            Member::Text(text) => Ok(Some(Id::parse(text)?)),
            _ => Err(DecodeError::Member {
                id: None,
                reason: "`id` must be a string".to_owned(),
            }),
        }
    }
}

/// Makes the error of a text that does not begin as an object.
fn no_object(text: &str) -> DecodeError {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => DecodeError::Member {
            id: None,
            reason: "a message is a JSON object".to_owned(),
        },
        Err(error) => DecodeError::Json {
            reason: error.to_string(),
        },
    }
}

/// Finds the id of a text that is refused for another member's sake.
pub(super) fn probable_id(text: &str) -> Option<Id> {
    #[derive(Deserialize)]
    struct Only<'a> {
        #[serde(borrow, default)]
        id: Member<'a>,
    }

    match serde_json::from_str::<Only<'_>>(text).ok()?.id {
        Member::Text(text) => Id::parse(&text).ok(),
        _ => None,
    }
}

/// Takes a value verbatim; unlike `Option`'s own way, `null` is a value.
fn raw<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'de: 'a, 'a> Deserialize<'de> for Member<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Member<'de>, E> {
        Ok(Member::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Member<'de>, E> {
        Ok(Member::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Member<'de>, E> {
        Ok(Member::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Member<'de>, E> {
        Ok(Member::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Member<'de>, E> {
        Ok(Member::Other)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Member<'de>, E> {
        Ok(Member::Flag(flag))
    }

    fn visit_unit<E>(self) -> Result<Member<'de>, E> {
        Ok(Member::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Member<'de>, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Member<'de>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }
}
