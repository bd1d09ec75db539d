//! Where a broker listens, whom it turns away before anything is said, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use buslane_broker::{Broker, Config, StartError};
use buslane_protocol::{BrokerMessage, ClientMessage, Headers, Payload, Publish, Retain, Topic};
use serde_json::json;
use support::{Frames, Lines, PATIENCE, connect, encoded, read_to_end, start};

fn listening_on(address: &str) -> Config {
    Config {
        listen: vec![address.parse().unwrap()],
        ..Config::ephemeral()
    }
}

#[test]
fn a_port_in_use_is_said_to_be() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = Broker::bind(listening_on(&address)).err().unwrap();
    assert_eq!(error.to_string(), format!("{address} is in use"));
    assert!(error.hint().unwrap().contains("--listen"));
}

#[test]
fn beyond_this_machine_the_broker_listens_only_if_told_so() {
    let error = Broker::bind(listening_on("0.0.0.0:0")).err().unwrap();
    assert!(matches!(error, StartError::NotLoopback { .. }));
    assert!(error.hint().unwrap().contains("--insecure"));
    let told = Config {
        insecure: true,
        ..listening_on("0.0.0.0:0")
    };
    assert!(Broker::bind(told).is_ok());
    for loopback in ["localhost:0", "127.0.0.2:0"] {
        assert!(Broker::bind(listening_on(loopback)).is_ok(), "{loopback}");
    }
}

#[test]
fn several_addresses_lead_to_one_bus() {
    let two = Config {
        listen: vec!["127.0.0.1:0".parse().unwrap(); 2],
        ..Config::ephemeral()
    };
    let broker = Broker::spawn(two).unwrap();
    let [first, second] = broker.local_addresses() else {
        panic!("two were asked for")
    };
    assert_ne!(first, second);
    let mut clients = [first, second].map(|address| {
        let stream = std::net::TcpStream::connect(address.to_string()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Lines::over(stream)
    });
    clients[0].send(json!({ "type": "subscribe", "id": "1", "filter": "a" }));
    clients[0].expect("subscribed");
    clients[1].send(json!({ "type": "publish", "topic": "a", "payload": 1 }));
    assert_eq!(clients[0].expect("delivery")["payload"], 1);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_an_address_like_any_other() {
    use std::os::unix::net::UnixStream;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bus.sock");
    let broker = Broker::spawn(listening_on(&format!("unix:{}", path.display()))).unwrap();
    assert_eq!(broker.url(), format!("buslane+unix://{}", path.display()));
    let stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Lines::over(stream);
    client.flush();
    let mut http = UnixStream::connect(&path).unwrap();
    http.write_all(b"GET /healthz HTTP/1.1\r\nhost: anything\r\nconnection: close\r\n\r\n")
        .unwrap();
    assert!(read_to_end(&mut http).starts_with(b"HTTP/1.1 200 OK"));
    broker.stop().unwrap();
    assert!(!path.exists());
}

#[test]
fn strangers_who_do_not_finish_their_first_frame_are_let_go() {
    let broker = start(|config| config.limits.handshake = Duration::from_millis(50));
    let mut silent = connect(&broker);
    assert_eq!(read_to_end(&mut silent), b"");
    let mut slow = Lines::join(&broker);
    slow.send_raw(b"{\"type\":\"pi");
    assert_eq!(slow.expect_error(), "handshake_timeout");
    assert_eq!(slow.try_receive(), None);
    let mut framed = Frames::join(&broker);
    framed.stream.write_all(&[1, 2]).unwrap();
    let frame = framed.receive_frame().unwrap();
    assert!(String::from_utf8_lossy(&frame).contains("handshake_timeout"));
    assert_eq!(framed.receive_frame(), None);
    let mut http = connect(&broker);
    http.write_all(b"GET / HTTP/1.1\r\nhost: local").unwrap();
    let answer = read_to_end(&mut http);
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[test]
fn whoever_finished_the_first_frame_may_be_silent() {
    let broker = start(|config| config.limits.handshake = Duration::from_millis(50));
    let mut client = Lines::join(&broker);
    client.send(json!({ "type": "subscribe", "id": "1", "filter": "a" }));
    client.expect("subscribed");
    // Another connection is let go in the meantime, so that the time is over.
    assert_eq!(read_to_end(&mut connect(&broker)), b"");
    client.flush();
}

#[test]
fn connections_beyond_the_limit_are_told() {
    let broker = start(|config| config.limits.connections = 1);
    let mut first = Lines::join(&broker);
    first.flush();
    let mut second = Lines::join(&broker);
    second.send(json!({ "type": "ping" }));
    assert_eq!(second.expect_error(), "too_many_connections");
    assert_eq!(second.try_receive(), None);
    first.flush();
}

#[test]
fn reserved_protocols_are_refused_in_their_own_way() {
    let broker = start(|_| {});
    for (first, answer) in [
        (&[0x16, 3, 1, 0, 5][..], &[0x15, 3, 1, 0, 2, 2, 40][..]),
        (&[0x10, 12], &[0x20, 2, 0, 3]),
        (b"*1\r\n$4\r\nPING\r\n", b"-ERR RESP is not spoken here\r\n"),
        (&[0x7f, 0xf1, 0, 0], &[0x7f, 0x10, 0, 0]),
    ] {
        let mut stream = connect(&broker);
        stream.write_all(first).unwrap();
        assert_eq!(read_to_end(&mut stream), answer);
    }
}

#[test]
fn garbage_gets_an_error_and_an_end() {
    let broker = start(|_| {});
    for garbage in [
        &b"\0\0\0\0"[..],
        b"hello\n",
        b"[1]\n",
        b"\xff\xfe\x00",
        b" {\"type\":\"ping\"}\n",
        b"\r\n",
    ] {
        let mut client = Lines::join(&broker);
        client.send_raw(garbage);
        assert_eq!(client.expect_error(), "invalid_frame");
        assert_eq!(client.try_receive(), None);
    }
    let mut half = connect(&broker);
    half.write_all(&[0xb5, b'B']).unwrap();
    half.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut half), b"");
}

#[test]
fn an_error_reaches_a_client_that_is_still_sending() {
    let broker = start(|config| config.limits.first_frame = 1_000);
    let mut client = Lines::join(&broker);
    client.send_raw(&vec![b'{'; 300_000]);
    assert_eq!(client.expect_error(), "frame_too_large");
    assert_eq!(client.try_receive(), None);
}

#[test]
fn input_that_finds_no_memory_is_refused() {
    let broker = start(|config| {
        config.limits.memory = 4 << 20;
        config.limits.retained = 1 << 20;
    });
    let mut clients = [Frames::join(&broker), Frames::join(&broker)];
    let mut bytes = encoded(&ClientMessage::Ping(None));
    let long = ClientMessage::Publish(Publish {
        id: None,
        topic: Topic::parse("a").unwrap(),
        headers: Headers::default(),
        payload: Payload::bytes(vec![7; 900_000]),
        ack: false,
        retain: Retain::Keep,
        retain_ms: None,
        exclude_self: false,
    });
    bytes.extend(encoded(&long));
    bytes.extend(encoded(&ClientMessage::Ping(None)));
    let (begun, rest) = bytes.split_at(bytes.len() - 100);
    let [first, second] = &mut clients;
    first.stream.write_all(begun).unwrap();
    first.receive(|message| assert_eq!(message, BrokerMessage::Pong(None)));
    // What the broker holds of the first frame leaves no room for the second.
    while waiting_input(&broker) < 800_000 {}
    second.stream.write_all(begun).unwrap();
    second.receive(|message| assert_eq!(message, BrokerMessage::Pong(None)));
    second.receive(|message| match message {
        BrokerMessage::Error(refusal) => assert_eq!(refusal.error.code, "memory_full"),
        other => panic!("{other:?}"),
    });
    assert_eq!(second.receive_frame(), None);
    first.stream.write_all(rest).unwrap();
    first.receive(|message| assert_eq!(message, BrokerMessage::Pong(None)));
}

/// Reads from the metrics how many bytes of unfinished frames the broker holds.
fn waiting_input(broker: &buslane_broker::RunningBroker) -> usize {
    let mut stream = connect(broker);
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let metrics = String::from_utf8(read_to_end(&mut stream)).unwrap();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("buslane_input_bytes "));
    line.unwrap().parse().unwrap()
}

