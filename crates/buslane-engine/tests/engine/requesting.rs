//! Requests to one instance: each ends exactly once.

use std::time::Duration;

use buslane_engine::CloseReason;
use buslane_protocol::{ErrorCode, Framing};
use serde_json::{Value, json};

use crate::wire;
use crate::world::{World, types};

fn ask(world: &mut World, caller: buslane_engine::ClientId, id: &str, to: &str) {
    world.send(
        caller,
        json!({ "type": "request", "id": id, "to": to, "payload": { "a": 1 } }),
    );
}

#[test]
fn a_request_reaches_the_service_and_its_reply_the_caller_between_all_framings() {
    for callers in Framing::ALL {
        for callees in Framing::ALL {
            let mut world = World::new();
            let (callee, caller) = (world.open(callees), world.open(callers));
            world.read(caller);
            world.read(callee);
            world.register(
                callee,
                json!({ "name": "attic", "version": "1", "instance": "one", "methods": ["get"] }),
            );
            world.send(caller, json!({ "type": "request", "id": "q", "to": "attic:get", "payload": {"k": 1}, "headers": {"h": "v"} }));
            let request = world.one(callee);
            assert_eq!(
                request,
                json!({ "type": "request", "delivery": 1, "id": "q", "from": "client-2", "to": "attic:get",
                    "payload": {"k": 1}, "headers": {"h": "v"}, "expires_in_ms": 5000, "attempt": 1 })
            );
            world.send(
                callee,
                json!({ "type": "reply", "delivery": 1, "payload": [true] }),
            );
            assert_eq!(
                world.one(caller),
                json!({ "type": "reply", "id": "q", "from": "attic#one", "payload": [true] })
            );
            world.assert_balanced();
        }
    }
}

#[test]
fn bytes_travel_as_base64_to_a_client_that_reads_json() {
    let mut world = World::new();
    let (callee, caller) = (
        world.service("attic", "one", &["get"]),
        world.open(Framing::JsonLines),
    );
    ask(&mut world, caller, "1", "attic:get");
    world.read(callee);
    let reply = json!({ "type": "reply", "delivery": 1, "payload": "AAEC", "encoding": "base64", "content_type": "image/png" });
    world.send(callee, reply);
    let reply = world.one(caller);
    assert_eq!(
        (&reply["payload"], &reply["encoding"], &reply["content_type"]),
        (&json!("AAEC"), &json!("base64"), &json!("image/png"))
    );
}

#[test]
fn a_payload_that_is_no_json_never_reaches_a_client_that_reads_json() {
    let mut world = World::new();
    let (callee, caller) = (world.open(Framing::JsonLines), world.client());
    world.register(
        callee,
        json!({ "name": "attic", "version": "1", "methods": ["get"] }),
    );
    let frame =
        wire::with_broken_json(&json!({ "type": "request", "id": "1", "to": "attic:get", "payload": 11 }));
    world.send_frame(caller, frame);
    assert_eq!(world.error(caller), "invalid_payload");
    world.nothing(callee);
    world.assert_balanced();
}

#[test]
fn a_reply_that_is_no_json_ends_the_request_of_a_caller_that_reads_json() {
    let mut world = World::new();
    let (callee, caller) = (
        world.service("attic", "one", &["get"]),
        world.open(Framing::JsonLines),
    );
    ask(&mut world, caller, "1", "attic:get");
    world.read(callee);
    let frame = wire::with_broken_json(&json!({ "type": "reply", "delivery": 1, "payload": 11 }));
    world.send_frame(callee, frame);
    let refusal = world.one(callee);
    assert_eq!(
        (&refusal["delivery"], &refusal["error"]["code"]),
        (&json!(1), &json!("invalid_payload"))
    );
    assert_eq!(world.error(caller), "invalid_payload");
    assert_eq!(world.engine.counters().failed, 1);
}

