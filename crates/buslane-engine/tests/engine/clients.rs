//! What a client is told when it breaks the rules, and that nobody else suffers from it.

use buslane_engine::CloseReason;
use buslane_protocol::{ErrorCode, Framing};
use serde_json::json;

use crate::world::World;

#[test]
fn a_line_that_is_no_message_is_refused_and_the_next_one_is_read() {
    let mut world = World::new();
    let id = world.open(Framing::JsonLines);
    for (line, code) in [
        (r#"{"type":"#, "invalid_json"),
        (r#"{"type":"sing","id":"1"}"#, "unknown_type"),
        (r#"{"type":"publish","id":"1"}"#, "invalid_message"),
        (r#"{"type":"publish","topic":"a//b"}"#, "invalid_topic"),
        (r#"{"type":"subscribe","filter":"a/#/b"}"#, "invalid_filter"),
        (r#"{"type":"request","id":"1","to":"attic"}"#, "invalid_address"),
    ] {
        world.send_frame(id, line.into());
        assert_eq!(world.error(id), code, "{line}");
    }
    world.send(id, json!({ "type": "ping", "id": "p" }));
    assert_eq!(world.one(id)["type"], "pong");
    assert_eq!(world.engine.counters().malformed, 6);
}

#[test]
fn an_error_about_a_message_with_an_id_names_it() {
    let mut world = World::new();
    let id = world.open(Framing::JsonLines);
    world.send_frame(id, r#"{"type":"sing","id":"7"}"#.into());
    assert_eq!(world.one(id)["id"], "7");
}

#[test]
fn lost_framing_closes_the_connection_after_saying_why() {
    let mut world = World::new();
    let id = world.client();
    world.send_frame(id, vec![1, 0, 0, 0, 9]);
    assert_eq!(world.error(id), "invalid_frame");
    assert_eq!(world.closed(id), Some(CloseReason::Framing));
}

#[test]
fn calls_about_a_client_that_is_gone_do_nothing() {
    let mut world = World::new();
    let id = world.client();
    world.close(id);
    let successor = world.client();
    world.engine.touch(world.now, id);
    world.engine.close(world.now, id, CloseReason::Transport);
    let ping = buslane_protocol::ClientMessage::Ping(None);
    assert_eq!(
        world.engine.handle(world.now, id, ping),
        buslane_engine::Flow::Close
    );
    world.nothing(successor);
    assert_eq!(world.engine.gauges().clients, 1);
    world.assert_balanced();
}

#[test]
fn messages_are_counted_by_type_and_refusals_by_code() {
    let mut world = World::new();
    let id = world.client();
    world.send(id, json!({ "type": "ping" }));
    world.send(id, json!({ "type": "publish", "topic": "$SYS/x" }));
    let counters = world.engine.counters();
    let received = |name| {
        counters.received[buslane_engine::Counters::TYPES
            .iter()
            .position(|kind| *kind == name)
            .unwrap()]
    };
    assert_eq!(
        (received("ping"), received("publish"), received("pong")),
        (1, 1, 0)
    );
    assert_eq!(world.refused(ErrorCode::ReservedTopic), 1);
}

#[test]
fn ping_is_answered_after_everything_before_it() {
    for framing in Framing::ALL {
        let mut world = World::new();
        let id = world.open(framing);
        world.read(id);
        world.send(id, json!({ "type": "subscribe", "filter": "a" }));
        world.send(id, json!({ "type": "ping", "id": "flush" }));
        let answers = world.read(id);
        assert_eq!(answers.last().unwrap(), &json!({ "type": "pong", "id": "flush" }));
    }
}

#[test]
fn a_flood_of_pings_that_are_not_read_closes_only_the_one_who_sends_them() {
    let mut world = World::limited(|limits| limits.outbox = 1_000);
    let (flooder, other) = (world.client(), world.client());
    for _ in 0..200 {
        world.send(flooder, json!({ "type": "ping", "id": "x" }));
    }
    assert_eq!(
        (world.closed(flooder), world.closed(other)),
        (Some(CloseReason::ControlFull), None)
    );
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let run = || {
        let mut world = World::new();
        let ids: Vec<_> = Framing::ALL
            .iter()
            .map(|framing| world.subscriber_of_everything(*framing))
            .collect();
        let service = world.client();
        world.send(
            service,
            json!({ "type": "register", "name": "attic", "version": "1", "methods": ["get"] }),
        );
        for index in 0..20 {
            world.send(service, json!({ "type": "publish", "topic": format!("a/{index}"), "payload": index, "retain": "set" }));
        }
        world.close(ids[0]);
        world.send(ids[1], json!({ "type": "request", "id": "1", "to": "*:get" }));
        let mut seen = vec![world.read(service)];
        seen.extend(ids[1..].iter().map(|id| world.read(*id)));
        seen
    };
    assert_eq!(run(), run());
}

#[test]
fn an_engine_can_move_to_another_thread() {
    fn moves<T: Send>(_: &T) {}
    moves(&World::new().engine);
}
