//! What clients send, as JSON text.

use std::mem::take;
use std::str;

use super::envelope::{Envelope, Member};
use super::rare;
use super::reader::{Reader, Side};
use super::usual;
use crate::{
    Chunk, ClientMessage, Deadline, DecodeError, Headers, HeadersBuf, Id, Publish, Reply, Request, Retain,
    Targets,
};

/// Decodes the text of one message that a client sent.
#[inline]
pub(super) fn decode(text: &[u8]) -> Result<ClientMessage<'_>, DecodeError> {
    match str::from_utf8(text).ok().and_then(usual::decode) {
        Some(message) => Ok(message),
        None => decode_any(text),
    }
}

/// Decodes the text of one message in whatever shape.
pub(super) fn decode_any(text: &[u8]) -> Result<ClientMessage<'_>, DecodeError> {
    let mut envelope = Envelope::default();
    let text = envelope.parse(text)?;
    let kind = match take(&mut envelope.kind) {
        Member::Text(kind) => kind,
        Member::Absent if envelope.name != Member::Absent => return rare::typeless_register(text),
        other => return Err(no_type(&other, envelope.id().ok().flatten())),
    };
    match kind.as_ref() {
        "publish" => publish(&mut envelope).map(ClientMessage::Publish),
        "request" => request(&mut envelope).map(ClientMessage::Request),
        "reply" => reply(&mut envelope).map(ClientMessage::Reply),
        "chunk" => chunk(&mut envelope).map(ClientMessage::Chunk),
        "message" => message(&mut envelope).map(ClientMessage::Request),
        "cancel" => Reader::new(&envelope, Side::Client)?
            .required_id("cancel")
            .map(ClientMessage::Cancel),
        "ping" => envelope.id().map(ClientMessage::Ping),
        "pong" => envelope.id().map(ClientMessage::Pong),
        kind => rare::decode_client(text, kind),
    }
}

/// Makes the error of a text whose type is missing or no string.
pub(super) fn no_type(kind: &Member<'_>, id: Option<Id>) -> DecodeError {
    let reason = if *kind == Member::Absent {
        "`type` is missing"
    } else {
        "`type` must be a string"
    };
    DecodeError::Member {
        id,
        reason: reason.to_owned(),
    }
}

fn publish<'a>(envelope: &mut Envelope<'a>) -> Result<Publish<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Client)?;
    let ack = reader.flag(&envelope.ack, "ack")?;
    if ack {
        reader.required_id("a publish with `ack`")?;
    }
    let retain = match &envelope.retain {
        Member::Absent | Member::Null => Retain::Keep,
        Member::Text(word) if word == "set" => Retain::Set,
        Member::Text(word) if word == "clear" => Retain::Clear,
        _ => return Err(reader.fault("`retain` must be \"set\" or \"clear\"")),
    };
    Ok(Publish {
        id: reader.id,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
        ack,
        retain,
        retain_ms: reader
            .number(&envelope.retain_ms, "retain_ms", 1..=MAX_MS)?
            .map(|lifetime| lifetime as u32),
        exclude_self: reader.flag(&envelope.exclude_self, "exclude_self")?,
        topic: reader.topic(take(&mut envelope.topic))?,
    })
}

fn request<'a>(envelope: &mut Envelope<'a>) -> Result<Request<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Client)?;
    let deadline = match &envelope.expires_in_ms {
        Member::Null => Deadline::Never,
        member => match reader.number(member, "expires_in_ms", 1..=MAX_BOUND_MS)? {
            Some(bound) => Deadline::After(bound as u32),
            None => Deadline::Default,
        },
    };
    let credit = reader.number(&envelope.credit, "credit", 0..=MAX_CREDIT)?;
    Ok(Request {
        id: reader.required_id("request")?,
        to: reader.targets(envelope.to)?,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
        deadline,
        stream: reader.flag(&envelope.stream, "stream")?,
        credit: credit.unwrap_or(0) as u32,
    })
}

/// Reads the form of the real-time services gist: a request under other names.
fn message<'a>(envelope: &mut Envelope<'a>) -> Result<Request<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Client)?;
    let id = reader.required_id("message")?;
    let headers = match reader.text(take(&mut envelope.responder), "responder")? {
        Some(responder) => responder_header(&reader, &responder)?,
        None => Headers::default(),
    };
    let payload = reader.payload(envelope)?;
    let to = reader.address(reader.required_text(take(&mut envelope.destination), "destination")?)?;
    Ok(Request {
        id,
        to: Targets::One(to),
        headers,
        payload,
        deadline: Deadline::Default,
        stream: false,
        credit: 0,
    })
}

fn responder_header(reader: &Reader, responder: &str) -> Result<Headers<'static>, DecodeError> {
    let mut headers = HeadersBuf::new();
    match headers.push(Headers::REPLY_TO, responder) {
        Ok(()) => Ok(headers.finish()),
        Err(source) => Err(DecodeError::Headers {
            id: reader.id,
            source,
        }),
    }
}

