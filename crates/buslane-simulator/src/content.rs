//! What simulated messages carry: a payload, and a number in a header that tells each message from every other one.

use std::borrow::Cow;

use buslane_protocol::{Headers, HeadersBuf, Payload, PayloadKind, Problem};
use serde_json::json;

use crate::random::Random;

/// What a simulated message carries.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// The message's number in its run.
    pub(crate) number: u64,
    /// The payload.
    pub(crate) payload: Payload<'static>,
}

impl Content {
    /// Makes content with a payload that fits the contract, or not.
    pub(crate) fn random(number: u64, valid: bool, largest: usize, random: &mut Random) -> Content {
        let size = match random.below(20) {
            0 => random.index(largest),
            1 | 2 => random.index(largest.min(5_000)),
            _ => random.index(60),
        };
        let payload = match random.below(if valid { 6 } else { 10 }) {
            0..=5 => Payload::json(object(valid, size)),
            6 => Payload::json(b"null".to_vec()),
            7 => Payload::absent(),
            8 => Payload::bytes(vec![0xff; size]),
            _ => Payload::json(format!("[{number},1.50,\"\\u00e9\"]").into_bytes()),
        };
        Content { number, payload }
    }

    /// Makes content with a payload of about this many bytes that fits the contract.
    pub(crate) fn sized(number: u64, size: usize) -> Content {
        Content {
            number,
            payload: Payload::json(object(true, size)),
        }
    }

    /// Returns the headers with the number.
    pub(crate) fn headers(&self) -> Headers<'static> {
        let mut headers = HeadersBuf::new();
        headers
            .push(NUMBER, &self.number.to_string())
            .expect("a number is a header's value");
        headers.finish()
    }
}

fn object(valid: bool, size: usize) -> Vec<u8> {
    let member = if valid { "\"ok\":1," } else { "" };
    format!("{{{member}\"pad\":\"{}\"}}", "x".repeat(size)).into_bytes()
}

/// Makes a service's error with a number.
pub(crate) fn problem(number: u64) -> Problem {
    let mut problem = Problem::of_service("no_luck", "the simulated handler failed");
    problem.data = Some(json!({ NUMBER: number }));
    problem
}

/// Returns the number that an error carries.
pub(crate) fn number_of_problem(problem: &Problem) -> Option<u64> {
    problem.data.as_ref()?.get(NUMBER)?.as_u64()
}

/// Returns the number that headers carry.
pub(crate) fn number_of(headers: &Headers<'_>) -> Option<u64> {
    headers.find(NUMBER)?.parse().ok()
}

/// Tells payloads apart: what says that it is JSON text is equal to what was checked to be.
pub(crate) fn digest(payload: &Payload<'_>) -> u64 {
    let mut hash = u64::from(payload.kind == PayloadKind::Bytes).wrapping_add(OFFSET);
    let bytes: &Cow<'_, [u8]> = &payload.bytes;
    for byte in bytes.iter() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    }
    hash
}

/// The header, and the member of a problem's data, that holds the number.
const NUMBER: &str = "n";
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;
