//! Accounted memory: what is charged, that it is given back, and that the cap holds.

use buslane_engine::Notice;
use buslane_protocol::Framing;
use serde_json::json;

use crate::schema::COMPILED_BYTES;
use crate::world::World;

#[test]
fn everything_that_a_client_has_is_charged_and_given_back() {
    let mut world = World::new();
    let keeper = world.client();
    let empty = world.engine.gauges().memory;
    let mut last = empty;
    let id = world.client();
    let mut grows = |world: &World, what: &str| {
        let memory = world.engine.gauges().memory;
        assert!(memory > last, "{what} is not charged");
        last = memory;
    };
    grows(&world, "a connection");
    let registration = json!({ "type": "register", "name": "attic", "version": "1", "methods": ["get"] });
    world.send(id, registration);
    world.read(id);
    grows(&world, "a registration");
    world.send(id, json!({ "type": "subscribe", "filter": "a/b/c" }));
    world.read(id);
    grows(&world, "a subscription");
    world.send(
        id,
        json!({ "type": "subscribe", "filter": "credited", "credit": 0 }),
    );
    world.read(id);
    grows(&world, "another subscription");
    world.send(
        id,
        json!({ "type": "publish", "topic": "credited", "payload": "x".repeat(100) }),
    );
    grows(&world, "a delivery that waits for credit");
    world.send(id, json!({ "type": "request", "id": "1", "to": "attic:get" }));
    grows(&world, "a request");
    world.send(
        keeper,
        json!({ "type": "publish", "topic": "a/b/c", "payload": "x".repeat(10_000) }),
    );
    grows(&world, "a delivery in the outbox");
    world.close(id);
    world.read(keeper);
    assert!(
        world.engine.gauges().memory <= empty + 4_096,
        "the table of subscriptions may keep some room"
    );
    world.assert_balanced();
}

#[test]
fn at_the_cap_new_work_is_refused_and_what_was_accepted_still_ends() {
    let mut world = World::limited(|limits| {
        limits.memory = 1 << 20;
        limits.outbox = 4 << 20;
    });
    let (callee, caller) = (world.service("attic", "one", &["get"]), world.client());
    let mut accepted = Vec::new();
    for id in 0..200 {
        let payload = "x".repeat(10_000);
        world.send(
            caller,
            json!({ "type": "request", "id": id.to_string(), "to": "attic:get", "payload": payload }),
        );
        match world.read(caller).first() {
            Some(refusal) => assert_eq!(refusal["error"]["code"], "memory_full"),
            None => accepted.push(id),
        }
        world.assert_balanced();
    }
    assert!(accepted.len() > 20 && accepted.len() < 120);
    let told = |notice: &&Notice| matches!(notice, Notice::MemoryFull { .. });
    assert_eq!(
        world.notices.iter().filter(told).count(),
        1,
        "the log is told once a second"
    );
    let subscribed = (0..10_000).take_while(|number| {
        world.send(
            caller,
            json!({ "type": "subscribe", "filter": format!("a/{number}") }),
        );
        let answer = world.one(caller);
        assert!(answer["type"] == "subscribed" || answer["error"]["code"] == "memory_full");
        answer["type"] == "subscribed"
    });
    assert!(subscribed.count() < 5_000);
    world.send(
        caller,
        json!({ "type": "register", "name": "late", "version": "1" }),
    );
    assert_eq!(world.error(caller), "memory_full");
    world.send(
        caller,
        json!({ "type": "publish", "id": "p", "topic": "t", "payload": "x".repeat(1000), "retain": "set" }),
    );
    assert_eq!(world.error(caller), "memory_full");
    let requests = world.read(callee);
    assert_eq!(requests.len(), accepted.len());
    for request in requests {
        world.send(
            callee,
            json!({ "type": "reply", "delivery": request["delivery"] }),
        );
        assert_eq!(world.one(caller)["type"], "reply");
    }
    world.assert_balanced();
}

#[test]
fn at_the_cap_deliveries_are_dropped_and_leave_gaps() {
    let mut world = World::limited(|limits| {
        limits.memory = 1 << 20;
        limits.outbox = 4 << 20;
    });
    let subscribers: Vec<_> = [Framing::Binary, Framing::JsonLines]
        .map(|framing| world.subscriber(framing, "a"))
        .into();
    let publisher = world.client();
    for number in 0..500 {
        world.send(
            publisher,
            json!({ "type": "publish", "topic": "a", "payload": [number, "x".repeat(5_000)] }),
        );
        world.assert_balanced();
    }
    assert!(world.engine.counters().deliveries_dropped > 500);
    for subscriber in subscribers {
        let messages = world.read(subscriber);
        assert!(messages.iter().any(|message| message["type"] == "gap"));
        assert_eq!(messages.last().unwrap()["payload"][0], 499, "the newest is there");
    }
    world.assert_balanced();
}

