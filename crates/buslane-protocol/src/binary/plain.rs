//! The publish that asks for nothing but its delivery, and that delivery: both are written and read by their layout alone,
//! since they are the most frequent messages. What a frame means otherwise is for the other files to say.

use super::layout::{HEADER, LENGTH, code, flag, when};
use crate::clip::clip;
use crate::{Payload, PayloadKind, Topic};

/// A publish with a topic and a payload, and without anything else.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainPublish<'a> {
    /// Where to.
    pub topic: Topic<'a>,
    /// What; JSON text is not checked.
    pub payload: Payload<'a>,
}

impl PlainPublish<'_> {
    /// Appends the frame.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        let frame = PlainFrame {
            kind: code::PUBLISH,
            from: "",
            topic: self.topic.as_str(),
            payload: &self.payload.bytes,
            flags: when(self.payload.kind == PayloadKind::Bytes, flag::BYTES),
        };
        frame.write(out);
    }
}

/// The delivery of a [`PlainPublish`], to be written.
///
/// ```
/// use buslane_protocol::binary::{PlainDelivery, decode_broker};
/// use buslane_protocol::{BrokerMessage, Payload, Topic};
/// let (topic, payload) = (Topic::parse("host/a/cpu").unwrap(), Payload::json(&b"1"[..]));
/// let delivery = PlainDelivery::new("client-2", &topic, &payload);
/// let mut frame = Vec::new();
/// delivery.write(&mut frame);
/// assert_eq!(frame.len(), delivery.length());
/// assert!(matches!(decode_broker(&frame), Ok(BrokerMessage::Delivery(read)) if read.from == "client-2"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PlainDelivery<'a>(PlainFrame<'a>);

/// What is in a frame without headers, id and number.
#[derive(Clone, Copy, Debug)]
struct PlainFrame<'a> {
    kind: u8,
    from: &'a str,
    topic: &'a str,
    payload: &'a [u8],
    flags: u8,
}

/// The parts of a frame that is a plain publish, its topic not checked.
pub(super) struct Parts<'a> {
    pub(super) topic: &'a [u8],
    pub(super) payload: Payload<'a>,
}

/// Takes a frame apart if it is a publish that asks for nothing but its delivery, and is not broken.
#[inline]
pub(super) fn take_apart(frame: &[u8]) -> Option<Parts<'_>> {
    let (header, rest) = frame.split_first_chunk::<HEADER>()?;
    let [
        l0,
        l1,
        l2,
        l3,
        kind,
        flags,
        id,
        _,
        from0,
        from1,
        target0,
        target1,
        headers0,
        headers1,
        ..,
    ] = *header;
    let is_plain = kind == code::PUBLISH && flags & !flag::BYTES == 0;
    let is_whole = u32::from_le_bytes([l0, l1, l2, l3]) as usize == frame.len() - LENGTH;
    if !is_plain || !is_whole || id | from0 | from1 | headers0 | headers1 != 0 {
        return None;
    }
    let (topic, payload) = rest.split_at_checked(usize::from(u16::from_le_bytes([target0, target1])))?;
    let payload = match flags {
        0 => Payload::json(payload),
        _ => Payload::bytes(payload),
    };
    Some(Parts { topic, payload })
}

impl<'a> PlainDelivery<'a> {
    /// Makes the delivery of a payload. A sender's name over 65,535 bytes is cut.
    #[inline]
    pub fn new(from: &'a str, topic: &'a Topic<'_>, payload: &'a Payload<'_>) -> Self {
        PlainDelivery(PlainFrame {
            kind: code::DELIVERY,
            from: if from.len() > LONGEST {
                clip(from, LONGEST)
            } else {
                from
            },
            topic: topic.as_str(),
            payload: &payload.bytes,
            flags: when(payload.kind == PayloadKind::Bytes, flag::BYTES),
        })
    }

    /// Returns the length of the whole frame.
    #[inline]
    pub fn length(&self) -> usize {
        self.0.length()
    }

    /// Appends the frame.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
}

