//! Publishing and subscribing, over a broker.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;

use std::collections::BTreeMap;
use std::time::Duration;

use broker::Broker;
use buslane_client::{
    Body, Presence, PresenceEvent, PublishError, Report, ServiceError, SubscribeError, TopicContract,
};
use futures_util::StreamExt;

#[tokio::test]
async fn a_message_arrives_with_its_topic_sender_and_headers() {
    let (broker, bus) = Broker::with_client().await;
    let sensor = broker.builder().name("sensor").connect().await.unwrap();
    let mut readings = bus.subscribe("host/+/cpu").await.unwrap();
    let receivers = sensor
        .publish("host/attic/cpu", &0.5)
        .header("unit", "load")
        .ack()
        .await
        .unwrap();
    assert_eq!(receivers, 1);
    let reading = readings.next().await.unwrap();
    assert_eq!(
        (reading.topic(), reading.from(), reading.header("unit")),
        ("host/attic/cpu", "sensor", Some("load"))
    );
    assert_eq!(
        (
            reading.json::<f64>().unwrap(),
            reading.payload().to_string().as_str()
        ),
        (0.5, "0.5")
    );
    assert!(!reading.is_retained() && !reading.is_snapshot() && reading.shared().is_none());
}

#[tokio::test]
async fn nobody_who_listens_is_no_error() {
    let (_broker, bus) = Broker::with_client().await;
    assert_eq!(bus.publish("nobody/listens", &()).ack().await.unwrap(), 0);
}

#[tokio::test]
async fn two_subscriptions_of_one_client_each_get_the_message_once() {
    let (_broker, bus) = Broker::with_client().await;
    let (mut narrow, mut wide) = (
        bus.subscribe("a/b").await.unwrap(),
        bus.subscribe("a/#").await.unwrap(),
    );
    assert_eq!(
        bus.publish("a/b", &1).ack().await.unwrap(),
        1,
        "one client, one copy"
    );
    bus.publish("a/c", &2).await.unwrap();
    bus.publish("a/b", &3).await.unwrap();
    assert_eq!(narrow.next().await.unwrap().bytes(), b"1");
    assert_eq!(narrow.next().await.unwrap().bytes(), b"3");
    for expected in [b"1", b"2", b"3"] {
        assert_eq!(wide.next().await.unwrap().bytes(), expected);
    }
}

#[tokio::test]
async fn a_dropped_subscription_receives_no_more() {
    let (_broker, bus) = Broker::with_client().await;
    let subscription = bus.subscribe("news").await.unwrap();
    let mut same = bus.subscribe("news").await.unwrap();
    drop(subscription);
    assert_eq!(
        bus.publish("news", &1).ack().await.unwrap(),
        1,
        "the other one is still there"
    );
    assert_eq!(same.next().await.unwrap().bytes(), b"1");
    drop(same);
    assert_eq!(bus.publish("news", &2).ack().await.unwrap(), 0);
}

#[tokio::test]
async fn a_retained_value_meets_those_who_come_later_until_it_is_cleared() {
    let (broker, bus) = Broker::with_client().await;
    bus.publish("config/colour", &"blue")
        .retain()
        .ack()
        .await
        .unwrap();
    let mut colours = bus.subscribe("config/colour").await.unwrap();
    let colour = colours.next().await.unwrap();
    assert!(colour.is_retained());
    assert_eq!(colour.json::<String>().unwrap(), "blue");
    bus.clear_retained("config/colour").ack().await.unwrap();
    let other = broker.client().await;
    let mut colours = other.subscribe("config/colour").await.unwrap();
    bus.publish("config/colour", &"red").ack().await.unwrap();
    let colour = colours.next().await.unwrap();
    assert!(!colour.is_retained());
    assert_eq!(colour.json::<String>().unwrap(), "red");
}

#[tokio::test]
async fn a_publisher_may_leave_itself_out() {
    let (broker, bus) = Broker::with_client().await;
    let other = broker.client().await;
    let mut own = bus.subscribe("chat").await.unwrap();
    let mut others = other.subscribe("chat").await.unwrap();
    assert_eq!(
        bus.publish("chat", &"hello").exclude_self().ack().await.unwrap(),
        1
    );
    assert_eq!(bus.publish("chat", &"bye").ack().await.unwrap(), 2);
    assert_eq!(own.next().await.unwrap().json::<String>().unwrap(), "bye");
    assert_eq!(others.next().await.unwrap().json::<String>().unwrap(), "hello");
}

