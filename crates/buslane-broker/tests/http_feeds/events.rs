//! What a feed tells, and in which form.

use serde_json::{Value, json};

use super::reader::{Reader, publish, read_rest};
use super::support::http::{Connection, post};
use super::support::{Lines, start};

#[test]
fn deliveries_come_as_events() {
    let broker = start(|_| {});
    let mut reader = Reader::open(&broker, "filter=a/%23&filter=other");
    assert_eq!(reader.answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(reader.answer.header("cache-control"), Some("no-store"));
    let feed = reader.answer.header("buslane-feed").unwrap().to_owned();
    assert_eq!(
        post(&broker, "/api/v1/publish/a/b", "{\"x\":1.10}").json()["receivers"],
        1
    );
    let delivery = reader.expect("delivery");
    assert_eq!(
        (&delivery["type"], &delivery["topic"]),
        (&json!("delivery"), &json!("a/b"))
    );
    assert_eq!(delivery["payload"], json!({ "x": 1.1 }));
    assert_eq!(reader.last_id, format!("{feed}-1"));
    post(&broker, "/api/v1/publish/other", "2");
    assert_eq!(reader.expect("delivery")["payload"], 2);
    assert_eq!(reader.last_id, format!("{feed}-2"));
}

#[test]
fn deliveries_come_as_json_lines_if_that_is_accepted() {
    let broker = start(|_| {});
    let mut connection = Connection::open(&broker);
    let accept = ["accept: application/x-ndjson"];
    connection.send("GET /api/v1/subscribe?filter=a/b", &accept, b"");
    let answer = connection.receive_head();
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    publish(&mut Lines::join(&broker), 0..2, 0);
    for number in 0..2 {
        let line: Value = serde_json::from_slice(&connection.receive_chunk()).unwrap();
        assert_eq!(
            (&line["type"], &line["payload"]["number"]),
            (&json!("delivery"), &json!(number))
        );
        let feed = answer.header("buslane-feed").unwrap();
        assert_eq!(line["event_id"], format!("{feed}-{}", number + 1));
    }
}

#[test]
fn an_old_client_of_http_reads_until_the_connection_ends() {
    let broker = start(|_| {});
    let mut connection = Connection::open(&broker);
    connection.write("GET /api/v1/subscribe?filter=a/b HTTP/1.0\r\nhost: localhost\r\n\r\n");
    let answer = connection.receive_head();
    assert_eq!((answer.status, answer.header("transfer-encoding")), (200, None));
    publish(&mut Lines::join(&broker), 0..1, 0);
    broker.stop().unwrap();
    let rest = read_rest(&mut connection);
    assert!(
        rest.contains("event: delivery\n") && rest.contains("event: draining\n"),
        "{rest}"
    );
}

#[test]
fn retained_values_come_first() {
    let broker = start(|_| {});
    post(&broker, "/api/v1/publish/a/b?retain=set", "7");
    let mut reader = Reader::open(&broker, "filter=a/%2B");
    let delivery = reader.expect("delivery");
    assert_eq!(
        (&delivery["payload"], &delivery["retained"]),
        (&json!(7), &json!(true))
    );
}

#[test]
fn the_members_of_a_shared_subscription_take_turns() {
    let broker = start(|_| {});
    let mut readers: Vec<_> = (0..2)
        .map(|_| Reader::open(&broker, "filter=a/b&shared=workers"))
        .collect();
    publish(&mut Lines::join(&broker), 0..2, 0);
    let mut numbers: Vec<_> = readers
        .iter_mut()
        .map(|reader| {
            let delivery = reader.expect("delivery");
            assert_eq!(delivery["shared"], "workers/a/b");
            delivery["payload"]["number"].as_u64().unwrap()
        })
        .collect();
    numbers.sort();
    assert_eq!(numbers, [0, 1]);
}

#[test]
fn a_reader_is_a_client_with_a_name() {
    let broker = start(|_| {});
    let mut connection = Connection::open(&broker);
    connection.send(
        "GET /api/v1/subscribe?filter=a/b",
        &["buslane-name: browser"],
        b"",
    );
    assert_eq!(connection.receive_head().status, 200);
    let mut client = Lines::join(&broker);
    client.send(json!({ "type": "request", "id": "1", "to": "$bus:clients" }));
    let clients = client.expect("reply")["payload"]["clients"].clone();
    let names: Vec<_> = clients
        .as_array()
        .unwrap()
        .iter()
        .map(|client| &client["from"])
        .collect();
    assert!(names.contains(&&json!("browser")), "{names:?}");
}

#[test]
fn a_broker_that_drains_tells_its_readers() {
    let broker = start(|_| {});
    let mut reader = Reader::open(&broker, "filter=a/b");
    broker.stop().unwrap();
    assert_eq!(reader.expect("draining")["type"], "draining");
    assert_eq!(reader.try_next(), None);
}