#[test]
fn the_cache_of_matches_does_not_grow_past_the_cap() {
    let mut world = World::limited(|limits| {
        limits.memory = 60_000;
        limits.outbox = 1 << 20;
    });
    let (callee, slow) = (world.service("attic", "one", &["get"]), world.client());
    let publisher = world.client();
    let _reader = world.subscriber(Framing::Binary, "t/+");
    world.narrow(slow, 0);
    world.send(slow, json!({ "type": "request", "id": "r", "to": "attic:get" }));
    world.read(callee);
    let gauges = world.engine.gauges();
    let room = (gauges.memory_limit - gauges.memory) as usize;
    let payload = "x".repeat(room - 200);
    world.send(
        callee,
        json!({ "type": "reply", "delivery": 1, "payload": payload }),
    );
    for number in 0..20 {
        let topic = format!("t/{number}");
        world.send(publisher, json!({ "type": "publish", "topic": topic }));
        world.read(publisher);
        let gauges = world.engine.gauges();
        assert!(gauges.memory > gauges.memory_limit - 3_000, "{}", gauges.memory);
        assert!(gauges.memory <= gauges.memory_limit, "{}", gauges.memory);
    }
    world.assert_balanced();
}

#[test]
fn waiting_feeds_go_on_when_memory_is_free_again() {
    let mut world = World::limited(|limits| {
        limits.memory = 1 << 20;
        limits.outbox = 4 << 20;
    });
    let publisher = world.client();
    for number in 0..20 {
        world.send(publisher, json!({ "type": "publish", "topic": format!("t/{number}"), "payload": "x".repeat(1_000), "retain": "set" }));
    }
    let (hog, id) = (world.subscriber(Framing::Binary, "a"), world.client());
    world.send(id, json!({ "type": "ping" }));
    world.read(id);
    world.send(id, json!({ "type": "subscribe", "filter": "t/#" }));
    for _ in 0..300 {
        world.send(
            publisher,
            json!({ "type": "publish", "topic": "a", "payload": "x".repeat(5_000) }),
        );
    }
    let before = world.read(id).len();
    world.read(hog);
    world.pass_seconds(1);
    while world.engine.poll_dirty().is_some() {}
    let after = world.read(id).len();
    assert_eq!(before + after, 21);
}

#[test]
fn connections_are_refused_when_the_memory_is_full() {
    let mut world = World::limited(|limits| limits.memory = 30_000);
    let mut opened = 0;
    let refused = loop {
        let peer = buslane_engine::Peer {
            framing: Framing::Binary,
            principal: buslane_engine::Principal::anonymous(),
            loopback: true,
            address: String::new(),
        };
        match world.engine.open(world.now, peer) {
            Ok(_) => opened += 1,
            Err(problem) => break problem,
        }
    };
    assert_eq!(refused.code, "memory_full");
    assert!(opened > 10);
    world.assert_balanced();
}

#[test]
fn what_is_only_kept_to_be_faster_gives_way_at_the_cap() {
    let mut world = World::limited(|limits| limits.memory = 200_000);
    let id = world.subscriber(Framing::Binary, "t/#");
    for number in 0..4_000 {
        world.send(
            id,
            json!({ "type": "publish", "topic": format!("t/{number}"), "payload": number }),
        );
        assert_eq!(world.one(id)["payload"], number);
        world.assert_balanced();
    }
    assert_eq!(world.engine.counters().deliveries_dropped, 0);
}

#[test]
fn a_compiled_schema_is_charged_once_and_given_back_with_its_last_user() {
    let mut world = World::new();
    let shared: Vec<_> = (0..3)
        .map(|index| {
            let id = world.client();
            let methods = json!({ "get": { "input": { "type": "string" } } });
            let instance = format!("i{index}");
            world.register(
                id,
                json!({ "name": "attic", "version": "1", "instance": instance, "methods": methods }),
            );
            (id, contracts(&mut world))
        })
        .collect();
    let charged: Vec<usize> = shared.iter().map(|(_, charged)| *charged).collect();
    assert!(
        charged[0] > COMPILED_BYTES && charged[0] < 2 * COMPILED_BYTES,
        "{charged:?}"
    );
    assert!(
        charged[2] - charged[0] < COMPILED_BYTES,
        "the same schema is held once: {charged:?}"
    );
    for (id, _) in &shared[..2] {
        world.close(*id);
    }
    assert!(contracts(&mut world) > COMPILED_BYTES);
    world.close(shared[2].0);
    assert!(
        contracts(&mut world) < COMPILED_BYTES,
        "what is remembered of the service is little"
    );
}

#[test]
fn a_registration_whose_compiled_schemas_do_not_fit_is_refused() {
    let mut world = World::limited(|limits| limits.memory = 100_000);
    let mut refused = None;
    for index in 0..20 {
        let id = world.open(Framing::JsonLines);
        let before = contracts(&mut world);
        let methods = json!({ "get": { "input": { "minimum": index } } });
        world.send(
            id,
            json!({ "type": "register", "name": format!("s{index}"), "version": "1", "methods": methods }),
        );
        let answer = world.one(id);
        if answer["type"] == "error" {
            refused = Some((answer["error"]["code"].clone(), contracts(&mut world) - before));
            break;
        }
    }
    assert_eq!(refused, Some((json!("memory_full"), 0)));
}

/// Returns what is charged for contracts.
pub(crate) fn contracts(world: &mut World) -> usize {
    let id = world.client();
    world.send(id, json!({ "type": "request", "id": "1", "to": "$bus:stats" }));
    let charged = world.one(id)["payload"]["memory"]["contracts"].as_u64().unwrap();
    world.close(id);
    charged as usize
}
