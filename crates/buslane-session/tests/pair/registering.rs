//! Registrations: made, made again, lost to another process, ended.

use buslane_engine::CloseReason;
use buslane_protocol::Framing;
use buslane_session::{Event, State};
use serde_json::{Value, json};

use crate::asking::json_of;
use crate::network::{Loss, Network};

fn attic(instance: &str) -> Value {
    json!({ "name": "attic", "version": "1.0.0", "instance": instance, "methods": ["get"] })
}

#[test]
fn a_session_connects_and_registers_over_every_framing() {
    for framing in Framing::ALL {
        let mut network = Network::new();
        let node = network.add_with(|config| config.framing = framing);
        let key = network.register(node, attic("one"));
        network.drive();
        let events = network.events(node);
        assert!(
            matches!(events[0], Event::Connected(_)),
            "{framing:?}: {events:#?}"
        );
        let registered = Event::Registered {
            key,
            instance: "one".parse().unwrap(),
            again: false,
            compatibility: None,
        };
        assert_eq!(events[1..], [registered], "{framing:?}");
    }
}

#[test]
fn bytes_may_arrive_one_at_a_time() {
    for framing in [Framing::Binary, Framing::JsonLines] {
        let mut network = Network::new();
        let service = network.add_service("attic", "one", &["get"]);
        let caller = network.add_with(|config| config.framing = framing);
        network.portion(caller, 1);
        network.forget();
        let key = network.call(caller, "attic:get", json!({ "key": "colour" }));
        network.drive();
        let token = network.invoked(service);
        network.reply(service, token, json!("blue"));
        network.drive();
        let Event::Reply { key: replied, answer } = network.one(caller) else {
            panic!("{framing:?}")
        };
        assert_eq!((replied, json_of(&answer.payload)), (key, json!("blue")));
    }
}

#[test]
fn a_reconnect_takes_the_own_instance_over_by_its_secret() {
    let mut network = Network::new();
    let service = network.add_service("attic", "one", &["get"]);
    network.lose(service, Loss::Everything);
    // The broker does not know that the connection is dead when the session dials again.
    network
        .session(service)
        .handle_disconnected(buslane_protocol::Instant::ZERO, "the cable is out");
    network.pass_ms(200);
    let events = network.events(service);
    assert!(matches!(events[0], Event::Disconnected { .. }), "{events:#?}");
    assert!(matches!(events[1], Event::Connected(_)), "{events:#?}");
    assert!(
        matches!(events[2], Event::Registered { again: true, .. }),
        "{events:#?}"
    );
}

#[test]
fn an_instance_that_the_broker_named_keeps_its_name() {
    let mut network = Network::new();
    let node = network.add();
    network.register(
        node,
        json!({ "name": "attic", "version": "1.0.0", "methods": ["get"] }),
    );
    network.drive();
    let named = |events: Vec<Event<'static>>| {
        events.into_iter().find_map(|event| match event {
            Event::Registered { instance, .. } => Some(instance),
            _ => None,
        })
    };
    let first = named(network.events(node));
    network.cut(node);
    network.pass_ms(200);
    assert_eq!(named(network.events(node)), first);
    assert!(first.is_some());
}

#[test]
fn a_second_process_is_refused_while_the_first_lives() {
    let mut network = Network::new();
    network.add_service("attic", "one", &["get"]);
    let second = network.add();
    network.forget();
    let key = network.register(second, attic("one"));
    network.pass_ms(1_500);
    let Event::RegistrationFailed {
        key: failed,
        problem,
        retry_at: None,
    } = network.one(second)
    else {
        panic!()
    };
    assert_eq!((failed, &*problem.code), (key, "instance_in_use"));
}

#[test]
fn a_second_process_takes_over_from_a_dead_one() {
    let mut network = Network::new();
    let dead = network.add_service("attic", "one", &["get"]);
    network.lose(dead, Loss::Everything);
    let second = network.add();
    network.forget();
    let key = network.register(second, attic("one"));
    network.pass_ms(1_500);
    let registered = Event::Registered {
        key,
        instance: "one".parse().unwrap(),
        again: false,
        compatibility: None,
    };
    assert_eq!(network.one(second), registered);
    assert_eq!(network.closed(), Some(CloseReason::TakenOver));
}

#[test]
fn a_session_that_was_taken_over_ends_and_does_not_come_back() {
    let mut network = Network::new();
    let first = network.add_service("attic", "one", &["get"]);
    network.forget();
    network.lose(first, Loss::Upward);
    let second = network.add();
    network.register(second, attic("one"));
    network.pass_ms(1_500);
    let Event::Ended { problem } = network.one(first) else {
        panic!()
    };
    assert_eq!(problem.code, "taken_over");
    assert_eq!(network.session(first).state(), State::Ended);
    assert_eq!(network.session(first).poll_timeout(), None);
    assert!(matches!(
        network.events(second).last(),
        Some(Event::Registered { .. })
    ));
}

#[test]
fn a_broker_that_was_restarted_gets_everything_anew() {
    let mut network = Network::new();
    let service = network.add_service("attic", "one", &["get"]);
    let (listener, key) = network.add_subscriber("host/#");
    network.forget();
    network.restart();
    network.pass_ms(500);
    let events = network.events(service);
    assert!(
        matches!(events.last(), Some(Event::Registered { again: true, .. })),
        "{events:#?}"
    );
    let events = network.events(listener);
    let gap = Event::Gap {
        keys: [key].into(),
        count: 0,
        bytes: 0,
        unknown: true,
    };
    assert_eq!(events.last(), Some(&gap));
    network.publish(service, "host/a", json!(1));
    network.drive();
    assert!(matches!(network.one(listener), Event::Delivery { .. }));
}

#[test]
fn the_end_of_a_registration_is_confirmed() {
    let mut network = Network::new();
    let service = network.add();
    let key = network.register(service, attic("one"));
    network.drive();
    network.forget();
    network.session(service).unregister(key, false);
    network.drive();
    assert_eq!(network.one(service), Event::Unregistered { key });
    let caller = network.add();
    network.forget();
    network.call(caller, "attic:get", json!({}));
    network.drive();
    let Event::Failed { problem, .. } = network.one(caller) else {
        panic!()
    };
    assert_eq!(problem.code, "no_instance");
}

#[test]
fn a_registration_that_ends_before_it_is_confirmed_still_ends() {
    let mut network = Network::new();
    let service = network.add();
    network.forget();
    let key = network.register(service, attic("one"));
    network.session(service).unregister(key, false);
    network.drive();
    assert_eq!(network.one(service), Event::Unregistered { key });
}

#[test]
fn a_drained_registration_finishes_what_it_has() {
    let mut network = Network::new();
    let service = network.add();
    let key = network.register(service, attic("one"));
    let caller = network.add();
    network.forget();
    let token = network.ask_attic(caller, service);
    network.session(service).unregister(key, true);
    network.drive();
    assert_eq!(network.events(service), []);
    network.reply(service, token, json!("late but good"));
    network.drive();
    assert_eq!(network.one(service), Event::Unregistered { key });
    assert!(matches!(network.one(caller), Event::Reply { .. }));
}
