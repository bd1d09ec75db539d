//! Lost connections, silence, and brokers that leave: what was sent, what was not, and what comes back.

use std::time::Duration;

use buslane_protocol::{ErrorCode, Framing};
use buslane_session::{Event, PublishOptions, SessionError, State, SubscribeOptions};
use serde_json::json;

use crate::asking::{acked, delivered, failures, within};
use crate::network::{Loss, Network};

#[test]
fn what_was_sent_is_unknown_and_what_was_not_is_sent_later() {
    for framing in Framing::ALL {
        let mut network = Network::new();
        let service = network.add_service("attic", "one", &["get"]);
        let caller = network.add_with(|config| config.framing = framing);
        network.forget();
        let sent = network.call(caller, "attic:get", json!({ "sent": true }));
        let published = network.publish_with(caller, "host/a", json!(1), acked()).unwrap();
        network.lose(caller, Loss::Everything);
        network.drive();
        let unsent = network.call(caller, "attic:get", json!({ "sent": false }));
        let unpublished = network.publish_with(caller, "host/a", json!(2), acked()).unwrap();
        network.cut(caller);
        let events = network.events(caller);
        let unknown = |event: &Event<'_>| match event {
            Event::Failed { key, problem } => *key == sent && problem.code == "outcome_unknown",
            Event::PublishFailed { key, problem } => *key == published && problem.code == "outcome_unknown",
            _ => false,
        };
        assert_eq!(
            events.iter().filter(|event| unknown(event)).count(),
            2,
            "{framing:?}: {events:#?}"
        );
        assert_eq!(failures(&events).len(), 2, "{framing:?}");
        network.pass_ms(200);
        let token = network.invoked(service);
        network.reply(service, token, json!("answered"));
        network.drive();
        let events = network.events(caller);
        assert!(
            events.contains(&Event::Acked {
                key: unpublished,
                receivers: 0
            }),
            "{framing:?}: {events:#?}"
        );
        assert!(
            matches!(events.last(), Some(Event::Reply { key, .. }) if *key == unsent),
            "{framing:?}"
        );
    }
}

#[test]
fn without_a_broker_a_request_waits_until_its_deadline() {
    let mut network = Network::new();
    network.reachable = false;
    let caller = network.add();
    network.call_with(caller, "attic:get", json!({}), within(1_000));
    network.pass_ms(999);
    assert_eq!(failures(&network.events(caller)), Vec::<String>::new());
    network.pass_ms(1);
    assert_eq!(failures(&network.events(caller)), ["not_sent"]);
}

#[test]
fn a_request_that_waited_is_sent_with_the_time_that_is_left() {
    let mut network = Network::new();
    let service = network.add_service("attic", "one", &["get"]);
    network.reachable = false;
    let caller = network.add();
    network.call_with(caller, "attic:get", json!({}), within(10_000));
    network.forget();
    network.pass_ms(2_000);
    network.reachable = true;
    network.pass_ms(4_000);
    let Event::Request { invocation, .. } = network.one(service) else {
        panic!()
    };
    let left = invocation.expires_in_ms.unwrap();
    assert!((4_000..=8_000).contains(&left), "{left}");
}

#[test]
fn a_failed_attempt_is_reported_and_the_next_is_made() {
    let mut network = Network::new();
    network.reachable = false;
    let node = network.add();
    let Event::Disconnected { problem, retry_at } = network.one(node) else {
        panic!()
    };
    assert_eq!(problem.error_code(), Some(ErrorCode::Unreachable));
    assert!(retry_at <= network.now + Duration::from_millis(100));
    network.reachable = true;
    network.pass_ms(100);
    assert_eq!(network.session(node).state(), State::Connected);
}

