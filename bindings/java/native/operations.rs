//! What Java may ask for, by number; each goes to the file that does it.

use std::sync::Arc;

use buslane_client::{ErrorCode, Problem, ServiceError};

use crate::bridge::{self, Bridge};
use crate::reading::Reader;
use crate::telling::Telling;
use crate::{requests, services, sources};

/// Begins an operation. Returns what there is to answer at once: a problem, or what was asked for.
pub(crate) fn submit(number: u64, operation: &[u8]) -> Option<Vec<u8>> {
    let begun = match bridge::find(number) {
        Some(bridge) => begin(&bridge, &mut Reader::new(operation)),
        None => Err(bridge::closed()),
    };
    match begun {
        Ok(Answer::Nothing) => None,
        Ok(Answer::Yes) => Some(vec![ANSWER]),
        Ok(Answer::Told(mut answer)) => {
            answer.insert(0, ANSWER);
            Some(answer)
        }
        Err(problem) => {
            let mut answer = vec![PROBLEM];
            answer.tell_problem(&problem);
            Some(answer)
        }
    }
}

/// What there is to say at once.
enum Answer {
    /// That it is begun, or no.
    Nothing,
    Yes,
    Told(Vec<u8>),
}

/// Java's `Operation` has the same numbers.
fn begin(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<Answer, Problem> {
    match reader.byte()? {
        1 => requests::request(bridge, reader)?,
        2 => return Ok(yes_or_no(bridge.work.cancel(reader.number()?))),
        3 => grant(bridge, reader)?,
        4 => requests::publish(bridge, reader)?,
        5 => requests::publish_awaited(bridge, reader)?,
        6 => requests::flush(bridge, reader)?,
        7 => sources::subscribe(bridge, reader)?,
        8 => sources::unsubscribe(bridge, reader)?,
        9 => sources::presence(bridge, reader)?,
        10 => services::register(bridge, reader)?,
        11 => services::unregister(bridge, reader)?,
        12 => return services::describe(bridge, reader).map(Answer::Told),
        13 => bridge.answers.reply(reader.number()?, &reader.body()?)?,
        14 => fail(bridge, reader)?,
        15 => bridge
            .answers
            .chunk(reader.number()?, reader.body()?, &bridge.events, bridge.runtime()),
        16 => bridge
            .answers
            .end(reader.number()?, &bridge.events, bridge.runtime()),
        17 => return Ok(yes_or_no(bridge.answers.is_withdrawn(reader.number()?))),
        18 => bridge
            .answers
            .watch(reader.number()?, &bridge.events, bridge.runtime()),
        19 => bridge.close(),
        _ => return Err(crate::reading::Malformed.into()),
    }
    Ok(Answer::Nothing)
}

fn grant(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let (source, count) = (reader.number()?, reader.number()?);
    bridge
        .work
        .grant(source, usize::try_from(count).unwrap_or(usize::MAX));
    Ok(())
}

/// Answers with an error; data that is no JSON is left out of it, and the problem here.
fn fail(bridge: &Arc<Bridge>, reader: &mut Reader<'_>) -> Result<(), Problem> {
    let token = reader.number()?;
    let mut error = ServiceError::new(reader.text()?.to_owned(), reader.text()?.to_owned());
    let data = reader
        .optional_bytes()?
        .map(serde_json::from_slice::<serde_json::Value>);
    let left_out = match data {
        None => Ok(()),
        Some(Ok(data)) => {
            error = error.data(&data);
            Ok(())
        }
        Some(Err(reason)) => Err(Problem::new(ErrorCode::InvalidPayload).detail(format!("data: {reason}"))),
    };
    bridge.answers.fail(token, error);
    left_out
}

fn yes_or_no(is: bool) -> Answer {
    if is { Answer::Yes } else { Answer::Nothing }
}

/// What the first byte of an answer says.
const ANSWER: u8 = 0;
const PROBLEM: u8 = 1;
