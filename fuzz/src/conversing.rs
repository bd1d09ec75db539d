//! Whole connections: who is there by the first bytes, the preamble, JSON lines, WebSocket and HTTP. However the bytes
//! are cut, the broker understands the same; and once the connection is gone, nothing of it is left.

use buslane_broker::fuzzing::{Conversed, converse};
use buslane_protocol::binary::Preamble;
use buslane_protocol::json;

use crate::choices::pieces;
use crate::{books, seeds};

/// Any bytes at all.
pub(crate) fn first_bytes(input: &[u8]) {
    let (lengths, bytes) = divided(input);
    compare(&[], lengths, bytes);
}

/// JSON lines, behind one that is good.
pub(crate) fn json_lines(input: &[u8]) {
    let (lengths, bytes) = divided(input);
    let conversed = compare(GREETING, lengths, bytes);
    for line in conversed
        .answer
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let told = json::decode_broker(line);
        assert!(told.is_ok(), "{told:?}: {:?}", String::from_utf8_lossy(line));
    }
}

/// WebSocket frames, behind a good upgrade to one of the two subprotocols.
pub(crate) fn websocket(input: &[u8]) {
    let (lengths, bytes) = divided(input);
    let protocol = if lengths[0] % 2 == 0 {
        "buslane.json.v1"
    } else {
        "buslane.bin.v1"
    };
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: {protocol}\r\n\r\n"
    );
    let conversed = compare(upgrade.as_bytes(), &lengths[1..], bytes);
    assert!(conversed.answer.starts_with(b"HTTP/1.1 101 "));
}

/// HTTP requests.
pub(crate) fn http(input: &[u8]) {
    let (lengths, bytes) = divided(input);
    let conversed = compare(&[], lengths, bytes);
    let is_http = bytes.first().is_some_and(u8::is_ascii_uppercase);
    if is_http && !conversed.answer.is_empty() {
        assert!(
            conversed.answer.starts_with(b"HTTP/1."),
            "{:?}",
            String::from_utf8_lossy(&conversed.answer)
        );
    }
}

/// Inputs of the kinds that are told apart by their first bytes.
pub(crate) fn seeds_of_first_bytes() -> Vec<Vec<u8>> {
    let mut firsts: Vec<Vec<u8>> = FIRSTS.iter().map(|first| first.to_vec()).collect();
    for frame in seeds::client_frames().into_iter().step_by(9) {
        firsts.push([&Preamble::OURS.encode()[..], &frame].concat());
    }
    firsts.extend(requests().into_iter().step_by(3));
    firsts.into_iter().map(cut).collect()
}

/// Lines of every kind, and several after one another.
pub(crate) fn seeds_of_lines() -> Vec<Vec<u8>> {
    let lines: Vec<Vec<u8>> = seeds::client_texts()
        .into_iter()
        .map(|text| [&text[..], b"\n"].concat())
        .collect();
    let runs = lines.chunks(4).map(|run| run.concat());
    lines.iter().cloned().step_by(5).chain(runs).map(cut).collect()
}

/// Frames of both subprotocols: masked by zeros, so that their payload can be seen and changed.
pub(crate) fn seeds_of_websocket() -> Vec<Vec<u8>> {
    let texts = seeds::client_texts()
        .into_iter()
        .map(|text| (0, frame(TEXT, &text)));
    let binary = seeds::client_frames()
        .into_iter()
        .map(|message| (1, frame(BINARY, &message)));
    let controls = [
        (0, frame(0x89, b"ping")),
        (0, frame(0x88, &[3, 0xe8])),
        (1, frame(0x8a, b"")),
    ];
    let parts = [
        frame(0x01, b"{\"type\":"),
        frame(0x89, b""),
        frame(0x80, b"\"ping\"}"),
    ]
    .concat();
    let all = texts.chain(binary).chain(controls).chain([(0, parts)]);
    all.map(|(protocol, frames)| [&[protocol, 7, 0, 0, 0][..], &frames].concat())
        .collect()
}

/// One request for each endpoint, with a few bodies and headers.
pub(crate) fn seeds_of_http() -> Vec<Vec<u8>> {
    requests().into_iter().map(cut).collect()
}

