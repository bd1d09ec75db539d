//! Slow receivers: what is dropped, what stands in its place, and who is told.

use buslane_engine::{ClientId, CloseReason, Notice};
use buslane_protocol::{Framing, Overflow};
use serde_json::{Value, json};

use crate::world::{World, payloads};

fn slow(world: &mut World, framing: Framing, policy: &str) -> ClientId {
    let id = world.open(framing);
    world.read(id);
    world.send(
        id,
        json!({ "type": "subscribe", "filter": "a", "overflow": policy }),
    );
    world.read(id);
    id
}

fn fill(world: &mut World, publisher: ClientId, numbers: std::ops::Range<u32>) {
    for number in numbers {
        world.send(
            publisher,
            json!({ "type": "publish", "topic": "a", "payload": [number, "x".repeat(200)] }),
        );
    }
}

fn numbers(messages: &[Value]) -> Vec<u64> {
    payloads(messages)
        .iter()
        .map(|payload| payload[0].as_u64().unwrap())
        .collect()
}

#[test]
fn by_default_the_oldest_give_way_and_a_gap_stands_in_their_place() {
    for framing in Framing::ALL {
        let mut world = World::limited(|limits| limits.outbox = 2_000);
        let (id, publisher) = (slow(&mut world, framing, "drop_oldest"), world.client());
        fill(&mut world, publisher, 0..20);
        let messages = world.read(id);
        let got = numbers(&messages);
        let dropped = 20 - got.len();
        assert!(dropped > 0);
        assert_eq!(got, (dropped as u64..20).collect::<Vec<_>>());
        assert_eq!(
            (&messages[0]["type"], &messages[0]["count"]),
            (&json!("gap"), &json!(dropped))
        );
        assert_eq!(world.engine.counters().deliveries_dropped, dropped as u64);
        assert_eq!(
            world.engine.counters().delivery_bytes_dropped,
            messages[0]["bytes"].as_u64().unwrap()
        );
        world.assert_balanced();
    }
}

#[test]
fn drop_newest_keeps_what_is_queued_and_ends_with_a_gap() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let (id, publisher) = (slow(&mut world, Framing::Binary, "drop_newest"), world.client());
    fill(&mut world, publisher, 0..20);
    let messages = world.read(id);
    let got = numbers(&messages);
    assert_eq!(got, (0..got.len() as u64).collect::<Vec<_>>());
    assert_eq!(messages.last().unwrap()["count"], 20 - got.len());
    fill(&mut world, publisher, 20..21);
    assert_eq!(numbers(&world.read(id)), [20]);
    world.assert_balanced();
}

#[test]
fn disconnect_closes_the_client_after_saying_why() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let (id, publisher) = (slow(&mut world, Framing::Binary, "drop_oldest"), world.client());
    world.send(
        id,
        json!({ "type": "subscribe", "filter": "unrelated", "overflow": "disconnect" }),
    );
    fill(&mut world, publisher, 0..20);
    assert_eq!(world.closed(id), Some(CloseReason::DeliveriesFull));
    let messages = world.read(id);
    let error = messages
        .iter()
        .find(|message| message["type"] == "error")
        .unwrap();
    assert_eq!(error["error"]["code"], "overflow");
    assert_eq!(world.closed(publisher), None);
    world.assert_balanced();
}

#[test]
fn a_slow_receiver_takes_nothing_from_a_fast_one() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let slow = slow(&mut world, Framing::Binary, "drop_oldest");
    let fast = world.subscriber(Framing::JsonLines, "a");
    let publisher = world.client();
    let mut got = Vec::new();
    for number in 0..50 {
        fill(&mut world, publisher, number..number + 1);
        got.extend(numbers(&world.read(fast)));
    }
    assert_eq!(got, (0..50).collect::<Vec<_>>());
    assert!(numbers(&world.read(slow)).len() < 50);
}

#[test]
fn a_message_partly_written_is_never_dropped() {
    for framing in Framing::ALL {
        let mut world = World::limited(|limits| limits.outbox = 2_000);
        let (id, publisher) = (slow(&mut world, framing, "drop_oldest"), world.client());
        fill(&mut world, publisher, 0..1);
        world.narrow(id, 100);
        assert!(world.read(id).is_empty());
        fill(&mut world, publisher, 1..30);
        world.narrow(id, usize::MAX);
        let messages = world.read(id);
        assert_eq!(messages[0]["payload"][0], 0, "{framing:?}");
        assert_eq!(messages[1]["type"], "gap");
        assert_eq!(*numbers(&messages).last().unwrap(), 29);
        world.assert_balanced();
    }
}

#[test]
fn control_messages_go_before_deliveries_and_are_never_dropped() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let (id, publisher) = (slow(&mut world, Framing::Binary, "drop_oldest"), world.client());
    fill(&mut world, publisher, 0..10);
    world.send(id, json!({ "type": "ping", "id": "p" }));
    fill(&mut world, publisher, 10..20);
    assert_eq!(world.read(id)[0], json!({ "type": "pong", "id": "p" }));
}