impl PlainFrame<'_> {
    #[inline]
    fn length(&self) -> usize {
        HEADER + self.from.len() + self.topic.len() + self.payload.len()
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.length() - LENGTH).expect("senders keep payloads under 4 GiB");
        let mut header = [0; HEADER];
        header[..LENGTH].copy_from_slice(&length.to_le_bytes());
        header[4] = self.kind;
        header[5] = self.flags;
        header[8..10].copy_from_slice(&(self.from.len() as u16).to_le_bytes());
        header[10..12].copy_from_slice(&(self.topic.len() as u16).to_le_bytes());
        out.reserve(self.length());
        out.extend_from_slice(&header);
        out.extend_from_slice(self.from.as_bytes());
        out.extend_from_slice(self.topic.as_bytes());
        out.extend_from_slice(self.payload);
    }
}

/// The longest name of a sender that a frame has room for.
const LONGEST: usize = u16::MAX as usize;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::{ClientFrames, encode_broker, encode_client};
    use crate::{BrokerMessage, ClientMessage, Delivery, Headers, Id, Publish, Retain};

    fn publish() -> Publish<'static> {
        Publish {
            id: None,
            topic: Topic::parse("host/a/cpu").unwrap(),
            headers: Headers::default(),
            payload: Payload::json(&b"0.25"[..]),
            ack: false,
            retain: Retain::Keep,
            retain_ms: None,
            exclude_self: false,
        }
    }

    fn framed(publish: Publish<'_>) -> Vec<u8> {
        let mut frame = Vec::new();
        encode_client(&mut frame, &ClientMessage::Publish(publish));
        frame
    }

    fn is_plain(frame: &[u8]) -> bool {
        ClientFrames::default().plain_publish(frame).is_some()
    }

    #[test]
    fn a_plain_publish_is_what_the_codec_reads() {
        for payload in [
            Payload::json(&b"0.25"[..]),
            Payload::bytes(&[0, 255][..]),
            Payload::absent(),
        ] {
            let frame = framed(Publish { payload, ..publish() });
            let Ok(ClientMessage::Publish(read)) = ClientFrames::default().decode(&frame) else {
                panic!("a publish is one");
            };
            let plain = ClientFrames::default().plain_publish(&frame).unwrap();
            assert_eq!((plain.topic, plain.payload), (read.topic, read.payload));
        }
    }

    #[test]
    fn what_asks_for_more_is_not_plain() {
        let id = Some(Id::parse("a1").unwrap());
        let retain = Retain::Set;
        let frames = [
            framed(Publish { id, ..publish() }),
            framed(Publish { retain, ..publish() }),
            framed(Publish {
                exclude_self: true,
                ..publish()
            }),
        ];
        assert!(is_plain(&framed(publish())));
        assert!(!frames.iter().any(|frame| is_plain(frame)));
        for (at, byte) in [
            (4, code::REQUEST),
            (5, flag::ACK),
            (8, 1),
            (9, 1),
            (12, 1),
            (13, 1),
        ] {
            let mut frame = framed(publish());
            frame[at] = byte;
            assert!(!is_plain(&frame), "{at}");
        }
    }

    #[test]
    fn what_is_broken_is_not_plain() {
        let whole = framed(publish());
        assert!((0..whole.len()).all(|length| !is_plain(&whole[..length])));
        for (at, byte) in [(0, 1), (11, 255), (HEADER, b'+'), (HEADER, 0xff), (HEADER, b'/')] {
            let mut frame = whole.clone();
            frame[at] = byte;
            assert!(!is_plain(&frame), "{at}");
        }
    }

    #[test]
    fn a_topic_that_differs_from_the_last_is_checked() {
        let (first, mut second) = (framed(publish()), framed(publish()));
        second[HEADER] = b'#';
        let mut frames = ClientFrames::default();
        assert!(frames.plain_publish(&first).is_some() && frames.plain_publish(&first).is_some());
        assert_eq!(frames.plain_publish(&second), None);
    }

    #[test]
    fn a_plain_delivery_is_what_the_codec_writes() {
        let long = "\u{fc}".repeat(40_000);
        for (from, payload) in [
            ("client-2", Payload::json(&b"0.25"[..])),
            ("", Payload::bytes(&[1; 300][..])),
            (&long, Payload::absent()),
        ] {
            let topic = publish().topic;
            let (mut written, mut expected) = (b"before".to_vec(), b"before".to_vec());
            PlainDelivery::new(from, &topic, &payload).write(&mut written);
            let delivery = Delivery {
                id: None,
                topic,
                from: from.into(),
                headers: Headers::default(),
                payload,
                retained: false,
            };
            encode_broker(&mut expected, &BrokerMessage::Delivery(delivery));
            assert_eq!(written, expected);
        }
    }
}
