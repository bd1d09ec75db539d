//! MQTT 3.1.1 at QoS 0.

use super::wire::{Cut, Event, Wire, refused};

/// MQTT, for comparison.
#[derive(Clone, Copy)]
pub(crate) struct Mqtt;

impl Wire for Mqtt {
    fn open(out: &mut Vec<u8>) {
        // Protocol level 4, a clean session, ten minutes of silence allowed, an id of the server's choice.
        push_packet(out, CONNECT, &[b"\x00\x04MQTT", &[4, 2, 2, 88], b"\x00\x00"]);
    }

    fn subscribe(out: &mut Vec<u8>, topic: &str) {
        push_packet(
            out,
            SUBSCRIBE,
            &[&[0, 1], &length_of(topic), topic.as_bytes(), &[0]],
        );
    }

    fn publish(out: &mut Vec<u8>, topic: &str, payload: &[u8]) {
        push_packet(out, PUBLISH, &[&length_of(topic), topic.as_bytes(), payload]);
    }

    fn offer(out: &mut Vec<u8>, _service: &str) {
        Self::subscribe(out, CALLS);
    }

    fn expect_replies(out: &mut Vec<u8>) {
        Self::subscribe(out, REPLIES);
    }

    fn request(out: &mut Vec<u8>, _number: u64, _service: &str, payload: &[u8]) {
        Self::publish(out, CALLS, payload);
    }

    fn reply(out: &mut Vec<u8>, _call: &[u8], payload: &[u8]) {
        Self::publish(out, REPLIES, payload);
    }

    fn pong(_out: &mut Vec<u8>) {}

    fn cut(bytes: &[u8]) -> Cut<'_> {
        let Some((start, end)) = body(bytes)? else {
            return Ok(None);
        };
        let Some(packet) = bytes.get(start..end) else {
            return Ok(None);
        };
        let event = match bytes[0] & 0xf0 {
            PUBLISH => published(packet).ok_or_else(|| refused(packet))?,
            CONNACK if packet.get(1) == Some(&0) => Event::Ready,
            SUBACK if packet.get(2) == Some(&0) => Event::Ready,
            CONNACK | SUBACK => return Err(refused(b"no to a session or subscription")),
            _ => Event::Other,
        };
        Ok(Some((end, event)))
    }
}

/// Finds where the body of the first packet begins and ends; `None` while its length is not whole.
fn body(bytes: &[u8]) -> std::io::Result<Option<(usize, usize)>> {
    let mut length = 0;
    for index in 1..=4 {
        let Some(byte) = bytes.get(index) else {
            return Ok(None);
        };
        length |= usize::from(byte & 0x7f) << (7 * (index - 1));
        if byte & 0x80 == 0 {
            return Ok(Some((index + 1, index + 1 + length)));
        }
    }
    Err(refused(b"a packet of more than four bytes of length"))
}

/// Tells what a published packet means by its topic.
fn published(packet: &[u8]) -> Option<Event<'_>> {
    let length = u16::from_be_bytes(*packet.first_chunk()?);
    Some(match packet.get(2..2 + usize::from(length))? {
        topic if topic == CALLS.as_bytes() => Event::Call(b""),
        topic if topic == REPLIES.as_bytes() => Event::Reply,
        _ => Event::Message,
    })
}

fn length_of(text: &str) -> [u8; 2] {
    (text.len() as u16).to_be_bytes()
}

/// Appends a packet of some parts.
fn push_packet(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    // The flags of a subscription are fixed.
    out.push(if kind == SUBSCRIBE { kind | 2 } else { kind });
    let mut length: usize = parts.iter().map(|part| part.len()).sum();
    while length >= 0x80 {
        out.push(length as u8 & 0x7f | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// The topic that requests go to.
const CALLS: &str = "bench/echo";
/// The topic that replies go to.
const REPLIES: &str = "bench/reply";

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x80;
const SUBACK: u8 = 0x90;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_cut_by_their_length() {
        let mut bytes = Vec::new();
        Mqtt::publish(&mut bytes, "bench/t0", &[b'x'; 200]);
        assert_eq!(&bytes[..3], [PUBLISH, 0x80 | (210 - 128), 1]);
        assert_eq!(Mqtt::cut(&bytes).unwrap(), Some((bytes.len(), Event::Message)));
        for length in 0..bytes.len() {
            assert_eq!(Mqtt::cut(&bytes[..length]).unwrap(), None, "{length}");
        }
    }

    #[test]
    fn requests_and_replies_are_told_apart_by_their_topic() {
        let (mut request, mut reply) = (Vec::new(), Vec::new());
        Mqtt::request(&mut request, 1, "bench", b"");
        Mqtt::reply(&mut reply, b"", b"");
        assert_eq!(Mqtt::cut(&request).unwrap().unwrap().1, Event::Call(b""));
        assert_eq!(Mqtt::cut(&reply).unwrap().unwrap().1, Event::Reply);
    }

    #[test]
    fn a_server_that_says_no_is_an_error() {
        assert_eq!(Mqtt::cut(&[CONNACK, 2, 0, 0]).unwrap(), Some((4, Event::Ready)));
        assert!(Mqtt::cut(&[CONNACK, 2, 0, 5]).is_err());
        assert!(Mqtt::cut(&[SUBACK, 3, 0, 1, 0x80]).is_err());
    }
}
