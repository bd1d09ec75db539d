//! What comes of requests, subscriptions and calls, as the JSON objects that expectations are compared with.

use buslane_client::{
    ConnectError, Context, Gathered, Headers, Payload, Problem, Reply, Report, RequestError,
    SubscriptionEvent, Summary,
};
use serde_json::{Map, Value};

use crate::outgoing;

/// Something that came, by member. `expect` says which kind of thing it is.
pub(crate) type Item = Map<String, Value>;

/// Makes an item of a kind that has no other members.
pub(crate) fn bare(kind: &str) -> Item {
    Item::from_iter([("expect".to_owned(), Value::from(kind))])
}

/// Makes the item of the reply to a request, or of one part of a stream.
pub(crate) fn of_reply(kind: &str, reply: &Reply) -> Item {
    let mut item = bare(kind);
    item.insert("from".to_owned(), Value::from(reply.from()));
    carry(&mut item, reply.payload(), reply.headers());
    item
}

/// Makes the item of an error.
pub(crate) fn of_error(error: &RequestError) -> Item {
    let mut item = bare("error");
    item.insert("error".to_owned(), of_problem(error.problem()));
    item
}

/// Makes the item of what one target of a gathered request answered.
pub(crate) fn of_gathered(gathered: Gathered<Reply>) -> Item {
    let mut item = match gathered.result {
        Ok(reply) => of_reply("reply", &reply),
        Err(error) => of_error(&error),
    };
    if !gathered.from.is_empty() {
        item.insert("from".to_owned(), Value::from(gathered.from));
    }
    item
}

/// Makes the item of the end of a gathered request.
pub(crate) fn of_summary(summary: Summary) -> Item {
    let mut item = bare("end");
    let counts = [
        ("expected", summary.expected),
        ("replied", summary.replied),
        ("failed", summary.failed),
    ];
    item.extend(counts.map(|(name, count)| (name.to_owned(), Value::from(count))));
    item
}

/// Makes the item of what a subscription yields.
pub(crate) fn of_event(event: SubscriptionEvent) -> Item {
    match event {
        SubscriptionEvent::Gap(gap) => {
            let mut item = bare("gap");
            item.insert("count".to_owned(), Value::from(gap.count));
            item.insert("unknown".to_owned(), Value::from(gap.unknown));
            item
        }
        SubscriptionEvent::Message(message) => {
            let mut item = bare("delivery");
            item.insert("topic".to_owned(), Value::from(message.topic()));
            item.insert("from".to_owned(), Value::from(message.from()));
            item.insert("retained".to_owned(), Value::from(message.is_retained()));
            item.insert("snapshot".to_owned(), Value::from(message.is_snapshot()));
            item.extend(
                message
                    .shared()
                    .map(|shared| ("shared".to_owned(), Value::from(shared))),
            );
            carry(&mut item, message.payload(), message.headers());
            item
        }
        other => panic!("an event unknown to this runner: {other:?}"),
    }
}

/// Makes the item of a call that came in.
pub(crate) fn of_call(context: &Context) -> Item {
    let mut item = bare("invoked");
    item.insert("from".to_owned(), Value::from(context.from()));
    item.insert("attempt".to_owned(), Value::from(context.attempt()));
    let left = context
        .time_left()
        .map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
    item.insert("expires_in_ms".to_owned(), Value::from(left));
    carry(&mut item, context.payload(), context.headers());
    item
}

/// Makes the item of what went wrong outside any call.
pub(crate) fn of_report(report: Report) -> Item {
    let mut item = bare("report");
    let problem = match report {
        Report::Refused { problem }
        | Report::AnswerRefused { problem }
        | Report::RegistrationFailed { problem, .. }
        | Report::SubscriptionFailed { problem, .. } => of_problem(&problem),
        other => panic!("a report unknown to this runner: {other:?}"),
    };
    item.insert("error".to_owned(), problem);
    item
}

/// Makes the problem of a connection that did not come about.
pub(crate) fn problem_of(error: &ConnectError) -> Problem {
    Problem::new(error.error_code()).detail(error)
}

/// Writes an error as it travels.
pub(crate) fn of_problem(problem: &Problem) -> Value {
    serde_json::to_value(problem).expect("a problem is JSON")
}

fn carry(item: &mut Item, payload: Payload<'_>, headers: &Headers<'_>) {
    if payload.is_json() && !payload.is_empty() {
        item.extend(
            payload
                .json()
                .ok()
                .map(|value: Value| ("payload".to_owned(), value)),
        );
        item.extend(
            payload
                .as_text()
                .map(|text| ("payload_text".to_owned(), Value::from(text))),
        );
    } else if !payload.is_empty() {
        item.insert("payload_base64".to_owned(), outgoing::base64(payload.as_bytes()));
    }
    item.insert("content_type".to_owned(), Value::from(payload.content_type()));
    let (mut own, mut content) = (Item::new(), Item::new());
    for (name, value) in headers.iter() {
        match name.strip_prefix(':') {
            Some(member) => content.insert(member.replace('-', "_"), outgoing::content_value(member, value)),
            None => own.insert(name.to_owned(), Value::from(value)),
        };
    }
    item.insert("headers".to_owned(), Value::Object(own));
    item.insert("content".to_owned(), Value::Object(content));
}
