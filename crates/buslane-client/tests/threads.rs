//! What bindings of other languages and programs without a runtime stand on: a thread of the client's own, calls that
//! wait or call back, requests that are answered later, messages in batches.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broker;
mod scripted;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use broker::Broker;
use buslane_client::{
    AnswerError, Body, Client, ConnectError, Incoming, PublishError, RequestError, ServiceError,
    SubscriptionEvent, blocking,
};
use scripted::Scripted;
use tokio::runtime::Builder;

/// Connects a client that lives on a thread of its own.
fn client(broker: &Broker) -> Client {
    broker.builder().connect_blocking().unwrap()
}

/// Registers a service whose requests are handed to the test.
fn deferred(bus: &Client) -> mpsc::Receiver<Incoming> {
    let (called, calls) = mpsc::channel();
    let service = bus
        .service("worker", "1.0.0")
        .deferred_method("work", move |request| called.send(request).unwrap());
    blocking::wait(service.register()).unwrap();
    calls
}

#[test]
fn a_program_without_a_runtime_calls_publishes_and_listens() {
    let broker = Broker::start_detached();
    let (one, other) = (client(&broker), client(&broker));
    let service = one
        .service("greeter", "1.0.0")
        .method("hello", |name: String, _context| async move {
            Ok::<_, ServiceError>(format!("hello {name}"))
        });
    blocking::wait(service.register()).unwrap();
    let reply: String = blocking::wait(other.request("greeter:hello", "Ada")).unwrap();
    assert_eq!(reply, "hello Ada");

    let mut readings = blocking::wait(one.subscribe("host/+/cpu")).unwrap();
    blocking::wait(other.publish("host/a/cpu", &0.5)).unwrap();
    let reading = blocking::wait(readings.next()).unwrap();
    assert_eq!(reading.payload().to_string(), "0.5");
    blocking::wait(other.close());
    assert!(matches!(
        blocking::wait(other.publish("host/a/cpu", &0.5)),
        Err(PublishError::Closed(_))
    ));
}

#[test]
fn a_thread_writes_what_it_has_piled_up_while_the_connections_thread_is_held_up() {
    let broker = Broker::start_detached();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let bus = runtime.block_on(broker.client());
    // Nobody polls the runtime meanwhile. More waits nowhere than 128 KiB.
    let text = format!("\"{}\"", "x".repeat(1022));
    let taken = (0..176).filter(|_| bus.publish_at_once("t", text.as_bytes()));
    assert_eq!(taken.count(), 176);
    runtime.block_on(bus.flush()).unwrap();
}

#[test]
fn what_is_unusual_is_not_published_at_once() {
    let broker = Broker::start_detached();
    let bus = client(&broker);
    assert!(bus.publish_at_once("t", b"1"));
    for (topic, text) in [("t/", "1"), ("t", "{"), ("t", "1 2")] {
        assert!(!bus.publish_at_once(topic, text.as_bytes()), "{topic:?} {text:?}");
    }
    blocking::wait(bus.close());
    assert!(!bus.publish_at_once("t", b"1"));
}

#[test]
fn a_broker_that_is_not_there_is_told_without_a_runtime_too() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("buslane://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let connecting = Client::builder()
        .url(url)
        .connect_timeout(Duration::from_millis(1));
    assert!(matches!(
        connecting.connect_blocking(),
        Err(ConnectError::Unreachable { .. })
    ));
}

#[test]
fn a_request_is_answered_later_from_another_thread() {
    let broker = Broker::start_detached();
    let (callee, caller) = (client(&broker), client(&broker));
    let requests = deferred(&callee);
    let answering = thread::spawn(move || {
        let held: Vec<Incoming> = requests.iter().take(2).collect();
        // The order of answers is the callee's.
        for request in held.into_iter().rev() {
            let text = request.context().payload().to_string();
            request.reply(&Body::json_text(text)).unwrap();
        }
    });
    let (told, tellings) = mpsc::channel();
    for number in ["1", "2"] {
        let told = told.clone();
        let then = move |outcome: Result<buslane_client::Reply, RequestError>| {
            told.send(outcome.unwrap().payload().to_string()).unwrap();
        };
        caller
            .call("worker:work")
            .body_then(Body::json_text(number), then)
            .unwrap();
    }
    assert_eq!([tellings.recv().unwrap(), tellings.recv().unwrap()], ["2", "1"]);
    answering.join().unwrap();
}

#[test]
fn a_request_that_is_dropped_is_answered_with_an_error() {
    let broker = Broker::start_detached();
    let bus = client(&broker);
    let requests = deferred(&bus);
    let dropping = thread::spawn(move || drop(requests.recv().unwrap()));
    let error = blocking::wait(bus.request::<String>("worker:work", &())).unwrap_err();
    assert!(matches!(error, RequestError::Service(_)), "{error}");
    assert!(error.to_string().contains("without an answer"), "{error}");
    dropping.join().unwrap();
}

#[test]
fn a_deferred_handler_that_panics_fails_its_request_only() {
    let broker = Broker::start_detached();
    let bus = client(&broker);
    let service = bus.service("worker", "1.0.0").deferred_method("work", |request| {
        assert!(request.context().wants_stream(), "on purpose")
    });
    blocking::wait(service.register()).unwrap();
    for _ in 0..2 {
        let error = blocking::wait(bus.request::<String>("worker:work", &())).unwrap_err();
        assert!(matches!(error, RequestError::Service(_)), "{error}");
    }
}

