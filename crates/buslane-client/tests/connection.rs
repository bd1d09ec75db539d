//! Connecting by every way there is, losing the connection, and leaving.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;

use std::time::Duration;

use broker::Broker;
use buslane_client::{
    Client, ClientBuilder, ConnectError, ConnectionState, Encoding, PublishError, RequestError, ServiceError,
    SubscriptionEvent,
};

/// Shows that calls, streams and messages go both ways.
async fn everything_works(builder: ClientBuilder) {
    let bus = builder.connect().await.unwrap();
    assert!(bus.is_connected() && bus.client_id().is_some());
    let double = |number: u64, _context| async move { Ok::<_, ServiceError>(number * 2) };
    let count = |to: u64, _context| futures_util::stream::iter((0..to).map(Ok::<_, ServiceError>));
    let service = bus
        .service("mathematics", "1.0.0")
        .method("double", double)
        .stream_method("count", count);
    service.register().await.unwrap();
    assert_eq!(bus.request::<u64>("mathematics:double", &21).await.unwrap(), 42);
    let mut numbers = bus.request_stream::<u64>("mathematics:count", &200);
    for expected in 0..200 {
        assert_eq!(numbers.next().await.unwrap().unwrap(), expected);
    }
    assert!(numbers.next().await.is_none());
    let mut messages = bus.subscribe("messages/#").await.unwrap();
    let long = "x".repeat(300_000);
    for number in 0..20 {
        bus.publish(&format!("messages/{number}"), &long).await.unwrap();
        assert_eq!(messages.next().await.unwrap().json::<String>().unwrap(), long);
    }
    for number in 0..1_000 {
        bus.publish("messages/short", &number).await.unwrap();
    }
    for expected in 0..1_000 {
        assert_eq!(messages.next().await.unwrap().json::<u32>().unwrap(), expected);
    }
    bus.flush().await.unwrap();
    bus.close().await;
}

#[tokio::test]
async fn frames_over_tcp() {
    let broker = Broker::start().await;
    everything_works(broker.builder()).await;
}

#[tokio::test]
async fn json_lines_over_tcp() {
    let broker = Broker::start().await;
    everything_works(broker.builder().encoding(Encoding::Json)).await;
}

#[tokio::test]
async fn frames_over_a_websocket() {
    let broker = Broker::start().await;
    everything_works(Client::builder().url(broker.web_socket_url())).await;
}

#[tokio::test]
async fn json_text_over_a_websocket() {
    let broker = Broker::start().await;
    everything_works(
        Client::builder()
            .url(broker.web_socket_url())
            .encoding(Encoding::Json),
    )
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn frames_over_a_unix_socket() {
    let broker = Broker::start().await;
    everything_works(Client::builder().url(broker.unix_url())).await;
}

#[test]
fn everything_works_on_a_runtime_with_several_threads() {
    let broker = Broker::start_detached();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(everything_works(broker.builder())).await.unwrap() });
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_unreachable() {
    let url = Broker::start().await.url().to_owned();
    let builder = Client::builder()
        .url(&url)
        .connect_timeout(Duration::from_millis(50));
    let error = builder.connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&url) && text.contains("refused") && text.contains("buslane serve"),
        "{text}"
    );
}

#[tokio::test]
async fn a_url_that_cannot_be_used_fails_at_once() {
    for (url, code) in [
        ("wss://bus", "not_supported"),
        ("buslane://bus:x", "invalid_address"),
    ] {
        let error = Client::connect(url).await.unwrap_err();
        assert!(matches!(error, ConnectError::Url(_)), "{error}");
        assert_eq!(error.code(), code);
    }
}

#[tokio::test]
async fn a_path_that_is_no_websocket_is_told_with_its_status() {
    let broker = Broker::start().await;
    let url = broker.web_socket_url().replace("/ws", "/nothing");
    let builder = Client::builder()
        .url(url)
        .connect_timeout(Duration::from_millis(500));
    let error = builder.connect().await.unwrap_err();
    assert!(error.to_string().contains("HTTP 404"), "{error}");
}

