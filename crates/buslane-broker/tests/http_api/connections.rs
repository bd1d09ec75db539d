//! Several requests on one connection, and what else HTTP/1.1 asks for.

use std::thread;

use serde_json::json;

use crate::service::Service;
use crate::support::http::{Connection, get, request};
use crate::support::{Lines, start};

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let broker = start(|_| {});
    let mut connection = Connection::open(&broker);
    for number in 0..10 {
        connection.send("POST /api/v1/publish/a", &[], format!("{number}").as_bytes());
        assert_eq!(connection.receive().status, 200);
        connection.send("GET /api/v1/services", &[], b"");
        assert_eq!(connection.receive().status, 200);
        connection.send("POST /api/v1/request/nobody:m", &[], b"1");
        assert_eq!(connection.receive().status, 404);
    }
}

#[test]
fn requests_may_be_sent_before_earlier_ones_are_answered() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    let mut connection = Connection::open(&broker);
    let mut both = request("POST /api/v1/request/s:m", &[], b"1");
    both.extend(request("POST /api/v1/request/s:m", &[], b"2"));
    both.extend(request("GET /healthz", &["connection: close"], b""));
    connection.write(both);
    for number in 1..=2 {
        let request = service.expect();
        assert_eq!(request["payload"], number);
        service.reply(&request, json!(number * 10));
        assert_eq!(connection.receive().json(), number * 10);
    }
    assert_eq!(connection.receive().text(), "ok\n");
    assert!(connection.is_ended());
}

#[test]
fn a_body_that_waits_to_be_wanted_is_asked_for() {
    let broker = start(|_| {});
    let mut connection = Connection::open(&broker);
    let head = "POST /api/v1/publish/a HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n";
    connection.write(head);
    assert_eq!(connection.receive_head().status, 100);
    connection.write("1");
    assert_eq!(connection.receive().status, 200);
}

#[test]
fn a_body_that_is_not_wanted_is_not_asked_for() {
    let broker = start(|config| config.limits.payload = 10);
    for (path, length, status) in [
        ("publish/a", 11, 413),
        ("publish/a?x=1", 1, 400),
        ("publish/%zz", 1, 400),
        ("services", 1, 405),
    ] {
        let mut connection = Connection::open(&broker);
        connection.write(format!(
            "POST /api/v1/{path} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        ));
        assert_eq!(connection.receive().status, status, "{path}");
    }
}

#[test]
fn many_connections_ask_at_once() {
    let broker = start(|_| {});
    let mut service = Service::join(&broker, "s", json!({ "m": {} }));
    thread::scope(|scope| {
        let callers: Vec<_> = (0..20)
            .map(|number| {
                let broker = &broker;
                scope.spawn(move || {
                    let mut connection = Connection::open(broker);
                    connection.send("POST /api/v1/request/s:m", &[], number.to_string().as_bytes());
                    connection.receive().json() == number + 1
                })
            })
            .collect();
        for _ in 0..20 {
            let request = service.expect();
            let answer = request["payload"].as_u64().unwrap() + 1;
            service.reply(&request, json!(answer));
        }
        assert!(callers.into_iter().all(|caller| caller.join().unwrap()));
    });
}

#[test]
fn requests_are_counted_by_route_and_outcome_whatever_their_paths() {
    let broker = start(|_| {});
    for number in 0..5 {
        get(&broker, &format!("/api/v1/services/s{number}"));
        get(&broker, &format!("/nothing/{number}"));
    }
    get(&broker, "/api/v1/services");
    let metrics = get(&broker, "/metrics");
    let lines: Vec<_> = metrics
        .text()
        .lines()
        .filter(|line| line.starts_with("buslane_http_"))
        .collect();
    let found = |parts: &[&str]| {
        lines
            .iter()
            .any(|line| parts.iter().all(|part| line.contains(part)))
    };
    assert!(found(&["\"service\"", "4xx", " 5"]), "{lines:?}");
    assert!(found(&["\"services\"", "2xx", " 1"]), "{lines:?}");
    assert!(found(&["\"unknown\"", "4xx", " 5"]), "{lines:?}");
}

#[test]
fn http_1_0_is_answered_and_closed() {
    let broker = start(|_| {});
    let mut connection = Connection::open(&broker);
    connection.write("GET /api/v1/services HTTP/1.0\r\nhost: localhost\r\n\r\n");
    assert_eq!(connection.receive().status, 200);
    assert!(connection.is_ended());
}

#[test]
fn an_exchange_takes_the_place_of_a_client() {
    let broker = start(|config| config.limits.connections = 1);
    let mut client = Lines::join(&broker);
    client.flush();
    let answer = get(&broker, "/api/v1/services");
    answer.refused(503, "too_many_connections");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(get(&broker, "/healthz").status, 200);
    client.send(json!({ "type": "goodbye" }));
    assert_eq!(client.try_receive(), None);
    assert_eq!(get(&broker, "/api/v1/services").status, 200);
}
