//! Rare messages: the text is parsed again, into the message's own type.

use serde::{Deserialize, Serialize};

use super::diagnosis::diagnose;
use super::envelope::probable_id;
use crate::{BrokerMessage, ClientMessage, DecodeError, Id, Register, Registration};

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

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| diagnose::<T>(text, &error))
}

fn unknown(text: &str, kind: &str) -> DecodeError {
    DecodeError::UnknownType {
        id: probable_id(text),
        name: kind[..kind.floor_char_boundary(64)].to_owned(),
    }
}
