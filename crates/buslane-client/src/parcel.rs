//! The owned copy of a message that came: made once by the driver, shared by whoever reads it.

use buslane_protocol::{Headers, Id, Payload as WirePayload, PayloadKind};
use bytes::{BufMut, Bytes, BytesMut};

use crate::payload::Payload;

/// A message that came.
///
/// ```text
/// bytes:  id | subject | from | payload
/// ```
#[derive(Clone)]
pub(crate) struct Parcel {
    bytes: Bytes,
    headers: Headers<'static>,
    kind: PayloadKind,
    /// Where the id ends and the subject begins.
    subject: u8,
    /// Where the sender begins.
    from: u32,
    /// Where the payload begins.
    payload: u32,
}

/// The parts of a message, borrowed from the session.
pub(crate) struct Parts<'a> {
    /// The sender's id.
    pub(crate) id: Option<&'a Id>,
    /// A delivery's topic, or a request's address.
    pub(crate) subject: &'a str,
    /// Who sent it, as the broker says.
    pub(crate) from: &'a str,
    pub(crate) headers: &'a Headers<'a>,
    pub(crate) payload: &'a WirePayload<'a>,
}

impl Parts<'_> {
    /// Returns how many bytes a copy has, without headers.
    pub(crate) fn length(&self) -> usize {
        let id = self.id.map_or(0, |id| id.as_bytes().len());
        id + self.subject.len() + self.from.len() + self.payload.bytes.len()
    }

    fn write(&self, out: &mut impl BufMut) {
        if let Some(id) = self.id {
            out.put_slice(id.as_bytes());
        }
        out.put_slice(self.subject.as_bytes());
        out.put_slice(self.from.as_bytes());
        out.put_slice(&self.payload.bytes);
    }
}

impl Parcel {
    /// Copies a message into memory of its own.
    pub(crate) fn new(parts: Parts<'_>) -> Parcel {
        let mut bytes = Vec::with_capacity(parts.length());
        parts.write(&mut bytes);
        Parcel::of(&parts, bytes.into())
    }

    /// Copies a message into memory that it shares with others.
    pub(crate) fn within(parts: Parts<'_>, memory: &mut BytesMut) -> Parcel {
        parts.write(memory);
        Parcel::of(&parts, memory.split().freeze())
    }

    fn of(parts: &Parts<'_>, bytes: Bytes) -> Parcel {
        let subject = parts.id.map_or(0, |id| id.as_bytes().len());
        let from = subject + parts.subject.len();
        let headers = if parts.headers.is_empty() {
            Headers::default()
        } else {
            parts.headers.clone().into_owned()
        };
        Parcel {
            bytes,
            headers,
            kind: parts.payload.kind,
            subject: subject as u8,
            from: from as u32,
            payload: (from + parts.from.len()) as u32,
        }
    }

    /// Returns the bytes that it takes up in a queue, its own bookkeeping included.
    pub(crate) fn cost(&self) -> usize {
        size_of::<Parcel>() + self.bytes.len() + self.headers.as_bytes().len()
    }

    pub(crate) fn id(&self) -> Option<&str> {
        let id = self.text(0, usize::from(self.subject));
        if id.is_empty() { None } else { Some(id) }
    }

    pub(crate) fn subject(&self) -> &str {
        self.text(usize::from(self.subject), self.from as usize)
    }

    pub(crate) fn from(&self) -> &str {
        self.text(self.from as usize, self.payload as usize)
    }

    pub(crate) fn headers(&self) -> &Headers<'static> {
        &self.headers
    }

    pub(crate) fn payload(&self) -> Payload<'_> {
        let content_type = if self.headers.is_empty() {
            None
        } else {
            self.headers.content_type()
        };
        Payload::new(&self.bytes[self.payload as usize..], self.kind, content_type)
    }

    fn text(&self, start: usize, end: usize) -> &str {
        std::str::from_utf8(&self.bytes[start..end]).expect("it was copied from text")
    }
}

/// Writes the accessors that every public type around a parcel has.
macro_rules! parcel_accessors {
    ($what:literal) => {
        #[doc = concat!("Returns who sent the ", $what, ", as the broker says: `service#instance`, or a client's name.")]
        pub fn from(&self) -> &str {
            self.parcel.from()
        }

        #[doc = concat!("Returns what the ", $what, " carries, to be displayed or read.")]
        pub fn payload(&self) -> $crate::Payload<'_> {
            self.parcel.payload()
        }

        /// Returns the bytes of the payload.
        pub fn bytes(&self) -> &[u8] {
            self.parcel.payload().as_bytes()
        }

        /// Reads the payload, which is JSON text, as a `T`.
        pub fn json<T: serde::de::DeserializeOwned>(&self) -> serde_json::Result<T> {
            self.parcel.payload().json()
        }

        /// Returns the value of a header.
        pub fn header(&self, name: &str) -> Option<&str> {
            self.parcel.headers().find(name)
        }

        /// Returns the headers. Names that begin with `:` are members of the envelope, as `:content-type`.
        pub fn headers(&self) -> &buslane_protocol::Headers<'static> {
            self.parcel.headers()
        }
    };
}

pub(crate) use parcel_accessors;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_comes_back() {
        let id = Id::parse("id-1").unwrap();
        let parts = Parts {
            id: Some(&id),
            subject: "host/a/cpu",
            from: "monitor#1",
            headers: &Headers::default(),
            payload: &WirePayload {
                bytes: b"0.5".as_slice().into(),
                kind: PayloadKind::Json,
            },
        };
        let parcel = Parcel::new(parts);
        assert_eq!(
            (parcel.id(), parcel.subject(), parcel.from()),
            (Some("id-1"), "host/a/cpu", "monitor#1")
        );
        assert_eq!(parcel.payload().to_string(), "0.5");
    }

    #[test]
    fn missing_parts_are_none_and_empty() {
        let payload = WirePayload::default();
        let parts = Parts {
            id: None,
            subject: "t",
            from: "",
            headers: &Headers::default(),
            payload: &payload,
        };
        let parcel = Parcel::new(parts);
        assert_eq!((parcel.id(), parcel.subject(), parcel.from()), (None, "t", ""));
        assert!(parcel.payload().is_empty());
    }
}
