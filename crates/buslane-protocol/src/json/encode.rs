//! Writing messages as JSON text, the frequent ones by hand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::PLAIN;
use super::rare::Beside;
use crate::payload::check_json;
use crate::{
    BrokerMessage, ClientMessage, Deadline, HeaderMember, HeaderMemberKind, Headers, Id, Invocation, Payload,
    PayloadKind, Publish, Register, Request, Retain, Targets,
};

/// Appends a client's message.
pub(super) fn client(out: &mut Vec<u8>, message: &ClientMessage<'_>) {
    match message {
        ClientMessage::Publish(publish) => write_publish(out, publish),
        ClientMessage::Request(request) => write_request(out, request),
        ClientMessage::Reply(reply) => Object::begin(out, "reply")
            .number("delivery", reply.delivery)
            .payload(&reply.payload)
            .headers(&reply.headers)
            .end(),
        ClientMessage::Chunk(chunk) => Object::begin(out, "chunk")
            .number("delivery", chunk.delivery)
            .payload(&chunk.payload)
            .flag("last", chunk.last)
            .headers(&chunk.headers)
            .end(),
        ClientMessage::Cancel(id) => Object::begin(out, "cancel").id(Some(id)).end(),
        ClientMessage::Ping(id) => Object::begin(out, "ping").id(id.as_ref()).end(),
        ClientMessage::Pong(id) => Object::begin(out, "pong").id(id.as_ref()).end(),
        message => client_rare(out, message),
    }
}

/// Appends a client's message of a rare type; of another type nothing.
pub(super) fn client_rare(out: &mut Vec<u8>, message: &ClientMessage<'_>) {
    match message {
        ClientMessage::Connect(connect) => rare(out, "connect", connect),
        ClientMessage::Register(register) => write_register(out, register),
        ClientMessage::Unregister(unregister) => rare(out, "unregister", unregister),
        ClientMessage::Subscribe(subscribe) => rare(out, "subscribe", subscribe),
        ClientMessage::Unsubscribe(unsubscribe) => rare(out, "unsubscribe", unsubscribe),
        ClientMessage::Error(failure) => rare(out, "error", failure),
        ClientMessage::Credit(credit) => rare(out, "credit", credit),
        ClientMessage::Goodbye(goodbye) => rare(out, "goodbye", goodbye),
        _ => {}
    }
}

/// Appends a broker's message.
pub(super) fn broker(out: &mut Vec<u8>, message: &BrokerMessage<'_>) {
    match message {
        BrokerMessage::Delivery(delivery) => Object::begin(out, "delivery")
            .id(delivery.id.as_ref())
            .text("topic", delivery.topic.as_str())
            .text("from", &delivery.from)
            .payload(&delivery.payload)
            .headers(&delivery.headers)
            .flag("retained", delivery.retained)
            .end(),
        BrokerMessage::Request(invocation) => write_invocation(out, invocation),
        BrokerMessage::Reply(answer) => Object::begin(out, "reply")
            .id(Some(&answer.id))
            .text("from", &answer.from)
            .payload(&answer.payload)
            .headers(&answer.headers)
            .end(),
        BrokerMessage::Chunk(part) => Object::begin(out, "chunk")
            .id(Some(&part.id))
            .text("from", &part.from)
            .number("sequence", part.sequence)
            .payload(&part.payload)
            .headers(&part.headers)
            .end(),
        BrokerMessage::Ack(ack) => {
            Object::begin(out, "ack")
                .id(Some(&ack.id))
                .number("receivers", ack.receivers.into())
                .end();
        }
        BrokerMessage::Cancel(cancel) => Object::begin(out, "cancel")
            .number("delivery", cancel.delivery)
            .end(),
        BrokerMessage::Ping(id) => Object::begin(out, "ping").id(id.as_ref()).end(),
        BrokerMessage::Pong(id) => Object::begin(out, "pong").id(id.as_ref()).end(),
        BrokerMessage::Connected(connected) => rare(out, "connected", connected),
        BrokerMessage::Registered(registered) => rare(out, "registered", registered),
        BrokerMessage::Subscribed(subscribed) => rare(out, "subscribed", subscribed),
        BrokerMessage::End(end) => rare(out, "end", end),
        BrokerMessage::Error(refusal) => rare(out, "error", refusal),
        BrokerMessage::Credit(credit) => rare(out, "credit", credit),
        BrokerMessage::Gap(gap) => rare(out, "gap", gap),
        BrokerMessage::Draining(draining) => rare(out, "draining", draining),
    }
}

