//! The members of the envelope that travel in the header block.

use super::{Headers, HeadersError};

/// A member of the envelope that travels in the header block of a binary frame and as a member of JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderMember {
    /// Its name in the header block, as `:content-type`.
    pub header: &'static str,
    /// Its name in JSON text, as `content_type`.
    pub member: &'static str,
    /// What its value is.
    pub kind: HeaderMemberKind,
    /// Whether only the broker may set it.
    pub broker_only: bool,
}

/// What the value of a [`HeaderMember`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderMemberKind {
    /// A string.
    Text,
    /// A whole number from 0 to 2^64 - 1; in the block as decimal digits without leading zeros.
    Integer,
    /// `true`, in the block as `true`; left out otherwise.
    Flag,
}

pub(super) const MEMBERS: &[HeaderMember] = &[
    member(Headers::CONTENT_TYPE, "content_type", HeaderMemberKind::Text),
    member(Headers::REPLY_TO, "reply_to", HeaderMemberKind::Text),
    member(Headers::SENT_AT, "sent_at", HeaderMemberKind::Integer),
    member(Headers::SCHEMA, "schema", HeaderMemberKind::Text),
    member(Headers::SIGNATURE, "signature", HeaderMemberKind::Text),
    member(Headers::ENCRYPTION, "encryption", HeaderMemberKind::Text),
    member(Headers::ATTEMPTS, "attempts", HeaderMemberKind::Integer),
    member(Headers::STATUS, "status", HeaderMemberKind::Integer),
    of_the_broker(Headers::SHARED, "shared", HeaderMemberKind::Text),
    of_the_broker(Headers::SNAPSHOT, "snapshot", HeaderMemberKind::Flag),
    of_the_broker(Headers::FILTER, "filter", HeaderMemberKind::Text),
    of_the_broker(Headers::CALLEE, "callee", HeaderMemberKind::Text),
];

const fn of_the_broker(header: &'static str, name: &'static str, kind: HeaderMemberKind) -> HeaderMember {
    HeaderMember {
        broker_only: true,
        ..member(header, name, kind)
    }
}

const fn member(header: &'static str, member: &'static str, kind: HeaderMemberKind) -> HeaderMember {
    HeaderMember {
        header,
        member,
        kind,
        broker_only: false,
    }
}

impl HeaderMember {
    /// Finds the member of a header's name.
    pub fn find(header: &str) -> Option<&'static HeaderMember> {
        if !header.starts_with(':') {
            return None;
        }
        MEMBERS.iter().find(|member| member.header == header)
    }

    /// Checks a value as it stands in the block.
    pub(super) fn check(&self, value: &str) -> Result<(), HeadersError> {
        match self.kind {
            HeaderMemberKind::Text => Ok(()),
            HeaderMemberKind::Integer if is_canonical_integer(value) => Ok(()),
            HeaderMemberKind::Integer => Err(HeadersError::Member {
                name: self.header,
                expected: "a whole number in decimal digits",
            }),
            HeaderMemberKind::Flag if value == "true" => Ok(()),
            HeaderMemberKind::Flag => Err(HeadersError::Member {
                name: self.header,
                expected: "true",
            }),
        }
    }
}

/// Tells whether JSON text can carry the digits verbatim: no sign, no leading zero, in range.
fn is_canonical_integer(value: &str) -> bool {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    digits && (value == "0" || !value.starts_with('0')) && value.parse::<u64>().is_ok()
}