#[tokio::test]
async fn services_and_subscriptions_survive_a_broker_that_is_restarted() {
    let mut broker = Broker::start().await;
    let bus = broker
        .builder()
        .backoff(Duration::from_millis(5), Duration::from_millis(20))
        .connect()
        .await
        .unwrap();
    let echo = |text: String, _context| async move { Ok::<_, ServiceError>(text) };
    bus.service("mirror", "1.0.0")
        .instance("one")
        .method("echo", echo)
        .register()
        .await
        .unwrap();
    let mut news = bus.subscribe("news").await.unwrap();
    let mut states = bus.states();
    assert!(matches!(
        states.next().await,
        Some(ConnectionState::Connected { .. })
    ));

    broker.stop().await;
    while !matches!(states.next().await, Some(ConnectionState::Disconnected { .. })) {}
    assert!(!bus.is_connected());
    let error = bus
        .request::<String>("mirror:echo", &"x")
        .timeout(Duration::from_millis(10))
        .await
        .unwrap_err();
    assert!(matches!(error, RequestError::NotSent(_)), "{error}");
    bus.publish("news", &"queued").await.unwrap();

    broker.start_again().await;
    while !matches!(states.next().await, Some(ConnectionState::Connected { .. })) {}
    assert_eq!(
        bus.request::<String>("mirror:echo", &"there again")
            .await
            .unwrap(),
        "there again"
    );
    let mut seen = (false, false);
    while seen != (true, true) {
        match news.next_event().await.unwrap() {
            SubscriptionEvent::Gap(gap) => seen.0 |= gap.unknown,
            SubscriptionEvent::Message(message) => seen.1 |= message.json::<String>().unwrap() == "queued",
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_lazy_client_works_alone_and_joins_when_there_is_a_broker() {
    let mut broker = Broker::start().await;
    let url = broker.url().to_owned();
    broker.stop().await;
    let bus = Client::builder()
        .url(url)
        .lazy()
        .backoff(Duration::from_millis(5), Duration::from_millis(20))
        .connect()
        .await
        .unwrap();
    assert!(!bus.is_connected());
    let echo = |text: String, _context| async move { Ok::<_, ServiceError>(text) };
    let registration = bus
        .service("mirror", "1.0.0")
        .method("echo", echo)
        .register()
        .await
        .unwrap();
    assert_eq!(registration.instance(), None);
    let mut news = bus.subscribe("news").await.unwrap();
    bus.publish("news", &"early").await.unwrap();

    broker.start_again().await;
    bus.flush().await.unwrap();
    assert_eq!(
        bus.request::<String>("mirror:echo", &"here").await.unwrap(),
        "here"
    );
    assert!(registration.instance().is_some());
    assert_eq!(news.next().await.unwrap().json::<String>().unwrap(), "early");
}

#[tokio::test]
async fn what_waits_for_a_connection_is_bounded() {
    let mut broker = Broker::start().await;
    let url = broker.url().to_owned();
    broker.stop().await;
    let bus = Client::builder()
        .url(url)
        .lazy()
        .offline_bytes(10_000)
        .connect()
        .await
        .unwrap();
    let mut queued = 0;
    let error = loop {
        match bus.publish("news", &"x".repeat(1_000)).await {
            Ok(()) => queued += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, PublishError::QueueFull(_)), "{error}");
    assert!((5..10).contains(&queued), "{queued}");
}

#[tokio::test]
async fn closing_ends_everything_that_is_awaited() {
    let (_broker, bus) = Broker::with_client().await;
    let never = |_: (), _context| std::future::pending::<Result<(), ServiceError>>();
    bus.service("silent", "1.0.0")
        .method("get", never)
        .register()
        .await
        .unwrap();
    let mut news = bus.subscribe("news").await.unwrap();
    let request = tokio::spawn({
        let bus = bus.clone();
        async move {
            bus.request::<()>("silent:get", &())
                .timeout(Duration::from_secs(600))
                .await
        }
    });
    bus.flush().await.unwrap();
    bus.close().await;
    assert!(news.next().await.is_none());
    assert!(matches!(request.await.unwrap(), Err(RequestError::Closed(_))));
    assert_eq!(bus.subscribe("news").await.unwrap_err().code(), "closed");
    assert_eq!(bus.publish("news", &1).await.unwrap_err().code(), "closed");
    assert_eq!(bus.flush().await.unwrap_err().code(), "closed");
    assert_eq!(
        bus.service("late", "1")
            .method("get", never)
            .register()
            .await
            .unwrap_err()
            .code(),
        "closed"
    );
    assert_eq!((bus.is_connected(), bus.client_id()), (false, None));
}

#[tokio::test]
async fn what_was_published_before_closing_arrives() {
    let (broker, bus) = Broker::with_client().await;
    let mut numbers = bus.subscribe("numbers").await.unwrap();
    let other = broker.client().await;
    for number in 0..1_000 {
        other.publish("numbers", &number).await.unwrap();
    }
    other.close().await;
    for expected in 0..1_000 {
        assert_eq!(numbers.next().await.unwrap().json::<u32>().unwrap(), expected);
    }
}
