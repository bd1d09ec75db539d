//! Requests to several: one labelled outcome each, then the end.

use std::time::Duration;

use buslane_engine::ClientId;
use serde_json::{Value, json};

use crate::world::{World, types};

fn member(world: &mut World, service: &str, instance: &str) -> ClientId {
    let id = world.client();
    world.register(id, json!({ "name": service, "version": "1", "instance": instance, "groups": ["storage"], "methods": ["get"] }));
    id
}

#[test]
fn a_client_with_several_instances_is_told_which_one_is_meant_where_the_address_leaves_doubt() {
    let mut world = World::new();
    let callee = member(&mut world, "attic", "a");
    world.register(callee, json!({ "name": "attic", "version": "1", "instance": "b", "groups": ["storage"], "methods": ["get"] }));
    world.register(
        callee,
        json!({ "name": "cellar", "version": "1", "instance": "c", "methods": ["get"] }),
    );
    let caller = world.client();
    let mut callees = |to: &str| {
        world.send(caller, json!({ "type": "request", "id": to, "to": to }));
        let requests = world.read(callee);
        requests
            .into_iter()
            .map(|request| request["callee"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(callees("@storage:get"), ["attic#a", "attic#b"]);
    assert_eq!(callees("*:get"), ["attic#a", "attic#b", "cellar#c"]);
    assert_eq!(callees("attic:get"), ["attic#a"]);
    assert_eq!(callees("attic#b:get"), [Value::Null]);
    assert_eq!(callees("cellar:get"), [Value::Null]);
}

fn ask(world: &mut World, caller: ClientId, to: Value) {
    world.send(
        caller,
        json!({ "type": "request", "id": "g", "to": to, "payload": 1, "expires_in_ms": 1000 }),
    );
}

#[test]
fn every_member_of_a_group_is_asked_and_each_reply_is_labelled() {
    let mut world = World::new();
    let members = ["a", "b"].map(|instance| member(&mut world, "attic", instance));
    let caller = world.client();
    ask(&mut world, caller, json!("@storage:get"));
    for (index, member) in members.into_iter().enumerate() {
        assert_eq!(world.one(member)["to"], "@storage:get");
        world.send(
            member,
            json!({ "type": "reply", "delivery": 1, "payload": index }),
        );
    }
    let answers = world.read(caller);
    assert_eq!(types(&answers), ["reply", "reply", "end"]);
    assert_eq!(
        (&answers[0]["from"], &answers[0]["payload"]),
        (&json!("attic#a"), &json!(0))
    );
    assert_eq!(
        (&answers[1]["from"], &answers[1]["payload"]),
        (&json!("attic#b"), &json!(1))
    );
    assert_eq!(
        answers[2],
        json!({ "type": "end", "id": "g", "expected": 2, "replied": 2, "failed": 0 })
    );
    assert_eq!(world.engine.counters().gathered, 1);
    world.assert_balanced();
}

#[test]
fn a_star_asks_every_instance_that_has_the_method() {
    let mut world = World::new();
    let (attic, cellar) = (
        world.service("attic", "a", &["get"]),
        world.service("cellar", "c", &["get", "set"]),
    );
    let other = world.service("other", "o", &["set"]);
    let caller = world.client();
    ask(&mut world, caller, json!("*:get"));
    world.nothing(other);
    for callee in [attic, cellar] {
        world.read(callee);
        world.send(callee, json!({ "type": "reply", "delivery": 1 }));
    }
    assert_eq!(types(&world.read(caller)), ["reply", "reply", "end"]);
}

#[test]
fn whom_it_asks_is_fixed_when_it_is_accepted() {
    let mut world = World::new();
    let first = member(&mut world, "attic", "a");
    let caller = world.client();
    ask(&mut world, caller, json!("@storage:get"));
    let late = member(&mut world, "attic", "b");
    world.nothing(late);
    world.read(first);
    world.send(first, json!({ "type": "reply", "delivery": 1 }));
    assert_eq!(world.read(caller)[1]["expected"], 1);
}

#[test]
fn at_the_deadline_each_missing_one_gets_a_labelled_error_before_the_end() {
    let mut world = World::new();
    let members = ["a", "b", "c"].map(|instance| member(&mut world, "attic", instance));
    let caller = world.client();
    ask(&mut world, caller, json!("@storage:get"));
    world.read(members[1]);
    world.send(
        members[1],
        json!({ "type": "error", "delivery": 1, "error": { "code": "broken" } }),
    );
    world.pass(Duration::from_millis(1001));
    let answers = world.read(caller);
    assert_eq!(types(&answers), ["error", "error", "error", "end"]);
    let labelled: Vec<_> = answers[..3]
        .iter()
        .map(|error| (error["from"].clone(), error["error"]["code"].clone()))
        .collect();
    assert_eq!(
        labelled,
        [
            (json!("attic#b"), json!("broken")),
            (json!("attic#a"), json!("deadline_exceeded")),
            (json!("attic#c"), json!("deadline_exceeded")),
        ]
    );
    assert!(answers.iter().all(|answer| answer["id"] == "g"));
    assert_eq!(
        answers[3],
        json!({ "type": "end", "id": "g", "expected": 3, "replied": 0, "failed": 3 })
    );
    assert_eq!(types(&world.read(members[0])), ["request", "cancel"]);
    world.assert_balanced();
}

#[test]
fn each_of_several_addresses_has_its_outcome_also_where_nobody_answers() {
    let mut world = World::new();
    let attic = world.service("attic", "a", &["get"]);
    let caller = world.client();
    ask(
        &mut world,
        caller,
        json!(["attic:get", "cellar:get", "there/attic:get", "$bus:ping"]),
    );
    world.read(attic);
    world.send(
        attic,
        json!({ "type": "reply", "delivery": 1, "payload": "found" }),
    );
    let answers = world.read(caller);
    let outcomes: Vec<_> = answers
        .iter()
        .map(|answer| {
            (
                answer["type"].as_str().unwrap(),
                answer["from"].as_str(),
                answer["error"]["code"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            ("error", Some("cellar:get"), Some("no_instance")),
            ("error", Some("there/attic:get"), Some("unknown_node")),
            ("reply", Some("$bus"), None),
            ("reply", Some("attic#a"), None),
            ("end", None, None),
        ]
    );
    assert_eq!(
        answers[4],
        json!({ "type": "end", "id": "g", "expected": 4, "replied": 2, "failed": 2 })
    );
    world.assert_balanced();
}

#[test]
fn several_addresses_that_all_fail_still_end() {
    let mut world = World::new();
    let caller = world.client();
    ask(&mut world, caller, json!(["attic:get", "@storage:get"]));
    let answers = world.read(caller);
    assert_eq!(types(&answers), ["error", "error", "end"]);
    assert_eq!(
        (&answers[0]["from"], &answers[1]["from"]),
        (&json!("attic:get"), &json!("@storage:get"))
    );
    world.assert_balanced();
}

#[test]
fn a_gathered_request_cannot_be_a_stream() {
    let mut world = World::new();
    member(&mut world, "attic", "a");
    let caller = world.client();
    world.send(
        caller,
        json!({ "type": "request", "id": "g", "to": "@storage:get", "stream": true }),
    );
    assert_eq!(world.error(caller), "invalid_message");
}

#[test]
fn a_member_that_goes_away_is_a_failure_and_the_rest_goes_on() {
    let mut world = World::new();
    let members = ["a", "b"].map(|instance| member(&mut world, "attic", instance));
    let caller = world.client();
    ask(&mut world, caller, json!("@storage:get"));
    world.close(members[0]);
    let error = world.one(caller);
    assert_eq!(
        (&error["from"], &error["error"]["code"]),
        (&json!("attic#a"), &json!("outcome_unknown"))
    );
    world.read(members[1]);
    world.send(members[1], json!({ "type": "reply", "delivery": 1 }));
    assert_eq!(types(&world.read(caller)), ["reply", "end"]);
    world.assert_balanced();
}

#[test]
fn cancelling_a_gathered_request_reaches_everybody_and_ends_it_with_one_error() {
    let mut world = World::new();
    let members = ["a", "b"].map(|instance| member(&mut world, "attic", instance));
    let caller = world.client();
    ask(&mut world, caller, json!("@storage:get"));
    world.send(caller, json!({ "type": "cancel", "id": "g" }));
    assert_eq!(world.error(caller), "cancelled");
    for member in members {
        assert_eq!(types(&world.read(member)), ["request", "cancel"]);
    }
    world.assert_balanced();
}