fn write_publish(out: &mut Vec<u8>, publish: &Publish<'_>) {
    let object = Object::begin(out, "publish")
        .id(publish.id.as_ref())
        .text("topic", publish.topic.as_str())
        .payload(&publish.payload)
        .headers(&publish.headers)
        .flag("ack", publish.ack);
    let object = match publish.retain {
        Retain::Keep => object,
        Retain::Set => object.text("retain", "set"),
        Retain::Clear => object.text("retain", "clear"),
    };
    let object = match publish.retain_ms {
        Some(lifetime) => object.number("retain_ms", lifetime.max(1).into()),
        None => object,
    };
    object.flag("exclude_self", publish.exclude_self).end();
}

fn write_request(out: &mut Vec<u8>, request: &Request<'_>) {
    let object = Object::begin(out, "request").id(Some(&request.id));
    let object = match &request.to {
        Targets::One(address) => object.text("to", address.as_str()),
        Targets::Several(addresses) => object.texts("to", addresses.iter().map(|address| address.as_str())),
    };
    let object = object.payload(&request.payload);
    let object = match request.deadline {
        Deadline::Default => object,
        Deadline::After(bound) => object.number("expires_in_ms", bound.clamp(1, u32::MAX - 1).into()),
        Deadline::Never => object.null("expires_in_ms"),
    };
    object
        .stream(request.stream, request.credit)
        .headers(&request.headers)
        .end();
}

fn write_invocation(out: &mut Vec<u8>, invocation: &Invocation<'_>) {
    let object = Object::begin(out, "request")
        .number("delivery", invocation.delivery)
        .id(invocation.id.as_ref())
        .text("from", &invocation.from)
        .text("to", invocation.to.as_str())
        .payload(&invocation.payload);
    let object = match invocation.expires_in_ms {
        Some(left) => object.number("expires_in_ms", left.into()),
        None => object.null("expires_in_ms"),
    };
    object
        .number("attempt", invocation.attempt.into())
        .stream(invocation.stream, invocation.credit)
        .headers(&invocation.headers)
        .end();
}

fn write_register(out: &mut Vec<u8>, register: &Register) {
    let start = out.len();
    out.extend_from_slice(b"{\"type\":\"register\"");
    append_members(
        out,
        &Beside {
            id: register.id,
            resume: register.resume.clone(),
        },
    );
    append_members(out, &register.registration);
    out.push(b'}');
    remove_line_breaks(out, start);
}

/// Appends a rare message: its type, then the members that serde writes.
fn rare<T: Serialize>(out: &mut Vec<u8>, kind: &str, message: &T) {
    let start = out.len();
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.push(b'"');
    append_members(out, message);
    out.push(b'}');
    remove_line_breaks(out, start);
}

/// Appends what serde writes between the braces, each member after a comma.
fn append_members<T: Serialize>(out: &mut Vec<u8>, members: &T) {
    let start = out.len();
    serde_json::to_writer(&mut *out, members).expect("messages have string keys and write to memory");
    out.pop();
    if out.len() == start + 1 {
        out.pop();
    } else {
        out[start] = b',';
    }
}