fn requests() -> Vec<Vec<u8>> {
    let heads = HEADS
        .iter()
        .map(|head| format!("{head} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes());
    let with_body = |(head, kind, body): &(&str, &str, &str)| {
        let length = body.len();
        format!("{head} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    };
    let chunked = b"POST /api/v1/publish/a/b HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n2\r\n12\r\n0\r\n\r\n";
    heads
        .chain(BODIES.iter().map(with_body))
        .chain([chunked.to_vec()])
        .collect()
}

/// Puts the lengths of two pieces before the bytes.
fn cut(bytes: Vec<u8>) -> Vec<u8> {
    [&[5, 9, 0, 0, 0][..], &bytes].concat()
}

/// A frame of a client whose mask changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    let length = match length {
        0..126 => vec![0x80 | length as u8],
        longer => [&[0x80 | 126][..], &longer.to_be_bytes()].concat(),
    };
    [&[first][..], &length, &[0; 4], payload].concat()
}

/// Divides an input into the lengths of its first pieces and the bytes.
fn divided(input: &[u8]) -> (&[u8; 5], &[u8]) {
    input.split_first_chunk().unwrap_or((&[0; 5], &[]))
}

/// Says the bytes in pieces and at once, and panics if that makes a difference.
fn compare(before: &[u8], lengths: &[u8], bytes: &[u8]) -> Conversed {
    let said = [before, bytes].concat();
    let whole = converse(&[&said]);
    check(&whole);
    let mut cut = pieces(lengths, bytes);
    if !before.is_empty() {
        cut.insert(0, before);
    }
    if cut.len() > 1 {
        let in_pieces = converse(&cut);
        check(&in_pieces);
        assert_eq!(in_pieces.counters.received, whole.counters.received);
        assert_eq!(in_pieces.counters.malformed, whole.counters.malformed);
        assert_eq!(in_pieces.counters.closed_for, whole.counters.closed_for);
    }
    whole
}

/// Panics if the broker's numbers do not add up, or if something is left of the connection.
fn check(conversed: &Conversed) {
    books::check(&conversed.counters, &conversed.gauges);
    books::check_empty(&conversed.gauges);
    assert_eq!(
        (conversed.admitted, conversed.exchanges, conversed.waiting),
        (0, 0, [0, 0])
    );
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const GREETING: &[u8] = b"{\"type\":\"connect\",\"name\":\"fuzzer\"}\n";
/// First bytes of everything that is told apart.
const FIRSTS: [&[u8]; 9] = [
    b"\xb5BUS\x01\x01\0\0",
    b"\xb5BUS\x02\x07\0\0",
    b"{\"type\":\"ping\",\"id\":\"1\"}\n",
    b"{\"name\":\"attic\"}\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x00\x05",
    b"\x10\x10\x00\x04MQTT",
    b"*1\r\n$4\r\nPING\r\n",
    b"\x7f\xf1\x00\x00",
];
const HEADS: [&str; 27] = [
    "GET /",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /api/v1/services?limit=1&after=attic",
    "GET /api/v1/services/$bus",
    "GET /api/v1/services/$bus/instances?limit=2",
    "GET /api/v1/services/$bus/schemas",
    "GET /api/v1/instances",
    "GET /api/v1/topics",
    "GET /api/v1/topics/a/b",
    "GET /api/v1/clients?name=me",
    "GET /api/v1/statistics",
    "GET /api/v1/subscribe?filter=a/%2B&overflow=drop_newest",
    "GET /api/v1/subscribe?filter=$bus/%23&format=cloudevents&shared=workers",
    "GET /api/v1/subscribe?filter=a&last_event_id=0-0",
    "GET /api/v1/next?filter=a/b&timeout=1ms",
    "POST /api/v1/request/$bus:ping",
    "POST /api/v1/request/attic:get?timeout=1ms",
    "OPTIONS /api/v1/publish/a",
    "HEAD /healthz",
    "DELETE /api/v1/publish/a",
    "GET /api/v1/services?x=%ff",
    "GET http://localhost/healthz",
    "GET /ws",
    "CONNECT localhost:80",
];
const BODIES: [(&str, &str, &str); 8] = [
    ("POST /api/v1/publish/a/b", "application/json", "{\"x\":[1,2]}"),
    (
        "POST /api/v1/publish/a/b?retain=set&retain_ms=5&ack=false&id=p1",
        "application/json",
        "null",
    ),
    ("POST /api/v1/publish/a%2Fb", "text/plain", "hello"),
    ("POST /api/v1/publish/a", "application/octet-stream", "\u{1}\u{2}"),
    (
        "POST /api/v1/request/$bus:describe",
        "application/json",
        "{\"name\":\"$bus\"}",
    ),
    (
        "POST /api/v1/request?to=$bus:ping&to=attic:get&timeout=5s",
        "application/json",
        "{}",
    ),
    (
        "POST /api/v1/publish/a",
        "application/cloudevents+json",
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"x\",\"type\":\"y\",\"time\":\"2020-01-01T00:00:00Z\",\"data\":{}}",
    ),
    (
        "POST /api/v1/publish/a",
        "application/json; charset=utf-8",
        "{\"a\":1",
    ),
];
