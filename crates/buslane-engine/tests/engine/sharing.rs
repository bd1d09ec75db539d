//! Shared subscriptions.

use buslane_engine::ClientId;
use buslane_protocol::Framing;
use serde_json::json;

use crate::world::{World, payloads};

fn member(world: &mut World, framing: Framing, filter: &str) -> ClientId {
    let id = world.open(framing);
    world.read(id);
    world.send(
        id,
        json!({ "type": "subscribe", "filter": filter, "shared": "workers" }),
    );
    world.read(id);
    id
}

fn publish(world: &mut World, id: ClientId, payload: serde_json::Value) -> u64 {
    world.send(
        id,
        json!({ "type": "publish", "id": "p", "topic": "jobs/1", "payload": payload, "ack": true }),
    );
    let messages = world.read(id);
    let ack = messages.iter().find(|message| message["type"] == "ack").unwrap();
    ack["receivers"].as_u64().unwrap()
}

#[test]
fn each_message_goes_to_one_member_in_turn_as_a_copy_that_names_the_subscription() {
    let mut world = World::new();
    let members = [Framing::Binary, Framing::JsonLines, Framing::WebSocketText]
        .map(|framing| member(&mut world, framing, "jobs/+"));
    let publisher = world.client();
    for number in 0..9 {
        assert_eq!(publish(&mut world, publisher, json!(number)), 1);
    }
    for (index, member) in members.into_iter().enumerate() {
        let messages = world.read(member);
        assert_eq!(payloads(&messages), [index, index + 3, index + 6]);
        assert!(
            messages
                .iter()
                .all(|message| message["shared"] == "workers/jobs/+"),
            "{messages:#?}"
        );
    }
    world.assert_balanced();
}

#[test]
fn other_subscriptions_get_their_own_copies() {
    let mut world = World::new();
    let both = world.subscriber(Framing::Binary, "jobs/#");
    world.send(
        both,
        json!({ "type": "subscribe", "filter": "jobs/+", "shared": "workers" }),
    );
    world.read(both);
    let publisher = world.client();
    assert_eq!(publish(&mut world, publisher, json!(1)), 2);
    let messages = world.read(both);
    let shared: Vec<_> = messages
        .iter()
        .map(|message| message.get("shared").cloned())
        .collect();
    assert_eq!(shared, [None, Some(json!("workers/jobs/+"))]);
}

#[test]
fn another_filter_of_the_same_name_is_another_shared_subscription() {
    let mut world = World::new();
    let (narrow, wide) = (
        member(&mut world, Framing::Binary, "jobs/+"),
        member(&mut world, Framing::Binary, "jobs/#"),
    );
    let publisher = world.client();
    assert_eq!(publish(&mut world, publisher, json!(1)), 2);
    assert_eq!(world.one(narrow)["shared"], "workers/jobs/+");
    assert_eq!(world.one(wide)["shared"], "workers/jobs/#");
}

#[test]
fn a_member_without_room_is_passed_over() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let (slow, fast) = (
        member(&mut world, Framing::Binary, "jobs/+"),
        member(&mut world, Framing::Binary, "jobs/+"),
    );
    let publisher = world.client();
    let mut taken = 0;
    for number in 0..40 {
        assert_eq!(
            publish(&mut world, publisher, json!([number, "x".repeat(200)])),
            1
        );
        taken += world.read(fast).len();
    }
    assert_eq!(taken + payloads(&world.read(slow)).len(), 40);
    assert!(taken > 30);
    assert_eq!(world.engine.counters().deliveries_dropped, 0);
}

#[test]
fn a_member_without_credit_is_passed_over() {
    let mut world = World::new();
    let busy = world.client();
    world.send(
        busy,
        json!({ "type": "subscribe", "filter": "jobs/+", "shared": "workers", "credit": 1 }),
    );
    world.read(busy);
    let free = member(&mut world, Framing::Binary, "jobs/+");
    let publisher = world.client();
    for number in 0..6 {
        publish(&mut world, publisher, json!(number));
    }
    assert_eq!(
        (
            payloads(&world.read(busy)).len(),
            payloads(&world.read(free)).len()
        ),
        (1, 5)
    );
}

#[test]
fn a_publisher_that_excludes_itself_is_not_chosen() {
    let mut world = World::new();
    let (publisher, other) = (
        member(&mut world, Framing::Binary, "jobs/+"),
        member(&mut world, Framing::Binary, "jobs/+"),
    );
    for _ in 0..4 {
        world.send(
            publisher,
            json!({ "type": "publish", "topic": "jobs/1", "payload": 1, "exclude_self": true }),
        );
    }
    world.nothing(publisher);
    assert_eq!(world.read(other).len(), 4);
}

#[test]
fn when_every_member_is_full_the_policy_of_the_next_one_decides() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let only = member(&mut world, Framing::Binary, "jobs/+");
    let publisher = world.client();
    for number in 0..20 {
        publish(&mut world, publisher, json!([number, "x".repeat(200)]));
    }
    let messages = world.read(only);
    assert_eq!(messages[0]["type"], "gap");
    assert_eq!(payloads(&messages).last().unwrap()[0], 19);
    world.assert_balanced();
}
