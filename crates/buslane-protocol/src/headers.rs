//! Headers, and the envelope's rarer members, in the form in which they travel in binary frames.
//!
//! Owns the layout of a header block and the rules of names and values; knows nothing of messages.

mod builder;
mod entries;
mod members;

use std::borrow::Cow;
use std::fmt;

pub use builder::HeadersBuf;
pub use entries::HeaderEntries;
pub use members::{HeaderMember, HeaderMemberKind};

use crate::ErrorCode;

/// A block of headers, checked.
///
/// ```text
/// repeated:  u8 name length | u16 LE value length | name | value
/// ```
///
/// Names are 1 to 64 of `a-z 0-9 - _ .`, values UTF-8 without control characters. A name that begins with `:` stands
/// for a member of the envelope that the broker does not route by, see [`Headers::MEMBERS`]; JSON text carries those
/// as members, not as headers. Names under `:` that the table does not know are carried between binary clients and
/// left out of JSON text; those under `:bus-` are kept for brokers.
///
/// ```
/// use buslane_protocol::{Headers, HeadersBuf};
/// let mut headers = HeadersBuf::new();
/// headers.push("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
/// headers.push(Headers::CONTENT_TYPE, "image/png").unwrap();
/// let headers = headers.finish();
/// assert_eq!(headers.content_type(), Some("image/png"));
/// assert_eq!(Headers::parse(headers.as_bytes()).unwrap(), headers);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers<'a>(Cow<'a, [u8]>);

/// Why headers are refused. Final: the same headers are refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadersError {
    /// The block's layout is broken.
    #[error("the header block breaks off at byte {offset}")]
    Layout {
        /// Where, in bytes from the block's start.
        offset: usize,
    },
    /// A name is empty, too long or holds a forbidden character.
    #[error("a header name has 1 to 64 of a-z 0-9 - _ . ; {name:?} does not")]
    Name {
        /// The name, cut to 64 bytes.
        name: String,
    },
    /// A value is no UTF-8 or holds a control character.
    #[error("the value of header {name} is not UTF-8 without control characters")]
    Value {
        /// The header's name.
        name: String,
    },
    /// A value of the envelope's own members is not of its type.
    #[error("the value of {name} must be {expected}")]
    Member {
        /// The header's name.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A client set a member that only the broker sets.
    #[error("{name} is set by the broker only")]
    Reserved {
        /// The header's name.
        name: String,
    },
    /// A name occurs twice.
    #[error("the header {name} occurs twice")]
    Duplicate {
        /// The header's name.
        name: String,
    },
    /// There are too many, or they are too long.
    #[error("a message has at most {limit} {what} of headers")]
    TooLarge {
        /// `entries` or `bytes`.
        what: &'static str,
        /// The number allowed.
        limit: usize,
    },
}

impl HeadersError {
    /// Returns the error code that the sender is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            HeadersError::TooLarge { .. } => ErrorCode::HeadersTooLarge,
            _ => ErrorCode::InvalidMessage,
        }
    }
}

impl<'a> Headers<'a> {
    /// The media type of the payload; `application/json` if absent and the payload is JSON.
    pub const CONTENT_TYPE: &'static str = ":content-type";
    /// The address or topic where further answers may go.
    pub const REPLY_TO: &'static str = ":reply-to";
    /// The sender's clock, in Unix milliseconds: information, never compared.
    pub const SENT_AT: &'static str = ":sent-at";
    /// A reference to the payload's schema.
    pub const SCHEMA: &'static str = ":schema";
    /// A signature over the payload (JWS, RFC 7515).
    pub const SIGNATURE: &'static str = ":signature";
    /// How the payload is encrypted (the header of a JWE, RFC 7516).
    pub const ENCRYPTION: &'static str = ":encryption";
    /// How many attempts are allowed.
    pub const ATTEMPTS: &'static str = ":attempts";
    /// The answer's own status, as another system's clients know it.
    pub const STATUS: &'static str = ":status";
    /// The shared subscription that a delivery is a copy for; set by the broker only.
    pub const SHARED: &'static str = ":shared";
    /// Marks an event of the present state; set by the broker only.
    pub const SNAPSHOT: &'static str = ":snapshot";
    /// The filter of the new subscription that a retained value is for; set by the broker only.
    pub const FILTER: &'static str = ":filter";
    /// The instance that a request is for, where its address could mean several of the receiver's; set by the broker
    /// only.
    pub const CALLEE: &'static str = ":callee";