/// Removes raw line breaks, which in JSON stand between tokens only: within strings they are escaped.
fn remove_line_breaks(out: &mut Vec<u8>, start: usize) {
    if memchr::memchr2(b'\n', b'\r', &out[start..]).is_none() {
        return;
    }
    let mut kept = start;
    for index in start..out.len() {
        if !matches!(out[index], b'\n' | b'\r') {
            out[kept] = out[index];
            kept += 1;
        }
    }
    out.truncate(kept);
}

/// An object being written: each method appends one member, or none where it may be left out.
struct Object<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Object<'o> {
    #[inline(always)]
    fn begin(out: &'o mut Vec<u8>, kind: &str) -> Object<'o> {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.push(b'"');
        Object { out }
    }

    fn end(self) {
        self.out.push(b'}');
    }

    #[inline(always)]
    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    #[inline(always)]
    fn id(mut self, id: Option<&Id>) -> Self {
        if let Some(id) = id {
            self.name("id");
            self.out.push(b'"');
            self.out.extend_from_slice(id.as_bytes());
            self.out.push(b'"');
        }
        self
    }

    #[inline(always)]
    fn text(mut self, name: &str, text: &str) -> Self {
        self.name(name);
        write_string(self.out, text);
        self
    }

    fn texts<'t>(mut self, name: &str, texts: impl Iterator<Item = &'t str>) -> Self {
        self.name(name);
        self.out.push(b'[');
        for (index, text) in texts.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            write_string(self.out, text);
        }
        self.out.push(b']');
        self
    }

    fn number(mut self, name: &str, number: u64) -> Self {
        self.name(name);
        serde_json::to_writer(&mut *self.out, &number).expect("a number is written to memory");
        self
    }

    fn null(mut self, name: &str) -> Self {
        self.name(name);
        self.out.extend_from_slice(b"null");
        self
    }

    fn flag(mut self, name: &str, flag: bool) -> Self {
        if flag {
            self.name(name);
            self.out.extend_from_slice(b"true");
        }
        self
    }

    fn stream(self, stream: bool, credit: u32) -> Self {
        let object = self.flag("stream", stream);
        if credit == 0 {
            object
        } else {
            object.number("credit", credit.min(u16::MAX.into()).into())
        }
    }

    #[inline(always)]
    fn payload(mut self, payload: &Payload<'_>) -> Self {
        if payload.is_absent() {
            return self;
        }
        self.name("payload");
        let json = match payload.kind {
            PayloadKind::CheckedJson => true,
            PayloadKind::Json => check_json(&payload.bytes).is_ok(),
            PayloadKind::Bytes => false,
        };
        if json {
            write_value(self.out, &payload.bytes);
            return self;
        }
        write_base64(self.out, &payload.bytes);
        self.text("encoding", "base64")
    }

    #[inline(always)]
    fn headers(self, headers: &Headers<'_>) -> Self {
        match headers.is_empty() {
            true => self,
            false => self.some_headers(headers),
        }
    }

    fn some_headers(mut self, headers: &Headers<'_>) -> Self {
        let mut others = false;
        for (name, value) in headers {
            match HeaderMember::find(name) {
                Some(member) => self.header_member(member, value),
                None => others |= !name.starts_with(':'),
            }
        }
        if others {
            self.name("headers");
            self.header_object(headers);
        }
        self
    }

    /// Appends a header that is a member of its own. Numbers and flags stand in the block as JSON writes them.
    fn header_member(&mut self, member: &HeaderMember, value: &str) {
        self.name(member.member);
        match member.kind {
            HeaderMemberKind::Text => write_string(self.out, value),
            HeaderMemberKind::Integer | HeaderMemberKind::Flag => {
                self.out.extend_from_slice(value.as_bytes())
            }
        }
    }

    fn header_object(&mut self, headers: &Headers<'_>) {
        let mut before = b'{';
        for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(':')) {
            self.out.push(before);
            write_string(self.out, name);
            self.out.push(b':');
            write_string(self.out, value);
            before = b',';
        }
        self.out.push(b'}');
    }
}