#[tokio::test]
async fn a_shared_subscription_gives_each_message_to_one_member() {
    let (broker, bus) = Broker::with_client().await;
    let other = broker.client().await;
    let mut one = bus.subscribe("jobs").shared("workers").await.unwrap();
    let mut two = other.subscribe("jobs").shared("workers").await.unwrap();
    for job in 0..10 {
        assert_eq!(bus.publish("jobs", &job).ack().await.unwrap(), 1);
    }
    bus.publish("jobs", &"end").await.unwrap();
    bus.publish("jobs", &"end").await.unwrap();
    let mut seen = BTreeMap::new();
    for jobs in [&mut one, &mut two] {
        loop {
            let job = jobs.next().await.unwrap();
            assert!(job.shared().unwrap().starts_with("workers"), "{:?}", job.shared());
            match job.json::<u32>() {
                Ok(number) => *seen.entry(number).or_insert(0) += 1,
                Err(_) => break,
            }
        }
    }
    assert!(
        seen.len() == 10 && seen.values().all(|times| *times == 1),
        "{seen:?}"
    );
}

#[tokio::test]
async fn bytes_arrive_as_they_are() {
    let (_broker, bus) = Broker::with_client().await;
    let mut images = bus.subscribe("images").await.unwrap();
    bus.publish_body("images", Body::bytes("image/x-test", [0, 0xff]))
        .await
        .unwrap();
    let image = images.next().await.unwrap();
    assert_eq!(
        (image.bytes(), image.payload().content_type()),
        ([0, 0xff].as_slice(), "image/x-test")
    );
    assert!(image.json::<u8>().is_err());
    assert_eq!(image.payload().to_string(), "2 bytes of image/x-test");
}

#[tokio::test]
async fn credit_holds_messages_back_at_the_broker_until_they_are_taken() {
    let (_broker, bus) = Broker::with_client().await;
    let mut numbers = bus.subscribe("numbers").credit(2).await.unwrap();
    for number in 0..50 {
        bus.publish("numbers", &number).await.unwrap();
    }
    for expected in 0..50 {
        assert_eq!(numbers.next().await.unwrap().json::<u32>().unwrap(), expected);
    }
    assert!(numbers.take_gaps().is_none());
}

#[tokio::test]
async fn what_gave_way_in_the_clients_queue_uses_up_no_credit_for_good() {
    let (_broker, bus) = Broker::with_client().await;
    // A queue of one byte keeps the newest message only; the others are a gap before it.
    let mut numbers = bus.subscribe("numbers").credit(8).queue_bytes(1).await.unwrap();
    for number in 0..80 {
        bus.publish("numbers", &number).await.unwrap();
    }
    bus.flush().await.unwrap();
    let mut told = 0;
    while told < 80 {
        numbers.next().await.unwrap();
        told += 1 + numbers.take_gaps().count;
    }
    assert_eq!(told, 80);
}

#[tokio::test]
async fn a_subscription_is_a_stream() {
    let (_broker, bus) = Broker::with_client().await;
    let numbers = bus.subscribe("numbers").await.unwrap();
    for number in 0..5 {
        bus.publish("numbers", &number).await.unwrap();
    }
    let sum = numbers
        .take(5)
        .fold(
            0,
            |sum, message| async move { sum + message.json::<u32>().unwrap() },
        )
        .await;
    assert_eq!(sum, 10);
}

#[tokio::test]
async fn what_cannot_be_published_or_subscribed_to_is_an_error() {
    let (_broker, bus) = Broker::with_client().await;
    let publish = async |topic: &str| bus.publish(topic, &()).ack().await.unwrap_err();
    assert!(matches!(publish("a//b").await, PublishError::Invalid(_)));
    assert!(matches!(publish("a/+").await, PublishError::Invalid(_)));
    assert_eq!(publish("$bus/service/connect/x").await.code(), "reserved_topic");
    let large = bus.publish("a", &"x".repeat(2 << 20)).await.unwrap_err();
    assert_eq!(large.code(), "payload_too_large");
    let subscribe = async |filter: &str| bus.subscribe(filter).await.unwrap_err();
    assert!(matches!(subscribe("a/#/b").await, SubscribeError::Invalid(_)));
    assert!(matches!(subscribe("+/+/+/+/+").await, SubscribeError::Invalid(_)));
    assert!(matches!(
        bus.subscribe("a").shared("two words").await,
        Err(SubscribeError::Invalid(_))
    ));
}

