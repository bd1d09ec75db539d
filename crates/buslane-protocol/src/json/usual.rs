//! The frequent messages as most clients write them, read without a parser: no space between members, no escape in
//! their texts, no member that is rare or unknown.
//!
//! Owns the shape only: what it takes is what the [parser](super::envelope) takes too, and means the same. Whatever looks
//! different, wrong texts among it, is left to the parser, which also says what is wrong.

use serde_json::value::RawValue;

use super::PLAIN;
use crate::{
    Address, ClientMessage, Deadline, Headers, Id, Payload, Publish, Reply, Request, Retain, Targets, Topic,
};

/// Reads a publish, a request or a reply of the usual shape; `None` if the text is anything else.
#[inline]
pub(super) fn decode(text: &str) -> Option<ClientMessage<'_>> {
    let rest = text.strip_prefix(r#"{"type":""#)?;
    if let Some(rest) = rest.strip_prefix(r#"publish","#) {
        publish(Members::read(rest)?)
    } else if let Some(rest) = rest.strip_prefix(r#"reply","#) {
        reply(Members::read(rest)?)
    } else {
        request(Members::read(rest.strip_prefix(r#"request","#)?)?)
    }
}

/// The members of a message behind its type, each as the text of its value.
#[derive(Default)]
struct Members<'a> {
    id: Option<&'a str>,
    /// `topic` or `to`.
    target: Option<Target<'a>>,
    delivery: Option<u64>,
    ack: Option<bool>,
    payload: Option<&'a str>,
}

enum Target<'a> {
    Topic(&'a str),
    To(&'a str),
}

impl<'a> Members<'a> {
    /// Reads members up to the end of the object, which is the end of the text. None may occur twice.
    #[inline]
    fn read(mut rest: &'a str) -> Option<Members<'a>> {
        let mut members = Members::default();
        loop {
            if let Some(value) = rest.strip_prefix(r#""payload":"#) {
                let old = members.payload.replace(value_of(&mut rest, value)?);
                old.is_none().then_some(())?;
            } else if let Some(text) = rest.strip_prefix(r#""topic":""#) {
                let old = members.target.replace(Target::Topic(text_of(&mut rest, text)?));
                old.is_none().then_some(())?;
            } else if let Some(text) = rest.strip_prefix(r#""id":""#) {
                let old = members.id.replace(text_of(&mut rest, text)?);
                old.is_none().then_some(())?;
            } else if let Some(text) = rest.strip_prefix(r#""to":""#) {
                let old = members.target.replace(Target::To(text_of(&mut rest, text)?));
                old.is_none().then_some(())?;
            } else if let Some(after) = rest.strip_prefix(r#""ack":true"#) {
                rest = after;
                members.ack.replace(true).is_none().then_some(())?;
            } else {
                let number = rest.strip_prefix(r#""delivery":"#)?;
                let old = members.delivery.replace(number_of(&mut rest, number)?);
                old.is_none().then_some(())?;
            }
            match rest.as_bytes() {
                [b',', ..] => rest = &rest[1..],
                [b'}'] => return Some(members),
                _ => return None,
            }
        }
    }

    fn payload(&self) -> Payload<'a> {
        self.payload
            .map_or(Payload::absent(), |text| Payload::checked(text.as_bytes()))
    }
}

fn publish(members: Members<'_>) -> Option<ClientMessage<'_>> {
    let (Some(Target::Topic(topic)), None) = (&members.target, members.delivery) else {
        return None;
    };
    let id = match members.id {
        Some(id) => Some(Id::parse(id).ok()?),
        // Who wants to be told names what is told of: the parser says so.
        None if members.ack.is_some() => return None,
        None => None,
    };
    Some(ClientMessage::Publish(Publish {
        id,
        topic: Topic::parse(*topic).ok()?,
        headers: Headers::default(),
        payload: members.payload(),
        ack: members.ack.unwrap_or(false),
        retain: Retain::Keep,
        retain_ms: None,
        exclude_self: false,
    }))
}

fn request(members: Members<'_>) -> Option<ClientMessage<'_>> {
    let (Some(Target::To(to)), None, None) = (&members.target, members.delivery, members.ack) else {
        return None;
    };
    Some(ClientMessage::Request(Request {
        id: Id::parse(members.id?).ok()?,
        to: Targets::One(Address::parse(*to).ok()?),
        headers: Headers::default(),
        payload: members.payload(),
        deadline: Deadline::Default,
        stream: false,
        credit: 0,
    }))
}

fn reply(members: Members<'_>) -> Option<ClientMessage<'_>> {
    // An id means nothing in a reply, but has to be one.
    let (None, None, None) = (&members.target, members.id, members.ack) else {
        return None;
    };
    Some(ClientMessage::Reply(Reply {
        delivery: members.delivery?,
        headers: Headers::default(),
        payload: members.payload(),
    }))
}

/// Takes a string without escapes whose opening quote has been read; `rest` becomes what follows it.
#[inline]
fn text_of<'a>(rest: &mut &'a str, text: &'a str) -> Option<&'a str> {
    // Texts of the envelope are short: looking at byte after byte is faster than preparing a search.
    let end = text.bytes().position(|byte| !PLAIN[usize::from(byte)])?;
    end_of_string(rest, text, end)
}

/// Ends a string at its first byte that is not plain, if that is its closing quote.
#[inline]
fn end_of_string<'a>(rest: &mut &'a str, text: &'a str, end: usize) -> Option<&'a str> {
    let (text, after) = text.split_at_checked(end)?;
    *rest = after.strip_prefix('"')?;
    Some(text)
}

/// Takes a whole number as JSON writes it.
#[inline]
fn number_of<'a>(rest: &mut &'a str, text: &'a str) -> Option<u64> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit())?;
    let (digits, after) = text.split_at_checked(end)?;
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    *rest = after;
    digits.parse().ok().filter(|_| !leading_zero)
}

/// Takes any value that begins a text and returns its text; `rest` becomes what follows it.
#[inline]
fn value_of<'a>(rest: &mut &'a str, text: &'a str) -> Option<&'a str> {
    if let Some(inside) = text.strip_prefix('"')
        && let Some(end) = memchr::memchr2(b'"', b'\\', inside.as_bytes())
        && inside.as_bytes()[end] == b'"'
        && has_no_controls(&inside.as_bytes()[..end])
    {
        let (value, after) = text.split_at_checked(end + 2)?;
        *rest = after;
        return Some(value);
    }
    if text.starts_with(char::is_whitespace) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let value = values.next()?.ok()?.get();
    *rest = text.get(value.len()..)?;
    Some(value)
}

/// Tells whether no byte is a control character. Looks at many at once: the least of a fixed number takes no branch.
#[inline]
fn has_no_controls(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    blocks.iter().all(|block| least(block) >= b' ') && least(rest) >= b' '
}

#[inline]
fn least(bytes: &[u8]) -> u8 {
    bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte))
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::client::decode_any;

    #[test]
    fn the_usual_messages_need_no_parser() {
        for text in [
            r#"{"type":"publish","topic":"a/b","payload":"text"}"#,
            r#"{"type":"publish","id":"7","topic":"a/b","payload":{"x":[1,"\"}"]}}"#,
            r#"{"type":"publish","payload":null,"topic":"\u00e5"}"#.replace("\\u00e5", "\u{e5}").as_str(),
            r#"{"type":"publish","topic":"a"}"#,
            r#"{"type":"publish","topic":"a","ack":true,"id":"1"}"#,
            r#"{"type":"publish","topic":"a","payload":"esca\"ped"}"#,
            r#"{"type":"publish","topic":"a","payload":-1.5e3}"#,
            r#"{"type":"request","id":"1","to":"a:b","payload":true}"#,
            r#"{"type":"request","to":"@a:b","id":"1"}"#,
            r#"{"type":"reply","delivery":18446744073709551615,"payload":[]}"#,
            r#"{"type":"reply","payload":{},"delivery":0}"#,
        ] {
            let usual = decode(text);
            assert!(usual.is_some(), "{text}");
            assert_eq!(usual, decode_any(text.as_bytes()).ok(), "{text}");
        }
    }

    #[test]
    fn whatever_is_not_usual_is_left_to_the_parser() {
        for text in [
            r#" {"type":"publish","topic":"a"}"#,
            r#"{"type":"publish","topic":"a"} "#,
            r#"{"type": "publish","topic":"a"}"#,
            r#"{"type":"publish","topic":"a","payload": 1}"#,
            r#"{"type":"publish","topic":"a","payload":1 }"#,
            r#"{"type":"publish","topic":"a\/b"}"#,
            r#"{"type":"publish","topic":"a","ack":true}"#,
            r#"{"type":"publish","topic":"a","ack":false}"#,
            r#"{"type":"request","id":"1","to":"a:b","ack":true}"#,
            r#"{"type":"publish","topic":"a","other":1}"#,
            r#"{"type":"publish","topic":null}"#,
            r#"{"type":"request","id":"1","to":["a:b","c:d"]}"#,
            r#"{"type":"reply","delivery":1,"id":"1"}"#,
            r#"{"type":"reply","delivery":1.0}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"publish","topic":"a","to":"a:b"}"#,
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn what_the_parser_refuses_is_not_taken() {
        let texts = [
            r#"{"type":"publish","topic":"a","payload":"x"}"#,
            r#"{"type":"publish","id":"1","payload":{"a":[1,2]},"topic":"a/b","ack":true}"#,
            r#"{"type":"request","id":"1","to":"a:b","payload":12}"#,
            r#"{"type":"reply","delivery":12,"payload":"\u00fc"}"#,
        ];
        let odd = [
            b'"', b'\\', b'}', b'{', b',', b':', b' ', b'\n', b'0', b'-', b'a', 0x7f, 0x1f,
        ];
        for text in texts {
            for position in 0..text.len() {
                for byte in odd {
                    let mut changed = text.as_bytes().to_vec();
                    changed[position] = byte;
                    let changed = String::from_utf8(changed).unwrap();
                    let cut = &text[..position];
                    for text in [&*changed, cut] {
                        if let Some(taken) = decode(text) {
                            assert_eq!(Ok(taken), decode_any(text.as_bytes()), "{text}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_control_character_is_found_wherever_it_stands() {
        let text = vec![b' '; 3 * BLOCK + 7];
        assert!(has_no_controls(&text));
        for position in 0..text.len() {
            let mut changed = text.clone();
            changed[position] = 0x1f;
            assert!(!has_no_controls(&changed), "{position}");
        }
    }

    #[test]
    fn no_member_occurs_twice() {
        for member in [r#""topic":"a""#, r#""payload":1"#, r#""id":"1""#, r#""ack":true"#] {
            let text = format!(r#"{{"type":"publish","topic":"a",{member},{member}}}"#);
            assert_eq!(decode(&text), None, "{text}");
            assert!(decode_any(text.as_bytes()).is_err(), "{text}");
        }
    }
}
