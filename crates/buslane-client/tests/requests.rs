//! Calling methods: what a caller gets, from one callee and from several.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;

use std::collections::BTreeMap;
use std::time::Duration;

use broker::Broker;
use buslane_client::{Body, Client, Context, RequestError, Retry, ServiceError, Summary};
use serde_json::{Value, json};

async fn who(_: Value, context: Context) -> Result<String, ServiceError> {
    Ok(context.address().to_owned())
}

/// Registers an instance of `attic`, in the group `storage`, that says who it is.
async fn attic(bus: &Client, instance: &'static str) {
    let name = move |_: Value, _context| async move { Ok::<_, ServiceError>(instance) };
    let service = bus.service("attic", "1.0.0").instance(instance).group("storage");
    service.method("name", name).register().await.unwrap();
}

#[tokio::test]
async fn a_method_that_nobody_offers_has_no_instance() {
    let (_broker, bus) = Broker::with_client().await;
    let error = bus.request::<()>("attic:get", &()).await.unwrap_err();
    assert!(matches!(error, RequestError::NoInstance(_)), "{error}");
    assert_eq!((error.code(), error.retry()), ("no_instance", Retry::Later));
    assert_eq!(error.problem().address.as_deref(), Some("attic:get"));
}

#[tokio::test]
async fn a_request_that_nobody_answers_ends_at_its_deadline() {
    let (_broker, bus) = Broker::with_client().await;
    let never = |_: (), _context| std::future::pending::<Result<(), ServiceError>>();
    bus.service("silent", "1.0.0")
        .method("get", never)
        .register()
        .await
        .unwrap();
    let error = bus
        .request::<()>("silent:get", &())
        .timeout(Duration::from_millis(20))
        .await
        .unwrap_err();
    assert!(matches!(error, RequestError::DeadlineExceeded(_)), "{error}");
    assert_eq!(error.retry(), Retry::IfHarmlessTwice);
}