#[tokio::test]
async fn a_topics_contract_holds_for_whoever_publishes() {
    let (broker, bus) = Broker::with_client().await;
    let contract = TopicContract::new("sums")
        .schema(r#"{"type": "integer"}"#)
        .retained()
        .description("sums");
    let add = |_: (), _context| async move { Ok::<_, ServiceError>(()) };
    bus.service("calculator", "1.0.0")
        .topic(contract)
        .method("add", add)
        .register()
        .await
        .unwrap();
    let other = broker.client().await;
    let error = other.publish("sums", &"three").ack().await.unwrap_err();
    assert!(matches!(error, PublishError::SchemaViolation(_)), "{error}");
    assert_eq!(error.problem().keyword.as_deref(), Some("type"));

    let mut reports = other.reports();
    other.publish("sums", &"three").await.unwrap();
    let Some(Report::Refused { problem }) = reports.next().await else {
        panic!("no report")
    };
    assert_eq!(
        (&*problem.code, problem.address.as_deref()),
        ("schema_violation", Some("sums"))
    );

    other.publish("sums", &3).ack().await.unwrap();
    let mut sums = other.subscribe("sums").await.unwrap();
    assert!(sums.next().await.unwrap().is_retained(), "the contract says so");
}

/// Returns what is told of those who are there already.
async fn present(presence: &mut Presence) -> Vec<PresenceEvent> {
    let mut events = Vec::new();
    loop {
        match presence.next().await.unwrap() {
            PresenceEvent::SnapshotEnd => return events,
            event => events.push(event),
        }
    }
}

#[tokio::test]
async fn presence_tells_who_is_there_and_then_who_comes_and_goes() {
    let (broker, bus) = Broker::with_client().await;
    let get = |_: (), _context| async move { Ok::<_, ServiceError>(()) };
    let first = bus
        .service("attic", "1.0.0")
        .instance("one")
        .group("storage")
        .method("get", get);
    first.register().await.unwrap();
    let watcher = broker.client().await;
    let mut presence = watcher.presence().await.unwrap();
    let before = present(&mut presence).await;
    assert_eq!(before.len(), 2, "{before:?}");
    let there = before.iter().find_map(|event| match event {
        PresenceEvent::Connect(instance) => Some(instance),
        _ => None,
    });
    let there = there.unwrap();
    assert_eq!(
        (&*there.service, &*there.instance, &*there.version),
        ("attic", "one", "1.0.0")
    );
    assert_eq!(
        (there.snapshot, there.groups.clone(), there.methods.clone()),
        (true, vec!["storage".into()], vec!["get".into()])
    );
    assert!(before.contains(&PresenceEvent::Online {
        service: "attic".into(),
        snapshot: true
    }));

    let other = broker.client().await;
    let two = other
        .service("attic", "1.1.0")
        .instance("two")
        .method("get", get)
        .register()
        .await
        .unwrap();
    assert!(
        matches!(presence.next().await.unwrap(), PresenceEvent::Connect(one) if one.instance == "two" && !one.snapshot)
    );
    two.unregister().await.unwrap();
    assert!(
        matches!(presence.next().await.unwrap(), PresenceEvent::Disconnect(one) if one.instance == "two")
    );
    bus.close().await;
    assert!(
        matches!(presence.next().await.unwrap(), PresenceEvent::Disconnect(one) if one.instance == "one")
    );
    assert_eq!(
        presence.next().await.unwrap(),
        PresenceEvent::Offline {
            service: "attic".into()
        }
    );
}

#[tokio::test]
async fn a_value_kept_for_a_time_is_gone_after_it() {
    let (_broker, bus) = Broker::with_client().await;
    bus.publish("flash", &1)
        .retain_for(Duration::from_millis(1))
        .ack()
        .await
        .unwrap();
    // Each look is a new subscription; the value is there until one does not find it.
    loop {
        let mut flashes = bus.subscribe("flash").await.unwrap();
        bus.publish("flash", &"marker").ack().await.unwrap();
        if !flashes.next().await.unwrap().is_retained() {
            break;
        }
    }
}
