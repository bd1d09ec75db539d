//! Registers services whose handlers are Java's: each request that comes in is told as an event, and answered later.

use std::sync::{Arc, PoisonError};

use buslane_client::{Client, ErrorCode, Incoming, Problem, Registration, ServiceBuilder, TopicContract};

use crate::answers::Answers;
use crate::bridge::Bridge;
use crate::events::{Events, Kind};
use crate::reading::{Read, Reader};
use crate::telling::Telling;

/// Registers a service. The operation's number is the registration's from then on.
pub(crate) fn register(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let number = reader.number()?;
    let service = read_service(bridge, number, bridge.client()?, reader)?;
    let (weak, events) = (Arc::downgrade(bridge), bridge.events.clone());
    bridge.runtime().spawn(async move {
        match service.register().await {
            Ok(registration) => {
                if let Some(bridge) = weak.upgrade() {
                    let mut services = bridge.services.lock().unwrap_or_else(PoisonError::into_inner);
                    services.insert(number, registration);
                }
                events.done(number, 0);
            }
            Err(error) => events.failed(number, error.problem()),
        }
    });
    Ok(())
}

/// Ends a registration.
pub(crate) fn unregister(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let (operation, number, drain) = (reader.number()?, reader.number()?, reader.flag()?);
    let registration = find(bridge, number)?;
    let (weak, events) = (Arc::downgrade(bridge), bridge.events.clone());
    bridge.runtime().spawn(async move {
        let ended = match drain {
            true => registration.drain().await,
            false => registration.unregister().await,
        };
        match ended {
            Ok(()) => {
                if let Some(bridge) = weak.upgrade() {
                    let mut services = bridge.services.lock().unwrap_or_else(PoisonError::into_inner);
                    services.remove(&number);
                }
                events.done(operation, 0);
            }
            Err(error) => events.failed(operation, error.problem()),
        }
    });
    Ok(())
}

/// Returns the instance's name, and what the registration breaks, as JSON text.
pub(crate) fn describe(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<Vec<u8>, Problem> {
    let registration = find(bridge, reader.number()?)?;
    let mut answer = Vec::new();
    answer.tell_optional(registration.instance().as_deref());
    let report = registration.compatibility();
    let report = report.and_then(|report| serde_json::to_string(&*report).ok());
    answer.tell_optional(report.as_deref());
    Ok(answer)
}

fn find(bridge: &Arc<Bridge>, number: u64) -> Result<Registration, Problem> {
    let services = bridge.services.lock().unwrap_or_else(PoisonError::into_inner);
    services
        .get(&number)
        .cloned()
        .ok_or_else(|| Problem::new(ErrorCode::NotRegistered).detail("the registration has ended"))
}

fn read_service(
    bridge: &Arc<Bridge>,
    number: u64,
    client: &Client,
    reader: &mut Reader<'_>,
) -> Result<ServiceBuilder, Problem> {
    let mut service = client.service(reader.text()?, reader.text()?);
    if let Some(instance) = reader.optional_text()? {
        service = service.instance(instance);
    }
    for group in reader.list(Reader::text)? {
        service = service.group(group);
    }
    if let Some(meta) = reader.optional_text()? {
        let meta: serde_json::Value = serde_json::from_str(meta)
            .map_err(|error| Problem::new(ErrorCode::InvalidPayload).detail(format!("meta: {error}")))?;
        service = service.meta(&meta);
    }
    for index in 0..reader.int()? {
        service = read_method(bridge, number, index, service, reader)?;
    }
    for _ in 0..reader.int()? {
        service = service.topic(read_topic(reader)?);
    }
    for (uri, schema) in reader.headers()? {
        service = service.schema(uri, schema);
    }
    Ok(service)
}

fn read_method(
    bridge: &Arc<Bridge>,
    number: u64,
    index: i32,
    service: ServiceBuilder,
    reader: &mut Reader<'_>,
) -> Read<ServiceBuilder> {
    let name = reader.text()?;
    // Not the bridge: a handler that held it would keep the client open.
    let (events, answers) = (bridge.events.clone(), bridge.answers.clone());
    let mut service = service.deferred_method(name, move |incoming| {
        tell_invocation(&events, &answers, number, index, incoming);
    });
    if let Some(schema) = reader.optional_text()? {
        service = service.input_schema(name, schema);
    }
    if let Some(schema) = reader.optional_text()? {
        service = service.output_schema(name, schema);
    }
    if let Some(description) = reader.optional_text()? {
        service = service.description(name, description);
    }
    Ok(service)
}

fn read_topic(reader: &mut Reader<'_>) -> Read<TopicContract> {
    let mut contract = TopicContract::new(reader.text()?);
    if let Some(schema) = reader.optional_text()? {
        contract = contract.schema(schema);
    }
    if let Some(description) = reader.optional_text()? {
        contract = contract.description(description);
    }
    if reader.flag()? {
        contract = contract.retained();
    }
    if reader.flag()? {
        contract = contract.refuse_when_full();
    }
    Ok(contract)
}

fn tell_invocation(events: &Events, answers: &Answers, service: u64, method: i32, incoming: Incoming) {
    let context = incoming.context().clone();
    let token = answers.hold(incoming);
    events.push(Kind::Invoked, token, |bytes| {
        bytes.tell_long(service);
        bytes.tell_int(method);
        bytes.tell_text(context.address());
        bytes.tell_optional(context.id());
        bytes.tell_byte(context.attempt());
        let left = context.time_left().map(|left| left.as_millis() as u64);
        bytes.tell_long(left.unwrap_or(u64::MAX));
        bytes.tell_flag(context.wants_stream());
        bytes.tell_parcel(context.from(), context.headers(), context.payload());
    });
}