#[test]
fn an_address_that_nobody_answers_is_an_error_at_once() {
    let mut world = World::new();
    let caller = world.client();
    world.service("attic", "one", &["get"]);
    for to in [
        "cellar:get",
        "attic:set",
        "attic#two:get",
        "@storage:get",
        "*:set",
        "here/cellar:get",
    ] {
        ask(&mut world, caller, "1", to);
        let error = world.one(caller);
        assert_eq!(
            (&error["id"], &error["error"]["code"], &error["error"]["address"]),
            (&json!("1"), &json!("no_instance"), &json!(to))
        );
    }
    ask(&mut world, caller, "1", "there/attic:get");
    assert_eq!(world.error(caller), "unknown_node");
    ask(&mut world, caller, "1", "here/attic:get");
    world.nothing(caller);
}

#[test]
fn at_the_deadline_the_caller_gets_an_error_and_the_callee_a_cancel() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    ask(&mut world, caller, "1", "attic:get");
    world.read(callee);
    world.pass(Duration::from_millis(4999));
    world.nothing(caller);
    world.pass(Duration::from_millis(2));
    assert_eq!(world.error(caller), "deadline_exceeded");
    assert_eq!(world.one(callee), json!({ "type": "cancel", "delivery": 1 }));
    world.send(callee, json!({ "type": "reply", "delivery": 1, "payload": 1 }));
    world.nothing(callee);
    world.nothing(caller);
    assert_eq!(
        (world.engine.counters().expired, world.engine.counters().late),
        (1, 1)
    );
    world.assert_balanced();
}

#[test]
fn a_deadline_of_its_own_counts_and_has_bounds() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    let mut send = |expires: Value| {
        world.send(
            caller,
            json!({ "type": "request", "id": "1", "to": "attic:get", "expires_in_ms": expires }),
        );
        world.read(caller)
    };
    assert_eq!(send(json!(3_600_001))[0]["error"]["code"], "invalid_message");
    assert_eq!(send(Value::Null)[0]["error"]["code"], "invalid_message");
    assert_eq!(send(json!(30)), Vec::<Value>::new());
    assert_eq!(world.one(callee)["expires_in_ms"], 30);
    world.pass(Duration::from_millis(31));
    assert_eq!(world.error(caller), "deadline_exceeded");
}

#[test]
fn the_instance_with_the_fewest_outstanding_is_asked_and_of_equals_the_least_recently_used() {
    let mut world = World::new();
    let callees = ["a", "b", "c"].map(|name| world.service("attic", name, &["get"]));
    let caller = world.client();
    let mut asked = Vec::new();
    for id in 0..6 {
        ask(&mut world, caller, &id.to_string(), "attic:get");
        asked.push(
            callees
                .iter()
                .position(|callee| !world.read(*callee).is_empty())
                .unwrap(),
        );
    }
    assert_eq!(asked, [0, 1, 2, 0, 1, 2]);
    world.send(callees[1], json!({ "type": "reply", "delivery": 1 }));
    ask(&mut world, caller, "6", "attic:get");
    assert_eq!(world.read(callees[1]).len(), 1, "the one with fewer outstanding");
}

#[test]
fn an_address_with_an_instance_reaches_only_that_one() {
    let mut world = World::new();
    let (one, two) = (
        world.service("attic", "one", &["get"]),
        world.service("attic", "two", &["get"]),
    );
    let caller = world.client();
    for id in ["1", "2"] {
        ask(&mut world, caller, id, "attic#two:get");
    }
    world.nothing(one);
    assert_eq!(world.read(two).len(), 2);
}

#[test]
fn an_instance_without_the_method_is_not_asked() {
    let mut world = World::new();
    let (old, new) = (
        world.service("attic", "old", &["get"]),
        world.service("attic", "new", &["get", "set"]),
    );
    let caller = world.client();
    for id in ["1", "2"] {
        ask(&mut world, caller, id, "attic:set");
    }
    world.nothing(old);
    assert_eq!(world.read(new).len(), 2);
}

#[test]
fn an_id_in_flight_cannot_be_used_again_until_its_end() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    ask(&mut world, caller, "1", "attic:get");
    ask(&mut world, caller, "1", "attic:get");
    assert_eq!(world.error(caller), "duplicate_id");
    world.send(callee, json!({ "type": "reply", "delivery": 1 }));
    assert_eq!(world.one(caller)["type"], "reply");
    ask(&mut world, caller, "1", "attic:get");
    world.nothing(caller);
    let other = world.client();
    ask(&mut world, other, "1", "attic:get");
    world.nothing(other);
}

