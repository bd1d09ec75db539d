//! Rare messages: the text is parsed again, into the message's own type.

use serde::{Deserialize, Serialize};

#[cfg(feature = "diagnosis")]
use super::diagnosis::diagnose;
use super::envelope::{Member, probable_id};
#[cfg(not(feature = "diagnosis"))]
use super::parser::Fault;
use crate::clip::{REPEATED, clip};
use crate::object::Object;
use crate::{BrokerMessage, ClientMessage, DecodeError, Id, Register, Registration};

/// Finds the type of a message.
pub(super) fn kind(text: &str) -> Result<Member<'_>, DecodeError> {
    #[derive(Deserialize)]
    struct Only<'a> {
        #[serde(borrow, default, rename = "type")]
        kind: Member<'a>,
    }

    parse::<Only<'_>>(text).map(|only| only.kind)
}

/// Decodes a client's rare message.
pub(super) fn decode_client(text: &str, kind: &str) -> Result<ClientMessage<'static>, DecodeError> {
    Ok(match kind {
        "connect" => ClientMessage::Connect(parse(text)?),
        "register" => return register(text),
        "unregister" => ClientMessage::Unregister(parse(text)?),
        "subscribe" => ClientMessage::Subscribe(parse(text)?),
        "unsubscribe" => ClientMessage::Unsubscribe(parse(text)?),
        "error" => ClientMessage::Error(parse(text)?),
        "credit" => ClientMessage::Credit(parse(text)?),
        "goodbye" => ClientMessage::Goodbye(parse(text)?),
        _ => return Err(unknown(text, kind)),
    })
}

/// Decodes a broker's rare message.
pub(super) fn decode_broker(text: &str, kind: &str) -> Result<BrokerMessage<'static>, DecodeError> {
    Ok(match kind {
        "connected" => BrokerMessage::Connected(parse(text)?),
        "registered" => BrokerMessage::Registered(parse(text)?),
        "subscribed" => BrokerMessage::Subscribed(parse(text)?),
        "end" => BrokerMessage::End(parse(text)?),
        "error" => BrokerMessage::Error(parse(text)?),
        "credit" => BrokerMessage::Credit(parse(text)?),
        "gap" => BrokerMessage::Gap(parse(text)?),
        "draining" => BrokerMessage::Draining(parse(text)?),
        _ => return Err(unknown(text, kind)),
    })
}

/// Decodes a registration that has a type, and so a version.
fn register(text: &str) -> Result<ClientMessage<'static>, DecodeError> {
    let message = parse_register(text)?;
    if message.registration.version.is_empty() {
        return Err(DecodeError::Member {
            id: message.id,
            reason: "`version` is missing or empty".to_owned(),
        });
    }
    Ok(ClientMessage::Register(message))
}

/// Decodes an object that has a name and no type: a registration whose version may be left out.
pub(super) fn typeless_register(text: &str) -> Result<ClientMessage<'static>, DecodeError> {
    let mut message = parse_register(text)?;
    if message.registration.version.is_empty() {
        "0.0.0".clone_into(&mut message.registration.version);
    }
    Ok(ClientMessage::Register(message))
}

/// Parses the registration and the members beside it apart: verbatim schemas do not survive serde's `flatten`.
fn parse_register(text: &str) -> Result<Box<Register>, DecodeError> {
    let Beside { id, resume } = parse(text)?;
    Ok(Box::new(Register {
        id,
        resume,
        registration: parse::<Registration>(text)?,
    }))
}

/// The members of a `register` that are not the registration's.
#[derive(Deserialize, Serialize)]
pub(super) struct Beside {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resume: Option<String>,
}

/// Reads a text that is an object.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    match super::parser::read(text) {
        Ok(Object(message)) => Ok(message),
        Err(fault) => Err(diagnose::<T>(text, fault)),
    }
}

/// Makes the error of a text that is no `T`, without looking for the member.
#[cfg(not(feature = "diagnosis"))]
#[expect(
    clippy::extra_unused_type_parameters,
    reason = "the one that looks for the member reads the type again"
)]
fn diagnose<T>(text: &str, fault: Fault) -> DecodeError {
    fault.into_error(text)
}