#[test]
fn publishes_wait_for_a_broker_up_to_a_limit() {
    let mut network = Network::new();
    network.reachable = false;
    let node = network.add_with(|config| config.offline_bytes = 10_000);
    network.subscribe(node, "host/#", SubscribeOptions::default());
    let (now, topic) = (network.now, buslane_protocol::Topic::parse("host/a").unwrap());
    let payload = || crate::asking::payload_of(&json!("x".repeat(1_000)));
    let mut queued = 0;
    let refused = loop {
        match network
            .session(node)
            .publish(now, &topic, payload(), PublishOptions::default())
        {
            Ok(_) => queued += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, SessionError::QueueFull { limit: 10_000 });
    network.forget();
    network.reachable = true;
    network.pass_ms(500);
    assert_eq!(delivered(&network.events(node)).len(), queued);
}

#[test]
fn requests_that_timed_out_make_room_in_the_queue() {
    let mut network = Network::new();
    network.reachable = false;
    let node = network.add_with(|config| config.offline_bytes = 10_000);
    for _ in 0..100 {
        network.call_with(node, "attic:get", json!("x".repeat(4_000)), within(100));
        network.pass_ms(100);
    }
    assert_eq!(failures(&network.events(node)), vec!["not_sent"; 100]);
}

#[test]
fn after_a_reconnect_each_subscription_tells_of_a_gap() {
    let mut network = Network::new();
    let (listener, key) = network.add_subscriber("host/#");
    let twin = network.subscribe(listener, "host/#", SubscribeOptions::default());
    let other = network.subscribe(listener, "room/#", SubscribeOptions::default());
    network.drive();
    network.forget();
    network.cut(listener);
    network.pass_ms(200);
    let events = network.events(listener);
    let gap = |keys: &[_]| Event::Gap {
        keys: keys.into(),
        count: 0,
        bytes: 0,
        unknown: true,
    };
    assert_eq!(events[2..], [gap(&[key, twin]), gap(&[other])], "{events:#?}");
    network.publish(listener, "host/a", json!(1));
    network.drive();
    assert_eq!(delivered(&network.events(listener)), [json!(1)]);
}

#[test]
fn a_silent_broker_is_asked_and_then_given_up() {
    let mut network = Network::new();
    let (node, _) = network.add_subscriber("host/#");
    network.lose(node, Loss::Everything);
    network.forget();
    network.pass(Duration::from_millis(44_999));
    let events = network.events(node);
    assert_eq!(events, []);
    network.reachable = false;
    network.pass_ms(1);
    let events = network.events(node);
    let Event::Disconnected { problem, .. } = &events[0] else {
        panic!("{events:#?}")
    };
    assert_eq!(problem.error_code(), Some(ErrorCode::HeartbeatTimeout));
    network.reachable = true;
    network.pass_ms(500);
    assert!(matches!(
        network.events(node).last(),
        Some(Event::Gap { unknown: true, .. })
    ));
}

#[test]
fn an_idle_connection_lives_on_heartbeats() {
    for framing in Framing::ALL {
        let mut network = Network::new();
        let node = network.add_with(|config| config.framing = framing);
        network.forget();
        network.pass(Duration::from_secs(600));
        assert_eq!(network.events(node), [], "{framing:?}");
        assert_eq!(network.session(node).state(), State::Connected, "{framing:?}");
    }
}

#[test]
fn a_client_that_vanished_is_gone_for_its_callers() {
    let (mut network, service, caller) = Network::with_attic();
    network.call_with(caller, "attic:get", json!({}), within(600_000));
    network.drive();
    network.lose(service, Loss::Everything);
    network.pass(Duration::from_secs(46));
    assert_eq!(failures(&network.events(caller)), ["outcome_unknown"]);
}

#[test]
fn a_broker_that_drains_is_left_when_everything_is_answered() {
    let (mut network, service, caller) = Network::with_attic();
    let key = network.call(caller, "attic:get", json!({}));
    network.drive();
    let token = network.invoked(service);
    let now = network.now;
    network.engine.drain(now, Duration::from_secs(10));
    network.reachable = false;
    network.drive();
    assert!(matches!(network.one(caller), Event::Draining { .. }));
    assert_eq!(network.session(caller).state(), State::Connected);
    let waiting = network.call_with(caller, "attic:get", json!({}), within(2_000));
    network.reply(service, token, json!("done"));
    network.drive();
    let events = network.events(caller);
    assert!(
        matches!(events[0], Event::Reply { key: replied, .. } if replied == key),
        "{events:#?}"
    );
    assert!(
        matches!(&events[1], Event::Disconnected { problem, .. } if problem.code == "draining"),
        "{events:#?}"
    );
    network.pass_ms(2_000);
    let events = network.events(caller);
    let failed = |event: &Event<'_>| matches!(event, Event::Failed { key, problem } if *key == waiting && problem.code == "not_sent");
    assert!(events.iter().any(failed), "{events:#?}");
}

#[test]
fn a_closed_session_tells_everybody_and_says_goodbye() {
    let (mut network, service, caller) = Network::with_attic();
    network.call(caller, "attic:get", json!({}));
    network.drive();
    let now = network.now;
    network.session(caller).close(now);
    network.drive();
    let events = network.events(caller);
    assert_eq!(failures(&events), ["closed"]);
    assert!(
        matches!(events.last(), Some(Event::Ended { problem }) if problem.code == "closed"),
        "{events:#?}"
    );
    let events = network.events(service);
    assert!(
        matches!(events.last(), Some(Event::Withdrawn { .. })),
        "{events:#?}"
    );
    assert_eq!(network.engine.gauges().clients, 1);
    let refused = network.session(caller).flush().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Closed);
}
