//! Buslane's JSON text, one object a line: written and read without a parser where it is frequent.

use buslane_protocol::{ClientMessage, Connect, json};
use memchr::{memchr, memmem};

use super::binary::{decimal, registration, subscription};
use super::wire::{Cut, Event, METHOD, Own, Wire, refused};

/// Buslane in lines of JSON.
#[derive(Clone, Copy)]
pub(crate) struct Lines;

impl Wire for Lines {
    fn open(out: &mut Vec<u8>) {
        push_line(out, &ClientMessage::Connect(Connect::default()));
    }

    fn subscribe(out: &mut Vec<u8>, topic: &str) {
        push_line(out, &subscription(topic));
    }

    fn publish(out: &mut Vec<u8>, topic: &str, payload: &[u8]) {
        push_parts(
            out,
            &[
                b"{\"type\":\"publish\",\"topic\":\"",
                topic.as_bytes(),
                b"\",\"payload\":",
                payload,
            ],
        );
    }

    fn offer(out: &mut Vec<u8>, service: &str) {
        push_line(out, &registration(service));
    }

    fn expect_replies(out: &mut Vec<u8>) {
        push_line(out, &ClientMessage::Ping(None));
    }

    fn request(out: &mut Vec<u8>, number: u64, service: &str, payload: &[u8]) {
        let mut digits = [0; 20];
        let id = decimal(number, &mut digits);
        push_parts(
            out,
            &[
                b"{\"type\":\"request\",\"id\":\"",
                id,
                b"\",\"to\":\"",
                service.as_bytes(),
                b":",
                METHOD.as_bytes(),
                b"\",\"payload\":",
                payload,
            ],
        );
    }

    fn reply(out: &mut Vec<u8>, call: &[u8], payload: &[u8]) {
        push_parts(
            out,
            &[
                b"{\"type\":\"reply\",\"delivery\":",
                call,
                b",\"payload\":",
                payload,
            ],
        );
    }

    fn pong(out: &mut Vec<u8>) {
        push_line(out, &ClientMessage::Pong(None));
    }

    fn cut(bytes: &[u8]) -> Cut<'_> {
        let Some(end) = memchr(b'\n', bytes) else {
            return Ok(None);
        };
        let line = &bytes[..end];
        let kind = line.strip_prefix(b"{\"type\":\"").ok_or_else(|| refused(line))?;
        let kind = &kind[..memchr(b'"', kind).unwrap_or(0)];
        let event = match kind {
            b"delivery" => Event::Message,
            b"request" => Event::Call(delivery(line).ok_or_else(|| refused(line))?),
            b"reply" => Event::Reply,
            b"connected" | b"registered" | b"subscribed" | b"ack" | b"pong" => Event::Ready,
            b"ping" => Event::Ping,
            b"error" => return Err(refused(line)),
            _ => Event::Other,
        };
        Ok(Some((end + 1, event)))
    }
}

impl Own for Lines {
    fn push(out: &mut Vec<u8>, message: &ClientMessage<'_>) {
        push_line(out, message);
    }
}

/// Finds the digits of the delivery number, which stands before anything a client chose.
fn delivery(line: &[u8]) -> Option<&[u8]> {
    const MEMBER: &[u8] = b"\"delivery\":";
    let digits = &line[memmem::find(line, MEMBER)? + MEMBER.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    Some(&digits[..end])
}

/// Appends an object in parts and its closing brace.
fn push_parts(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"}\n");
}

fn push_line(out: &mut Vec<u8>, message: &ClientMessage<'_>) {
    json::encode_client(out, message);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use buslane_protocol::{Address, BrokerMessage, Delivery, Headers, Invocation, Payload, Topic};
    use std::borrow::Cow;

    fn payload() -> Payload<'static> {
        Payload {
            bytes: Cow::Borrowed(b"\"xx\""),
            ..Payload::default()
        }
    }

    #[test]
    fn lines_written_by_hand_are_understood_by_the_codec() {
        let mut out = Vec::new();
        Lines::publish(&mut out, "bench/t0", b"\"xx\"");
        Lines::request(&mut out, 17, "bench", b"\"xx\"");
        Lines::reply(&mut out, b"18", b"\"xx\"");
        let lines: Vec<_> = out.split_inclusive(|byte| *byte == b'\n').collect();
        let messages: Vec<_> = lines
            .iter()
            .map(|line| json::decode_client(line.trim_ascii_end()).unwrap())
            .collect();
        assert!(
            matches!(&messages[0], ClientMessage::Publish(publish) if publish.topic.as_str() == "bench/t0")
        );
        assert!(matches!(&messages[1], ClientMessage::Request(request) if request.id.as_str() == "17"));
        assert!(matches!(&messages[2], ClientMessage::Reply(reply) if reply.delivery == 18));
    }

    #[test]
    fn lines_of_the_broker_are_told_apart() {
        let request = BrokerMessage::Request(Invocation {
            delivery: 42,
            id: None,
            from: "client-1".into(),
            to: Address::parse("bench:echo").unwrap(),
            headers: Headers::default(),
            payload: payload(),
            expires_in_ms: Some(5_000),
            attempt: 1,
            stream: false,
            credit: 0,
        });
        let delivery = BrokerMessage::Delivery(Delivery {
            id: None,
            topic: Topic::parse("bench/t0").unwrap(),
            from: "client-2".into(),
            headers: Headers::default(),
            payload: payload(),
            retained: false,
        });
        let cases = [
            (request, Event::Call(b"42")),
            (delivery, Event::Message),
            (BrokerMessage::Ping(None), Event::Ping),
        ];
        for (message, expected) in cases {
            let mut line = Vec::new();
            json::encode_broker(&mut line, &message);
            line.push(b'\n');
            assert_eq!(Lines::cut(&line).unwrap().unwrap(), (line.len(), expected));
        }
    }
}
