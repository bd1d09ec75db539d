//! Sends what Java asks for: requests, publishes, flushes. What comes of them is told as events.

use std::sync::Arc;

use buslane_client::{Body, Call, Client, ErrorCode, Problem, Publish, Reply};

use crate::bridge::{Bridge, Undertaking};
use crate::events::{Events, Kind};
use crate::reading::{Read, Reader};
use crate::sources;
use crate::telling::Telling;

/// How a request is answered.
enum Shape {
    One,
    Stream,
    Gathered,
}

/// A request as Java wrote it.
struct Asked<'a> {
    operation: u64,
    shape: Shape,
    targets: Vec<&'a str>,
    timeout: i64,
    credit: i32,
    headers: Vec<(&'a str, &'a str)>,
    body: Body,
}

/// Sends a request.
pub(crate) fn request(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let asked = Asked::read(reader)?;
    let call = asked.call(bridge.client()?);
    match asked.shape {
        Shape::One => {
            send(bridge, asked, call);
            Ok(())
        }
        Shape::Stream => {
            sources::stream(bridge, asked.operation, call.stream_body(asked.body));
            Ok(())
        }
        Shape::Gathered => {
            sources::gather(bridge, asked.operation, call.gather_body(asked.body));
            Ok(())
        }
    }
}

/// Publishes at once and without a word from the broker, or says why not: with `queue_full`, it may wait.
pub(crate) fn publish(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let client = bridge.client()?;
    let published = Published::read(reader)?;
    let sent = published.message(client).try_send();
    sent.map_err(|error| error.problem().clone())
}

/// Publishes when there is room, and with the broker's word if that is wanted.
pub(crate) fn publish_awaited(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let operation = reader.number()?;
    let ack = reader.flag()?;
    Published::read(&mut reader.clone())?;
    let written = reader.rest().to_vec();
    let (client, events, work) = (
        bridge.client()?.clone(),
        bridge.events.clone(),
        bridge.work.clone(),
    );
    bridge.work.begin(operation, || {
        let task = bridge.runtime().spawn(async move {
            let outcome = publish_written(&client, &written, ack).await;
            work.end(operation);
            match outcome {
                Ok(receivers) => events.done(operation, receivers),
                Err(problem) => events.failed(operation, &problem),
            }
        });
        Undertaking::Task(task.abort_handle())
    });
    Ok(())
}

/// Publishes what is written, and returns how many it was routed to, if that is wanted.
async fn publish_written(client: &Client, written: &[u8], ack: bool) -> Result<u64, Problem> {
    let published = Published::read(&mut Reader::new(written))?;
    let message = published.message(client);
    let outcome = match ack {
        true => message.ack().await.map(u64::from),
        false => message.await.map(|()| 0),
    };
    outcome.map_err(|error| error.problem().clone())
}

/// Waits until the broker has processed everything before.
pub(crate) fn flush(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let operation = reader.number()?;
    let (client, events) = (bridge.client()?.clone(), bridge.events.clone());
    bridge.runtime().spawn(async move {
        match client.flush().await {
            Ok(()) => events.done(operation, 0),
            Err(error) => events.failed(operation, error.problem()),
        }
    });
    Ok(())
}

/// Sends a request with one reply: at once where there is room, else as soon as there is.
fn send(bridge: &Arc<Bridge>, asked: Asked<'_>, call: Call) {
    let operation = asked.operation;
    let (events, work) = (bridge.events.clone(), bridge.work.clone());
    let then = move |outcome| {
        if work.end(operation) {
            tell_outcome(&events, operation, outcome);
        }
    };
    let sent = bridge.work.try_begin(operation, || {
        call.body_then(asked.body.clone(), then).map(Undertaking::Pending)
    });
    let Err(error) = sent else { return };
    match bridge.client() {
        Ok(client) if error.error_code() == Some(ErrorCode::QueueFull) && client.is_connected() => {
            send_when_there_is_room(bridge, operation, asked.call(client), asked.body);
        }
        _ => bridge.events.failed(operation, error.problem()),
    }
}

