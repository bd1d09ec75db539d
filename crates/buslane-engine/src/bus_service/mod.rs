//! The service `$bus`, which the broker itself answers: who is there, what they offer, and how the broker fares. A
//! callee like any other, with schemas, except that nobody registers it.

mod catalogue;
mod lists;
mod stats;

use std::time::Duration;

use buslane_protocol::{
    Address, Answer, BUS_SERVICE, BrokerMessage, ErrorCode, Headers, Payload, PayloadKind, Problem, Request,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::ClientId;
use crate::engine::Engine;
use crate::validation::Stop;

impl Engine {
    /// Answers a request to the broker itself, at once.
    pub(crate) fn ask_broker(
        &mut self,
        caller: ClientId,
        request: &Request<'_>,
        address: &Address<'_>,
    ) -> Result<(), Stop> {
        self.check_address(caller, address)?;
        let output = self.answer_as_broker(address.method(), &request.payload);
        let output = output.map_err(|problem| problem.about(address))?;
        self.ledger.counters.requests_accepted += 1;
        self.ledger.counters.replied += 1;
        self.ledger.counters.note_request(Duration::ZERO);
        let (headers, payload) = (Headers::default(), Payload::checked(output));
        let answer = Answer {
            id: request.id,
            from: BUS_SERVICE.into(),
            headers,
            payload,
        };
        self.send(caller, &BrokerMessage::Reply(answer));
        Ok(())
    }

    /// Makes the output of one of the broker's own methods.
    pub(crate) fn answer_as_broker(&self, method: &str, payload: &Payload<'_>) -> Result<Vec<u8>, Problem> {
        let output = match method {
            "services" => self.list_services(input(payload)?),
            "describe" => self.describe(input(payload)?)?,
            "topics" => self.list_topics(input(payload)?),
            "clients" => self.list_clients(input(payload)?),
            "stats" => self.stats(),
            "ping" => json!({ "node": self.config.node, "unix_ms": self.unix_ms() }),
            _ => {
                let detail = "the broker has the methods services, describe, topics, clients, stats and ping";
                return Err(Problem::new(ErrorCode::NoInstance).detail(detail));
            }
        };
        Ok(output.to_string().into_bytes())
    }
}

/// Reads an input. None counts as an object without members.
fn input<T: DeserializeOwned>(payload: &Payload<'_>) -> Result<T, Problem> {
    if payload.kind == PayloadKind::Bytes {
        return Err(Problem::new(ErrorCode::InvalidPayload).detail("the input is a JSON object"));
    }
    let text = if payload.is_absent() {
        b"{}"
    } else {
        &*payload.bytes
    };
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| Problem::new(ErrorCode::InvalidPayload).detail(error))?;
    let value = if value.is_null() { json!({}) } else { value };
    T::deserialize(value).map_err(|error| {
        let detail = format!("{error}; the input's schema is in $bus:describe {{\"service\":\"$bus\"}}");
        Problem::new(ErrorCode::SchemaViolation).detail(detail)
    })
}
