//! The `headers` of a text, and the members that binary frames carry among the headers.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::envelope::{Envelope, Member};
use super::reader::{Reader, Side};
use crate::clip::clip;
use crate::{DecodeError, HeaderMember, HeaderMemberKind, Headers, HeadersBuf, HeadersError};

/// Reads the headers. Members that only the broker sets are unknown, and so ignored, from a client.
pub(super) fn read(
    reader: &Reader,
    envelope: &Envelope<'_>,
    side: Side,
) -> Result<Headers<'static>, DecodeError> {
    let rare = rare_members(envelope);
    if envelope.headers.is_none() && rare.iter().all(|member| **member == Member::Absent) {
        return Ok(Headers::default());
    }
    let refused = |source| DecodeError::Headers {
        id: reader.id,
        source,
    };
    let mut block = HeadersBuf::new();
    for (member, value) in Headers::MEMBERS.iter().zip(rare) {
        if side == Side::Client && member.broker_only {
            continue;
        }
        if let Some(value) = member_text(reader, member, value)? {
            block.push(member.header, &value).map_err(refused)?;
        }
    }
    if let Some(raw) = envelope.headers.filter(|raw| raw.get() != "null") {
        let entries: Entries<'_> = serde_json::from_str(raw.get())
            .map_err(|error| reader.fault(format!("`headers` must be an object of strings: {error}")))?;
        for (name, value) in &entries.0 {
            push(&mut block, name, value).map_err(refused)?;
        }
    }
    Ok(block.finish())
}

/// Appends a header; one that stands for a member is no header in JSON text.
fn push(block: &mut HeadersBuf, name: &str, value: &str) -> Result<(), HeadersError> {
    if name.starts_with(':') {
        return Err(HeadersError::Name {
            name: clip(name, Headers::MAX_NAME).to_owned(),
        });
    }
    block.push(name, value)
}

/// Returns the members in the order of [`Headers::MEMBERS`].
fn rare_members<'e, 'a>(envelope: &'e Envelope<'a>) -> [&'e Member<'a>; Headers::MEMBERS.len()] {
    [
        &envelope.content_type,
        &envelope.reply_to,
        &envelope.sent_at,
        &envelope.schema,
        &envelope.signature,
        &envelope.encryption,
        &envelope.attempts,
        &envelope.status,
        &envelope.shared,
        &envelope.snapshot,
        &envelope.filter,
        &envelope.callee,
    ]
}

/// Returns the text of a member as it stands in the block, `None` if it is left out.
fn member_text<'v>(
    reader: &Reader,
    member: &HeaderMember,
    value: &'v Member<'_>,
) -> Result<Option<Cow<'v, str>>, DecodeError> {
    let expected = match (member.kind, value) {
        (_, Member::Absent | Member::Null) | (HeaderMemberKind::Flag, Member::Flag(false)) => {
            return Ok(None);
        }
        (HeaderMemberKind::Text, Member::Text(text)) => return Ok(Some(Cow::Borrowed(text))),
        (HeaderMemberKind::Integer, Member::Number(number)) => {
            return Ok(Some(Cow::Owned(number.to_string())));
        }
        (HeaderMemberKind::Flag, Member::Flag(true)) => return Ok(Some(Cow::Borrowed("true"))),
        (HeaderMemberKind::Text, _) => "a string",
        (HeaderMemberKind::Integer, _) => "a whole number",
        (HeaderMemberKind::Flag, _) => "true or false",
    };
    Err(reader.fault(format!("`{}` must be {expected}", member.member)))
}

/// Names and values in the order of the text, doubles included.
struct Entries<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor).map(Entries)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = members.next_entry::<Text<'de>, Text<'de>>()? {
            entries.push((entry.0.0, entry.1.0));
        }
        Ok(entries)
    }
}

/// A string, borrowed where it holds no escape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
