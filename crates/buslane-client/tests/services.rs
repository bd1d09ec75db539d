//! Offering methods: what handlers see, what becomes of their answers and failures, and how registrations end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use broker::Broker;
use buslane_client::{
    Body, Client, Context, RegisterError, RequestError, Retry, ServiceError, TopicContract,
};
use futures_util::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Add {
    left: i64,
    right: i64,
}

async fn add(add: Add, _context: Context) -> Result<i64, ServiceError> {
    add.left
        .checked_add(add.right)
        .ok_or(ServiceError::new("too_large", "the sum is too large").data(&add.left))
}

async fn calculator(bus: &Client) {
    bus.service("calculator", "1.0.0")
        .method("add", add)
        .register()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_method_is_called_with_its_input_and_answers_with_its_output() {
    let (_broker, bus) = Broker::with_client().await;
    calculator(&bus).await;
    assert_eq!(
        bus.request::<i64>("calculator:add", &Add { left: 2, right: 3 })
            .await
            .unwrap(),
        5
    );
}

#[tokio::test]
async fn an_input_that_breaks_the_derived_schema_reaches_no_handler() {
    let (_broker, bus) = Broker::with_client().await;
    calculator(&bus).await;
    let error = bus
        .request::<i64>("calculator:add", &json!({"left": 2}))
        .await
        .unwrap_err();
    assert!(matches!(error, RequestError::SchemaViolation(_)), "{error}");
    assert_eq!(error.problem().keyword.as_deref(), Some("required"));
    assert_eq!(error.problem().expected, Some(json!(["left", "right"])));
}

#[tokio::test]
async fn a_services_own_error_keeps_its_code_title_and_data() {
    let (_broker, bus) = Broker::with_client().await;
    calculator(&bus).await;
    let error = bus
        .request::<i64>(
            "calculator:add",
            &Add {
                left: i64::MAX,
                right: 1,
            },
        )
        .await
        .unwrap_err();
    assert!(matches!(error, RequestError::Service(_)), "{error}");
    assert_eq!(
        (error.code(), &*error.problem().title),
        ("too_large", "the sum is too large")
    );
    assert_eq!(error.problem().data, Some(json!(i64::MAX)));
}

#[tokio::test]
async fn an_input_that_serde_cannot_read_is_an_invalid_payload_of_the_service() {
    let (_broker, bus) = Broker::with_client().await;
    bus.service("calculator", "1.0.0")
        .method_without_schema("add", add)
        .register()
        .await
        .unwrap();
    let error = bus
        .request::<i64>("calculator:add", &json!({"left": "two", "right": 3}))
        .await
        .unwrap_err();
    assert!(matches!(error, RequestError::Service(_)), "{error}");
    assert_eq!(error.code(), "invalid_payload");
    assert!(error.to_string().contains("expected i64"), "{error}");
}

#[tokio::test]
async fn a_handler_that_panics_is_a_service_error_and_the_service_goes_on() {
    let (_broker, bus) = Broker::with_client().await;
    let panics = |input: u8, _context| async move {
        if input == 0 {
            panic!("as the test wants it")
        } else {
            Ok::<_, ServiceError>(input)
        }
    };
    bus.service("brittle", "1.0.0")
        .method("echo", panics)
        .register()
        .await
        .unwrap();
    let error = bus.request::<u8>("brittle:echo", &0).await.unwrap_err();
    assert!(matches!(error, RequestError::Service(_)), "{error}");
    assert_eq!(error.code(), "service_error");
    assert_eq!(bus.request::<u8>("brittle:echo", &1).await.unwrap(), 1);
}

#[tokio::test]
async fn the_context_tells_of_the_caller_and_its_headers() {
    let (broker, bus) = Broker::with_client().await;
    let tell = |_: (), context: Context| async move {
        let left = context.time_left().unwrap();
        assert!(
            left <= Duration::from_secs(60) && left > Duration::from_secs(30),
            "{left:?}"
        );
        assert!(!context.wants_stream() && !context.is_cancelled());
        Ok::<_, ServiceError>(json!({
            "from": context.from(),
            "address": context.address(),
            "trace": context.header("traceparent"),
            "attempt": context.attempt(),
        }))
    };
    bus.service("mirror", "1.0.0")
        .method("tell", tell)
        .register()
        .await
        .unwrap();
    let caller = broker.builder().name("caller").connect().await.unwrap();
    let told: Value = caller
        .request("mirror:tell", &())
        .timeout(Duration::from_secs(60))
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .await
        .unwrap();
    assert_eq!(told["from"], "caller");
    assert_eq!(told["address"], "mirror:tell");
    assert_eq!(told["attempt"], 1);
    assert!(told["trace"].as_str().unwrap().ends_with("-01"));
}

#[tokio::test]
async fn a_handler_may_call_through_its_context() {
    let (_broker, bus) = Broker::with_client().await;
    calculator(&bus).await;
    let double = |number: i64, context: Context| async move {
        let sum = context
            .client()
            .request::<i64>(
                "calculator:add",
                &Add {
                    left: number,
                    right: number,
                },
            )
            .await;
        sum.map_err(ServiceError::failed)
    };
    bus.service("doubler", "1.0.0")
        .method("double", double)
        .register()
        .await
        .unwrap();
    assert_eq!(bus.request::<i64>("doubler:double", &21).await.unwrap(), 42);
}

#[tokio::test]
async fn any_bytes_go_in_and_come_out_with_their_type() {
    let (_broker, bus) = Broker::with_client().await;
    let reverse = |context: Context| async move {
        let mut bytes = context.bytes().to_vec();
        bytes.reverse();
        Ok::<_, ServiceError>(Body::bytes(context.payload().content_type().to_owned(), bytes))
    };
    bus.service("mirror", "1.0.0")
        .body_method("reverse", reverse)
        .register()
        .await
        .unwrap();
    let reply = bus
        .call("mirror:reverse")
        .send_body(Body::bytes("image/x-test", [1, 0xff, 3]))
        .await
        .unwrap();
    assert_eq!(
        (reply.bytes(), reply.payload().content_type()),
        ([3, 0xff, 1].as_slice(), "image/x-test")
    );
    assert!(reply.from().starts_with("mirror#"), "{}", reply.from());
}

/// Tells when it is dropped.
struct Witness(mpsc::UnboundedSender<&'static str>);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

#[tokio::test]
async fn a_cancelled_request_drops_its_handler_and_tells_the_context() {
    let (_broker, bus) = Broker::with_client().await;
    let (events, mut seen) = mpsc::unbounded_channel();
    let wait = move |_: (), context: Context| async move {
        let witness = Witness(events.clone());
        let outlives = context.clone();
        tokio::spawn(async move {
            outlives.cancelled().await;
            assert!(outlives.is_cancelled());
            events.send("cancelled")
        });
        witness.0.send("called").unwrap();
        std::future::pending::<Result<(), ServiceError>>().await
    };
    bus.service("patient", "1.0.0")
        .method("wait", wait)
        .register()
        .await
        .unwrap();
    let request = tokio::spawn({
        let bus = bus.clone();
        async move {
            bus.request::<()>("patient:wait", &())
                .timeout(Duration::from_secs(600))
                .await
        }
    });
    assert_eq!(seen.recv().await, Some("called"));
    request.abort();
    let mut after = [seen.recv().await.unwrap(), seen.recv().await.unwrap()];
    after.sort();
    assert_eq!(after, ["cancelled", "dropped"]);
}

#[tokio::test]
async fn a_stream_is_polled_only_as_fast_as_it_is_taken() {
    let (_broker, bus) = Broker::with_client().await;
    let made = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = made.clone();
    let count = move |_: (), _context| {
        stream::unfold(0_u64, move |number| {
            counter.store(number + 1, Ordering::SeqCst);
            async move { Some((Ok::<_, ServiceError>(number), number + 1)) }
        })
    };
    bus.service("counter", "1.0.0")
        .stream_method("count", count)
        .register()
        .await
        .unwrap();
    let mut numbers = bus.call("counter:count").credit(4).request_stream::<u64>(&());
    for expected in 0..100 {
        assert_eq!(numbers.next().await.unwrap().unwrap(), expected);
    }
    bus.flush().await.unwrap();
    let ahead = made.load(Ordering::SeqCst) - 100;
    assert!(ahead <= 5, "the callee is {ahead} ahead of a credit of 4");
}

#[tokio::test]
async fn a_stream_ends_with_its_last_part_or_its_first_error() {
    let (_broker, bus) = Broker::with_client().await;
    let some = |fails: bool, _context| {
        let last = if fails {
            Err(ServiceError::new("worn_out", "no more"))
        } else {
            Ok(3)
        };
        stream::iter([Ok(1), Ok(2), last])
    };
    bus.service("counter", "1.0.0")
        .stream_method("some", some)
        .register()
        .await
        .unwrap();
    let mut numbers = bus.request_stream::<u8>("counter:some", &false);
    let mut seen = Vec::new();
    while let Some(number) = numbers.next().await {
        seen.push(number.unwrap());
    }
    assert_eq!(seen, [1, 2, 3]);

    let mut numbers = bus.request_stream::<u8>("counter:some", &true);
    assert_eq!(numbers.next().await.unwrap().unwrap(), 1);
    assert_eq!(numbers.next().await.unwrap().unwrap(), 2);
    assert_eq!(numbers.next().await.unwrap().unwrap_err().code(), "worn_out");
    assert!(numbers.next().await.is_none());
}

#[tokio::test]
async fn a_dropped_stream_drops_the_callees_stream() {
    let (_broker, bus) = Broker::with_client().await;
    let (events, mut seen) = mpsc::unbounded_channel();
    let watch = move |_: (), _context| {
        let witness = Witness(events);
        stream::unfold((0, witness), |(number, witness)| async move {
            if number == 1 {
                std::future::pending::<()>().await;
            }
            Some((Ok::<_, ServiceError>(number), (number + 1, witness)))
        })
    };
    bus.service("watcher", "1.0.0")
        .stream_method("watch", watch)
        .register()
        .await
        .unwrap();
    let mut changes = bus
        .call("watcher:watch")
        .without_timeout()
        .request_stream::<u8>(&());
    assert_eq!(changes.next().await.unwrap().unwrap(), 0);
    drop(changes);
    // One witness lives in the handler that is cloned for each request, one in the clone.
    assert_eq!(seen.recv().await, Some("dropped"));
}

#[tokio::test]
async fn a_streaming_method_asked_for_one_reply_says_what_is_wrong() {
    let (_broker, bus) = Broker::with_client().await;
    let some = |_: (), _context| stream::iter([Ok::<_, ServiceError>(1)]);
    bus.service("counter", "1.0.0")
        .stream_method("some", some)
        .register()
        .await
        .unwrap();
    let error = bus.request::<u8>("counter:some", &()).await.unwrap_err();
    assert_eq!(error.code(), "unexpected_stream");
}

#[tokio::test]
async fn a_plain_method_answers_a_stream_with_one_part() {
    let (_broker, bus) = Broker::with_client().await;
    calculator(&bus).await;
    let mut sums = bus.request_stream::<i64>("calculator:add", &Add { left: 1, right: 1 });
    assert_eq!(sums.next().await.unwrap().unwrap(), 2);
    assert!(sums.next().await.is_none());
}

#[tokio::test]
async fn a_registration_outlives_its_handle_and_ends_when_asked() {
    let (_broker, bus) = Broker::with_client().await;
    let registration = bus
        .service("calculator", "1.0.0")
        .instance("one")
        .method("add", add)
        .register()
        .await
        .unwrap();
    assert_eq!(
        (registration.name(), registration.instance().as_deref()),
        ("calculator", Some("one"))
    );
    let another = registration.clone();
    drop(registration);
    assert_eq!(
        bus.request::<i64>("calculator#one:add", &Add { left: 1, right: 1 })
            .await
            .unwrap(),
        2
    );
    another.unregister().await.unwrap();
    let error = bus
        .request::<i64>("calculator:add", &Add { left: 1, right: 1 })
        .await
        .unwrap_err();
    assert!(matches!(error, RequestError::NoInstance(_)), "{error}");
    assert!(matches!(
        another.unregister().await,
        Err(RegisterError::NotRegistered(_))
    ));
}

#[tokio::test]
async fn draining_lets_requests_under_way_finish() {
    let (_broker, bus) = Broker::with_client().await;
    let finish = Arc::new(tokio::sync::Notify::new());
    let (called, mut calls) = mpsc::unbounded_channel();
    let waits = finish.clone();
    let work = move |_: (), _context| async move {
        called.send(()).unwrap();
        waits.notified().await;
        Ok::<_, ServiceError>("done")
    };
    let registration = bus
        .service("worker", "1.0.0")
        .method("work", work)
        .register()
        .await
        .unwrap();
    let request = tokio::spawn({
        let bus = bus.clone();
        async move {
            bus.request::<String>("worker:work", &())
                .timeout(Duration::from_secs(600))
                .await
        }
    });
    calls.recv().await.unwrap();
    let drained = AtomicBool::new(false);
    let drain = async {
        registration.drain().await.unwrap();
        drained.store(true, Ordering::SeqCst);
    };
    let others = async {
        bus.flush().await.unwrap();
        let error = bus.request::<String>("worker:work", &()).await.unwrap_err();
        assert_eq!((error.code(), error.retry()), ("draining", Retry::Later));
        assert!(!drained.load(Ordering::SeqCst));
        finish.notify_one();
    };
    tokio::join!(drain, others);
    assert_eq!(request.await.unwrap().unwrap(), "done");
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_told_before_anything_is_sent() {
    let (_broker, bus) = Broker::with_client().await;
    let codes = [
        bus.service("two words", "1").method("add", add).register().await,
        bus.service("calculator", "1")
            .group("a/b")
            .method("add", add)
            .register()
            .await,
        bus.service("calculator", "1")
            .method_with_schema("add", "{", add)
            .register()
            .await,
        bus.service("calculator", "1")
            .method("add", add)
            .method("add", add)
            .register()
            .await,
        bus.service("calculator", "1")
            .topic(TopicContract::new("a//b"))
            .register()
            .await,
        bus.service("calculator", "1")
            .description("add", "adds")
            .method("add", add)
            .register()
            .await,
    ]
    .map(|refused| match refused.unwrap_err() {
        RegisterError::Invalid(problem) => problem.code.into_owned(),
        other => panic!("{other}"),
    });
    let expected = [
        "invalid_name",
        "invalid_name",
        "invalid_schema",
        "invalid_message",
        "invalid_topic",
        "invalid_message",
    ];
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn what_the_broker_refuses_is_an_error_with_its_code() {
    let (broker, bus) = Broker::with_client().await;
    let other = broker.client().await;
    let calculator = |bus: &Client| {
        bus.service("calculator", "1.0.0")
            .instance("one")
            .method("add", add)
    };
    calculator(&bus).register().await.unwrap();
    assert!(matches!(
        calculator(&bus).register().await,
        Err(RegisterError::AlreadyRegistered(_))
    ));
    assert!(matches!(
        calculator(&other).register().await,
        Err(RegisterError::InstanceInUse(_))
    ));

    let unusable = bus
        .service("odd", "1")
        .method_with_schema("add", r#"{"type": "nothing"}"#, add);
    let error = unusable.register().await.unwrap_err();
    assert_eq!(
        (error.code(), matches!(error, RegisterError::Invalid(_))),
        ("invalid_schema", true)
    );

    let contract = |schema| TopicContract::new("sums").schema(schema);
    bus.service("first", "1")
        .topic(contract(r#"{"type": "integer"}"#))
        .register()
        .await
        .unwrap();
    let conflict = other
        .service("second", "1")
        .topic(contract(r#"{"type": "string"}"#))
        .register()
        .await;
    assert!(
        matches!(conflict, Err(RegisterError::TopicConflict(_))),
        "{conflict:?}"
    );
}

#[tokio::test]
async fn an_output_is_held_to_its_schema() {
    let (_broker, bus) = Broker::with_client().await;
    let service = bus
        .service("calculator", "1.0.0")
        .method("add", add)
        .output_schema("add", json!({"type": "integer", "maximum": 10}))
        .description("add", "adds two numbers");
    service.register().await.unwrap();
    assert_eq!(
        bus.request::<i64>("calculator:add", &Add { left: 2, right: 3 })
            .await
            .unwrap(),
        5
    );
    let error = bus
        .request::<i64>("calculator:add", &Add { left: 20, right: 3 })
        .await
        .unwrap_err();
    assert_eq!(error.code(), "schema_violation");
}
