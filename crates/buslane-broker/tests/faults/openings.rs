//! Strangers: connections that begin badly, or not at all.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use buslane_broker::RunningBroker;
use buslane_protocol::binary::Preamble;

use crate::attacker::{Attacker, CONNECT, Fate, PING, Way, frame};
use crate::bystander::Bystander;
use crate::figures::{Figures, expect_blame, wait_for};
use crate::support::{connect, eventually, start};

/// Says something as a stranger, says no more, and returns what the broker says.
fn say(broker: &RunningBroker, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(broker);
    let _taken = stream.write_all(bytes);
    let _ended = stream.shutdown(std::net::Shutdown::Write);
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => said,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => said,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_first_message_that_is_none_is_refused() {
    let broker = start(|_| {});
    let bystander = Bystander::join(&broker);
    let none = Preamble::answer(None);
    let ours = Preamble::OURS.encode();
    let long = [&ours[..], &(1_u32 << 20).to_le_bytes()].concat();
    let short = [&ours[..], &[3, 0, 0, 0]].concat();
    let cases: [(&str, &[u8], &[u8], &str); 9] = [
        ("zeros", &[0; 64], b"invalid_frame", "sockets_foreign_total"),
        (
            "bytes beyond ASCII",
            &[0xff; 64],
            b"invalid_frame",
            "sockets_foreign_total",
        ),
        (
            "a magic that goes wrong",
            b"\xb5BUX\x01\x01\0\0",
            &none,
            "sockets_refused_total",
        ),
        (
            "versions of tomorrow",
            b"\xb5BUS\x02\x09\0\0",
            &none,
            "sockets_refused_total",
        ),
        (
            "versions the wrong way round",
            b"\xb5BUS\x02\x01\0\0",
            &none,
            "sockets_refused_total",
        ),
        (
            "a long first frame",
            &long,
            b"frame_too_large",
            "sockets_refused_total",
        ),
        (
            "a short first frame",
            &short,
            b"invalid_frame",
            "sockets_refused_total",
        ),
        (
            "TLS",
            b"\x16\x03\x01\x00\x05",
            &[0x15, 3, 1, 0, 2, 2, 40],
            "sockets_foreign_total",
        ),
        (
            "HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"HTTP/1.1 505",
            "sockets_foreign_total",
        ),
    ];
    for (name, said, answer, counter) in cases {
        let before = Figures::of(&broker);
        let heard = say(&broker, said);
        let found = heard.windows(answer.len()).any(|window| window == answer);
        assert!(found, "{name}: {:?}", String::from_utf8_lossy(&heard));
        expect_blame(&broker, &before, &[(counter, 1.0)], name);
    }
    bystander.ends_well();
}

#[test]
fn whoever_says_nothing_or_half_a_message_is_let_go_in_time() {
    let broker = start(|config| config.limits.handshake = Duration::from_millis(200));
    let bystander = Bystander::join(&broker);
    let before = Figures::of(&broker);
    let mut strangers = [&b""[..], b"{", b"\xb5BU", b"\xb5BUS\x01\x01\0\0\x20"].map(|begun| {
        let mut stream = connect(&broker);
        stream.write_all(begun).unwrap();
        stream
    });
    for (stream, answer) in strangers
        .iter_mut()
        .zip(["", "handshake_timeout", "", "handshake_timeout"])
    {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        let said = String::from_utf8_lossy(&said);
        assert!(
            said.contains(answer) && answer.is_empty() == said.is_empty(),
            "{said:?}"
        );
    }
    expect_blame(&broker, &before, &[("sockets_late_total", 4.0)], "four strangers");
    bystander.ends_well();
}

#[test]
fn strangers_beyond_the_memory_for_them_are_turned_away_and_clients_stay() {
    let broker = start(|config| {
        config.limits.memory = 1 << 20;
        config.limits.retained = 1 << 10;
        config.limits.outbox = 128 << 10;
    });
    let bystander = Bystander::join(&broker);
    // A quarter of the memory is theirs at the most, a KiB each.
    let strangers: Vec<_> = (0..300).map(|_| connect(&broker)).collect();
    eventually(|| strangers.iter().filter(|stranger| is_ended(stranger)).count() == 44);
    bystander.ends_well();
    drop(strangers);
    wait_for(
        &broker,
        "memory_used_bytes{category=\"transport\"}",
        f64::from(32 << 10),
    );
    assert_eq!(Figures::of(&broker).value("sockets_turned_away_total"), 44.0);
}

/// Tells whether the broker has ended a connection, without waiting for it.
fn is_ended(stream: &std::net::TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let ended = matches!(stream.peek(&mut [0]), Ok(0));
    stream.set_nonblocking(false).unwrap();
    ended
}

#[test]
fn whoever_sends_byte_by_byte_is_understood() {
    let broker = start(|_| {});
    let bystander = Bystander::join(&broker);
    for way in Way::ALL {
        let before = Figures::of(&broker);
        let mut attacker = Attacker::join(&broker, way);
        let ping = match way.is_text() {
            true => br#"{"type":"ping","id":"fate"}"#.to_vec(),
            false => frame(PING, "fate", "", b"", b""),
        };
        for byte in attacker.wrapped(&ping) {
            attacker.write(&[byte]);
        }
        assert_eq!(attacker.fate_so_far(), Fate::spared(&[]), "{way:?}");
        expect_blame(&broker, &before, &[], &format!("{way:?}"));
    }
    bystander.ends_well();
}

#[test]
fn a_connect_with_a_bad_name_is_refused_and_the_connection_goes_on() {
    let broker = start(|_| {});
    for way in Way::ALL {
        let mut attacker = Attacker::join(&broker, way);
        attacker.say(CONNECT, r#"{"type":"connect","id":"1","name":"../../etc"}"#);
        assert_eq!(attacker.fate(), Fate::spared(&["invalid_name"]), "{way:?}");
    }
}
