//! Answers in chunks.

use std::time::Duration;

use buslane_engine::ClientId;
use buslane_protocol::Framing;
use serde_json::{Value, json};

use crate::world::{World, types};

fn open(world: &mut World, extra: Value) -> (ClientId, ClientId) {
    let (callee, caller) = (world.service("attic", "one", &["watch"]), world.client());
    let mut request = json!({ "type": "request", "id": "s", "to": "attic:watch", "stream": true });
    request
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    world.send(caller, request);
    world.read(callee);
    (callee, caller)
}

fn chunk(world: &mut World, callee: ClientId, payload: Value) {
    world.send(
        callee,
        json!({ "type": "chunk", "delivery": 1, "payload": payload }),
    );
}

#[test]
fn chunks_are_numbered_and_the_last_one_ends_the_stream() {
    for framing in Framing::ALL {
        let mut world = World::new();
        let (callee, caller) = (world.service("attic", "one", &["watch"]), world.open(framing));
        world.read(caller);
        world.send(
            caller,
            json!({ "type": "request", "id": "s", "to": "attic:watch", "stream": true }),
        );
        assert_eq!(world.one(callee)["stream"], true);
        chunk(&mut world, callee, json!("a"));
        chunk(&mut world, callee, json!("b"));
        world.send(callee, json!({ "type": "chunk", "delivery": 1, "last": true }));
        let answers = world.read(caller);
        assert_eq!(types(&answers), ["chunk", "chunk", "end"]);
        assert_eq!(
            answers[0],
            json!({ "type": "chunk", "id": "s", "from": "attic#one", "sequence": 0, "payload": "a" })
        );
        assert_eq!(answers[1]["sequence"], 1);
        assert_eq!(
            answers[2],
            json!({ "type": "end", "id": "s", "expected": 1, "replied": 1, "failed": 0 })
        );
        assert_eq!(world.engine.counters().streamed, 1);
        world.assert_balanced();
    }
}

#[test]
fn the_last_chunk_may_carry_a_payload() {
    let mut world = World::new();
    let (callee, caller) = open(&mut world, json!({}));
    world.send(
        callee,
        json!({ "type": "chunk", "delivery": 1, "payload": 1, "last": true }),
    );
    assert_eq!(types(&world.read(caller)), ["chunk", "end"]);
}

#[test]
fn a_stream_may_end_by_a_reply_or_an_error() {
    for (answer, ends) in [
        (json!({ "type": "reply", "delivery": 1, "payload": 1 }), "reply"),
        (
            json!({ "type": "error", "delivery": 1, "error": { "code": "broken" } }),
            "error",
        ),
    ] {
        let mut world = World::new();
        let (callee, caller) = open(&mut world, json!({}));
        chunk(&mut world, callee, json!(1));
        world.send(callee, answer);
        assert_eq!(types(&world.read(caller)), ["chunk", ends]);
        world.assert_balanced();
    }
}

#[test]
fn a_chunk_for_a_request_without_stream_is_refused_and_the_request_goes_on() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    world.send(caller, json!({ "type": "request", "id": "1", "to": "attic:get" }));
    world.read(callee);
    chunk(&mut world, callee, json!(1));
    assert_eq!(world.error(callee), "unexpected_stream");
    world.nothing(caller);
    world.send(callee, json!({ "type": "reply", "delivery": 1 }));
    assert_eq!(world.one(caller)["type"], "reply");
}

#[test]
fn the_deadline_covers_the_first_chunk_and_then_each_gap() {
    let mut world = World::new();
    let (callee, caller) = open(&mut world, json!({ "expires_in_ms": 1000 }));
    for _ in 0..5 {
        world.pass(Duration::from_millis(900));
        chunk(&mut world, callee, json!(1));
    }
    assert_eq!(world.read(caller).len(), 5);
    world.pass(Duration::from_millis(1002));
    assert_eq!(world.error(caller), "deadline_exceeded");
    assert_eq!(types(&world.read(callee)), ["cancel"]);
}

#[test]
fn a_stream_without_bound_never_expires() {
    let mut world = World::new();
    let (callee, caller) = open(&mut world, json!({ "expires_in_ms": null }));
    for _ in 0..48 {
        world.pass_seconds(10);
        world.send(callee, json!({ "type": "ping" }));
        world.send(caller, json!({ "type": "ping" }));
    }
    world.read(caller);
    world.read(callee);
    chunk(&mut world, callee, json!(1));
    assert_eq!(world.one(caller)["type"], "chunk");
}