#[test]
fn requests_in_flight_past_the_limit_are_refused() {
    let mut world = World::limited(|limits| limits.requests = 2);
    world.service("attic", "one", &["get"]);
    let caller = world.client();
    ask(&mut world, caller, "1", "attic:get");
    ask(&mut world, caller, "2", "attic:get");
    ask(&mut world, caller, "3", "attic:get");
    assert_eq!(world.error(caller), "too_many_requests");
    world.send(caller, json!({ "type": "cancel", "id": "1" }));
    world.read(caller);
    ask(&mut world, caller, "3", "attic:get");
    world.nothing(caller);
}

#[test]
fn cancel_ends_the_request_at_once_and_reaches_the_callee() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    ask(&mut world, caller, "1", "attic:get");
    world.read(callee);
    world.send(caller, json!({ "type": "cancel", "id": "1" }));
    let error = world.one(caller);
    assert_eq!(
        (&error["id"], &error["error"]["code"]),
        (&json!("1"), &json!("cancelled"))
    );
    assert_eq!(world.one(callee), json!({ "type": "cancel", "delivery": 1 }));
    world.send(caller, json!({ "type": "cancel", "id": "1" }));
    world.nothing(caller);
    assert_eq!(world.engine.counters().cancelled, 1);
}

#[test]
fn an_answer_counts_once_and_only_from_the_connection_that_got_the_delivery() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    let thief = world.client();
    ask(&mut world, caller, "1", "attic:get");
    world.read(callee);
    world.send(
        thief,
        json!({ "type": "reply", "delivery": 1, "payload": "mine" }),
    );
    let refusal = world.one(thief);
    assert_eq!(
        (&refusal["delivery"], &refusal["error"]["code"]),
        (&json!(1), &json!("unknown_delivery"))
    );
    world.nothing(caller);
    for _ in 0..2 {
        world.send(
            callee,
            json!({ "type": "reply", "delivery": 1, "payload": "yours" }),
        );
    }
    assert_eq!(world.one(caller)["payload"], "yours");
    world.nothing(callee);
    assert_eq!(world.engine.counters().late, 1);
    world.send(callee, json!({ "type": "reply", "delivery": 2 }));
    assert_eq!(world.error(callee), "unknown_delivery");
    world.send(
        callee,
        json!({ "type": "error", "delivery": 0, "error": { "code": "x" } }),
    );
    assert_eq!(world.error(callee), "unknown_delivery");
}

#[test]
fn an_error_of_the_service_is_marked_as_the_services_own() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    ask(&mut world, caller, "1", "attic:get");
    world.read(callee);
    let error = json!({ "code": "key_missing", "origin": "broker", "data": { "key": "k" } });
    world.send(callee, json!({ "type": "error", "delivery": 1, "error": error }));
    let error = world.one(caller)["error"].clone();
    assert_eq!(
        (&error["code"], &error["origin"], &error["status"]),
        (&json!("key_missing"), &json!("service"), &json!(500))
    );
    assert_eq!(error["data"], json!({ "key": "k" }));
    assert_eq!(world.engine.counters().failed, 1);
}

#[test]
fn a_callee_that_goes_away_leaves_the_outcome_unknown() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    ask(&mut world, caller, "1", "attic:get");
    world.close(callee);
    let error = world.one(caller);
    assert_eq!(
        (&error["id"], &error["error"]["code"]),
        (&json!("1"), &json!("outcome_unknown"))
    );
    assert_eq!(world.engine.counters().lost, 1);
    world.assert_balanced();
}

#[test]
fn the_requests_of_a_caller_that_goes_away_are_cancelled_at_the_callee() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    ask(&mut world, caller, "1", "attic:get");
    ask(&mut world, caller, "2", "attic:get");
    world.read(callee);
    world.close(caller);
    assert_eq!(types(&world.read(callee)), ["cancel", "cancel"]);
    world.send(callee, json!({ "type": "reply", "delivery": 1 }));
    world.nothing(callee);
    assert_eq!(
        (world.engine.counters().abandoned, world.engine.counters().late),
        (2, 1)
    );
    world.assert_balanced();
}