    /// How names begin that a broker of a later version may set: no client may do so today.
    pub const OF_BROKER: &'static str = ":bus-";
    /// The names that stand for members of the envelope.
    pub const MEMBERS: &'static [HeaderMember] = members::MEMBERS;
    /// The most entries that a block may have, whatever the limit of the broker says.
    pub const MAX_ENTRIES: usize = 128;
    /// The most bytes that a block may have: its length is a 16-bit number.
    pub const MAX_BYTES: usize = u16::MAX as usize;
    /// The longest name, in bytes.
    pub const MAX_NAME: usize = 64;

    /// Checks a block and takes it.
    #[inline]
    pub fn parse(block: impl Into<Cow<'a, [u8]>>) -> Result<Headers<'a>, HeadersError> {
        let block = block.into();
        if !block.is_empty() {
            entries::check(&block)?;
        }
        Ok(Headers(block))
    }

    /// Tells whether there is no header.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the block as it travels in a binary frame.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns names and values in the order of the block, members of the envelope included.
    pub fn iter(&self) -> HeaderEntries<'_> {
        HeaderEntries::new(&self.0)
    }

    /// Returns the value of a name.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    /// Returns the media type of the payload.
    pub fn content_type(&self) -> Option<&str> {
        self.find(Self::CONTENT_TYPE)
    }

    /// Returns the address or topic where further answers may go.
    pub fn reply_to(&self) -> Option<&str> {
        self.find(Self::REPLY_TO)
    }

    /// Returns the sender's clock, in Unix milliseconds.
    pub fn sent_at(&self) -> Option<u64> {
        self.integer(Self::SENT_AT)
    }

    /// Returns the reference to the payload's schema.
    pub fn schema(&self) -> Option<&str> {
        self.find(Self::SCHEMA)
    }

    /// Returns the signature over the payload.
    pub fn signature(&self) -> Option<&str> {
        self.find(Self::SIGNATURE)
    }

    /// Returns how the payload is encrypted.
    pub fn encryption(&self) -> Option<&str> {
        self.find(Self::ENCRYPTION)
    }

    /// Returns how many attempts are allowed.
    pub fn attempts(&self) -> Option<u64> {
        self.integer(Self::ATTEMPTS)
    }

    /// Returns the answer's own status.
    pub fn status(&self) -> Option<u64> {
        self.integer(Self::STATUS)
    }

    /// Returns the shared subscription that a delivery is a copy for.
    pub fn shared(&self) -> Option<&str> {
        self.find(Self::SHARED)
    }

    /// Tells whether a delivery is an event of the present state.
    pub fn is_snapshot(&self) -> bool {
        self.find(Self::SNAPSHOT).is_some()
    }

    /// Returns the filter of the new subscription that a retained value is for.
    pub fn filter(&self) -> Option<&str> {
        self.find(Self::FILTER)
    }

    /// Returns the instance that a request is for, as `service#instance`, where its address could mean several.
    pub fn callee(&self) -> Option<&str> {
        self.find(Self::CALLEE)
    }

