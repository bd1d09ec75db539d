//! Services, callers and readers that die, or stand still, with something in flight.

use std::time::Duration;

use serde_json::json;

use crate::attacker::{Attacker, Said, Way};
use crate::bystander::Bystander;
use crate::figures::{Figures, wait_for};
use crate::support::{Lines, eventually, start};

/// Requests that a service holds when it dies.
const HELD: usize = 1_000;

fn register(service: &mut Lines, name: &str) {
    service.send(
        json!({ "type": "register", "name": name, "version": "1.0.0", "instance": "it", "methods": ["m"] }),
    );
}

#[test]
fn a_service_that_dies_holding_a_thousand_requests_ends_each_of_them_once() {
    let broker = start(|_| {});
    let bystander = Bystander::join(&broker);
    let sample = "requests_ended_total{end=\"lost\"}";
    for (turn, way) in Way::ALL.into_iter().enumerate() {
        let mut service = Lines::join(&broker);
        register(&mut service, "doomed");
        service.expect("registered");
        let mut caller = Attacker::join(&broker, way);
        for id in 0..HELD {
            caller.request(&id.to_string(), "doomed:m");
        }
        for _ in 0..HELD {
            service.expect("request");
        }
        drop(service);
        for number in 0..HELD {
            match caller.hear() {
                Said::Message(kind, text) if kind == "error" => {
                    assert_eq!(text["error"]["code"], "outcome_unknown", "{number} over {way:?}");
                }
                other => panic!("{number} over {way:?}: {other:?}"),
            }
        }
        assert_eq!(caller.fate(), crate::attacker::Fate::spared(&[]), "{way:?}");
        let figures = Figures::of(&broker);
        assert_eq!(
            figures.value(sample),
            (HELD * (turn + 1)) as f64,
            "{way:?} {figures:?}"
        );
    }
    bystander.ends_well();
}

#[test]
fn callers_that_are_killed_withdraw_what_they_asked_for() {
    let broker = start(|_| {});
    let bystander = Bystander::join(&broker);
    let mut service = Lines::join(&broker);
    register(&mut service, "patient");
    service.expect("registered");
    for way in Way::ALL {
        let mut caller = Attacker::join(&broker, way);
        caller.request("1", "patient:m");
        let delivery = service.expect("request")["delivery"].clone();
        drop(caller);
        assert_eq!(service.expect("cancel")["delivery"], delivery, "{way:?}");
    }
    wait_for(&broker, "requests_ended_total{end=\"abandoned\"}", 4.0);
    bystander.ends_well();
}

#[test]
fn of_two_instances_with_one_id_the_living_one_stays() {
    let broker = start(|config| config.limits.takeover_probe = Duration::from_millis(100));
    let bystander = Bystander::join(&broker);
    let (mut first, mut second) = (Lines::join(&broker), Lines::join(&broker));
    register(&mut first, "twin");
    first.expect("registered");
    register(&mut second, "twin");
    first.expect("ping");
    first.send(json!({ "type": "pong" }));
    assert_eq!(second.expect_error(), "instance_in_use");
    register(&mut second, "twin");
    first.expect("ping");
    // It says nothing this time.
    second.expect("registered");
    assert_eq!(first.expect_error(), "taken_over");
    assert_eq!(first.try_receive(), None);
    assert_eq!(Figures::of(&broker).value("takeovers_total"), 1.0);
    assert_eq!(
        Figures::of(&broker).value("refused_total{code=\"instance_in_use\"}"),
        1.0
    );
    bystander.ends_well();
}

#[test]
fn readers_that_never_read_lose_messages_and_cost_nobody_else_any() {
    let broker = start(|config| {
        config.limits.memory = 4 << 20;
        config.limits.retained = 1 << 20;
        config.limits.outbox = 256 << 10;
    });
    let bystander = Bystander::join(&broker);
    let mut readers = Way::ALL.map(|way| {
        let mut reader = Attacker::join(&broker, way);
        reader.say(
            crate::attacker::SUBSCRIBE,
            r#"{"type":"subscribe","id":"1","filter":"flood"}"#,
        );
        assert_eq!(reader.fate(), crate::attacker::Fate::spared(&[]), "{way:?}");
        reader
    });
    let mut writer = Lines::join(&broker);
    writer.flush();
    let payload = "x".repeat(100_000);
    for _ in 0..200 {
        writer
            .send(json!({ "type": "publish", "id": "1", "topic": "flood", "payload": payload, "ack": true }));
        assert_eq!(writer.expect("ack")["receivers"], 4);
    }
    let dropped = |figures: &Figures| figures.value("deliveries_dropped_total{policy=\"drop_oldest\"}");
    assert!(dropped(&Figures::of(&broker)) > 0.0);
    for (reader, way) in readers.iter_mut().zip(Way::ALL) {
        assert_eq!(reader.fate(), crate::attacker::Fate::spared(&[]), "{way:?}");
    }
    eventually(|| Figures::of(&broker).value("delivery_bytes_queued") == 0.0);
    let figures = Figures::of(&broker);
    assert_eq!(figures.value("deliveries_total"), 800.0);
    let bytes =
        ["delivery_bytes_sent_total", "delivery_bytes_dropped_total"].map(|sample| figures.value(sample));
    assert_eq!(bytes.iter().sum::<f64>(), figures.value("delivery_bytes_total"));
    bystander.ends_well();
}
