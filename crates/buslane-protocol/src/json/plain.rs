//! The delivery of a publish that asks for nothing else, as a line whose length is known before it is written. What it takes,
//! it writes as [`encode`](super::encode) does; everything else is left to that.

use super::PLAIN;
use crate::{Payload, PayloadKind, Topic};

/// A delivery without id, headers and flags, to be written as a line of JSON.
///
/// ```
/// use buslane_protocol::json::PlainLine;
/// use buslane_protocol::{Payload, Topic};
/// let (topic, payload) = (Topic::parse("host/a/cpu").unwrap(), Payload::checked(&b"1"[..]));
/// let mut line = Vec::new();
/// PlainLine::new("client-2", &topic, &payload).unwrap().write(&mut line);
/// assert_eq!(line, br#"{"type":"delivery","topic":"host/a/cpu","from":"client-2","payload":1}
/// "#);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PlainLine<'a> {
    from: &'a str,
    topic: &'a str,
    payload: &'a [u8],
}

impl<'a> PlainLine<'a> {
    /// Makes the delivery of a payload, if that is known to be JSON without line breaks, and no text needs an escape.
    #[inline]
    pub fn new(from: &'a str, topic: &'a Topic<'_>, payload: &'a Payload<'_>) -> Option<Self> {
        let (topic, bytes) = (topic.as_str(), &*payload.bytes);
        let is_one_line = memchr::memchr2(b'\n', b'\r', bytes).is_none();
        let is_value = payload.kind == PayloadKind::CheckedJson && !bytes.is_empty();
        (is_value && is_plain(from) && is_plain(topic) && is_one_line).then_some(PlainLine {
            from,
            topic,
            payload: bytes,
        })
    }

    /// Returns the length of the line with its end.
    #[inline]
    pub fn length(&self) -> usize {
        let parts = self.parts();
        parts.iter().map(|part| part.len()).sum()
    }

    /// Appends the line with its end.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.length());
        self.parts().iter().for_each(|part| out.extend_from_slice(part));
    }

    #[inline]
    fn parts(&self) -> [&[u8]; 7] {
        [
            br#"{"type":"delivery","topic":""#,
            self.topic.as_bytes(),
            br#"","from":""#,
            self.from.as_bytes(),
            br#"","payload":"#,
            self.payload,
            b"}\n",
        ]
    }
}

/// Tells whether a text stands in a string as it is.
#[inline]
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| PLAIN[usize::from(byte)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BrokerMessage, Delivery, Framing, Headers};

    fn topic(text: &str) -> Topic<'_> {
        Topic::parse(text).unwrap()
    }

    #[test]
    fn a_plain_line_is_what_the_codec_writes() {
        for (from, text, payload) in [
            ("client-2", "host/a/cpu", "0.25"),
            ("", "\u{e5}", "\"\\n \u{2028}\""),
            ("meter#1", "a b/c", "{ \"a\" : [1,\t2] }"),
        ] {
            let payload = Payload::checked(payload.as_bytes());
            let topic = topic(text);
            let line = PlainLine::new(from, &topic, &payload).unwrap();
            let (mut written, mut expected) = (b"before".to_vec(), b"before".to_vec());
            line.write(&mut written);
            assert_eq!(written.len() - b"before".len(), line.length());
            let delivery = Delivery {
                id: None,
                topic: topic.clone(),
                from: from.into(),
                headers: Headers::default(),
                payload: payload.clone(),
                retained: false,
            };
            Framing::JsonLines.encode(&mut expected, &BrokerMessage::Delivery(delivery));
            assert_eq!(written, expected);
        }
    }

    #[test]
    fn what_needs_more_than_copying_is_left() {
        let value = || Payload::checked(&b"1"[..]);
        assert!(PlainLine::new("me", &topic("a"), &value()).is_some());
        for (from, text, payload) in [
            ("\"me\"", "a", value()),
            ("me", "a\"b", value()),
            ("me", "a\\b", value()),
            ("me", "a", Payload::absent()),
            ("me", "a", Payload::checked(&b""[..])),
            ("me", "a", Payload::json(&b"1"[..])),
            ("me", "a", Payload::bytes(&b"1"[..])),
            ("me", "a", Payload::checked(&b"[1,\n2]"[..])),
            ("me", "a", Payload::checked(&b"[1,\r2]"[..])),
        ] {
            assert!(
                PlainLine::new(from, &topic(text), &payload).is_none(),
                "{payload:?}"
            );
        }
    }
}