#[test]
fn credit_reaches_the_callee() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["watch"]), world.client());
    world.send(
        caller,
        json!({ "type": "request", "id": "s", "to": "attic:watch", "stream": true, "credit": 2 }),
    );
    assert_eq!(world.one(callee)["credit"], 2);
    world.send(caller, json!({ "type": "credit", "id": "s", "count": 3 }));
    assert_eq!(
        world.one(callee),
        json!({ "type": "credit", "delivery": 1, "count": 3 })
    );
    for number in 0..5 {
        chunk(&mut world, callee, json!(number));
    }
    assert_eq!(world.read(caller).len(), 5);
}

#[test]
fn a_callee_that_sends_more_than_its_credit_ends_the_stream() {
    let mut world = World::new();
    let (callee, caller) = open(&mut world, json!({ "credit": 1 }));
    chunk(&mut world, callee, json!(1));
    chunk(&mut world, callee, json!(2));
    assert_eq!(types(&world.read(caller)), ["chunk", "error"]);
    assert_eq!(types(&world.read(callee)), ["cancel"]);
}

#[test]
fn credit_for_a_request_without_stream_is_refused() {
    let mut world = World::new();
    world.service("attic", "one", &["get"]);
    let caller = world.client();
    world.send(
        caller,
        json!({ "type": "request", "id": "1", "to": "attic:get", "credit": 2 }),
    );
    assert_eq!(world.error(caller), "invalid_message");
}

#[test]
fn a_stream_whose_caller_does_not_read_ends_with_overflow_and_the_caller_stays() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let (callee, caller) = open(&mut world, json!({}));
    for _ in 0..20 {
        chunk(&mut world, callee, json!("x".repeat(200)));
    }
    let answers = world.read(caller);
    let last = answers.last().unwrap();
    assert!(answers.len() > 3 && answers.len() < 20);
    assert_eq!(
        (&last["id"], &last["error"]["code"]),
        (&json!("s"), &json!("overflow"))
    );
    assert_eq!(types(&world.read(callee)), ["cancel"]);
    assert_eq!(world.closed(caller), None);
    assert_eq!(world.engine.counters().overflowed, 1);
    assert!(world.engine.counters().late > 0);
    world.assert_balanced();
}

#[test]
fn credit_to_a_callee_that_does_not_read_cannot_close_it() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let (callee, caller) = open(&mut world, json!({ "credit": 1 }));
    for _ in 0..200 {
        world.send(caller, json!({ "type": "credit", "id": "s", "count": 1 }));
    }
    assert_eq!(world.closed(callee), None);
    assert_eq!(world.error(caller), "overloaded");
    world.assert_balanced();
}

#[test]
fn a_stream_for_which_there_is_no_memory_ends_with_memory_full() {
    let mut world = World::limited(|limits| limits.memory = 1 << 20);
    let (callee, caller) = open(&mut world, json!({}));
    for _ in 0..200 {
        chunk(&mut world, callee, json!("x".repeat(10_000)));
    }
    let answers = world.read(caller);
    assert!(answers.len() > 20 && answers.len() < 200);
    let last = answers.last().unwrap();
    assert_eq!(
        (&last["id"], &last["error"]["code"]),
        (&json!("s"), &json!("memory_full"))
    );
    assert_eq!(types(&world.read(callee)), ["cancel"]);
    assert_eq!(world.closed(caller), None);
    assert_eq!(world.engine.counters().failed, 1);
    world.assert_balanced();
}

#[test]
fn credit_for_which_there_is_no_memory_ends_the_stream_with_memory_full() {
    let mut world = World::limited(|limits| limits.memory = 1 << 20);
    let (callee, caller) = open(&mut world, json!({ "credit": 1 }));
    let other = world.client();
    for id in 0..200 {
        let payload = "x".repeat(10_000);
        world.send(
            other,
            json!({ "type": "request", "id": id.to_string(), "to": "attic:watch", "payload": payload }),
        );
    }
    for _ in 0..2_000 {
        world.send(caller, json!({ "type": "credit", "id": "s", "count": 1 }));
    }
    assert_eq!(world.error(caller), "memory_full");
    assert_eq!(world.closed(callee), None);
    world.assert_balanced();
}
