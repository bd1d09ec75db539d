//! Bodies that are not what they have to be.

use crate::support::http::{Connection, ask, post};
use crate::support::{eventually, start};

const PATHS: [&str; 3] = ["publish/a", "request/$bus:ping", "request?to=$bus:ping"];

#[test]
fn a_body_that_is_not_one_json_value_is_refused() {
    let broker = start(|_| {});
    for path in PATHS {
        for body in [
            &b"{"[..],
            b"{} {}",
            b"nul",
            b"{'a':1}",
            b"\"\xff\"",
            b"\xef\xbb\xbf1",
            b" ",
        ] {
            for content_type in [
                "application/json",
                "application/x-www-form-urlencoded",
                "text/x+json",
            ] {
                let header = format!("content-type: {content_type}");
                let answer = ask(&broker, &format!("POST /api/v1/{path}"), &[&header], body);
                assert!(!answer.refused(422, "invalid_payload").is_empty());
            }
        }
    }
}

#[test]
fn a_type_that_is_not_taken_is_refused() {
    let broker = start(|_| {});
    for path in PATHS {
        for (header, hint) in [
            ("content-type: json", "media type"),
            ("content-type:", "media type"),
            ("content-type: a/b/c", "media type"),
            ("content-type: application/json; charset=latin1", "UTF-8"),
            ("content-type: application/cloudevents-batch+json", "batch"),
            ("content-type: application/cloudevents+avro", "cloudevents+json"),
            ("content-encoding: gzip", "Content-Encoding"),
            ("content-encoding: identity, br", "Content-Encoding"),
        ] {
            let answer = ask(&broker, &format!("POST /api/v1/{path}"), &[header], b"1");
            let detail = answer.refused(415, "unsupported_media_type");
            assert!(detail.contains(hint), "{header}: {detail}");
        }
        let identity = ask(
            &broker,
            &format!("POST /api/v1/{path}"),
            &["content-encoding: identity"],
            b"null",
        );
        assert_eq!(identity.status, 200);
    }
}

#[test]
fn a_type_that_comes_twice_is_refused() {
    let broker = start(|_| {});
    let headers = ["content-type: application/json", "content-type: image/png"];
    let answer = ask(&broker, "POST /api/v1/publish/a", &headers, b"1");
    assert!(answer.refused(400, "invalid_message").contains("twice"));
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let broker = start(|config| config.limits.payload = 1_000);
    for path in PATHS {
        let mut connection = Connection::open(&broker);
        connection.write(format!(
            "POST /api/v1/{path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n"
        ));
        let answer = connection.receive();
        assert!(answer.refused(413, "payload_too_large").contains("1000 bytes"));
        assert_eq!(answer.header("connection"), Some("close"));
    }
    let most = format!("\"{}\"", "x".repeat(998));
    assert_eq!(post(&broker, "/api/v1/publish/a", &most).status, 200);
    let over = format!("\"{}\"", "x".repeat(999));
    post(&broker, "/api/v1/publish/a", &over).refused(413, "payload_too_large");
}

#[test]
fn a_body_in_chunks_is_read_and_has_the_same_limit() {
    let broker = start(|config| config.limits.payload = 1_000);
    let head = "POST /api/v1/publish/a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut connection = Connection::open(&broker);
    connection.write(format!("{head}2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n"));
    assert_eq!(connection.receive().status, 200);
    connection.write(head);
    for _ in 0..3 {
        connection.write(format!("190\r\n{}\r\n", "1".repeat(400)));
    }
    let answer = connection.receive();
    answer.refused(413, "payload_too_large");
    assert!(connection.is_ended());
}

#[test]
fn a_body_that_breaks_off_does_nothing() {
    let broker = start(|_| {});
    let mut listener = crate::support::Lines::join(&broker);
    listener.send(serde_json::json!({ "type": "subscribe", "id": "s", "filter": "#" }));
    listener.expect("subscribed");
    for rest in [
        "content-length: 10\r\n\r\n[1]",
        "transfer-encoding: chunked\r\n\r\n3\r\n[1]\r\n",
    ] {
        let mut connection = Connection::open(&broker);
        connection.write(format!(
            "POST /api/v1/publish/a HTTP/1.1\r\nhost: localhost\r\n{rest}"
        ));
        connection.stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = crate::support::read_to_end(&mut connection.stream);
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{answer}"
        );
    }
    listener.flush();
}

#[test]
fn broken_chunks_end_the_connection() {
    let broker = start(|_| {});
    for chunks in ["zz\r\n", "ffffffffffffffffff\r\n", "-1\r\n", "3\r\n[1]X"] {
        let mut connection = Connection::open(&broker);
        connection.write(format!(
            "POST /api/v1/publish/a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"
        ));
        let answer = connection.receive();
        assert_eq!(answer.status, 400, "{chunks:?}");
        assert!(connection.is_ended());
    }
}

#[test]
fn both_lengths_at_once_are_refused() {
    let broker = start(|_| {});
    for lengths in [
        "content-length: 1\r\ncontent-length: 2",
        "content-length: x",
        "content-length: -1",
    ] {
        let mut connection = Connection::open(&broker);
        connection.write(format!(
            "POST /api/v1/publish/a HTTP/1.1\r\nhost: localhost\r\n{lengths}\r\n\r\n1"
        ));
        assert_eq!(connection.receive().status, 400, "{lengths}");
    }
}

#[test]
fn a_structured_event_has_room_for_its_base64() {
    let broker = start(|config| config.limits.payload = 3_000);
    let event = |bytes: usize| {
        format!(
            r#"{{"specversion":"1.0","id":"1","source":"/x","type":"t","datacontenttype":"image/png","data_base64":"{}"}}"#,
            "AAAA".repeat(bytes / 3)
        )
    };
    let publish = |body: String| {
        ask(
            &broker,
            "POST /api/v1/publish/a",
            &["content-type: application/cloudevents+json"],
            body.as_bytes(),
        )
    };
    assert_eq!(publish(event(3_000)).status, 200);
    publish(event(3_003)).refused(413, "payload_too_large");
}

#[test]
fn events_that_are_none_are_refused() {
    let broker = start(|_| {});
    let structured = ["content-type: application/cloudevents+json"];
    for (body, code) in [
        ("{", "invalid_json"),
        ("[]", "invalid_json"),
        ("{}", "invalid_message"),
    ] {
        ask(&broker, "POST /api/v1/publish/a", &structured, body.as_bytes()).refused(400, code);
    }
    let binary = ["ce-specversion: 0.3", "ce-id: 1", "ce-source: x", "ce-type: t"];
    ask(&broker, "POST /api/v1/publish/a", &binary, b"1").refused(400, "invalid_message");
}

#[test]
fn bodies_that_are_read_in_part_have_a_limit_together() {
    let broker = start(|config| config.limits.memory = 4 << 20);
    let mut waiting = Connection::open(&broker);
    waiting.write("POST /api/v1/publish/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500000\r\n\r\n");
    waiting.write("1".repeat(400_000));
    let body = "1".repeat(600_000);
    eventually(|| {
        let answer = post(&broker, "/api/v1/publish/a", &body);
        if answer.status != 200 {
            answer.refused(503, "memory_full");
        }
        answer.status == 503
    });
    waiting.write("1".repeat(100_000));
    assert_eq!(waiting.receive().status, 200);
    assert_eq!(post(&broker, "/api/v1/publish/a", &body).status, 200);
}
