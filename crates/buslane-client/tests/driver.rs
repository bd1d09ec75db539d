//! How the client's driver behaves towards a broker that does what real ones seldom do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scripted;

use std::future::IntoFuture;
use std::time::Duration;

use buslane_client::{
    ConnectError, ConnectionState, Overflow, PublishError, Report, RequestError, ServiceError,
    SubscriptionEvent,
};
use buslane_protocol::{
    Answer, BrokerMessage, ClientMessage, Delivery, Draining, ErrorCode, Gap, Headers, Payload, PayloadKind,
    Topic,
};
use futures_util::FutureExt;
use scripted::Scripted;

fn json(text: &'static str) -> Payload<'static> {
    Payload {
        bytes: text.as_bytes().into(),
        kind: PayloadKind::Json,
    }
}

fn delivery(topic: &'static str, payload: &'static str) -> BrokerMessage<'static> {
    BrokerMessage::Delivery(Delivery {
        id: None,
        topic: Topic::parse(topic).unwrap(),
        from: "sensor".into(),
        headers: Headers::default(),
        payload: json(payload),
        retained: false,
    })
}

#[tokio::test]
async fn a_broker_that_refuses_the_client_ends_the_wait_at_once() {
    let broker = Scripted::new().await;
    let (refused, ()) = tokio::join!(broker.builder().token("wrong").connect(), async {
        broker
            .accept()
            .await
            .refuse_next(ErrorCode::Unauthenticated)
            .await;
    });
    let error = refused.unwrap_err();
    assert!(matches!(error, ConnectError::Refused(_)), "{error}");
    assert_eq!(error.code(), "unauthenticated");
}

#[tokio::test]
async fn a_broker_that_never_answers_is_unreachable() {
    let broker = Scripted::new().await;
    let error = broker
        .builder()
        .connect_timeout(Duration::from_millis(50))
        .connect()
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("buslane serve"), "{error}");
}

#[tokio::test]
async fn a_reply_of_another_type_is_told_as_such() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let (outcome, ()) = tokio::join!(bus.request::<u8>("attic:get", &()), async {
        let id = peer.receive_request().await;
        let (headers, payload) = (Headers::default(), json(r#""a text""#));
        peer.send(BrokerMessage::Reply(Answer {
            id,
            from: "attic#1".into(),
            headers,
            payload,
        }))
        .await;
    });
    let error = outcome.unwrap_err();
    assert!(matches!(error, RequestError::UnexpectedReply(_)), "{error}");
    assert!(error.to_string().contains("expected u8"), "{error}");
}

#[tokio::test]
async fn a_request_whose_future_is_dropped_is_cancelled_on_the_bus() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let request = tokio::spawn({
        let bus = bus.clone();
        async move {
            bus.request::<u8>("attic:get", &())
                .timeout(Duration::from_secs(600))
                .await
        }
    });
    let id = peer.receive_request().await;
    request.abort();
    assert_eq!(peer.receive().await, ClientMessage::Cancel(id));
}

#[tokio::test]
async fn a_connection_lost_after_sending_leaves_the_outcome_unknown() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let (outcome, ()) = tokio::join!(bus.request::<u8>("attic:get", &()), async {
        peer.receive_request().await;
        drop(peer);
    });
    assert!(matches!(outcome.unwrap_err(), RequestError::OutcomeUnknown(_)));
}

#[tokio::test]
async fn gaps_are_counted_beside_the_messages_and_seen_between_them() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let (readings, ()) = tokio::join!(
        async { bus.subscribe("host/+").await.unwrap() },
        peer.accept_subscription()
    );
    let mut readings = readings;
    let gap = || {
        BrokerMessage::Gap(Gap {
            count: 3,
            bytes: 99,
            ..Gap::default()
        })
    };
    for message in [
        delivery("host/a", "1"),
        gap(),
        delivery("host/a", "2"),
        gap(),
        delivery("host/b", "3"),
    ] {
        peer.send(message).await;
    }
    assert_eq!(readings.next().await.unwrap().payload().to_string(), "1");
    assert!(readings.take_gaps().is_none());
    assert_eq!(readings.next().await.unwrap().payload().to_string(), "2");
    assert_eq!(readings.take_gaps().count, 3);
    assert!(matches!(readings.next_event().await, Some(SubscriptionEvent::Gap(gap)) if gap.count == 3));
    assert!(
        matches!(readings.next_event().await, Some(SubscriptionEvent::Message(message)) if message.topic() == "host/b")
    );
}

