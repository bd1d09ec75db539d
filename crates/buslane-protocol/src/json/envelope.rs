//! Every member that a frequent message may have, found in one pass and borrowed from the text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::{parser, utf8};
use crate::{DecodeError, Id};

macro_rules! envelope {
    ($($member:ident = $name:literal),*; verbatim $($verbatim:ident = $verbatim_name:literal),*) => {
        /// The members of a text, each of whatever type the sender gave it.
        #[derive(Default)]
        pub(super) struct Envelope<'a> {
            $(pub(super) $member: Member<'a>,)*
            $(pub(super) $verbatim: Option<&'a RawValue>,)*
        }

        /// Which member comes next.
        #[allow(non_camel_case_types, reason = "each is named as its member")]
        enum Key {
            $($member,)*
            $($verbatim,)*
            Unknown,
        }

        impl Key {
            fn find(name: &str) -> Key {
                match name {
                    $($name => Key::$member,)*
                    $($verbatim_name => Key::$verbatim,)*
                    _ => Key::Unknown,
                }
            }
        }

        impl<'a> Envelope<'a> {
            /// Reads the value of a member that has not been there before.
            fn read<A: MapAccess<'a>>(&mut self, key: Key, members: &mut A) -> Result<(), A::Error> {
                match key {
                    $(Key::$member if self.$member == Member::Absent => self.$member = members.next_value()?,)*
                    $(Key::$verbatim if self.$verbatim.is_none() => self.$verbatim = Some(members.next_value()?),)*
                    $(Key::$member => return Err(A::Error::duplicate_field($name)),)*
                    $(Key::$verbatim => return Err(A::Error::duplicate_field($verbatim_name)),)*
                    Key::Unknown => _ = members.next_value::<IgnoredAny>()?,
                }
                Ok(())
            }
        }
    };
}

envelope! {
    kind = "type",
    id = "id",
    topic = "topic",
    from = "from",
    delivery = "delivery",
    expires_in_ms = "expires_in_ms",
    attempt = "attempt",
    stream = "stream",
    credit = "credit",
    ack = "ack",
    retain = "retain",
    retain_ms = "retain_ms",
    exclude_self = "exclude_self",
    retained = "retained",
    last = "last",
    sequence = "sequence",
    receivers = "receivers",
    encoding = "encoding",
    content_type = "content_type",
    reply_to = "reply_to",
    sent_at = "sent_at",
    schema = "schema",
    signature = "signature",
    encryption = "encryption",
    attempts = "attempts",
    status = "status",
    shared = "shared",
    snapshot = "snapshot",
    filter = "filter",
    callee = "callee",
    name = "name",
    destination = "destination",
    responder = "responder";
    verbatim
    to = "to",
    payload = "payload",
    headers = "headers"
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
    /// Finds the members of a text and returns the text.
    pub(super) fn parse(&mut self, text: &'a [u8]) -> Result<&'a str, DecodeError> {
        let text = utf8(text)?;
        if !text.trim_ascii_start().starts_with('{') {
            return Err(no_object(text));
        }
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = deserializer
            .deserialize_map(EnvelopeVisitor(self))
            .and_then(|()| deserializer.end());
        match read {
            Ok(()) => Ok(text),
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

    match parser::read::<Only<'_>>(text).ok()?.id {
        Member::Text(text) => Id::parse(&text).ok(),
        _ => None,
    }
}

/// Fills an envelope.
struct EnvelopeVisitor<'e, 'a>(&'e mut Envelope<'a>);

impl<'de> Visitor<'de> for EnvelopeVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<Key>()? {
            self.0.read(key, &mut members)?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(Key::find(name))
    }
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