#[test]
fn a_full_callee_refuses_requests_and_the_caller_is_told_at_once() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    let mut refused = Vec::new();
    for id in 0..30 {
        world.send(
            caller,
            json!({ "type": "request", "id": id.to_string(), "to": "attic:get", "payload": "x".repeat(200) }),
        );
        refused.extend(world.read(caller));
    }
    assert!(!refused.is_empty());
    assert!(
        refused
            .iter()
            .all(|message| message["error"]["code"] == "overloaded"),
        "{refused:#?}"
    );
    let taken = 30 - refused.len();
    assert_eq!(world.read(callee).len(), taken);
    world.send(
        caller,
        json!({ "type": "request", "id": "again", "to": "attic:get" }),
    );
    world.nothing(caller);
    world.assert_balanced();
}

#[test]
fn a_caller_that_does_not_read_its_replies_is_disconnected() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    for id in 0..20 {
        ask(&mut world, caller, &id.to_string(), "attic:get");
        for request in world.read(callee) {
            if let Some(delivery) = request.get("delivery").filter(|_| request["type"] == "request") {
                world.send(
                    callee,
                    json!({ "type": "reply", "delivery": delivery, "payload": "x".repeat(300) }),
                );
            }
        }
        if world.closed(caller).is_some() {
            break;
        }
    }
    assert_eq!(world.closed(caller), Some(CloseReason::ControlFull));
    world.assert_balanced();
}

#[test]
fn a_message_of_the_largest_payload_fits_an_empty_lane() {
    let mut world = World::limited(|limits| limits.outbox = 10_000);
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    world.send(
        caller,
        json!({ "type": "request", "id": "1", "to": "attic:get", "payload": "x".repeat(50_000) }),
    );
    world.nothing(caller);
    assert_eq!(world.one(callee)["type"], "request");
}

#[test]
fn payloads_and_headers_past_the_limits_are_refused() {
    let mut world = World::limited(|limits| {
        limits.payload = 100;
        limits.headers = 2;
    });
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    world.send(
        caller,
        json!({ "type": "request", "id": "1", "to": "attic:get", "payload": "x".repeat(100) }),
    );
    assert_eq!(world.error(caller), "payload_too_large");
    let headers = json!({ "a": "1", "b": "2", "c": "3" });
    world.send(
        caller,
        json!({ "type": "request", "id": "1", "to": "attic:get", "headers": headers }),
    );
    assert_eq!(world.error(caller), "headers_too_large");
    world.nothing(callee);
    ask(&mut world, caller, "1", "attic:get");
    world.read(callee);
    world.send(
        callee,
        json!({ "type": "reply", "delivery": 1, "payload": "x".repeat(100) }),
    );
    assert_eq!(world.error(callee), "payload_too_large");
    assert_eq!(world.error(caller), "payload_too_large");
    assert_eq!(world.refused(ErrorCode::PayloadTooLarge), 2);
}

#[test]
fn a_client_can_call_itself() {
    let mut world = World::new();
    let id = world.service("attic", "one", &["get"]);
    ask(&mut world, id, "1", "attic:get");
    assert_eq!(world.one(id)["delivery"], 1);
    world.send(id, json!({ "type": "reply", "delivery": 1, "payload": 7 }));
    assert_eq!(world.one(id)["payload"], 7);
    ask(&mut world, id, "2", "attic:get");
    world.close(id);
    world.assert_balanced();
}

#[test]
fn pipelined_requests_reach_the_instance_in_order() {
    let mut world = World::new();
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    for id in 0..50 {
        ask(&mut world, caller, &id.to_string(), "attic:get");
    }
    let ids: Vec<Value> = world
        .read(callee)
        .iter()
        .map(|request| request["id"].clone())
        .collect();
    assert_eq!(ids, (0..50).map(|id| json!(id.to_string())).collect::<Vec<_>>());
}
