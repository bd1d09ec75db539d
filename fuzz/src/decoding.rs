//! The decoders of the envelope: any bytes give a message or an error; a message says the same in both encodings, and
//! again after it was written; what is allocated is in proportion to the input.

use buslane_protocol::binary::{self, ClientFrames};
use buslane_protocol::{
    BrokerMessage, ClientMessage, DecodeError, HeaderMember, HeaderMemberKind, Headers, HeadersBuf, Payload,
    PayloadKind, Schema, json,
};

use crate::allocation::bounded;

/// Binary frames of a client, one after another as they come on a connection.
pub(crate) fn client_frames(input: &[u8]) {
    let mut frames = ClientFrames::default();
    let mut rest = input;
    while let Some(frame) = next_frame(&mut rest) {
        let decoded = bounded(frame.len(), FACTOR, || binary::decode_client(frame));
        assert_eq!(
            frames.decode(frame),
            decoded,
            "what came before changes what a frame means"
        );
        match decoded {
            Ok(message) => check_client(&message, frame.len()),
            Err(error) => check_error(&error),
        }
    }
}

/// Binary frames of a broker.
pub(crate) fn broker_frames(input: &[u8]) {
    let mut rest = input;
    while let Some(frame) = next_frame(&mut rest) {
        match bounded(frame.len(), FACTOR, || binary::decode_broker(frame)) {
            Ok(message) => check_broker(&message, frame.len()),
            Err(error) => check_error(&error),
        }
    }
}

/// The text of one message of a client.
pub(crate) fn client_text(input: &[u8]) {
    let decoded = bounded(input.len(), FACTOR, || json::decode_client(input));
    check_spaced(input, &decoded);
    match decoded {
        Ok(message) => check_client(&message, input.len()),
        Err(error) => check_error(&error),
    }
}

/// The text of one message of a broker.
pub(crate) fn broker_text(input: &[u8]) {
    match bounded(input.len(), FACTOR, || json::decode_broker(input)) {
        Ok(message) => check_broker(&message, input.len()),
        Err(error) => check_error(&error),
    }
}

/// Cuts off the first frame. What is no whole frame is taken as one, to be refused.
fn next_frame<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    if rest.is_empty() {
        return None;
    }
    let length = match binary::frame_length(rest, LIMIT) {
        Ok(Some(length)) => length.min(rest.len()),
        Ok(None) => rest.len(),
        Err(error) => {
            assert!(error.is_fatal(), "{error}");
            rest.len()
        }
    };
    let (frame, after) = rest.split_at(length.max(1));
    *rest = after;
    Some(frame)
}

/// A space before a text keeps it from being read in its usual shape: the parser has to say the same.
fn check_spaced(input: &[u8], decoded: &Result<ClientMessage<'_>, DecodeError>) {
    let spaced = [b" ", input].concat();
    match (decoded, json::decode_client(&spaced)) {
        (Ok(usual), Ok(parsed)) => assert_eq!(*usual, parsed),
        // The place is another one, so that only the kind can be compared.
        (Err(usual), Err(parsed)) => assert_eq!(usual.code(), parsed.code()),
        (usual, parsed) => panic!("{usual:?} with a space before it is {parsed:?}"),
    }
}

fn check_client(message: &ClientMessage<'_>, length: usize) {
    let mut frame = Vec::new();
    bounded(length, FACTOR, || binary::encode_client(&mut frame, message));
    assert_eq!(binary::frame_length(&frame, usize::MAX), Ok(Some(frame.len())));
    let framed = binary::decode_client(&frame).expect("what was encoded is a frame");
    assert_eq!(framed, unchecked_client(message.clone()));
    let mut text = Vec::new();
    json::encode_client(&mut text, message);
    assert!(
        !text.contains(&b'\n'),
        "a line holds a text: {:?}",
        String::from_utf8_lossy(&text)
    );
    let read = json::decode_client(&text).expect("what was encoded is a text");
    let mut once = Vec::new();
    json::encode_client(&mut once, &read);
    let mut again = Vec::new();
    json::encode_client(
        &mut again,
        &json::decode_client(&once).expect("what was encoded is a text"),
    );
    assert_eq!(once, again, "a text is written as it was read");
    assert_eq!(
        normal_client(read),
        normal_client(message.clone()),
        "{:?}",
        String::from_utf8_lossy(&text)
    );
}

fn check_broker(message: &BrokerMessage<'_>, length: usize) {
    let mut frame = Vec::new();
    bounded(length, FACTOR, || binary::encode_broker(&mut frame, message));
    assert_eq!(binary::frame_length(&frame, usize::MAX), Ok(Some(frame.len())));
    let framed = binary::decode_broker(&frame).expect("what was encoded is a frame");
    assert_eq!(framed, unchecked_broker(message.clone()));
    let mut text = Vec::new();
    json::encode_broker(&mut text, message);
    assert!(
        !text.contains(&b'\n'),
        "a line holds a text: {:?}",
        String::from_utf8_lossy(&text)
    );
    let read = json::decode_broker(&text).expect("what was encoded is a text");
    let mut once = Vec::new();
    json::encode_broker(&mut once, &read);
    let mut again = Vec::new();
    json::encode_broker(
        &mut again,
        &json::decode_broker(&once).expect("what was encoded is a text"),
    );
    assert_eq!(once, again, "a text is written as it was read");
    assert_eq!(
        normal_broker(read),
        normal_broker(message.clone()),
        "{:?}",
        String::from_utf8_lossy(&text)
    );
}