#[tokio::test]
async fn the_builders_timeout_holds_where_a_request_names_none() {
    let broker = Broker::start().await;
    let bus = broker
        .builder()
        .request_timeout(Duration::from_millis(20))
        .connect()
        .await
        .unwrap();
    let never = |_: (), _context| std::future::pending::<Result<(), ServiceError>>();
    bus.service("silent", "1.0.0")
        .method("get", never)
        .register()
        .await
        .unwrap();
    assert_eq!(
        bus.request::<()>("silent:get", &()).await.unwrap_err().code(),
        "deadline_exceeded"
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_before_it_is_sent() {
    let (_broker, bus) = Broker::with_client().await;
    let codes = [
        bus.request::<()>("no address", &()).await,
        bus.request::<()>("@group:get", &()).await,
        bus.request::<()>("attic:get", &BTreeMap::from([((1, 2), 3)]))
            .await,
        bus.request::<()>("attic:get", &()).header("Upper", "case").await,
        bus.request::<()>("attic:get", &"x".repeat(2 << 20)).await,
        bus.call("attic:get")
            .send_body(Body::json_text("{"))
            .await
            .map(|_| ()),
        bus.call(Vec::<String>::new()).send(&()).await.map(|_| ()),
    ]
    .map(|refused| match refused.unwrap_err() {
        RequestError::Invalid(problem) => problem.code.into_owned(),
        other => panic!("{other:?}"),
    });
    let expected = [
        "invalid_address",
        "invalid_address",
        "invalid_payload",
        "invalid_message",
        "payload_too_large",
        "invalid_payload",
        "invalid_address",
    ];
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn every_instance_of_a_group_answers_with_its_name() {
    let (broker, bus) = Broker::with_client().await;
    let other = broker.client().await;
    attic(&bus, "one").await;
    attic(&other, "two").await;
    for target in ["@storage:name", "*:name"] {
        let mut names = bus.gather::<String>(target, &());
        let mut seen = BTreeMap::new();
        while let Some(gathered) = names.next().await {
            seen.insert(gathered.from, gathered.result.unwrap());
        }
        let expected =
            [("attic#one", "one"), ("attic#two", "two")].map(|(from, name)| (from.into(), name.into()));
        assert_eq!(seen, BTreeMap::from(expected));
        assert_eq!(
            names.summary(),
            Some(Summary {
                expected: 2,
                replied: 2,
                failed: 0
            })
        );
    }
}

#[tokio::test]
async fn two_instances_of_one_client_each_answer_a_gathered_request() {
    let (_broker, bus) = Broker::with_client().await;
    attic(&bus, "one").await;
    attic(&bus, "two").await;
    let mut names: Vec<String> = bus
        .gather("@storage:name", &())
        .collect()
        .await
        .unwrap()
        .into_iter()
        .map(|gathered| gathered.result.unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["one", "two"]);
}

#[tokio::test]
async fn several_addresses_each_give_an_answer_or_an_error() {
    let (_broker, bus) = Broker::with_client().await;
    attic(&bus, "one").await;
    bus.service("shed", "1.0.0")
        .method("who", who)
        .register()
        .await
        .unwrap();
    let mut answers = bus.gather::<String>(["attic:name", "shed:who", "cellar:name"], &json!({}));
    let mut seen = BTreeMap::new();
    while let Some(gathered) = answers.next().await {
        let result = gathered.result.map_err(|error| error.code().to_owned());
        let from = gathered.from.split('#').next().unwrap().to_owned();
        seen.insert(from, result);
    }
    assert_eq!(seen["attic"], Ok("one".to_owned()));
    assert_eq!(seen["shed"], Ok("shed:who".to_owned()));
    assert_eq!(seen["cellar:name"], Err("no_instance".to_owned()));
    assert_eq!(
        answers.summary(),
        Some(Summary {
            expected: 3,
            replied: 2,
            failed: 1
        })
    );
}

#[tokio::test]
async fn a_group_without_members_fails_as_a_whole() {
    let (_broker, bus) = Broker::with_client().await;
    let error = bus.gather::<()>("@nobody:get", &()).collect().await.unwrap_err();
    assert!(matches!(error, RequestError::NoInstance(_)), "{error}");
    let mut answers = bus.gather::<()>("@nobody:get", &());
    assert!(answers.next().await.unwrap().from.is_empty());
    assert!(answers.next().await.is_none());
    assert_eq!(answers.summary(), None);
}

#[tokio::test]
async fn numbers_and_spacing_of_json_text_arrive_as_they_were_sent() {
    let (_broker, bus) = Broker::with_client().await;
    let echo = |context: Context| async move {
        Ok::<_, ServiceError>(Body::json_text(context.payload().to_string()))
    };
    bus.service("mirror", "1.0.0")
        .body_method("echo", echo)
        .register()
        .await
        .unwrap();
    let text = r#"{"exact": 1.50, "large": 123456789012345678901234567890}"#;
    let reply = bus
        .call("mirror:echo")
        .send_body(Body::json_text(text))
        .await
        .unwrap();
    assert_eq!(reply.payload().to_string(), text);
}

#[tokio::test]
async fn many_requests_at_once_each_get_their_own_answer() {
    let (_broker, bus) = Broker::with_client().await;
    let echo = |number: u32, _context| async move { Ok::<_, ServiceError>(number) };
    bus.service("mirror", "1.0.0")
        .method("echo", echo)
        .register()
        .await
        .unwrap();
    let requests = (0..1_000_u32).map(|number| bus.request::<u32>("mirror:echo", &number));
    let answers = futures_util::future::join_all(requests).await;
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap() as usize, number);
    }
}

#[tokio::test]
async fn an_instance_that_does_not_answer_fails_at_the_deadline_and_the_others_count() {
    let (broker, bus) = Broker::with_client().await;
    attic(&bus, "one").await;
    let other = broker.client().await;
    let never = |_: Value, _context| std::future::pending::<Result<(), ServiceError>>();
    let silent = other
        .service("attic", "1.0.0")
        .instance("silent")
        .group("storage");
    silent.method("name", never).register().await.unwrap();
    let mut names = bus
        .gather::<String>("@storage:name", &())
        .timeout(Duration::from_millis(50));
    let answered = names.next().await.unwrap();
    assert_eq!(
        (answered.from.as_str(), answered.result.unwrap().as_str()),
        ("attic#one", "one")
    );
    let missed = names.next().await.unwrap();
    assert_eq!(
        (missed.from.as_str(), missed.result.unwrap_err().code()),
        ("attic#silent", "deadline_exceeded")
    );
    assert!(names.next().await.is_none());
    assert_eq!(
        names.summary(),
        Some(Summary {
            expected: 2,
            replied: 1,
            failed: 1
        })
    );
}