#[tokio::test]
async fn a_subscription_whose_program_does_not_look_keeps_the_newest() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let subscribe = async { bus.subscribe("host/+").queue_bytes(2_000).await.unwrap() };
    let (mut readings, ()) = tokio::join!(subscribe, peer.accept_subscription());
    for _ in 0..1_000 {
        peer.send(delivery("host/a", "0")).await;
    }
    peer.send(delivery("host/last", "1")).await;
    peer.send(BrokerMessage::Ping(None)).await;
    assert!(
        matches!(peer.receive().await, ClientMessage::Pong(_)),
        "the driver reads on and answers"
    );
    let (mut seen, mut last) = (0, String::new());
    while last != "host/last" {
        let message = readings.next().await.unwrap();
        seen += 1;
        last = message.topic().to_owned();
    }
    assert!(seen < 100, "{seen}");
    assert_eq!(readings.take_gaps().count + seen, 1_001);
}

#[tokio::test]
async fn publishes_wait_while_the_broker_reads_nothing() {
    let broker = Scripted::new().await;
    let (bus, peer) = broker.connect().await;
    let payload = "x".repeat(100_000);
    let flood = tokio::spawn({
        let bus = bus.clone();
        async move {
            for _ in 0..1_000 {
                bus.publish("flood", &payload).await?;
            }
            Ok::<_, PublishError>(())
        }
    });
    // 100 MB fit into no socket: the publisher waits until the connection ends.
    tokio::task::yield_now().await;
    assert!(!flood.is_finished());
    tokio::join!(bus.close(), async { drop(peer) });
    assert!(matches!(flood.await.unwrap(), Err(PublishError::Closed(_))));
}

#[tokio::test]
async fn closing_says_goodbye_after_what_was_sent_before() {
    let broker = Scripted::new().await;
    let (bus, peer) = broker.connect().await;
    bus.publish("news", &"last words").await.unwrap();
    let (said, ()) = tokio::join!(peer.until_closed(), bus.close());
    assert!(
        said[0].contains("last words") || said[0].starts_with("Publish"),
        "{said:?}"
    );
    assert!(said.last().unwrap().starts_with("Goodbye"), "{said:?}");
    bus.close().await;
    assert!(matches!(
        bus.publish("news", &1).await,
        Err(PublishError::Closed(_))
    ));
    assert_eq!(bus.state(), ConnectionState::Closed);
}

#[tokio::test]
async fn dropping_the_last_handle_closes() {
    let broker = Scripted::new().await;
    let (bus, peer) = broker.connect().await;
    let other = bus.clone();
    let mut states = bus.states();
    drop(bus);
    assert!(other.is_connected());
    drop(other);
    assert!(peer.until_closed().await.last().unwrap().starts_with("Goodbye"));
    assert!(matches!(
        states.next().await,
        Some(ConnectionState::Connected { .. })
    ));
    assert_eq!(states.next().await, Some(ConnectionState::Closed));
    assert_eq!(states.next().await, None);
}

#[tokio::test]
async fn bytes_that_are_no_message_end_the_connection_and_a_new_one_follows() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let mut states = bus.states();
    peer.send_bytes(&[0xff; 64]).await;
    broker.accept().await.welcome().await;
    assert!(matches!(
        states.next().await,
        Some(ConnectionState::Connected { .. })
    ));
    assert!(matches!(
        states.next().await,
        Some(ConnectionState::Disconnected { .. })
    ));
    assert!(matches!(
        states.next().await,
        Some(ConnectionState::Connected { .. })
    ));
}

#[test]
fn a_client_outlives_its_runtime_as_closed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (bus, _peer, broker) = runtime.block_on(async {
        let broker = Scripted::new().await;
        let (bus, peer) = broker.connect().await;
        (bus, peer, broker)
    });
    drop((runtime, broker));
    let outside = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = outside.block_on(bus.request::<u8>("attic:get", &())).unwrap_err();
    assert!(matches!(error, RequestError::Closed(_)), "{error}");
    outside.block_on(bus.close());
}

