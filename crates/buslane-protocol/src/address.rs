//! Where a request goes.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::{Name, NameError};

/// The broker's own service, which answers introspection.
pub const BUS_SERVICE: &str = "$bus";

/// The address of a request, parsed once.
///
/// ```text
/// [node/] service           :method   one instance, balanced
/// [node/] service#instance  :method   that instance
/// [node/] @group            :method   every instance of the group, replies gathered
/// [node/] *                 :method   every instance that has the method, replies gathered
/// ```
///
/// ```
/// use buslane_protocol::{Address, Destination};
/// let address = Address::parse("attic#one:get").unwrap();
/// assert_eq!(address.destination(), Destination::Instance { service: "attic", instance: "one" });
/// assert_eq!(address.method(), "get");
/// for bad in ["attic", "attic:", ":get", "attic@1:get", "@:get", "a b:get", "attic#:get"] {
///     assert!(Address::parse(bad).is_err(), "{bad}");
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address<'a> {
    text: Cow<'a, str>,
    /// Where the target begins, after `node/`.
    target: u16,
    /// Where `#` stands, or where the target ends.
    hash: u16,
    /// Where `:` stands.
    colon: u16,
}

/// Whom an [`Address`] selects, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination<'a> {
    /// One instance of the service, the least loaded.
    Service(&'a str),
    /// That instance of the service.
    Instance {
        /// The service's name.
        service: &'a str,
        /// The instance's name.
        instance: &'a str,
    },
    /// Every instance that declared the group.
    Group(&'a str),
    /// Every instance that has the method.
    Every,
}

/// Why a text is no [`Address`]. Final: the same text is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is no `:method`.
    #[error("an address ends in ':method'; in a URL write '#' as %23")]
    NoMethod,
    /// The address selects a version, which is reserved.
    #[error("'service@VERSION:method' is reserved: addresses select no version yet")]
    Version,
    /// A part is no name.
    #[error("{part}: {source}")]
    Name {
        /// Which part: `node`, `service`, `instance`, `group` or `method`.
        part: &'static str,
        /// What is wrong with it.
        source: NameError,
    },
}

impl<'a> Address<'a> {
    /// Parses an address.
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Result<Address<'a>, AddressError> {
        let text = text.into();
        let name =
            |part, value: &str| Name::check(value).map_err(|source| AddressError::Name { part, source });
        // Addresses are short: looking at byte after byte is faster than preparing a search.
        let find = |from: usize, wanted: u8| text.as_bytes()[from..].iter().position(|byte| *byte == wanted);
        let target = match find(0, b'/') {
            Some(slash) => {
                name("node", &text[..slash])?;
                slash + 1
            }
            None => 0,
        };
        let colon = target + find(target, b':').ok_or(AddressError::NoMethod)?;
        name("method", &text[colon + 1..])?;
        let selected = &text[target..colon];
        let mut hash = colon;
        if let Some(group) = selected.strip_prefix('@') {
            name("group", group)?;
        } else if selected != "*" {
            if let Some(position) = selected.bytes().position(|byte| byte == b'#') {
                hash = target + position;
                name("instance", &selected[position + 1..])?;
            }
            let service = &text[target..hash];
            if service.bytes().any(|byte| byte == b'@') {
                return Err(AddressError::Version);
            }
            if service != BUS_SERVICE {
                name("service", service)?;
            }
        }
        // Each part is at most 128 bytes, so every offset fits.
        Ok(Address {
            target: target as u16,
            hash: hash as u16,
            colon: colon as u16,
            text,
        })
    }

    /// Returns the address's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the node, if the address names one.
    pub fn node(&self) -> Option<&str> {
        self.target
            .checked_sub(1)
            .map(|slash| &self.text[..usize::from(slash)])
    }

    /// Returns the method.
    pub fn method(&self) -> &str {
        &self.text[usize::from(self.colon) + 1..]
    }

    /// Returns whom the address selects.
    pub fn destination(&self) -> Destination<'_> {
        let (target, hash, colon) = (
            usize::from(self.target),
            usize::from(self.hash),
            usize::from(self.colon),
        );
        let selected = &self.text[target..hash];
        if selected == "*" {
            Destination::Every
        } else if let Some(group) = selected.strip_prefix('@') {
            Destination::Group(group)
        } else if hash < colon {
            Destination::Instance {
                service: selected,
                instance: &self.text[hash + 1..colon],
            }
        } else {
            Destination::Service(selected)
        }
    }

    /// Copies the text, so that the address borrows nothing.
    pub fn into_owned(self) -> Address<'static> {
        Address {
            text: Cow::Owned(self.text.into_owned()),
            ..self
        }
    }

    /// Lends the address.
    pub fn borrowed(&self) -> Address<'_> {
        Address {
            text: Cow::Borrowed(&self.text),
            ..*self
        }
    }
}

impl fmt::Debug for Address<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", &*self.text)
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Serialize for Address<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Address<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Address::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_parses() {
        let forms = [
            ("attic:get", Destination::Service("attic")),
            (
                "attic#one:get",
                Destination::Instance {
                    service: "attic",
                    instance: "one",
                },
            ),
            ("@storage:get", Destination::Group("storage")),
            ("*:get", Destination::Every),
        ];
        for (text, destination) in forms {
            let address = Address::parse(text).unwrap();
            assert_eq!(
                (address.node(), address.destination(), address.method()),
                (None, destination, "get")
            );
            let remote = Address::parse(format!("node-1/{text}")).unwrap();
            assert_eq!(
                (remote.node(), remote.destination()),
                (Some("node-1"), destination)
            );
        }
    }

    #[test]
    fn the_brokers_own_service_is_an_address() {
        assert_eq!(
            Address::parse("$bus:ping").unwrap().destination(),
            Destination::Service("$bus")
        );
    }

    #[test]
    fn reserved_and_broken_forms_say_why() {
        assert_eq!(Address::parse("attic"), Err(AddressError::NoMethod));
        assert_eq!(Address::parse("attic@2:get"), Err(AddressError::Version));
        let empty = NameError::Length { length: 0 };
        assert_eq!(
            Address::parse("attic:"),
            Err(AddressError::Name {
                part: "method",
                source: empty
            })
        );
    }
}