#[test]
fn a_deferred_answer_may_be_an_error_a_stream_or_too_late() {
    let broker = Broker::start_detached();
    let (callee, caller) = (client(&broker), client(&broker));
    let requests = deferred(&callee);
    let answering = thread::spawn(move || {
        let refused = requests.recv().unwrap();
        refused
            .fail(ServiceError::new("out_of_stock", "none is left"))
            .unwrap();
        let streamed = requests.recv().unwrap();
        for part in ["1", "2"] {
            send(&streamed, part);
        }
        streamed.end().unwrap();
        let unsendable = requests.recv().unwrap();
        let error = unsendable.reply(&Body::json_text("{")).unwrap_err();
        assert!(matches!(error, AnswerError::Unsendable(_)), "{error}");
        let withdrawn = requests.recv().unwrap();
        blocking::wait(withdrawn.context().cancelled());
        assert_eq!(withdrawn.reply(&Body::none()), Err(AnswerError::NotAwaited));
    });
    let error = blocking::wait(caller.request::<String>("worker:work", &())).unwrap_err();
    assert_eq!(error.code(), "out_of_stock");
    let mut parts = caller.call("worker:work").credit(1).request_stream::<u8>(&());
    assert_eq!(blocking::wait(parts.next()).unwrap().unwrap(), 1);
    assert_eq!(blocking::wait(parts.next()).unwrap().unwrap(), 2);
    assert!(blocking::wait(parts.next()).is_none());
    let error = blocking::wait(caller.request::<String>("worker:work", &())).unwrap_err();
    assert_eq!(error.code(), "invalid_payload");
    let (told, tellings) = mpsc::channel();
    let pending = caller
        .call("worker:work")
        .body_then(Body::none(), move |_| told.send(()).unwrap());
    assert!(pending.unwrap().cancel());
    answering.join().unwrap();
    assert!(
        tellings.recv().is_err(),
        "the callback is dropped without being called"
    );
}

/// Sends one part of a stream, when its caller takes it.
fn send(streamed: &Incoming, part: &str) {
    loop {
        let credit = streamed.credit();
        match streamed.chunk(&Body::json_text(part)) {
            Err(AnswerError::NoCredit) => blocking::wait(credit),
            sent => return sent.unwrap(),
        }
    }
}

#[test]
fn a_callback_is_called_once_even_if_the_client_ends() {
    let broker = Broker::start_detached();
    let bus = client(&broker);
    let requests = deferred(&bus);
    let (told, tellings) = mpsc::channel();
    let then =
        move |outcome: Result<buslane_client::Reply, RequestError>| told.send(outcome.is_err()).unwrap();
    let pending = bus.call("worker:work").body_then(Body::none(), then).unwrap();
    let _held = requests.recv().unwrap();
    blocking::wait(bus.close());
    assert_eq!(tellings.iter().collect::<Vec<_>>(), [true]);
    assert!(!pending.cancel());
    let late = bus
        .call("worker:work")
        .body_then(Body::none(), |_| panic!("it was refused"));
    assert!(matches!(late, Err(RequestError::Closed(_))));
}

#[test]
fn a_callback_may_use_the_client_and_drop_its_last_handle() {
    let broker = Broker::start_detached();
    let (callee, caller) = (client(&broker), client(&broker));
    let requests = deferred(&callee);
    let (told, tellings) = mpsc::channel();
    let handle = caller.clone();
    let again = move |_| {
        let then = move |_| told.send(()).unwrap();
        handle.call("worker:work").body_then(Body::none(), then).unwrap();
    };
    caller.call("worker:work").body_then(Body::none(), again).unwrap();
    drop(caller);
    requests.recv().unwrap().reply(&Body::none()).unwrap();
    // The client's last handle went with the first callback, and so the second request ends, too.
    tellings.recv().unwrap();
}

#[test]
fn messages_are_taken_many_at_a_time() {
    let broker = Broker::start_detached();
    let bus = client(&broker);
    let mut numbers = blocking::wait(bus.subscribe("numbers").credit(8)).unwrap();
    for number in 0..20 {
        blocking::wait(bus.publish("numbers", &number)).unwrap();
    }
    let mut events = Vec::new();
    while events.len() < 20 {
        let before = events.len();
        let count = blocking::wait(numbers.next_batch(&mut events, 5));
        assert!((1..=5).contains(&count) && events.len() == before + count);
    }
    let number = |event: &SubscriptionEvent| match event {
        SubscriptionEvent::Message(message) => message.json::<u32>().unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        events.iter().map(number).collect::<Vec<_>>(),
        (0..20).collect::<Vec<_>>()
    );
    blocking::wait(bus.close());
    assert_eq!(blocking::wait(numbers.next_batch(&mut events, 5)), 0);
}

#[tokio::test]
async fn what_must_not_wait_is_refused_while_much_is_on_its_way() {
    let scripted = Scripted::new().await;
    let (bus, peer) = scripted.connect().await;
    // Nobody reads at the other end, so that no buffer on the way ever empties.
    let payload = "x".repeat(1 << 16);
    let refused = loop {
        match bus.publish("t", &payload).try_send() {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, PublishError::QueueFull(_)), "{refused}");
    let called = bus
        .call("worker:work")
        .body_then(Body::none(), |_| panic!("it was refused"));
    assert_eq!(called.unwrap_err().code(), "queue_full");
    let room = blocking::wait_for(bus.room(), Duration::ZERO);
    assert!(room.is_none(), "there is none");
    drop(peer);
}
