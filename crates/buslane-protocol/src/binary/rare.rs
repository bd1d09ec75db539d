//! Rare messages as frames: the payload is exactly the message's JSON text.

use super::layout::{Frame, code, write_rare};
use crate::{BrokerMessage, ClientMessage, DecodeError, json};

/// Decodes what a client sent in a frame with a JSON text.
pub(super) fn decode_client<'a>(frame: &Frame<'a>) -> Result<ClientMessage<'a>, DecodeError> {
    if !CLIENT.contains(&frame.kind) {
        return Err(unknown(frame));
    }
    let message = json::decode_client(frame.rare_text()?)?;
    if client_code(&message) == Some(frame.kind) {
        Ok(message)
    } else {
        Err(frame.fault(DISAGREE))
    }
}

/// Decodes what a broker sent in a frame with a JSON text.
pub(super) fn decode_broker<'a>(frame: &Frame<'a>) -> Result<BrokerMessage<'a>, DecodeError> {
    if !BROKER.contains(&frame.kind) {
        return Err(unknown(frame));
    }
    match json::decode_rare_broker(frame.rare_text()?)? {
        Some(message) if broker_code(&message) == Some(frame.kind) => Ok(message),
        _ => Err(frame.fault(DISAGREE)),
    }
}

/// Appends a client's rare message.
pub(super) fn encode_client(out: &mut Vec<u8>, message: &ClientMessage<'_>) {
    let kind = client_code(message).expect("the frequent messages have a layout of their own");
    write_rare(out, kind, |out| json::encode_rare_client(out, message));
}

/// Appends a broker's rare message.
pub(super) fn encode_broker(out: &mut Vec<u8>, message: &BrokerMessage<'_>) {
    let kind = broker_code(message).expect("the frequent messages have a layout of their own");
    write_rare(out, kind, |out| json::encode_broker(out, message));
}

fn unknown(frame: &Frame<'_>) -> DecodeError {
    DecodeError::UnknownType {
        id: frame.id(),
        name: frame.kind.to_string(),
    }
}

fn client_code(message: &ClientMessage<'_>) -> Option<u8> {
    Some(match message {
        ClientMessage::Connect(_) => code::CONNECT,
        ClientMessage::Register(_) => code::REGISTER,
        ClientMessage::Unregister(_) => code::UNREGISTER,
        ClientMessage::Subscribe(_) => code::SUBSCRIBE,
        ClientMessage::Unsubscribe(_) => code::UNSUBSCRIBE,
        ClientMessage::Error(_) => code::ERROR,
        ClientMessage::Credit(_) => code::CREDIT,
        ClientMessage::Goodbye(_) => code::GOODBYE,
        _ => return None,
    })
}

fn broker_code(message: &BrokerMessage<'_>) -> Option<u8> {
    Some(match message {
        BrokerMessage::Connected(_) => code::CONNECTED,
        BrokerMessage::Registered(_) => code::REGISTERED,
        BrokerMessage::Subscribed(_) => code::SUBSCRIBED,
        BrokerMessage::End(_) => code::END,
        BrokerMessage::Error(_) => code::ERROR,
        BrokerMessage::Credit(_) => code::CREDIT,
        BrokerMessage::Gap(_) => code::GAP,
        BrokerMessage::Draining(_) => code::DRAINING,
        _ => return None,
    })
}

const DISAGREE: &str = "the frame's type and the `type` of its JSON text disagree";

const CLIENT: [u8; 8] = [
    code::CONNECT,
    code::REGISTER,
    code::UNREGISTER,
    code::SUBSCRIBE,
    code::UNSUBSCRIBE,
    code::ERROR,
    code::CREDIT,
    code::GOODBYE,
];

const BROKER: [u8; 8] = [
    code::CONNECTED,
    code::REGISTERED,
    code::SUBSCRIBED,
    code::END,
    code::ERROR,
    code::CREDIT,
    code::GAP,
    code::DRAINING,
];