fn unknown(text: &str, kind: &str) -> DecodeError {
    DecodeError::UnknownType {
        id: probable_id(text),
        name: clip(kind, REPEATED).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::json::{decode_client, encode_client};
    use crate::{ClientMessage, DecodeError, ErrorCode, Id};

    fn refusal(text: &str) -> DecodeError {
        decode_client(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn wrong_members_are_named_with_their_place() {
        for (place, text) in [
            (
                "heartbeat_ms",
                r#"{"type":"connect","id":"7","heartbeat_ms":"x"}"#,
            ),
            ("name", r#"{"type":"register","id":"7","version":"1"}"#),
            ("version", r#"{"type":"register","id":"7","name":"a"}"#),
            (
                "methods.get.description",
                r#"{"type":"register","id":"7","name":"a","version":"1","methods":{"get":{"description":1}}}"#,
            ),
            (
                "methods.get",
                r#"{"type":"register","id":"7","name":"a","version":"1","methods":{"get":[]}}"#,
            ),
            (
                "groups[1]",
                r#"{"type":"register","id":"7","name":"a","version":"1","groups":["a",2]}"#,
            ),
            (
                "overflow",
                r#"{"type":"subscribe","id":"7","filter":"a","overflow":"maybe"}"#,
            ),
            ("filter", r#"{"type":"unsubscribe","id":"7"}"#),
            (
                "error.code",
                r#"{"type":"error","id":"7","delivery":1,"error":{"code":"No Such"}}"#,
            ),
            ("error", r#"{"type":"error","id":"7","delivery":1,"error":[]}"#),
            (
                "delivery",
                r#"{"type":"error","id":"7","delivery":-1,"error":{"code":"x"}}"#,
            ),
            (
                "drain",
                r#"{"type":"unregister","id":"7","name":"a","drain":"yes"}"#,
            ),
            ("count", r#"{"type":"credit","id":"7"}"#),
        ] {
            let error = refusal(text);
            assert_eq!(
                (error.code(), error.id()),
                (ErrorCode::InvalidMessage, Some(Id::parse("7").unwrap())),
                "{text}"
            );
            assert!(
                error.to_string().contains(&format!("`{place}`")),
                "{place}: {error}"
            );
        }
    }

    #[test]
    fn forbidden_names_topics_and_filters_have_their_codes() {
        for (code, text) in [
            (ErrorCode::InvalidName, r#"{"type":"connect","name":"a b"}"#),
            (
                ErrorCode::InvalidName,
                r#"{"type":"register","name":"","version":"1"}"#,
            ),
            (
                ErrorCode::InvalidName,
                r#"{"type":"register","name":"a","version":"1","instance":"a/b"}"#,
            ),
            (
                ErrorCode::InvalidName,
                r#"{"type":"register","name":"a","version":"1","groups":["x","y z"]}"#,
            ),
            (
                ErrorCode::InvalidName,
                r#"{"type":"register","name":"a","version":"1","methods":["a:b"]}"#,
            ),
            (
                ErrorCode::InvalidName,
                r#"{"type":"register","name":"a","version":"1","methods":{"a:b":{}}}"#,
            ),
            (ErrorCode::InvalidName, r#"{"name":"a@1"}"#),
            (
                ErrorCode::InvalidName,
                r#"{"type":"subscribe","filter":"a","shared":"a b"}"#,
            ),
            (
                ErrorCode::InvalidTopic,
                r#"{"type":"register","name":"a","version":"1","topics":{"a//b":{}}}"#,
            ),
            (
                ErrorCode::InvalidFilter,
                r#"{"type":"subscribe","filter":"a/#/b"}"#,
            ),
            (ErrorCode::InvalidId, r#"{"type":"connect","id":"a b"}"#),
        ] {
            assert_eq!(refusal(text).code(), code, "{text}");
        }
    }

    #[test]
    fn doubled_members_are_named_at_every_level_of_a_registration() {
        for (place, text) in [
            (
                "resume",
                r#"{"type":"register","name":"a","version":"1","resume":"x","resume":"y"}"#,
            ),
            (
                "version",
                r#"{"type":"register","name":"a","version":"1","version":"2"}"#,
            ),
            (
                "get",
                r#"{"type":"register","name":"a","version":"1","methods":{"get":{},"get":{}}}"#,
            ),
            (
                "get",
                r#"{"type":"register","name":"a","version":"1","methods":["get","get"]}"#,
            ),
            (
                "input",
                r#"{"type":"register","name":"a","version":"1","methods":{"get":{"input":1,"input":2}}}"#,
            ),
            (
                "t",
                r#"{"type":"register","name":"a","version":"1","topics":{"t":{},"t":{}}}"#,
            ),
            (
                "u",
                r#"{"type":"register","name":"a","version":"1","schemas":{"u":true,"u":true}}"#,
            ),
        ] {
            let error = refusal(text);
            assert_eq!(error.code(), ErrorCode::InvalidMessage);
            assert!(
                error.to_string().contains("duplicate") && error.to_string().contains(place),
                "{error}"
            );
        }
    }

    #[test]
    fn schemas_are_kept_verbatim() {
        let text = r#"{"type":"register","name":"a","version":"1","methods":{"get":{"input":{ "b":1.0, "a":1e2 }}}}"#;
        let Ok(ClientMessage::Register(register)) = decode_client(text.as_bytes()) else {
            panic!("{text}")
        };
        let method = register.registration.methods.values().next().unwrap();
        assert_eq!(method.input.as_ref().unwrap().as_str(), r#"{ "b":1.0, "a":1e2 }"#);
    }

    #[test]
    fn schemas_are_written_verbatim_but_for_line_breaks() {
        let text = "{\"type\":\"register\",\"name\":\"a\",\"version\":\"1\",\"methods\":{\"get\":{\"input\":{ \"b\":1.0,\r\n \"a\":1 }}}}";
        let message = decode_client(text.as_bytes()).unwrap();
        let mut written = Vec::new();
        encode_client(&mut written, &message);
        let written = String::from_utf8(written).unwrap();
        assert!(written.contains(r#"{ "b":1.0, "a":1 }"#), "{written}");
    }

    #[test]
    fn null_counts_as_left_out() {
        let text = r#"{"type":"register","id":null,"name":"a","version":"1","instance":null,"groups":null,
            "methods":null,"topics":null,"schemas":null,"meta":null}"#;
        let Ok(ClientMessage::Register(register)) = decode_client(text.as_bytes()) else {
            panic!("{text}")
        };
        assert!(register.id.is_none() && register.registration.methods.is_empty());
        assert!(decode_client(br#"{"type":"subscribe","filter":"a","overflow":null,"shared":null}"#).is_ok());
    }
}
