//! `buslane pub`: publishes one message and tells how many clients it went to.

use buslane_protocol::Topic;
use serde::Serialize;

use super::payload;
use crate::arguments::{ConnectionArguments, PublishArguments};
use crate::failure::Failure;
use crate::output::{Output, notice};
use crate::refusal;

/// What machines are told.
#[derive(Serialize)]
struct Published {
    receivers: u32,
}

/// Publishes, and waits until the broker has routed the message.
pub(crate) async fn run(
    arguments: &PublishArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let topic = arguments.topic.as_str();
    Topic::parse(topic).map_err(|error| Failure::usage(format_args!("{topic:?} is no topic: {error}")))?;
    let body = payload::read(arguments.payload.as_deref())?;
    let bus = connection.connect().await?;
    let mut publish = if arguments.clear {
        bus.clear_retained(topic)
    } else {
        bus.publish_body(topic, body)
    };
    if arguments.retain {
        publish = publish.retain();
    }
    for (name, value) in &arguments.header {
        publish = publish.header(name, value);
    }
    let receivers = publish
        .ack()
        .await
        .map_err(|error| refusal::failure(error.problem(), topic))?;
    bus.close().await;
    if arguments.json {
        out.json(&Published { receivers })?;
    } else if !arguments.quiet {
        let plural = if receivers == 1 { "" } else { "s" };
        notice(format_args!("delivered to {receivers} client{plural}"));
    }
    out.flush()
}