/// An error says something, and its words stay short whatever the input was.
fn check_error(error: &DecodeError) {
    let problem = error.problem();
    let detail = problem.detail.unwrap_or_default();
    assert!(!detail.is_empty() && detail.len() < LONGEST_DETAIL, "{detail:?}");
    assert!(!detail.contains(['\n', '\r']), "{detail:?}");
}

fn payload_of_client<'a, 'm>(message: &'m mut ClientMessage<'a>) -> Option<&'m mut Payload<'a>> {
    match message {
        ClientMessage::Publish(publish) => Some(&mut publish.payload),
        ClientMessage::Request(request) => Some(&mut request.payload),
        ClientMessage::Reply(reply) => Some(&mut reply.payload),
        ClientMessage::Chunk(chunk) => Some(&mut chunk.payload),
        _ => None,
    }
}

fn payload_of_broker<'a, 'm>(message: &'m mut BrokerMessage<'a>) -> Option<&'m mut Payload<'a>> {
    match message {
        BrokerMessage::Delivery(delivery) => Some(&mut delivery.payload),
        BrokerMessage::Request(request) => Some(&mut request.payload),
        BrokerMessage::Reply(answer) => Some(&mut answer.payload),
        BrokerMessage::Chunk(part) => Some(&mut part.payload),
        _ => None,
    }
}

/// Forgets that JSON was checked, which frames do not say.
fn uncheck(payload: &mut Payload<'_>) {
    if payload.kind == PayloadKind::CheckedJson {
        payload.kind = PayloadKind::Json;
    }
}

/// What a payload is after it was written as JSON text: without raw line breaks, and bytes if it was no JSON.
fn normalize(payload: &mut Payload<'_>) {
    if payload.ensure_json().is_err() {
        payload.kind = PayloadKind::Bytes;
    } else if payload.is_json() {
        payload
            .bytes
            .to_mut()
            .retain(|byte| !matches!(byte, b'\n' | b'\r'));
        let text = str::from_utf8(&payload.bytes).expect("JSON is UTF-8");
        payload.bytes = text.trim_matches([' ', '\t']).as_bytes().to_vec().into();
    }
    uncheck(payload);
}

/// Takes raw line breaks out of the schemas of a registration: no text is written with them, and they mean nothing there.
fn flatten(message: &mut ClientMessage<'_>) {
    let ClientMessage::Register(register) = message else {
        return;
    };
    let registration = &mut register.registration;
    let methods = registration.methods.values_mut();
    let of_methods = methods.flat_map(|method| [&mut method.input, &mut method.output]);
    let of_topics = registration.topics.values_mut().map(|topic| &mut topic.schema);
    let referred = registration.schemas.values_mut();
    for schema in of_methods.chain(of_topics).flatten().chain(referred) {
        let text = schema.as_str().replace(['\n', '\r'], "");
        *schema = Schema::parse(&text).expect("line breaks stand between words only");
    }
}

fn unchecked_client(mut message: ClientMessage<'_>) -> ClientMessage<'_> {
    flatten(&mut message);
    payload_of_client(&mut message).into_iter().for_each(uncheck);
    message
}

fn unchecked_broker(mut message: BrokerMessage<'_>) -> BrokerMessage<'_> {
    payload_of_broker(&mut message).into_iter().for_each(uncheck);
    message
}

/// What of a message a text can say.
fn normal_client(mut message: ClientMessage<'_>) -> ClientMessage<'_> {
    flatten(&mut message);
    payload_of_client(&mut message).into_iter().for_each(normalize);
    let headers = match &mut message {
        ClientMessage::Publish(publish) => &mut publish.headers,
        ClientMessage::Request(request) => &mut request.headers,
        ClientMessage::Reply(reply) => &mut reply.headers,
        ClientMessage::Chunk(chunk) => &mut chunk.headers,
        _ => return message,
    };
    *headers = normal_headers(headers, |member| !member.broker_only);
    message
}

/// What of a message a text can say.
fn normal_broker(mut message: BrokerMessage<'_>) -> BrokerMessage<'_> {
    payload_of_broker(&mut message).into_iter().for_each(normalize);
    let headers = match &mut message {
        BrokerMessage::Delivery(delivery) => &mut delivery.headers,
        BrokerMessage::Request(request) => &mut request.headers,
        BrokerMessage::Reply(answer) => &mut answer.headers,
        BrokerMessage::Chunk(part) => &mut part.headers,
        _ => return message,
    };
    *headers = normal_headers(headers, |_| true);
    message
}

/// Leaves the members that a text names, as far as they are texts, and then the other headers. Names that begin with a
/// colon and are no member mean nothing.
fn normal_headers(headers: &Headers<'_>, said: impl Fn(&HeaderMember) -> bool) -> Headers<'static> {
    let mut normal = HeadersBuf::new();
    let is_text = |member: &&HeaderMember| member.kind == HeaderMemberKind::Text && said(member);
    let members = Headers::MEMBERS.iter().filter(is_text);
    let members = members.filter_map(|member| Some((member.header, headers.find(member.header)?)));
    let plain = headers.iter().filter(|(name, _)| !name.starts_with(':'));
    for (name, value) in members.chain(plain) {
        normal.push(name, value).expect("what was taken fits");
    }
    normal.finish()
}

/// Bytes that may be allocated for each byte of input. Names in a list, each of two or three bytes, cost the most.
const FACTOR: usize = 256;
/// Bytes of the longest frame.
const LIMIT: usize = 1 << 20;
/// Bytes of the longest words of an error.
const LONGEST_DETAIL: usize = 2_048;