#[test]
fn drops_are_told_under_bus_overflow_at_once_and_then_at_most_once_a_second() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let watcher = world.subscriber(Framing::Binary, "$bus/overflow");
    let (id, publisher) = (slow(&mut world, Framing::Binary, "drop_newest"), world.client());
    fill(&mut world, publisher, 0..20);
    let event = world.one(watcher)["payload"].clone();
    assert_eq!(
        (&event["client"], &event["count"], &event["policy"]),
        (&json!("client-2"), &json!(1), &json!("drop_newest"))
    );
    assert!(event["bytes"].as_u64().unwrap() > 200);
    world.pass_seconds(2);
    let more = world.one(watcher)["payload"]["count"].as_u64().unwrap();
    assert_eq!(more + 1, world.engine.counters().deliveries_dropped);
    world.pass_seconds(5);
    world.nothing(watcher);
    let told = |notice: &&Notice| matches!(notice, Notice::Overflow { client, policy: Overflow::DropNewest, .. } if *client == id);
    assert_eq!(world.notices.iter().filter(told).count(), 2);
}

#[test]
fn drops_of_the_brokers_own_events_cause_no_event() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let watcher = world.subscriber(Framing::Binary, "$bus/broadcast/#");
    world.send(watcher, json!({ "type": "subscribe", "filter": "$bus/overflow" }));
    world.read(watcher);
    let (deaf, publisher) = (
        world.subscriber(Framing::Binary, "$bus/unhandled"),
        world.client(),
    );
    for number in 0..100 {
        world.send(
            publisher,
            json!({ "type": "publish", "topic": format!("nobody/{number}") }),
        );
    }
    assert!(world.read(deaf).iter().any(|message| message["type"] == "gap"));
    world.pass_seconds(3);
    world.nothing(watcher);
    world.assert_balanced();
}

#[test]
fn a_topic_that_refuses_gives_nobody_anything_when_one_receiver_is_full() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let declarer = world.client();
    world.register(
        declarer,
        json!({ "name": "orders", "version": "1", "topics": { "a": { "refuse": true } } }),
    );
    let (slow, fast) = (
        slow(&mut world, Framing::Binary, "drop_oldest"),
        world.subscriber(Framing::JsonLines, "a"),
    );
    let publisher = world.client();
    let (mut accepted, mut refused) = (0, 0);
    for number in 0..20 {
        let payload = json!([number, "x".repeat(200)]);
        world.send(
            publisher,
            json!({ "type": "publish", "id": "p", "topic": "a", "payload": payload, "ack": true }),
        );
        let answer = world.one(publisher);
        match answer["error"]["code"].as_str() {
            None => accepted += 1,
            Some(code) => {
                assert_eq!(code, "receiver_full");
                refused += 1;
            }
        }
        assert_eq!(world.read(fast).len(), usize::from(answer["type"] == "ack"));
    }
    assert!(accepted > 0 && refused > 0);
    assert_eq!(numbers(&world.read(slow)).len(), accepted);
    assert_eq!(world.engine.counters().deliveries_dropped, 0);
}

#[test]
fn a_refused_publish_takes_nobody_elses_place() {
    let mut world = World::limited(|limits| limits.outbox = 2_000);
    let declarer = world.client();
    world.register(
        declarer,
        json!({ "name": "orders", "version": "1", "topics": { "a": { "refuse": true } } }),
    );
    let _slow = slow(&mut world, Framing::JsonLines, "drop_oldest");
    let publisher = world.client();
    let publish = json!({ "type": "publish", "topic": "a", "payload": "secret".repeat(300) });
    let watcher = world.subscriber(Framing::JsonLines, "$bus/unhandled");
    while world.read(publisher).is_empty() {
        world.send(publisher, publish.clone());
    }
    world.send(
        publisher,
        json!({ "type": "request", "id": "r", "to": "nobody:get" }),
    );
    let event = world.one(watcher);
    assert_eq!(event["topic"], "$bus/unhandled", "{event}");
}

#[test]
fn what_waits_for_a_client_that_goes_away_is_counted_as_lost() {
    let mut world = World::new();
    let (id, publisher) = (slow(&mut world, Framing::Binary, "drop_oldest"), world.client());
    fill(&mut world, publisher, 0..5);
    world.close(id);
    assert!(world.engine.counters().delivery_bytes_lost > 1_000);
    world.assert_balanced();
}

#[test]
fn only_clients_that_got_something_are_dirty_and_each_once() {
    let mut world = World::new();
    let subscriber = world.subscriber(Framing::Binary, "a");
    let publisher = world.client();
    while world.engine.poll_dirty().is_some() {}
    fill(&mut world, publisher, 0..10);
    assert_eq!(world.engine.poll_dirty(), Some(subscriber));
    assert_eq!(world.engine.poll_dirty(), None);
    fill(&mut world, publisher, 10..11);
    assert_eq!(world.engine.poll_dirty(), Some(subscriber));
}
