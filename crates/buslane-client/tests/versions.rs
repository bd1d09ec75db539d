//! A client of this version that meets a broker of a later one, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use buslane_client::{Client, ConnectError, Encoding};
use buslane_protocol::binary::{self, Preamble};
use buslane_protocol::{ClientMessage, ErrorCode, json};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a broker answers, and whether a client of this version goes on. See `schemas/README.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    road: String,
    answer: Value,
    accepted: bool,
}

fn vectors(road: &str) -> Vec<Vector> {
    let all: Vec<Vector> =
        serde_json::from_str(include_str!("../../../schemas/vectors/versions/client.json")).unwrap();
    let chosen: Vec<Vector> = all.into_iter().filter(|vector| vector.road == road).collect();
    assert!(!chosen.is_empty());
    chosen
}

/// Connects to a broker that treats its one connection so, and leaves it open.
async fn meet<F: Future<Output = BufReader<TcpStream>>>(
    scheme: &str,
    encoding: Encoding,
    broker: impl FnOnce(BufReader<TcpStream>) -> F,
) -> Result<Client, ConnectError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    let connecting = Client::builder().url(url).encoding(encoding).connect();
    let serving = async { broker(BufReader::new(listener.accept().await.unwrap().0)).await };
    let (met, _open) = tokio::join!(connecting, serving);
    met
}

/// Holds what came of it against the vector. One that is refused is refused for good, and not asked again.
fn check(vector: &Vector, met: Result<Client, ConnectError>) {
    match met {
        Ok(_) => assert!(vector.accepted, "{}", vector.name),
        Err(error) => {
            assert!(!vector.accepted, "{}: {error}", vector.name);
            assert!(
                matches!(error, ConnectError::Refused(_)),
                "{}: {error}",
                vector.name
            );
            assert_eq!(
                error.error_code(),
                ErrorCode::UnsupportedVersion,
                "{}",
                vector.name
            );
        }
    }
}

/// Makes the answer of a vector to a `connect`.
fn answer(vector: &Vector, connect: &ClientMessage<'_>) -> String {
    let ClientMessage::Connect(connect) = connect else {
        panic!("{}: no connect", vector.name)
    };
    let id = connect.id.as_ref().unwrap().as_str();
    vector.answer.to_string().replace("$id", id)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.as_bytes().chunks(2).collect();
    digits
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[tokio::test]
async fn a_preamble_is_accepted_or_refused_as_the_vectors_say() {
    let greeting = &vectors("lines")[0];
    for vector in vectors("binary") {
        let met = meet("buslane", Encoding::Binary, async |mut stream| {
            let mut start = [0; Preamble::LENGTH + 4];
            stream.read_exact(&mut start).await.unwrap();
            assert_eq!(start[..Preamble::LENGTH], Preamble::OURS.encode());
            let mut frame = start[Preamble::LENGTH..].to_vec();
            frame.resize(
                4 + u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]) as usize,
                0,
            );
            stream.read_exact(&mut frame[4..]).await.unwrap();
            let connected = answer(greeting, &binary::decode_client(&frame).unwrap());
            let mut said = bytes(vector.answer.as_str().unwrap());
            binary::encode_broker(&mut said, &json::decode_broker(connected.as_bytes()).unwrap());
            stream.write_all(&said).await.unwrap();
            stream
        })
        .await;
        check(&vector, met);
    }
}

#[tokio::test]
async fn an_answer_in_json_is_accepted_or_refused_as_the_vectors_say() {
    for vector in vectors("lines") {
        let met = meet("buslane", Encoding::Json, async |mut stream| {
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            let said = answer(&vector, &json::decode_client(line.trim_end().as_bytes()).unwrap());
            stream.write_all(format!("{said}\n").as_bytes()).await.unwrap();
            stream
        })
        .await;
        check(&vector, met);
    }
}

#[tokio::test]
async fn a_websocket_of_a_later_version_only_ends_the_client() {
    let met = meet("ws", Encoding::Json, async |mut stream| {
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
        }
        let body = json!({ "code": "unsupported_version", "status": 400 }).to_string();
        let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json";
        let said = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(said.as_bytes()).await.unwrap();
        stream
    })
    .await;
    let Err(error) = met else {
        panic!("the client was taken")
    };
    assert!(matches!(error, ConnectError::Refused(_)), "{error}");
    assert_eq!(error.error_code(), ErrorCode::UnsupportedVersion);
}
