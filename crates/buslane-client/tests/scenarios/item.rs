//! What comes of requests, subscriptions and calls, as the JSON objects that expectations are compared with.

use buslane_client::{
    Context, Gathered, Headers, Payload, Problem, Reply, RequestError, SubscriptionEvent, Summary,
};
use serde_json::{Map, Value, json};

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
    carry(&mut item, context.payload(), context.headers());
    item
}

/// Writes an error as it travels.
pub(crate) fn of_problem(problem: &Problem) -> Value {
    serde_json::to_value(problem).expect("a problem is JSON")
}

fn carry(item: &mut Item, payload: Payload<'_>, headers: &Headers<'_>) {
    if !payload.is_empty() {
        let value = payload
            .json()
            .unwrap_or_else(|_| json!({"bytes": payload.as_bytes()}));
        item.insert("payload".to_owned(), value);
    }
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value)));
    item.insert("headers".to_owned(), Value::Object(headers.collect()));
}