fn reply<'a>(envelope: &mut Envelope<'a>) -> Result<Reply<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Client)?;
    Ok(Reply {
        delivery: reader.required_number(&envelope.delivery, "delivery", 0..=u64::MAX)?,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
    })
}

fn chunk<'a>(envelope: &mut Envelope<'a>) -> Result<Chunk<'a>, DecodeError> {
    let reader = Reader::new(envelope, Side::Client)?;
    Ok(Chunk {
        delivery: reader.required_number(&envelope.delivery, "delivery", 0..=u64::MAX)?,
        headers: reader.headers(envelope)?,
        payload: reader.payload(envelope)?,
        last: reader.flag(&envelope.last, "last")?,
    })
}

/// Milliseconds that 32 bits can say.
pub(super) const MAX_MS: u64 = u32::MAX as u64;
/// Milliseconds of a request's bound; the highest number of 32 bits says that there is none.
pub(super) const MAX_BOUND_MS: u64 = u32::MAX as u64 - 1;
/// Credit that the 16 bits of a binary frame can say.
pub(super) const MAX_CREDIT: u64 = u16::MAX as u64;

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::{Address, ErrorCode, Id, Payload, PayloadKind, Topic};

    fn refusal(text: &str) -> DecodeError {
        decode(text.as_bytes()).expect_err(text)
    }

    fn published(text: &str) -> Publish<'_> {
        match decode(text.as_bytes()) {
            Ok(ClientMessage::Publish(publish)) => publish,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_plain_publish_borrows_all_of_its_text() {
        let publish = published(r#"{"type":"publish","topic":"a/b","payload":{"x":1}}"#);
        assert!(matches!(publish.payload.bytes, Cow::Borrowed(_)));
        assert_eq!(publish.payload, Payload::checked(&br#"{"x":1}"#[..]));
        assert_eq!(publish.topic, Topic::parse("a/b").unwrap());
    }

    #[test]
    fn escapes_are_read_everywhere() {
        let publish =
            published(r#"{"\u0074ype":"publis\u0068","topic":"a\/b","headers":{"\u0061":"\u00fc"}}"#);
        assert_eq!(
            (publish.topic.as_str(), publish.headers.find("a")),
            ("a/b", Some("\u{fc}"))
        );
        let text = r#"{"type":"request","id":"1","to":"node\/a:b"}"#;
        let Ok(ClientMessage::Request(request)) = decode(text.as_bytes()) else {
            panic!("{text}")
        };
        assert_eq!(request.to, Targets::One(Address::parse("node/a:b").unwrap()));
    }

    #[test]
    fn null_is_a_payload_and_no_bound_and_otherwise_as_left_out() {
        let publish =
            published(r#"{"type":"publish","topic":"a","payload":null,"id":null,"headers":null,"ack":null}"#);
        assert_eq!(
            (publish.payload, publish.id),
            (Payload::checked(&b"null"[..]), None)
        );
        let deadline = |member: &str| {
            let text = format!(r#"{{"type":"request","id":"1","to":"a:b"{member}}}"#);
            match decode(text.as_bytes()) {
                Ok(ClientMessage::Request(request)) => request.deadline,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(deadline(""), Deadline::Default);
        assert_eq!(deadline(r#","expires_in_ms":null"#), Deadline::Never);
        assert_eq!(deadline(r#","expires_in_ms":1"#), Deadline::After(1));
    }

    #[test]
    fn wrong_members_are_named_and_the_id_is_kept() {
        for (member, wrong) in [
            ("topic", r#""topic":1"#),
            ("ack", r#""topic":"a","ack":"yes""#),
            ("retain", r#""topic":"a","retain":true"#),
            ("retain_ms", r#""topic":"a","retain_ms":0"#),
            ("retain_ms", r#""topic":"a","retain_ms":1.5"#),
            ("exclude_self", r#""topic":"a","exclude_self":{}"#),
            ("encoding", r#""topic":"a","payload":"","encoding":1"#),
            ("payload", r#""topic":"a","encoding":"base64""#),
            ("payload", r#""topic":"a","payload":1,"encoding":"base64""#),
            ("headers", r#""topic":"a","headers":[]"#),
            ("headers", r#""topic":"a","headers":{"a":1}"#),
            ("sent_at", r#""topic":"a","sent_at":"now""#),
            ("topic", r#""payload":1"#),
        ] {
            let error = refusal(&format!(r#"{{"type":"publish","id":"7",{wrong}}}"#));
            assert_eq!(
                (error.code(), error.id()),
                (ErrorCode::InvalidMessage, Some(Id::parse("7").unwrap()))
            );
            assert!(
                error.to_string().contains(&format!("`{member}`")),
                "{member}: {error}"
            );
        }
    }

    #[test]
    fn a_doubled_member_is_named_and_the_id_is_kept() {
        let error = refusal(r#"{"type":"publish","id":"7","topic":"a","topic":"b"}"#);
        assert_eq!(
            (error.code(), error.id()),
            (ErrorCode::InvalidMessage, Some(Id::parse("7").unwrap()))
        );
        assert!(error.to_string().contains("`topic`"), "{error}");
        assert!(decode(br#"{"type":"ping","other":1,"other":2}"#).is_ok());
    }

    #[test]
    fn members_that_a_type_does_not_have_may_be_anything() {
        let text = r#"{"type":"ping","topic":5,"to":{},"shared":[1],"snapshot":"x","new":{"deep":[[]]}}"#;
        assert_eq!(decode(text.as_bytes()), Ok(ClientMessage::Ping(None)));
        let publish = published(r#"{"type":"publish","topic":"a","shared":"x","snapshot":true}"#);
        assert!(publish.headers.is_empty());
    }

    #[test]
    fn what_is_no_object_says_so() {
        for text in ["", "  ", "{", "nul", "{} {}", "{\"type\":\"ping\"}x", "\"\u{0}\""] {
            assert_eq!(refusal(text).code(), ErrorCode::InvalidJson, "{text}");
        }
        for text in [
            "[]",
            "1",
            "\"x\"",
            r#"["ping"]"#,
            "{}",
            r#"{"type":1}"#,
            r#"{"type":null}"#,
        ] {
            assert_eq!(refusal(text).code(), ErrorCode::InvalidMessage, "{text}");
        }
        assert_eq!(
            decode(b"{\"type\":\"ping\",\"id\":\"\xff\"}").map_err(|error| error.code()),
            Err(ErrorCode::InvalidJson)
        );
    }

    #[test]
    fn unknown_types_are_named() {
        let error = refusal(r#"{"type":"delivery","id":"7"}"#);
        assert_eq!(
            error,
            DecodeError::UnknownType {
                id: Some(Id::parse("7").unwrap()),
                name: "delivery".to_owned()
            }
        );
    }

    #[test]
    fn base64_is_read_and_checked() {
        let publish = published(r#"{"type":"publish","topic":"a","payload":"\/\/8=","encoding":"base64"}"#);
        assert_eq!(
            (&*publish.payload.bytes, publish.payload.kind),
            (&[0xff, 0xff][..], PayloadKind::Bytes)
        );
        for payload in [
            r#""payload":"_w==","encoding":"base64""#,
            r#""payload":"","encoding":"hex""#,
        ] {
            let error = refusal(&format!(r#"{{"type":"publish","id":"7","topic":"a",{payload}}}"#));
            assert_eq!(error.code(), ErrorCode::InvalidPayload);
        }
    }

    #[test]
    fn headers_cannot_pass_for_members() {
        let error = refusal(r#"{"type":"publish","topic":"a","headers":{":shared":"x"}}"#);
        assert!(matches!(error, DecodeError::Headers { .. }), "{error:?}");
        let error = refusal(r#"{"type":"publish","topic":"a","headers":{"a":"1","a":"2"}}"#);
        assert!(error.to_string().contains("twice"), "{error}");
    }

    #[test]
    fn several_addresses_are_two_to_sixty_four() {
        let to = |count: usize| {
            let addresses = vec![r#""a:b""#; count].join(",");
            decode(format!(r#"{{"type":"request","id":"1","to":[{addresses}]}}"#).as_bytes()).map(drop)
        };
        assert!(to(2).is_ok() && to(64).is_ok());
        for count in [0, 1, 65] {
            assert_eq!(
                to(count).map_err(|error| error.code()),
                Err(ErrorCode::InvalidMessage),
                "{count}"
            );
        }
        assert_eq!(
            refusal(r#"{"type":"request","id":"1","to":["a:b","a"]}"#).code(),
            ErrorCode::InvalidAddress
        );
        assert_eq!(
            refusal(r#"{"type":"request","id":"1","to":["a:b",1]}"#).code(),
            ErrorCode::InvalidMessage
        );
    }

    #[test]
    fn the_gists_message_is_a_request() {
        let text = r#"{"type":"message","id":"1","destination":"a:b","consumer":"me","responder":"done","payload":[1]}"#;
        let Ok(ClientMessage::Request(request)) = decode(text.as_bytes()) else {
            panic!("{text}")
        };
        assert_eq!(request.to, Targets::One(Address::parse("a:b").unwrap()));
        assert_eq!(
            (request.headers.reply_to(), &*request.payload.bytes),
            (Some("done"), &b"[1]"[..])
        );
    }

    #[test]
    fn a_first_object_with_a_name_and_no_type_registers() {
        let text = r#"{"name":"attic","methods":["get","set"]}"#;
        let Ok(ClientMessage::Register(register)) = decode(text.as_bytes()) else {
            panic!("{text}")
        };
        assert_eq!(
            (
                register.registration.version.as_str(),
                register.registration.methods.len()
            ),
            ("0.0.0", 2)
        );
    }

    #[test]
    fn nesting_is_bounded_where_values_are_built() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let error = refusal(&format!(
            r#"{{"type":"register","name":"a","version":"1","meta":{deep}}}"#
        ));
        assert!(
            !error.is_fatal() && error.to_string().contains("recursion"),
            "{error}"
        );
        let publish = format!(r#"{{"type":"publish","topic":"a","payload":{deep},"unknown":{deep}}}"#);
        assert_eq!(&*published(&publish).payload.bytes, deep.as_bytes());
    }
}
