//! The bridge against a broker: what another language asks for comes as events, once, and everything ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use buslane_bridge::client::{ErrorCode, SubscriptionEvent};
use buslane_bridge::{
    Bus, CallOptions, ConnectOptions, Event, Method, Pending, PublishOptions, Request, ServiceDeclaration,
    SubscribeOptions,
};
use buslane_broker::{Broker, Config, RunningBroker};

/// The token of the one method.
const METHOD: u64 = 1;

fn start() -> (RunningBroker, Bus) {
    let broker = Broker::spawn(Config {
        drain: Duration::ZERO,
        ..Config::ephemeral()
    });
    let broker = broker.unwrap();
    let bus = connect(&broker);
    (broker, bus)
}

fn connect(broker: &RunningBroker) -> Bus {
    let options = ConnectOptions {
        url: broker.url(),
        ..ConnectOptions::default()
    };
    Bus::connect(options).unwrap()
}

fn offer(bus: &Bus) {
    let method = Method {
        name: "say".into(),
        token: METHOD,
        ..Method::default()
    };
    let declaration = ServiceDeclaration {
        name: "echo".into(),
        version: "1.0.0".into(),
        methods: vec![method],
        ..ServiceDeclaration::default()
    };
    bus.register(declaration).unwrap();
}

fn ask(bus: &Bus) -> Pending {
    bus.request("echo:say", "7".into(), &CallOptions::default())
        .unwrap()
}

fn requested(bus: &Bus) -> Request {
    match bus.events().next() {
        Some(Event::Requested {
            token: METHOD,
            request,
        }) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_comes_as_an_event_and_its_answer_is_waited_for() {
    let (_broker, bus) = start();
    offer(&bus);
    let pending = ask(&bus);
    let request = requested(&bus);
    assert!(pending.wait_for(Duration::ZERO).is_none());
    request.reply("8".into()).unwrap();
    assert_eq!(pending.wait().unwrap().bytes(), b"8");
    assert_eq!(
        request.reply("9".into()).unwrap_err().code(),
        Some(ErrorCode::UnknownDelivery)
    );
}

#[test]
fn an_outcome_comes_as_an_event_before_or_after_the_end() {
    let (_broker, bus) = start();
    offer(&bus);
    let pending = ask(&bus);
    assert!(pending.then(bus.events(), 5).is_none());
    requested(&bus).reply("8".into()).unwrap();
    assert!(matches!(
        bus.events().next(),
        Some(Event::Ended {
            token: 5,
            outcome: Ok(_)
        })
    ));
    assert!(pending.then(bus.events(), 6).is_none());
    assert!(matches!(bus.events().next(), Some(Event::Ended { token: 6, .. })));
}

#[test]
fn cancelling_ends_a_request_once_and_withdraws_it() {
    let (_broker, bus) = start();
    offer(&bus);
    let pending = ask(&bus);
    let request = requested(&bus);
    let _watch = bus.withdrawal(9, &request);
    assert!(pending.cancel());
    assert!(!pending.cancel());
    assert_eq!(pending.wait().unwrap_err().code(), Some(ErrorCode::Cancelled));
    assert!(matches!(bus.events().next(), Some(Event::Over { token: 9 })));
    assert!(request.context().is_cancelled());
}

#[test]
fn messages_come_in_batches_and_wait_while_paused() {
    let (_broker, bus) = start();
    let watch = bus.subscribe(3, "t", SubscribeOptions::default()).unwrap();
    watch.pause();
    let _beside = bus.subscribe(4, "t", SubscribeOptions::default()).unwrap();
    for _ in 0..10 {
        bus.publish("t", "1".into(), &PublishOptions::default()).unwrap();
    }
    // What has come to the one has come to the other.
    let mut beside = 0;
    while beside < 10 {
        match bus.events().next() {
            Some(Event::Messages { token: 4, events }) => beside += events.len(),
            other => panic!("{other:?}"),
        }
    }
    watch.resume();
    let Some(Event::Messages { token: 3, events }) = bus.events().next() else {
        panic!("no messages");
    };
    assert_eq!(events.len(), 10);
    assert!(matches!(&events[0], SubscriptionEvent::Message(message) if message.topic() == "t"));
}

#[test]
fn everything_ends_with_the_client() {
    let (_broker, bus) = start();
    offer(&bus);
    let _watch = bus.subscribe(3, "t", SubscribeOptions::default()).unwrap();
    let pending = ask(&bus);
    let _held = requested(&bus);
    pending.then(bus.events(), 5);
    bus.close(Duration::from_secs(30));
    let (mut over, mut ended) = (false, None);
    while let Some(event) = bus.events().next() {
        match event {
            Event::Over { token: 3 } => over = true,
            Event::Ended { token: 5, outcome } => ended = outcome.unwrap_err().code(),
            other => panic!("{other:?}"),
        }
    }
    assert!(over);
    assert_eq!(ended, Some(ErrorCode::Closed));
    assert!(
        pending.then(bus.events(), 6).is_some(),
        "nobody takes events any more"
    );
    let refused = bus.request("echo:say", "7".into(), &CallOptions::default());
    assert_eq!(refused.unwrap_err().code(), Some(ErrorCode::Closed));
}