    /// Refuses members that only the broker sets.
    pub fn check_from_client(&self) -> Result<(), HeadersError> {
        let is_reserved = |name: &str| {
            let known = HeaderMember::find(name).is_some_and(|member| member.broker_only);
            known || name.starts_with(Self::OF_BROKER)
        };
        match self.iter().find(|(name, _)| is_reserved(name)) {
            Some((name, _)) => Err(HeadersError::Reserved {
                name: name.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Copies the block, so that it borrows nothing.
    pub fn into_owned(self) -> Headers<'static> {
        Headers(Cow::Owned(self.0.into_owned()))
    }

    /// Lends the block.
    pub fn borrowed(&self) -> Headers<'_> {
        Headers(Cow::Borrowed(&self.0))
    }

    fn integer(&self, name: &str) -> Option<u64> {
        self.find(name).and_then(|value| value.parse().ok())
    }
}

impl<'a> IntoIterator for &'a Headers<'_> {
    type Item = (&'a str, &'a str);
    type IntoIter = HeaderEntries<'a>;

    fn into_iter(self) -> HeaderEntries<'a> {
        self.iter()
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8], value: &[u8]) -> Vec<u8> {
        let mut block = vec![name.len() as u8];
        block.extend_from_slice(&(value.len() as u16).to_le_bytes());
        block.extend_from_slice(name);
        block.extend_from_slice(value);
        block
    }

    #[test]
    fn a_block_is_built_and_read_in_order() {
        let mut block = HeadersBuf::new();
        block.push("b", "1").unwrap();
        block.push(":sent-at", "1700000000000").unwrap();
        block.push("a", "").unwrap();
        let headers = block.finish();
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [("b", "1"), (":sent-at", "1700000000000"), ("a", "")]
        );
        assert_eq!(
            (headers.sent_at(), headers.find("a"), headers.find("c")),
            (Some(1_700_000_000_000), Some(""), None)
        );
    }

    #[test]
    fn a_block_that_breaks_off_is_refused() {
        let block = entry(b"name", b"value");
        for length in 1..block.len() {
            assert_eq!(
                Headers::parse(&block[..length]),
                Err(HeadersError::Layout { offset: 0 }),
                "{length}"
            );
        }
        let mut two = block.clone();
        two.push(1);
        assert_eq!(
            Headers::parse(&two),
            Err(HeadersError::Layout { offset: block.len() })
        );
    }

    #[test]
    fn names_and_values_keep_their_rules() {
        for name in [&b""[..], b":", b"Name", b"a b", b"a:b", b"\xff", &[b'a'; 65]] {
            assert!(
                matches!(Headers::parse(entry(name, b"")), Err(HeadersError::Name { .. })),
                "{name:?}"
            );
        }
        for value in [&b"a\nb"[..], b"\xff", b"\x00", b"\x7f", "\u{85}".as_bytes()] {
            assert!(
                matches!(
                    Headers::parse(entry(b"a", value)),
                    Err(HeadersError::Value { .. })
                ),
                "{value:?}"
            );
        }
    }

    #[test]
    fn members_of_the_envelope_keep_their_types() {
        for value in ["", "-1", "+1", "01", "1.0", "18446744073709551616"] {
            let refused = Headers::parse(entry(b":sent-at", value.as_bytes()));
            assert!(
                matches!(refused, Err(HeadersError::Member { name: ":sent-at", .. })),
                "{value}"
            );
        }
        assert!(Headers::parse(entry(b":sent-at", b"18446744073709551615")).is_ok());
        assert!(Headers::parse(entry(b":snapshot", b"false")).is_err());
        assert!(
            Headers::parse(entry(b":snapshot", b"true"))
                .unwrap()
                .is_snapshot()
        );
    }

    #[test]
    fn doubles_are_refused() {
        let block = [entry(b"a", b"1"), entry(b"b", b"1"), entry(b"a", b"2")].concat();
        assert_eq!(
            Headers::parse(&block),
            Err(HeadersError::Duplicate { name: "a".to_owned() })
        );
        let mut built = HeadersBuf::new();
        built.push("a", "1").unwrap();
        let before = built.clone();
        assert_eq!(
            built.push("a", "2"),
            Err(HeadersError::Duplicate { name: "a".to_owned() })
        );
        assert_eq!(built, before);
    }

    #[test]
    fn a_block_has_a_bound_whatever_the_configuration_says() {
        let name = |index: usize| format!("h{index}");
        let entries = |count: usize| {
            (0..count)
                .flat_map(|index| entry(name(index).as_bytes(), b""))
                .collect::<Vec<_>>()
        };
        assert!(Headers::parse(entries(Headers::MAX_ENTRIES)).is_ok());
        let refused = HeadersError::TooLarge {
            what: "entries",
            limit: Headers::MAX_ENTRIES,
        };
        assert_eq!(Headers::parse(entries(Headers::MAX_ENTRIES + 1)), Err(refused));
        let long = "x".repeat(60_000);
        let mut built = HeadersBuf::new();
        built.push("a", &long).unwrap();
        assert!(matches!(
            built.push("b", &long),
            Err(HeadersError::TooLarge { what: "bytes", .. })
        ));
    }

    #[test]
    fn only_the_broker_sets_its_members() {
        for name in [":shared", ":bus-hops"] {
            let headers = Headers::parse(entry(name.as_bytes(), b"workers")).unwrap();
            let refused = HeadersError::Reserved {
                name: name.to_owned(),
            };
            assert_eq!(headers.check_from_client(), Err(refused));
        }
        let headers = Headers::parse(entry(b":content-type", b"text/plain")).unwrap();
        assert_eq!(headers.check_from_client(), Ok(()));
    }
}