/// Appends a string with its escapes.
fn write_string(out: &mut Vec<u8>, text: &str) {
    let plain = |plain, byte: u8| plain & PLAIN[usize::from(byte)];
    if text.len() <= SHORT && text.bytes().fold(true, plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    serde_json::to_writer(out, text).expect("a string is written to memory");
}

/// Appends a JSON value without raw line breaks.
fn write_value(out: &mut Vec<u8>, value: &[u8]) {
    let start = out.len();
    out.extend_from_slice(value);
    remove_line_breaks(out, start);
}

/// Appends bytes as a string of base64.
fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    STANDARD
        .encode_slice(bytes, &mut out[start..])
        .expect("four characters are reserved for every three bytes");
    out.push(b'"');
}

/// Up to which length looking at each byte is faster than preparing to find escapes.
const SHORT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delivery, HeadersBuf, Registration, Reply, Schema, Topic};

    fn delivered(payload: Payload<'_>, headers: Headers<'_>) -> String {
        let topic = Topic::parse("t").unwrap();
        let delivery = Delivery {
            id: None,
            topic,
            from: "\"me\"\n".into(),
            headers,
            payload,
            retained: true,
        };
        let mut out = Vec::new();
        broker(&mut out, &BrokerMessage::Delivery(delivery));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_text_of_a_payload_cannot_pass_for_members() {
        for smuggled in ["1,\"from\":\"root\"", "{}}\n{\"type\":\"ping\"}", "", "\u{0}"] {
            let text = delivered(Payload::json(smuggled.as_bytes()), Headers::default());
            assert!(
                !text.contains("root") && !text.contains("ping") && !text.contains('\n'),
                "{text}"
            );
            crate::json::decode_broker(text.as_bytes()).unwrap();
        }
    }

    #[test]
    fn json_is_forwarded_verbatim_but_for_line_breaks() {
        let text = delivered(
            Payload::checked(&b"{ \"a\" :\r\n1.10e+2 }"[..]),
            Headers::default(),
        );
        assert!(text.contains(r#""payload":{ "a" :1.10e+2 }"#), "{text}");
    }

    #[test]
    fn members_among_the_headers_stand_beside_the_others() {
        let mut headers = HeadersBuf::new();
        headers.push(Headers::SENT_AT, "7").unwrap();
        headers.push("x", "\"").unwrap();
        headers.push(":unknown", "left out").unwrap();
        headers.push(Headers::SNAPSHOT, "true").unwrap();
        let text = delivered(Payload::bytes(&[0xff][..]), headers.finish());
        let wanted = concat!(
            r#"{"type":"delivery","topic":"t","from":"\"me\"\n","payload":"/w==","encoding":"base64","#,
            r#""sent_at":7,"snapshot":true,"headers":{"x":"\""},"retained":true}"#
        );
        assert_eq!(text, wanted);
    }

    #[test]
    fn schemas_of_many_lines_stay_on_one() {
        let text = r#"{"name":"a","version":"1"}"#;
        let mut registration: Registration = serde_json::from_str(text).unwrap();
        registration.schemas.insert(
            "urn:s".to_owned(),
            Schema::parse("{\n \"type\":\n\"null\"}").unwrap(),
        );
        let mut out = Vec::new();
        client(
            &mut out,
            &ClientMessage::Register(Box::new(Register {
                id: None,
                resume: None,
                registration,
            })),
        );
        let wanted = r#"{"type":"register","name":"a","version":"1","schemas":{"urn:s":{ "type":"null"}}}"#;
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }

    #[test]
    fn encoding_appends() {
        let mut out = b"before".to_vec();
        let reply = Reply {
            delivery: 1,
            headers: Headers::default(),
            payload: Payload::checked(&b"1"[..]),
        };
        client(&mut out, &ClientMessage::Reply(reply));
        assert_eq!(out, br#"before{"type":"reply","delivery":1,"payload":1}"#);
    }
}