fn send_when_there_is_room(bridge: &Arc<Bridge>, operation: u64, call: Call, body: Body) {
    let (events, work) = (bridge.events.clone(), bridge.work.clone());
    bridge.work.begin(operation, || {
        let task = bridge.runtime().spawn(async move {
            let outcome = call.send_body(body).await;
            if work.end(operation) {
                tell_outcome(&events, operation, outcome);
            }
        });
        Undertaking::Task(task.abort_handle())
    });
}

fn tell_outcome(events: &Events, operation: u64, outcome: Result<Reply, buslane_client::RequestError>) {
    match outcome {
        Ok(reply) => events.push(Kind::Reply, operation, |bytes| {
            bytes.tell_parcel(reply.from(), reply.headers(), reply.payload());
        }),
        Err(error) => events.failed(operation, error.problem()),
    }
}

impl<'a> Asked<'a> {
    fn read(reader: &mut Reader<'a>) -> Read<Asked<'a>> {
        Ok(Asked {
            operation: reader.number()?,
            shape: match reader.byte()? {
                0 => Shape::One,
                1 => Shape::Stream,
                _ => Shape::Gathered,
            },
            targets: reader.list(Reader::text)?,
            timeout: reader.long()?,
            credit: reader.int()?,
            headers: reader.headers()?,
            body: reader.body()?,
        })
    }

    fn call(&self, client: &Client) -> Call {
        let mut call = client.call(self.targets.as_slice());
        call = match self.timeout {
            WITHOUT_TIMEOUT => call.without_timeout(),
            milliseconds => match u64::try_from(milliseconds) {
                Ok(milliseconds) => call.timeout(std::time::Duration::from_millis(milliseconds)),
                Err(_) => call,
            },
        };
        if let Ok(credit @ 1..) = u16::try_from(self.credit) {
            call = call.credit(credit);
        }
        self.headers
            .iter()
            .fold(call, |call, (name, value)| call.header(name, value))
    }
}

/// A publish as Java wrote it.
struct Published<'a> {
    topic: &'a str,
    retain: u8,
    retain_ms: i64,
    exclude_self: bool,
    headers: Vec<(&'a str, &'a str)>,
    content_type: Option<&'a str>,
    bytes: Option<&'a [u8]>,
}

impl<'a> Published<'a> {
    fn read(reader: &mut Reader<'a>) -> Read<Published<'a>> {
        Ok(Published {
            topic: reader.text()?,
            retain: reader.byte()?,
            retain_ms: reader.long()?,
            exclude_self: reader.flag()?,
            headers: reader.headers()?,
            content_type: reader.optional_text()?,
            bytes: reader.optional_bytes()?,
        })
    }

    /// Makes the message, which is written from where it lies.
    fn message<'m>(&'m self, client: &'m Client) -> Publish<'m> {
        let mut message = match (self.retain, self.content_type, self.bytes) {
            (CLEARED, ..) => client.clear_retained(self.topic),
            (_, _, None) => client.publish_body(self.topic, Body::none()),
            (_, None, Some(text)) => client.publish_json_text(self.topic, text),
            (_, Some(content_type), Some(bytes)) => client.publish_bytes(self.topic, content_type, bytes),
        };
        if self.retain == RETAINED {
            message = match u64::try_from(self.retain_ms) {
                Ok(lifetime) => message.retain_for(std::time::Duration::from_millis(lifetime)),
                Err(_) => message.retain(),
            };
        }
        if self.exclude_self {
            message = message.exclude_self();
        }
        self.headers
            .iter()
            .fold(message, |message, (name, value)| message.header(name, value))
    }
}

/// What Java says about the topic's value.
const RETAINED: u8 = 1;
const CLEARED: u8 = 2;
/// A timeout that stands for none.
const WITHOUT_TIMEOUT: i64 = -1;