#[test]
fn a_drain_lets_requests_end_and_takes_nothing_new() {
    let broker = start(|_| {});
    let (mut callee, mut caller) = (Lines::join(&broker), Lines::join(&broker));
    callee.send(json!({ "type": "register", "name": "slow", "version": "1.0.0", "methods": ["work"] }));
    callee.expect("registered");
    caller.send(json!({ "type": "request", "id": "1", "to": "slow:work", "payload": 1 }));
    let delivery = callee.expect("request")["delivery"].clone();
    let mut probe = connect(&broker);
    let address = probe.peer_addr().unwrap();
    let ask = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    probe.write_all(ask).unwrap();
    let mut answer = [0; 12];
    probe.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");

    let stopping = std::thread::spawn(move || broker.stop());
    assert!(callee.expect("draining")["closes_in_ms"].as_u64().unwrap() > 0);
    caller.expect("draining");
    assert!(std::net::TcpStream::connect(address).is_err());
    caller.send(json!({ "type": "request", "id": "2", "to": "slow:work", "payload": 1 }));
    assert_eq!(caller.expect_error(), "draining");
    probe.write_all(ask).unwrap();

    callee.send(json!({ "type": "reply", "delivery": delivery, "payload": 2 }));
    assert_eq!(caller.expect("reply")["payload"], 2);
    assert_eq!((caller.try_receive(), callee.try_receive()), (None, None));
    let rest = String::from_utf8(read_to_end(&mut probe)).unwrap();
    assert!(rest.contains("HTTP/1.1 503 "), "{rest}");
    stopping.join().unwrap().unwrap();
}

#[test]
fn a_drain_ends_in_time_whoever_is_late() {
    let broker = start(|config| config.drain = Duration::from_millis(50));
    let (mut callee, mut caller) = (Lines::join(&broker), Lines::join(&broker));
    callee.send(json!({ "type": "register", "name": "slow", "version": "1.0.0", "methods": ["work"] }));
    callee.expect("registered");
    caller.send(json!({ "type": "request", "id": "1", "to": "slow:work", "payload": 1 }));
    callee.expect("request");
    broker.stop().unwrap();
    caller.expect("draining");
    while caller.try_receive().is_some() {}
}

#[test]
fn a_broker_can_be_started_again_on_its_port() {
    let broker = start(|_| {});
    let address = broker.local_addresses()[0].clone();
    let mut client = Lines::join(&broker);
    client.flush();
    broker.stop().unwrap();
    let again = Broker::spawn(Config {
        listen: vec![address],
        ..Config::ephemeral()
    })
    .unwrap();
    Lines::join(&again).flush();
}