#[tokio::test]
async fn a_client_whose_instance_is_taken_over_ends_and_does_not_come_back() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let mut states = bus.states();
    peer.send_error(None, ErrorCode::TakenOver).await;
    assert!(matches!(
        states.next().await,
        Some(ConnectionState::Connected { .. })
    ));
    assert_eq!(states.next().await, Some(ConnectionState::TakenOver));
    assert_eq!(states.next().await, None);
    assert_eq!(bus.publish("news", &1).await.unwrap_err().code(), "taken_over");
    peer.until_closed().await;
    bus.close().await;
}

#[tokio::test]
async fn a_broker_that_drains_is_told_of() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let mut states = bus.states();
    peer.send(BrokerMessage::Draining(Draining { closes_in_ms: 1_500 }))
        .await;
    assert!(matches!(
        states.next().await,
        Some(ConnectionState::Connected { .. })
    ));
    let closes_in = Duration::from_millis(1_500);
    assert_eq!(states.next().await, Some(ConnectionState::Draining { closes_in }));
}

#[tokio::test]
async fn what_is_refused_after_a_lost_connection_is_reported() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let echo = |number: u8, _context| async move { Ok::<_, ServiceError>(number) };
    let service = bus
        .service("mirror", "1.0.0")
        .instance("one")
        .method("echo", echo);
    let (registration, ()) = tokio::join!(service.register(), peer.accept_registration());
    let (news, ()) = tokio::join!(bus.subscribe("news").into_future(), peer.accept_subscription());
    let (registration, mut news, mut reports) = (registration.unwrap(), news.unwrap(), bus.reports());
    drop(peer);

    let mut peer = broker.accept().await;
    peer.welcome().await;
    for _ in 0..2 {
        peer.refuse_next(ErrorCode::Forbidden).await;
    }
    let mut seen =
        [reports.next().await.unwrap(), reports.next().await.unwrap()].map(|report| match report {
            Report::RegistrationFailed {
                service,
                problem,
                retries,
            } => (service, problem.code.into_owned(), retries),
            Report::SubscriptionFailed { filter, problem } => (filter, problem.code.into_owned(), false),
            other => panic!("{other:?}"),
        });
    seen.sort();
    assert_eq!(
        seen,
        [("mirror", "forbidden", false), ("news", "forbidden", false)].map(|(what, code, retries)| (
            what.to_owned(),
            code.to_owned(),
            retries
        ))
    );
    assert!(news.next().await.is_none());
    assert_eq!(registration.instance(), None);
}

#[tokio::test]
async fn a_subscription_that_wants_to_end_when_it_overflows_does() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let subscribe = bus
        .subscribe("host/+")
        .queue_bytes(1_000)
        .overflow(Overflow::Disconnect);
    let (readings, ()) = tokio::join!(subscribe.into_future(), peer.accept_subscription());
    let mut readings = readings.unwrap();
    for _ in 0..100 {
        peer.send(delivery("host/a", "0")).await;
    }
    assert!(matches!(peer.receive().await, ClientMessage::Unsubscribe(_)));
    while readings.next().await.is_some() {}
    assert!(readings.take_gaps().count > 0);
    assert!(bus.is_connected());
}

#[tokio::test]
async fn handlers_that_hold_the_client_go_with_it() {
    let broker = Scripted::new().await;
    let (bus, mut peer) = broker.connect().await;
    let held = bus.clone();
    let call = |_: (), _context| async move {
        held.request::<()>("other:call", &())
            .await
            .map_err(ServiceError::failed)
    };
    let service = bus.service("holder", "1.0.0").method("call", call);
    let (registered, ()) = tokio::join!(service.register(), peer.accept_registration());
    registered.unwrap();
    let mut states = bus.states();
    assert!(bus.close().now_or_never().is_none());
    // From now on the handler has the last handle, and loses it when the client ends.
    drop(bus);
    peer.until_closed().await;
    assert!(matches!(
        states.next().await,
        Some(ConnectionState::Connected { .. })
    ));
    assert_eq!(states.next().await, Some(ConnectionState::Closed));
}
